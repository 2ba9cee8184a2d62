//! Journeys from labels.

use super::journey::{Journey, Leg, Walk};
use super::layers::DatedTrip;
use super::line::{Line, Permit, directed, turned};
use super::permits::Permits;
use super::rounds::{Found, RideLabel, Rounds, Task};
use super::taken::{Seat, Taken};
use crate::overlay::Runs;
use crate::timetable::patterns::PatternStop;
use crate::timetable::{NONE, StopIx};

/// What labels refer to.
pub struct Tracer<'a> {
    pub runs: Runs<'a>,
    pub rounds: &'a Rounds,
    pub task: &'a Task<'a>,
    pub permits: Option<Permits<'a>>,
    /// Begin of the day that times count from, seconds since 1970.
    pub begins_at: i64,
}

impl Tracer<'_> {
    /// The journey that `found` stands for.
    pub fn journey<const BACK: bool>(&self, found: Found) -> Journey {
        // In the direction of the search, against which they are found.
        let mut legs = Vec::with_capacity(2 * usize::from(found.rides) + 2);
        let variants = &self.runs.timetable.variants;
        let last = variants.stop(found.stop);
        let over = self.rounds.ends.over[found.stop as usize];
        if over != last {
            // At the ends rules for changes of single lines do not apply.
            legs.push(self.walk::<BACK>(last, over));
        }
        let mut stop = found.stop;
        for round in (1..=usize::from(found.rides)).rev() {
            stop = self.rides::<BACK>(self.rounds.rounds[round].ride[stop as usize], stop, &mut legs);
            let came_from = self.rounds.rounds[round - 1].came_from[stop as usize];
            if came_from == NONE || came_from == stop {
                continue;
            }
            if variants.stop(came_from) != variants.stop(stop) {
                let to = if round == 1 { variants.stop(stop) } else { stop };
                legs.push(self.walk::<BACK>(came_from, to));
            }
            stop = came_from;
        }
        if !BACK {
            legs.reverse();
        }
        self.timed::<BACK>(found, variants.stop(stop), legs)
    }

    /// The rides of one round up to `stop`, several where one stayed seated; gives where the first was
    /// entered.
    fn rides<const BACK: bool>(&self, mut label: RideLabel, stop: StopIx, legs: &mut Vec<Leg>) -> StopIx {
        let mut left = self.left::<BACK>(label, stop);
        let mut seated = false;
        while let Some(before) = self.rounds.seated.before(label) {
            // Backwards it is the ride behind, in the order of travel, that one stays seated into.
            let seat = Seat { from_before: !BACK || seated, into_next: BACK || seated };
            legs.push(self.ride::<BACK>(label, left, seat));
            (label, seated) = (before, true);
            left = self.dated(label).times.last();
        }
        let seat = Seat { from_before: BACK && seated, into_next: !BACK && seated };
        legs.push(self.ride::<BACK>(label, left, seat));
        self.line::<BACK>(label).stop(label.entered_at()).stop()
    }

    /// Sets the times of the walks of legs that are now in the order of travel.
    fn timed<const BACK: bool>(&self, found: Found, start: StopIx, mut legs: Vec<Leg>) -> Journey {
        // Walks follow the ride before at once; the very first one leads up to the first ride.
        for at in 1..legs.len() {
            let before = legs[at - 1].arrival_s();
            if let Leg::Walk(walk) = &mut legs[at] {
                walk.begin_at(before);
            }
        }
        let seconds = |of: &[(StopIx, i32)], stop| {
            of.iter().filter(|(s, _)| *s == stop).map(|(_, seconds)| *seconds).min().unwrap_or(0)
        };
        let at_start = seconds(self.task.starts, start);
        let end = self.rounds.ends.over[found.stop as usize];
        let at_end = seconds(self.task.ends, end);
        let (access, egress) = if BACK { (at_end, at_start) } else { (at_start, at_end) };
        let (mut departure, mut arrival) = (directed::<BACK>(self.task.start), directed::<BACK>(found.time));
        if BACK {
            std::mem::swap(&mut departure, &mut arrival);
        }
        if found.rides == 0 {
            if let Some(Leg::Walk(walk)) = legs.first_mut() {
                walk.begin_at(departure + access);
            }
        } else {
            if let [Leg::Walk(walk), next, ..] = legs.as_mut_slice() {
                walk.begin_at(next.departure_s() - (walk.arrival_s - walk.departure_s));
            }
            let query = self.task.query;
            let (first_s, last_s) = (legs[0].departure_s(), legs[legs.len() - 1].arrival_s());
            let (from, to) = if BACK { (end, start) } else { (start, end) };
            let by_spans = query.origin_spans.map(|spans| spans.departure(from, first_s));
            departure = by_spans.flatten().unwrap_or(first_s - access);
            let by_spans = query.destination_spans.map(|spans| spans.arrival(to, last_s));
            arrival = by_spans.flatten().unwrap_or(last_s + egress);
        }
        Journey { rides: found.rides, departure_s: departure, arrival_s: arrival, legs }
    }

    /// A walk between two nodes in the direction of the search, from time 0 on.
    fn walk<const BACK: bool>(&self, from: StopIx, to: StopIx) -> Leg {
        let (from, to) = if BACK { (to, from) } else { (from, to) };
        let path = self.task.footpaths.from(from).iter().find(|path| path.stop == to);
        let stop = |node| self.runs.timetable.variants.stop(node);
        let arrival_s = path.map_or(0, |path| path.seconds);
        Leg::Walk(Walk { from: stop(from), to: stop(to), departure_s: 0, arrival_s })
    }

    fn ride<const BACK: bool>(&self, label: RideLabel, left: usize, seat: Seat) -> Leg {
        let run = self.dated(label);
        let stops = run.times.pattern.stops.len();
        let [entered, left] = [label.entered_at(), left].map(|at| turned::<BACK>(at, stops));
        let (board, alight) = if BACK { (left, entered) } else { (entered, left) };
        let trip = run.network.trip(label.trip);
        let taken = Taken { runs: self.runs, booked: self.task.query.booked, begins_at: self.begins_at };
        Leg::Ride(taken.ride(&run, trip, [board, alight], seat))
    }

    /// The position where a ride to `stop` is left: the first one, since a line that comes by twice is earlier the first
    /// time.
    fn left<const BACK: bool>(&self, label: RideLabel, stop: StopIx) -> usize {
        let line = self.line::<BACK>(label);
        let is_left = |at: &usize| {
            let here = line.stop(*at);
            here.stop() == stop && self.can_leave::<BACK>(label, here, *at)
        };
        (label.entered_at() + 1..line.len()).find(is_left).unwrap_or(line.len() - 1)
    }

    fn can_leave<const BACK: bool>(&self, label: RideLabel, stop: PatternStop, position: usize) -> bool {
        let run = self.dated(label);
        let pattern = run.network.patterns.pattern_of(label.trip);
        let permits = self.permits.as_ref();
        match permits.and_then(|permits| permits.group_of(label.layer, pattern, run.times.at)) {
            Some(group) => Permit::<BACK>::can_leave(group, stop, position),
            None => Line::<BACK>::can_leave(stop),
        }
    }

    fn dated(&self, label: RideLabel) -> DatedTrip<'_> {
        DatedTrip::new(self.task.networks, label.layer, label.trip)
    }

    fn line<const BACK: bool>(&self, label: RideLabel) -> Line<'_, BACK> {
        let run = self.dated(label);
        Line::new(run.times.pattern, run.layer.shift)
    }
}
