//! Occupancy of groups of places in buckets of a town's own time.
//!
//! Occupancy is occupied space-time by observed space-time, coverage is observed by possible; never an average of samples.
//! Peak, 85th percentile and the shares at or above 85 and 95 % are those of the occupancy in steps of
//! five minutes ([`SLICE_US`]), each step that was observed counting the same.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::day_kind::{DayKind, TownDays};
use crate::intervals::{HOUR_US, HourSums, QUARTERS, SLICE_US, SLICES, Span};
use crate::place::wire_enum;
use crate::time::{MICROS_PER_S, UtcMicros};

wire_enum! {
    /// The time that a figure covers. Days, weeks (from Monday), months and hours of the week are the town's own; `all` is the
    /// whole period.
    Bucket {
        Quarter = "15m", Hour = "1h", Day = "1d", Week = "1w", Month = "1mo", HourOfWeek = "hour_of_week", All = "all",
    }
}

impl Bucket {
    /// How many there are in `period` at most.
    pub fn at_most(self, period: Span) -> i64 {
        const HOUR_S: i64 = 3_600;
        let shortest_s = match self {
            _ if period.is_empty() => return 0,
            Bucket::HourOfWeek => return 7 * 24,
            Bucket::All => return 1,
            Bucket::Quarter => HOUR_S / 4,
            Bucket::Hour => HOUR_S,
            // When clocks go forward.
            Bucket::Day => 23 * HOUR_S,
            Bucket::Week => (7 * 24 - 1) * HOUR_S,
            Bucket::Month => (28 * 24 - 1) * HOUR_S,
        };
        // One is begun before the period, another ends after it.
        period.len_us() / (shortest_s * MICROS_PER_S) + 2
    }
}

/// A bucket's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BucketKey {
    /// Where it begins.
    At(UtcMicros),
    /// An hour of the local week.
    HourOfWeek {
        /// 1 = Monday.
        weekday: i8,
        /// 0 to 23.
        hour: i8,
    },
    /// The whole period.
    All,
}

/// Which hours of which days count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Days that are of any of these kinds; empty = all.
    pub days: Vec<DayKind>,
    /// Minutes of the local day, `[from, until)`; full quarters of an hour. May span midnight.
    pub minutes: Option<(i16, i16)>,
}

/// A town's clock and days.
#[derive(Debug, Clone)]
pub struct TownTime {
    /// Its time zone.
    pub tz: TimeZone,
    /// Its holidays and marked days.
    pub days: TownDays,
}

/// A quarter of an hour, which is the same in a bucket as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarter {
    /// The bucket that it is in.
    pub key: BucketKey,
    /// Whether it passes the filter.
    pub counts: bool,
}

const QUARTER_US: i64 = HOUR_US / QUARTERS as i64;
/// Slices of a quarter.
const QUARTER_SLICES: usize = SLICES / QUARTERS;

/// A quarter, by its number, of an hour since 1970.
pub fn quarter(hour: i64, number: usize) -> Span {
    let from = hour * HOUR_US + number as i64 * QUARTER_US;
    Span { from: UtcMicros(from), until: UtcMicros(from + QUARTER_US) }
}

impl TownTime {
    /// The local time of `at`.
    pub fn local(&self, at: UtcMicros) -> DateTime {
        self.tz.to_datetime(at.timestamp())
    }

    /// The town's midnight that begins `day`; where a clock change skips it, the first instant after.
    pub fn midnight(&self, day: Date) -> Option<UtcMicros> {
        Some(self.tz.to_ambiguous_timestamp(day.to_datetime(Time::midnight())).compatible().ok()?.into())
    }

    /// Which bucket the quarters of the hour (since 1970) are in, and whether they count.
    pub fn quarters(&self, hour: i64, bucket: Bucket, filter: &Filter) -> [Quarter; QUARTERS] {
        std::array::from_fn(|i| {
            let at = UtcMicros(hour * HOUR_US + i as i64 * QUARTER_US);
            let local = self.local(at);
            Quarter { key: self.key(at, local, bucket), counts: self.passes(local, filter) }
        })
    }

