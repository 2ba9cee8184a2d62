//! LoRaWAN parking sensors: models, and the content of their frames.

use super::{bosch_tps110, dingtek, libelium, milesight, placepod, tekzipark};

/// A make of sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Device {
    BoschTps110,
    Libelium,
    Placepod,
    DingtekDo200,
    DingtekDo202,
    MilesightEm400Udl,
    TekziPark,
}

/// Why a device sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// The state changed.
    Change,
    /// A heartbeat with the state.
    Heartbeat,
    /// It was switched on.
    StartUp,
}

/// What a device measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    pub(crate) kind: FrameKind,
    pub(crate) occupied: bool,
    pub(crate) temperature_c: f64,
    pub(crate) battery_v: f64,
    /// The device's own counter of its frames.
    pub(crate) counter: u16,
    /// A number of the device's own noise: magnetic fields, distances.
    pub(crate) noise: u16,
}

/// What goes into an uplink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) f_port: u8,
    pub(crate) payload: Vec<u8>,
}

/// What distinguishes a make of sensor.
#[derive(Debug)]
pub(crate) struct Model {
    /// Its decoder's name in `sensors.csv`.
    pub(crate) decoder: &'static str,
    /// The manufacturer's name for it, as a device profile.
    pub(crate) profile: &'static str,
    /// Its configured heartbeat.
    pub(crate) heartbeat_s: u32,
    /// For distance sensors: an obstacle nearer than this is a vehicle.
    pub(crate) threshold_mm: Option<u32>,
    /// Whether its start-up frame has the bay's state; the others follow it with a heartbeat.
    pub(crate) start_up_has_state: bool,
    encode: fn(&Reading) -> Frame,
}

/// In the order of the devices.
#[rustfmt::skip]
static MODELS: [Model; 7] = [
    Model { decoder: "bosch-tps110", profile: "Bosch Parking Lot Sensor TPS110", heartbeat_s: 86_400, threshold_mm: None,
        start_up_has_state: true, encode: bosch_tps110::encode },
    Model { decoder: "libelium-smart-parking", profile: "Libelium Smart Parking", heartbeat_s: 43_200, threshold_mm: None,
        start_up_has_state: false, encode: libelium::encode },
    Model { decoder: "pni-placepod", profile: "PNI PlacePod", heartbeat_s: 21_600, threshold_mm: None,
        start_up_has_state: true, encode: placepod::encode },
    Model { decoder: "dingtek-do200", profile: "Dingtek DO200", heartbeat_s: 86_400, threshold_mm: None,
        start_up_has_state: false, encode: |reading| dingtek::encode(reading, dingtek::Model::Do200) },
    Model { decoder: "dingtek-do202", profile: "Dingtek DO202", heartbeat_s: 86_400, threshold_mm: None,
        start_up_has_state: false, encode: |reading| dingtek::encode(reading, dingtek::Model::Do202) },
    Model { decoder: "milesight-em400-udl", profile: "Milesight EM400-UDL", heartbeat_s: 3_600,
        threshold_mm: Some(milesight::THRESHOLD_MM), start_up_has_state: true, encode: milesight::encode },
    Model { decoder: "tekzitel-tekzipark", profile: "Tekzitel TekziPark", heartbeat_s: 21_600, threshold_mm: None,
        start_up_has_state: true, encode: tekzipark::encode },
];

impl Device {
    pub(crate) fn model(self) -> &'static Model {
        &MODELS[self as usize]
    }

    /// The bytes it sends.
    pub(crate) fn encode(self, reading: &Reading) -> Frame {
        (self.model().encode)(reading)
    }
}
