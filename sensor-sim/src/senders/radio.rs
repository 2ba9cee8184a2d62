//! LoRaWAN devices and their network: counters, sessions, gateways, batteries.

use std::sync::Arc;

use jiff::Timestamp;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::county::{self, County, Format, distance_m};
use crate::encode::lorawan::{CHANNELS_HZ, Reception, Uplink, reception, spreading_factor};
use crate::encode::parametric_pcr2::{self, Counts};
use crate::encode::{Device, Frame, FrameKind, Reading, chirpstack, tts};
use crate::faults::Ageing;
use crate::message::{Claim, Message, Moment, Statement, state_name};
use crate::random::{hash, stream, uuid};
use crate::world::DeviceEvent;

/// Gateways of a town.
pub(crate) const GATEWAYS: usize = 3;

/// Gateways of a town: metres east and north of its centre, on a tower, a school, a silo.
const GATEWAYS_M: [(f64, f64); GATEWAYS] = [(120.0, 80.0), (-700.0, 500.0), (900.0, -650.0)];

/// Battery of a sensor in good health and of one near its end, volts.
const BATTERY_V: (f64, f64) = (3.62, 2.95);
/// The same in percent, as the network's status request has it.
const BATTERY_PERCENT: (f64, f64) = (91.0, 6.0);

/// A LoRaWAN device and its place in the network.
#[derive(Debug)]
pub(super) struct Radio {
    rng: ChaCha8Rng,
    f_cnt: u32,
    session: u32,
    /// The device's own frame counter.
    counter: u16,
    dev_addr: u32,
    /// Which gateways hear it, and from how far.
    gateways: Vec<(Reception, f64)>,
    pub(super) low_battery: bool,
    pub(super) ageing: Option<Ageing>,
    pub(super) outages: Arc<[Outage]>,
}

/// As what the network server knows a device.
struct Name<'a> {
    dev_eui: &'a str,
    profile: &'static str,
    feed: &'a county::Feed,
}

impl<'a> Name<'a> {
    /// A device of a bay.
    fn of(county: &'a County, sensor: usize) -> Self {
        let entry = &county.sensors[sensor];
        let profile = entry.device.model().profile;
        Name { dev_eui: &entry.dev_eui, profile, feed: &county.feeds[entry.feed] }
    }
}

/// A gateway that receives nothing in `[from, until)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outage {
    pub(crate) gateway_id: String,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

/// EUI of a town's gateway.
pub(crate) fn gateway_id(county: &County, town: &county::Municipality, number: usize) -> String {
    let id = hash(county.seed, town.slug, number as u64) & 0xffff_ffff;
    format!("0e9a7e00{id:08x}")
}

impl Radio {
    /// All LoRaWAN devices of the county's bays.
    pub(super) fn all(county: &County, seed: u64) -> Vec<Self> {
        let radio = |(index, sensor): (usize, &county::Sensor)| {
            let place = sensor.bay.map(|bay| county.bays[bay].geometry.center());
            Radio::new(county, sensor.feed, place, stream(seed, "radio", index as u64))
        };
        county.sensors.iter().enumerate().map(radio).collect()
    }

    /// A device of a feed at `place`, `[lon, lat]`; `None`: in the middle of the town.
    pub(super) fn new(county: &County, feed: usize, place: Option<[f64; 2]>, mut rng: ChaCha8Rng) -> Self {
        let town = &county.municipalities[county.feeds[feed].municipality];
        let place = place.unwrap_or([town.lon, town.lat]);
        let gateways = GATEWAYS_M
            .iter()
            .enumerate()
            .map(|(number, &(east_m, north_m))| {
                let [lon, lat] = county::Frame::new(town.lat, town.lon, 0.0).at(east_m, north_m);
                let gateway_id = gateway_id(county, town, number);
                let (rssi_dbm, snr_db) = (0, 0.0);
                let reception = Reception { gateway_id, rssi_dbm, snr_db, lat, lon };
                (reception, distance_m(place, [lon, lat]))
            })
            .collect();
        Radio {
            f_cnt: rng.random_range(0..60_000),
            session: 1,
            counter: rng.random(),
            dev_addr: rng.random::<u32>() & 0x01ff_ffff,
            gateways,
            low_battery: false,
            ageing: None,
            outages: Arc::default(),
            rng,
        }
    }

