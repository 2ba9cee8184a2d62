//! Acceptance of a sensor where it was mounted: an installer drives a car on and off its bay, in and out through its lane, or
//! about with its vehicle, and what the sensor sent then and before is judged by [`Limits`].
//!
//! [`judge`] is a function of what was stored, so a test goes on after a restart as if nothing had been.

mod history;
mod judge;
mod lane;
mod limits;
mod outcome;
#[cfg(test)]
mod tests;
mod vehicle;

use serde::Serialize;

use crate::bay_state::BayState;
use crate::counter::{BothWays, Counter};
use crate::geo::LatLon;
use crate::place::wire_enum;
use crate::rejection::Reason;
use crate::time::UtcMicros;

pub use judge::judge;
pub use limits::Limits;

wire_enum! {
    /// What is judged.
    CheckName {
        /// Whether a message came since the test began. Value: how many.
        Heard = "heard",
        /// Starts of the device during the test: joins, and frame counters that began again.
        Join = "join",
        /// Messages that could not be decoded or were rejected.
        Decoded = "decoded",
        /// Whether it reported `occupied`. Value: seconds since the test began.
        OccupiedSeen = "occupied_seen",
        /// Whether it reported `vacant`. Value: seconds since the test began.
        VacantSeen = "vacant_seen",
        /// Entries that a lane counted in the test. Limit: as many as the installer drives.
        EntriesSeen = "entries_seen",
        /// Exits that a lane counted in the test. Limit: as many as the installer drives.
        ExitsSeen = "exits_seen",
        /// Who was counted in a lane the other way round than the installer was to drive.
        LaneDirection = "lane_direction",
        /// How often the totals of a lane began again.
        Totals = "totals",
        /// Occupied spaces of its site by its count. Limit: the capacity.
        SiteCount = "site_count",
        /// Whether a vehicle's position was reported. Value: seconds since the test began.
        PositionSeen = "position_seen",
        /// How far a vehicle moved, metres.
        Moved = "moved",
        /// Distance of a vehicle from the nearest place of its municipality, metres.
        Surroundings = "surroundings",
        /// The highest speed of a vehicle, reported or between two positions, metres per second.
        Speed = "speed",
        /// The longest way of a statement from its time to us, seconds.
        Delay = "delay",
        /// Messages that were overtaken by later ones.
        Order = "order",
        /// How far its clock is ahead (positive) or behind, seconds.
        Clock = "clock",
        /// The longest silence of the past, seconds.
        Heartbeat = "heartbeat",
        /// The smallest margin of the signal-to-noise ratio to the demodulation floor, dB.
        Signal = "signal",
        /// The largest spreading factor.
        SpreadingFactor = "spreading_factor",
        /// The share of frames that were lost, by the frame counter.
        Frames = "frames",
        /// Gateways that receive it, of most frames.
        Gateways = "gateways",
        /// Of the battery: volts, or per cent where it reports no voltage.
        Battery = "battery",
        /// At how many of its changes the same neighbour changed likewise.
        Neighbours = "neighbours",
        /// Distance from its site, metres.
        Position = "position",
        /// Whether the bay is reserved for somebody of whom its site has no spaces: how many such restrictions.
        Restriction = "restriction",
    }
}

wire_enum! {
    /// What a check has come to.
    CheckState {
        /// It holds.
        Pass = "pass",
        /// It does not.
        Fail = "fail",
        /// It is not decided yet.
        Waiting = "waiting",
        /// It cannot be judged of this device, or not in this time.
        Skipped = "skipped",
    }
}

wire_enum! {
    /// Why a check is skipped.
    Skipped {
        /// It is about another kind of device.
        OtherKind = "other_kind",
        /// The device sends without radio, as far as known.
        NoRadio = "no_radio",
        /// The device does not report it.
        NotReported = "not_reported",
        /// Too few messages are kept of it.
        TooFewMessages = "too_few_messages",
        /// There is nothing to compare it with.
        NothingToCompare = "nothing_to_compare",
    }
}

wire_enum! {
    /// What a test has come to.
    TestState {
        /// Some check waits.
        Running = "running",
        /// No check failed.
        Passed = "passed",
        /// Some check failed.
        Failed = "failed",
        /// It was ended before.
        Cancelled = "cancelled",
    }
}

