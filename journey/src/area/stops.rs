//! Stops on the streets: where they are entered, and the ways on foot between them.

use domain::geo::{LatLon, Ruler};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::Step;
use crate::streets::{Budget, Direction, Link, Mode, Network, Workspace};
use crate::timetable::footpaths::Footpaths;
use crate::timetable::{StopIx, Timetable};

/// Streets farther away than this do not lead to a stop, metres.
const STREET_LIMIT_M: f64 = 200.0;

/// Between stops so far apart one changes on foot, metres along the streets: farther, another stop
/// of the same line is nearly always nearer.
const CHANGE_WALK_M: f64 = 350.0;

/// Finding the other stop and crossing to it, seconds on top of the walk.
const CHANGE_EXTRA_S: i32 = 60;

/// Least speed on foot over streets that a change over [`CHANGE_WALK_M`] is planned with, m/s.
const CHANGE_SPEED_MPS: f64 = 1.0;

/// Tells of progress once in so many stops.
const STOPS_BETWEEN_STEPS: usize = 1_000;

/// How a stop is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Foot,
    Wheelchair,
    Bike,
}

impl Access {
    /// How one moves on the streets then.
    pub fn mode(self) -> Mode {
        match self {
            Access::Foot => Mode::Foot,
            Access::Wheelchair => Mode::Wheelchair,
            Access::Bike => Mode::Bike,
        }
    }
}

/// Where stops meet the streets, by [`StopIx`]; `None` where no vehicle stops, or no street is near.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StopLinks {
    foot: Vec<Option<Link>>,
    wheelchair: Vec<Option<Link>>,
    bike: Vec<Option<Link>>,
    #[serde(skip)]
    squares: Squares,
}

impl StopLinks {
    pub(super) fn new(network: &Network, timetable: &Timetable) -> Self {
        let links = |mode| {
            let link = |stop: usize| {
                if timetable.patterns.passing(stop as StopIx).is_empty() {
                    return None;
                }
                network.snap(mode, point(timetable, stop as StopIx), STREET_LIMIT_M, 1).first().copied()
            };
            (0..timetable.stop_count()).map(link).collect()
        };
        let [foot, wheelchair, bike] = [Mode::Foot, Mode::Wheelchair, Mode::Bike].map(links);
        StopLinks { foot, wheelchair, bike, squares: Squares::default() }.indexed(timetable)
    }

    /// With what finding stops by place needs, which is not stored.
    pub(super) fn indexed(mut self, timetable: &Timetable) -> Self {
        self.squares = Squares::new(timetable, &self.foot);
        self
    }

    /// Stops that a street reaches within `radius_m` as the crow flies.
    pub fn around(&self, timetable: &Timetable, at: LatLon, radius_m: f64) -> Vec<StopIx> {
        self.squares.around(timetable, at, radius_m)
    }

    /// Where a stop is.
    pub fn point(&self, timetable: &Timetable, stop: StopIx) -> LatLon {
        point(timetable, stop)
    }

    /// Links of all stops for one kind of access.
    pub fn of(&self, access: Access) -> &[Option<Link>] {
        match access {
            Access::Foot => &self.foot,
            Access::Wheelchair => &self.wheelchair,
            Access::Bike => &self.bike,
        }
    }

    /// Whether every stop has its entry.
    pub(super) fn fits(&self, timetable: &Timetable) -> bool {
        [&self.foot, &self.wheelchair, &self.bike].iter().all(|links| links.len() == timetable.stop_count())
    }

    /// Stops where vehicles stop and that no street reaches.
    pub(super) fn unlinked(&self, timetable: &Timetable) -> Vec<StopIx> {
        let is_served = |stop: &StopIx| !timetable.patterns.passing(*stop).is_empty();
        let stops = 0..timetable.stop_count() as StopIx;
        stops.filter(|stop| is_served(stop) && self.foot[*stop as usize].is_none()).collect()
    }
}

