//! A trial of whoever watches devices: weeks of a county full of LoRaWAN devices in virtual time, their messages as they
//! arrive, and the truth about what is wrong with which of them since when.
//!
//! Nothing waits and nothing is sent: [`Trial`] is an iterator. What is usual is in it as well: lost, duplicate and late
//! messages, gateways that are off for hours, holidays.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rand::Rng;

use crate::agenda::Agenda;
use crate::clock::{StartClock, WorldClock, later};
use crate::county::{self, BaySource, County, Format};
use crate::faults::{BadFault, Faults, FaultyWorld, Note, Onset, Sending, Wire};
use crate::message::Message;
use crate::random::{poisson, stream};
use crate::senders::{GATEWAYS, Outage, Senders, gateway_id};
use crate::world::World;

/// A Monday, and the county's clocks show UTC.
const START: Timestamp = Timestamp::constant(1_772_409_600, 0);
/// Messages that wait in a gateway without a network: share, and how long at most, seconds.
const LATE: f64 = 0.003;
const LATE_S: f64 = 3_600.0;
/// Days between two failures of a gateway, and of a town's network, and how long they last, seconds.
const GATEWAY_FAILS_DAYS: f64 = 15.0;
const GATEWAY_OFF_S: Range<f64> = 600.0..14_400.0;
const NETWORK_FAILS_DAYS: f64 = 25.0;
const NETWORK_OFF_S: Range<f64> = 300.0..5_400.0;

/// What is usual on the way: the shares of what is lost, sent twice, overtaken.
fn usual() -> Faults {
    Faults { loss: 0.005, double: 0.01, reorder: 0.005, ..Faults::default() }
}

/// A device and what the files say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialSensor {
    /// DevEUI.
    pub id: String,
    /// Its decoder's name in `sensors.csv`.
    pub decoder: &'static str,
    pub heartbeat_s: u32,
    pub threshold_mm: Option<u32>,
    pub bay: String,
    /// Index into [`Trial::sites`].
    pub site: usize,
    /// The wire format of its feed, as in `feeds.toml`.
    pub is_tts: bool,
}

/// A site.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialSite {
    pub id: String,
    /// Index of its town.
    pub town: usize,
    /// The native feed that counts it; `None`: it is not counted.
    pub counted_by: Option<String>,
}

/// A device's fault.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialFault {
    /// Its name among [`Faults`].
    pub fault: &'static str,
    /// The bay that the device is bound to.
    pub bay: String,
    pub since: Timestamp,
}

/// A town whose gateways receive nothing in `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkOff {
    /// As of [`TrialSite::town`].
    pub town: usize,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// A message as it arrives.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    pub received_at: Timestamp,
    pub topic: String,
    pub payload: Bytes,
}