    /// Whether `at` passes `filter`.
    pub fn passes_at(&self, at: UtcMicros, filter: &Filter) -> bool {
        self.passes(self.local(at), filter)
    }

    fn key(&self, at: UtcMicros, local: DateTime, bucket: Bucket) -> BucketKey {
        let since_hour_us = i64::from(local.minute()) * 60 * MICROS_PER_S;
        match bucket {
            Bucket::Quarter => BucketKey::At(at),
            Bucket::Hour => BucketKey::At(UtcMicros(at.0 - since_hour_us)),
            Bucket::Day => BucketKey::At(self.midnight(local.date()).unwrap_or(at)),
            Bucket::Week => {
                let back = i32::from(local.weekday().to_monday_zero_offset());
                let monday = local.date().checked_sub(back.days()).unwrap_or(local.date());
                BucketKey::At(self.midnight(monday).unwrap_or(at))
            }
            Bucket::Month => BucketKey::At(self.midnight(local.date().first_of_month()).unwrap_or(at)),
            Bucket::All => BucketKey::All,
            Bucket::HourOfWeek => {
                BucketKey::HourOfWeek { weekday: local.weekday().to_monday_one_offset(), hour: local.hour() }
            }
        }
    }

    /// Where the bucket named `key` ends; `None`: with the period that is asked for.
    pub fn end(&self, key: BucketKey, bucket: Bucket) -> Option<UtcMicros> {
        let BucketKey::At(from) = key else { return None };
        let date = self.local(from).date();
        let next = match bucket {
            Bucket::Quarter => return Some(UtcMicros(from.0 + QUARTER_US)),
            Bucket::Hour => return Some(UtcMicros(from.0 + HOUR_US)),
            Bucket::Day => date.checked_add(1.day()),
            Bucket::Week => date.checked_add(1.week()),
            Bucket::Month => date.checked_add(1.month()),
            Bucket::HourOfWeek | Bucket::All => return None,
        };
        self.midnight(next.ok()?)
    }

    fn passes(&self, local: DateTime, filter: &Filter) -> bool {
        let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
        let in_hours = filter.minutes.is_none_or(|(from, until)| match from < until {
            true => (from..until).contains(&minute),
            false => minute >= from || minute < until,
        });
        let is_day = |kind: &DayKind| self.days.is(*kind, local.date());
        in_hours && (filter.days.is_empty() || filter.days.iter().any(is_day))
    }
}

/// How many spaces of a group were possible, as steps in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Possible {
    /// Spaces from an instant on.
    steps: Vec<(UtcMicros, i64)>,
}

impl Possible {
    /// From the times in which spaces were possible, with their number.
    pub fn of(spans: impl IntoIterator<Item = (Span, i64)>) -> Self {
        let mut changes: Vec<(UtcMicros, i64)> =
            spans.into_iter().flat_map(|(span, n)| [(span.from, n), (span.until, -n)]).collect();
        changes.sort_unstable();
        let mut steps: Vec<(UtcMicros, i64)> = Vec::new();
        let mut spaces = 0;
        for (at, change) in changes {
            spaces += change;
            match steps.last_mut() {
                Some(last) if last.0 == at => last.1 = spaces,
                _ => steps.push((at, spaces)),
            }
        }
        Possible { steps }
    }

    /// Space-microseconds within `span`.
    fn within_us(&self, span: Span) -> i64 {
        let mut sum = 0;
        let mut from = span.from;
        let mut next = self.steps.partition_point(|(at, _)| *at <= from);
        while from < span.until {
            let until = self.steps.get(next).map_or(span.until, |(at, _)| (*at).min(span.until));
            let spaces = next.checked_sub(1).map_or(0, |i| self.steps[i].1);
            sum += spaces * (until.0 - from.0);
            (from, next) = (until, next + 1);
        }
        sum
    }

    /// The most spaces at any time within `span`.
    pub fn most(&self, span: Span) -> i64 {
        let first = self.steps.partition_point(|(at, _)| *at <= span.from).saturating_sub(1);
        let within = self.steps[first.min(self.steps.len())..].iter().take_while(|(at, _)| *at < span.until);
        within.map(|(_, spaces)| *spaces).max().unwrap_or(0)
    }
}

