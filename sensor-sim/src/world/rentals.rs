//! Shared vehicles: people take one at a station and leave it at another, or where they please.
//!
//! Rates and ways are assumptions, made so that stations differ as their operators describe it: where people live they empty in the
//! morning, at stations of trains in the evening.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::bays::{next_arrival, peak_per_h};
use super::event::{Cause, Event, Standing};
use super::{Due, World};
use crate::clock::{LocalClock, LocalTime, us};
use crate::county::{Counts, Kind, Role, Station, distance_m};
use crate::orders::Level;
use crate::random::{lognormal, stream};

/// Nothing changes before everything has reported how it stands, seconds.
const QUIET_START_S: f64 = 1.5;
/// Who finds no dock anywhere asks again after so long, seconds.
const ASK_AGAIN_S: f64 = 300.0;
/// Ways are longer than the straight line; speeds on them, metres per second, in the order of the kinds.
const DETOUR: f64 = 1.3;
const SPEED_MPS: [f64; 3] = [4.5, 4.0, 3.8];
/// To unlock and to lock, seconds.
const HANDLING_S: f64 = 60.0;
/// Spread of rides (deviation of the logarithm), and of errands with a cargo bicycle: median, seconds.
const RIDE_SPREAD: f64 = 0.25;
const ERRAND_S: (f64, f64) = (3_000.0, 0.6);
/// Nobody rides further to another station, metres; and at this distance half as many do as next door.
const FARTHEST_M: f64 = 8_000.0;
const HALF_M: f64 = 2_500.0;
/// How many want each kind.
const WANTED: [f64; 3] = [1.0, 0.8, 0.2];
/// Rides of a scooter without a station, per hour of the day.
const FREE_PER_H: f64 = 0.45;
/// How far a scooter goes with a full battery, and with how much it is given another, metres.
const FULL_RANGE_M: f64 = 30_000.0;
const LOW_RANGE_M: f64 = 5_000.0;

/// A station and its own randomness.
#[derive(Debug)]
pub(super) struct StationProcess {
    rng: ChaCha8Rng,
    vehicles: Counts,
    /// How it is ordered to stand, and the vehicles that were taken away for that.
    level: Option<Level>,
    van: Counts,
}

/// A scooter that belongs to no station.
#[derive(Debug)]
pub(super) struct FreeProcess {
    rng: ChaCha8Rng,
    place: Option<Standing>,
    /// Where it was left last, `[lon, lat]`, how far it goes, and how often it was ridden.
    last: [f64; 2],
    range_m: f64,
    rides: u32,
}

/// How much happens: most people sleep at night.
fn activity(at: LocalTime) -> f64 {
    if (6.0..22.0).contains(&at.hour) { 1.0 } else { 0.1 }
}

/// A wave around an hour of the day.
fn wave(at: LocalTime, hour: f64, width_h: f64) -> f64 {
    (-((at.hour - hour) / width_h).powi(2)).exp()
}

/// People who leave, per dock and hour.
fn leaving_per_h(role: Role, at: LocalTime) -> f64 {
    let is_working_day = at.weekday < 5;
    let (work, free) = if is_working_day { (1.0, 0.4) } else { (0.2, 1.0) };
    let waves = match role {
        Role::Home => 0.5 * work * wave(at, 7.3, 1.2) + 0.15 * free * wave(at, 14.0, 3.0),
        Role::Hub => 0.45 * work * wave(at, 17.3, 1.5) + 0.2 * work * wave(at, 7.8, 1.0),
        Role::Work => 0.5 * work * wave(at, 16.5, 1.5) + 0.1 * wave(at, 12.5, 1.5),
        Role::Leisure => 0.3 * free * wave(at, 17.0, 2.0),
    };
    (0.04 + waves) * activity(at)
}

/// How much people want to go there.
fn pull(role: Role, at: LocalTime) -> f64 {
    let is_morning = at.hour < 11.0;
    match (role, is_morning) {
        (Role::Home, true) | (Role::Work, false) => 0.3,
        (Role::Home, false) => 3.0,
        (Role::Hub, true) => 3.0,
        (Role::Work, true) => 2.0,
        (Role::Hub, false) => 0.8,
        (Role::Leisure, _) => {
            if at.weekday < 5 {
                0.2
            } else {
                1.5
            }
        }
    }
}

