//! Parts of a feed that fall quiet while others speak, by the branches of its topic tree.
//!
//! What is usual of each is learned as of the whole feed ([`super::usual`]). Memory is bounded: of more branches the busiest
//! are kept, by the space-saving algorithm (Metwally, Agrawal and El Abbadi, ICDT 2005), and none that is known for a day,
//! with a hundred messages, gives way to a new one. So nobody who invents topics drives out those that are there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::usual::{Usual, most_missing};
use crate::health::WeekHour;
use crate::time::UtcMicros;

/// Branches of one feed.
pub const MAX_BRANCHES: usize = 64;

/// A branch of fewer messages is not known yet.
const KNOWN_MESSAGES: u64 = 100;

/// A quiet branch is forgotten after so long: it was taken away.
const FORGOTTEN_S: i64 = 30 * 86_400;

/// So long a silence is learned, as the quiet hours of nights and Sundays are; a longer one is an outage.
pub(super) const LEARNED_S: i64 = 86_400;

/// A branch that is quiet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quiet {
    /// The beginning of its topics.
    pub topic: String,
    /// When its last message came.
    pub last_message: UtcMicros,
    /// Mean time between its messages, seconds.
    pub usual_interval_s: f64,
    /// How many messages are missing that would have come usually, and how many may be missing.
    pub missing: f64,
    /// See `missing`.
    pub limit: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Branch {
    usual: Usual,
    /// Of this hour.
    messages: u32,
    /// Of all time; of one that took another's place the other's too.
    total: u64,
    last_at: UtcMicros,
    missing: f64,
}

impl Branch {
    fn is_known(&self) -> bool {
        self.total >= KNOWN_MESSAGES && self.usual.is_known()
    }
}

/// See the module's description.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Branches(BTreeMap<String, Branch>);

impl Branches {
    pub(super) fn message(&mut self, topic: &str, at: UtcMicros) {
        if let Some(branch) = self.0.get_mut(topic) {
            branch.messages = branch.messages.saturating_add(1);
            branch.total += 1;
            branch.last_at = at;
            branch.missing = 0.0;
            return;
        }
        let mut before = 0;
        if self.0.len() >= MAX_BRANCHES {
            let new = self.0.iter().filter(|(_, b)| !b.is_known());
            let Some((topic, least)) = new.min_by_key(|(_, b)| b.total) else { return };
            (before, _) = (least.total, self.0.remove(&topic.clone()));
        }
        let (usual, missing) = (Usual::of_days(), 0.0);
        let new = Branch { usual, messages: 1, total: before + 1, last_at: at, missing };
        self.0.insert(topic.to_owned(), new);
    }

    /// An hour has ended, of which a share was watched; `None`: too little of it to learn from.
    pub(super) fn close_hour(&mut self, hour: WeekHour, share: Option<f64>, now: UtcMicros) {
        self.0.retain(|_, branch| now < branch.last_at.plus_s(FORGOTTEN_S));
        for branch in self.0.values_mut() {
            let messages = std::mem::take(&mut branch.messages);
            if let Some(share) = share
                && now < branch.last_at.plus_s(LEARNED_S)
            {
                branch.usual.learn(hour, (f64::from(messages) / share).round() as u32);
            }
        }
    }

    /// `usual_h` of the feed's usual hours passed, while it spoke: as many as there were, scaled by how much it sends now.
    pub(super) fn pass(&mut self, at: WeekHour, usual_h: f64) {
        for branch in self.0.values_mut() {
            branch.missing += branch.usual.per_h(at).unwrap_or(0.0) * usual_h;
        }
    }

    /// Those that are quiet, longest first.
    pub(super) fn quiet(&self) -> Vec<Quiet> {
        let quiet = self.0.iter().filter_map(|(topic, branch)| {
            let per_h = branch.usual.mean_per_h();
            let limit = most_missing(per_h);
            (branch.is_known() && branch.missing >= limit).then(|| Quiet {
                topic: topic.clone(),
                last_message: branch.last_at,
                usual_interval_s: (3_600.0 / per_h).round(),
                missing: branch.missing.round(),
                limit: limit.round(),
            })
        });
        let mut quiet: Vec<Quiet> = quiet.collect();
        quiet.sort_by_key(|q| q.last_message);
        quiet
    }

    /// Without what another version wrote otherwise.
    pub(super) fn checked(mut self) -> Self {
        let shape = Usual::of_days();
        self.0.retain(|_, branch| branch.usual.has_shape_of(&shape));
        while self.0.len() > MAX_BRANCHES {
            self.0.pop_last();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: UtcMicros = UtcMicros(1_790_000_000_000_000);

    /// Both sites speak 30 times an hour by day, for so many days.
    fn learned(days: u8) -> (Branches, UtcMicros) {
        let (mut branches, mut now) = (Branches::default(), T0);
        for weekday in 0..days {
            for hour in 0..24 {
                for _ in 0..if hour < 6 { 0 } else { 30 } {
                    branches.message("a", now);
                    branches.message("b", now);
                    now = now.plus_s(60);
                }
                now = now.plus_s(1_800);
                branches.close_hour(WeekHour { weekday: weekday % 7, hour }, Some(1.0), now);
            }
        }
        (branches, now)
    }

    #[test]
    fn a_branch_that_falls_quiet_by_day_is_noticed_and_by_night_is_not() {
        let (mut branches, mut now) = learned(3);
        for _ in 0..6 {
            branches.pass(WeekHour { weekday: 3, hour: 3 }, 1.0);
        }
        assert_eq!(branches.quiet(), [], "a night is quiet");
        let mut minutes = 0;
        let quiet = loop {
            now = now.plus_s(60);
            branches.message("a", now);
            branches.pass(WeekHour { weekday: 3, hour: 9 }, 1.0 / 60.0);
            minutes += 1;
            let quiet = branches.quiet();
            if !quiet.is_empty() {
                break quiet;
            }
        };
        assert!((30..70).contains(&minutes), "after {minutes} minutes");
        let [b] = &quiet[..] else { panic!("{quiet:?}") };
        assert_eq!(b.topic, "b");
        assert!((120.0..200.0).contains(&b.usual_interval_s), "{b:?}");
        branches.message("b", now);
        assert_eq!(branches.quiet(), []);
    }

    #[test]
    fn ten_thousand_topics_drive_out_none_that_is_known() {
        let (mut branches, now) = learned(2);
        for n in 0..10_000 {
            branches.message(&format!("made up {n}"), now);
        }
        assert_eq!(branches.0.len(), MAX_BRANCHES);
        assert!(branches.0.contains_key("a") && branches.0.contains_key("b"));
        // Among those that are new the busiest stay.
        for n in 0..1_000 {
            branches.message("busy", now);
            branches.message(&format!("and more {n}"), now);
        }
        assert!(branches.0.contains_key("busy"));
        let stored = serde_json::to_string(&branches).unwrap();
        assert!(stored.len() < 500_000, "{} bytes", stored.len());
    }

    #[test]
    fn what_was_taken_away_is_forgotten() {
        let (mut branches, now) = learned(2);
        branches.close_hour(WeekHour { weekday: 2, hour: 0 }, None, now.plus_s(31 * 86_400));
        assert!(branches.0.is_empty());
    }
}
