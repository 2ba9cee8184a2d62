//! A bus or train on its line: drives, halts, lets people on and off, runs late.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::event::{DoorCount, Event, Phase, Trip, VehicleCause, VehicleReport};
use crate::clock::{US_PER_S, WorldClock, us};
use crate::county::{Leg, Line, Mode, Vehicle};
use crate::county::{SERVICE_HOURS, distance_m};
use crate::random::{binomial, lognormal, poisson, stream};

/// Doors close, then everyone is seated, seconds; and each passenger takes so long.
const LEAST_DWELL_S: f64 = 8.0;
const PER_PASSENGER_S: f64 = 1.8;
/// Spread of the running time of a leg (deviation of its logarithm).
const RUN_SPREAD: f64 = 0.15;
/// Drive without padding, as a share of the planned time.
const FREE_RUN: f64 = 0.92;
/// Speeding up and braking, seconds.
const RAMP_S: f64 = 15.0;
/// Least turn at the end of the line, however late, seconds.
const LEAST_TURN_S: i64 = 60;

/// What a vehicle will do next, and when (the world's time, microseconds).
#[derive(Debug, Clone, Copy)]
enum State {
    /// Off service until the day's first run.
    Depot { until: i64 },
    /// At a stop of the trip; `departed` later.
    Stop { position: usize, until: i64 },
    /// On the leg that leaves the stop at `position`.
    Leg { position: usize, from: i64, until: i64 },
}

/// One vehicle.
#[derive(Debug)]
pub(super) struct VehicleLife {
    rng: ChaCha8Rng,
    index: usize,
    capacity: u32,
    doors: u8,
    block: u32,
    state: State,
    /// The trip it is on or waits for: direction, number, planned start (the world's time).
    direction: usize,
    run: u32,
    planned_start: i64,
    on_board: u32,
}

impl VehicleLife {
    /// A vehicle where its timetable wants it at the start, more or less punctual.
    pub(super) fn start(seed: u64, index: usize, vehicle: &Vehicle, line: &Line, clock: &WorldClock) -> Self {
        let rng = stream(seed, "vehicle", index as u64);
        let mut life = Self {
            rng,
            index,
            capacity: vehicle.seats + vehicle.standing,
            doors: if line.mode == Mode::Train { 4 } else { 2 },
            block: vehicle.block as u32,
            state: State::Depot { until: 0 },
            direction: 0,
            run: 0,
            planned_start: 0,
            on_board: 0,
        };
        life.find_run(line, clock);
        life
    }

    /// When the vehicle will next arrive, depart or leave the depot.
    pub(super) fn next_change(&self) -> i64 {
        match self.state {
            State::Depot { until } | State::Stop { until, .. } | State::Leg { until, .. } => until,
        }
    }

    /// Whether it is on the road and reports its position.
    pub(super) fn is_in_service(&self) -> bool {
        !matches!(self.state, State::Depot { .. })
    }

    /// The first run of the block on the day that began at `midnight`.
    fn first_start(&self, line: &Line, midnight: i64) -> i64 {
        let phase_s = self.block * line.headway_s();
        midnight + us(SERVICE_HOURS.0 * 3_600.0) + i64::from(phase_s) * US_PER_S
    }

    /// Puts the vehicle where the timetable wants it at the world's start.
    fn find_run(&mut self, line: &Line, clock: &WorldClock) {
        let midnight = clock.midnight_before(0);
        let first = self.first_start(line, midnight);
        let half_us = i64::from(line.half_cycle_s()) * US_PER_S;
        if first > 0 {
            self.planned_start = first;
            self.state = State::Depot { until: first };
            return;
        }
        let run = -first / half_us;
        self.begin_run(run as u32, first + run * half_us);
        if self.planned_start > midnight + us(SERVICE_HOURS.1 * 3_600.0) {
            self.sleep(line, clock, 0);
            return;
        }
        let late_us = us(self.rng.random_range(0.0..90.0));
        let timetable = &line.timetables[self.direction];
        let elapsed_s = -(self.planned_start + late_us) / US_PER_S;
        let position = timetable.iter().rposition(|t| i64::from(t.1) <= elapsed_s);
        self.state = match position {
            Some(position) if position + 1 < timetable.len() => {
                let at = |s: u32| self.planned_start + late_us + i64::from(s) * US_PER_S;
                let (from, until) = (at(timetable[position].1), at(timetable[position + 1].0));
                State::Leg { position, from, until: until.max(us(1.5)) }
            }
            _ => {
                self.begin_run(run as u32 + 1, first + (run + 1) * half_us);
                State::Stop { position: 0, until: self.planned_start.max(us(1.5)) }
            }
        };
        if matches!(self.state, State::Leg { .. }) {
            self.on_board = self.rng.random_range(0..=self.capacity / 3);
        }
    }

