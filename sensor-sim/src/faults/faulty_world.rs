//! The world as its faulty devices report it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Faults;
use crate::county::{BaySource, County};
use crate::orders::Order;
use crate::random::hash;
use crate::world::{Cause, Event, World};

/// A wavering sensor reports so many states around a change, so many seconds apart. An even number,
/// so that it ends on the truth; quicker than the shortest time between two changes.
const FLIPS: i64 = 4;
const FLIP_S: i64 = 4;
/// A re-stamped value is sent again so often, seconds.
const RESTAMP_S: i64 = 60;
/// Devices die and are replaced in the first minute, once everything has reported.
const ACCIDENTS_S: (f64, f64) = (2.0, 60.0);
const YEAR_S: i64 = 365 * 86_400;

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    pub at: Timestamp,
    /// What really happened, if anything did.
    pub event: Option<Event>,
    /// What is reported, if anything is.
    pub report: Option<DeviceReport>,
    /// A fault that begins now.
    pub note: Option<Note>,
    /// A device that is replaced now.
    pub swap: Option<Swap>,
}

/// A device's report, and its clock.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceReport {
    pub stamp: Timestamp,
    pub event: Event,
    pub faults: Vec<&'static str>,
}

/// A fault and the thing it affects, for the record.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Note {
    pub fault: &'static str,
    /// `bay`, `site`, `vehicle` or `device`.
    pub kind: &'static str,
    pub id: String,
    pub at: Timestamp,
    /// The old and the new device, when one is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<(String, String)>,
    /// How wrong a clock is; absent when it was reset to 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_off_s: Option<i64>,
}

/// A device that is replaced. Indices are those of the county's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    pub bay: usize,
    pub old: usize,
    pub new: usize,
    pub occupied: bool,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClockFault {
    OffBy(i64),
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Flip(usize, bool),
    Restamp(usize),
    Swap(usize, usize),
}

/// The world and the faults of its devices.
#[derive(Debug)]
pub struct FaultyWorld {
    county: Arc<County>,
    world: World,
    seed: u64,
    wrong_clock: f64,
    start: Timestamp,
    next: Option<(Timestamp, Event)>,
    bays: Vec<BayFault>,
    /// The true state of each bay, and the first it had.
    states: Vec<Option<(bool, bool)>>,
    agenda: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    asked: u64,
    notes: VecDeque<Note>,
    low_battery: Vec<usize>,
}

