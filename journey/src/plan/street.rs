//! The ends of the journey on the streets, and the ways that need nothing else.

use super::{End, Itinerary, Leg, Modes, NoStreet, Request, SNAP_LIMIT_M, StreetLeg, When, Which};
use crate::area::Area;
use crate::streets::{Budget, Direction, Link, Mode, Network, Path, Tree, Workspace};

/// No profile walks faster than this, m/s: within the time for a distance, no way is longer.
const FASTEST_WALK_MPS: f64 = 5.1 / 3.6;

/// A bike ride longer than this is no ordinary way in town and country, metres.
const MAX_BIKE_M: f64 = 25_000.0;

/// Where the journey meets the streets, by means.
pub(super) struct Ends {
    pub from_foot: Link,
    pub to_foot: Link,
    pub from_bike: Option<Link>,
    pub to_bike: Option<Link>,
    pub from_car: Option<Link>,
}

/// The ways on foot around both ends.
pub(super) struct Feet<'a> {
    pub mode: Mode,
    pub from: Tree<'a>,
    pub to: Tree<'a>,
    pub limit_s: f64,
}

impl Ends {
    pub(super) fn new(area: &Area, request: &Request<'_>) -> Result<Ends, NoStreet> {
        let network = &area.network;
        let link = |mode, which| {
            let point = if which == Which::From { request.from } else { request.to };
            network.snap(mode, point, SNAP_LIMIT_M, 1).first().copied()
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
        request: &Request<'_>,
        from: &'a mut Workspace,
        to: &'a mut Workspace,
    ) -> Feet<'a> {
        let mode = request.foot();
        let limit_s = request.max_walk_m / FASTEST_WALK_MPS;
        let budget = budget(request);
        Feet {
            mode,
            from: area.network.tree(from, mode, self.from_foot, Direction::Forward, limit_s, budget),
            to: area.network.tree(to, mode, self.to_foot, Direction::Backward, limit_s, budget),
            limit_s,
        }
    }
}

/// As long as the request allows.
pub(super) fn budget<'a>(request: &'a Request<'_>) -> Budget<'a> {
    Budget { stop: Some(request.is_over), ..Budget::NONE }
}

/// All the way on foot.
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
    (path.distance_m <= request.max_direct_walk_m).then(|| direct(Modes::WALK, feet.mode, path, request.when))
}

/// All the way by bike.
pub(super) fn bike(
    area: &Area,
    request: &Request<'_>,
    ends: &Ends,
    workspace: &mut Workspace,
) -> Option<Itinerary> {
    if request.from.distance_m(request.to) > MAX_BIKE_M {
        return None;
    }
    let path = route(&area.network, Mode::Bike, request, (ends.from_bike?, ends.to_bike?), workspace)?;
    Some(direct(Modes::BIKE, Mode::Bike, path, request.when))
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
