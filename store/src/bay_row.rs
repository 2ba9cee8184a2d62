//! A bay's statement as it is stored.

use domain::{BayId, BayReading, BayState, FeedId, SensorId};
use sqlx::FromRow;

use crate::ts::Ts;

#[derive(Debug, Clone, FromRow)]
pub(crate) struct BayRow {
    pub(crate) bay: i32,
    pub(crate) feed: i32,
    pub(crate) sensor: Option<i32>,
    pub(crate) observed_at: Ts,
    pub(crate) seq: Option<i64>,
    pub(crate) state: i16,
}

impl BayRow {
    pub(crate) fn bay(&self) -> BayId {
        BayId(self.bay)
    }

    pub(crate) fn reading(&self) -> BayReading {
        BayReading {
            feed: FeedId(self.feed),
            sensor: self.sensor.map(SensorId),
            observed_at: self.observed_at.0,
            seq: self.seq,
            state: BayState::from_code(self.state),
        }
    }
}
