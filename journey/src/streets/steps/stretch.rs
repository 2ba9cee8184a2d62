//! A piece of street with what steps need to know of it, and the others at its beginning.

use domain::guidance::WayKind;

use super::super::edge_based::heading;
use super::super::{Class, Coord, Mode, Network, Piece, Profile, Streets, code};

/// Headings at junctions are those over so much of a street, decimetres: its very end may be drawn askew.
const HEADING_DM: u32 = 150;

/// A piece of street in the direction of travel.
pub(super) struct Stretch<'a> {
    /// The directed edge, see [`code`].
    code: u32,
    /// Empty: it has none.
    pub name: &'a str,
    profile: &'a Profile,
    mode: Mode,
    pub roundabout: bool,
    /// Smaller than a street for all traffic.
    pub is_minor: bool,
    pub length_dm: u64,
    /// Where it begins.
    pub at: Coord,
    /// Heading where it begins and where it ends, degrees clockwise from north.
    pub begins_deg: f64,
    pub ends_deg: f64,
    /// Sum of its bends, degrees; to the right positive.
    pub bend_deg: f64,
}

/// Another street at a junction.
pub(super) struct Branch<'a> {
    pub name: &'a str,
    /// Change of heading of one who takes it, degrees.
    pub angle: f64,
    /// Whether it may be taken, not only come from.
    pub may_enter: bool,
    pub is_minor: bool,
}

/// From one heading to another, degrees from -180 to 180; to the right positive.
pub(super) fn deviation(from_deg: f64, to_deg: f64) -> f64 {
    let angle = to_deg - from_deg;
    angle - 360.0 * (angle / 360.0).round()
}

impl<'a> Stretch<'a> {
    pub fn new(network: &'a Network, mode: Mode, piece: Piece) -> Self {
        let streets = network.streets();
        let Piece { edge, from_dm, to_dm } = piece;
        let whole_dm = streets.edges[edge as usize].length_dm;
        // At the end of an edge without a length the direction says nothing.
        let is_reverse = from_dm > to_dm || (from_dm == to_dm && from_dm == whole_dm);
        let profile = streets.profile(edge);
        let code = code(edge, is_reverse);
        let course = streets.course(edge, from_dm, to_dm);
        let turns = course.windows(3).filter(|three| three[0] != three[1] && three[1] != three[2]);
        let turns = turns.map(|three| {
            deviation(f64::from(heading(three[0], three[1])), f64::from(heading(three[1], three[2])))
        });
        Stretch {
            code,
            name: streets.name(edge),
            profile,
            mode,
            roundabout: profile.roundabout,
            is_minor: is_minor(profile),
            length_dm: u64::from(from_dm.abs_diff(to_dm)),
            // A stretch without a length may have no course.
            at: course.first().copied().or_else(|| streets.points(edge).next()).unwrap_or_default(),
            begins_deg: heading_at(streets, code, from_dm),
            ends_deg: heading_at(streets, code ^ 1, to_dm) + 180.0,
            bend_deg: turns.sum(),
        }
    }

    /// What it is, and whether a bicycle is pushed there.
    pub fn kind(&self) -> (WayKind, bool) {
        let kind = way_kind(self.profile);
        let is_ridden = matches!(kind, WayKind::Stairs | WayKind::Ferry) || !self.profile.dismount;
        (kind, self.mode == Mode::Bike && !is_ridden)
    }

    /// How one gets along on it: a change of it is always news, one from footway to path is none.
    pub fn manner(&self) -> (Option<WayKind>, bool) {
        let (kind, pushes_bicycle) = self.kind();
        (Some(kind).filter(|kind| matches!(kind, WayKind::Stairs | WayKind::Ferry)), pushes_bicycle)
    }

    /// Whether `next` goes back on it.
    pub fn is_back(&self, streets: &Streets, next: &Stretch<'_>) -> bool {
        next.code & 1 != self.code & 1 && streets.beside(self.code >> 1).contains(&(next.code >> 1))
    }

