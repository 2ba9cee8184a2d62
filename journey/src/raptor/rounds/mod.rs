//! The rounds of a search.

mod labels;
mod reach;
mod scan;
mod seated;

pub use self::labels::RideLabel;
use self::labels::{Ends, Round};
use self::reach::Reach;
use self::scan::{Queue, Scan};
use self::seated::{Seated, Trips};
use super::layers::{LayerIx, Network};
use super::line::{Line, directed};
use super::permits::{Permits, Unrestricted};
use super::{MAX_RIDES, Query, Spans};
use crate::bits;
use crate::timetable::footpaths::{Footpath, Footpaths};
use crate::timetable::{NONE, StopIx, Timetable};

/// Later than anything; twice it fits.
const INFINITE: i32 = i32::MAX / 4;
/// Patterns between two looks at the clock: some tens of microseconds.
const PATTERNS_PER_LOOK: u32 = 64;

/// A journey found, to be traced back.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub rides: u8,
    /// At the end, in the time of the search.
    pub time: i32,
    /// Where the last vehicle was left (without rides: where the journey began).
    pub stop: StopIx,
}

/// Reusable memory of one search.
#[derive(Debug, Default)]
pub struct Rounds {
    pub rounds: Vec<Round>,
    best_ride: Vec<i32>,
    best_ready: Vec<i32>,
    pub ends: Ends,
    /// By network: patterns to scan, and from where.
    queues: Vec<Queue>,
    reach: Reach,
    pub seated: Seated,
}

/// A search in its own time and direction.
pub struct Task<'a> {
    pub timetable: &'a Timetable,
    pub query: &'a Query<'a>,
    /// The timetable first.
    pub networks: &'a [Network<'a>],
    pub start: i32,
    /// Upper bound of arrivals.
    pub bound: i32,
    pub starts: &'a [(StopIx, i32)],
    pub ends: &'a [(StopIx, i32)],
    /// When the ways of `starts` and `ends` can be set out on, where not at any time.
    pub start_spans: Option<&'a Spans>,
    pub end_spans: Option<&'a Spans>,
    /// Whether to compute which stops are too many rides from the end (see `reach.rs`).
    pub looks_back: bool,
    /// Stops that are not to be used.
    pub closed: Option<&'a [u64]>,
    /// Footpaths between stops.
    pub footpaths: &'a Footpaths,
}

impl Task<'_> {
    fn max_rides(&self) -> u8 {
        self.query.max_rides.min(MAX_RIDES)
    }

    /// When one is at a stop by its way from the start, in the time of the search.
    pub fn begin_at<const BACK: bool>(&self, stop: StopIx, seconds: i32) -> Option<i32> {
        let Some(spans) = self.start_spans else { return Some(self.start + seconds) };
        match BACK {
            true => spans.departure(stop, -self.start).map(directed::<BACK>),
            false => spans.arrival(stop, self.start),
        }
    }

    /// When one is at the end by the way from a stop, in the time of the search. [`INFINITE`]: never.
    pub fn end_at<const BACK: bool>(&self, stop: StopIx, time: i32, seconds: i32) -> i32 {
        let Some(spans) = self.end_spans else { return time + seconds };
        let at = match BACK {
            true => spans.departure(stop, -time).map(directed::<BACK>),
            false => spans.arrival(stop, time),
        };
        at.unwrap_or(INFINITE)
    }

    /// The footpaths that leave `stop` in the direction of the search.
    fn paths_from<const BACK: bool>(&self, stop: StopIx) -> impl Iterator<Item = &Footpath> {
        let paths = if BACK { self.footpaths.to(stop) } else { self.footpaths.from(stop) };
        paths.iter().filter(|path| path.metres <= self.query.max_path_m)
    }

    /// The footpaths that lead to `stop` in the direction of the search.
    fn paths_to<const BACK: bool>(&self, stop: StopIx) -> impl Iterator<Item = &Footpath> {
        let paths = if BACK { self.footpaths.from(stop) } else { self.footpaths.to(stop) };
        paths.iter().filter(|path| path.metres <= self.query.max_path_m)
    }

    /// Whether there is such a stop; nodes of the search have greater numbers.
    fn is_stop(&self, stop: StopIx) -> bool {
        (stop as usize) < self.timetable.stop_count()
    }

    /// The ways to the end: from where, over which of the ends, and the seconds. One walks as any one does, whatever holds
    /// for changes of single lines: nobody changes.
    fn egresses<const BACK: bool>(&self) -> impl Iterator<Item = (StopIx, StopIx, i32)> {
        self.ends.iter().filter(|(end, _)| self.is_stop(*end)).flat_map(|&(end, seconds)| {
            let paths = self.paths_to::<BACK>(end);
            let paths = paths.filter(|path| self.query.walk_at_ends && self.is_stop(path.stop));
            let on_foot = paths.map(move |path| (path.stop, end, seconds + path.seconds));
            std::iter::once((end, end, seconds)).chain(on_foot)
        })
    }
}

