//! Stops around a place.

use domain::geo::LatLon;

use super::Area;
use crate::streets::{Budget, Direction, Link, Mode, Path, Workspace};
use crate::timetable::StopIx;

/// Longest walk from where a vehicle is left to a stop, metres.
const WALK_M: f64 = 600.0;

/// A stop that can be reached on foot from a place.
#[derive(Debug, Clone, PartialEq)]
pub struct StopWalk {
    /// The stop.
    pub stop: StopIx,
    /// The walk there.
    pub path: Path,
}

/// The stops that people get to from a place to park or a station of shared vehicles, through any of its doors.
pub fn stops_around(
    area: &Area,
    workspace: &mut Workspace,
    mode: Mode,
    at: LatLon,
    doors: &[Link],
) -> Vec<StopWalk> {
    let near = area.stops.around(&area.timetable, at, WALK_M);
    let mut found: Vec<StopWalk> = Vec::new();
    if near.is_empty() {
        return found;
    }
    for door in doors {
        let tree = area.network.tree(workspace, mode, *door, Direction::Forward, WALK_M, Budget::NONE);
        for stop in &near {
            let Some(link) = area.stops.of(mode)[*stop as usize] else { continue };
            let Some(path) = tree.path(&link).filter(|path| path.distance_m <= WALK_M) else {
                continue;
            };
            match found.iter_mut().find(|walk| walk.stop == *stop) {
                Some(walk) if walk.path.duration_s <= path.duration_s => {}
                Some(walk) => walk.path = path,
                None => found.push(StopWalk { stop: *stop, path }),
            }
        }
    }
    found
}
