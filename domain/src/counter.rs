//! Devices that count who passes, both ways, and send how far their counters have come: so a lost message costs nothing.

use serde::{Deserialize, Serialize};

/// Counters have 16 bits: after 65,535 comes 0.
const WRAPS_AT: i64 = 1 << 16;

/// A number for each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BothWays {
    /// Who came in.
    #[serde(rename = "in")]
    pub entries: i32,
    /// Who went out.
    #[serde(rename = "out")]
    pub exits: i32,
}

impl BothWays {
    /// With entries and exits exchanged.
    pub fn turned(self) -> Self {
        BothWays { entries: self.exits, exits: self.entries }
    }

    fn zip(self, other: Self, with: impl Fn(i32, i32) -> i32) -> Self {
        BothWays { entries: with(self.entries, other.entries), exits: with(self.exits, other.exits) }
    }

    fn any(self, other: Self, is_so: impl Fn(i32, i32) -> bool) -> bool {
        is_so(self.entries, other.entries) || is_so(self.exits, other.exits)
    }
}

/// What a device states about its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// What it has counted since its last message.
    pub since_last: BothWays,
    /// What it has counted since it was switched on.
    pub total: BothWays,
}

impl Counter {
    /// Who passed since `before`, the message before this one, each with its frame counter: the difference of the totals. Of a
    /// device that was switched on in between it is what it has counted since then; without a message before it
    /// is what the device says itself.
    ///
    /// A total that is smaller than before has wrapped round or begun again. It has begun again where it is no more than what
    /// came since the last message, where the frame counter began again too, where both totals are smaller, or where
    /// more than half of the counter's range would have passed.
    pub fn flow(&self, f_cnt: Option<i64>, before: Option<(Counter, Option<i64>)>) -> BothWays {
        let Some((before, f_cnt_before)) = before.filter(|_| self.total != self.since_last) else {
            return self.since_last;
        };
        if self.has_begun_again(f_cnt, (before, f_cnt_before)) {
            self.total
        } else {
            self.passed_since(before)
        }
    }

    fn passed_since(&self, before: Counter) -> BothWays {
        let modular = |n: i32, before: i32| (i64::from(n) - i64::from(before)).rem_euclid(WRAPS_AT) as i32;
        self.total.zip(before.total, modular)
    }

    /// Whether the device was switched on since `before`: see [`Counter::flow`].
    pub fn has_begun_again(
        &self,
        f_cnt: Option<i64>,
        (before, f_cnt_before): (Counter, Option<i64>),
    ) -> bool {
        let passed = self.passed_since(before);
        let is_smaller = |n, before| n < before;
        let drops = self.total.any(before.total, is_smaller);
        let both_drop = self.total.entries < before.total.entries && self.total.exits < before.total.exits;
        let joined_again = f_cnt.zip(f_cnt_before).is_some_and(|(now, before)| now < before);
        (drops && (joined_again || both_drop))
            || passed.any(self.since_last, is_smaller)
            || passed.any(passed, |n, _| i64::from(n) >= WRAPS_AT / 2)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(entries: i32, exits: i32) -> BothWays {
        BothWays { entries, exits }
    }

    fn counter(since_last: (i32, i32), total: (i32, i32)) -> Counter {
        Counter { since_last: both(since_last.0, since_last.1), total: both(total.0, total.1) }
    }

    /// Who passed between two messages, the second with frame counter 9.
    fn passed(before: ((i32, i32), i64), now: ((i32, i32), (i32, i32))) -> BothWays {
        let (total, f_cnt) = before;
        counter(now.0, now.1).flow(Some(9), Some((counter((0, 0), total), Some(f_cnt))))
    }

    #[test]
    fn the_difference_of_the_totals_recovers_what_lost_messages_said() {
        assert_eq!(passed(((3, 4), 8), ((1, 0), (4, 4))), both(1, 0));
        assert_eq!(passed(((3, 4), 5), ((1, 0), (9, 11))), both(6, 7));
        assert_eq!(counter((1, 2), (30, 40)).flow(Some(9), None), both(1, 2), "the device says it itself");
    }

    #[test]
    fn a_counter_that_is_full_goes_on_from_zero() {
        assert_eq!(passed(((65_534, 10), 8), ((3, 1), (1, 11))), both(3, 1));
        assert_eq!(passed(((65_000, 10), 2), ((3, 1), (464, 200))), both(1_000, 190));
    }

    #[test]
    fn a_device_that_was_switched_on_again_counts_from_zero() {
        // The first message after it, and a later one: both totals are smaller, or the frames count from zero too.
        assert_eq!(passed(((500, 400), 8), ((2, 1), (2, 1))), both(2, 1));
        assert_eq!(passed(((500, 400), 8), ((2, 1), (12, 21))), both(12, 21));
        assert_eq!(passed(((500, 4), 4_000), ((2, 1), (12, 21))), both(12, 21));
        assert_eq!(passed(((500, 4), 8), ((2, 1), (12, 21))), both(12, 21), "half the range did not pass");
        // Too few would have passed: it has begun again, and come as far as before.
        assert_eq!(passed(((5, 4), 8), ((6, 3), (7, 5))), both(7, 5));
        // It joined again, and was not switched off.
        assert_eq!(passed(((500, 400), 4_000), ((2, 1), (502, 403))), both(2, 3));
    }

    proptest! {
        #[test]
        fn whatever_is_lost_the_sum_is_right_while_a_device_is_on(
            steps in proptest::collection::vec((0..200i32, 0..200i32, any::<bool>()), 1..60),
            begin in (0..65_536i32, 0..65_536i32),
        ) {
            let (mut total, mut since_last) = (both(begin.0, begin.1), both(0, 0));
            let mut held = Some((Counter { since_last, total }, Some(0)));
            let (mut counted, mut passed) = (both(0, 0), both(0, 0));
            for (n, (entries, exits, arrives)) in steps.iter().enumerate() {
                since_last = both(*entries, *exits);
                total = total.zip(since_last, |a, b| (a + b) % WRAPS_AT as i32);
                passed = passed.zip(since_last, |a, b| a + b);
                let (now, f_cnt) = (Counter { since_last, total }, Some(n as i64 + 1));
                if *arrives || n + 1 == steps.len() {
                    counted = counted.zip(now.flow(f_cnt, held), |a, b| a + b);
                    held = Some((now, f_cnt));
                }
            }
            // Both at once reach their ends within a minute once in a century.
            prop_assume!(!(begin.0 > 50_000 && begin.1 > 50_000));
            prop_assert_eq!(counted, passed);
        }
    }
}
