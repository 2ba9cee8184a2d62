//! The world as its faulty devices report it.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Faults;
use super::draw::{Ageing, BayFault, Drawn, Due, Kind, Note, Onset, note};
use crate::clock::later;
use crate::county::{BaySource, County};
use crate::orders::Order;
use crate::random::stream;
use crate::world::{Cause, Event, World};

/// A wavering sensor reports so many states around a change, so far apart. An even number,
/// so that it ends on the truth; quicker than the shortest time between two changes.
const FLIPS: i32 = 4;
const FLIP: SignedDuration = SignedDuration::from_secs(4);

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
    /// Bays whose devices are mixed up now.
    pub(crate) mixed_up: Option<(usize, usize)>,
}

/// A device's report, and its clock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeviceReport {
    pub(crate) stamp: Timestamp,
    pub(crate) event: Event,
    pub(crate) faults: Vec<&'static str>,
    /// Whether a gateway receives it.
    pub(crate) is_heard: bool,
}

/// A device that is replaced. Indices are those of the county's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) bay: usize,
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) occupied: bool,
}

/// The true state of a bay, and the one that it had when its fault began.
#[derive(Debug, Clone, Copy)]
struct BayState {
    now: bool,
    held: bool,
}

/// The world and the faults of its devices.
#[derive(Debug)]
pub(crate) struct FaultyWorld {
    county: Arc<County>,
    world: World,
    drawn: Drawn,
    /// Decides which frames nobody hears.
    frames: ChaCha8Rng,
    next: Option<(Timestamp, Event)>,
    /// Of each bay that has reported.
    states: Vec<Option<BayState>>,
}

impl FaultyWorld {
    pub(crate) fn new(world: World, county: Arc<County>, faults: &Faults, seed: u64, onset: Onset) -> Self {
        Self {
            states: vec![None; county.bays.len()],
            drawn: Drawn::new(&county, faults, seed, onset),
            frames: stream(seed, "frames", 0),
            world,
            next: None,
            county,
        }
    }

    /// Devices whose battery is nearly empty (indices into the county's sensors).
    pub(crate) fn low_battery(&self) -> &[usize] {
        &self.drawn.low_battery
    }

    /// What is wrong with whom, of all the time: then no step notes it.
    pub(crate) fn take_notes(&mut self) -> VecDeque<Note> {
        std::mem::take(&mut self.drawn.notes)
    }

    /// Devices that grow weaker.
    pub(crate) fn ageing(&self) -> &[Ageing] {
        &self.drawn.ageing
    }

    /// Passes an order on to the world (see [`World::order`]).
    pub(crate) fn order(&mut self, order: Order) {
        self.world.order(order);
    }

    /// What happens next.
    pub(crate) fn next_step(&mut self) -> Step {
        if let Some(note) = self.drawn.notes.pop_front() {
            return Step { at: self.drawn.onset.start(), note: Some(note), ..Step::default() };
        }
        let (at, event) = self.next.take().unwrap_or_else(|| self.world.next_event());
        if let Some((due, what)) = self.drawn.agenda.next_until(at) {
            self.next = Some((at, event));
            return self.own(due, what);
        }
        self.perceive(at, event)
    }

    /// The time by the clock of a thing at `at`, where that is wrong, and what is wrong with it.
    fn wrong_time(&self, at: Timestamp, event: &Event) -> Option<(Timestamp, &'static str)> {
        let (kind, index) = match event {
            Event::Bay { bay, .. } => ("bay", *bay),
            Event::Site { site, .. } | Event::Gate { site, .. } => ("site", *site),
            Event::Vehicle(report) | Event::Passengers { report, .. } => ("vehicle", report.vehicle),
            Event::Device { .. }
            | Event::Notice { .. }
            | Event::Cancelled { .. }
            | Event::Station { .. }
            | Event::Free { .. } => return None,
        };
        if let Some(clock) = self.drawn.clock(kind, index).filter(|clock| clock.since <= at) {
            let since_start = at.duration_since(self.drawn.onset.start());
            let stamp = match clock.off_s {
                Some(s) => later(at, SignedDuration::from_secs(s)),
                None => later(Timestamp::UNIX_EPOCH, since_start),
            };
            return Some((stamp, "wrong_clock"));
        }
        let Kind::Drift { s_per_day } = self.active((kind == "bay").then_some(index)?, at) else {
            return None;
        };
        let days = at.duration_since(self.drawn.bays[index].since).as_secs_f64() / 86_400.0;
        Some((later(at, SignedDuration::from_millis((days * s_per_day * 1_000.0) as i64)), "drift"))
    }

    fn report(&self, at: Timestamp, event: Event, fault: Option<&'static str>) -> DeviceReport {
        let wrong = self.wrong_time(at, &event);
        let stamp = wrong.map_or(at, |(stamp, _)| stamp);
        let faults = fault.into_iter().chain(wrong.map(|(_, name)| name)).collect();
        DeviceReport { stamp, event, faults, is_heard: true }
    }

    /// What is wrong with a bay's device by now.
    fn active(&self, bay: usize, at: Timestamp) -> Kind {
        let fault = self.drawn.bays[bay];
        if fault.since <= at { fault.kind } else { Kind::None }
    }

    fn perceive(&mut self, at: Timestamp, event: Event) -> Step {
        let bay = match event {
            Event::Bay { bay, .. } => Some(bay),
            Event::Device { sensor, .. } => self.county.sensors[sensor].bay,
            _ => None,
        };
        let kind = bay.map_or(Kind::None, |bay| self.active(bay, at));
        let mut report = match event {
            _ if kind == Kind::Dead => None,
            Event::Bay { bay, occupied, cause } => self.perceive_bay(at, kind, bay, occupied, cause),
            _ => Some(self.report(at, event.clone(), None)),
        };
        if let (Some(report), Kind::FrameLoss { share }) = (&mut report, kind)
            && self.frames.random::<f64>() < share
        {
            report.is_heard = false;
            report.faults.extend(kind.name());
        }
        Step { at, event: Some(event), report, ..Step::default() }
    }

    fn perceive_bay(
        &mut self,
        at: Timestamp,
        kind: Kind,
        bay: usize,
        occupied: bool,
        cause: Cause,
    ) -> Option<DeviceReport> {
        let before = self.states[bay].filter(|_| kind != Kind::None);
        let held = before.map_or(occupied, |state| state.held);
        self.states[bay] = Some(BayState { now: occupied, held });
        let (reported, fault) = match kind {
            Kind::Stuck | Kind::Restamp if cause == Cause::Change => return None,
            Kind::Stuck if self.drawn.has_own_heartbeats() => return None,
            Kind::Stuck | Kind::Restamp => (held, kind.name().filter(|_| cause != Cause::Start)),
            Kind::Flapping if cause == Cause::Change => {
                for flip in 1..=FLIPS {
                    let state = if flip % 2 == 0 { occupied } else { !occupied };
                    self.drawn.agenda.plan(later(at, FLIP * flip), Due::Flip(bay, state));
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
            Due::Repeat(bay, every_s) => {
                self.drawn.agenda.plan(later(at, SignedDuration::from_secs(every_s.into())), due);
                step.report = self.states[bay].map(|state| {
                    let event = Event::Bay { bay, occupied: state.held, cause: Cause::Heartbeat };
                    self.report(at, event, self.drawn.bays[bay].kind.name())
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
            Due::Mix(bay, other) => step.mixed_up = Some((bay, other)),
            Due::Empty(bay) => self.drawn.bays[bay] = BayFault { kind: Kind::Dead, since: at },
        }
        step
    }
}
