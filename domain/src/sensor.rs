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
        ParametricPcr2 = "parametric-pcr2", Oyster = "digital-matter-oyster",
    }
}

impl Decoder {
    /// The kind of place that its devices report on: `bay`, `site` (those in lanes) or `vehicle` (trackers), as in
    /// [`SensorRow::target`]. At any other place each of their messages would be rejected.
    pub const fn reports_on(self) -> &'static str {
        match self {
            Decoder::BoschTps110
            | Decoder::Libelium
            | Decoder::Placepod
            | Decoder::DingtekDo200
            | Decoder::DingtekDo202
            | Decoder::MilesightEm400Udl
            | Decoder::TekziPark => "bay",
            Decoder::ParametricPcr2 => "site",
            Decoder::Oyster => "vehicle",
        }
    }

    /// Whether its devices report a distance only, so that a binding has to say below which one the bay is occupied.
    pub const fn needs_threshold(self) -> bool {
        matches!(self, Decoder::MilesightEm400Udl)
    }

    /// The decoders that fit a kind of place, for error texts: `a, b, c`.
    pub fn choices_for(kind: &str) -> String {
        let fitting = Self::ALL.iter().filter(|decoder| decoder.reports_on() == kind);
        fitting.map(|decoder| decoder.as_str()).collect::<Vec<_>>().join(", ")
    }
}

wire_enum! {
    /// Where those go whom a device in a lane sees pass from left to right; those from right to left go the other way.
    Direction { In = "in", Out = "out" }
}

/// What a sensor watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// One bay.
    Bay(BayId),
    /// A site, by counting.
    Site(SiteId),
    /// A vehicle's doors or position.
    Vehicle(VehicleId),
}

/// A device bound to a place for the interval `[from, until)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// `None`: known, waiting for a place.
    pub target: Option<Target>,
    /// Of a sensor in a lane; `None`: [`Direction::In`].
    pub direction: Option<Direction>,
    /// When it begins; `None`: it always held.
    pub from: Option<UtcMicros>,
    /// When it ends; `None`: no end is known.
    pub until: Option<UtcMicros>,
    /// The longest silence that the sensor promises; `None`: the feed's.
    pub heartbeat_s: Option<u32>,
    /// How long a state holds; `None`: by the heartbeat.
    pub stale_after_s: Option<u32>,
    /// Of a distance sensor: nearer is a car.
    pub threshold_mm: Option<u32>,
}

impl Binding {
    /// Whether `at` lies in `[from, until)`.
    pub fn covers(&self, at: UtcMicros) -> bool {
        crate::place::is_valid_at(self.from, self.until, at)
    }
}

/// Reads a payload as a decoder does (decoder, LoRaWAN port, bytes, the binding's threshold in millimetres): what it says, a
/// JSON object as text, or why it cannot be read. The contract between the API and whoever decodes, which do not know each other.
pub type ReadPayload = fn(Decoder, i32, &[u8], Option<u32>) -> Result<String, String>;

/// A physical device with its bindings over time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sensor {
    /// Its surrogate id.
    pub id: SensorId,
    /// DevEUI (16 lower-case hex digits) or the supplier's id.
    pub key: String,
    /// The feed that its messages come from.
    pub feed: FeedId,
    /// The municipality of its feed.
    pub municipality: MunicipalityId,
    /// How its payload is read; `None`: it is no LoRaWAN device, or not known.
    pub decoder: Option<Decoder>,
    /// What it was and is bound to.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorRow {
    /// DevEUI or the supplier's id.
    pub id: String,
    /// Id of its feed.
    pub feed: String,
    /// How its payload is read.
    pub decoder: Option<Decoder>,
    /// Id of the bay that it watches.
    pub bay: Option<String>,
    /// Id of the site that it counts for.
    pub site: Option<String>,
    /// Id of the vehicle that it is in.
    pub vehicle: Option<String>,
    /// See [`Binding::direction`].
    pub direction: Option<Direction>,
    /// See [`Binding::from`].
    pub bound_from: Option<UtcMicros>,
    /// See [`Binding::until`].
    pub bound_until: Option<UtcMicros>,
    /// See [`Binding::heartbeat_s`].
    pub heartbeat_s: Option<u32>,
    /// See [`Binding::stale_after_s`].
    pub stale_after_s: Option<u32>,
    /// See [`Binding::threshold_mm`].
    pub threshold_mm: Option<u32>,
}

impl SensorRow {
    /// The place it is bound to: `("bay", id)`.
    pub fn target(&self) -> Option<(&'static str, &str)> {
        let named = [("bay", &self.bay), ("site", &self.site), ("vehicle", &self.vehicle)];
        named.into_iter().find_map(|(kind, id)| id.as_deref().map(|id| (kind, id)))
    }
}
