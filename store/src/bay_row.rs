//! A bay's statement as it is stored.

use domain::{BayId, BayReading, BayState, FeedId, SensorId, UtcMicros};
use sqlx::FromRow;

use crate::Ts;
use crate::column::MaybeId;

#[derive(Debug, Clone, FromRow)]
pub(crate) struct BayRow {
    #[sqlx(try_from = "i32")]
    pub(crate) bay: BayId,
    #[sqlx(try_from = "i32")]
    feed: FeedId,
    #[sqlx(try_from = "MaybeId")]
    sensor: Option<SensorId>,
    #[sqlx(try_from = "Ts")]
    observed_at: UtcMicros,
    seq: Option<i64>,
    state: i16,
}

impl BayRow {
    pub(crate) fn reading(&self) -> BayReading {
        let BayRow { feed, sensor, observed_at, seq, .. } = *self;
        BayReading { feed, sensor, observed_at, seq, state: BayState::from_code(self.state) }
    }
}
