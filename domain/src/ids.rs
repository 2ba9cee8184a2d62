//! One distinct type per kind of id, so that a bay can never be looked up as a site.
//!
//! These are the instance's own surrogate keys. Outside they never appear: people and programs
//! see the text ids of the places' files.

use serde::{Deserialize, Serialize};

/// Newtypes of the database's integers, each with `From<i32>`.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i32);

        impl From<i32> for $name {
            fn from(id: i32) -> Self {
                $name(id)
            }
        }
    )+};
}

ids! {
    /// A municipality: every stored row belongs to one.
    MunicipalityId,
    /// A parking site or a bay, where the kind does not matter (both come from one sequence).
    PlaceId,
    /// A parking site.
    SiteId,
    /// A bay: one space for one vehicle.
    BayId,
    /// A physical device.
    SensorId,
    /// A bus, train or other vehicle.
    VehicleId,
    /// One stream from one supplier over one broker.
    FeedId,
    /// A group of places whose hours are summed up: a site, a zone, a municipality.
    ScopeId,
    /// Who made a statement: a sensor, or a feed in its own name.
    SourceKey,
}

impl From<SiteId> for PlaceId {
    fn from(id: SiteId) -> Self {
        PlaceId(id.0)
    }
}

impl From<BayId> for PlaceId {
    fn from(id: BayId) -> Self {
        PlaceId(id.0)
    }
}

impl SourceKey {
    /// The sensor (positive), else the feed (negative).
    pub fn of(feed: FeedId, sensor: Option<SensorId>) -> Self {
        SourceKey(sensor.map_or(-feed.0, |s| s.0))
    }
}
