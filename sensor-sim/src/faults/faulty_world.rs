//! The world as its faulty devices report it.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Faults;
use crate::agenda::Agenda;
use crate::clock::later;
use crate::county::{BaySource, County};
use crate::orders::Order;
use crate::random::hash;
use crate::world::{Cause, Event, World};

/// A wavering sensor reports so many states around a change, so far apart. An even number,
/// so that it ends on the truth; quicker than the shortest time between two changes.
const FLIPS: i32 = 4;
const FLIP: SignedDuration = SignedDuration::from_secs(4);
/// A re-stamped value is sent again so often.
const RESTAMP_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Devices die and are replaced in the first minute, once everything has reported.
const ACCIDENTS_S: (f64, f64) = (2.0, 60.0);
const YEAR_S: i64 = 365 * 86_400;

/// One step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Step {
    pub(crate) at: Timestamp,
    /// What really happened, if anything did.
    pub(crate) event: Option<Event>,
    /// What is reported, if anything is.
    pub(crate) report: Option<DeviceReport>,
    /// A fault that begins now.
    pub(crate) note: Option<Note>,
    /// A device that is replaced now.
    pub(crate) swap: Option<Swap>,
}

/// A device's report, and its clock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeviceReport {
    pub(crate) stamp: Timestamp,
    pub(crate) event: Event,
    pub(crate) faults: Vec<&'static str>,
}

/// A fault and the thing it affects, for the record.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub(crate) struct Note {
    pub(crate) fault: &'static str,
    /// `bay`, `site`, `vehicle` or `device`.
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    /// The old and the new device, when one is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) devices: Option<(String, String)>,
    /// How wrong a clock is; absent when it was reset to 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock_off_s: Option<i64>,
}

/// A device that is replaced. Indices are those of the county's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) bay: usize,
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) occupied: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BayFault {
    None,
    Stuck,
    Flapping,
    /// Silent once this is past.
    Dead(Timestamp),
    Restamp,
}

