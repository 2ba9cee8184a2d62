//! Streets for people on foot, in wheelchairs, on bicycles and in cars.
//!
//! [`build`] makes [`Streets`] (flat arrays, to be stored) from OpenStreetMap; [`Network`] adds what
//! searches need and is shared by all of them. A [`Workspace`] is what one search writes to.

mod access;
mod bound;
mod build;
mod class;
mod component;
mod condition;
mod cost;
mod edge_based;
mod graph;
mod hilbert;
mod index;
mod maxspeed;
mod network;
mod node_based;
mod open_graph;
pub mod osm;
pub mod parking;
mod plane;
mod profile;
mod restriction;
mod search;
mod snap;
mod states;
pub mod steps;
mod tree;

#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::strings::Strings;

pub use build::build;
pub use class::{Class, Mode, Modes, Surface};
pub use condition::{Closed, Times, Variant};
pub(crate) use cost::WALK_KMH;
pub(crate) use index::BoxIndex;
pub use network::Network;
pub use osm::Coord;
pub use profile::Profile;
pub use search::{Budget, Direction, Workspace};
pub use snap::Link;
pub use tree::{Path, Piece, Reach, Tree};

/// Why streets cannot be built.
#[expect(missing_docs, reason = "the messages name the fields")]
#[derive(Debug, thiserror::Error)]
pub enum StreetsError {
    /// It cannot be opened.
    #[error("{path}: cannot be opened: {reason}")]
    Open { path: PathBuf, reason: String },
    /// It is of another format.
    #[error("{path}: is not an OpenStreetMap extract (.osm.pbf)")]
    NotPbf { path: PathBuf },
    /// It is cut off or damaged.
    #[error(
        "{path}: is cut off or damaged ({reason}); what is missing may be anything, turn restrictions too: download it again, and \
         compare its checksum with the one beside it"
    )]
    Damaged { path: PathBuf, reason: String },
    /// It holds nothing.
    #[error("{path}: holds no data")]
    Empty { path: PathBuf },
    /// There is no street.
    #[error("the extract holds no street that anybody may use")]
    NoStreets,
    /// There are too many streets.
    #[error("the extract holds more than {limit} street sections; cut it to the area that is needed")]
    TooMany { limit: usize },
}

/// A piece of street between two junctions, in the direction of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The junction where it begins.
    pub from: u32,
    /// The junction where it ends.
    pub to: u32,
    /// Length in decimetres, at least 1.
    pub length_dm: u32,
    /// Where its bends begin in [`Streets::bends`]; they end where those of the next edge begin.
    pub bends: u32,
    /// Its [`Profile`] in [`Streets::profiles`].
    pub profile: u32,
}

/// The streets of an area: what is stored. Numbers of junctions and edges follow a Hilbert curve,
/// so that what is near on the ground is near in memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Streets {
    /// Positions of the junctions.
    pub junctions: Vec<Coord>,
    /// Per junction: the [`Modes`] that cannot pass it, [`SIGNALS`] and [`KEYED`].
    pub junction_flags: Vec<u8>,
    /// The pieces of street, by number.
    pub edges: Vec<Edge>,
    /// The points between the ends of the edges.
    pub bends: Vec<Coord>,
    /// What ways are like, each profile once.
    pub profiles: Vec<Profile>,
    /// Names of ways, else numbers of roads, each once.
    pub names: Strings,
    /// By edge: the number of its name.
    pub edge_names: Vec<u32>,
    /// Times that decide which [`Variant`]s are in force.
    pub times: Vec<String>,
    /// Edges that are in force at times only, by number.
    pub variants: Vec<Variant>,
    /// Sequences of directed edges ([`code`]) that cars may not drive one after the other.
    pub banned: Vec<Vec<u32>>,
    /// Where vehicles can be left.
    pub parking: Vec<parking::OsmParking>,
    /// Where car parks are entered.
    pub parking_entrances: Vec<parking::OsmEntrance>,
}

/// Flag of a junction with traffic lights.
pub const SIGNALS: u8 = 1 << 4;

/// Flag of a junction with a locked or private gate: those whom it stops pass it to or from streets
/// that are reached in no other way.
pub const KEYED: u8 = 1 << 5;

/// The number of a directed edge: `reverse` is against the direction of the way.
pub const fn code(edge: u32, reverse: bool) -> u32 {
    edge << 1 | reverse as u32
}

