//! What the change log carries for the health of devices.

use serde::{Deserialize, Serialize};

use super::message::Message;
use crate::ids::{BayId, FeedId, SensorId, SiteId, SourceKey};
use crate::observation::CountValue;
use crate::time::UtcMicros;

/// Whose health it is: a sensor's, or that of whatever watches one bay for a feed that names its bays itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceKey {
    /// The sensor, or the feed.
    pub source: SourceKey,
    /// Of a feed, the bay.
    pub bay: Option<BayId>,
}

impl DeviceKey {
    /// A sensor.
    pub fn sensor(sensor: SensorId) -> Self {
        DeviceKey { source: SourceKey(sensor.0), bay: None }
    }

    /// A bay that its feed names.
    pub fn native(feed: FeedId, bay: BayId) -> Self {
        DeviceKey { source: SourceKey::of(feed, None), bay: Some(bay) }
    }
}

/// Something new.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Heard {
    /// A message of a device.
    Message {
        /// Which one.
        device: DeviceKey,
        /// What it says.
        message: Message,
    },
    /// A count of a whole site.
    Count {
        /// Which one.
        site: SiteId,
        /// When it reached us.
        received_at: UtcMicros,
        /// When it was so.
        observed_at: UtcMicros,
        /// What was counted.
        value: CountValue,
    },
}

impl Heard {
    /// When it reached us.
    pub fn received_at(&self) -> UtcMicros {
        match self {
            Heard::Message { message, .. } => message.received_at,
            Heard::Count { received_at, .. } => *received_at,
        }
    }
}
