//! Devices, and what they are bound to over time.

use serde::{Deserialize, Serialize};

use crate::ids::{BayId, FeedId, MunicipalityId, SensorId, SiteId, VehicleId};
use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// The codec of a LoRaWAN payload.
    Decoder {
        BoschTps110 = "bosch-tps110", Libelium = "libelium-smart-parking", Placepod = "pni-placepod",
        DingtekDo200 = "dingtek-do200", DingtekDo202 = "dingtek-do202",
        MilesightEm400Udl = "milesight-em400-udl", TekziPark = "tekzitel-tekzipark",
    }
}

wire_enum! {
    /// Which way a lane sensor counts.
    Direction { In = "in", Out = "out" }
}

/// What a sensor watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    Bay(BayId),
    Site(SiteId),
    Vehicle(VehicleId),
}

/// A device bound to a place for the interval `[from, until)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// `None`: known, waiting for a place.
    pub target: Option<Target>,
    pub direction: Option<Direction>,
    pub from: Option<UtcMicros>,
    pub until: Option<UtcMicros>,
    pub heartbeat_s: Option<u32>,
    pub stale_after_s: Option<u32>,
    pub threshold_mm: Option<u32>,
}

impl Binding {
    /// Whether `at` lies in `[from, until)`.
    pub fn covers(&self, at: UtcMicros) -> bool {
        crate::place::is_valid_at(self.from, self.until, at)
    }
}

/// A physical device with its bindings over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensor {
    pub id: SensorId,
    /// DevEUI (16 lower-case hex digits) or the supplier's id.
    pub key: String,
    pub feed: FeedId,
    /// The municipality of its feed.
    pub municipality: MunicipalityId,
    pub decoder: Option<Decoder>,
    pub bindings: Vec<Binding>,
}

impl Sensor {
    /// The binding that held at `at`.
    pub fn binding_at(&self, at: UtcMicros) -> Option<&Binding> {
        self.bindings.iter().find(|b| b.covers(at))
    }
}

/// How long a state stays fresh by default: one lost frame is tolerated.
pub fn stale_after_s(heartbeat_s: u32) -> u32 {
    (f64::from(heartbeat_s) * 2.2).round() as u32
}

/// One row of the sensors' file: a device, and one of its bindings, in text ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SensorRow {
    pub id: String,
    pub feed: String,
    pub decoder: Option<Decoder>,
    pub bay: Option<String>,
    pub site: Option<String>,
    pub vehicle: Option<String>,
    pub direction: Option<Direction>,
    pub bound_from: Option<UtcMicros>,
    pub bound_until: Option<UtcMicros>,
    pub heartbeat_s: Option<u32>,
    pub stale_after_s: Option<u32>,
    pub threshold_mm: Option<u32>,
}

impl SensorRow {
    /// The place it is bound to: `("bay", id)`.
    pub fn target(&self) -> Option<(&'static str, &str)> {
        let named = [("bay", &self.bay), ("site", &self.site), ("vehicle", &self.vehicle)];
        named.into_iter().find_map(|(kind, id)| id.as_deref().map(|id| (kind, id)))
    }
}
