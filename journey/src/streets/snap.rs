//! From a position to the streets near it.

use std::cmp::Ordering;

use domain::geo::{Bbox, LatLon};
use serde::{Deserialize, Serialize};

use super::component::Main;
use super::condition::Closed;
use super::index::BoxIndex;
use super::plane::{OnPlane, Plane};
use super::{Class, Coord, Direction, Mode, Modes, Streets};

/// A position linked to a street.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Number of the edge.
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
    fn rank(&self, other: &Link) -> Ordering {
        let classes = |link: &Link| (!link.main, link.apart);
        let gap_m = |link: &Link| link.gap_m + if link.private { PRIVATE_M } else { 0.0 };
        let by_class = classes(self).cmp(&classes(other));
        by_class.then(gap_m(self).total_cmp(&gap_m(other))).then(self.edge.cmp(&other.edge))
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

/// Finds edges by place.
#[derive(Debug)]
pub(super) struct EdgeIndex {
    boxes: BoxIndex,
    /// Per edge the modes that may use it.
    usable: Vec<Modes>,
    main: Main,
}

/// The search for the nearest street begins with a box of this half width, metres; twice as wide each time until
/// something is found, so that points in towns look at few edges.
const FIRST_BOX_M: f64 = 60.0;

impl EdgeIndex {
    /// Of all edges; `main`: those from which one comes anywhere.
    pub fn new(streets: &Streets, main: Main) -> Self {
        let boxes = (0..streets.edges.len() as u32).map(|edge| (edge, streets.points(edge)));
        let boxes = BoxIndex::new(boxes);
        let usable = (0..streets.edges.len() as u32)
            .map(|edge| match streets.profile(edge) {
                profile if profile.class == Class::Ferry => 0,
                profile => profile.forward | profile.backward,
            })
            .collect();
        EdgeIndex { boxes, usable, main }
    }

    /// Edges whose boxes come within `radius_m` of a point.
    pub fn around(&self, point: LatLon, radius_m: f64) -> impl Iterator<Item = u32> + '_ {
        self.boxes.around(point, radius_m)
    }

    /// Edges whose boxes touch `bounds`.
    pub fn touching(&self, bounds: Bbox) -> impl Iterator<Item = u32> + '_ {
        self.boxes.touching(bounds)
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
                links.sort_by(Link::rank);
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
        let (mut best, mut best_along_m, mut gap_m) = (OnPlane::default(), 0.0, f64::INFINITY);
        let mut walked_m = 0.0;
        let mut points = streets.points(edge).map(|place| plane.metres(place));
        let mut last = points.next().unwrap_or_default();
        for next in points {
            let (foot, share) = OnPlane::default().nearest_on(last, next);
            let (length_m, distance_m) = (last.distance_m(next), foot.distance_m(OnPlane::default()));
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
