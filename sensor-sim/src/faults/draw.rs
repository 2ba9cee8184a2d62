//! Which device has which fault, and since when.

use std::collections::VecDeque;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::Faults;
use crate::agenda::Agenda;
use crate::clock::later;
use crate::county::{self, BaySource, County};
use crate::random::hash;

/// A re-stamped value is sent again so often.
const RESTAMP_EVERY_S: u32 = 60;
/// Devices die and are replaced in the first minute, once everything has reported.
const ACCIDENTS_S: Range<f64> = 2.0..60.0;
/// In a long period faults begin in this part of it: before, devices show how they are when they are well; after, there is
/// time to find out.
const ONSET: Range<f64> = 0.2..0.6;
const YEAR_S: i64 = 365 * 86_400;

/// When faults begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Onset {
    /// In the first minute after the start, or with it.
    FirstMinute(Timestamp),
    /// At a random time of a period that begins there: nothing is wrong at its beginning.
    Within(Timestamp, SignedDuration),
}

impl Onset {
    pub(super) fn start(self) -> Timestamp {
        match self {
            Onset::FirstMinute(start) | Onset::Within(start, _) => start,
        }
    }
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
    /// The bay in which the device really lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lies_in: Option<String>,
}

/// What is wrong with a bay's device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    None,
    Stuck,
    Flapping,
    Dead,
    Restamp,
    Drift {
        s_per_day: f64,
    },
    /// So many of its frames are heard by nobody.
    FrameLoss {
        share: f64,
    },
}

impl Kind {
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Kind::None => None,
            Kind::Stuck => Some("stuck"),
            Kind::Flapping => Some("flapping"),
            Kind::Dead => Some("dead"),
            Kind::Restamp => Some("restamp"),
            Kind::Drift { .. } => Some("drift"),
            Kind::FrameLoss { .. } => Some("frame_loss"),
        }
    }
}

/// A bay's fault, and since when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BayFault {
    pub(super) kind: Kind,
    pub(super) since: Timestamp,
}

/// A device that grows weaker (index into the county's sensors).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ageing {
    pub(crate) sensor: usize,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    /// How much worse it is received at the end; `None`: its battery is empty then.
    pub(crate) weaker_db: Option<f64>,
}

impl Ageing {
    /// How far it has gone, 0 to 1.
    pub(crate) fn share(&self, at: Timestamp) -> f64 {
        let whole_s = self.until.duration_since(self.since).as_secs_f64();
        (at.duration_since(self.since).as_secs_f64() / whole_s).clamp(0.0, 1.0)
    }
}

/// How wrong a clock is.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrongClock {
    /// `None` = it was reset to 1970.
    pub(super) off_s: Option<i64>,
    pub(super) since: Timestamp,
}

/// What the faults themselves cause.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    Flip(usize, bool),
    /// The state that a bay had when its fault began, every so many seconds.
    Repeat(usize, u32),
    Swap(usize, usize),
    /// An empty battery.
    Empty(usize),
    /// The devices of two bays are mixed up.
    Mix(usize, usize),
}

/// All faults of a county's devices.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) onset: Onset,
    seed: u64,
    wrong_clock: f64,
    pub(super) bays: Vec<BayFault>,
    /// Bays whose clock may be wrong besides: in a long period each device has one fault at most.
    may_be_wrong: Vec<bool>,
    pub(super) agenda: Agenda<Timestamp, Due>,
    pub(super) notes: VecDeque<Note>,
    pub(super) low_battery: Vec<usize>,
    pub(super) ageing: Vec<Ageing>,
}

impl Drawn {
    pub(super) fn new(county: &County, faults: &Faults, seed: u64, onset: Onset) -> Self {
        let none = BayFault { kind: Kind::None, since: onset.start() };
        let mut drawn = Self {
            onset,
            seed,
            wrong_clock: faults.wrong_clock,
            bays: vec![none; county.bays.len()],
            may_be_wrong: vec![true; county.bays.len()],
            agenda: Agenda::new(),
            notes: VecDeque::new(),
            low_battery: Vec::new(),
            ageing: Vec::new(),
        };
        drawn.draw_bays(county, faults);
        if let Onset::Within(..) = onset {
            let is_well = |bay: &county::Bay| !drawn.notes.iter().any(|note| note.id == bay.id);
            drawn.may_be_wrong = county.bays.iter().map(is_well).collect();
        }
        drawn.draw_clocks(county);
        drawn.draw_batteries(county, faults.low_battery);
        drawn
    }