wire_enum! {
    /// What the installer is to do next.
    Instruction {
        /// Make the sensor send: by its button, its magnet, or a car.
        WaitForMessage = "wait_for_message",
        /// Put a car on the bay.
        DriveOn = "drive_on",
        /// Drive the car off.
        DriveOff = "drive_off",
        /// Drive in through the lane.
        DriveIn = "drive_in",
        /// Drive out through the lane.
        DriveOut = "drive_out",
        /// Drive the vehicle some hundred metres.
        DriveAround = "drive_around",
        /// Nothing: further messages are awaited.
        Wait = "wait",
        /// Nothing: the test is over.
        Done = "done",
    }
}

wire_enum! {
    /// What to do about a check.
    Remedy {
        /// Make it send: by its button, its magnet, or a car.
        MakeItSend = "make_it_send",
        /// Put a car on the bay.
        DriveOn = "drive_on",
        /// Drive the car off.
        DriveOff = "drive_off",
        /// Drive in through the lane.
        DriveIn = "drive_in",
        /// Drive out through the lane.
        DriveOut = "drive_out",
        /// Drive the vehicle some hundred metres.
        DriveAround = "drive_around",
        /// Test again while nobody else passes; else see to its aim and height.
        RepeatAlone = "repeat_alone",
        /// Bind it again with the other direction.
        TurnDirection = "turn_direction",
        /// Count by hand, and publish the number.
        CountByHand = "count_by_hand",
        /// Give the receiver an open view of the sky; is it the right decoder?
        CheckReceiver = "check_receiver",
        /// Is it switched on, and a gateway in reach?
        CheckPowerAndGateway = "check_power_and_gateway",
        /// It starts again and again: see to its battery and contacts.
        CheckPowerSupply = "check_power_supply",
        /// Choose the decoder of this model, or see why its messages are rejected.
        CheckDecoder = "check_decoder",
        /// See to the way between gateway, network server and broker.
        CheckNetwork = "check_network",
        /// Set the clock of the gateway or the device (NTP).
        SetClock = "set_clock",
        /// Set the interval of the device, or the heartbeat of its binding.
        CheckHeartbeat = "check_heartbeat",
        /// Move the antenna, or set up a gateway nearby.
        MoveAntennaOrAddGateway = "move_antenna_or_add_gateway",
        /// Put in a new battery.
        ChangeBattery = "change_battery",
        /// Is it at the bay that it is bound to?
        CheckPosition = "check_position",
        /// Correct the bay's restriction, or that of its site.
        CheckRestriction = "check_restriction",
    }
}

/// A message of the device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// When it reached us.
    pub received_at: UtcMicros,
    /// The time that it carries: the network server's, or the device's own.
    pub observed_at: Option<UtcMicros>,
    /// The device joined the network.
    pub is_join: bool,
    /// The state of the bay, where it carries one.
    pub state: Option<BayState>,
    /// Why it was rejected.
    pub rejected: Option<Reason>,
    /// LoRaWAN's frame counter of an uplink.
    pub f_cnt: Option<i64>,
    /// LoRa's spreading factor.
    pub spreading_factor: Option<i16>,
    /// At the best gateway, dB.
    pub snr_db: Option<f32>,
    /// At the best gateway, dBm.
    pub rssi_dbm: Option<f32>,
    /// How many gateways received it; `None`: it is no radio message.
    pub gateways: Option<usize>,
    /// Of the battery, volts.
    pub battery_v: Option<f32>,
    /// Of the battery, per cent.
    pub battery_pct: Option<f32>,
}

/// A state of another bay nearby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighbourChange {
    /// Id of the bay.
    pub bay: String,
    /// When it changed.
    pub at: UtcMicros,
    /// To what.
    pub state: BayState,
}

/// Who passed in a lane by one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// When the message reached us.
    pub received_at: UtcMicros,
    /// Who passed since the message before; `None`: it states something else of the site.
    pub since_last: Option<BothWays>,
    /// What the device states about its counters, where it does.
    pub counter: Option<Counter>,
    /// LoRaWAN's frame counter.
    pub f_cnt: Option<i64>,
}

/// A position of a vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// When it was there.
    pub observed_at: UtcMicros,
    /// When the message reached us.
    pub received_at: UtcMicros,
    /// Where it was.
    pub position: LatLon,
    /// As it reports, metres per second.
    pub speed_mps: Option<f32>,
}