impl FaultyWorld {
    /// `start_utc` is that of the world.
    pub fn new(world: World, county: Arc<County>, faults: &Faults, seed: u64, start_utc: Timestamp) -> Self {
        let mut faulty_world = Self {
            states: vec![None; county.bays.len()],
            bays: vec![BayFault::None; county.bays.len()],
            world,
            seed,
            wrong_clock: faults.wrong_clock,
            start: start_utc,
            next: None,
            agenda: BinaryHeap::new(),
            asked: 0,
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
    pub fn low_battery(&self) -> &[usize] {
        &self.low_battery
    }

    /// Passes an order on to the world (see [`World::order`]).
    pub fn order(&mut self, order: Order) {
        self.world.order(order);
    }

    /// What happens next.
    pub fn next_happening(&mut self) -> Happening {
        if let Some(note) = self.notes.pop_front() {
            return Happening { note: Some(note), ..nothing(self.start) };
        }
        let (at, event) = self.next.take().unwrap_or_else(|| self.world.next_event());
        if self.agenda.peek().is_some_and(|Reverse((due, ..))| *due <= at)
            && let Some(Reverse((due, _, what))) = self.agenda.pop()
        {
            self.next = Some((at, event));
            return self.own(due, what);
        }
        self.perceive(at, event)
    }

    fn plan(&mut self, at: Timestamp, due: Due) {
        self.asked += 1;
        self.agenda.push(Reverse((at, self.asked, due)));
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
            let accident = later_ms(self.start, (accident_s * 1_000.0) as i64);
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
                    self.plan(accident, Due::Swap(index, new));
                }
                BayFault::None
            };
            let (name, at) = match fault {
                BayFault::None => continue,
                BayFault::Stuck => ("stuck", self.start),
                BayFault::Flapping => ("flapping", self.start),
                BayFault::Dead(at) => ("dead", at),
                BayFault::Restamp => ("restamp", self.start),
            };
            if fault == BayFault::Restamp {
                self.plan(later(self.start, RESTAMP_S), Due::Restamp(index));
            }
            self.bays[index] = fault;
            self.notes.push_back(note(name, "bay", &bay.id, at));
        }
    }

    fn draw_clocks(&mut self) {
        let county = Arc::clone(&self.county);
        let bays = county.bays.iter().map(|b| ("bay", &b.id)).enumerate();
        let sites = county.sites.iter().map(|s| ("site", &s.id)).enumerate();
        let vehicles = county.vehicles.iter().map(|v| ("vehicle", &v.id)).enumerate();
        for (index, (kind, id)) in bays.chain(sites).chain(vehicles) {
            if let Some(fault) = self.clock(kind, index) {
                let clock_off_s = match fault {
                    ClockFault::OffBy(s) => Some(s),
                    ClockFault::Reset => None,
                };
                self.notes.push_back(Note { clock_off_s, ..note("wrong_clock", kind, id, self.start) });
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

    fn clock(&self, kind: &str, index: usize) -> Option<ClockFault> {
        if self.share(kind, index) >= self.wrong_clock {
            return None;
        }
        Some(match hash(self.seed, "clock", index as u64) % 4 {
            0 => ClockFault::OffBy(-3_600),
            1 => ClockFault::OffBy(3_600),
            2 => ClockFault::OffBy(YEAR_S),
            _ => ClockFault::Reset,
        })
    }

    /// The time by the clock of a thing at `at`.
    fn stamp(&self, at: Timestamp, event: &Event) -> (Timestamp, bool) {
        let clock = match event {
            Event::Bay { bay, .. } => self.clock("bay", *bay),
            Event::Site { site, .. } | Event::Gate { site, .. } => self.clock("site", *site),
            Event::Vehicle(report) | Event::Passengers { report, .. } => {
                self.clock("vehicle", report.vehicle)
            }
            Event::Device { .. } => None,
        };
        match clock {
            None => (at, false),
            Some(ClockFault::OffBy(s)) => (later(at, s), true),
            Some(ClockFault::Reset) => {
                let since_start_us = at.as_microsecond() - self.start.as_microsecond();
                (Timestamp::from_microsecond(since_start_us).unwrap_or(Timestamp::UNIX_EPOCH), true)
            }
        }
    }

    fn report(&self, at: Timestamp, event: Event, fault: Option<&'static str>) -> DeviceReport {
        let (stamp, is_wrong) = self.stamp(at, &event);
        let faults = fault.into_iter().chain(is_wrong.then_some("wrong_clock")).collect();
        DeviceReport { stamp, event, faults }
    }

    fn perceive(&mut self, at: Timestamp, event: Event) -> Happening {
        let report = match event {
            Event::Bay { bay, occupied, cause } => self.perceive_bay(at, bay, occupied, cause),
            Event::Device { sensor, .. } => {
                let bay = self.county.sensors[sensor].bay;
                let is_dead =
                    bay.is_some_and(|b| matches!(self.bays[b], BayFault::Dead(since) if since <= at));
                (!is_dead).then(|| self.report(at, event.clone(), None))
            }
            _ => Some(self.report(at, event.clone(), None)),
        };
        Happening { event: Some(event), report, ..nothing(at) }
    }

    fn perceive_bay(
        &mut self,
        at: Timestamp,
        bay: usize,
        occupied: bool,
        cause: Cause,
    ) -> Option<DeviceReport> {
        let first = self.states[bay].map_or(occupied, |(_, first)| first);
        self.states[bay] = Some((occupied, first));
        let event = |occupied| Event::Bay { bay, occupied, cause };
        match self.bays[bay] {
            BayFault::None => Some(self.report(at, event(occupied), None)),
            BayFault::Dead(since) if since <= at => None,
            BayFault::Dead(_) => Some(self.report(at, event(occupied), None)),
            BayFault::Stuck | BayFault::Restamp if cause == Cause::Change => None,
            BayFault::Stuck => {
                Some(self.report(at, event(first), (cause != Cause::Start).then_some("stuck")))
            }
            BayFault::Restamp => {
                Some(self.report(at, event(first), (cause != Cause::Start).then_some("restamp")))
            }
            BayFault::Flapping => {
                if cause == Cause::Change {
                    for flip in 1..=FLIPS {
                        let state = if flip % 2 == 0 { occupied } else { !occupied };
                        self.plan(later(at, flip * FLIP_S), Due::Flip(bay, state));
                    }
                }
                Some(self.report(at, event(occupied), None))
            }
        }
    }

    /// Steps that the faults themselves cause.
    fn own(&mut self, at: Timestamp, due: Due) -> Happening {
        match due {
            Due::Flip(bay, occupied) => {
                let event = Event::Bay { bay, occupied, cause: Cause::Change };
                Happening { report: Some(self.report(at, event, Some("flapping"))), ..nothing(at) }
            }
            Due::Restamp(bay) => {
                self.plan(later(at, RESTAMP_S), due);
                let report = self.states[bay].map(|(_, first)| {
                    let event = Event::Bay { bay, occupied: first, cause: Cause::Heartbeat };
                    self.report(at, event, Some("restamp"))
                });
                Happening { report, ..nothing(at) }
            }
            Due::Swap(bay, new) => {
                let BaySource::Sensor(old) = self.county.bays[bay].source else { return nothing(at) };
                let eui = |sensor: usize| self.county.sensors[sensor].dev_eui.clone();
                let id = &self.county.bays[bay].id;
                let note = Note { devices: Some((eui(old), eui(new))), ..note("device_swap", "bay", id, at) };
                let occupied = self.states[bay].is_some_and(|(now, _)| now);
                Happening { note: Some(note), swap: Some(Swap { bay, old, new, occupied }), ..nothing(at) }
            }
        }
    }
}

fn nothing(at: Timestamp) -> Happening {
    Happening { at, event: None, report: None, note: None, swap: None }
}

fn note(fault: &'static str, kind: &'static str, id: &str, at: Timestamp) -> Note {
    Note { fault, kind, id: id.to_owned(), at, devices: None, clock_off_s: None }
}

fn later(at: Timestamp, s: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(s)).unwrap_or(at)
}

fn later_ms(at: Timestamp, ms: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_millis(ms)).unwrap_or(at)
}
