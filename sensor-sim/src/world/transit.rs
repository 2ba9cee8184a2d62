//! A bus or train on its line: drives, halts, lets people on and off, runs late.

mod late;

use jiff::ToSpan;
use jiff::civil::Date;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::drive::{boarding_mean, on_leg, progress, traffic};
use super::event::{Event, Phase, Trip, VehicleCause, VehicleReport};
use super::notices::{Cancelled, is_cancelled};
use crate::clock::{LocalClock, US_PER_S, WorldClock, us, zone};
use crate::county::timetable::day_begins;
use crate::county::{County, Mode, Vehicle};
use crate::encode::native::DoorCount;
use crate::random::{binomial, lognormal, poisson, stream};

/// Doors close, then everyone is seated, seconds; and each passenger takes so long.
const LEAST_DWELL_S: f64 = 8.0;
const PER_PASSENGER_S: f64 = 1.8;
/// Spread of the running time of a leg (deviation of its logarithm).
const RUN_SPREAD: f64 = 0.15;
/// Drive without padding, as a share of the planned time.
const FREE_RUN: f64 = 0.92;
/// A vehicle stands at the first stop so long before it departs; before that it is off service.
const READY_BEFORE_S: f64 = 900.0;
/// A vehicle without a trip for so many days has none.
const DAYS_AHEAD: usize = 14;
/// Least turn at the end of the line, however late, seconds.
const LEAST_TURN_S: i64 = 60;

/// What a vehicle will do next, and when (the world's time, microseconds).
#[derive(Debug, Clone, Copy)]
enum State {
    /// Off service until it is time for its next trip.
    Depot { until: i64 },
    /// At a stop of the trip; `departed` later.
    Stop { position: usize, until: i64 },
    /// On the leg that leaves the stop at `position`.
    Leg { position: usize, from: i64, until: i64 },
}

/// A trip of a vehicle's day.
#[derive(Debug, Clone, Copy)]
struct Run {
    date: Date,
    /// Position among the vehicle's trips of that day.
    number: usize,
    /// Index into the timetable's trips.
    trip: usize,
}

/// What every step of a vehicle depends on.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) county: &'a County,
    pub(super) clock: &'a WorldClock,
    pub(super) cancelled: &'a Cancelled,
}

/// One vehicle.
#[derive(Debug)]
pub(super) struct VehicleProcess {
    rng: ChaCha8Rng,
    index: usize,
    capacity: u32,
    doors: u8,
    line: usize,
    block: usize,
    state: State,
    /// The trip it is on or waits for, and its planned start (the world's time).
    run: Run,
    direction: usize,
    planned_start: i64,
    on_board: u32,
    /// Ordered delay: the vehicle's own time is so much behind the simulated time, microseconds.
    late: i64,
    /// While an order holds it: its own time, and the simulated time until which it is held.
    held: Option<(i64, i64)>,
    /// Raised when its plans change, so that what was planned before is known as such.
    pub(super) plan: u32,
}

impl VehicleProcess {
    /// A vehicle where its timetable puts it at the start, up to 90 s late.
    pub(super) fn start(seed: u64, index: usize, vehicle: &Vehicle, on: Setting) -> Self {
        let today = on.clock.start_utc.to_zoned_datetime(zone(on.county.tz)).date();
        let mut process = Self {
            rng: stream(seed, "vehicle", index as u64),
            index,
            capacity: vehicle.seats + vehicle.standing,
            doors: if on.county.lines[vehicle.line].mode == Mode::Train { 4 } else { 2 },
            line: vehicle.line,
            block: vehicle.block,
            state: State::Depot { until: i64::MAX },
            // Last night's trips may still be on the road.
            run: Run { date: today.saturating_sub(1.day()), number: 0, trip: 0 },
            direction: 0,
            planned_start: i64::MAX,
            on_board: 0,
            late: 0,
            held: None,
            plan: 0,
        };
        process.find_run(on);
        process
    }

    /// Whether it is on the road and reports its position.
    pub(super) fn is_in_service(&self, on: Setting) -> bool {
        !matches!(self.state, State::Depot { .. }) && !self.misses_its_run(on)
    }

    /// Whether the run that it waits for is cancelled.
    fn misses_its_run(&self, on: Setting) -> bool {
        let waits = matches!(self.state, State::Depot { .. } | State::Stop { position: 0, .. });
        waits && is_cancelled(on.cancelled, (self.run.trip, self.run.date))
    }

