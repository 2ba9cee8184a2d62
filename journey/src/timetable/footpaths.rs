//! Footpaths between stops, in one array per direction.

use serde::{Deserialize, Serialize};

use super::StopIx;

/// A footpath to (or, in the other direction, from) a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footpath {
    pub stop: StopIx,
    pub seconds: i32,
    /// Length, metres; 0: not in the feed.
    pub metres: u16,
}

/// A footpath between two stops, as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub from: StopIx,
    pub to: StopIx,
    pub seconds: i32,
    pub metres: u16,
}

/// Footpaths of all stops, both ways round. A path is used once between two rides: the set is
/// not closed transitively, and a search does not chain paths.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Footpaths {
    out: Csr,
    into: Csr,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Csr {
    starts: Vec<u32>,
    paths: Vec<Footpath>,
}

impl Footpaths {
    /// Of several between the same two stops the shortest holds. A path from a stop to itself is no
    /// footpath (see `Timetable::change_s`) and is left out.
    pub fn new(stops: usize, mut paths: Vec<Path>) -> Self {
        paths.retain(|path| path.from != path.to && path.seconds >= 0);
        paths.sort_unstable();
        paths.dedup_by_key(|p| (p.from, p.to));
        let end = |stop, path: &Path| Footpath { stop, seconds: path.seconds, metres: path.metres };
        let out = Csr::new(stops, paths.iter().map(|path| (path.from, end(path.to, path))));
        paths.sort_unstable_by_key(|p| (p.to, p.from));
        let into = Csr::new(stops, paths.iter().map(|path| (path.to, end(path.from, path))));
        Footpaths { out, into }
    }

    /// Footpaths that begin at `stop`.
    pub fn from(&self, stop: StopIx) -> &[Footpath] {
        self.out.of(stop)
    }

    /// Footpaths that end at `stop`; each has the stop where it begins.
    pub fn to(&self, stop: StopIx) -> &[Footpath] {
        self.into.of(stop)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.out.paths.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.out.paths.is_empty()
    }
}

impl Csr {
    /// From paths sorted by their first stop.
    fn new(stops: usize, sorted: impl Iterator<Item = (StopIx, Footpath)>) -> Self {
        let mut starts = Vec::with_capacity(stops + 1);
        let mut paths = Vec::new();
        for (of, path) in sorted {
            while starts.len() <= of as usize {
                starts.push(paths.len() as u32);
            }
            paths.push(path);
        }
        starts.resize(stops + 1, paths.len() as u32);
        paths.shrink_to_fit();
        Csr { starts, paths }
    }

    #[inline]
    fn of(&self, stop: StopIx) -> &[Footpath] {
        let at = stop as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(from), Some(to)) => &self.paths[*from as usize..*to as usize],
            _ => &[],
        }
    }
}