/// The resolution of quantiles of occupancy.
const LEVELS: f64 = 1_000.0;

/// Sums up one group in one bucket.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OccupancySums {
    occupied_us: i64,
    observed_us: i64,
    possible_us: i64,
    arrivals: i64,
    departures: i64,
    peak: f64,
    /// Observed slices, and those with at least 85 and 95 %.
    slices: u32,
    from_85: u32,
    from_95: u32,
    /// How many slices had a level, by level.
    levels: BTreeMap<u16, u32>,
}

/// Figures of one group in one bucket; what is not known is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Occupied by observed, 0 to 1.
    pub occupancy: Option<f64>,
    /// The highest occupancy of five minutes.
    pub peak: Option<f64>,
    /// The 85th percentile of the occupancy of five minutes.
    pub p85: Option<f64>,
    /// The share of the time with an occupancy of 85 % or more.
    pub share_ge_85: Option<f64>,
    /// The share of the time with an occupancy of 95 % or more.
    pub share_ge_95: Option<f64>,
    /// Space-seconds.
    pub occupied_s: f64,
    /// Space-seconds.
    pub observed_s: f64,
    /// Observed by possible, 0 to 1.
    pub coverage: Option<f64>,
    /// Cars that came.
    pub arrivals: i64,
    /// Cars that left.
    pub departures: i64,
}

impl OccupancySums {
    /// Takes in the quarter number `quarter` of an hour, as far as it lies within `asked`.
    pub fn add_quarter(
        &mut self,
        hour: i64,
        quarter: usize,
        sums: &HourSums,
        possible: &Possible,
        asked: Span,
    ) {
        for slice in quarter * QUARTER_SLICES..(quarter + 1) * QUARTER_SLICES {
            let from = UtcMicros(hour * HOUR_US + slice as i64 * SLICE_US);
            let span = Span { from, until: UtcMicros(from.0 + SLICE_US) }.within(asked);
            if !span.is_empty() {
                self.possible_us += possible.within_us(span);
                self.add_slice(sums.occupied_us[slice], sums.observed_us[slice]);
            }
        }
        // Closed time of counted sites is not possible; it is known by the hour only, so a quarter bears its part of what
        // was asked of the hour.
        let of_hour = Span { from: UtcMicros(hour * HOUR_US), until: UtcMicros((hour + 1) * HOUR_US) };
        let of_hour_us = of_hour.within(asked).len_us();
        let of_quarter_us = self::quarter(hour, quarter).within(asked).len_us();
        if of_hour_us > 0 {
            let part = i128::from(sums.closed_us) * i128::from(of_quarter_us) / i128::from(of_hour_us);
            self.possible_us -= i64::try_from(part).unwrap_or(0);
        }
        self.arrivals += i64::from(sums.arrivals[quarter]);
        self.departures += i64::from(sums.departures[quarter]);
    }

    fn add_slice(&mut self, occupied_us: i64, observed_us: i64) {
        if observed_us == 0 {
            return;
        }
        self.occupied_us += occupied_us;
        self.observed_us += observed_us;
        let occupancy = occupied_us as f64 / observed_us as f64;
        self.peak = self.peak.max(occupancy);
        self.slices += 1;
        // In whole numbers: 0.85 is not a binary fraction.
        self.from_85 += u32::from(occupied_us * 100 >= observed_us * 85);
        self.from_95 += u32::from(occupied_us * 100 >= observed_us * 95);
        let level = (occupancy * LEVELS).round() as u16;
        *self.levels.entry(level).or_default() += 1;
    }

    /// Whether any of its time was asked for.
    pub fn is_empty(&self) -> bool {
        self.possible_us == 0 && self.observed_us == 0
    }

    /// The figures of all that was added.
    pub fn figures(&self) -> Figures {
        let share = |part: u32| (self.slices > 0).then(|| f64::from(part) / f64::from(self.slices));
        let ratio = |a: i64, b: i64| (b > 0).then(|| a as f64 / b as f64);
        Figures {
            occupancy: ratio(self.occupied_us, self.observed_us),
            peak: (self.slices > 0).then_some(self.peak),
            p85: self.quantile(0.85),
            share_ge_85: share(self.from_85),
            share_ge_95: share(self.from_95),
            occupied_s: self.occupied_us as f64 / MICROS_PER_S as f64,
            observed_s: self.observed_us as f64 / MICROS_PER_S as f64,
            coverage: ratio(self.observed_us, self.possible_us).map(|c| c.min(1.0)),
            arrivals: self.arrivals,
            departures: self.departures,
        }
    }

