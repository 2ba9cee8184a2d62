//! Footpaths between stops, in one array per direction.

use serde::{Deserialize, Serialize};

use super::StopIx;
use crate::rows::Rows;

/// A footpath to (or, in the other direction, from) a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Footpath {
    pub stop: StopIx,
    pub seconds: i32,
    /// Length, metres; 0: not in the feed.
    pub metres: u16,
}

/// A footpath between two stops, as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub from: StopIx,
    pub to: StopIx,
    pub seconds: i32,
    pub metres: u16,
}

/// Footpaths of all stops, both ways round. A path is used once between two rides: the set is
/// not closed transitively, and a search does not chain paths.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Footpaths {
    out: Rows<Footpath>,
    into: Rows<Footpath>,
}

impl Footpaths {
    /// Of several between the same two stops the shortest holds. A path from a stop to itself is no
    /// footpath (see `Timetable::change_s`) and is left out.
    pub(crate) fn new(stops: usize, mut paths: Vec<Path>) -> Self {
        paths.retain(|path| path.from != path.to && path.seconds >= 0);
        paths.sort_unstable();
        paths.dedup_by_key(|p| (p.from, p.to));
        let rows = |ends: fn(&Path) -> [StopIx; 2]| {
            let pairs = paths.iter().map(|path| {
                let [of, stop] = ends(path);
                (of, Footpath { stop, seconds: path.seconds, metres: path.metres })
            });
            Rows::grouped(stops, &pairs.collect::<Vec<_>>())
        };
        Footpaths { out: rows(|path| [path.from, path.to]), into: rows(|path| [path.to, path.from]) }
    }

    /// Footpaths that begin at `stop`.
    pub(crate) fn from(&self, stop: StopIx) -> &[Footpath] {
        self.out.get(stop as usize)
    }

    /// Footpaths that end at `stop`; each has the stop where it begins.
    pub(crate) fn to(&self, stop: StopIx) -> &[Footpath] {
        self.into.get(stop as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.out.items().len()
    }
}