    /// Whether stuck devices send heartbeats by their own clock, not by that of the world.
    pub(super) fn has_own_heartbeats(&self) -> bool {
        matches!(self.onset, Onset::Within(..))
    }

    /// A number in 0..1 that is the thing's own.
    fn share(&self, label: &str, index: usize) -> f64 {
        hash(self.seed, label, index as u64) as f64 / u64::MAX as f64
    }

    fn between(&self, label: &str, index: usize, range: &Range<f64>) -> f64 {
        range.start + self.share(label, index) * (range.end - range.start)
    }

    /// When something happens to a bay's device.
    fn accident(&self, index: usize) -> Timestamp {
        let after_s = match self.onset {
            Onset::FirstMinute(_) => self.between("accident", index, &ACCIDENTS_S),
            Onset::Within(_, period) => self.between("accident", index, &ONSET) * period.as_secs_f64(),
        };
        later(self.onset.start(), SignedDuration::from_millis((after_s * 1_000.0) as i64))
    }

    /// When a fault begins that is there from the start, unless the period is long.
    fn begin(&self, index: usize) -> Timestamp {
        match self.onset {
            Onset::FirstMinute(start) => start,
            Onset::Within(..) => self.accident(index),
        }
    }

    fn draw_bays(&mut self, county: &County, faults: &Faults) {
        let mut spares: Vec<usize> =
            (0..county.sensors.len()).rev().filter(|s| county.sensors[*s].bay.is_none()).collect();
        let mut mixed_up = Vec::new();
        for (index, bay) in county.bays.iter().enumerate() {
            let (begin, accident) = (self.begin(index), self.accident(index));
            let mut share = self.share("bay fault", index);
            let mut is = |fraction: f64| {
                let hit = (0.0..fraction).contains(&share);
                share -= fraction;
                hit
            };
            let sensor = if let BaySource::Sensor(sensor) = bay.source { Some(sensor) } else { None };
            let (kind, since) = if is(faults.stuck) {
                // Over weeks its heartbeats go on, whether or not cars come.
                if let (Onset::Within(..), Some(sensor)) = (self.onset, sensor) {
                    let heartbeat_s = county.sensors[sensor].device.model().heartbeat_s;
                    let first_s = self.share("first heartbeat", index) * f64::from(heartbeat_s);
                    let first = later(begin, SignedDuration::from_secs(first_s as i64));
                    self.agenda.plan(first, Due::Repeat(index, heartbeat_s));
                }
                (Kind::Stuck, begin)
            } else if is(faults.flapping) {
                (Kind::Flapping, begin)
            } else if is(faults.dead) {
                (Kind::Dead, accident)
            } else if is(faults.restamp) {
                self.agenda.plan(
                    later(begin, SignedDuration::from_secs(RESTAMP_EVERY_S.into())),
                    Due::Repeat(index, RESTAMP_EVERY_S),
                );
                (Kind::Restamp, begin)
            } else if is(faults.device_swap) {
                let same_feed = |old: usize| {
                    spares.iter().position(|s| county.sensors[*s].feed == county.sensors[old].feed)
                };
                if let Some(at) = sensor.and_then(same_feed) {
                    let new = spares.remove(at);
                    self.agenda.plan(accident, Due::Swap(index, new));
                }
                (Kind::None, begin)
            } else if is(faults.misbound / 2.0) {
                mixed_up.extend(sensor.map(|_| index));
                (Kind::None, begin)
            } else if is(faults.misbound / 2.0) {
                (Kind::None, begin)
            } else if is(faults.drift) {
                let sign = if self.share("ahead", index) < 0.5 { -1.0 } else { 1.0 };
                (Kind::Drift { s_per_day: sign * self.between("drift", index, &(20.0..300.0)) }, accident)
            } else if is(faults.battery) {
                (self.age(county, sensor, "battery", index), accident)
            } else if is(faults.frame_loss) {
                let share = self.between("frame loss", index, &(0.33..0.67));
                (sensor.map_or(Kind::None, |_| Kind::FrameLoss { share }), accident)
            } else if is(faults.signal) {
                (self.age(county, sensor, "signal", index), accident)
            } else {
                (Kind::None, begin)
            };
            self.bays[index] = BayFault { kind, since };
            self.notes.extend(kind.name().map(|name| note(name, "bay", &bay.id, since)));
        }
        for index in mixed_up {
            self.mix_up(county, index);
        }
    }

