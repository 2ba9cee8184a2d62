//! The ends of a journey on the streets, and itineraries over streets alone.

use domain::geo::LatLon;

use super::{End, Itinerary, Leg, Modes, NoStreet, Planning, Request, SNAP_LIMIT_M, StreetLeg, When, Which};
use crate::area::Area;
use crate::streets::{Budget, Direction, Link, Mode, Path, Tree, WALK_KMH, Workspace};

/// Highest walking speed on any street, m/s: it bounds the length of a walk by its duration.
pub(super) const WALK_MPS: f64 = WALK_KMH / 3.6;

/// Longest bike ride, metres.
const MAX_BIKE_M: f64 = 25_000.0;

/// A place, and the street it is linked to.
#[derive(Clone, Copy)]
pub(super) struct Snapped {
    pub point: LatLon,
    pub link: Link,
}

/// The journey's ends, by mode.
pub(super) struct Ends {
    from_foot: Snapped,
    to_foot: Snapped,
    pub from_bike: Option<Snapped>,
    pub to_bike: Option<Snapped>,
    pub from_car: Option<Snapped>,
}

/// The walk between a place and the street it is linked to, seconds.
pub(super) fn gap_s(link: &Link) -> f64 {
    f64::from(link.gap_m) / WALK_MPS
}

/// `path` with straight lines from `from` to its begin and from its end to `to`.
fn with_gaps(mut path: Path, from: Option<&Snapped>, to: Option<&Snapped>) -> Path {
    for end in from.iter().chain(&to) {
        path.duration_s += gap_s(&end.link);
        path.distance_m += f64::from(end.link.gap_m);
    }
    if let Some(end) = from {
        path.points.insert(0, end.point);
    }
    path.points.extend(to.map(|end| end.point));
    path
}

/// All paths from an end of the journey (forward) or to it (backward), with the way between the end and its street.
pub(super) struct EndTree<'a> {
    tree: Tree<'a>,
    end: Snapped,
    direction: Direction,
}

impl<'a> EndTree<'a> {
    /// Searches from `end` as far as `limit_s` seconds.
    pub fn new(
        area: &'a Area,
        workspace: &'a mut Workspace,
        mode: Mode,
        end: Snapped,
        direction: Direction,
        limit_s: f64,
        budget: Budget<'a>,
    ) -> Self {
        let tree = area.network.tree(workspace, mode, end.link, direction, limit_s, budget);
        EndTree { tree, end, direction }
    }

    /// Whether time ran out.
    pub fn is_cut(&self) -> bool {
        self.tree.cut
    }

    /// Seconds between the end and a link.
    pub fn seconds(&self, link: &Link) -> Option<f64> {
        Some(self.tree.duration_s(link)? + gap_s(&self.end.link))
    }

    /// The quickest of several links, with its seconds.
    pub fn nearest(&self, links: &[Link]) -> Option<(f64, Link)> {
        let reached = links.iter().filter_map(|link| Some((self.seconds(link)?, *link)));
        reached.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The path between the end and a link.
    pub fn path(&self, link: &Link) -> Option<Path> {
        let path = self.tree.path(link)?;
        Some(match self.direction {
            Direction::Forward => with_gaps(path, Some(&self.end), None),
            Direction::Backward => with_gaps(path, None, Some(&self.end)),
        })
    }
}

/// The walks around both ends.
pub(super) struct Feet<'a> {
    pub mode: Mode,
    pub from: EndTree<'a>,
    pub to: EndTree<'a>,
    pub limit_s: f64,
}

/// The street near an end of the journey.
pub(super) fn snapped(area: &Area, request: &Request<'_>, mode: Mode, which: Which) -> Option<Snapped> {
    let (point, direction) = match which {
        Which::From => (request.from, Direction::Forward),
        Which::To => (request.to, Direction::Backward),
    };
    let links = area.network.snap_end(mode, direction, request.closed, point, SNAP_LIMIT_M, 1);
    Some(Snapped { point, link: *links.first()? })
}

