//! A site's count as it is stored.

use domain::observation::{CountValue, Provenance, SiteStatus};
use domain::{Audience, FeedId, MunicipalityId, SensorId, SiteCount, SiteId, UtcMicros};
use sqlx::FromRow;

use crate::Ts;
use crate::column::{MaybeId, MaybeWord};

/// The columns of [`CountRow`].
pub(crate) const COUNT_COLUMNS: &str = "site, observed_at, feed, sensor, seq, audience, occupied, vacant, entries, exits, status, capacity, source";

/// A stored count, without what is of no use but to its writer.
#[derive(FromRow)]
pub(crate) struct CountRow {
    #[sqlx(try_from = "i32")]
    site: SiteId,
    #[sqlx(try_from = "Ts")]
    observed_at: UtcMicros,
    #[sqlx(try_from = "i32")]
    feed: FeedId,
    #[sqlx(try_from = "MaybeId")]
    sensor: Option<SensorId>,
    seq: Option<i64>,
    #[sqlx(try_from = "MaybeWord")]
    audience: Option<Audience>,
    #[sqlx(flatten)]
    value: ValueColumns,
    #[sqlx(try_from = "MaybeWord")]
    status: Option<SiteStatus>,
    capacity: Option<i32>,
    source: Option<String>,
}

impl CountRow {
    pub(crate) fn count(self, municipality: MunicipalityId) -> SiteCount {
        let CountRow { site, observed_at, feed, sensor, seq, audience, status, capacity, source, .. } = self;
        let provenance =
            Provenance { municipality, feed, sensor, received_at: observed_at, clock_corrected: false };
        let count = SiteCount::new(provenance, site, observed_at, self.value.value());
        SiteCount { audience, status, capacity, source, seq, ..count }
    }
}

/// The columns of a [`CountValue`].
#[derive(Clone, Copy, Default, FromRow)]
pub(crate) struct ValueColumns {
    pub(crate) occupied: Option<i32>,
    pub(crate) vacant: Option<i32>,
    pub(crate) entries: Option<i32>,
    pub(crate) exits: Option<i32>,
}

impl ValueColumns {
    pub(crate) fn of(value: CountValue) -> Self {
        let none = ValueColumns::default();
        match value {
            CountValue::Occupied(n) => ValueColumns { occupied: Some(n), ..none },
            CountValue::Vacant(n) => ValueColumns { vacant: Some(n), ..none },
            CountValue::Flow { entries, exits } => {
                ValueColumns { entries: Some(entries), exits: Some(exits), ..none }
            }
            CountValue::None => none,
        }
    }

    fn value(self) -> CountValue {
        match (self.occupied, self.vacant, self.entries.zip(self.exits)) {
            (Some(n), _, _) => CountValue::Occupied(n),
            (_, Some(n), _) => CountValue::Vacant(n),
            (_, _, Some((entries, exits))) => CountValue::Flow { entries, exits },
            _ => CountValue::None,
        }
    }
}
