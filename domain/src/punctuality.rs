//! How punctual vehicles are: when a run of a trip passed a stop, how late, and what many of these
//! look like together.
//!
//! A passage is one run at one stop: (municipality, service date, trip, stop). Vehicles report it
//! several times, as long as they are on their way to the stop and stand at it: the newest statement
//! holds, of one instant the one with the greater digest. That is a maximum over a set, so neither the
//! order of arrival nor duplicates matter. A trip that calls at one stop twice has one passage there, the
//! later one.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use xxhash_rust::xxh3::Xxh3;

use crate::ids::{FeedId, MunicipalityId, VehicleId};
use crate::observation::{Digest, Provenance, VehiclePosition, hash_number, hash_text};
use crate::time::UtcMicros;
use crate::trip_update::{Passed, TripUpdate};

/// Earlier than this is early, seconds: passengers miss a vehicle that leaves before its time. A minute
/// is left to clocks, and to delays that are given in whole minutes.
pub const EARLY_BEFORE_S: i32 = -60;

/// From this on it is late, seconds: Deutsche Bahn counts as punctual what is less than 6 minutes late
/// (its *Erläuterung der Pünktlichkeitswerte*). Local transport often uses 3 or 5 minutes: see the
/// histogram.
pub const LATE_FROM_S: i32 = 360;

/// Where the classes of a histogram of delays begin, seconds; before the first lies one more. The
/// limits of other definitions of punctuality are among them.
pub const CLASS_FROM_S: [i32; 9] = [-60, 0, 60, 180, 300, 360, 600, 900, 1_800];

/// Classes of a histogram.
pub const CLASSES: usize = CLASS_FROM_S.len() + 1;

/// How long before a passage its service day may begin, days: night trains, and the time zones of the earth.
const DAYS_BEFORE: i64 = 2;

/// How long after a passage it may be stated, seconds: an update is about its own run, which is
/// over within two days.
const STATED_WITHIN_S: f64 = 2.0 * 86_400.0;

/// One statement about a passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Whose it is.
    pub municipality: MunicipalityId,
    /// As stated; where it is missing, the town's clock decides (see `store`).
    pub service_date: Option<Date>,
    /// As in the timetable.
    pub trip_id: String,
    /// As in the timetable.
    pub stop_id: String,
    /// As in the timetable.
    pub route_id: Option<String>,
    /// The feed that it came from.
    pub feed: FeedId,
    /// `None`: stated by a trip update.
    pub vehicle: Option<VehicleId>,
    /// When the vehicle passed.
    pub passed_at: UtcMicros,
    /// When it was stated.
    pub stated_at: UtcMicros,
    /// Late is positive.
    pub delay_s: i32,
    /// Decides between statements of one instant: the greater one holds.
    pub digest: Digest,
}

impl Passage {
    /// The passage stated by a vehicle, if it names its trip, a stop and its delay, and a possible service day.
    pub fn of_vehicle(o: &VehiclePosition) -> Option<Self> {
        let passage = Passage {
            municipality: o.provenance.municipality,
            service_date: o.fix.start_date.as_deref().and_then(service_date),
            trip_id: o.fix.trip_id.clone()?,
            stop_id: o.fix.stop_id.clone()?,
            route_id: o.fix.route_id.clone(),
            feed: o.provenance.feed,
            vehicle: Some(o.vehicle),
            passed_at: o.observed_at,
            stated_at: o.observed_at,
            delay_s: o.fix.delay_s?,
            digest: o.digest,
        };
        passage.is_possible().then_some(passage)
    }

    /// The passage stated by a trip update at `stated_at`; `None`: it is impossible.
    pub fn of_trip(
        provenance: &Provenance,
        update: &TripUpdate,
        stated_at: UtcMicros,
        passed: &Passed,
    ) -> Option<Self> {
        let mut h = Xxh3::new();
        h.update(&provenance.feed.0.to_le_bytes());
        hash_text(&mut h, update.route_id.as_deref());
        hash_number(&mut h, Some(passed.passed_at.0));
        hash_number(&mut h, Some(i64::from(passed.delay_s)));
        let passage = Passage {
            municipality: provenance.municipality,
            service_date: update.start_date.as_deref().and_then(service_date),
            trip_id: update.name(),
            stop_id: passed.stop_id.clone(),
            route_id: update.route_id.clone(),
            feed: provenance.feed,
            vehicle: None,
            passed_at: passed.passed_at,
            stated_at,
            delay_s: passed.delay_s,
            digest: h.digest() as i64,
        };
        passage.is_possible().then_some(passage)
    }