    /// An uplink with what a radar in a lane has counted; `None`: no gateway received it.
    pub(super) fn counts(
        &mut self,
        county: &County,
        when: Moment,
        lane: &county::Lane,
        counts: Counts,
    ) -> Option<Message> {
        self.f_cnt += 1;
        let temperature_c = ground_temperature_c(when.at) + self.rng.random_range(-1.5..1.5);
        let frame = parametric_pcr2::encode(&Counts { temperature_c, ..counts });
        let name = Name {
            dev_eui: &lane.dev_eui,
            profile: parametric_pcr2::PROFILE,
            feed: &county.feeds[lane.feed],
        };
        let (topic, payload) = self.uplink(name, when, &frame, up)?;
        let [to_right, to_left] = counts.since_last.map(u32::from);
        let (entries, exits) =
            if lane.is_entry_to_right() { (to_right, to_left) } else { (to_left, to_right) };
        let claim = Claim::Passages { entries, exits, gate: lane.gate };
        let statement = Statement::new("site", &county.sites[lane.site].id, when.stamp, claim);
        Some(Message { topic, payload, intended_utc: when.at, statements: vec![statement] })
    }

    /// An uplink with the state of a bay; `None`: no gateway received it.
    pub(super) fn state(
        &mut self,
        county: &County,
        when: Moment,
        sensor: usize,
        bay: usize,
        kind: FrameKind,
        occupied: bool,
    ) -> Option<Message> {
        let entry = &county.sensors[sensor];
        let frame = self.frame(entry.device, kind, occupied, when.at);
        let (topic, payload) = self.uplink(Name::of(county, sensor), when, &frame, up)?;
        let statement = if kind == FrameKind::StartUp && !entry.device.model().start_up_has_state {
            Statement::new("device", &entry.dev_eui, when.stamp, Claim::Device { event: "start-up" })
        } else {
            let claim = Claim::Bay { state: state_name(occupied), sensor: Some(entry.dev_eui.clone()) };
            Statement::new("bay", &county.bays[bay].id, when.stamp, claim)
        };
        Some(Message { topic, payload, intended_utc: when.at, statements: vec![statement] })
    }

    /// A join, or an answer about the battery; `None` where the network publishes none, or received nothing.
    pub(super) fn device(
        &mut self,
        county: &County,
        when: Moment,
        sensor: usize,
        what: DeviceEvent,
    ) -> Option<Message> {
        let entry = &county.sensors[sensor];
        let is_tts = county.feeds[entry.feed].format == Format::Tts;
        let empty = Frame { f_port: 0, payload: Vec::new() };
        let (event, (topic, payload)) = match what {
            DeviceEvent::Join => {
                self.session += 1;
                self.f_cnt = 0;
                self.dev_addr = self.rng.random::<u32>() & 0x01ff_ffff;
                let encode = if is_tts { tts::join } else { chirpstack::join };
                ("join", self.uplink(Name::of(county, sensor), when, &empty, |_, uplink| encode(uplink))?)
            }
            DeviceEvent::Status if is_tts => return None,
            DeviceEvent::Status => {
                let battery = self.battery(when.at, BATTERY_PERCENT.0, BATTERY_PERCENT.1);
                let battery = battery + self.rng.random_range(-3.0..3.0);
                let margin_db = self.rng.random_range(4..14);
                let encode = |_, uplink: &Uplink| chirpstack::status(uplink, margin_db, battery);
                ("status", self.uplink(Name::of(county, sensor), when, &empty, encode)?)
            }
        };
        let statements = vec![Statement::new("device", &entry.dev_eui, when.stamp, Claim::Device { event })];
        Some(Message { topic, payload, intended_utc: when.at, statements })
    }