impl Ends {
    /// Ties both ends to the streets.
    ///
    /// # Errors
    /// No street is near one of them.
    pub fn new(area: &Area, request: &Request<'_>) -> Result<Ends, NoStreet> {
        let end = |mode, which| snapped(area, request, mode, which);
        let foot = request.foot();
        Ok(Ends {
            from_foot: end(foot, Which::From).ok_or(NoStreet(Which::From))?,
            to_foot: end(foot, Which::To).ok_or(NoStreet(Which::To))?,
            from_bike: end(Mode::Bike, Which::From),
            to_bike: end(Mode::Bike, Which::To),
            from_car: end(Mode::Car, Which::From),
        })
    }

    /// The trees on foot (or by wheelchair) from both ends.
    pub fn feet<'a>(
        &self,
        area: &'a Area,
        request: &'a Request<'_>,
        from: &'a mut Workspace,
        to: &'a mut Workspace,
    ) -> Feet<'a> {
        let mode = request.foot();
        let limit_s = request.max_walk_m / WALK_MPS;
        let tree = |workspace, end, direction| {
            EndTree::new(area, workspace, mode, end, direction, limit_s, budget(request))
        };
        let from = tree(from, self.from_foot, Direction::Forward);
        Feet { mode, from, to: tree(to, self.to_foot, Direction::Backward), limit_s }
    }
}

/// As long as the request allows.
pub(super) fn budget<'a>(request: &'a Request<'_>) -> Budget<'a> {
    Budget { stop: Some(request.is_over), closed: request.closed, ..Budget::NONE }
}

/// The way by car from end to end.
pub(super) fn drive(
    area: &Area,
    request: &Request<'_>,
    ends: &Ends,
    workspace: &mut Workspace,
) -> Option<Path> {
    let (from, to) = ends.from_car.zip(snapped(area, request, Mode::Car, Which::To))?;
    route(area, request, workspace, Mode::Car, [&from, &to])
}

fn route(
    area: &Area,
    request: &Request<'_>,
    workspace: &mut Workspace,
    mode: Mode,
    [from, to]: [&Snapped; 2],
) -> Option<Path> {
    let tree = area.network.route(workspace, mode, from.link, &to.link, budget(request));
    Some(with_gaps(tree.path(&to.link)?, Some(from), Some(to)))
}

impl Planning<'_, '_> {
    /// The whole journey on foot.
    pub fn walk(&mut self) {
        let (request, feet) = (self.request, self.feet);
        let (from, to) = (self.ends.from_foot, self.ends.to_foot);
        let near = feet.from.path(&to.link).map(|path| with_gaps(path, None, Some(&to)));
        let is_near = request.from.distance_m(request.to) <= request.max_direct_walk_m;
        let far = || if is_near { self.route(feet.mode, &from, &to) } else { None };
        if let Some(path) = near.or_else(far).filter(|path| path.distance_m <= request.max_direct_walk_m) {
            self.add_direct(Modes::WALK, feet.mode, path);
        }
    }

    /// The whole journey by bike.
    pub fn bike(&mut self) {
        let ends = self.ends.from_bike.zip(self.ends.to_bike);
        if let Some((from, to)) = ends.filter(|(from, to)| from.point.distance_m(to.point) <= MAX_BIKE_M)
            && let Some(path) = self.route(Mode::Bike, &from, &to)
        {
            self.add_direct(Modes::BIKE, Mode::Bike, path);
        }
    }

    /// The whole journey by car along `path`, to where no place to park is known.
    pub fn drive(&mut self, path: Path) {
        self.add_direct(Modes::CAR, Mode::Car, path);
    }

    fn route(&mut self, mode: Mode, from: &Snapped, to: &Snapped) -> Option<Path> {
        route(self.area, self.request, self.between, mode, [from, to])
    }

    fn add_direct(&mut self, modes: Modes, mode: Mode, path: Path) {
        let start = match self.request.when {
            When::DepartAt(time) => time,
            When::ArriveBy(time) => time - path.duration_s.round() as i64,
        };
        let leg = StreetLeg::along(mode, End::Origin, End::Destination, path, start);
        self.plan.itineraries.push(Itinerary::new(modes, start, leg.end, vec![Leg::Street(leg)]));
    }
}