    /// Whether its day and its time fit together, and it is stated soon enough: else a sender could invent passages
    /// of any number of days.
    fn is_possible(&self) -> bool {
        let passed_on = TimeZone::UTC.to_datetime(self.passed_at.timestamp()).date();
        let is_near = |day: Date| {
            let days = passed_on.duration_since(day).as_hours() / 24;
            (-1..=DAYS_BEFORE).contains(&days)
        };
        self.service_date.is_none_or(is_near)
            && self.stated_at.seconds_since(self.passed_at) <= STATED_WITHIN_S
    }

    /// What decides between two statements about one passage: the larger one holds.
    pub fn rank(&self) -> (UtcMicros, Digest) {
        (self.stated_at, self.digest)
    }
}

/// A service date as GTFS writes it, `YYYYMMDD`; `None`: it is none. There is no year 0, for
/// databases either.
pub fn service_date(text: &str) -> Option<Date> {
    let is_date = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    let date = is_date.then(|| Date::strptime("%Y%m%d", text).ok()).flatten()?;
    (date.year() > 0).then_some(date)
}

/// The delays of many passages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delays(BTreeMap<i32, u64>);

/// Statistics of delays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayFigures {
    /// Passages.
    pub n: u64,
    /// Late is positive, as in all of them.
    pub mean_s: f64,
    /// The median.
    pub p50_s: f64,
    /// The 85th percentile.
    pub p85_s: f64,
    /// The 95th percentile.
    pub p95_s: f64,
    /// Of passages before [`EARLY_BEFORE_S`], 0 to 1.
    pub early_share: f64,
    /// Of passages between, 0 to 1.
    pub on_time_share: f64,
    /// Of passages from [`LATE_FROM_S`] on, 0 to 1.
    pub late_share: f64,
    /// Passages by class: see [`CLASS_FROM_S`].
    pub histogram: [u64; CLASSES],
}

impl Delays {
    /// Adds `n` passages that were `delay_s` late.
    pub fn add(&mut self, delay_s: i32, n: u64) {
        if n > 0 {
            *self.0.entry(delay_s).or_default() += n;
        }
    }

    /// `None`: there was no passage.
    pub fn figures(&self) -> Option<DelayFigures> {
        let n: u64 = self.0.values().sum();
        let (last, _) = self.0.last_key_value()?;
        let share = |of: u64| of as f64 / n as f64;
        let early: u64 = self.0.range(..EARLY_BEFORE_S).map(|(_, n)| n).sum();
        let late: u64 = self.0.range(LATE_FROM_S..).map(|(_, n)| n).sum();
        let sum: i64 = self.0.iter().map(|(delay_s, n)| i64::from(*delay_s) * *n as i64).sum();
        let mut histogram = [0; CLASSES];
        for (delay_s, n) in &self.0 {
            histogram[CLASS_FROM_S.partition_point(|from| from <= delay_s)] += n;
        }
        let quantile = |p: f64| self.quantile(p, n).unwrap_or(f64::from(*last));
        Some(DelayFigures {
            n,
            mean_s: sum as f64 / n as f64,
            p50_s: quantile(0.50),
            p85_s: quantile(0.85),
            p95_s: quantile(0.95),
            early_share: share(early),
            on_time_share: share(n - early - late),
            late_share: share(late),
            histogram,
        })
    }

    /// Between neighbours by a straight line, as spreadsheets (`PERCENTILE.INC`), NumPy and
    /// PostgreSQL (`percentile_cont`) do: type 7 of Hyndman and Fan, *Sample Quantiles in Statistical
    /// Packages* (1996).
    fn quantile(&self, p: f64, n: u64) -> Option<f64> {
        let at = p * (n - 1) as f64;
        let (below, above) = (self.nth(at.floor() as u64)?, self.nth(at.ceil() as u64)?);
        Some(f64::from(below) + (at - at.floor()) * f64::from(above - below))
    }

