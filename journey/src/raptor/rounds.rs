//! The rounds of a search.

use super::MAX_RIDES;
use super::layers::{Layer, Networks};
use super::line::{Line, turned};
use crate::bits;
use crate::timetable::patterns::Patterns;
use crate::timetable::{NONE, StopIx, Timetable};

/// Later than anything; twice it fits.
pub const INFINITE: i32 = i32::MAX / 4;
/// Patterns between two looks at the clock: some tens of microseconds.
const PATTERNS_PER_LOOK: u32 = 64;

/// How a stop was reached by vehicle.
#[derive(Debug, Clone, Copy, Default)]
pub struct RideLabel {
    /// Trip in its network.
    pub trip: u32,
    /// Where it was entered, in the direction of the search.
    pub entered: u16,
    pub network: u8,
    pub layer: u8,
}

/// What one round found. Only what the bit sets name is valid: nothing is cleared for a query.
#[derive(Debug, Default)]
pub struct Round {
    /// Stops that one may now board at earlier than before.
    pub marked: Vec<u64>,
    pub ready: Vec<i32>,
    /// Where the way to a marked stop began: the stop itself, or that of a footpath; [`NONE`] where
    /// the journey begins here.
    pub came_from: Vec<StopIx>,
    /// Stops reached by vehicle earlier than before.
    reached: Vec<u64>,
    pub ride: Vec<RideLabel>,
}

/// The journeys' ends: the time from each stop to the end, and over which stop.
#[derive(Debug, Default)]
pub struct Ends {
    pub seconds: Vec<i32>,
    pub over: Vec<StopIx>,
}

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
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<u64>,
    from: Vec<u16>,
}

/// What a search is to do, in its own time and direction.
pub struct Task<'a> {
    pub start: i32,
    /// Only arrivals before are looked for.
    pub bound: i32,
    pub max_rides: u8,
    pub starts: &'a [(StopIx, i32)],
    pub ends: &'a [(StopIx, i32)],
    pub walk_at_ends: bool,
    /// Stops that are not to be used.
    pub closed: Option<&'a [u64]>,
}

impl Rounds {
    /// Searches. Gives what was found, and whether `cut` ended it.
    pub fn run<const BACK: bool>(
        &mut self,
        timetable: &Timetable,
        networks: &Networks<'_>,
        task: &Task<'_>,
        cut: &mut dyn FnMut() -> bool,
    ) -> (Vec<Found>, bool) {
        self.reset(timetable, networks, task);
        self.set_ends::<BACK>(timetable, task);
        let mut found = Vec::new();
        let mut bound = task.bound;
        self.begin::<BACK>(timetable, task, &mut bound, &mut found);
        let mut was_cut = false;
        for round in 1..=task.max_rides {
            if !self.collect::<BACK>(networks, round, bound) {
                break;
            }
            let before = bound;
            let mut best = NONE;
            was_cut = self.ride::<BACK>(networks, round, task.start, &mut bound, &mut best, cut);
            if bound < before {
                found.push(Found { rides: round, time: bound, stop: best });
            }
            if was_cut || round == task.max_rides {
                break;
            }
            self.walk::<BACK>(timetable, round, bound);
        }
        self.unset_ends::<BACK>(timetable, task);
        (found, was_cut)
    }

    fn reset(&mut self, timetable: &Timetable, networks: &Networks<'_>, task: &Task<'_>) {
        let stops = timetable.stop_count();
        let rounds = usize::from(task.max_rides.min(MAX_RIDES)) + 1;
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
        if self.queues.len() < networks.len() {
            self.queues.resize_with(networks.len(), Queue::default);
        }
        for (queue, network) in self.queues.iter_mut().zip(networks) {
            queue.waiting.clear();
            queue.waiting.resize(bits::words(network.patterns.len()), 0);
            queue.from.resize(network.patterns.len().max(queue.from.len()), 0);
        }
    }

    /// Notes how far it is from stops to the end: from the ends themselves, and over footpaths.
    fn set_ends<const BACK: bool>(&mut self, timetable: &Timetable, task: &Task<'_>) {
        let stops = timetable.stop_count();
        let ends = &mut self.ends;
        let is_closed = |stop: StopIx| task.closed.is_some_and(|closed| bits::has(closed, stop as usize));
        for (stop, seconds) in task.ends.iter().filter(|(stop, _)| (*stop as usize) < stops) {
            if is_closed(*stop) {
                continue;
            }
            ends.offer(*stop, *stop, *seconds);
            if task.walk_at_ends {
                for path in paths_to::<BACK>(timetable, *stop) {
                    ends.offer(path.stop, *stop, seconds + path.seconds);
                }
            }
        }
    }

