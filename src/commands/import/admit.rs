//! Plausibility of counts of past years.

use std::collections::BTreeMap;

use domain::forecast::Reading;
use domain::observation::{CountValue, Provenance, SiteStatus};
use domain::registry::Entry;
use domain::{FeedId, Site, SiteCount, SiteId, UtcMicros};
use places::history::{Code, Count, DatedCount, Mapping};

/// A site's counts go there.
pub struct Target<'a> {
    pub site: &'a Entry<SiteId, Site>,
    pub feed: FeedId,
}

/// More than this share of the capacity is no count, as for what is received.
const MAX_OVER_CAPACITY: f64 = 1.10;

/// Site and reason, with how many and when first.
pub type LeftOut = BTreeMap<(String, &'static str), (u64, UtcMicros)>;

/// Checks counts, and remembers the rejected ones.
pub struct Admission {
    now: UtcMicros,
    /// After a closing, a count means that it is open again.
    open: Option<SiteStatus>,
    left_out: LeftOut,
}

impl Admission {
    /// Of counts that `mapping` describes; none may lie ahead of `now`.
    pub fn new(mapping: &Mapping, now: UtcMicros) -> Self {
        let says_closed = mapping.codes.values().any(|code| *code == Code::Closed);
        Admission { now, open: says_closed.then_some(SiteStatus::Open), left_out: LeftOut::new() }
    }

    /// Rejected counts, with the reason.
    pub fn into_left_out(self) -> LeftOut {
        self.left_out
    }

    /// The count as it is stored.
    pub fn count(&mut self, target: &Target<'_>, row: &DatedCount) -> Option<SiteCount> {
        match self.judge(target.site.def.capacity, row) {
            Ok((value, status)) => Some(self.stored(target, row, value, status)),
            Err(reason) => {
                let kind = (target.site.def.id.clone(), reason);
                self.left_out.entry(kind).or_insert((0, row.at)).0 += 1;
                None
            }
        }
    }

    fn judge(
        &self,
        registered: u32,
        row: &DatedCount,
    ) -> Result<(CountValue, Option<SiteStatus>), &'static str> {
        if row.at > self.now {
            return Err("lies ahead of the clock; correct tz or time_format");
        }
        if row.at < UtcMicros::EPOCH {
            return Err("is older than 1970; correct time_format");
        }
        let capacity = f64::from(row.capacity.unwrap_or(registered));
        let whole = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let value = match row.count {
            Count::Code(Reading::Unknown) => return Err("says nothing (a code that means none)"),
            Count::Code(Reading::Closed) => return Ok((CountValue::None, Some(SiteStatus::Closed))),
            Count::Vacant(n) | Count::Code(Reading::Vacant(n) | Reading::Certain(n))
                if f64::from(n) > capacity =>
            {
                return Err("has more vacant spaces than the site has; state `capacity` in the mapping");
            }
            Count::Vacant(n) | Count::Code(Reading::Vacant(n) | Reading::Certain(n)) => {
                CountValue::Vacant(whole(n))
            }
            Count::Occupied(n) if f64::from(n) > capacity * MAX_OVER_CAPACITY => {
                return Err("is more than 110 % of the capacity; state `capacity` in the mapping");
            }
            Count::Occupied(n) => CountValue::Occupied(whole(n)),
            Count::Rate(rate) if !(0.0..=MAX_OVER_CAPACITY).contains(&rate) => {
                return Err("is no rate from 0 to 1.1");
            }
            Count::Rate(rate) => CountValue::Occupied((rate * capacity).round() as i32),
        };
        Ok((value, self.open))
    }

    fn stored(
        &self,
        target: &Target<'_>,
        row: &DatedCount,
        value: CountValue,
        status: Option<SiteStatus>,
    ) -> SiteCount {
        let provenance = Provenance {
            municipality: target.site.municipality,
            feed: target.feed,
            sensor: None,
            received_at: self.now,
            clock_corrected: false,
        };
        let capacity = row.capacity.and_then(|n| i32::try_from(n).ok());
        SiteCount { status, capacity, ..SiteCount::new(provenance, target.site.id, row.at, value) }.digested()
    }
}