impl Rounds {
    /// Searches. Returns what was found, and whether `cut` ended it.
    pub fn run<const BACK: bool>(
        &mut self,
        task: &Task<'_>,
        permits: &mut Option<Permits<'_>>,
        cut: &mut dyn FnMut() -> bool,
    ) -> (Vec<Found>, bool) {
        self.reset(task);
        self.set_ends::<BACK>(task);
        let mut bound = task.bound;
        let mut found: Vec<Found> = self.begin::<BACK>(task, &mut bound).into_iter().collect();
        let mut was_cut = false;
        for round in 1..=task.max_rides() {
            // Worth its cost once the rides left are few: short journeys have been found by then.
            let first_look = task.max_rides() / 2 + 1;
            let looks_back = task.looks_back && round >= first_look;
            if looks_back && round == first_look {
                self.reach.fill::<BACK>(task, task.max_rides() - round + 1);
            }
            let left = looks_back.then_some(task.max_rides() - round + 1);
            if !self.collect::<BACK>(task, round, left, bound) {
                break;
            }
            let before = bound;
            let mut best = NONE;
            was_cut = self.ride::<BACK>(task, permits, round, &mut bound, &mut best, cut);
            if bound < before {
                found.push(Found { rides: round, time: bound, stop: best });
            }
            if was_cut || round == task.max_rides() {
                break;
            }
            self.walk::<BACK>(task, round, bound);
        }
        for (from, ..) in task.egresses::<BACK>() {
            for node in task.timetable.variants.nodes_of(from) {
                self.ends.seconds[node as usize] = INFINITE;
            }
        }
        (found, was_cut)
    }

    fn reset(&mut self, task: &Task<'_>) {
        let stops = task.timetable.variants.nodes();
        self.seated.clear();
        let rounds = usize::from(task.max_rides()) + 1;
        if self.rounds.len() < rounds {
            self.rounds.resize_with(rounds, Round::default);
        }
        for round in &mut self.rounds[..rounds] {
            if round.ready.len() != stops {
                round.ready = vec![0; stops];
                round.came_from = vec![0; stops];
                round.ride = vec![RideLabel::default(); stops];
                round.marked = vec![0; bits::words(stops)];
                round.reached = vec![0; bits::words(stops)];
            }
        }
        for best in [&mut self.best_ride, &mut self.best_ready] {
            best.clear();
            best.resize(stops, INFINITE);
            for stop in task.closed.into_iter().flat_map(bits::members) {
                best[stop] = i32::MIN;
            }
        }
        if self.ends.seconds.len() != stops {
            self.ends = Ends { seconds: vec![INFINITE; stops], over: vec![NONE; stops] };
        }
        if self.queues.len() < task.networks.len() {
            self.queues.resize_with(task.networks.len(), Queue::default);
        }
        for (queue, network) in self.queues.iter_mut().zip(task.networks) {
            queue.waiting.clear();
            queue.waiting.resize(bits::words(network.patterns.len()), 0);
            queue.from.resize(network.patterns.len().max(queue.from.len()), 0);
        }
    }

    /// Notes how far it is from stops to the end.
    fn set_ends<const BACK: bool>(&mut self, task: &Task<'_>) {
        let is_closed = |stop: StopIx| task.closed.is_some_and(|closed| bits::has(closed, stop as usize));
        for (from, over, seconds) in task.egresses::<BACK>().filter(|(_, over, _)| !is_closed(*over)) {
            let nodes = task.timetable.variants.nodes_of(from);
            nodes.for_each(|node| self.ends.offer(node, over, seconds));
        }
    }

    /// Round 0: where one may board first, and the journey on foot alone.
    fn begin<const BACK: bool>(&mut self, task: &Task<'_>, bound: &mut i32) -> Option<Found> {
        let Rounds { rounds, best_ride, best_ready, ends, .. } = self;
        let round = &mut rounds[0];
        round.marked.fill(0);
        let mut best = None;
        let variants = &task.timetable.variants;
        for &(stop, seconds) in task.starts.iter().filter(|(stop, _)| task.is_stop(*stop)) {
            let at = stop as usize;
            let Some(ready) = task.begin_at::<BACK>(stop, seconds) else { continue };
            if best_ride[at] == i32::MIN {
                continue;
            }
            let end = ready + ends.seconds[at];
            if task.query.walk_at_ends && end < *bound {
                *bound = end;
                best = Some(Found { rides: 0, time: end, stop });
            }
            variants.nodes_of(stop).for_each(|node| round.mark(best_ready, node, ready, NONE));
            // Coming back by vehicle is of no use: all that leaves from here could be had at once; unless
            // those who come by some line may change sooner, or only those who come by vehicle may walk on.
            if variants.is_empty()
                && (task.query.walk_at_ends || task.paths_from::<BACK>(stop).next().is_none())
            {
                best_ride[at] = best_ride[at].min(ready);
            }
            let paths = task.paths_from::<BACK>(stop);
            for path in paths.filter(|path| task.query.walk_at_ends && task.is_stop(path.stop)) {
                let reached = variants.nodes_of(path.stop);
                reached.for_each(|node| round.mark(best_ready, node, ready + path.seconds, stop));
            }
        }
        best
    }