/// What the device watches, and what it reported of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Subject<'a> {
    /// A bay: a car drives on and off.
    Bay,
    /// A lane of a site: a car drives in and out.
    Lane {
        /// In the order of receipt.
        passed: &'a [Passed],
        /// How often the installer drives in and out.
        drives: BothWays,
    },
    /// A whole site, of which it states numbers.
    Site,
    /// A vehicle, which drives about.
    Vehicle {
        /// In the order of their times.
        fixes: &'a [Fix],
    },
}

/// Where the files place the device, and how its site is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Placement {
    /// Metres from the bay to its site, 0 within its outline; `None`: it is in no site, or watches no bay.
    pub from_site_m: Option<f64>,
    /// Restrictions of the bay that its site has no spaces for; `None`: neither says anything.
    pub strange_restrictions: Option<usize>,
    /// Occupied spaces of its site, and its capacity where that is known; `None`: it watches no site, or none that has been
    /// counted.
    pub count: Option<(i64, Option<i64>)>,
    /// Metres from the vehicle's newest position to the nearest place of its municipality; `None`: not known.
    pub from_town_m: Option<f64>,
}

/// What a test rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence<'a> {
    /// When the test began.
    pub started_at: UtcMicros,
    /// How long it may last, seconds.
    pub timeout_s: u32,
    /// What the device watches.
    pub subject: Subject<'a>,
    /// How long it may be silent, seconds.
    pub stale_after_s: u32,
    /// The messages of the past and of the test, in the order of receipt.
    pub frames: &'a [Frame],
    /// Changes of bays nearby during the test; `None`: none of them is observed.
    pub neighbours: Option<&'a [NeighbourChange]>,
    /// Where the files place it.
    pub placement: Placement,
}

wire_enum! {
    /// The unit of a value and of its limit.
    Unit {
        /// Second.
        Second = "s",
        /// Decibel.
        Decibel = "dB",
        /// Metre.
        Metre = "m",
        /// Metre per second.
        MetrePerSecond = "m/s",
        /// Volt.
        Volt = "V",
        /// Per cent.
        Percent = "%",
    }
}

impl CheckName {
    /// The unit of its values, where all have the same; `None`: they are numbers or shares, or have the one that the check says.
    pub const fn unit(self) -> Option<Unit> {
        match self {
            CheckName::OccupiedSeen
            | CheckName::VacantSeen
            | CheckName::PositionSeen
            | CheckName::Delay
            | CheckName::Clock
            | CheckName::Heartbeat => Some(Unit::Second),
            CheckName::Signal => Some(Unit::Decibel),
            CheckName::Position | CheckName::Moved | CheckName::Surroundings => Some(Unit::Metre),
            CheckName::Speed => Some(Unit::MetrePerSecond),
            _ => None,
        }
    }
}

/// One check and what it has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What is judged.
    pub name: CheckName,
    /// What it has come to.
    pub state: CheckState,
    /// What was measured.
    pub value: Option<f64>,
    /// What is needed, in the same unit.
    pub limit: Option<f64>,
    /// The unit of both; `None`: they are numbers or shares.
    pub unit: Option<Unit>,
    /// What to do, where it failed or waits.
    pub remedy: Option<Remedy>,
    /// Why it was skipped.
    pub skipped: Option<Skipped>,
    /// The places that it is about: neighbours that changed.
    pub places: Vec<String>,
}

/// Why nothing is done with a test, or no test is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such sensor.
    NoSensor,
    /// The sensor was never tested.
    NeverTested,
    /// The sensor is bound to nothing.
    Unbound,
    /// Another test runs.
    BeingTested,
    /// No test runs.
    NoneRuns,
    /// The test has not ended.
    StillRuns,
    /// The test was ended without a result.
    Cancelled,
    /// The test is signed.
    Signed,
    /// Nobody signs.
    NoName,
    /// The test was not passed, and no reason is given.
    NoReason,
}

/// What a test has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// See [`TestState`].
    pub state: TestState,
    /// What the installer is to do next.
    pub instruction: Instruction,
    /// All checks, in the order of [`CheckName`].
    pub checks: Vec<Check>,
}
