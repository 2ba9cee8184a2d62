//! A device or native place as the API shows it: from the store, the imported files and live state.

use std::collections::{HashMap, HashSet};

use domain::health::Health;
use domain::sensor_health::Symptoms;
use domain::{Binding, Decoder, FeedFormat, FeedId, Reason, Registry, Sensor, Target, UtcMicros};
use serde::Serialize;
use store::inspect::{Device, NativePlace};
use store::rebindings::{RebindingProgress, RebindingState};
use utoipa::ToSchema;

use crate::contract::words;
use crate::hub::View;

/// A device: one that is in the files, has sent, or both.
#[derive(Serialize, ToSchema)]
pub struct SensorOut {
    /// DevEUI as 16 lower-case hexadecimal digits, the supplier's id, or the id of the place.
    pub(super) id: String,
    /// What it is: a sensor; a place that its feed names itself, without a sensor in the files; or a place that
    /// no file has.
    #[schema(value_type = words::SensorKind)]
    pub(super) kind: String,
    /// Id of the feed that it sends by; null: not known any more.
    feed: Option<String>,
    /// Format of that feed; null: not known any more.
    #[schema(value_type = Option<words::FeedFormat>)]
    format: Option<FeedFormat>,
    /// Slug of the municipality; null: not known any more.
    municipality: Option<String>,
    /// Its health.
    #[schema(value_type = words::SensorHealth)]
    pub(super) health: Health,
    /// Codec of its payload; null: none is set.
    #[schema(value_type = Option<words::Decoder>)]
    decoder: Option<Decoder>,
    /// What it is bound to now; null: nothing.
    binding: Option<BindingOut>,
    /// When it first sent; null: never, or not known.
    first_heard: Option<UtcMicros>,
    /// When it last sent; null: never.
    last_heard: Option<UtcMicros>,
    /// Seconds since then; null: it never sent.
    age_s: Option<i64>,
    /// After how long without a state it is stale, seconds.
    stale_after_s: u32,
    /// How many messages it sent; null: counted of LoRaWAN devices only.
    messages: Option<i64>,
    /// Last frame counter of LoRaWAN; null: none.
    last_f_cnt: Option<i64>,
    /// Outcome of its last message; null: not known.
    #[schema(value_type = Option<words::Outcome>)]
    last_outcome: Option<String>,
    /// Voltage of the battery, volts; null: not known.
    battery_v: Option<f32>,
    /// Charge of the battery, percent; null: not known.
    battery_pct: Option<f32>,
    /// Temperature of the device, degrees Celsius; null: not known.
    temperature_c: Option<f32>,
    /// Received signal strength at the best gateway, dBm; null: not known.
    rssi_dbm: Option<f32>,
    /// Signal-to-noise ratio at the best gateway, dB; null: not known.
    snr_db: Option<f32>,
    /// How far it has come that what it sent is decoded again, after its binding was changed back in time; null: that
    /// was not done in the last weeks.
    #[schema(value_type = Option<RebindingOut>)]
    pub(super) rebinding: Option<RebindingOut>,
}

/// Messages that are decoded again.
#[derive(Serialize, ToSchema)]
pub struct RebindingOut {
    /// Whether it waits for an ingest, runs, or is done.
    #[schema(value_type = words::RebindingState)]
    state: RebindingState,
    /// How many messages are decoded.
    done: i64,
    /// Of so many.
    of: i64,
}

impl From<RebindingProgress> for RebindingOut {
    fn from(RebindingProgress { state, done, of }: RebindingProgress) -> Self {
        RebindingOut { state, done, of }
    }
}

/// What a device is bound to, from when to when.
#[derive(Default, Serialize, ToSchema)]
pub struct BindingOut {
    /// Id of the bay; null: not bound to one.
    bay: Option<String>,
    /// Id of the site; null: not bound to one.
    site: Option<String>,
    /// Id of the vehicle; null: not bound to one.
    vehicle: Option<String>,
    /// Of a lane sensor: what it counts; null: it is none.
    #[schema(value_type = Option<words::Direction>)]
    direction: Option<domain::Direction>,
    /// From when it holds; null: it always did.
    bound_from: Option<UtcMicros>,
    /// Until when it holds, exclusive; null: it still does.
    bound_until: Option<UtcMicros>,
    /// The longest silence that the sensor promises, seconds; null: as its feed says.
    heartbeat_s: Option<u32>,
    /// After how long without a state it is stale, seconds; null: 2.2 heartbeats.
    stale_after_s: Option<u32>,
    /// Occupied below this distance, millimetres; null: the decoder's own.
    threshold_mm: Option<u32>,
}

