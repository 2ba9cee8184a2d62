//! One distinct type per kind of id, so that a bay can never be looked up as a site.
//!
//! These are the instance's own surrogate keys. Outside they never appear: people and programs
//! see the text ids of the places' files.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i32);

        impl From<i32> for $name {
            fn from(id: i32) -> Self {
                $name(id)
            }
        }
    };
}

id!(
    /// A municipality: every stored row belongs to one.
    MunicipalityId
);
id!(
    /// A parking site or a bay, where the kind does not matter (both come from one sequence).
    PlaceId
);
id!(
    /// A parking site.
    SiteId
);
id!(
    /// A bay: one space for one vehicle.
    BayId
);
id!(
    /// A physical device.
    SensorId
);
id!(
    /// A bus, train or other vehicle.
    VehicleId
);
id!(
    /// One stream from one supplier over one broker.
    FeedId
);

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
