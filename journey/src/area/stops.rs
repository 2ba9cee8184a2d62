//! Stops on the streets: where they are entered, and the footpaths between them.

use domain::geo::{LatLon, Ruler};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::Step;
use crate::streets::{BoxIndex, Budget, Coord, Direction, Link, Mode, Network, Reach, Workspace};
use crate::timetable::footpaths::{Footpath, Footpaths, Path};
use crate::timetable::pathways::{Way, Ways};
use crate::timetable::{StopIx, Timetable};

/// Largest distance between a stop and its street, metres.
const STREET_LIMIT_M: f64 = 200.0;

/// Longest footpath between stops, metres along the streets; a search uses those within the traveller's own limit.
const CHANGE_WALK_M: f64 = 1_000.0;

/// Beyond this distance, metres, a footpath is kept only if it leads to a line that stops nowhere nearer: else every
/// stop of a town would have footpaths to hundreds of others with the same lines.
const CHANGE_NEAR_M: f64 = 350.0;

/// Finding the other stop and crossing to it, seconds on top of the walk.
const CHANGE_EXTRA_S: i32 = 60;

/// Lowest walking speed for changes over up to [`CHANGE_WALK_M`], m/s.
const CHANGE_SPEED_MPS: f64 = 0.8;

/// Progress is reported every so many stops.
const STOPS_BETWEEN_STEPS: usize = 1_000;

/// The modes in which stops are reached, in the order of [`StopLinks::links`].
const MODES: [Mode; 4] = [Mode::Foot, Mode::Wheelchair, Mode::Bike, Mode::Car];

/// Where stops meet the streets, by [`StopIx`]; `None` where no vehicle stops, or no street is near.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StopLinks {
    links: [Vec<Option<Link>>; MODES.len()],
    /// The stops that a street reaches, by place.
    #[serde(skip)]
    places: BoxIndex,
}

impl StopLinks {
    pub(super) fn new(network: &Network, timetable: &Timetable) -> Self {
        let links = |mode| {
            let link = |stop: StopIx| {
                let near = || network.snap(mode, timetable.stops.point(stop), STREET_LIMIT_M, 1);
                timetable.is_used(stop).then(near)?.first().copied()
            };
            (0..timetable.stop_count() as StopIx).map(link).collect()
        };
        StopLinks { links: MODES.map(links), places: BoxIndex::default() }.indexed(timetable)
    }

    /// Adds the index of stops by position, which is not stored.
    pub(super) fn indexed(mut self, timetable: &Timetable) -> Self {
        let foot = (0..).zip(self.of(Mode::Foot));
        let reached = foot.filter(|(_, link)| link.is_some()).map(|(stop, _)| stop);
        let coord = |stop| Coord::from(timetable.stops.point(stop));
        self.places = BoxIndex::new(reached.map(|stop| (stop, std::iter::once(coord(stop)))));
        self
    }

    /// Stops that a street reaches within `radius_m` as the crow flies.
    pub fn around(&self, timetable: &Timetable, at: LatLon, radius_m: f64) -> Vec<StopIx> {
        /// Wider than the rounding of positions.
        const MARGIN_M: f64 = 1.0;
        let ruler = Ruler::at(at);
        let is_near = |stop: &StopIx| ruler.distance_m(timetable.stops.point(*stop)) <= radius_m;
        let mut near: Vec<StopIx> = self.places.around(at, radius_m + MARGIN_M).filter(is_near).collect();
        near.sort_unstable();
        near
    }

    /// Links of all stops for one mode; by car those of vehicles on demand.
    pub fn of(&self, mode: Mode) -> &[Option<Link>] {
        MODES.iter().position(|known| *known == mode).map_or(&[], |at| &self.links[at])
    }

    /// Whether every stop has its entry.
    pub(super) fn fits(&self, timetable: &Timetable) -> bool {
        self.links.iter().all(|links| links.len() == timetable.stop_count())
    }

    /// Stops where vehicles stop and that no street reaches.
    pub(super) fn unlinked(&self, timetable: &Timetable) -> Vec<StopIx> {
        let unlinked = (0..).zip(self.of(Mode::Foot)).filter(|(_, link)| link.is_none());
        unlinked.map(|(stop, _)| stop).filter(|stop| timetable.is_used(*stop)).collect()
    }
}