    /// The other streets that `mode` may use where it begins; `before` is the one by which one comes.
    pub fn branches(&self, network: &'a Network, mode: Mode, before: &Stretch<'_>) -> Vec<Branch<'a>> {
        let streets = network.streets();
        let (own, others) = (streets.beside(self.code >> 1), streets.beside(before.code >> 1));
        arms(network, mode, streets.ends(self.code).0)
            .filter(|arm| !own.contains(&(arm.code >> 1)) && !others.contains(&(arm.code >> 1)))
            .map(|Arm { code, may_enter, .. }| {
                let edge = code >> 1;
                let begins_dm = if code & 1 == 0 { 0 } else { streets.edges[edge as usize].length_dm };
                Branch {
                    name: streets.name(edge),
                    angle: deviation(before.ends_deg, heading_at(streets, code, begins_dm)),
                    may_enter,
                    is_minor: is_minor(streets.profile(edge)),
                }
            })
            .collect()
    }

    /// Whether a roundabout may be left where it ends. By a lane that only comes in nobody leaves, though people on foot may.
    pub fn has_exit(&self, network: &Network, mode: Mode) -> bool {
        let streets = network.streets();
        let comes_in = |code: u32| {
            let [out, into] =
                [streets.modes(code), streets.modes(code ^ 1)].map(|modes| modes & Mode::Car.bit());
            into != 0 && out == 0
        };
        arms(network, mode, streets.ends(self.code).1)
            .any(|arm| arm.may_enter && !streets.profile(arm.code >> 1).roundabout && !comes_in(arm.code))
    }
}

/// A street at a junction, in the direction away from it.
struct Arm {
    code: u32,
    may_enter: bool,
}

/// The streets at a junction that `mode` may use in some direction; of edges beside each other the first.
fn arms(network: &Network, mode: Mode, junction: u32) -> impl Iterator<Item = Arm> + '_ {
    let streets = network.streets();
    let firsts = network.arms(junction).filter(|edge| streets.beside(*edge).start == *edge);
    let directed = firsts.flat_map(|edge| [false, true].map(|reverse| code(edge, reverse)));
    directed.filter(move |code| streets.ends(*code).0 == junction).filter_map(move |code| {
        let may = |code: u32| {
            let mut beside = streets.beside(code >> 1);
            beside.any(|edge| streets.modes(edge << 1 | code & 1) & mode.bit() != 0)
        };
        let (may_enter, may_leave) = (may(code), may(code ^ 1));
        (may_enter || may_leave).then_some(Arm { code, may_enter })
    })
}

/// Heading of a directed edge at a place on it, degrees.
fn heading_at(streets: &Streets, code: u32, at_dm: u32) -> f64 {
    let (edge, length_dm) = (code >> 1, streets.edges[(code >> 1) as usize].length_dm);
    let ahead = |at_dm: u32| match code & 1 {
        0 => (at_dm + HEADING_DM).min(length_dm),
        _ => at_dm.saturating_sub(HEADING_DM),
    };
    // At the very end of an edge what lies behind counts.
    const LEAST_DM: u32 = 10;
    let from_dm = match (ahead(at_dm).abs_diff(at_dm) < LEAST_DM, code & 1) {
        (false, _) => at_dm,
        (true, 0) => at_dm.saturating_sub(HEADING_DM),
        (true, _) => (at_dm + HEADING_DM).min(length_dm),
    };
    let course = streets.course(edge, from_dm, ahead(at_dm));
    match (course.first(), course.last()) {
        (Some(first), Some(last)) => f64::from(heading(*first, *last)),
        _ => 0.0,
    }
}

fn is_minor(profile: &Profile) -> bool {
    profile.class > Class::LivingStreet
}

fn way_kind(profile: &Profile) -> WayKind {
    match profile.class {
        _ if profile.link => WayKind::Ramp,
        Class::Motorway
        | Class::Trunk
        | Class::Primary
        | Class::Secondary
        | Class::Tertiary
        | Class::Unclassified
        | Class::Residential
        | Class::LivingStreet => WayKind::Street,
        Class::Service => WayKind::Access,
        Class::Aisle => WayKind::Parking,
        Class::Track => WayKind::Track,
        Class::Pedestrian => WayKind::Pedestrian,
        Class::Cycleway => WayKind::Cycleway,
        Class::Path => WayKind::Path,
        Class::Footway => WayKind::Footway,
        Class::Steps => WayKind::Stairs,
        Class::Ferry => WayKind::Ferry,
    }
}