/// The number of a thing, drawn by weights; `None`: all of them are 0.
fn draw(rng: &mut impl Rng, weights: &[f64]) -> Option<usize> {
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    let found = weights.iter().position(|weight| {
        left -= weight;
        *weight > 0.0 && left < 0.0
    });
    found.or_else(|| weights.iter().rposition(|weight| *weight > 0.0))
}

impl World {
    pub(super) fn start_rentals(&mut self, seed: u64) {
        let county = std::sync::Arc::clone(&self.county);
        for (index, station) in county.rentals.stations.iter().enumerate() {
            let mut rng = stream(seed, "station", index as u64);
            let report_at = us(rng.random());
            self.stations.push(StationProcess { rng, vehicles: station.first, level: None, van: [0; 3] });
            self.plan(report_at, Due::StationStart(index));
            self.plan_rent(us(QUIET_START_S), index);
        }
        for (index, reach) in county.rentals.free.iter().enumerate() {
            let mut rng = stream(seed, "free vehicle", index as u64);
            let last = county.rentals.somewhere(*reach, &mut rng);
            let range_m = rng.random_range(LOW_RANGE_M..FULL_RANGE_M).round();
            let report_at = us(rng.random());
            let place = Some(Standing { lat: last[1], lon: last[0], range_m, rides: 0 });
            self.free.push(FreeProcess { rng, place, last, range_m, rides: 0 });
            self.plan(report_at, Due::FreeStart(index));
            self.plan_free_rent(us(QUIET_START_S), index);
        }
    }

    pub(super) fn report_station(&mut self, at: i64, station: usize, cause: Cause) {
        let vehicles = self.stations[station].vehicles;
        self.emit(at, Event::Station { station, vehicles, cause });
    }

    fn plan_rent(&mut self, now: i64, station: usize) {
        let place = &self.county.rentals.stations[station];
        let (role, docks) = (place.role, f64::from(place.capacity));
        let rate = |at| leaving_per_h(role, at) * docks;
        let rng = &mut self.stations[station].rng;
        let next = next_arrival(rng, now, &self.clock, peak_per_h(rate), rate);
        self.plan(next, Due::Rent(station));
    }

    /// Somebody wants to leave the station; who finds nothing walks.
    pub(super) fn rent(&mut self, at: i64, station: usize) {
        self.plan_rent(at, station);
        let weights = self.destinations(at, station);
        let process = &mut self.stations[station];
        let wanted: Vec<f64> =
            WANTED.iter().zip(process.vehicles).map(|(wanted, n)| wanted * f64::from(n.min(1))).collect();
        let kind = draw(&mut process.rng, &wanted);
        let to = draw(&mut process.rng, &weights);
        let (Some(number), Some(to)) = (kind, to) else { return };
        if process.level == Some(Level::Full) {
            return;
        }
        let kind = Kind::ALL[number];
        process.vehicles[number] -= 1;
        // Cargo bicycles come back to their station.
        let to = if kind == Kind::CargoBicycle { station } else { to };
        let ride_s = match kind {
            Kind::CargoBicycle => lognormal(&mut process.rng, ERRAND_S.0, ERRAND_S.1),
            _ => lognormal(&mut process.rng, 1.0, RIDE_SPREAD) * self.way_s(station, to, kind) + HANDLING_S,
        };
        self.plan(at + us(ride_s), Due::Return { station: to, kind });
        self.report_station(at, station, Cause::Change);
    }

    /// How much people want to go from a station to each other one now.
    fn destinations(&self, at: i64, from: usize) -> Vec<f64> {
        let now = self.clock.local(at);
        let stations = self.county.rentals.stations.iter().enumerate();
        let weight = |(to, station): (usize, &Station)| {
            let away_m = self.away_m(from, to);
            let is_reached = to != from && away_m < FARTHEST_M;
            if is_reached { pull(station.role, now) / (1.0 + away_m / HALF_M) } else { 0.0 }
        };
        stations.map(weight).collect()
    }

    fn away_m(&self, a: usize, b: usize) -> f64 {
        let [a, b] = [a, b].map(|n| &self.county.rentals.stations[n]).map(|s| [s.lon, s.lat]);
        distance_m(a, b)
    }

