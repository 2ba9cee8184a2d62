//! The product's side of a trial: messages are decoded and given to the device's tests, and every hour to all.

use std::collections::HashMap;

use domain::closure::Spans;
use domain::health::{
    Counted, Device, Event, Message, Neighbours, Passages, Promise, Surroundings, WeekHour,
};
use domain::{Decoder, FeedFormat, UtcMicros};
use indicatif::ProgressBar;
use ingest::decode::lorawan::{self, Frame, decode_device};
use ingest::decode::{Content, Subject, native};
use sensor_sim::trial::{Arrival, Trial, TrialSensor};

use super::score::Score;

const HOUR_S: i64 = 3_600;

/// A device and what the files say of it.
struct Watched {
    device: Device,
    decoder: Option<Decoder>,
    threshold_mm: Option<u32>,
    promise: Promise,
    site: usize,
}

/// All devices, sites and gates.
pub(super) struct Watch {
    devices: Vec<Watched>,
    by_id: HashMap<String, usize>,
    neighbours: Vec<Neighbours>,
    gates: Gates,
    now: UtcMicros,
    end: UtcMicros,
}

/// The counted sites.
struct Gates {
    /// Of every site, also of those that are not counted.
    passages: Vec<Passages>,
    by_id: HashMap<String, usize>,
    feeds: Vec<String>,
    /// Of each site the counted ones of its town, and where it is among them.
    of_town: Vec<(Vec<usize>, Option<usize>)>,
}

impl Gates {
    fn new(trial: &Trial) -> Self {
        let sites = trial.sites();
        let of_town = |index: usize| {
            let is_near =
                |other: &usize| sites[*other].town == sites[index].town && sites[*other].counted_by.is_some();
            let counted: Vec<usize> = (0..sites.len()).filter(is_near).collect();
            let own = counted.iter().position(|other| *other == index);
            (counted, own)
        };
        let mut feeds: Vec<String> = sites.iter().filter_map(|site| site.counted_by.clone()).collect();
        feeds.sort();
        feeds.dedup();
        Gates {
            of_town: (0..sites.len()).map(of_town).collect(),
            passages: vec![Passages::default(); sites.len()],
            by_id: sites.into_iter().enumerate().map(|(index, site)| (site.id, index)).collect(),
            feeds,
        }
    }

    /// Takes a native message.
    fn take(&mut self, arrival: &Arrival) {
        let Some(feed) = self.feeds.iter().find(|feed| arrival.topic.starts_with(&format!("kv/1/{feed}/")))
        else {
            return;
        };
        let text = String::from_utf8_lossy(&arrival.payload);
        for statement in native::decode(feed, &arrival.topic, &text).statements {
            if let (Subject::Site(id), Content::Count { value, .. }, Some(at)) =
                (&statement.subject, &statement.content, statement.at)
                && let Some(site) = self.by_id.get(id)
            {
                self.passages[*site].count(at, *value);
            }
        }
    }

    fn around(&self, site: usize) -> (Vec<&Passages>, Option<usize>) {
        let (counted, own) = &self.of_town[site];
        (counted.iter().map(|site| &self.passages[*site]).collect(), *own)
    }
}

impl Watch {
    pub(super) fn new(trial: &Trial) -> Self {
        let start = UtcMicros::from(trial.start);
        let sensors = trial.sensors();
        let by_id = sensors.iter().enumerate().map(|(index, sensor)| (sensor.id.clone(), index)).collect();
        let watched = |sensor: TrialSensor| Watched {
            device: Device::new(start),
            decoder: sensor.decoder.parse().ok(),
            threshold_mm: sensor.threshold_mm,
            promise: Promise::of_heartbeat(sensor.heartbeat_s),
            site: sensor.site,
        };
        Watch {
            devices: sensors.into_iter().map(watched).collect(),
            by_id,
            neighbours: vec![Neighbours::default(); trial.sites().len()],
            gates: Gates::new(trial),
            now: start,
            end: trial.end.into(),
        }
    }

    /// Lets the time pass, hour by hour.
    pub(super) fn until(&mut self, at: jiff::Timestamp, score: &mut Score, bar: &ProgressBar) {
        let at = UtcMicros::from(at);
        while self.now.plus_s(HOUR_S) <= at {
            self.now = self.now.plus_s(HOUR_S);
            bar.inc(1);
            for index in 0..self.devices.len() {
                self.judge(index, self.now, None, score);
            }
        }
    }

    pub(super) fn end(&mut self, score: &mut Score, bar: &ProgressBar) {
        self.until(self.end.timestamp(), score, bar);
    }

    /// Takes a message, as the product would.
    pub(super) fn take(&mut self, arrival: &Arrival, score: &mut Score) {
        let format = match arrival.topic.split('/').next() {
            Some("application") => FeedFormat::Chirpstack,
            Some("v3") => FeedFormat::Tts,
            _ => return self.gates.take(arrival),
        };
        let text = String::from_utf8_lossy(&arrival.payload);
        let frame =
            lorawan::topic(format, &arrival.topic).and_then(|topic| lorawan::decode(format, topic, &text));
        let Ok(frame) = frame else { return };
        let Some(&index) = self.by_id.get(&frame.device) else { return };
        let received_at = UtcMicros::from(arrival.received_at);
        let message = message(received_at, &frame, &self.devices[index]);
        self.judge(index, received_at, Some(&message), score);
    }

    fn judge(&mut self, index: usize, now: UtcMicros, message: Option<&Message>, score: &mut Score) {
        let watched = &mut self.devices[index];
        let (sites, own) = self.gates.around(watched.site);
        let mut around = Surroundings {
            at: week_hour(now),
            neighbours: &mut self.neighbours[watched.site],
            counted: Counted { sites: &sites, own },
            promise: watched.promise,
            unheard: &Spans::default(),
        };
        match message {
            Some(message) => watched.device.message(message, &mut around),
            None => watched.device.tick(now, &mut around),
        }
        let rest = watched.device.rest(&self.neighbours[watched.site]);
        score.judged(index, now, &watched.device, rest, message);
    }
}

/// The trial's clocks show UTC, and nobody knows of its holidays.
fn week_hour(now: UtcMicros) -> WeekHour {
    let local = now.timestamp().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    WeekHour { weekday: local.weekday().to_monday_zero_offset() as u8, hour: local.hour() as u8 }
}

/// What the tests look at.
fn message(received_at: UtcMicros, frame: &Frame<'_>, watched: &Watched) -> Message {
    let decode =
        |decoder| decode_device(decoder, frame.f_port.unwrap_or(0), &frame.payload, watched.threshold_mm);
    let decoded =
        (frame.is_uplink() && frame.is_applications()).then(|| watched.decoder.map(decode)).flatten();
    let rejected = decoded.as_ref().and_then(|decoded| decoded.as_ref().err()).map(|fault| fault.reason);
    let report = decoded.and_then(Result::ok).unwrap_or_default();
    Message {
        received_at,
        observed_at: frame.network_at,
        event: match frame.event {
            "join" => Event::Join,
            "status" => Event::Status,
            _ => Event::Up,
        },
        f_cnt: frame.f_cnt.and_then(|n| u32::try_from(n).ok()).filter(|_| frame.is_uplink()),
        spreading_factor: frame.spreading_factor.and_then(|sf| u8::try_from(sf).ok()),
        snr_db: frame.snr_db,
        battery_v: report.battery_v,
        battery_pct: report.battery_pct.or(frame.battery_pct),
        battery_low: report.battery_low(),
        temperature_c: report.temperature_c,
        state: report.state,
        rejected,
    }
}
