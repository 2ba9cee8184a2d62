//! LoRaWAN parking sensors: models, and the content of their frames.

use super::{bosch_tps110, dingtek, libelium, milesight, placepod, tekzipark};

/// A make of sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
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
pub enum FrameKind {
    /// The state changed.
    Change,
    /// A sign of life with the state.
    Heartbeat,
    /// It was switched on.
    StartUp,
}

/// What a device measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub kind: FrameKind,
    pub occupied: bool,
    pub temperature_c: f64,
    pub battery_v: f64,
    /// The device's own counter of its frames.
    pub counter: u16,
    /// A number of the device's own noise: magnetic fields, distances.
    pub noise: u16,
}

/// What goes into an uplink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub f_port: u8,
    pub payload: Vec<u8>,
}

impl Device {
    /// All of them.
    pub const ALL: [Device; 7] = [
        Device::BoschTps110,
        Device::Libelium,
        Device::Placepod,
        Device::DingtekDo200,
        Device::DingtekDo202,
        Device::MilesightEm400Udl,
        Device::TekziPark,
    ];

    /// Its decoder's name in `sensors.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Device::BoschTps110 => "bosch-tps110",
            Device::Libelium => "libelium-smart-parking",
            Device::Placepod => "pni-placepod",
            Device::DingtekDo200 => "dingtek-do200",
            Device::DingtekDo202 => "dingtek-do202",
            Device::MilesightEm400Udl => "milesight-em400-udl",
            Device::TekziPark => "tekzitel-tekzipark",
        }
    }

    /// The manufacturer's name for it, as a device profile.
    pub const fn profile(self) -> &'static str {
        match self {
            Device::BoschTps110 => "Bosch Parking Lot Sensor TPS110",
            Device::Libelium => "Libelium Smart Parking",
            Device::Placepod => "PNI PlacePod",
            Device::DingtekDo200 => "Dingtek DO200",
            Device::DingtekDo202 => "Dingtek DO202",
            Device::MilesightEm400Udl => "Milesight EM400-UDL",
            Device::TekziPark => "Tekzitel TekziPark",
        }
    }

    /// Its configured heartbeat, seconds.
    pub const fn heartbeat_s(self) -> u32 {
        const HOUR: u32 = 3_600;
        match self {
            Device::BoschTps110 | Device::DingtekDo200 | Device::DingtekDo202 => 24 * HOUR,
            Device::Libelium => 12 * HOUR,
            Device::Placepod | Device::TekziPark => 6 * HOUR,
            Device::MilesightEm400Udl => HOUR,
        }
    }

    /// For distance sensors: an obstacle nearer than this is a vehicle, mm.
    pub const fn threshold_mm(self) -> Option<u32> {
        match self {
            Device::MilesightEm400Udl => Some(milesight::THRESHOLD_MM),
            _ => None,
        }
    }

    /// Whether its start-up frame has the bay's state; the others follow it with a heartbeat.
    pub const fn start_up_has_state(self) -> bool {
        !matches!(self, Device::Libelium | Device::DingtekDo200 | Device::DingtekDo202)
    }

    /// The bytes it sends.
    pub fn encode(self, reading: &Reading) -> Frame {
        match self {
            Device::BoschTps110 => bosch_tps110::encode(reading),
            Device::Libelium => libelium::encode(reading),
            Device::Placepod => placepod::encode(reading),
            Device::DingtekDo200 => dingtek::encode(reading, dingtek::Model::Do200),
            Device::DingtekDo202 => dingtek::encode(reading, dingtek::Model::Do202),
            Device::MilesightEm400Udl => milesight::encode(reading),
            Device::TekziPark => tekzipark::encode(reading),
        }
    }
}