    fn begin_run(&mut self, run: u32, planned_start: i64) {
        self.run = run;
        self.direction = run as usize % 2;
        self.planned_start = planned_start;
    }

    fn sleep(&mut self, line: &Line, clock: &WorldClock, now: i64) {
        const DAY_US: i64 = 86_400 * US_PER_S;
        let next_first = self.first_start(line, clock.midnight_before(now) + DAY_US);
        self.on_board = 0;
        self.begin_run(0, next_first);
        self.state = State::Depot { until: next_first };
    }

    /// Does what is due at `now`; the events happen at that instant.
    pub(super) fn advance(&mut self, now: i64, line: &Line, clock: &WorldClock) -> Vec<Event> {
        match self.state {
            State::Depot { .. } => {
                self.state = State::Stop { position: 0, until: self.planned_start.max(now + us(30.0)) };
                Vec::new()
            }
            State::Stop { position, .. } => {
                let mut events = Vec::new();
                if position == 0 {
                    // People board at the first stop just before it leaves.
                    events.extend(self.exchange(now, position, line, clock));
                }
                let planned_s = f64::from(line.leg(self.direction, position).run_s);
                let run_s = planned_s * FREE_RUN * traffic(line, clock.local(now));
                let until = now + us(lognormal(&mut self.rng, run_s, RUN_SPREAD));
                let departure = self.report(now, line, clock, VehicleCause::Departure);
                self.state = State::Leg { position, from: now, until };
                events.push(Event::Vehicle(departure));
                events
            }
            State::Leg { position, .. } => self.arrive(now, position + 1, line, clock),
        }
    }

    fn arrive(&mut self, now: i64, position: usize, line: &Line, clock: &WorldClock) -> Vec<Event> {
        self.state = State::Stop { position, until: now };
        let mut events = vec![Event::Vehicle(self.report(now, line, clock, VehicleCause::Arrival))];
        let exchange = self.exchange(now, position, line, clock);
        let passengers: u32 = match &exchange {
            Some(Event::Passengers { doors, .. }) => doors.iter().map(|d| d.boarded + d.alighted).sum(),
            _ => 0,
        };
        events.extend(exchange);
        let timetable = &line.timetables[self.direction];
        if position + 1 < timetable.len() {
            let dwell_s = LEAST_DWELL_S + PER_PASSENGER_S * f64::from(passengers) / f64::from(self.doors);
            let planned = self.planned_start + i64::from(timetable[position].1) * US_PER_S;
            self.state = State::Stop { position, until: (now + us(dwell_s)).max(planned) };
            return events;
        }
        let half_us = i64::from(line.half_cycle_s()) * US_PER_S;
        self.begin_run(self.run + 1, self.planned_start + half_us);
        if clock.local(self.planned_start).1 > SERVICE_HOURS.1
            || clock.local(self.planned_start).1 < SERVICE_HOURS.0
        {
            self.sleep(line, clock, now);
        } else {
            let until = self.planned_start.max(now + LEAST_TURN_S * US_PER_S);
            self.state = State::Stop { position: 0, until };
        }
        events
    }

    /// People off and on at the stop where the vehicle stands.
    fn exchange(&mut self, now: i64, position: usize, line: &Line, clock: &WorldClock) -> Option<Event> {
        let last = line.legs.len();
        let alight = if position == last {
            self.on_board
        } else {
            binomial(&mut self.rng, self.on_board, 1.0 / (last - position + 1) as f64)
        };
        let (weekday, hour) = clock.local(now);
        let wanting =
            if position == last { 0 } else { poisson(&mut self.rng, boarding_mean(line, weekday, hour)) };
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
        let report = self.report(now, line, clock, VehicleCause::Position);
        Some(Event::Passengers { report, doors })
    }