/// Adds the footpaths over the streets between stops near each other. The feed's own row for two stops takes precedence;
/// for wheelchair users the streets count as well: where they cannot go, there is no change. What pathways say of two
/// platforms holds instead of the streets.
pub(super) fn add_footpaths(
    network: &Network,
    links: &StopLinks,
    timetable: &mut Timetable,
    progress: &mut dyn FnMut(Step),
) {
    let stated = stated(timetable, &timetable.footpaths);
    let mut wheelchair = walks(network, links, timetable, Mode::Wheelchair, &stated, &mut |_| ());
    let mut paths = walks(network, links, timetable, Mode::Foot, &stated, progress);
    // Footpaths that only the feed has, e.g. through a station.
    let known: FxHashSet<(StopIx, StopIx)> = paths.iter().map(|path| (path.from, path.to)).collect();
    let by_feed = |(&(from, to), path): (&(StopIx, StopIx), &Footpath)| {
        let away_m = timetable.stops.point(from).distance_m(timetable.stops.point(to));
        let metres = if path.metres > 0 { path.metres } else { metres(away_m) };
        Path { from, to, seconds: path.seconds, metres }
    };
    // Out of a station and in again leads a street or nothing.
    let way = |wheelchair, pair: &(StopIx, StopIx)| timetable.ways.of(wheelchair, pair.0, pair.1);
    let is_outside = |pair| matches!(way(false, pair), Some(Way::Outside { .. }));
    let other = stated.iter().filter(|(pair, _)| !known.contains(pair) && !is_outside(pair));
    paths.extend(other.map(by_feed));
    if let Some(footpaths) = &timetable.wheelchair_footpaths {
        let stated = self::stated(timetable, footpaths);
        let inside = stated.iter().filter(|(pair, _)| matches!(way(true, pair), Some(Way::Inside { .. })));
        wheelchair.extend(inside.map(by_feed));
    }
    let change_s = &timetable.change_s[..timetable.stop_count()];
    timetable.footpaths = timetable.variants.expanded(paths, change_s, false);
    timetable.wheelchair_footpaths = Some(timetable.variants.expanded(wheelchair, change_s, true));
    timetable.ways = Ways::default();
}

type Stated = FxHashMap<(StopIx, StopIx), Footpath>;

/// Changes of the feed.
fn stated(timetable: &Timetable, footpaths: &Footpaths) -> Stated {
    let stops = 0..timetable.stop_count() as StopIx;
    // Rules for single lines are applied to the footpaths afterwards.
    let of = |from| footpaths.from(from).iter().map(move |path| ((from, path.stop), *path));
    stops.clone().flat_map(of).filter(|((_, to), _)| stops.contains(to)).collect()
}

/// The footpaths over streets from each stop to those around it.
fn walks(
    network: &Network,
    links: &StopLinks,
    timetable: &Timetable,
    mode: Mode,
    stated: &Stated,
    progress: &mut dyn FnMut(Step),
) -> Vec<Path> {
    let stops = timetable.stop_count();
    let of_mode = links.of(mode);
    let mut paths = Vec::new();
    let mut workspace = Workspace::new();
    let mut patterns: FxHashSet<u32> = FxHashSet::default();
    for (from, link) in of_mode.iter().enumerate() {
        if from % STOPS_BETWEEN_STEPS == 0 {
            progress(Step::WalkingBetweenStops { done: from, of: stops });
        }
        let from = from as StopIx;
        let Some(link) = link else { continue };
        let mut others = links.around(timetable, timetable.stops.point(from), CHANGE_WALK_M);
        others.retain(|other| *other != from);
        if others.is_empty() {
            continue;
        }
        let limit_s = CHANGE_WALK_M / CHANGE_SPEED_MPS;
        let direction = Direction::Forward;
        let tree = network.tree(&mut workspace, mode, *link, direction, limit_s, Budget::NONE);
        let reach = |to: StopIx| Some((to, tree.reach(&of_mode[to as usize]?)?));
        let mut reached: Vec<(StopIx, Reach)> = others.into_iter().filter_map(reach).collect();
        reached.retain(|(_, reach)| reach.distance_m <= CHANGE_WALK_M);
        reached.sort_by(|a, b| a.1.duration_s.total_cmp(&b.1.duration_s).then(a.0.cmp(&b.0)));
        patterns.clear();
        patterns.extend(timetable.passing(from).map(|passing| passing.pattern));
        for (to, reach) in reached {
            let way = timetable.ways.of(mode == Mode::Wheelchair, from, to);
            if way == Some(Way::Nowhere) {
                continue;
            }
            let lines = timetable.passing(to).map(|passing| passing.pattern);
            let new = lines.filter(|pattern| patterns.insert(*pattern)).count();
            let pair = (from, to);
            if timetable.no_changes.binary_search(&pair).is_ok() {
                continue;
            }
            let walk_s = reach.duration_s.ceil() as i32;
            if let Some(Way::Outside { seconds, at_least_s }) = way {
                let seconds = (walk_s + seconds).max(at_least_s);
                paths.push(Path { from, to, seconds, metres: metres(reach.distance_m) });
            }
            if way.is_some() {
                continue;
            }
            let stated_s = stated.get(&pair).map(|path| path.seconds);
            if new == 0 && stated_s.is_none() && reach.distance_m > CHANGE_NEAR_M {
                continue;
            }
            let seconds = match stated_s {
                // The feed's time is one on foot.
                Some(stated_s) if mode == Mode::Wheelchair => walk_s.max(stated_s),
                Some(stated_s) => stated_s,
                None => walk_s + CHANGE_EXTRA_S,
            };
            paths.push(Path { from, to, seconds, metres: metres(reach.distance_m) });
        }
    }
    paths
}

fn metres(metres: f64) -> u16 {
    metres.round().clamp(1.0, f64::from(u16::MAX)) as u16
}
