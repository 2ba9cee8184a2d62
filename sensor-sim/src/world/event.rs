//! Events in the county.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::county::Counts;
use crate::encode::native::DoorCount;
use crate::notice::Notice;

/// Why something is reported now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cause {
    /// The first report after the start.
    Start,
    /// It changed at this very instant.
    Change,
    /// Nothing changed: a heartbeat.
    Heartbeat,
}

/// A passage through a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Passage {
    In,
    Out,
}

/// Something that happens, or is reported. Indices are those of the county's lists.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A bay's true state.
    Bay { bay: usize, occupied: bool, cause: Cause },
    /// A vehicle passes a gate of a counted site; `occupied` is the count after it.
    Gate { site: usize, gate: u8, passage: Passage, occupied: u32, open: bool },
    /// A counted site's own report.
    Site { site: usize, occupied: u32, open: bool, cause: Cause },
    /// Where a bus or train is.
    Vehicle(VehicleReport),
    /// People got on and off, at a stop.
    Passengers { report: VehicleReport, doors: Vec<DoorCount> },
    /// An alert begins or ends.
    Notice { notice: Notice, on: bool },
    /// A run is cancelled, or runs after all.
    Cancelled { trip: usize, date: Date, on: bool },
    /// What stands at a station of shared vehicles.
    Station { station: usize, vehicles: Counts, cause: Cause },
    /// Where a shared vehicle stands that belongs to no station; `None`: somebody rides it.
    Free { vehicle: usize, place: Option<Standing>, cause: Cause },
    /// A LoRaWAN device reports about itself, not about its bay.
    Device { sensor: usize, what: DeviceEvent },
}

/// Where a shared vehicle stands, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    pub(crate) range_m: f64,
    /// How often it has been ridden.
    pub(crate) rides: u32,
}

/// What a LoRaWAN device or its network reports besides states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceEvent {
    /// It joined the network again (after a power loss or a new battery).
    Join,
    /// It answered the network's question for its battery.
    Status,
}

/// What a vehicle is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waits at the first stop for its departure.
    Waiting,
    /// Stands at a stop on its way.
    AtStop,
    /// Drives to the next stop.
    Driving,
}

/// Why a vehicle reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VehicleCause {
    /// As it does every second or so.
    Position,
    /// It has just reached the stop.
    Arrival,
    /// It has just left the stop.
    Departure,
}

/// One run of a vehicle along its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trip {
    /// Index into the trips of the county's timetable.
    pub(crate) planned: usize,
    /// The day of service.
    pub(crate) date: Date,
    /// 0 or 1.
    pub(crate) direction: usize,
    /// Number of the vehicle's runs since the morning.
    pub(crate) run: u32,
    /// Planned departure from the first stop.
    pub(crate) planned_start_utc: Timestamp,
}

/// Position and state of a vehicle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VehicleReport {
    pub(crate) vehicle: usize,
    pub(crate) cause: VehicleCause,
    pub(crate) phase: Phase,
    pub(crate) trip: Trip,
    /// Position in the trip of the stop it stands at, or drives to.
    pub(crate) stop: usize,
    /// Planned times at that stop.
    pub(crate) planned_arrival_utc: Timestamp,
    pub(crate) planned_departure_utc: Timestamp,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    pub(crate) speed_mps: f64,
    /// Clockwise from north.
    pub(crate) bearing_deg: f64,
    /// Metres since the start of the trip.
    pub(crate) odometer_m: f64,
    /// Against the timetable; negative = early.
    pub(crate) delay_s: i32,
    pub(crate) on_board: u32,
}
