//! Lines with their stops, legs and timetable.

use rand::Rng;

use super::layout::{Frame, distance_m, round7};
use super::lines_table::{LINES, Operator, STOPS};
use super::towns_table::MUNICIPALITIES;
use crate::random::stream;

/// Planned time at a stop, seconds.
const DWELL_S: u32 = 30;
/// Rest at the end of the line before the return trip, seconds.
const LAYOVER_S: u32 = 360;
/// How much longer the timetable takes than the drive: what a late bus can catch up.
const PADDING: f64 = 1.12;
/// How far a leg bends from the straight line, as a share of its length.
const BEND: f64 = 0.06;

/// What runs on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Bus,
    Train,
}

/// Where vehicles halt.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Digits only, as HFP wants it; begins with the invented county's key.
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    /// The town (index into [`super::County::municipalities`]) in or near which it lies.
    pub(crate) town: usize,
    /// Whether it belongs to its town's railway station, as a stop in front of it or a platform.
    pub(crate) at_station: bool,
    /// Whether trains halt there.
    pub(crate) platform: bool,
}

/// The leg from one stop of a line to the next.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    /// `[lon, lat]`, from stop to stop.
    pub(crate) points: Vec<[f64; 2]>,
    pub(crate) length_m: f64,
    /// Planned running time, seconds.
    pub(crate) run_s: u32,
}

/// A line; direction 0 runs its stops in order, direction 1 backwards.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: &'static str,
    /// What is written on the vehicle, by direction.
    pub(crate) headsigns: [&'static str; 2],
    pub(crate) mode: Mode,
    /// Who runs it.
    pub(crate) operator: &'static str,
    /// It has a timetable like any other, and runs only once somebody has booked: nobody does, so it has no vehicles.
    pub(crate) on_request: bool,
    /// Indices into [`super::County::stops`].
    pub(crate) stops: Vec<usize>,
    /// `legs[i]` leads from stop `i` to stop `i + 1`.
    pub(crate) legs: Vec<Leg>,
    /// Minutes between two departures on a working day.
    pub(crate) every_min: u32,
    /// Minute of the hour of its first departure in direction 0.
    pub(crate) minute: u32,
    /// Whether it also runs all night, once an hour.
    pub(crate) night: bool,
    /// By direction: planned arrival and departure at each stop, seconds after the start of a trip.
    pub(crate) timetables: [Vec<(u32, u32)>; 2],
}

impl Line {
    /// The stop at `position` of a trip in `direction`: an index into the county's stops.
    pub(crate) fn stop(&self, direction: usize, position: usize) -> usize {
        self.stops[if direction == 0 { position } else { self.stops.len() - 1 - position }]
    }

    /// The leg that leaves the stop at `position` of a trip in `direction`.
    pub(crate) fn leg(&self, direction: usize, position: usize) -> &Leg {
        &self.legs[if direction == 0 { position } else { self.legs.len() - 1 - position }]
    }

    fn planned(&self, direction: usize) -> Vec<(u32, u32)> {
        let mut times = vec![(0, 0)];
        let mut clock = 0;
        for position in 0..self.legs.len() {
            let arrival = clock + self.leg(direction, position).run_s;
            let is_last = position + 1 == self.legs.len();
            clock = if is_last { arrival } else { arrival + DWELL_S };
            times.push((arrival, clock));
        }
        times
    }

    /// Planned seconds from the start of a trip to the start of the same vehicle's return trip.
    pub(crate) fn half_cycle_s(&self) -> u32 {
        (self.run_s() + LAYOVER_S).div_ceil(60) * 60
    }

    /// Planned seconds from the first stop to the last; the same in both directions.
    pub(crate) fn run_s(&self) -> u32 {
        self.timetables[0].last().map_or(0, |t| t.0)
    }
}