    /// Puts the vehicle where the timetable has it at the start of the simulation.
    fn find_run(&mut self, on: Setting) {
        let line = &on.county.lines[self.line];
        let late_us = us(self.rng.random_range(0.0..90.0));
        let run_us = i64::from(line.run_s()) * US_PER_S;
        let mut found = self.begin(self.run.date, 0, on);
        while found && self.planned_start + run_us + late_us <= 0 {
            found = self.begin(self.run.date, self.run.number + 1, on);
        }
        if !found {
            return;
        }
        let timetable = &line.timetables[self.direction];
        let elapsed_s = -(self.planned_start + late_us) / US_PER_S;
        self.state = match timetable.iter().rposition(|t| i64::from(t.1) <= elapsed_s) {
            Some(position) if position + 1 < timetable.len() && self.planned_start + late_us <= 0 => {
                self.on_board = self.rng.random_range(0..=self.capacity / 3);
                let at = |s: u32| self.planned_start + late_us + i64::from(s) * US_PER_S;
                let (from, until) = (at(timetable[position].1), at(timetable[position + 1].0));
                State::Leg { position, from, until: until.max(us(1.5)) }
            }
            _ => self.ready(us(1.5)),
        };
    }

    /// Takes up the vehicle's trip number `number` of a day, or the first one of the next day that
    /// has any; false when there is none.
    fn begin(&mut self, mut date: Date, mut number: usize, on: Setting) -> bool {
        for _ in 0..DAYS_AHEAD {
            let day = on.county.timetable.day(self.line, self.block, date);
            if let Some(&trip) = day.get(number) {
                let planned = &on.county.timetable.trips[trip];
                self.run = Run { date, number, trip };
                self.direction = planned.direction;
                self.planned_start = on.clock.elapsed_at_wall(day_begins(on.county.tz, date))
                    + i64::from(planned.start_s) * US_PER_S;
                return true;
            }
            (date, number) = (date.saturating_add(1.day()), 0);
        }
        false
    }

    /// Waits for its trip, from `earliest` on: at the first stop, or off service when there is time.
    fn ready(&self, earliest: i64) -> State {
        let ready_at = self.planned_start.saturating_sub(us(READY_BEFORE_S));
        if ready_at > earliest {
            State::Depot { until: ready_at }
        } else {
            State::Stop { position: 0, until: self.planned_start.max(earliest) }
        }
    }

    /// As [`Self::advance`], in its own time; so is all that follows.
    fn proceed(&mut self, now: i64, on: Setting) -> Vec<Event> {
        let line = &on.county.lines[self.line];
        if self.misses_its_run(on) {
            // It is unseen until it could have come to where its next run begins.
            let over = self.planned_start + i64::from(line.run_s() + 60) * US_PER_S;
            let has_next = self.begin(self.run.date, self.run.number + 1, on);
            let until = over.max(self.planned_start.saturating_sub(us(READY_BEFORE_S))).max(now);
            self.state = State::Depot { until: if has_next { until } else { i64::MAX } };
            return Vec::new();
        }
        match self.state {
            State::Depot { .. } => {
                self.state = self.ready(now);
                Vec::new()
            }
            State::Stop { position, .. } => {
                let mut events = Vec::new();
                if position == 0 {
                    // People board at the first stop just before it leaves.
                    events.extend(self.exchange(now, position, on));
                }
                let planned_s = f64::from(line.leg(self.direction, position).run_s);
                let run_s = planned_s * FREE_RUN * traffic(line, on.clock.local(now));
                let until = now + us(lognormal(&mut self.rng, run_s, RUN_SPREAD));
                let departure = self.describe(now, on, VehicleCause::Departure);
                self.state = State::Leg { position, from: now, until };
                events.push(Event::Vehicle(departure));
                events
            }
            State::Leg { position, .. } => self.arrive(now, position + 1, on),
        }
    }

    fn arrive(&mut self, now: i64, position: usize, on: Setting) -> Vec<Event> {
        self.state = State::Stop { position, until: now };
        let mut events = vec![Event::Vehicle(self.describe(now, on, VehicleCause::Arrival))];
        let exchange = self.exchange(now, position, on);
        let passengers: u32 = match &exchange {
            Some(Event::Passengers { doors, .. }) => doors.iter().map(|d| d.boarded + d.alighted).sum(),
            _ => 0,
        };
        events.extend(exchange);
        let timetable = &on.county.lines[self.line].timetables[self.direction];
        if position + 1 < timetable.len() {
            let dwell_s = LEAST_DWELL_S + PER_PASSENGER_S * f64::from(passengers) / f64::from(self.doors);
            let planned = self.planned_start + i64::from(timetable[position].1) * US_PER_S;
            self.state = State::Stop { position, until: (now + us(dwell_s)).max(planned) };
            return events;
        }
        self.state = if self.begin(self.run.date, self.run.number + 1, on) {
            self.ready(now + LEAST_TURN_S * US_PER_S)
        } else {
            State::Depot { until: i64::MAX }
        };
        events
    }

