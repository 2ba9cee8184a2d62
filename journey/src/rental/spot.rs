//! Where shared vehicles are taken and left.

use domain::geo::LatLon;

use crate::area::{Area, stops_around};
use crate::streets::{Link, Mode, Workspace};
use crate::timetable::StopIx;

/// Largest distance between a station or vehicle and its street, metres.
const STREET_LIMIT_M: f64 = 100.0;

/// A station, or where a vehicle stands.
#[derive(Debug)]
pub struct Spot {
    /// Where it is.
    pub at: LatLon,
    /// Where one walks to; `None`: no street is near.
    pub foot: Option<Link>,
    bike: Option<Link>,
    car: Option<Link>,
    /// Stops within a walk, and its seconds. The walks themselves would take kilobytes for each of thousands of vehicles.
    pub stops: Vec<(StopIx, f32)>,
}

impl Spot {
    pub(super) fn new(area: &Area, workspace: &mut Workspace, at: LatLon) -> Self {
        let link = |mode| area.network.snap(mode, at, STREET_LIMIT_M, 1).first().copied();
        let foot = link(Mode::Foot);
        let walks = foot.map(|foot| stops_around(area, workspace, Mode::Foot, at, &[foot]));
        let walks = walks.unwrap_or_default().into_iter();
        let stops = walks.map(|walk| (walk.stop, walk.path.duration_s as f32)).collect();
        Spot { at, foot, bike: link(Mode::Bike), car: link(Mode::Car), stops }
    }

    /// Where a ride begins or ends.
    pub fn street(&self, mode: Mode) -> Option<Link> {
        if mode == Mode::Car { self.car } else { self.bike }
    }
}
