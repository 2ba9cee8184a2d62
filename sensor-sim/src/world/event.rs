//! Events in the county.

use jiff::Timestamp;
use jiff::civil::Date;

/// Why something is reported now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The first report after the start.
    Start,
    /// It changed at this very instant.
    Change,
    /// Nothing changed; a sign of life.
    Heartbeat,
}

/// A passage through a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    In,
    Out,
}

/// Something that happens, or is reported. Indices are those of the county's lists.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
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
    /// A LoRaWAN device reports about itself, not about its bay.
    Device { sensor: usize, what: DeviceEvent },
}

/// What a LoRaWAN device or its network reports besides states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceEvent {
    /// It joined the network again (after a power loss or a new battery).
    Join,
    /// It answered the network's question for its battery.
    Status,
}

/// People through one door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorCount {
    /// 1 = the front door.
    pub door: u8,
    pub boarded: u32,
    pub alighted: u32,
}

/// What a vehicle is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waits at the first stop for its departure.
    Waiting,
    /// Stands at a stop on its way.
    AtStop,
    /// Drives to the next stop.
    Driving,
}

/// Why a vehicle reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VehicleCause {
    /// As it does every second or so.
    Position,
    /// It has just reached the stop.
    Arrival,
    /// It has just left the stop.
    Departure,
}

/// One run of a vehicle along its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trip {
    /// Index into the trips of the county's timetable.
    pub planned: usize,
    /// The day of service.
    pub date: Date,
    /// 0 or 1.
    pub direction: usize,
    /// Number of the vehicle's runs since the morning.
    pub run: u32,
    /// Planned departure from the first stop.
    pub planned_start_utc: Timestamp,
}

/// Position and state of a vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct VehicleReport {
    pub vehicle: usize,
    pub cause: VehicleCause,
    pub phase: Phase,
    pub trip: Trip,
    /// Position in the trip of the stop it stands at, or drives to.
    pub stop: usize,
    /// Planned times at that stop.
    pub planned_arrival_utc: Timestamp,
    pub planned_departure_utc: Timestamp,
    pub lat: f64,
    pub lon: f64,
    pub speed_mps: f64,
    /// Clockwise from north.
    pub bearing_deg: f64,
    /// Metres since the start of the trip.
    pub odometer_m: f64,
    /// Against the timetable; negative = early.
    pub delay_s: i32,
    pub on_board: u32,
}
