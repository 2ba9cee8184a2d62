//! Counts events by cause and reports them once a minute: a flood is a bounded number of reports, and every event is
//! counted in one.

use std::collections::HashMap;
use std::hash::Hash;

use domain::UtcMicros;

/// Causes that are counted one by one, some 200 bytes each; others are counted together.
pub const REMEMBERED: usize = 4_096;

/// Shortest time between two reports of one cause, seconds.
pub const REPORTED_EVERY_S: i64 = 60;

/// Causes reported in that time; all others together are one more report.
pub const REPORTED_AT_ONCE: usize = 20;

/// See the module's description. `K` is the cause, `D` a detail of its last event.
pub struct EventCounts<K, D> {
    causes: HashMap<K, (D, Counted)>,
    /// Causes beyond [`REMEMBERED`].
    others: Counted,
    /// When the current minute of reports began, and how many it has.
    minute: (UtcMicros, usize),
}

#[derive(Clone, Copy, Default)]
struct Counted {
    unreported: u64,
    reported_at: Option<UtcMicros>,
}

impl Counted {
    fn is_due(&self, now: UtcMicros) -> bool {
        self.unreported > 0 && !self.is_fresh(now)
    }

    fn is_fresh(&self, now: UtcMicros) -> bool {
        // A clock that was ahead does not count.
        self.reported_at.is_some_and(|at| at <= now && now < at.plus_s(REPORTED_EVERY_S))
    }

    fn take(&mut self, now: UtcMicros) -> u64 {
        self.reported_at = Some(now);
        std::mem::take(&mut self.unreported)
    }
}

/// Events since the previous report.
#[derive(Debug, PartialEq)]
pub struct Report<K, D> {
    /// `None`: several, beyond those that are reported one by one.
    pub cause: Option<(K, D)>,
    pub count: u64,
}

impl<K, D> Default for EventCounts<K, D> {
    fn default() -> Self {
        EventCounts {
            causes: HashMap::new(),
            others: Counted::default(),
            minute: (UtcMicros(i64::MIN / 2), 0),
        }
    }
}

impl<K: Eq + Hash + Clone, D: Clone> EventCounts<K, D> {
    /// Counts `count` events of `cause`; whether a report of it is due.
    pub fn add(&mut self, cause: K, detail: D, count: u64, now: UtcMicros) -> bool {
        if self.causes.len() >= REMEMBERED && !self.causes.contains_key(&cause) {
            self.forget(now);
        }
        let counted = if self.causes.len() < REMEMBERED || self.causes.contains_key(&cause) {
            let entry = self.causes.entry(cause).or_insert_with(|| (detail.clone(), Counted::default()));
            entry.0 = detail;
            &mut entry.1
        } else {
            &mut self.others
        };
        counted.unreported += count;
        counted.is_due(now)
    }

    /// Reports that are due now; with `all`, everything unreported.
    pub fn due(&mut self, now: UtcMicros, all: bool) -> Vec<Report<K, D>> {
        if now < self.minute.0 || now >= self.minute.0.plus_s(REPORTED_EVERY_S) {
            self.minute = (now, 0);
        }
        let mut due = Vec::new();
        let is_due = |counted: &Counted| counted.is_due(now) || (all && counted.unreported > 0);
        for (cause, (detail, counted)) in self.causes.iter_mut().filter(|(_, (_, c))| is_due(c)) {
            let count = counted.take(now);
            if self.minute.1 >= REPORTED_AT_ONCE {
                self.others.unreported += count;
            } else {
                self.minute.1 += 1;
                due.push(Report { cause: Some((cause.clone(), detail.clone())), count });
            }
        }
        if is_due(&self.others) {
            due.push(Report { cause: None, count: self.others.take(now) });
        }
        self.forget(now);
        due
    }

    /// Drops causes with nothing to report.
    fn forget(&mut self, now: UtcMicros) {
        self.causes.retain(|_, (_, counted)| counted.unreported > 0 || counted.is_fresh(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMicros = UtcMicros(1_795_435_200_000_000);

    #[test]
    fn a_flood_is_a_bounded_number_of_reports_and_none_is_lost() {
        let mut counts = EventCounts::default();
        for round in 0..3 {
            let now = NOW.plus_s(round * REPORTED_EVERY_S);
            for n in 0..50_000 {
                counts.add(n % 10_000, (), 1, now);
            }
            assert!(counts.causes.len() <= REMEMBERED);
            let due = counts.due(now, false);
            assert!(due.len() <= REPORTED_AT_ONCE + 1, "{} reports", due.len());
            assert_eq!(due.iter().map(|report| report.count).sum::<u64>(), 50_000);
            assert!(counts.due(now.plus_s(1), false).is_empty());
        }
        counts.due(NOW.plus_s(3_600), true);
        assert!(counts.causes.is_empty(), "nobody is remembered for longer than it counts");
    }

    #[test]
    fn a_clock_that_was_ahead_silences_nobody() {
        let mut counts = EventCounts::default();
        let ahead = NOW.plus_s(365 * 86_400);
        for n in 0..REPORTED_AT_ONCE {
            counts.add(n, (), 1, ahead);
        }
        assert_eq!(counts.due(ahead, false).len(), REPORTED_AT_ONCE);
        assert!(counts.add(0, (), 1, NOW));
        assert_eq!(counts.due(NOW, false), [Report { cause: Some((0, ())), count: 1 }]);
    }

    #[test]
    fn the_first_is_reported_at_once_and_what_follows_after_a_minute() {
        let mut counts = EventCounts::default();
        assert!(counts.add("a", 1, 1, NOW));
        assert_eq!(counts.due(NOW, false), [Report { cause: Some(("a", 1)), count: 1 }]);
        assert!(!counts.add("a", 2, 1, NOW.plus_s(1)) && !counts.add("a", 3, 1, NOW.plus_s(59)));
        assert!(counts.due(NOW.plus_s(59), false).is_empty());
        assert_eq!(counts.due(NOW.plus_s(60), false), [Report { cause: Some(("a", 3)), count: 2 }]);
        assert!(!counts.add("a", 4, 1, NOW.plus_s(61)));
        assert_eq!(counts.due(NOW.plus_s(61), true).len(), 1, "at the end whatever there is");
    }
}