impl BindingOut {
    pub(super) fn new(binding: &Binding, registry: &Registry) -> Self {
        let (kind, id) = binding.target.and_then(|target| place_of(target, registry)).unwrap_or_default();
        BindingOut {
            direction: binding.direction,
            bound_from: binding.from,
            bound_until: binding.until,
            heartbeat_s: binding.heartbeat_s,
            stale_after_s: binding.stale_after_s,
            threshold_mm: binding.threshold_mm,
            ..BindingOut::to(&kind, &id)
        }
    }

    /// To a place of this kind and id.
    fn to(kind: &str, id: &str) -> Self {
        let named = |of: &str| (kind == of).then(|| id.to_owned());
        BindingOut { bay: named("bay"), site: named("site"), vehicle: named("vehicle"), ..Self::default() }
    }
}

/// Rejections that matter to the health of devices.
#[derive(Debug, Default)]
pub struct Rejecting {
    /// Ids of devices of which every message is rejected.
    pub devices: HashSet<String>,
    /// Places that have a sensor of a native feed, by kind and id.
    pub places: HashMap<(String, String), NativePlace>,
}

fn heartbeat_s(registry: &Registry, feed: FeedId, binding: Option<&Binding>) -> u32 {
    let of_feed = || registry.feed(feed).map(|f| f.def.heartbeat_s());
    binding.and_then(|b| b.heartbeat_s).or_else(of_feed).unwrap_or(domain::feed::DEFAULT_HEARTBEAT_S)
}

/// When the last heartbeat of a device began that last sent at `last_heard`.
pub fn last_heartbeat(registry: &Registry, device: &Device, now: UtcMicros) -> Option<UtcMicros> {
    let sensor = registry.sensor_by_key(&device.key).filter(|_| device.is_known)?;
    let heartbeat_s = heartbeat_s(registry, device.feed, sensor.binding_at(now));
    Some(device.last_heard?.plus_s(-i64::from(heartbeat_s)))
}

/// The kind and id of what a target is.
pub fn place_of(target: Target, registry: &Registry) -> Option<(String, String)> {
    let (kind, id) = match target {
        Target::Bay(id) => ("bay", registry.bay(id)?.def.id.clone()),
        Target::Site(id) => ("site", registry.site(id)?.def.id.clone()),
        Target::Vehicle(id) => ("vehicle", registry.vehicle(id)?.def.id.clone()),
    };
    Some((kind.to_owned(), id))
}

/// Whether everything in the last heartbeat was rejected, and so were the newest three messages.
fn is_rejected(place: &NativePlace, heartbeat_s: u32) -> bool {
    let (Some(third), Some(last)) = (place.third_rejected_at, place.rejected_at) else { return false };
    let is_own =
        place.rejected.as_deref().and_then(|r| r.parse::<Reason>().ok()).is_some_and(Reason::is_own_fault);
    is_own && place.accepted_at.is_none_or(|at| at < third && at < last.plus_s(-i64::from(heartbeat_s)))
}

