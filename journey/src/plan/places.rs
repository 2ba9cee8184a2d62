//! Stops around a place.

use domain::geo::LatLon;
use serde::{Deserialize, Serialize};

use super::Reached;
use crate::area::{Access, Area};
use crate::streets::{Budget, Direction, Link, Mode, Tree, Workspace};
use crate::timetable::StopIx;

/// From a park-and-ride site one walks no farther to a stop, metres.
const PARK_RIDE_WALK_M: f64 = 600.0;

/// A stop that can be reached on foot from a lot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StopWalk {
    pub stop: StopIx,
    pub walk_s: i32,
    /// Where one leaves the lot.
    pub door: Link,
}

/// The stops that people get to from a lot (through any of its doors), for park-and-ride.
pub fn stops_around(area: &Area, workspace: &mut Workspace, at: LatLon, doors: &[Link]) -> Vec<StopWalk> {
    let near = area.stops.around(&area.timetable, at, PARK_RIDE_WALK_M);
    let mut found: Vec<StopWalk> = Vec::new();
    if near.is_empty() {
        return found;
    }
    for door in doors {
        let tree = area.network.tree(
            workspace,
            Mode::Foot,
            *door,
            Direction::Forward,
            PARK_RIDE_WALK_M,
            Budget::NONE,
        );
        for stop in &near {
            let Some(link) = area.stops.of(Access::Foot)[*stop as usize] else { continue };
            let Some(reach) = tree.reach(&link).filter(|r| r.distance_m <= PARK_RIDE_WALK_M) else {
                continue;
            };
            let walk_s = reach.duration_s.ceil() as i32;
            match found.iter_mut().find(|walk| walk.stop == *stop) {
                Some(walk) if walk.walk_s <= walk_s => {}
                Some(walk) => *walk = StopWalk { stop: *stop, walk_s, door: *door },
                None => found.push(StopWalk { stop: *stop, walk_s, door: *door }),
            }
        }
    }
    found
}

/// The stops within a tree around `at`, with their seconds.
pub(super) fn stops_in(area: &Area, tree: &Tree<'_>, access: Access, at: LatLon, radius_m: f64) -> Reached {
    let links = area.stops.of(access);
    let near = area.stops.around(&area.timetable, at, radius_m).into_iter();
    let reached = near.filter_map(|stop| {
        let duration_s = tree.duration_s(&links[stop as usize]?)?;
        Some((stop, duration_s.ceil() as i32))
    });
    reached.collect()
}
