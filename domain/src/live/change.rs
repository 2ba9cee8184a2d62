//! What the store's change log carries.

use serde::{Deserialize, Serialize};

use crate::alert::AlertReport;
use crate::bay_state::BayReading;
use crate::ids::{BayId, FeedId, MunicipalityId, SiteId, SourceKey, VehicleId};
use crate::observation::{Digest, VehicleFix};
use crate::place::Audience;
use crate::site_count::CountState;
use crate::time::UtcMicros;
use crate::trip_update::TripReport;

/// One thing that changed, as the store's change log carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A statement about a bay.
    Bay {
        /// Which one.
        bay: BayId,
        /// What it says.
        reading: BayReading,
    },
    /// The counted state of a site.
    Site {
        /// Which one.
        site: SiteId,
        /// Of one audience's spaces in it; `None`: of all.
        audience: Option<Audience>,
        /// Of two states the one with the higher version holds.
        version: i64,
        /// The state.
        count: CountState,
    },
    /// A statement about a vehicle.
    Vehicle {
        /// Which one.
        vehicle: VehicleId,
        /// The feed that it came from.
        feed: FeedId,
        /// When it was so.
        observed_at: UtcMicros,
        /// Decides between statements of one instant: the greater one holds.
        digest: Digest,
        /// What it says.
        fix: VehicleFix,
    },
    /// Places, sensors or feeds were imported: load the registry again.
    Places,
    /// A feed's report of a trip.
    Trip {
        /// The feed that it came from.
        feed: FeedId,
        /// What it says.
        report: TripReport,
    },
    /// Stored observations of a bay were withdrawn or added within a span of time: what is derived of them is derived
    /// again.
    Corrected {
        /// Which one.
        bay: BayId,
        /// The first instant.
        first_at: UtcMicros,
        /// The last instant.
        last_at: UtcMicros,
    },
    /// Statements of a source about a bay were withdrawn.
    Withdrawn {
        /// Which one.
        bay: BayId,
        /// The newest of them: older ones of the source hold no longer either.
        newest: BayReading,
        /// Except this one, which holds now.
        holds: Option<BayReading>,
    },
    /// A statement about a vehicle was withdrawn; what holds now follows.
    WithdrawnVehicle {
        /// Which one.
        vehicle: VehicleId,
        /// When it was so.
        observed_at: UtcMicros,
        /// Identity of the statement.
        digest: Digest,
    },
    /// A new message of a LoRaWAN device, whether any file has it or not.
    Heard {
        /// Whose feed it came by.
        municipality: MunicipalityId,
        /// The device.
        device: String,
        /// The network server's id of the message.
        message: String,
    },
    /// Something was found of a source of statements, or is over.
    Judged {
        /// Whose source it is.
        municipality: MunicipalityId,
        /// The sensor, or the feed that names the bay itself.
        source: SourceKey,
        /// What its statements are about; `None`: no bay.
        bay: Option<BayId>,
    },
    /// What a feed states of its service alerts.
    Alerts {
        /// The feed that it came from.
        feed: FeedId,
        /// What it says.
        report: AlertReport,
    },
}