    /// The smallest level that at least this part of the slices does not exceed.
    fn quantile(&self, part: f64) -> Option<f64> {
        let wanted = (part * f64::from(self.slices)).ceil() as u32;
        let mut seen = 0;
        self.levels.iter().find_map(|(level, n)| {
            seen += n;
            (seen >= wanted).then(|| f64::from(*level) / LEVELS)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town() -> TownTime {
        TownTime { tz: TimeZone::get("Europe/Berlin").unwrap(), days: TownDays::new("05558001", &[]) }
    }

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse(text).unwrap()
    }

    fn hours_of_day(day: &str) -> usize {
        let town = town();
        let date: Date = day.parse().unwrap();
        let (from, until) = (town.midnight(date).unwrap(), town.midnight(date.tomorrow().unwrap()).unwrap());
        let key = BucketKey::At(from);
        let first = from.0.div_euclid(HOUR_US) - 3;
        let quarters = (first..first + 40)
            .flat_map(|hour| town.quarters(hour, Bucket::Day, &Filter::default()))
            .filter(|q| q.key == key)
            .count();
        assert_eq!(quarters as i64 * QUARTER_US, until.0 - from.0);
        quarters / QUARTERS
    }

    #[test]
    fn days_have_23_24_or_25_hours() {
        assert_eq!(hours_of_day("2026-03-29"), 23);
        assert_eq!(hours_of_day("2026-06-01"), 24);
        assert_eq!(hours_of_day("2026-10-25"), 25);
    }

    #[test]
    fn the_repeated_hour_is_two_hours_and_one_hour_of_the_week() {
        let town = town();
        let first = at("2026-10-25T00:00:00Z").0 / HOUR_US;
        let keys = |bucket| [first, first + 1].map(|h| town.quarters(h, bucket, &Filter::default())[0].key);
        let hours = keys(Bucket::Hour);
        assert_ne!(hours[0], hours[1]);
        let of_week = keys(Bucket::HourOfWeek);
        assert_eq!(of_week, [BucketKey::HourOfWeek { weekday: 7, hour: 2 }; 2]);
    }

    #[test]
    fn filters_are_of_local_time() {
        let town = town();
        let filter = Filter { days: vec![DayKind::MoFr], minutes: Some((9 * 60, 18 * 60)) };
        let counts = |text: &str| town.quarters(at(text).0 / HOUR_US, Bucket::Hour, &filter)[0].counts;
        assert!(counts("2026-06-02T07:00:00Z"), "9:00 in summer");
        assert!(!counts("2026-12-01T07:00:00Z"), "8:00 in winter");
        assert!(!counts("2026-06-06T09:00:00Z"), "Saturday");
        assert!(!counts("2026-05-14T09:00:00Z"), "Ascension day");
    }

    #[test]
    fn possible_time_is_cut_and_summed() {
        let s = |from, until| Span { from: UtcMicros(from), until: UtcMicros(until) };
        let possible = Possible::of([(s(0, 100), 2), (s(50, 70), 3), (Span::EVER, 1)]);
        assert_eq!(possible.within_us(s(40, 110)), 70 + 2 * 60 + 3 * 20);
        assert_eq!(possible.most(s(0, 60)), 6);
        assert_eq!(possible.most(s(80, 90)), 3);
    }

    #[test]
    fn buckets_end_where_the_next_begins() {
        let town = town();
        let day = |text: &str| town.midnight(text.parse().unwrap()).unwrap();
        let next = |bucket, from: &str| town.end(BucketKey::At(day(from)), bucket).unwrap();
        assert_eq!(next(Bucket::Day, "2026-10-25"), day("2026-10-26"));
        assert_eq!(next(Bucket::Week, "2026-10-19"), day("2026-10-26"));
        assert_eq!(next(Bucket::Month, "2026-02-01"), day("2026-03-01"));
        assert_eq!(next(Bucket::Hour, "2026-03-01"), UtcMicros(day("2026-03-01").0 + HOUR_US));
        for bucket in [Bucket::Quarter, Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month] {
            // A month of quarters: whatever is in a bucket lies before its end, and what begins there is in the next.
            let first = at("2026-10-20T00:00:00Z").0 / HOUR_US;
            for hour in first..first + 31 * 24 {
                for (i, quarter) in town.quarters(hour, bucket, &Filter::default()).into_iter().enumerate() {
                    let at = UtcMicros(hour * HOUR_US + i as i64 * QUARTER_US);
                    let end = town.end(quarter.key, bucket).unwrap();
                    let BucketKey::At(begin) = quarter.key else { panic!("{bucket:?}") };
                    assert!(begin <= at && at < end, "{bucket:?} {at}");
                    let after = town.quarters(end.0.div_euclid(HOUR_US), bucket, &Filter::default());
                    let after = after[(end.0.rem_euclid(HOUR_US) / QUARTER_US) as usize].key;
                    assert_eq!(after, BucketKey::At(end), "{bucket:?} {at}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_over_was_not_possible() {
        // Ten spaces were closed for the first half of an hour of which 40 minutes are over.
        let asked = Span { from: UtcMicros(0), until: UtcMicros(40 * 60 * MICROS_PER_S) };
        let mut sums = HourSums { closed_us: 10 * HOUR_US / 2, ..HourSums::default() };
        for slice in 6..8 {
            sums.observed_us[slice] = 10 * SLICE_US;
        }
        let possible = Possible::of([(Span::EVER, 10)]);
        let coverage = |quarters: std::ops::Range<usize>| {
            let mut total = OccupancySums::default();
            quarters.for_each(|quarter| total.add_quarter(0, quarter, &sums, &possible, asked));
            total.figures().coverage
        };
        assert_eq!(coverage(0..4), Some(1.0));
        assert_eq!(coverage(3..4), None, "it has not begun");
    }

    proptest::proptest! {
        #[test]
        fn a_period_has_no_more_buckets_than_at_most(from_h in 0i64..9_000, quarters in 1i64..3_000, back in 0i64..4) {
            let town = town();
            let begin = at("2026-01-01T00:00:00Z").0 + from_h * HOUR_US + back * QUARTER_US;
            let period = Span { from: UtcMicros(begin), until: UtcMicros(begin + quarters * QUARTER_US) };
            for bucket in Bucket::ALL.iter().copied() {
                let mut keys = std::collections::BTreeSet::new();
                for hour in period.from.0.div_euclid(HOUR_US)..=(period.until.0 - 1).div_euclid(HOUR_US) {
                    for (i, within) in town.quarters(hour, bucket, &Filter::default()).into_iter().enumerate() {
                        if !quarter(hour, i).within(period).is_empty() {
                            keys.insert(within.key);
                        }
                    }
                }
                proptest::prop_assert!(keys.len() as i64 <= bucket.at_most(period), "{bucket:?}: {}", keys.len());
            }
        }
    }

    #[test]
    fn figures_are_weighted_by_time() {
        let mut sums = HourSums::default();
        let space = SLICE_US;
        // Four of ten spaces, then nine, in the last quarter.
        (sums.occupied_us[9], sums.observed_us[9]) = (4 * space, 10 * space);
        (sums.occupied_us[10], sums.observed_us[10]) = (9 * space, 10 * space);
        sums.arrivals[3] = 5;
        let possible = Possible::of([(Span::EVER, 10)]);
        let mut total = OccupancySums::default();
        total.add_quarter(0, 3, &sums, &possible, Span::EVER);
        let figures = total.figures();
        assert_eq!(figures.occupancy, Some(0.65));
        assert_eq!((figures.peak, figures.p85), (Some(0.9), Some(0.9)));
        assert_eq!((figures.share_ge_85, figures.share_ge_95), (Some(0.5), Some(0.0)));
        assert_eq!((figures.coverage, figures.arrivals), (Some(2.0 / 3.0), 5));
    }
}