/// The weeks.
#[derive(Debug)]
pub struct Trial {
    county: Arc<County>,
    faulty_world: FaultyWorld,
    senders: Senders,
    wire: Wire,
    late: rand_chacha::ChaCha8Rng,
    /// By the time they arrive.
    pending: Agenda<Timestamp, Message>,
    /// Until when all that arrives is pending.
    known_until: Timestamp,
    faults: Vec<TrialFault>,
    networks_off: Vec<NetworkOff>,
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Trial {
    /// `sensors` devices over `days` days. Of `faults` those of devices are taken.
    ///
    /// # Errors
    /// A share makes no sense.
    pub fn new(seed: u64, sensors: u32, days: u32, faults: &Faults) -> Result<Self, BadFault> {
        faults.check()?;
        let county = Arc::new(County::watched(seed, sensors as usize));
        let period = SignedDuration::from_hours(24 * i64::from(days));
        let clock = WorldClock::new(
            START,
            StartClock { weekday: jiff::civil::Weekday::Monday, minute_of_day: 0 },
            1.0,
        );
        let world = World::new(Arc::clone(&county), seed, clock.with_holidays(seed));
        let onset = Onset::Within(START, period);
        let mut faulty_world = FaultyWorld::new(world, Arc::clone(&county), faults, seed, onset);
        let mut senders = Senders::new(Arc::clone(&county), seed);
        senders.weaken(&faulty_world);
        let networks_off = networks_off(&county, seed, period);
        senders.set_outages(outages(&county, seed, period, &networks_off));
        let faults = faulty_world.take_notes().into_iter().filter(|note| note.kind == "bay");
        let faults =
            faults.map(|Note { fault, id, at, .. }| TrialFault { fault, bay: id, since: at }).collect();
        Ok(Self {
            faulty_world,
            senders,
            wire: Wire::new(usual(), seed),
            late: stream(seed, "late", 0),
            pending: Agenda::new(),
            known_until: START,
            faults,
            networks_off,
            start: START,
            end: later(START, period),
            county,
        })
    }

    /// All devices.
    pub fn sensors(&self) -> Vec<TrialSensor> {
        let of_bay = |bay: &county::Bay| {
            let BaySource::Sensor(sensor) = bay.source else { return None };
            let sensor = &self.county.sensors[sensor];
            let model = sensor.device.model();
            Some(TrialSensor {
                id: sensor.dev_eui.clone(),
                decoder: model.decoder,
                heartbeat_s: model.heartbeat_s,
                threshold_mm: model.threshold_mm,
                bay: bay.id.clone(),
                site: bay.site?,
                is_tts: self.county.feeds[sensor.feed].format == Format::Tts,
            })
        };
        self.county.bays.iter().filter_map(of_bay).collect()
    }

    /// All sites.
    pub fn sites(&self) -> Vec<TrialSite> {
        let feed = |site: &county::Site| Some(self.county.feeds[site.counted.as_ref()?.feed].id.clone());
        let site = |site: &county::Site| TrialSite {
            id: site.id.clone(),
            town: site.municipality,
            counted_by: feed(site),
        };
        self.county.sites.iter().map(site).collect()
    }

    /// What is wrong with which device.
    pub fn faults(&self) -> &[TrialFault] {
        &self.faults
    }

    /// When nothing can be heard.
    pub fn networks_off(&self) -> &[NetworkOff] {
        &self.networks_off
    }

    /// Takes what happens next, and what it sends.
    fn step(&mut self) {
        let step = self.faulty_world.next_step();
        self.known_until = step.at;
        if let Some((bay, other)) = step.mixed_up {
            self.senders.mix_up(bay, other);
        }
        let mut sendings = Vec::new();
        if let Some(swap) = step.swap {
            for message in self.senders.swap_device(step.at, swap.bay, swap.new, swap.occupied) {
                sendings.extend(self.wire.send(message, Vec::new()));
            }
        }
        if let Some(report) = step.report {
            for message in self.senders.messages(step.at, report.stamp, &report.event) {
                sendings.extend(self.wire.send_report(message, &report));
            }
        }
        for Sending { message, at, .. } in sendings {
            let late_s = if self.late.random_bool(LATE) { self.late.random_range(0.0..LATE_S) } else { 0.2 };
            if let Some(at) = at {
                let at = later(at, SignedDuration::from_millis((late_s * 1_000.0) as i64));
                self.pending.plan(at, message);
            }
        }
    }
}

impl Iterator for Trial {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            if let Some((received_at, message)) = self.pending.next_until(self.known_until) {
                let Message { topic, payload, .. } = message;
                return (received_at < self.end).then_some(Arrival { received_at, topic, payload });
            }
            self.step();
        }
    }
}

/// Random times of the period at which something fails that fails every `every_days` days, and is off for so long.
fn failures(
    rng: &mut impl Rng,
    period: SignedDuration,
    every_days: f64,
    off_s: &Range<f64>,
) -> Vec<(Timestamp, Timestamp)> {
    let period_s = period.as_secs_f64();
    let at = |s: f64| later(START, SignedDuration::from_secs(s as i64));
    let times = poisson(rng, period_s / 86_400.0 / every_days);
    let one = |_| {
        let from_s = rng.random_range(0.0..period_s);
        (at(from_s), at(from_s + rng.random_range(off_s.clone())))
    };
    (0..times).map(one).collect()
}

fn networks_off(county: &County, seed: u64, period: SignedDuration) -> Vec<NetworkOff> {
    let of_town = |town: usize| {
        let mut rng = stream(seed, "network off", town as u64);
        let failures = failures(&mut rng, period, NETWORK_FAILS_DAYS, &NETWORK_OFF_S);
        failures.into_iter().map(move |(from, until)| NetworkOff { town, from, until })
    };
    (1..county.municipalities.len()).flat_map(of_town).collect()
}

/// When gateways receive nothing: one of them, or all of a town.
fn outages(county: &County, seed: u64, period: SignedDuration, networks: &[NetworkOff]) -> Vec<Outage> {
    let mut outages = Vec::new();
    for (town, home) in county.municipalities.iter().enumerate().skip(1) {
        for number in 0..GATEWAYS {
            let gateway_id = gateway_id(county, home, number);
            let mut rng = stream(seed, "gateway off", (town * GATEWAYS + number) as u64);
            let alone = failures(&mut rng, period, GATEWAY_FAILS_DAYS, &GATEWAY_OFF_S);
            let all = networks.iter().filter(|network| network.town == town).map(|n| (n.from, n.until));
            let off = |(from, until)| Outage { gateway_id: gateway_id.clone(), from, until };
            outages.extend(alone.into_iter().chain(all).map(off));
        }
    }
    outages
}