    /// The delay that `rank` others do not exceed.
    fn nth(&self, rank: u64) -> Option<i32> {
        let mut before = 0;
        self.0.iter().find_map(|(delay_s, n)| {
            before += n;
            (rank < before).then_some(*delay_s)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::observation::VehicleFix;

    fn delays(all: &[i32]) -> Delays {
        let mut delays = Delays::default();
        all.iter().for_each(|d| delays.add(*d, 1));
        delays
    }

    #[test]
    fn figures_by_hand() {
        let figures = delays(&[-90, -60, 0, 30, 120, 300, 359, 360, 900, 2_000]).figures().unwrap();
        assert_eq!((figures.n, figures.mean_s), (10, 391.9));
        assert_eq!((figures.early_share, figures.on_time_share, figures.late_share), (0.1, 0.6, 0.3));
        // Ranks 4.5, 7.65 and 8.55 of 0 to 9.
        assert_eq!(figures.p50_s, 210.0);
        assert!((figures.p85_s - (360.0 + 0.65 * 540.0)).abs() < 1e-9, "{}", figures.p85_s);
        assert!((figures.p95_s - (900.0 + 0.55 * 1_100.0)).abs() < 1e-9, "{}", figures.p95_s);
        assert_eq!(figures.histogram, [1, 1, 2, 1, 0, 2, 1, 0, 1, 1]);
        assert_eq!(delays(&[]).figures(), None);
    }

    #[test]
    fn a_date_is_a_date() {
        assert_eq!(service_date("20261122"), Some(jiff::civil::date(2026, 11, 22)));
        for wrong in ["", "2026112", "20261322", "2026-1-2", "99999999"] {
            assert_eq!(service_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_who_names_trip_stop_and_delay_speaks_of_a_passage() {
        let provenance = Provenance {
            municipality: MunicipalityId(1),
            feed: FeedId(1),
            sensor: None,
            received_at: UtcMicros(0),
            clock_corrected: false,
        };
        let all = VehicleFix {
            trip_id: Some("t".into()),
            stop_id: Some("s".into()),
            delay_s: Some(5),
            start_date: Some("20269999".into()),
            ..VehicleFix::default()
        };
        let of = |fix: VehicleFix| {
            let at = UtcMicros(7);
            Passage::of_vehicle(&VehiclePosition {
                provenance,
                vehicle: VehicleId(1),
                observed_at: at,
                digest: 1,
                fix,
            })
        };
        let passage = of(all.clone()).unwrap();
        assert_eq!((passage.service_date, passage.passed_at), (None, UtcMicros(7)));
        let on = |day: &str| of(VehicleFix { start_date: Some(day.into()), ..all.clone() });
        for (day, is_possible) in [
            ("19691229", false),
            ("19691230", true),
            ("19700101", true),
            ("19700102", true),
            ("19700103", false),
            ("29991231", false),
        ] {
            assert_eq!(on(day).is_some(), is_possible, "{day}");
        }
        let update = TripUpdate { trip_id: "t".into(), ..TripUpdate::default() };
        let passed = Passed { stop_id: "s".into(), passed_at: UtcMicros(7), delay_s: 5 };
        let stated = |after_s| Passage::of_trip(&provenance, &update, UtcMicros(7).plus_s(after_s), &passed);
        assert!(stated(2 * 86_400).is_some() && stated(2 * 86_400 + 1).is_none());
        assert_eq!(of(VehicleFix { trip_id: None, ..all.clone() }), None);
        assert_eq!(of(VehicleFix { stop_id: None, ..all.clone() }), None);
        assert_eq!(of(VehicleFix { delay_s: None, ..all }), None);
    }

    proptest! {
        #[test]
        fn figures_are_those_of_the_sorted_list(mut all in prop::collection::vec(-4_000..20_000i32, 1..200)) {
            let figures = delays(&all).figures().unwrap();
            all.sort_unstable();
            let quantile = |p: f64| {
                let at = p * (all.len() - 1) as f64;
                let value = |rank: f64| f64::from(all[rank as usize]);
                value(at.floor()) + (at - at.floor()) * (value(at.ceil()) - value(at.floor()))
            };
            prop_assert!((figures.p50_s - quantile(0.5)).abs() < 1e-9);
            prop_assert!((figures.p85_s - quantile(0.85)).abs() < 1e-9);
            prop_assert!((figures.p95_s - quantile(0.95)).abs() < 1e-9);
            prop_assert_eq!(figures.histogram.iter().sum::<u64>(), figures.n);
            prop_assert!((figures.early_share + figures.on_time_share + figures.late_share - 1.0).abs() < 1e-12);
            let early = all.iter().filter(|d| **d < -60).count();
            prop_assert_eq!(figures.histogram[0], early as u64);
        }
    }
}
