//! Stops around a point, and walking times to one.

use domain::geo::LatLon;

use super::street::{EndTree, Snapped, WALK_MPS, gap_s};
use super::{Planner, Reached, SNAP_LIMIT_M};
use crate::area::Area;
use crate::streets::{Budget, Direction, Link, Mode};
use crate::timetable::StopIx;

/// The stops around `at` for which `duration_s` has a walk, with its seconds.
pub(super) fn stops_in(
    area: &Area,
    mode: Mode,
    at: LatLon,
    radius_m: f64,
    duration_s: impl Fn(&Link) -> Option<f64>,
) -> Reached {
    let links = area.stops.of(mode);
    let near = area.stops.around(&area.timetable, at, radius_m).into_iter();
    let reached =
        near.filter_map(|stop| Some((stop, duration_s(links[stop as usize].as_ref()?)?.ceil() as i32)));
    reached.collect()
}

/// Puts the platforms of `stop` among the stops that are reached, without a walk.
pub(super) fn add_platforms(area: &Area, stop: Option<StopIx>, reached: &mut Reached) {
    let Some(stop) = stop else { return };
    let platforms: Vec<StopIx> = area.timetable.platforms(stop).collect();
    reached.retain(|(stop, _)| !platforms.contains(stop));
    reached.extend(platforms.into_iter().map(|platform| (platform, 0)));
}

/// Walking times to one point.
pub struct Walks<'a>(EndTree<'a>);

/// Longest walk as a multiple of the straight line: rivers and railways have few crossings.
const DETOUR: f64 = 2.5;

impl Planner {
    /// Walking times from places around `near` to it; `None` when no street is near it.
    pub fn walks_to(&mut self, near: LatLon, radius_m: f64) -> Option<Walks<'_>> {
        let (mode, direction) = (Mode::Foot, Direction::Backward);
        let links = self.area.network.snap_end(mode, direction, None, near, SNAP_LIMIT_M, 1);
        let end = Snapped { point: near, link: *links.first()? };
        let limit_s = radius_m * DETOUR / WALK_MPS;
        let (area, workspace) = (&self.area, &mut self.to_foot);
        Some(Walks(EndTree::new(area, workspace, mode, end, direction, limit_s, Budget::NONE)))
    }
}

impl Walks<'_> {
    /// Seconds from a link.
    pub fn seconds(&self, link: &Link) -> Option<f64> {
        Some(self.0.seconds(link)? + gap_s(link))
    }
}