fn point(timetable: &Timetable, stop: StopIx) -> LatLon {
    let (lat, lon) = timetable.stops.points[stop as usize];
    LatLon { lat: f64::from(lat) / 1e6, lon: f64::from(lon) / 1e6 }
}

/// Adds the ways over the streets between stops that are near each other. What the feed says of two
/// stops holds.
pub(super) fn add_footpaths(
    network: &Network,
    links: &StopLinks,
    timetable: &mut Timetable,
    progress: &mut dyn FnMut(Step),
) {
    let stops = timetable.stop_count();
    let mut paths: Vec<(StopIx, StopIx, i32)> = Vec::new();
    let mut said: FxHashSet<(StopIx, StopIx)> = FxHashSet::default();
    for from in 0..stops as StopIx {
        for path in timetable.footpaths.from(from) {
            paths.push((from, path.stop, path.seconds));
            said.insert((from, path.stop));
        }
    }
    let mut workspace = Workspace::new();
    for (from, link) in links.foot.iter().enumerate() {
        if from % STOPS_BETWEEN_STEPS == 0 {
            progress(Step::WalkingBetweenStops { done: from, of: stops });
        }
        let Some(link) = link else { continue };
        let mut others = links.around(timetable, point(timetable, from as StopIx), CHANGE_WALK_M);
        others.retain(|other| *other as usize != from);
        if others.is_empty() {
            continue;
        }
        let limit_s = CHANGE_WALK_M / CHANGE_SPEED_MPS;
        let tree = network.tree(&mut workspace, Mode::Foot, *link, Direction::Forward, limit_s, Budget::NONE);
        for to in others {
            let reach = links.foot[to as usize].and_then(|link| tree.reach(&link));
            let Some(reach) = reach.filter(|reach| reach.distance_m <= CHANGE_WALK_M) else { continue };
            if !said.contains(&(from as StopIx, to)) {
                paths.push((from as StopIx, to, reach.duration_s.ceil() as i32 + CHANGE_EXTRA_S));
            }
        }
    }
    timetable.footpaths = Footpaths::new(stops, paths);
}

/// Stops by squares of the map.
#[derive(Debug, Clone, Default)]
struct Squares(FxHashMap<(i32, i32), Vec<StopIx>>);

/// Metres per 1e-6 degrees of latitude.
const M_PER_E6: f64 = 0.111_195;

/// Height of a square, 1e-6 degrees: some 500 m.
const SQUARE_E6: i32 = 4_500;

impl Squares {
    fn new(timetable: &Timetable, links: &[Option<Link>]) -> Self {
        let mut squares: FxHashMap<(i32, i32), Vec<StopIx>> = FxHashMap::default();
        for stop in (0..timetable.stop_count()).filter(|stop| links[*stop].is_some()) {
            squares.entry(square(timetable.stops.points[stop])).or_default().push(stop as StopIx);
        }
        Squares(squares)
    }

    fn around(&self, timetable: &Timetable, at: LatLon, radius_m: f64) -> Vec<StopIx> {
        let ruler = Ruler::at(at);
        let (row, column) = square(((at.lat * 1e6) as i32, (at.lon * 1e6) as i32));
        let rows = (radius_m / (f64::from(SQUARE_E6) * M_PER_E6)).ceil() as i32;
        let columns = (f64::from(rows) / at.lat.to_radians().cos().max(0.1)).ceil() as i32;
        let mut found = Vec::new();
        for row in row - rows..=row + rows {
            for column in column - columns..=column + columns {
                let Some(stops) = self.0.get(&(row, column)) else { continue };
                let is_near = |stop: &StopIx| ruler.distance_m(point(timetable, *stop)) <= radius_m;
                found.extend(stops.iter().copied().filter(is_near));
            }
        }
        found
    }
}

fn square((lat, lon): (i32, i32)) -> (i32, i32) {
    (lat.div_euclid(SQUARE_E6), lon.div_euclid(SQUARE_E6))
}
