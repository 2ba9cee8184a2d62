//! From a position to the streets near it.

use domain::geo::LatLon;
use rstar::{AABB, RTree, primitives::GeomWithData, primitives::Rectangle};
use serde::{Deserialize, Serialize};

use super::component::Main;
use super::condition::Closed;
use super::{Class, Coord, Direction, Mode, Modes, Streets};

/// A position linked to a street.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub edge: u32,
    /// How far along the edge from its beginning, decimetres.
    pub along_dm: u32,
    /// Distance from the position to the street, metres.
    pub gap_m: f32,
    /// The point of the street.
    pub at: Coord,
    /// Whether the street belongs to a large network, not an island.
    pub main: bool,
    /// Whether it is private: for those who live there and their visitors.
    pub private: bool,
    /// Whether nothing stands along it: see [`super::Profile::apart`].
    pub apart: bool,
}

impl Link {
    /// The best first: in a large network, where something stands along the street, near.
    fn rank(&self) -> (bool, bool, f32) {
        (!self.main, self.apart, self.gap_m + if self.private { PRIVATE_M } else { 0.0 })
    }
}

/// How much nearer a private street must be to be preferred to a public one, metres: more than a drive beside a house on
/// the street, less than the track to a farm (own estimate).
const PRIVATE_M: f32 = 100.0;

/// What a street is needed for.
pub(super) struct End<'a> {
    pub mode: Mode,
    /// See [`super::Network::snap_end`].
    pub direction: Option<Direction>,
    pub closed: &'a Closed,
}

type Boxed = GeomWithData<Rectangle<[i32; 2]>, u32>;

/// Finds edges by place.
#[derive(Debug)]
pub(super) struct EdgeIndex {
    tree: RTree<Boxed>,
    /// Per edge the modes that may use it.
    usable: Vec<Modes>,
    main: Main,
}

/// The search for the nearest street begins with a box of this half width, metres; twice as wide each time until
/// something is found, so that points in towns look at few edges.
const FIRST_BOX_M: f64 = 60.0;

impl EdgeIndex {
    pub fn new(streets: &Streets, main: Main) -> Self {
        let boxes = (0..streets.edges.len() as u32)
            .map(|edge| {
                let (mut low, mut high) = ([i32::MAX; 2], [i32::MIN; 2]);
                for point in streets.points(edge) {
                    low = [low[0].min(point.lat), low[1].min(point.lon)];
                    high = [high[0].max(point.lat), high[1].max(point.lon)];
                }
                GeomWithData::new(Rectangle::from_corners(low, high), edge)
            })
            .collect();
        let usable = (0..streets.edges.len() as u32)
            .map(|edge| match streets.profile(edge) {
                profile if profile.class == Class::Ferry => 0,
                profile => profile.forward | profile.backward,
            })
            .collect();
        EdgeIndex { tree: RTree::bulk_load(boxes), usable, main }
    }

    /// Edges whose boxes come within `radius_m` of a point.
    pub fn around(&self, point: LatLon, radius_m: f64) -> impl Iterator<Item = u32> + '_ {
        let bounds = point.around(radius_m);
        let (low, high) =
            (Coord::from_degrees(bounds.south, bounds.west), Coord::from_degrees(bounds.north, bounds.east));
        let bounds = AABB::from_corners([low.lat, low.lon], [high.lat, high.lon]);
        self.tree.locate_in_envelope_intersecting(&bounds).map(|boxed| boxed.data)
    }

    /// See [`super::Network::snap`].
    pub fn snap(
        &self,
        streets: &Streets,
        end: &End<'_>,
        point: LatLon,
        limit_m: f64,
        most: usize,
    ) -> Vec<Link> {
        let &End { mode, direction, closed } = end;
        let mut radius_m = FIRST_BOX_M.min(limit_m);
        loop {
            let mut links: Vec<Link> = self
                .around(point, radius_m)
                .filter(|edge| self.usable[*edge as usize] & mode.bit() != 0 && !closed.has(*edge))
                .map(|edge| self.project(streets, mode, direction, point, edge))
                .filter(|link| f64::from(link.gap_m) <= radius_m)
                .collect();
            let enough = links.iter().any(|link| link.main && !link.apart && !link.private);
            if enough || radius_m >= limit_m {
                links.sort_by(|a, b| {
                    let (rank, other) = (a.rank(), b.rank());
                    (rank.0, rank.1)
                        .cmp(&(other.0, other.1))
                        .then(rank.2.total_cmp(&other.2))
                        .then(a.edge.cmp(&b.edge))
                });
                links.truncate(most);
                return links;
            }
            radius_m = (radius_m * 2.0).min(limit_m);
        }
    }

    /// The nearest point of an edge.
    pub fn project(
        &self,
        streets: &Streets,
        mode: Mode,
        direction: Option<Direction>,
        point: LatLon,
        edge: u32,
    ) -> Link {
        let plane = Plane::at(point);
        let (mut best, mut best_along_m, mut gap_m) = ((0.0, 0.0), 0.0, f64::INFINITY);
        let mut walked_m = 0.0;
        let mut points = streets.points(edge);
        let mut last = points.next().map(|first| plane.metres(first)).unwrap_or_default();
        for next in points.map(|next| plane.metres(next)) {
            let (dx, dy) = (next.0 - last.0, next.1 - last.1);
            let length_m = dx.hypot(dy);
            let share = if length_m > 0.0 {
                (-(last.0 * dx + last.1 * dy) / (length_m * length_m)).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let foot = (last.0 + share * dx, last.1 + share * dy);
            let distance_m = foot.0.hypot(foot.1);
            if distance_m < gap_m {
                (best, best_along_m, gap_m) = (foot, walked_m + share * length_m, distance_m);
            }
            walked_m += length_m;
            last = next;
        }
        let length_dm = streets.edges[edge as usize].length_dm;
        let share = if walked_m > 0.0 { best_along_m / walked_m } else { 0.0 };
        Link {
            edge,
            along_dm: ((share * f64::from(length_dm)).round() as u32).min(length_dm),
            gap_m: gap_m as f32,
            at: plane.coord(best),
            main: self.main.modes(edge, direction) & mode.bit() != 0,
            private: streets.profile(edge).private & mode.bit() != 0,
            apart: streets.profile(edge).apart,
        }
    }
}

/// A plane that touches the earth at a point: metres east and north of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    origin: LatLon,
    east_m: f64,
    north_m: f64,
}

impl Plane {
    pub fn at(origin: LatLon) -> Self {
        /// Metres in a degree of latitude (mean earth radius).
        const M_PER_DEGREE: f64 = 111_195.08;
        // At the poles there is no east; the floor keeps the plane invertible.
        let narrowing = origin.lat.to_radians().cos().max(1e-6);
        Plane { origin, east_m: M_PER_DEGREE * narrowing, north_m: M_PER_DEGREE }
    }

    pub fn metres(&self, place: Coord) -> (f64, f64) {
        let place = place.degrees();
        ((place.lon - self.origin.lon) * self.east_m, (place.lat - self.origin.lat) * self.north_m)
    }

    pub fn coord(&self, (east, north): (f64, f64)) -> Coord {
        Coord::from_degrees(self.origin.lat + north / self.north_m, self.origin.lon + east / self.east_m)
    }
}