    fn frame(&mut self, device: Device, kind: FrameKind, occupied: bool, at: Timestamp) -> Frame {
        self.f_cnt += 1;
        self.counter = self.counter.wrapping_add(1);
        let battery_v = self.battery(at, BATTERY_V.0, BATTERY_V.1);
        device.encode(&Reading {
            kind,
            occupied,
            temperature_c: ground_temperature_c(at) + self.rng.random_range(-1.5..1.5),
            battery_v: battery_v + self.rng.random_range(-0.03..0.03),
            counter: self.counter,
            noise: self.rng.random(),
        })
    }

    /// Of a good and of an empty one.
    fn battery(&self, at: Timestamp, good: f64, empty: f64) -> f64 {
        if self.low_battery {
            return empty;
        }
        let gone = self.ageing.filter(|a| a.weaker_db.is_none()).map_or(0.0, |ageing| ageing.share(at));
        good + gone * (empty - good)
    }

    /// `None`: no gateway received it.
    fn uplink<T>(
        &mut self,
        name: Name<'_>,
        when: Moment,
        frame: &Frame,
        encode: impl FnOnce(Format, &Uplink) -> T,
    ) -> Option<T> {
        let Name { dev_eui, profile, feed } = name;
        let mut receptions = self.receptions(when.at);
        receptions.retain(|r| {
            let is_off = |o: &Outage| o.gateway_id == r.gateway_id && o.from <= when.at && when.at < o.until;
            !self.outages.iter().any(is_off)
        });
        let best_snr_db = receptions.iter().map(|r| r.snr_db).fold(f64::MIN, f64::max);
        let deduplication_id = uuid(&mut self.rng);
        let uplink = Uplink {
            dev_eui,
            dev_addr: self.dev_addr,
            profile,
            application: &feed.application,
            at: when.stamp,
            f_port: frame.f_port,
            f_cnt: self.f_cnt,
            payload: &frame.payload,
            spreading_factor: spreading_factor(best_snr_db),
            frequency_hz: CHANNELS_HZ[self.rng.random_range(0..CHANNELS_HZ.len())],
            receptions: &receptions,
            deduplication_id: &deduplication_id,
            session: self.session,
        };
        (!receptions.is_empty()).then(|| encode(feed.format, &uplink))
    }

    /// The gateways that received it: always the nearest, the others by chance.
    fn receptions(&mut self, at: Timestamp) -> Vec<Reception> {
        let weaker_db = self.ageing.and_then(|a| Some(a.weaker_db? * a.share(at))).unwrap_or(0.0);
        let mut by_strength: Vec<Reception> = self
            .gateways
            .iter()
            .map(|(gateway, distance_m)| {
                let (rssi_dbm, snr_db) = reception(&mut self.rng, *distance_m, weaker_db);
                Reception { rssi_dbm, snr_db, ..gateway.clone() }
            })
            .collect();
        by_strength.sort_by_key(|r| -r.rssi_dbm);
        let audible = by_strength.iter().skip(1).take_while(|r| r.snr_db > -12.0).count();
        by_strength.truncate(1 + audible);
        by_strength
    }
}

fn up(format: Format, uplink: &Uplink) -> (String, bytes::Bytes) {
    if format == Format::Tts { tts::up(uplink) } else { chirpstack::up(uplink) }
}

/// A plain day in spring: 5 degrees before sunrise, 17 in the afternoon.
fn ground_temperature_c(at: Timestamp) -> f64 {
    let hour = (at.as_second().rem_euclid(86_400)) as f64 / 3_600.0;
    11.0 - 6.0 * ((hour - 2.0) / 24.0 * std::f64::consts::TAU).cos()
}