/// A device of the files, or of a LoRaWAN network.
pub fn device(device: Device, rejecting: &Rejecting, view: &View) -> SensorOut {
    let (live, now) = (view.hub.read(), view.now);
    let registry = live.map.registry();
    let sensor: Option<&Sensor> = registry.sensor_by_key(&device.key).filter(|_| device.is_known);
    let binding = sensor.and_then(|s| s.binding_at(now));
    let target = binding.and_then(|b| b.target);
    // Devices of feeds that name their places themselves are judged by the statements about these.
    let of_bay = match target {
        Some(Target::Bay(bay)) => live.map.reading(bay).filter(|r| r.feed == device.feed),
        _ => None,
    };
    let place =
        target.and_then(|t| rejecting.places.get(&place_of(t, registry)?)).filter(|p| p.feed == device.feed);
    let of_place = place.and_then(|p| p.accepted_at.max(p.rejected_at));
    let last_heard = device.last_heard.max(of_bay.map(|r| r.observed_at)).max(of_place);
    let stale_after_s = match target {
        Some(target) => registry.stale_after_s(device.feed, sensor.map(|s| s.id), target, now),
        None => domain::sensor::stale_after_s(heartbeat_s(registry, device.feed, binding)),
    };
    let heartbeat_s = heartbeat_s(registry, device.feed, binding);
    let symptoms = Symptoms {
        is_known: device.is_known,
        last_heard,
        stale_after_s,
        is_rejected: rejecting.devices.contains(&device.key)
            || place.is_some_and(|p| is_rejected(p, heartbeat_s)),
        battery_v: device.battery_v,
        battery_pct: device.battery_pct,
        rssi_dbm: device.rssi_dbm,
    };
    let feed = registry.feed(device.feed);
    SensorOut {
        id: device.key,
        kind: "sensor".to_owned(),
        feed: feed.map(|f| f.def.id.clone()),
        format: feed.map(|f| f.def.format),
        municipality: registry.municipality(device.municipality).map(|m| m.slug.clone()),
        health: symptoms.health(now),
        decoder: sensor.and_then(|s| s.decoder),
        binding: binding.map(|b| BindingOut::new(b, registry)),
        first_heard: device.first_heard,
        last_heard,
        age_s: last_heard.map(|at| now.age_s(at)),
        stale_after_s,
        messages: (device.first_heard.is_some() || feed.is_some_and(|f| f.def.format.is_lorawan()))
            .then_some(device.messages),
        last_f_cnt: device.last_f_cnt,
        last_outcome: device.last_outcome.or_else(|| place.and_then(last_outcome)),
        battery_v: device.battery_v,
        battery_pct: device.battery_pct,
        temperature_c: device.temperature_c,
        rssi_dbm: device.rssi_dbm,
        snr_db: device.snr_db,
        rebinding: None,
    }
}

fn last_outcome(place: &NativePlace) -> Option<String> {
    let rejected = || Some(format!("rejected:{}", place.rejected.as_deref()?));
    if place.rejected_at > place.accepted_at {
        rejected()
    } else {
        place.accepted_at.map(|_| "stored".to_owned())
    }
}

/// A place that a native feed names itself.
pub fn place(place: NativePlace, view: &View) -> SensorOut {
    let (live, now) = (view.hub.read(), view.now);
    let registry = live.map.registry();
    let heartbeat_s = heartbeat_s(registry, place.feed, None);
    let last_heard = place.accepted_at.max(place.rejected_at);
    let stale_after_s = domain::sensor::stale_after_s(heartbeat_s);
    let symptoms = Symptoms {
        is_known: place.kind != "place",
        last_heard,
        stale_after_s,
        is_rejected: is_rejected(&place, heartbeat_s),
        ..Symptoms::default()
    };
    let binding = symptoms.is_known.then(|| BindingOut {
        heartbeat_s: Some(heartbeat_s),
        stale_after_s: Some(stale_after_s),
        ..BindingOut::to(&place.kind, &place.key)
    });
    let feed = registry.feed(place.feed);
    SensorOut {
        health: symptoms.health(now),
        binding,
        feed: feed.map(|f| f.def.id.clone()),
        format: feed.map(|f| f.def.format),
        municipality: registry.municipality(place.municipality).map(|m| m.slug.clone()),
        last_outcome: last_outcome(&place),
        decoder: None,
        first_heard: None,
        last_heard,
        age_s: last_heard.map(|at| now.age_s(at)),
        stale_after_s,
        messages: None,
        last_f_cnt: None,
        battery_v: None,
        battery_pct: None,
        temperature_c: None,
        rssi_dbm: None,
        snr_db: None,
        rebinding: None,
        id: place.key,
        kind: place.kind,
    }
}
