//! Journeys from labels.

use super::journey::{Journey, Leg, Ride, Walk};
use super::labels::{RideLabel, SEATED};
use super::layers::Networks;
use super::line::{Line, directed, turned};
use super::rounds::{Found, Rounds, Task};
use crate::overlay::Runs;
use crate::timetable::{NONE, StopIx};

/// What labels refer to.
pub struct Tracer<'a, 'n> {
    pub runs: Runs<'a>,
    pub networks: &'a Networks<'n>,
    pub rounds: &'a Rounds,
    pub task: &'a Task<'a>,
}

/// A leg in the time and direction of the search.
enum Step {
    /// (label, where it is left, whether one has stayed seated)
    Ride(RideLabel, usize, bool),
    /// (from, to, seconds)
    Walk(StopIx, StopIx, i32),
}

impl Tracer<'_, '_> {
    /// The journey that `found` stands for.
    pub fn journey<const BACK: bool>(&self, found: Found) -> Journey {
        let mut steps = Vec::with_capacity(2 * usize::from(found.rides) + 2);
        let ends = &self.rounds.ends;
        let variants = &self.runs.timetable.variants;
        let over = ends.over[found.stop as usize];
        if over != variants.stop(found.stop) {
            // At the ends rules for changes of single lines do not apply.
            let from = variants.stop(found.stop);
            steps.push(Step::Walk(from, over, self.walk_s::<BACK>(from, over)));
        }
        let mut stop = found.stop;
        for round in (1..=usize::from(found.rides)).rev() {
            stop = self.rides::<BACK>(self.rounds.rounds[round].ride[stop as usize], stop, &mut steps);
            let came_from = self.rounds.rounds[round - 1].came_from[stop as usize];
            if came_from == NONE || came_from == stop {
                continue;
            }
            if variants.stop(came_from) != variants.stop(stop) {
                let (from, to) =
                    if round == 1 { (came_from, variants.stop(stop)) } else { (came_from, stop) };
                let seconds = self.walk_s::<BACK>(from, to);
                steps.push(Step::Walk(variants.stop(from), variants.stop(to), seconds));
            }
            stop = came_from;
        }
        if !BACK {
            steps.reverse();
        }
        self.timed::<BACK>(found, variants.stop(stop), &steps)
    }

    /// The rides of one round up to `stop`, several where one stayed seated; gives where the first was
    /// entered.
    fn rides<const BACK: bool>(&self, mut label: RideLabel, stop: StopIx, steps: &mut Vec<Step>) -> StopIx {
        let (mut entered, mut left) = self.line_of::<BACK>(label, stop);
        let mut seated = false;
        while let Some(before) = (label.entered == SEATED).then(|| self.rounds.seated.before(label)).flatten()
        {
            // Backwards it is the ride behind, in the order of travel, that one stays seated into.
            steps.push(Step::Ride(RideLabel { entered: 0, ..label }, left, if BACK { seated } else { true }));
            (label, seated) = (before, BACK);
            let network = &self.networks[usize::from(label.network)];
            left = network.patterns.stops_of(network.patterns.pattern_of(label.trip)) - 1;
            entered = self.line_of::<BACK>(label, NONE).0;
        }
        steps.push(Step::Ride(label, left, seated));
        entered
    }