    fn unset_ends<const BACK: bool>(&mut self, timetable: &Timetable, task: &Task<'_>) {
        for (stop, _) in task.ends.iter().filter(|(stop, _)| (*stop as usize) < timetable.stop_count()) {
            self.ends.seconds[*stop as usize] = INFINITE;
            for path in paths_to::<BACK>(timetable, *stop) {
                self.ends.seconds[path.stop as usize] = INFINITE;
            }
        }
    }

    /// Round 0: where one may board first, and the way on foot alone.
    fn begin<const BACK: bool>(
        &mut self,
        timetable: &Timetable,
        task: &Task<'_>,
        bound: &mut i32,
        found: &mut Vec<Found>,
    ) {
        let Rounds { rounds, best_ride, best_ready, ends, .. } = self;
        let round = &mut rounds[0];
        round.marked.fill(0);
        let mut best = None;
        let stops = best_ride.len();
        for (stop, seconds) in task.starts.iter().filter(|(stop, _)| (*stop as usize) < stops) {
            let at = *stop as usize;
            let ready = task.start + seconds;
            if best_ride[at] == i32::MIN {
                continue;
            }
            let end = ready + ends.seconds[at];
            if end < *bound {
                *bound = end;
                best = Some(Found { rides: 0, time: end, stop: *stop });
            }
            round.mark(best_ready, *stop, ready, NONE);
            // Coming back by vehicle is of no use: all that leaves from here could be had at once.
            best_ride[at] = best_ride[at].min(ready);
            if task.walk_at_ends {
                for path in paths_from::<BACK>(timetable, *stop) {
                    round.mark(best_ready, path.stop, ready + path.seconds, *stop);
                }
            }
        }
        found.extend(best);
    }

    /// Finds the patterns that pass marked stops. `false` when there is none.
    fn collect<const BACK: bool>(&mut self, networks: &Networks<'_>, round: u8, bound: i32) -> bool {
        let before = &self.rounds[usize::from(round) - 1];
        let mut any = false;
        for stop in bits::members(&before.marked) {
            if before.ready[stop] >= bound {
                continue;
            }
            for (queue, network) in self.queues.iter_mut().zip(networks) {
                queue.add::<BACK>(network.patterns, stop as StopIx);
                any = true;
            }
        }
        any
    }

    /// Rides along all waiting patterns. `true` when `cut` ended it.
    fn ride<const BACK: bool>(
        &mut self,
        networks: &Networks<'_>,
        number: u8,
        start: i32,
        bound: &mut i32,
        best: &mut StopIx,
        cut: &mut dyn FnMut() -> bool,
    ) -> bool {
        let Rounds { rounds, best_ride, ends, queues, .. } = self;
        let (before, after) = rounds.split_at_mut(usize::from(number));
        let (before, round) = (&before[usize::from(number) - 1], &mut after[0]);
        round.reached.fill(0);
        let mut scan = Scan { before, round, best_ride, ends, bound, best };
        let mut looks = 0u32;
        for (network_number, (queue, network)) in queues.iter_mut().zip(networks).enumerate() {
            for pattern in bits::members(&queue.waiting) {
                looks += 1;
                if looks.is_multiple_of(PATTERNS_PER_LOOK) && cut() {
                    return true;
                }
                let stops = network.patterns.pattern(pattern);
                for (layer_number, layer) in network.layers.iter().enumerate() {
                    let span = layer.trips.spans[pattern];
                    if Line::<BACK>::is_out(span, layer.shift, start, *scan.bound) {
                        continue;
                    }
                    let label = RideLabel {
                        trip: 0,
                        entered: 0,
                        network: network_number as u8,
                        layer: layer_number as u8,
                    };
                    let line = Line::<BACK>::new(stops, layer.shift);
                    let trips = stops.first_trip..stops.first_trip + stops.trips;
                    scan.line(line, trips, layer, usize::from(queue.from[pattern]), label);
                }
            }
            queue.waiting.fill(0);
        }
        false
    }

