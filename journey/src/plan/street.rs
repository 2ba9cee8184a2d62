//! The ends of a journey on the streets, and itineraries over streets alone.

use domain::geo::LatLon;

use super::{End, Itinerary, Leg, Modes, NoStreet, Request, SNAP_LIMIT_M, StreetLeg, When, Which};
use crate::area::Area;
use crate::streets::{Budget, Direction, Link, Mode, Network, Path, Tree, Workspace};

/// Highest walking speed on any street, m/s: it bounds the length of a walk by its duration.
pub(super) const WALK_MPS: f64 = 5.1 / 3.6;

/// Longest bike ride, metres.
const MAX_BIKE_M: f64 = 25_000.0;

/// Links of the journey's ends, by mode.
pub(super) struct Ends {
    pub from_foot: Link,
    pub to_foot: Link,
    pub from_bike: Option<Link>,
    pub to_bike: Option<Link>,
    pub from_car: Option<Link>,
}

/// The walk between a place and the street it is linked to, seconds.
pub(super) fn gap_s(link: &Link) -> f64 {
    f64::from(link.gap_m) / WALK_MPS
}

/// `path` with straight lines from `from` to its begin and from its end to `to`.
pub(super) fn with_gaps(mut path: Path, from: Option<(LatLon, &Link)>, to: Option<(LatLon, &Link)>) -> Path {
    for (_, link) in from.iter().chain(&to) {
        path.duration_s += gap_s(link);
        path.distance_m += f64::from(link.gap_m);
    }
    if let Some((point, _)) = from {
        path.points.insert(0, point);
    }
    path.points.extend(to.map(|(point, _)| point));
    path
}

/// The walks around both ends.
pub(super) struct Feet<'a> {
    pub mode: Mode,
    pub from: Tree<'a>,
    pub to: Tree<'a>,
    pub limit_s: f64,
    ends: (Link, Link),
    points: (LatLon, LatLon),
}

impl Feet<'_> {
    /// Seconds from the origin to a link.
    pub fn out_s(&self, link: &Link) -> Option<f64> {
        Some(self.from.duration_s(link)? + gap_s(&self.ends.0))
    }

    /// Seconds from a link to the destination.
    pub fn in_s(&self, link: &Link) -> Option<f64> {
        Some(self.to.duration_s(link)? + gap_s(&self.ends.1))
    }

    /// The path from the origin to a link.
    pub fn path_out(&self, link: &Link) -> Option<Path> {
        Some(with_gaps(self.from.path(link)?, Some((self.points.0, &self.ends.0)), None))
    }

    /// The path from a link to the destination.
    pub fn path_in(&self, link: &Link) -> Option<Path> {
        Some(with_gaps(self.to.path(link)?, None, Some((self.points.1, &self.ends.1))))
    }
}

impl Ends {
    pub(super) fn new(area: &Area, request: &Request<'_>) -> Result<Ends, NoStreet> {
        let network = &area.network;
        let link = |mode, which| {
            let (point, direction) = match which {
                Which::From => (request.from, Direction::Forward),
                Which::To => (request.to, Direction::Backward),
            };
            network.snap_end(mode, direction, request.closed, point, SNAP_LIMIT_M, 1).first().copied()
        };
        let foot = request.foot();
        Ok(Ends {
            from_foot: link(foot, Which::From).ok_or(NoStreet(Which::From))?,
            to_foot: link(foot, Which::To).ok_or(NoStreet(Which::To))?,
            from_bike: link(Mode::Bike, Which::From),
            to_bike: link(Mode::Bike, Which::To),
            from_car: link(Mode::Car, Which::From),
        })
    }

    pub(super) fn feet<'a>(
        &self,
        area: &'a Area,
        request: &'a Request<'_>,
        from: &'a mut Workspace,
        to: &'a mut Workspace,
    ) -> Feet<'a> {
        let mode = request.foot();
        let limit_s = request.max_walk_m / WALK_MPS;
        let budget = budget(request);
        Feet {
            mode,
            from: area.network.tree(from, mode, self.from_foot, Direction::Forward, limit_s, budget),
            to: area.network.tree(to, mode, self.to_foot, Direction::Backward, limit_s, budget),
            limit_s,
            ends: (self.from_foot, self.to_foot),
            points: (request.from, request.to),
        }
    }
}

/// As long as the request allows.
pub(super) fn budget<'a>(request: &'a Request<'_>) -> Budget<'a> {
    Budget { stop: Some(request.is_over), closed: request.closed, ..Budget::NONE }
}

/// The whole journey on foot.
pub(super) fn walk(
    area: &Area,
    request: &Request<'_>,
    ends: &Ends,
    feet: &Feet<'_>,
    workspace: &mut Workspace,
) -> Option<Itinerary> {
    let near = feet.from.path(&ends.to_foot);
    let path = near.or_else(|| {
        let is_too_far = request.from.distance_m(request.to) > request.max_direct_walk_m;
        if is_too_far {
            None
        } else {
            route(&area.network, feet.mode, request, (ends.from_foot, ends.to_foot), workspace)
        }
    })?;
    let path = with_gaps(path, Some((request.from, &ends.from_foot)), Some((request.to, &ends.to_foot)));
    (path.distance_m <= request.max_direct_walk_m).then(|| direct(Modes::WALK, feet.mode, path, request.when))
}

/// The whole journey by bike.
pub(super) fn bike(
    area: &Area,
    request: &Request<'_>,
    ends: &Ends,
    workspace: &mut Workspace,
) -> Option<Itinerary> {
    if request.from.distance_m(request.to) > MAX_BIKE_M {
        return None;
    }
    let (from, to) = (ends.from_bike?, ends.to_bike?);
    let path = route(&area.network, Mode::Bike, request, (from, to), workspace)?;
    let path = with_gaps(path, Some((request.from, &from)), Some((request.to, &to)));
    Some(direct(Modes::BIKE, Mode::Bike, path, request.when))
}

/// The whole journey by car, to where no place to park is known.
pub(super) fn drive(
    area: &Area,
    request: &Request<'_>,
    ends: &Ends,
    workspace: &mut Workspace,
) -> Option<Itinerary> {
    let from = ends.from_car?;
    let direction = Direction::Backward;
    let to =
        *area.network.snap_end(Mode::Car, direction, request.closed, request.to, SNAP_LIMIT_M, 1).first()?;
    let path = route(&area.network, Mode::Car, request, (from, to), workspace)?;
    let path = with_gaps(path, Some((request.from, &from)), Some((request.to, &to)));
    Some(direct(Modes::CAR, Mode::Car, path, request.when))
}

fn route(
    network: &Network,
    mode: Mode,
    request: &Request<'_>,
    (from, to): (Link, Link),
    workspace: &mut Workspace,
) -> Option<Path> {
    network.route(workspace, mode, from, &to, budget(request)).path(&to)
}

fn direct(modes: Modes, mode: Mode, path: Path, when: When) -> Itinerary {
    let start = match when {
        When::DepartAt(time) => time,
        When::ArriveBy(time) => time - path.duration_s.round() as i64,
    };
    let leg = StreetLeg::along(mode, (End::Origin, End::Destination), path, start);
    Itinerary {
        modes,
        start,
        end: leg.end,
        expected_end: leg.end as f64,
        transfers: 0,
        legs: vec![Leg::Street(leg)],
        next_departures: Vec::new(),
    }
}
