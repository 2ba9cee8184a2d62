//! LoRaWAN parking sensors: which there are, and what one has to say.

use super::bosch_tps110;

/// A make of sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    BoschTps110,
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
    /// Its decoder's name in `sensors.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Device::BoschTps110 => "bosch-tps110",
        }
    }

    /// How its maker calls it, as a device profile.
    pub const fn profile(self) -> &'static str {
        match self {
            Device::BoschTps110 => "Bosch Parking Lot Sensor TPS110",
        }
    }

    /// The longest silence it is set to, seconds.
    pub const fn heartbeat_s(self) -> u32 {
        match self {
            Device::BoschTps110 => 86_400,
        }
    }

    /// For distance sensors: an obstacle nearer than this is a vehicle, mm.
    pub const fn threshold_mm(self) -> Option<u32> {
        match self {
            Device::BoschTps110 => None,
        }
    }

    /// The bytes it sends.
    pub fn encode(self, reading: &Reading) -> Frame {
        match self {
            Device::BoschTps110 => bosch_tps110::encode(reading),
        }
    }
}