impl Streets {
    /// All points of an edge, ends included.
    pub fn points(&self, edge: u32) -> impl DoubleEndedIterator<Item = Coord> + '_ {
        let this = &self.edges[edge as usize];
        let end = self.edges.get(edge as usize + 1).map_or(self.bends.len(), |next| next.bends as usize);
        let bends = &self.bends[this.bends as usize..end];
        [self.junctions[this.from as usize]]
            .into_iter()
            .chain(bends.iter().copied())
            .chain([self.junctions[this.to as usize]])
    }

    fn variant_at(&self, edge: u32) -> Option<usize> {
        self.variants.binary_search_by_key(&edge, |variant| variant.edge).ok()
    }

    /// Whether an edge is in force at times only.
    pub(crate) fn is_variant(&self, edge: u32) -> bool {
        self.variant_at(edge).is_some()
    }

    /// Whether a time holds whenever an edge is in force; `None` where it does not decide about it.
    pub(crate) fn holds(&self, edge: u32, time: &str) -> Option<bool> {
        let Variant { times, cases, .. } = &self.variants[self.variant_at(edge)?];
        let bit = times.iter().position(|known| self.times[*known as usize] == time)?;
        // Variants are kept apart by the times of turns: one case speaks for all.
        Some(cases.trailing_zeros() >> bit & 1 != 0)
    }

    /// The edges that lie beside an edge, itself among them: all variants of the same piece of street.
    pub(crate) fn beside(&self, edge: u32) -> std::ops::Range<u32> {
        let Some(at) = self.variant_at(edge) else { return edge..edge + 1 };
        let first = self.variants[at].first;
        let rest = self.variants[at..].iter().take_while(|variant| variant.first == first);
        first..edge + rest.count() as u32
    }

    /// What the edge's way is like.
    pub fn profile(&self, edge: u32) -> &Profile {
        &self.profiles[self.edges[edge as usize].profile as usize]
    }

    /// What the edge's way is called; empty where it has no name.
    pub fn name(&self, edge: u32) -> &str {
        self.edge_names.get(edge as usize).map_or("", |name| self.names.get(*name))
    }

    /// The junctions where a directed edge begins and ends.
    pub(crate) fn ends(&self, code: u32) -> (u32, u32) {
        let edge = &self.edges[(code >> 1) as usize];
        if code & 1 == 0 { (edge.from, edge.to) } else { (edge.to, edge.from) }
    }

    /// Whether a directed edge is a ferry.
    fn is_ferry(&self, code: u32) -> bool {
        self.profile(code >> 1).class == Class::Ferry
    }

    /// The points of an edge from one distance along it to another.
    fn course(&self, edge: u32, from_dm: u32, to_dm: u32) -> Vec<Coord> {
        let (low, high) = (f64::from(from_dm.min(to_dm)), f64::from(from_dm.max(to_dm)));
        let length_dm = f64::from(self.edges[edge as usize].length_dm);
        let places: Vec<Coord> = self.points(edge).collect();
        let steps: Vec<f64> = places.windows(2).map(|pair| pair[0].distance_m(pair[1])).collect();
        let scale = length_dm / steps.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let mut inside = Vec::with_capacity(places.len());
        let mut along = 0.0;
        for (pair, step) in places.windows(2).zip(&steps) {
            let next = along + step * scale;
            let between = |at: f64| {
                let share = if next > along { ((at - along) / (next - along)).clamp(0.0, 1.0) } else { 0.0 };
                let mix =
                    |a: i32, b: i32| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as i32;
                Coord { lat: mix(pair[0].lat, pair[1].lat), lon: mix(pair[0].lon, pair[1].lon) }
            };
            if next >= low && along <= high {
                inside.extend([between(low.max(along)), between(high.min(next))]);
            }
            along = next;
        }
        if from_dm > to_dm {
            inside.reverse();
        }
        inside
    }

    /// Who may travel a directed edge.
    pub(crate) fn modes(&self, code: u32) -> Modes {
        self.profile(code >> 1).modes(code & 1 == 1)
    }

    /// Whether all numbers point to something: a stored file may be damaged.
    pub fn is_sound(&self) -> bool {
        let (junctions, bends, codes) = (self.junctions.len(), self.bends.len(), self.edges.len() as u64 * 2);
        self.junction_flags.len() == junctions
            && self.edges.iter().all(|edge| {
                (edge.from as usize) < junctions
                    && (edge.to as usize) < junctions
                    && edge.length_dm > 0
                    && (edge.bends as usize) <= bends
                    && (edge.profile as usize) < self.profiles.len()
            })
            && self.edges.is_sorted_by_key(|edge| edge.bends)
            && self.edge_names.len() == self.edges.len()
            && self.names.is_sound()
            && self.edge_names.iter().all(|name| (*name as usize) < self.names.len())
            && self.variants.is_sorted_by_key(|variant| variant.edge)
            && self.variants.iter().all(|variant| {
                variant.first <= variant.edge
                    && (variant.edge as usize) < self.edges.len()
                    && variant.times.len() <= condition::MAX_TIMES
                    && variant.times.iter().all(|time| (*time as usize) < self.times.len())
            })
            && self
                .banned
                .iter()
                .all(|banned| banned.len() >= 2 && banned.iter().all(|&c| u64::from(c) < codes))
    }
}
