//! Plausibility of readings and of their sources: stuck, always zero, closed.

use serde::{Deserialize, Serialize};

use crate::place::wire_enum;
use crate::time::{MICROS_PER_S, UtcMicros};

/// A reading of a counted site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Vacant spaces.
    Vacant(u32),
    /// Vacant spaces, as a source says that cannot be stuck: 0 all at once, and the same number for days, are believed.
    Certain(u32),
    /// The source says that the site is closed.
    Closed,
    /// The source says that it does not know.
    Unknown,
}

wire_enum! {
    /// Whether a source can be used.
    Health {
        /// It can.
        Ok = "ok",
        /// Less than two weeks of readings.
        TooLittle = "too_little",
        /// Hardly anything but 0.
        AlwaysZero = "always_zero",
        /// Falls from well above full to 0 on many days: its 0 says closed or broken, not full.
        ZeroWhenClosed = "zero_when_closed",
        /// The same number for days, again and again.
        Stuck = "stuck",
        /// Mostly closed or unknown.
        Closed = "closed",
    }
}

/// A 0 right after more than this share was vacant is a closed or broken site: cars do not fill
/// a tenth of a car park between two readings.
const JUMP_FROM: f64 = 0.1;
/// So many spaces may be taken between two readings anywhere: of a small site that is more than a tenth.
const TAKEN_AT_ONCE: f64 = 4.0;
/// A 0 for longer means a closed or broken site: cars leave even a full one.
const LONGEST_FULL_S: i64 = 12 * 3600;
/// Sites with at least so many spaces; small ones can stay full through an evening, a night and a morning.
const MANY_SPACES: u32 = 40;
/// The longest 0 of a site with fewer.
const LONGEST_FULL_SMALL_S: i64 = 24 * 3600;
/// The same number for longer is a stuck counter; a Sunday is shorter.
const LONGEST_STILL_S: i64 = 48 * 3600;

/// Screens a source's readings one by one, and the source by its last weeks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Screen {
    /// Newest believed share above 0.
    above_zero: Option<f64>,
    /// The newest number, and since when it has been reported.
    still: Option<(u32, UtcMicros)>,
    is_fault: bool,
    day: i64,
    today: Day,
    past: Past,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Day {
    readings: f64,
    zero: f64,
    stuck: f64,
    closed: f64,
    jumped: bool,
}

/// Exponentially weighted shares of the days.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Past {
    days: u32,
    zero: f64,
    stuck: f64,
    closed: f64,
    jumped: f64,
}

/// Days before a source is judged.
const FEWEST_DAYS: u32 = 14;
/// Weight of one day: about the last two months count.
const DAY_WEIGHT: f64 = 1.0 / 60.0;
/// Shares of the days or readings beyond which a source is not believed.
const MOST_ZERO: f64 = 0.9;
const MOST_JUMPED: f64 = 1.0 / 3.0;
const MOST_STUCK: f64 = 0.5;
const MOST_CLOSED: f64 = 0.75;

impl Screen {
    /// The vacant share, if the reading is plausible.
    pub(crate) fn judge(&mut self, at: UtcMicros, reading: Reading, capacity: u32) -> Option<f64> {
        self.turn_day(at);
        self.today.readings += 1.0;
        let share_of = |vacant: u32| (f64::from(vacant) / f64::from(capacity.max(1))).min(1.0);
        let vacant = match reading {
            Reading::Vacant(vacant) => vacant,
            Reading::Certain(vacant) => return Some(share_of(vacant)),
            Reading::Closed | Reading::Unknown => {
                self.today.closed += 1.0;
                self.still = None;
                return None;
            }
        };
        let share = share_of(vacant);
        let previous = self.still;
        let since = match previous {
            Some((same, since)) if same == vacant => since,
            _ => {
                self.still = Some((vacant, at));
                at
            }
        };
        let still_s = at.seconds_since(since);
        if vacant == 0 {
            self.today.zero += 1.0;
            if previous.is_none_or(|(before, _)| before > 0) {
                let largest = JUMP_FROM.max(TAKEN_AT_ONCE / f64::from(capacity.max(1)));
                self.is_fault = self.above_zero.is_none_or(|before| before > largest);
                self.today.jumped |= self.is_fault;
            }
            let longest_s = if capacity < MANY_SPACES { LONGEST_FULL_SMALL_S } else { LONGEST_FULL_S };
            let is_full = !self.is_fault && still_s <= longest_s as f64;
            return is_full.then_some(0.0);
        }
        self.is_fault = false;
        if still_s > LONGEST_STILL_S as f64 {
            self.today.stuck += 1.0;
            return None;
        }
        self.above_zero = Some(share);
        Some(share)
    }