    /// People off and on at the stop where the vehicle stands.
    fn exchange(&mut self, now: i64, position: usize, on: Setting) -> Option<Event> {
        let line = &on.county.lines[self.line];
        let last = line.legs.len();
        let alight = if position == last {
            self.on_board
        } else {
            binomial(&mut self.rng, self.on_board, 1.0 / (last - position + 1) as f64)
        };
        let mean = boarding_mean(line, on.clock.local(now));
        let wanting = if position == last { 0 } else { poisson(&mut self.rng, mean) };
        let board = wanting.min(self.capacity - (self.on_board - alight));
        self.on_board = self.on_board - alight + board;
        if alight + board == 0 {
            return None;
        }
        let mut doors: Vec<DoorCount> =
            (1..=self.doors).map(|door| DoorCount { door, boarded: 0, alighted: 0 }).collect();
        for _ in 0..alight {
            let door = self.rng.random_range(0..doors.len());
            doors[door].alighted += 1;
        }
        for _ in 0..board {
            // The driver of a bus sells tickets at the front door.
            let front = line.mode == Mode::Bus && self.rng.random_bool(0.8);
            let door = if front { 0 } else { self.rng.random_range(0..doors.len()) };
            doors[door].boarded += 1;
        }
        let report = self.describe(now, on, VehicleCause::Position);
        Some(Event::Passengers { report, doors })
    }

    /// The vehicle's report at `now`, in its own time.
    fn describe(&self, now: i64, on: Setting, cause: VehicleCause) -> VehicleReport {
        let line = &on.county.lines[self.line];
        let timetable = &line.timetables[self.direction];
        let planned = |s: u32| self.planned_start + i64::from(s) * US_PER_S;
        let (stop, phase, place, due) = match self.state {
            State::Depot { .. } => (0, Phase::Waiting, on_leg(line, self.direction, 0, 0.0), now),
            State::Stop { position, .. } => {
                let place = if position == line.legs.len() {
                    on_leg(line, self.direction, position - 1, 1.0)
                } else {
                    on_leg(line, self.direction, position, 0.0)
                };
                let (arrival, departure) = (planned(timetable[position].0), planned(timetable[position].1));
                if position == 0 && cause == VehicleCause::Position {
                    (position, Phase::Waiting, place, departure.min(now))
                } else if cause == VehicleCause::Departure {
                    (position, Phase::AtStop, place, departure)
                } else {
                    (position, Phase::AtStop, place, arrival)
                }
            }
            State::Leg { position, from, until } => {
                let (done, pace) = progress(now - from, until - from);
                let mut place = on_leg(line, self.direction, position, done);
                place.speed_mps = pace * line.leg(self.direction, position).length_m;
                let (left, reached) = (timetable[position].1, timetable[position + 1].0);
                let due_s = f64::from(left) + f64::from(reached - left) * done;
                (position + 1, Phase::Driving, place, self.planned_start + us(due_s))
            }
        };
        let odometer_m =
            (0..stop).map(|p| line.leg(self.direction, p).length_m).sum::<f64>() - place.to_next_m;
        VehicleReport {
            vehicle: self.index,
            cause,
            phase,
            trip: Trip {
                planned: self.run.trip,
                date: self.run.date,
                direction: self.direction,
                run: self.run.number as u32,
                planned_start_utc: on.clock.utc(self.planned_start),
            },
            stop,
            planned_arrival_utc: on.clock.utc(planned(timetable[stop].0)),
            planned_departure_utc: on.clock.utc(planned(timetable[stop].1)),
            lat: place.lat,
            lon: place.lon,
            speed_mps: place.speed_mps,
            bearing_deg: place.bearing_deg,
            odometer_m: if odometer_m > 0.0 { odometer_m } else { 0.0 },
            delay_s: ((now - due + self.late) / US_PER_S) as i32,
            on_board: self.on_board,
        }
    }
}
