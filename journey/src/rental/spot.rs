//! Where shared vehicles are taken and left.

use domain::geo::LatLon;

use crate::area::{Area, StopWalk, stops_around};
use crate::streets::{Link, Mode, Workspace};

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
    /// Stops within a walk.
    pub stops: Vec<StopWalk>,
}

impl Spot {
    pub(super) fn new(area: &Area, workspace: &mut Workspace, at: LatLon) -> Self {
        let link = |mode| area.network.snap(mode, at, STREET_LIMIT_M, 1).first().copied();
        let foot = link(Mode::Foot);
        let stops = foot.map(|foot| stops_around(area, workspace, Mode::Foot, at, &[foot]));
        Spot { at, foot, bike: link(Mode::Bike), car: link(Mode::Car), stops: stops.unwrap_or_default() }
    }

    /// Where a ride begins or ends.
    pub fn street(&self, mode: Mode) -> Option<Link> {
        if mode == Mode::Car { self.car } else { self.bike }
    }
}