    fn turn_day(&mut self, at: UtcMicros) {
        let day = at.0.div_euclid(86_400 * MICROS_PER_S);
        if day == self.day {
            return;
        }
        self.day = day;
        let Day { readings, zero, stuck, closed, jumped } = std::mem::take(&mut self.today);
        if readings == 0.0 {
            return;
        }
        let past = &mut self.past;
        past.days = past.days.saturating_add(1);
        let weight = DAY_WEIGHT.max(1.0 / f64::from(past.days));
        let follow = |share: &mut f64, today: f64| *share += weight * (today - *share);
        follow(&mut past.zero, zero / readings);
        follow(&mut past.stuck, stuck / readings);
        follow(&mut past.closed, closed / readings);
        follow(&mut past.jumped, f64::from(u8::from(jumped)));
    }

    pub(crate) fn health(&self) -> Health {
        let past = &self.past;
        if past.days < FEWEST_DAYS {
            Health::TooLittle
        } else if past.zero > MOST_ZERO {
            Health::AlwaysZero
        } else if past.jumped > MOST_JUMPED {
            Health::ZeroWhenClosed
        } else if past.stuck > MOST_STUCK {
            Health::Stuck
        } else if past.closed > MOST_CLOSED {
            Health::Closed
        } else {
            Health::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(series: impl Iterator<Item = (i64, Reading)>) -> (Vec<Option<f64>>, Health) {
        let mut screen = Screen::default();
        let shares =
            series.map(|(minute, r)| screen.judge(UtcMicros::from_unix_s(minute * 60), r, 100)).collect();
        (shares, screen.health())
    }

    #[test]
    fn a_zero_is_full_only_when_it_came_slowly() {
        let vacant = [50, 0, 0, 40, 20, 8, 3, 0, 0, 2];
        let (shares, _) = judged((0..).map(|i| i * 15).zip(vacant.map(Reading::Vacant)));
        let zeros: Vec<_> = shares.iter().map(|s| s.is_some()).collect();
        assert_eq!(zeros, [true, false, false, true, true, true, true, true, true, true]);
    }

    #[test]
    fn a_small_site_may_fill_between_two_readings_and_be_full_all_night() {
        let mut screen = Screen::default();
        let mut judge = |minute: i64, vacant| {
            screen.judge(UtcMicros::from_unix_s(minute * 60), Reading::Vacant(vacant), 8).is_some()
        };
        assert!(judge(0, 2) && judge(15, 0) && judge(30, 4) && judge(45, 0), "one to four cars came");
        assert!(judge(45 + 14 * 60, 0), "through the night");
        assert!(judge(60 + 14 * 60, 8) && !judge(75 + 14 * 60, 0), "eight at once did not");
        // Full every evening for two months.
        let mut screen = Screen::default();
        for quarter in 0..96 * 60_i64 {
            let hour = quarter / 4 % 24;
            let vacant = if !(8..18).contains(&hour) { 0 } else { 1 + (quarter % 4) as u32 };
            screen.judge(UtcMicros::from_unix_s(quarter * 900), Reading::Vacant(vacant), 8);
        }
        assert_eq!(screen.health(), Health::Ok);
    }

    #[test]
    fn broken_sources_are_named() {
        let quarters = || (0..96 * 30_i64).map(|i| (i * 15, i / 4 % 24));
        let of = |vacant: fn(i64, i64) -> u32| {
            judged(quarters().map(move |(minute, hour)| (minute, Reading::Vacant(vacant(minute, hour))))).1
        };
        assert_eq!(of(|m, _| 20 + (m / 15 % 50) as u32), Health::Ok);
        assert_eq!(of(|_, _| 0), Health::AlwaysZero);
        assert_eq!(of(|_, _| 77), Health::Stuck);
        assert_eq!(
            of(|m, hour| if hour < 6 { 0 } else { 50 + (m / 15 % 40) as u32 }),
            Health::ZeroWhenClosed
        );
        assert_eq!(judged(quarters().map(|(m, _)| (m, Reading::Closed))).1, Health::Closed);
        assert_eq!(judged((0..500).map(|i| (i * 15, Reading::Vacant(9)))).1, Health::TooLittle);
    }
}