    /// A device grows weaker; one whose battery is empty is silent.
    fn age(&mut self, county: &County, sensor: Option<usize>, name: &'static str, index: usize) -> Kind {
        let since = self.accident(index);
        let days = self.between("ageing", index, &(3.0..8.0));
        let until = later(since, SignedDuration::from_secs((days * 86_400.0) as i64));
        let weaker_db = (name == "signal").then(|| self.between("weaker", index, &(10.0..18.0)));
        if let Some(sensor) = sensor {
            self.ageing.push(Ageing { sensor, since, until, weaker_db });
            self.notes.push_back(note(name, "bay", &county.bays[index].id, since));
            if weaker_db.is_none() {
                self.agenda.plan(until, Due::Empty(index));
            }
        }
        Kind::None
    }

    /// Mixes up the device of a bay with one of another site that is known in the same way: both are counted, or not.
    fn mix_up(&mut self, county: &County, index: usize) {
        let is_counted =
            |bay: usize| county.bays[bay].site.is_some_and(|s| county.sites[s].counted.is_some());
        let feed = |bay: usize| match county.bays[bay].source {
            BaySource::Sensor(sensor) => Some(county.sensors[sensor].feed),
            BaySource::Native(_) => None,
        };
        let is_well = |bay: usize| {
            let id = &county.bays[bay].id;
            self.bays[bay].kind == Kind::None && !self.notes.iter().any(|note| note.id == *id)
        };
        let others: Vec<usize> = (0..county.bays.len())
            .filter(|other| county.bays[*other].site != county.bays[index].site)
            .filter(|other| feed(*other) == feed(index) && is_counted(*other) == is_counted(index))
            .filter(|other| is_well(*other))
            .collect();
        if others.is_empty() || !is_well(index) {
            return;
        }
        let other = others[(hash(self.seed, "mixed up", index as u64) % others.len() as u64) as usize];
        let at = self.accident(index);
        self.agenda.plan(at, Due::Mix(index, other));
        for (bay, lies_in) in [(index, other), (other, index)] {
            let note = note("misbound", "bay", &county.bays[bay].id, at);
            self.notes.push_back(Note { lies_in: Some(county.bays[lies_in].id.clone()), ..note });
        }
    }

    fn draw_clocks(&mut self, county: &County) {
        let bays = county.bays.iter().map(|b| ("bay", &b.id)).enumerate();
        let sites = county.sites.iter().map(|s| ("site", &s.id)).enumerate();
        let vehicles = county.vehicles.iter().map(|v| ("vehicle", &v.id)).enumerate();
        for (index, (kind, id)) in bays.chain(sites).chain(vehicles) {
            if let Some(WrongClock { off_s, since }) = self.clock(kind, index) {
                let note = note("wrong_clock", kind, id, since);
                self.notes.push_back(Note { clock_off_s: off_s, ..note });
            }
        }
    }

    fn draw_batteries(&mut self, county: &County, share: f64) {
        for (index, sensor) in county.sensors.iter().enumerate() {
            if self.share("battery", index) < share {
                self.low_battery.push(index);
                self.notes.push_back(note("low_battery", "device", &sensor.dev_eui, self.onset.start()));
            }
        }
    }

    /// How wrong the clock of a bay, site or vehicle is.
    pub(super) fn clock(&self, kind: &str, index: usize) -> Option<WrongClock> {
        let off_s = [Some(-3_600), Some(3_600), Some(YEAR_S), None];
        let which = hash(self.seed, "clock", index as u64) % 4;
        let since = self.begin(index);
        let may_be = match self.onset {
            Onset::FirstMinute(_) => true,
            Onset::Within(..) => kind == "bay" && self.may_be_wrong[index],
        };
        (may_be && self.share(kind, index) < self.wrong_clock)
            .then(|| WrongClock { off_s: off_s[which as usize], since })
    }
}

pub(super) fn note(fault: &'static str, kind: &'static str, id: &str, at: Timestamp) -> Note {
    Note { fault, kind, id: id.to_owned(), at, ..Note::default() }
}
