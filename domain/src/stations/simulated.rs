//! How good the chances are, by stations whose truth is simulated: people come and go one by one (a birth-death process), at rates that
//! follow the hour and the day of the week, and are higher on some days than on others.

use super::chance::tests::{BEGIN, after, station};
use super::{Chances, StationCount, StationModel};
use crate::forecast::Calendar;
use crate::rental::Station;
use crate::time::UtcMicros;

const DAY_MIN: usize = 1_440;
const LEARNED_DAYS: usize = 56;
const JUDGED_DAYS: usize = 14;
/// How far ahead, minutes.
const AHEAD_MIN: [usize; 4] = [10, 20, 30, 60];
/// The table has a row of each station at least so often, and one for each change, minutes.
const ROW_EVERY_MIN: usize = 15;
const HOLD_S: i64 = 1_200;

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// How many want to take a vehicle and how many to return one, an hour, at a time of the week.
type Rates = fn(hour: f64, is_workday: bool) -> (f64, f64);

fn bump(hour: f64, middle: f64, width_h: f64) -> f64 {
    (-((hour - middle) / width_h).powi(2)).exp()
}

fn village(hour: f64, is_workday: bool) -> (f64, f64) {
    let few = 0.3 * bump(hour, 15.0, 5.0) + 0.02;
    if is_workday {
        (3.5 * bump(hour, 7.3, 1.0) + few, 2.5 * bump(hour, 17.3, 1.5) + few)
    } else {
        (2.0 * few, 2.2 * few)
    }
}

fn railway(hour: f64, is_workday: bool) -> (f64, f64) {
    let (take, bring) = village(hour, is_workday);
    (1.4 * bring + 0.1, 1.4 * take + 0.1)
}

fn lake(hour: f64, is_workday: bool) -> (f64, f64) {
    let many = if is_workday { 0.5 } else { 3.0 };
    (many * bump(hour, 16.5, 2.0) + 0.05, many * bump(hour, 13.0, 2.5) + 0.05)
}

const STATIONS: [(&str, u32, Rates); 3] =
    [("village", 8, village), ("railway", 12, railway), ("lake", 6, lake)];

/// Vehicles at each minute.
fn truth(capacity: u32, rates: Rates, random: &mut Random) -> Vec<u32> {
    let (mut vehicles, mut factor, mut all) = (capacity / 2, 1.0, Vec::new());
    for minute in 0..(LEARNED_DAYS + JUDGED_DAYS) * DAY_MIN + AHEAD_MIN[3] {
        if minute % DAY_MIN == 0 {
            factor = 0.5 + random.uniform();
        }
        let hour = (minute % DAY_MIN) as f64 / 60.0;
        let (take, bring) = rates(hour, minute / DAY_MIN % 7 < 5);
        let mut comes = |per_hour: f64| random.uniform() < factor * per_hour / 60.0;
        let (takes, brings) = (comes(take), comes(bring));
        vehicles = (vehicles + u32::from(brings && vehicles < capacity)).saturating_sub(u32::from(takes));
        all.push(vehicles);
    }
    all
}

fn at(minute: usize) -> UtcMicros {
    BEGIN.plus_s(minute as i64 * 60)
}

/// What the table of counts would hold of all stations.
fn counted(truths: &[Vec<u32>]) -> Vec<StationCount> {
    let mut counts = Vec::new();
    for minute in 0..(LEARNED_DAYS + JUDGED_DAYS) * DAY_MIN {
        for (truth, (name, capacity, _)) in truths.iter().zip(STATIONS) {
            let vehicles = truth[minute];
            if minute % ROW_EVERY_MIN == 0 || truth[minute - 1] != vehicles {
                let (vehicles, docks) = (Some(vehicles), Some(capacity - vehicles));
                counts.push(StationCount { station: name.into(), at: at(minute), vehicles, docks });
            }
        }
    }
    counts
}