    /// Adds times to the steps, now in the order of travel.
    fn timed<const BACK: bool>(&self, found: Found, start: StopIx, steps: &[Step]) -> Journey {
        let mut legs: Vec<Leg> = steps.iter().map(|step| self.leg::<BACK>(step)).collect();
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
        let last = self.rounds.ends.over[found.stop as usize];
        let at_start = seconds(self.task.starts, start);
        let at_end = seconds(self.task.ends, last);
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
            departure = legs[0].departure_s() - access;
            arrival = legs[legs.len() - 1].arrival_s() + egress;
        }
        Journey { rides: found.rides, departure_s: departure, arrival_s: arrival, legs }
    }

    fn leg<const BACK: bool>(&self, step: &Step) -> Leg {
        match *step {
            Step::Walk(from, to, seconds) => {
                let (from, to) = if BACK { (to, from) } else { (from, to) };
                Leg::Walk(Walk { from, to, departure_s: 0, arrival_s: seconds })
            }
            Step::Ride(label, left, seated) => {
                Leg::Ride(Ride { stay_seated: seated, ..self.ride::<BACK>(label, left) })
            }
        }
    }

    fn ride<const BACK: bool>(&self, label: RideLabel, left: usize) -> Ride {
        let network = &self.networks[usize::from(label.network)];
        let layer = &network.layers[usize::from(label.layer)];
        let pattern = network.patterns.pattern(network.patterns.pattern_of(label.trip));
        let trip = label.trip as usize - pattern.first_trip;
        let count = pattern.stops.len();
        let (entered, left) =
            (turned::<BACK>(usize::from(label.entered), count), turned::<BACK>(left, count));
        let (board, alight) = if BACK { (left, entered) } else { (entered, left) };
        let number = network.trip(label.trip);
        let is_live = |at: usize| network.changed.is_some_and(|day| day.is_live(number, at));
        Ride {
            trip: number,
            service_day: layer.day,
            board: board as u16,
            alight: alight as u16,
            from: self.runs.timetable.variants.stop(pattern.stops[board].stop()),
            to: self.runs.timetable.variants.stop(pattern.stops[alight].stop()),
            stay_seated: false,
            departure_s: pattern.departure(trip, board) + layer.shift,
            arrival_s: pattern.arrival(trip, alight) + layer.shift,
            scheduled_departure_s: self.runs.planned(number, board).1 + layer.shift,
            scheduled_arrival_s: self.runs.planned(number, alight).0 + layer.shift,
            departure_is_live: is_live(board),
            arrival_is_live: is_live(alight),
            pickup: pattern.stops[board].pickup(),
            drop_off: pattern.stops[alight].drop_off(),
        }
    }

    /// The stop where a ride to `stop` was entered, and the position where it is left: the first
    /// one, since a line that comes by twice is earlier the first time.
    fn line_of<const BACK: bool>(&self, label: RideLabel, stop: StopIx) -> (StopIx, usize) {
        let network = &self.networks[usize::from(label.network)];
        let layer = &network.layers[usize::from(label.layer)];
        let pattern = network.patterns.pattern(network.patterns.pattern_of(label.trip));
        let line = Line::<BACK>::new(pattern, layer.shift);
        let entered = if label.entered == SEATED { 0 } else { usize::from(label.entered) };
        let left = (entered + 1..line.len()).find(|at| {
            line.stop(*at).stop() == stop && Line::<BACK>::can_leave(line.stop(*at), self.task.boardings)
        });
        (line.stop(entered).stop(), left.unwrap_or(line.len() - 1))
    }

    fn walk_s<const BACK: bool>(&self, from: StopIx, to: StopIx) -> i32 {
        let (from, to) = if BACK { (to, from) } else { (from, to) };
        let path = self.task.footpaths.from(from).iter().find(|path| path.stop == to);
        path.map_or(0, |path| path.seconds)
    }
}

impl Leg {
    /// When it begins.
    pub fn departure_s(&self) -> i32 {
        match self {
            Leg::Ride(ride) => ride.departure_s,
            Leg::Walk(walk) => walk.departure_s,
        }
    }

    /// When it ends.
    pub fn arrival_s(&self) -> i32 {
        match self {
            Leg::Ride(ride) => ride.arrival_s,
            Leg::Walk(walk) => walk.arrival_s,
        }
    }
}

impl Walk {
    fn begin_at(&mut self, departure_s: i32) {
        self.arrival_s += departure_s - self.departure_s;
        self.departure_s = departure_s;
    }
}
