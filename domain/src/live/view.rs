//! Views of live state, each with its age. Views are copies of a few numbers: names
//! and definitions are looked up in the registry, outside of any lock.

use super::stage::Stage;
use crate::bay_state::BayState;
use crate::geo::LatLon;
use crate::ids::{BayId, FeedId, SiteId, VehicleId};
use crate::observation::VehicleFix;
use crate::opening::Opening;
use crate::place::{Audience, Purpose, wire_enum};
use crate::time::UtcMicros;

/// A visible bay now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BayView {
    /// Which one it is.
    pub id: BayId,
    /// Where it is.
    pub position: LatLon,
    /// The site that it belongs to.
    pub site: Option<SiteId>,
    /// `unknown` when stale.
    pub state: BayState,
    /// The last stated one, whatever its age.
    pub last_state: Option<BayState>,
    /// When `last_state` was observed; `None`: never.
    pub observed_at: Option<UtcMicros>,
    /// There was a state, and it is too old.
    pub stale: bool,
    /// The feed behind the state, for its attribution.
    pub feed: Option<FeedId>,
}

wire_enum! {
    /// What a number is based on.
    Basis {
        /// A site's own count.
        Count = "count",
        /// The states of a site's bays.
        Bays = "bays",
        /// The state of one bay.
        Sensor = "sensor",
        /// Nothing fresh.
        None = "none",
    }
}

/// Remarks on a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Nothing to remark.
    pub const NONE: Flags = Flags(0);
    /// More are occupied than there are spaces.
    pub const OVER_CAPACITY: Flags = Flags(1);
    /// More left than came in: the gates have drifted.
    pub const DRIFT: Flags = Flags(2);
    /// The supplier says the site is closed.
    pub const CLOSED: Flags = Flags(4);
    /// The number may contain spaces reserved for others: the source does not distinguish them.
    pub const INCLUDES_RESTRICTED: Flags = Flags(8);
    /// There are hidden bays, and the numbers are based on the shown ones alone.
    pub const WITHOUT_HIDDEN_BAYS: Flags = Flags(16);

    /// Each flag with its word on the wire.
    pub const WORDS: [(Flags, &'static str); 5] = [
        (Flags::OVER_CAPACITY, "over_capacity"),
        (Flags::DRIFT, "drift"),
        (Flags::CLOSED, "closed"),
        (Flags::INCLUDES_RESTRICTED, "includes_restricted"),
        (Flags::WITHOUT_HIDDEN_BAYS, "without_hidden_bays"),
    ];

    /// Adds a remark.
    pub const fn set(&mut self, flag: Flags) {
        self.0 |= flag.0;
    }

    /// Whether the remark is made.
    pub const fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    /// The words on the wire.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, word)| word)
    }
}

/// Spaces reserved for one audience in a site.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ByRestriction {
    /// For whom.
    #[serde(rename = "for")]
    pub audience: Audience,
    /// How many spaces; `None`: no number is given.
    pub capacity: Option<i64>,
    /// `None`: not known, or it would disclose the state of a bay that is not shown.
    pub vacant: Option<i64>,
    /// When they are reserved, as opening hours of OpenStreetMap; `None`: always, or not all at the same times.
    pub hours: Option<String>,
}

/// A visible site now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteView {
    /// Which one it is.
    pub id: SiteId,
    /// What is parked there.
    pub purpose: Purpose,
    /// Without hidden bays that do not count.
    pub capacity: i64,
    /// All vacant spaces, for whomever; `None` when not known. A closed site may have some.
    pub vacant: Option<i64>,
    /// All occupied spaces; `None` when not known. May exceed the capacity.
    pub occupied: Option<i64>,
    /// Bays whose state is not known (0 for counts).
    pub unknown: i64,
    /// What the numbers are based on.
    pub basis: Basis,
    /// By its hours; closed, for as long as we know, when the supplier says so.
    pub opening: Opening,
    /// When that was observed; `None`: never.
    pub observed_at: Option<UtcMicros>,
    /// There was live data, and it is too old.
    pub stale: bool,
    /// Remarks on the numbers.
    pub flags: Flags,
    /// The feed behind the number, for its attribution.
    pub feed: Option<FeedId>,
}

/// A vehicle, as last heard: each part of `fix` from the newest statement that contains it.
#[derive(Debug, Clone, PartialEq)]
pub struct VehicleView {
    /// Which one it is.
    pub id: VehicleId,
    /// What is known of it.
    pub fix: VehicleFix,
    /// Of the newest part.
    pub observed_at: UtcMicros,
    /// Of the position; `None`: it has none.
    pub position_observed_at: Option<UtcMicros>,
    /// Of trip, route and stop.
    pub trip_observed_at: Option<UtcMicros>,
    /// Of the delay.
    pub delay_observed_at: Option<UtcMicros>,
    /// Of the occupancy.
    pub occupancy_observed_at: Option<UtcMicros>,
    /// The feed of the newest part.
    pub feed: FeedId,
    /// The feeds of all parts, for their attribution.
    pub feeds: [Option<FeedId>; 4],
}

impl VehicleView {
    /// Whether it has been at no known place for more than five minutes; of a vehicle that never was at one:
    /// whether it has been silent so long.
    pub fn is_stale(&self, now: UtcMicros) -> bool {
        Stage::at(self.position_observed_at.unwrap_or(self.observed_at), now) != Stage::Fresh
    }
}