    /// Where one may board next: on the spot after the change time, and at the ends of footpaths.
    fn walk<const BACK: bool>(&mut self, timetable: &Timetable, number: u8, bound: i32) {
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
            round.mark(best_ready, stop, time + timetable.change_s[at], stop);
            for path in paths_from::<BACK>(timetable, stop) {
                round.mark(best_ready, path.stop, time + path.seconds, stop);
            }
        }
        round.reached = reached;
    }
}

impl Round {
    #[inline]
    fn mark(&mut self, best: &mut [i32], stop: StopIx, ready: i32, came_from: StopIx) {
        let at = stop as usize;
        if ready < best[at] {
            best[at] = ready;
            self.ready[at] = ready;
            self.came_from[at] = came_from;
            bits::set(&mut self.marked, at);
        }
    }
}

impl Ends {
    fn offer(&mut self, stop: StopIx, over: StopIx, seconds: i32) {
        let at = stop as usize;
        if seconds < self.seconds[at] {
            self.seconds[at] = seconds;
            self.over[at] = over;
        }
    }
}

impl Queue {
    #[inline]
    fn add<const BACK: bool>(&mut self, patterns: &Patterns, stop: StopIx) {
        for passing in patterns.passing(stop) {
            let pattern = passing.pattern as usize;
            let position = turned::<BACK>(usize::from(passing.position), patterns.stops_of(pattern)) as u16;
            if bits::has(&self.waiting, pattern) {
                self.from[pattern] = self.from[pattern].min(position);
            } else {
                bits::set(&mut self.waiting, pattern);
                self.from[pattern] = position;
            }
        }
    }
}

struct Scan<'a> {
    before: &'a Round,
    round: &'a mut Round,
    best_ride: &'a mut [i32],
    ends: &'a Ends,
    /// Earliest end found so far: what is not before it is of no use.
    bound: &'a mut i32,
    best: &'a mut StopIx,
}

impl Scan<'_> {
    /// Rides along one line: always in the first trip that could be caught so far.
    #[inline]
    fn line<const BACK: bool>(
        &mut self,
        line: Line<'_, BACK>,
        trips: std::ops::Range<usize>,
        layer: &Layer<'_>,
        from: usize,
        mut label: RideLabel,
    ) {
        let mut held: Option<usize> = None;
        for position in from..line.len() {
            let pattern_stop = line.stop(position);
            let at = pattern_stop.stop() as usize;
            if let Some(trip) = held.filter(|_| Line::<BACK>::can_leave(pattern_stop)) {
                let time = line.leave(trip, position);
                if time < self.best_ride[at] && time < *self.bound {
                    self.best_ride[at] = time;
                    self.round.ride[at] = label;
                    bits::set(&mut self.round.reached, at);
                    let end = time + self.ends.seconds[at];
                    if end < *self.bound {
                        *self.bound = end;
                        *self.best = at as StopIx;
                    }
                }
            }
            if !bits::has(&self.before.marked, at) || !Line::<BACK>::can_enter(pattern_stop) {
                continue;
            }
            // Who came here on this very line gains only by a trip ahead of the one left: that is
            // still here where trips wait long enough. Most often there is none.
            let came = self.before.ride[at];
            let same_line = self.before.came_from[at] == at as StopIx
                && (came.network, came.layer) == (label.network, label.layer)
                && trips.contains(&(came.trip as usize));
            let came = (came.trip as usize).wrapping_sub(trips.start);
            let ahead_of = match held {
                _ if !same_line => held,
                Some(trip) if Line::<BACK>::is_ahead(trip, came) => held,
                _ => Some(came),
            };
            let ready = self.before.ready[at];
            if ready >= *self.bound {
                continue;
            }
            if let Some(trip) = line.first(position, ready, ahead_of, &layer.trips.running, layer.removed) {
                held = Some(trip);
                label.trip = (trips.start + trip) as u32;
                label.entered = position as u16;
            }
        }
    }
}

fn paths_from<const BACK: bool>(
    timetable: &Timetable,
    stop: StopIx,
) -> &[crate::timetable::footpaths::Footpath] {
    if BACK { timetable.footpaths.to(stop) } else { timetable.footpaths.from(stop) }
}

fn paths_to<const BACK: bool>(
    timetable: &Timetable,
    stop: StopIx,
) -> &[crate::timetable::footpaths::Footpath] {
    if BACK { timetable.footpaths.from(stop) } else { timetable.footpaths.to(stop) }
}