impl BayFault {
    fn name(self) -> Option<&'static str> {
        match self {
            BayFault::None => None,
            BayFault::Stuck => Some("stuck"),
            BayFault::Flapping => Some("flapping"),
            BayFault::Dead(_) => Some("dead"),
            BayFault::Restamp => Some("restamp"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct WrongClock {
    /// `None` = it was reset to 1970.
    off_s: Option<i64>,
}

/// The true state of a bay, and the first it had.
#[derive(Debug, Clone, Copy)]
struct BayState {
    now: bool,
    first: bool,
}

#[derive(Debug, Clone, Copy)]
enum Due {
    Flip(usize, bool),
    Restamp(usize),
    Swap(usize, usize),
}

/// The world and the faults of its devices.
#[derive(Debug)]
pub(crate) struct FaultyWorld {
    county: Arc<County>,
    world: World,
    seed: u64,
    wrong_clock: f64,
    start: Timestamp,
    next: Option<(Timestamp, Event)>,
    bays: Vec<BayFault>,
    /// Of each bay that has reported.
    states: Vec<Option<BayState>>,
    agenda: Agenda<Timestamp, Due>,
    notes: VecDeque<Note>,
    low_battery: Vec<usize>,
}

impl FaultyWorld {
    /// `start_utc` is that of the world.
    pub(crate) fn new(
        world: World,
        county: Arc<County>,
        faults: &Faults,
        seed: u64,
        start_utc: Timestamp,
    ) -> Self {
        let mut faulty_world = Self {
            states: vec![None; county.bays.len()],
            bays: vec![BayFault::None; county.bays.len()],
            world,
            seed,
            wrong_clock: faults.wrong_clock,
            start: start_utc,
            next: None,
            agenda: Agenda::new(),
            notes: VecDeque::new(),
            low_battery: Vec::new(),
            county,
        };
        faulty_world.draw_bays(faults);
        faulty_world.draw_clocks();
        faulty_world.draw_batteries(faults.low_battery);
        faulty_world
    }

    /// Devices whose battery is nearly empty (indices into the county's sensors).
    pub(crate) fn low_battery(&self) -> &[usize] {
        &self.low_battery
    }

    /// Passes an order on to the world (see [`World::order`]).
    pub(crate) fn order(&mut self, order: Order) {
        self.world.order(order);
    }

    /// What happens next.
    pub(crate) fn next_step(&mut self) -> Step {
        if let Some(note) = self.notes.pop_front() {
            return Step { at: self.start, note: Some(note), ..Step::default() };
        }
        let (at, event) = self.next.take().unwrap_or_else(|| self.world.next_event());
        if let Some((due, what)) = self.agenda.next_until(at) {
            self.next = Some((at, event));
            return self.own(due, what);
        }
        self.perceive(at, event)
    }

    /// A number in 0..1 that is the thing's own.
    fn share(&self, label: &str, index: usize) -> f64 {
        hash(self.seed, label, index as u64) as f64 / u64::MAX as f64
    }

    fn draw_bays(&mut self, faults: &Faults) {
        let county = Arc::clone(&self.county);
        let mut spares: Vec<usize> =
            (0..county.sensors.len()).rev().filter(|s| county.sensors[*s].bay.is_none()).collect();
        for (index, bay) in county.bays.iter().enumerate() {
            let accident_s = ACCIDENTS_S.0 + self.share("accident", index) * (ACCIDENTS_S.1 - ACCIDENTS_S.0);
            let accident = later(self.start, SignedDuration::from_millis((accident_s * 1_000.0) as i64));
            let mut share = self.share("bay fault", index);
            let mut is = |fraction: f64| {
                let hit = (0.0..fraction).contains(&share);
                share -= fraction;
                hit
            };
            let fault = if is(faults.stuck) {
                BayFault::Stuck
            } else if is(faults.flapping) {
                BayFault::Flapping
            } else if is(faults.dead) {
                BayFault::Dead(accident)
            } else if is(faults.restamp) {
                BayFault::Restamp
            } else {
                if is(faults.device_swap)
                    && let BaySource::Sensor(old) = bay.source
                    && let Some(at) =
                        spares.iter().position(|s| county.sensors[*s].feed == county.sensors[old].feed)
                {
                    let new = spares.remove(at);
                    self.agenda.plan(accident, Due::Swap(index, new));
                }
                BayFault::None
            };
            self.bays[index] = fault;
            let at = if let BayFault::Dead(at) = fault { at } else { self.start };
            if fault == BayFault::Restamp {
                self.agenda.plan(later(self.start, RESTAMP_EVERY), Due::Restamp(index));
            }
            self.notes.extend(fault.name().map(|name| note(name, "bay", &bay.id, at)));
        }
    }

    fn draw_clocks(&mut self) {
        let county = Arc::clone(&self.county);
        let bays = county.bays.iter().map(|b| ("bay", &b.id)).enumerate();
        let sites = county.sites.iter().map(|s| ("site", &s.id)).enumerate();
        let vehicles = county.vehicles.iter().map(|v| ("vehicle", &v.id)).enumerate();
        for (index, (kind, id)) in bays.chain(sites).chain(vehicles) {
            if let Some(WrongClock { off_s }) = self.clock(kind, index) {
                let note = note("wrong_clock", kind, id, self.start);
                self.notes.push_back(Note { clock_off_s: off_s, ..note });
            }
        }
    }

    fn draw_batteries(&mut self, share: f64) {
        let county = Arc::clone(&self.county);
        for (index, sensor) in county.sensors.iter().enumerate() {
            if self.share("battery", index) < share {
                self.low_battery.push(index);
                self.notes.push_back(note("low_battery", "device", &sensor.dev_eui, self.start));
            }
        }
    }

    fn clock(&self, kind: &str, index: usize) -> Option<WrongClock> {
        let off_s = [Some(-3_600), Some(3_600), Some(YEAR_S), None];
        let which = hash(self.seed, "clock", index as u64) % 4;
        (self.share(kind, index) < self.wrong_clock).then(|| WrongClock { off_s: off_s[which as usize] })
    }

    /// The time by the clock of a thing at `at`, where that is wrong.
    fn wrong_time(&self, at: Timestamp, event: &Event) -> Option<Timestamp> {
        let clock = match event {
            Event::Bay { bay, .. } => self.clock("bay", *bay),
            Event::Site { site, .. } | Event::Gate { site, .. } => self.clock("site", *site),
            Event::Vehicle(report) | Event::Passengers { report, .. } => {
                self.clock("vehicle", report.vehicle)
            }
            Event::Device { .. } => None,
        };
        let since_start = at.duration_since(self.start);
        Some(match clock?.off_s {
            Some(s) => later(at, SignedDuration::from_secs(s)),
            None => later(Timestamp::UNIX_EPOCH, since_start),
        })
    }

    fn report(&self, at: Timestamp, event: Event, fault: Option<&'static str>) -> DeviceReport {
        let wrong = self.wrong_time(at, &event);
        let faults = fault.into_iter().chain(wrong.map(|_| "wrong_clock")).collect();
        DeviceReport { stamp: wrong.unwrap_or(at), event, faults }
    }

    fn perceive(&mut self, at: Timestamp, event: Event) -> Step {
        let report = match event {
            Event::Bay { bay, occupied, cause } => self.perceive_bay(at, bay, occupied, cause),
            Event::Device { sensor, .. }
                if self.county.sensors[sensor].bay.is_some_and(|b| self.is_dead(b, at)) =>
            {
                None
            }
            _ => Some(self.report(at, event.clone(), None)),
        };
        Step { at, event: Some(event), report, ..Step::default() }
    }

    fn is_dead(&self, bay: usize, at: Timestamp) -> bool {
        matches!(self.bays[bay], BayFault::Dead(since) if since <= at)
    }

    fn perceive_bay(
        &mut self,
        at: Timestamp,
        bay: usize,
        occupied: bool,
        cause: Cause,
    ) -> Option<DeviceReport> {
        let first = self.states[bay].map_or(occupied, |state| state.first);
        self.states[bay] = Some(BayState { now: occupied, first });
        let fault = self.bays[bay];
        let (reported, fault) = match fault {
            BayFault::Dead(since) if since <= at => return None,
            BayFault::Stuck | BayFault::Restamp if cause == Cause::Change => return None,
            BayFault::Stuck | BayFault::Restamp => (first, fault.name().filter(|_| cause != Cause::Start)),
            BayFault::Flapping if cause == Cause::Change => {
                for flip in 1..=FLIPS {
                    let state = if flip % 2 == 0 { occupied } else { !occupied };
                    self.agenda.plan(later(at, FLIP * flip), Due::Flip(bay, state));
                }
                (occupied, None)
            }
            _ => (occupied, None),
        };
        Some(self.report(at, Event::Bay { bay, occupied: reported, cause }, fault))
    }

    /// Steps that the faults themselves cause.
    fn own(&mut self, at: Timestamp, due: Due) -> Step {
        let mut step = Step { at, ..Step::default() };
        match due {
            Due::Flip(bay, occupied) => {
                let event = Event::Bay { bay, occupied, cause: Cause::Change };
                step.report = Some(self.report(at, event, Some("flapping")));
            }
            Due::Restamp(bay) => {
                self.agenda.plan(later(at, RESTAMP_EVERY), due);
                step.report = self.states[bay].map(|state| {
                    let event = Event::Bay { bay, occupied: state.first, cause: Cause::Heartbeat };
                    self.report(at, event, Some("restamp"))
                });
            }
            Due::Swap(bay, new) => {
                let BaySource::Sensor(old) = self.county.bays[bay].source else { return step };
                let [old_eui, new_eui] = [old, new].map(|sensor| self.county.sensors[sensor].dev_eui.clone());
                let note = note("device_swap", "bay", &self.county.bays[bay].id, at);
                step.note = Some(Note { devices: Some((old_eui, new_eui)), ..note });
                let occupied = self.states[bay].is_some_and(|state| state.now);
                step.swap = Some(Swap { bay, old, new, occupied });
            }
        }
        step
    }
}

fn note(fault: &'static str, kind: &'static str, id: &str, at: Timestamp) -> Note {
    Note { fault, kind, id: id.to_owned(), at, ..Note::default() }
}