/// All stops and lines of the sample county.
pub(super) fn build(seed: u64) -> (Vec<Stop>, Vec<Line>) {
    let stops: Vec<Stop> = STOPS
        .iter()
        .enumerate()
        .map(|(i, &(key, town, name, east_m, north_m))| {
            let home = &MUNICIPALITIES[town];
            let [lon, lat] = Frame::new(home.lat, home.lon, 0.0).at(east_m, north_m);
            let platform = key.ends_with(".gl");
            let at_station = platform || key.ends_with(".bf");
            Stop { id: format!("5999{}", 1001 + i), name, lat, lon, town, at_station, platform }
        })
        .collect();
    let lines = LINES
        .iter()
        .map(|row| {
            let indices: Vec<usize> =
                row.stops.iter().filter_map(|key| STOPS.iter().position(|stop| stop.0 == *key)).collect();
            let legs = indices.windows(2).map(|pair| leg(seed, &stops, pair, row.speed_mps)).collect();
            let mut line = Line {
                id: row.id,
                headsigns: row.headsigns,
                mode: row.mode,
                operator: row.operator.name(),
                on_request: row.operator == Operator::TaxiBus,
                stops: indices,
                legs,
                every_min: row.every_min,
                minute: row.minute,
                night: row.night,
                timetables: Default::default(),
            };
            line.timetables = [line.planned(0), line.planned(1)];
            line
        })
        .collect();
    (stops, lines)
}

/// The leg between two stops with its planned time in whole half-minutes. All lines between them share it, in both
/// directions.
fn leg(seed: u64, stops: &[Stop], pair: &[usize], speed_mps: f64) -> Leg {
    let (from, to) = (pair[0], pair[1]);
    let (low, high) = (from.min(to), from.max(to));
    let mut points =
        way(&mut stream(seed, "way", (low as u64) << 32 | high as u64), &stops[low], &stops[high]);
    if from > to {
        points.reverse();
    }
    let length_m = points.windows(2).map(|p| distance_m(p[0], p[1])).sum::<f64>();
    let run_s = ((length_m / speed_mps * PADDING + 20.0) / 30.0).ceil() as u32 * 30;
    Leg { points, length_m, run_s }
}

/// A course with gentle bends.
fn way(rng: &mut impl Rng, from: &Stop, to: &Stop) -> Vec<[f64; 2]> {
    let (a, b) = ([from.lon, from.lat], [to.lon, to.lat]);
    let pieces = ((distance_m(a, b) / 400.0) as usize).clamp(2, 24);
    let swing = rng.random_range(-BEND..BEND);
    (0..=pieces)
        .map(|i| {
            let t = i as f64 / pieces as f64;
            // A bow over the whole leg and one bend in it, none at the ends.
            let aside =
                swing * (t * std::f64::consts::PI).sin() + swing / 3.0 * (t * std::f64::consts::TAU).sin();
            let stretch = (a[1].to_radians()).cos();
            let (east, north) = ((b[0] - a[0]) * stretch, b[1] - a[1]);
            [round7(a[0] + (t * east - aside * north) / stretch), round7(a[1] + t * north + aside * east)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_all_its_stops_and_a_sane_timetable() {
        let (stops, lines) = build(1);
        assert_eq!(lines.len(), 13);
        for (line, row) in lines.iter().zip(LINES) {
            assert_eq!(line.stops.len(), row.stops.len(), "{}", line.id);
            assert_eq!(line.legs.len() + 1, line.stops.len());
            for leg in &line.legs {
                assert!(leg.length_m < 25_000.0, "{} {}", line.id, leg.length_m);
                let mean_mps = leg.length_m / f64::from(leg.run_s);
                assert!(mean_mps > 2.0 && mean_mps < 25.0, "{} {mean_mps}", line.id);
            }
            assert!((900..=7_200).contains(&line.half_cycle_s()), "{} {}", line.id, line.half_cycle_s());
            assert_eq!(line.timetables[0].last().map(|t| t.0), line.timetables[1].last().map(|t| t.0));
        }
        assert!(stops.iter().all(|s| (51.7..52.1).contains(&s.lat) && (6.9..7.6).contains(&s.lon)));
    }
}