    fn way_s(&self, a: usize, b: usize, kind: Kind) -> f64 {
        self.away_m(a, b) * DETOUR / SPEED_MPS[kind as usize]
    }

    /// Somebody wants to leave a vehicle: where no dock is free, at the nearest station that has one.
    pub(super) fn give_back(&mut self, at: i64, station: usize, kind: Kind) {
        if self.has_dock(station) {
            let process = &mut self.stations[station];
            if process.level == Some(Level::Empty) {
                process.van[kind as usize] += 1;
                return;
            }
            process.vehicles[kind as usize] += 1;
            return self.report_station(at, station, Cause::Change);
        }
        let others = (0..self.stations.len()).filter(|other| *other != station && self.has_dock(*other));
        let nearest = others.min_by(|a, b| self.away_m(station, *a).total_cmp(&self.away_m(station, *b)));
        let (to, ride_s) = match nearest.filter(|_| kind != Kind::CargoBicycle) {
            Some(to) if self.away_m(station, to) < FARTHEST_M => (to, self.way_s(station, to, kind)),
            _ => (station, ASK_AGAIN_S),
        };
        self.plan(at + us(ride_s), Due::Return { station: to, kind });
    }

    fn has_dock(&self, station: usize) -> bool {
        let process = &self.stations[station];
        let stands: u32 = process.vehicles.iter().sum();
        stands < self.county.rentals.stations[station].capacity && process.level != Some(Level::Full)
    }

    /// The station is emptied or filled at once, and stays so; or the operator brings back what it took.
    pub(super) fn set_level(&mut self, at: i64, station: usize, level: Option<Level>) {
        let capacity = self.county.rentals.stations[station].capacity;
        let process = &mut self.stations[station];
        process.level = level;
        let before = process.vehicles;
        if level == Some(Level::Empty) {
            for (van, stands) in process.van.iter_mut().zip(&mut process.vehicles) {
                *van += std::mem::take(stands);
            }
        } else {
            let mut docks = capacity.saturating_sub(process.vehicles.iter().sum());
            for (van, stands) in process.van.iter_mut().zip(&mut process.vehicles) {
                let brought = std::mem::take(van).min(docks);
                *stands += brought;
                docks -= brought;
            }
            if level == Some(Level::Full) {
                process.vehicles[Kind::Scooter as usize] += docks;
            }
        }
        if process.vehicles != before {
            self.report_station(at, station, Cause::Change);
        }
    }

    pub(super) fn report_free(&mut self, at: i64, vehicle: usize, cause: Cause) {
        let place = self.free[vehicle].place;
        self.emit(at, Event::Free { vehicle, place, cause });
    }

    fn plan_free_rent(&mut self, now: i64, vehicle: usize) {
        let rate = |at| FREE_PER_H * activity(at);
        let rng = &mut self.free[vehicle].rng;
        let next = next_arrival(rng, now, &self.clock, peak_per_h(rate), rate);
        self.plan(next, Due::FreeRent(vehicle));
    }

    pub(super) fn rent_free(&mut self, at: i64, vehicle: usize) {
        let reach = self.county.rentals.free[vehicle];
        let process = &mut self.free[vehicle];
        let to = self.county.rentals.somewhere(reach, &mut process.rng);
        let way_m = distance_m(process.last, to) * DETOUR;
        let ride_s = way_m / SPEED_MPS[Kind::Scooter as usize];
        let ride_s = ride_s * lognormal(&mut process.rng, 1.0, RIDE_SPREAD) + HANDLING_S;
        let left_m = process.range_m - way_m;
        process.range_m = if left_m < LOW_RANGE_M { FULL_RANGE_M } else { left_m.round() };
        (process.last, process.place) = (to, None);
        process.rides += 1;
        self.plan(at + us(ride_s), Due::FreeReturn(vehicle));
        self.report_free(at, vehicle, Cause::Change);
    }

    pub(super) fn return_free(&mut self, at: i64, vehicle: usize) {
        let process = &mut self.free[vehicle];
        let FreeProcess { last: [lon, lat], range_m, rides, .. } = *process;
        process.place = Some(Standing { lat, lon, range_m, rides });
        self.report_free(at, vehicle, Cause::Change);
        self.plan_free_rent(at, vehicle);
    }
}

#[cfg(test)]
mod tests;