    /// What the vehicle would say of itself at `now`.
    pub(super) fn report(
        &self,
        now: i64,
        line: &Line,
        clock: &WorldClock,
        cause: VehicleCause,
    ) -> VehicleReport {
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
                direction: self.direction,
                run: self.run,
                planned_start_utc: clock.utc(self.planned_start),
            },
            stop,
            planned_arrival_utc: clock.utc(planned(timetable[stop].0)),
            planned_departure_utc: clock.utc(planned(timetable[stop].1)),
            lat: place.lat,
            lon: place.lon,
            speed_mps: place.speed_mps,
            bearing_deg: place.bearing_deg,
            odometer_m: if odometer_m > 0.0 { odometer_m } else { 0.0 },
            delay_s: ((now - due) / US_PER_S) as i32,
            on_board: self.on_board,
        }
    }
}

/// People who want to board at a stop.
fn boarding_mean(line: &Line, weekday: u8, hour: f64) -> f64 {
    let rush = |peak: f64| (-((hour - peak) / 1.3).powi(2)).exp();
    let by_hour = 0.35 + 1.2 * rush(7.4) + 0.9 * rush(13.2) + 0.8 * rush(16.8);
    let by_day = if weekday < 5 { 1.0 } else { 0.5 };
    let by_mode = if line.mode == Mode::Train { 9.0 } else { 2.2 };
    by_mode * by_day * by_hour
}

/// How much longer a drive takes among the cars of the hour; trains have their own way.
fn traffic(line: &Line, (weekday, hour): (u8, f64)) -> f64 {
    let is_rush = weekday < 5 && ((7.0..9.0).contains(&hour) || (15.5..18.0).contains(&hour));
    if is_rush && line.mode == Mode::Bus { 1.12 } else { 1.0 }
}

/// How far along a leg (0..1) after `spent` of `whole` microseconds, and the pace there (legs per
/// second): even speed between a ramp at either end.
fn progress(spent: i64, whole: i64) -> (f64, f64) {
    let (t, total) = (spent as f64 / US_PER_S as f64, (whole as f64 / US_PER_S as f64).max(1.0));
    let ramp = RAMP_S.min(total / 3.0);
    let cruise = 1.0 / (total - ramp);
    let t = t.clamp(0.0, total);
    if t < ramp {
        (cruise * t * t / (2.0 * ramp), cruise * t / ramp)
    } else if t > total - ramp {
        let left = total - t;
        (1.0 - cruise * left * left / (2.0 * ramp), cruise * left / ramp)
    } else {
        (cruise * (t - ramp / 2.0), cruise)
    }
}

struct Place {
    lat: f64,
    lon: f64,
    bearing_deg: f64,
    speed_mps: f64,
    /// Metres left on the leg; zero at a stop.
    to_next_m: f64,
}

/// The place a share of the way along the leg that leaves the stop at `position`.
fn on_leg(line: &Line, direction: usize, position: usize, done: f64) -> Place {
    let leg: &Leg = line.leg(direction, position);
    let along = if direction == 0 { done } else { 1.0 - done };
    let mut left_m = along * leg.length_m;
    let mut piece = 0;
    let last = leg.points.len() - 2;
    let length_of = |piece: usize| distance_m(leg.points[piece], leg.points[piece + 1]);
    while piece < last && left_m > length_of(piece) {
        left_m -= length_of(piece);
        piece += 1;
    }
    let (a, b) = (leg.points[piece], leg.points[piece + 1]);
    let t = (left_m / length_of(piece).max(0.1)).clamp(0.0, 1.0);
    let (ahead, behind) = if direction == 0 { (b, a) } else { (a, b) };
    let east = (ahead[0] - behind[0]) * ahead[1].to_radians().cos();
    let bearing_deg = east.atan2(ahead[1] - behind[1]).to_degrees().rem_euclid(360.0);
    Place {
        lat: a[1] + (b[1] - a[1]) * t,
        lon: a[0] + (b[0] - a[0]) * t,
        bearing_deg,
        speed_mps: 0.0,
        to_next_m: if done == 0.0 { 0.0 } else { (1.0 - done) * leg.length_m },
    }
}
