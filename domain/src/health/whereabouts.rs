//! Where a device lies: its changes against the entries and exits of the counted sites of its town.

use serde::{Deserialize, Serialize};

use super::chance::Cusum;
use super::passages::SETTLED_S;
use super::surroundings::{Counted, MOST_SITES};
use crate::time::UtcMicros;

/// Changes that wait for their passages at most.
const MOST_PENDING: usize = 6;
/// A change that nothing settled is given up, seconds.
const GIVEN_UP_S: i64 = 3_600;
/// One change says so much at most.
const MOST_RATIO: f64 = 2.5;
/// So many changes find a device that lies elsewhere, most often: at half of [`MOST_RATIO`] each twice as many as it takes.
const PROVEN_BY: u8 = 30;
/// Where another site, or none, explains the changes so much better than its own.
pub(super) const LIMIT: f64 = 18.0;

/// One cumulative sum for each site that it may lie in instead, and one for a place that is not counted. A sum is of the
/// log-likelihood ratio of that site against its own: sequential tests side by side (Lorden 1977, "Nearly-optimal
/// sequential tests for finitely many parameter values").
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Whereabouts {
    elsewhere: [Cusum; MOST_SITES],
    nowhere: Cusum,
    /// Seconds since 1970, and whether it became occupied.
    pending: [Option<(u32, bool)>; MOST_PENDING],
    /// So many changes are still to be compared until the sums say that it lies right, since their evidence was lost.
    unproven: u8,
}

impl Whereabouts {
    /// The bay changed.
    pub(super) fn changed(&mut self, at: UtcMicros, occupied: bool) {
        self.pending.rotate_right(1);
        self.pending[0] = Some((at.age_s(UtcMicros::EPOCH) as u32, occupied));
    }

    /// Looks at changes whose passages are known by now.
    pub(super) fn settle(&mut self, now: UtcMicros, counted: &Counted<'_>) {
        for slot in 0..MOST_PENDING {
            let Some((at_s, occupied)) = self.pending[slot] else { continue };
            let at = UtcMicros::from_unix_s(i64::from(at_s));
            if now < at.plus_s(SETTLED_S) {
                continue;
            }
            if self.weigh(at, occupied, counted) || now > at.plus_s(GIVEN_UP_S) {
                self.pending[slot] = None;
            }
        }
    }

    fn weigh(&mut self, at: UtcMicros, occupied: bool, counted: &Counted<'_>) -> bool {
        let ratio = |site: usize| {
            let ratio = counted.sites.get(site)?.log_ratio(at, occupied)?;
            Some(ratio.clamp(-MOST_RATIO, MOST_RATIO))
        };
        // Where it is bound to a place that is not counted, any place is as good as that.
        let own = match counted.own {
            Some(own) => match ratio(own) {
                Some(ratio) => ratio,
                None => return false,
            },
            None => 0.0,
        };
        for site in (0..MOST_SITES).filter(|site| Some(*site) != counted.own) {
            if let Some(ratio) = ratio(site) {
                self.elsewhere[site].add(at, ratio - own, LIMIT);
            }
        }
        if counted.own.is_some() {
            self.nowhere.add(at, -own, LIMIT);
        }
        self.unproven = self.unproven.saturating_sub(1);
        true
    }

    /// What was known is lost.
    pub(super) fn lose_evidence(&mut self) {
        self.unproven = PROVEN_BY;
    }

    /// Whether too few changes were compared since evidence was lost to say that it lies right.
    pub(super) fn lacks_evidence(&self) -> bool {
        self.unproven > 0
    }

    /// The site that explains its changes best, if one does better than its own: its place in the list.
    pub(super) fn best(&self) -> (usize, &Cusum) {
        let sums = self.elsewhere.iter().enumerate();
        let best = sums.max_by(|a, b| a.1.sum().total_cmp(&b.1.sum()));
        best.unwrap_or((0, &self.nowhere))
    }

    /// How much better no counted site explains them.
    pub(super) fn nowhere(&self) -> &Cusum {
        &self.nowhere
    }
}