/// Chances against what came.
#[derive(Debug, Default, Clone)]
struct Judged {
    n: f64,
    squared: f64,
    squared_of_now: f64,
    /// How many, sum of the chances, and how often it came.
    bins: [(f64, f64, f64); 10],
}

impl Judged {
    fn add(&mut self, chance: f64, now: u32, then: u32) {
        let [now, came] = [now, then].map(|n| f64::from(u8::from(n > 0)));
        self.n += 1.0;
        self.squared += (chance - came).powi(2);
        self.squared_of_now += (now - came).powi(2);
        let (n, chances, happened) = &mut self.bins[((chance * 10.0) as usize).min(9)];
        (*n, *chances, *happened) = (*n + 1.0, *chances + chance, *happened + came);
    }

    fn brier(&self) -> f64 {
        self.squared / self.n
    }

    /// Of what the station says now.
    fn brier_of_now(&self) -> f64 {
        self.squared_of_now / self.n
    }

    /// Weighted mean difference between the chances and how often it came, in tenths.
    fn reliability(&self) -> f64 {
        self.bins.iter().map(|(_, chances, happened)| (chances - happened).abs()).sum::<f64>() / self.n
    }
}

/// For each of [`AHEAD_MIN`], vehicles and docks.
fn judged(seed: u64, judge_every_min: usize) -> [[Judged; 2]; AHEAD_MIN.len()] {
    let mut random = Random(seed);
    let truths: Vec<Vec<u32>> =
        STATIONS.iter().map(|(_, capacity, rates)| truth(*capacity, *rates, &mut random)).collect();
    let counts = counted(&truths);
    let mut model = StationModel::new(Calendar::new("Europe/Berlin", None));
    let learn = |model: &mut StationModel, from: UtcMicros, until: UtcMicros| {
        let begin = counts.partition_point(|count| count.at < from.plus_s(-HOLD_S));
        model.learn(&counts[begin..], from, until, HOLD_S);
    };
    let first = LEARNED_DAYS * DAY_MIN;
    learn(&mut model, BEGIN.plus_s(-1), at(first));
    let mut judged: [[Judged; 2]; AHEAD_MIN.len()] = Default::default();
    for minute in (first..first + JUDGED_DAYS * DAY_MIN).step_by(judge_every_min) {
        let from = model.at().unwrap();
        learn(&mut model, from, at(minute));
        for (truth, (name, capacity, _)) in truths.iter().zip(STATIONS) {
            let now = truth[minute];
            let station = Station { id: name.into(), ..station(now, Some(capacity - now), at(minute)) };
            for (ahead_min, judged) in AHEAD_MIN.into_iter().zip(&mut judged) {
                let then = truth[minute + ahead_min];
                let Chances { vehicle, dock } = after(Some(&model), &station, at(minute), ahead_min as i64);
                judged[0].add(vehicle.unwrap(), now, then);
                judged[1].add(dock.unwrap(), capacity - now, capacity - then);
            }
        }
    }
    judged
}

/// As docs/FORECAST.md has it.
fn table(judged: &[[Judged; 2]; AHEAD_MIN.len()]) -> String {
    let row = |(ahead_min, [vehicle, dock]): (usize, &[Judged; 2])| {
        let [a, b] = [vehicle, dock]
            .map(|j| format!("{:.4} | {:.4} | {:.1}", j.brier(), j.brier_of_now(), 100.0 * j.reliability()));
        format!("| {ahead_min} min | {a} | {b} |\n")
    };
    AHEAD_MIN.into_iter().zip(judged).map(row).collect()
}

#[test]
fn chances_are_calibrated_and_better_than_what_the_station_says_now() {
    let judged = judged(1, 10);
    let table = table(&judged);
    println!("{table}");
    for judged in judged.iter().flatten() {
        assert!(judged.brier() < judged.brier_of_now() && judged.reliability() <= 0.05, "{table}");
    }
}