    /// Finds the patterns that pass marked stops from which the rides `left` may lead to the end. `false` when there is none.
    fn collect<const BACK: bool>(
        &mut self,
        task: &Task<'_>,
        round: u8,
        left: Option<u8>,
        bound: i32,
    ) -> bool {
        let before = &self.rounds[usize::from(round) - 1];
        let mut any = false;
        for stop in bits::members(&before.marked) {
            if before.ready[stop] >= bound || left.is_some_and(|left| !self.reach.leads(stop, left)) {
                continue;
            }
            for (queue, network) in self.queues.iter_mut().zip(task.networks) {
                queue.add::<BACK>(network.patterns, stop as StopIx);
                any = true;
            }
        }
        any
    }

    /// Rides along all waiting patterns. `true` when `cut` ended it.
    fn ride<const BACK: bool>(
        &mut self,
        task: &Task<'_>,
        permits: &mut Option<Permits<'_>>,
        number: u8,
        bound: &mut i32,
        best: &mut StopIx,
        cut: &mut dyn FnMut() -> bool,
    ) -> bool {
        let Rounds { rounds, best_ride, ends, queues, seated, .. } = self;
        let in_seat = &task.timetable.in_seat;
        let (before, after) = rounds.split_at_mut(usize::from(number));
        let (before, round) = (&before[usize::from(number) - 1], &mut after[0]);
        round.reached.fill(0);
        let mut scan = Scan { task, before, round, best_ride, ends, bound, best };
        let mut looks = 0u32;
        for (network_number, (queue, network)) in queues.iter_mut().zip(task.networks).enumerate() {
            for number in bits::members(&queue.waiting) {
                looks += 1;
                if looks.is_multiple_of(PATTERNS_PER_LOOK) && cut() {
                    return true;
                }
                let pattern = network.patterns.pattern(number);
                for (layer_number, layer) in network.layers.iter().enumerate() {
                    let line = Line::<BACK>::new(pattern, layer.shift);
                    if line.is_out(layer.trips.spans[number], task.start, *scan.bound) {
                        continue;
                    }
                    let at = LayerIx { network: network_number as u8, layer: layer_number as u8 };
                    let from = usize::from(queue.from[number]);
                    let label = RideLabel { layer: at, ..RideLabel::default() };
                    let goes_on =
                        || !in_seat.is_empty() && (network.changed.is_some() || in_seat.any_in(number, BACK));
                    let Some(groups) = permits.as_mut().and_then(|permits| permits.groups(at, number)) else {
                        let held = scan.line(line, layer, from, label, &Unrestricted);
                        if let Some(label) = held.filter(|_| goes_on()) {
                            seated.follow::<BACK>(
                                task,
                                &mut scan,
                                permits,
                                Trips { pattern: number, group: None },
                                label,
                            );
                        }
                        continue;
                    };
                    for (group, permit) in groups.iter().enumerate() {
                        let held = scan.line(line, layer, from, label, permit);
                        if let Some(label) = held.filter(|_| goes_on()) {
                            seated.follow::<BACK>(
                                task,
                                &mut scan,
                                permits,
                                Trips { pattern: number, group: Some(group) },
                                label,
                            );
                        }
                    }
                }
            }
            queue.waiting.fill(0);
        }
        false
    }

    /// Where one may board next: on the spot after the change time, and at the ends of footpaths.
    fn walk<const BACK: bool>(&mut self, task: &Task<'_>, number: u8, bound: i32) {
        let Rounds { rounds, best_ride, best_ready, .. } = self;
        let round = &mut rounds[usize::from(number)];
        round.marked.fill(0);
        let reached = std::mem::take(&mut round.reached);
        for at in bits::members(&reached) {
            let time = best_ride[at];
            if time >= bound {
                continue;
            }
            let stop = at as StopIx;
            let ready = |seconds: i32| time + seconds.max(task.query.min_change_s);
            round.mark(best_ready, stop, ready(task.timetable.change_s[at]), stop);
            for path in task.paths_from::<BACK>(stop) {
                round.mark(best_ready, path.stop, ready(path.seconds), stop);
            }
        }
        round.reached = reached;
    }
}
