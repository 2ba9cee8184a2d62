//! A device or native place as the API shows it: from the store, the imported files and live state.

use domain::health::{Code, Health, Standing};
use domain::ids::SourceKey;
use domain::{Binding, Decoder, FeedFormat, Reason, Registry, Target, UtcMicros};
use serde::Serialize;
use store::gateways::DeviceGateway;
use store::inspect::{Device, LastingReason, NativePlace};
use store::rebindings::{RebindingProgress, RebindingState};
use utoipa::ToSchema;

use super::bound::{heartbeat_s, place_of, stale_after_s};
use super::facts::Facts;
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
    /// What is wrong with it, the worst first.
    reasons: Vec<ReasonOut>,
    /// Codec of its payload; null: none is set.
    #[schema(value_type = Option<words::Decoder>)]
    decoder: Option<Decoder>,
    /// What it is bound to now; null: nothing.
    binding: Option<BindingOut>,
    /// When it first sent; null: never, or not known.
    first_heard: Option<UtcMicros>,
    /// When it last sent; null: never.
    pub(super) last_heard: Option<UtcMicros>,
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
    /// LoRaWAN port of its last message; null: none.
    last_f_port: Option<i32>,
    /// The payload of its last message, hexadecimal, the first 256 bytes; null: none, or no longer kept.
    last_hex: Option<String>,
    /// Gateways that hear it, those that heard it last first; of an unknown device, and one that was not heard since it is
    /// bound, those that received its last message.
    #[schema(value_type = Vec<DeviceGatewayOut>)]
    gateways: Vec<DeviceGateway>,
    /// Spreading factor of LoRa of its last message, 7 to 12; null: not known.
    spreading_factor: Option<i16>,
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
    rebinding: Option<RebindingOut>,
}

/// Something that is wrong with a device.
#[derive(Serialize, ToSchema)]
pub struct ReasonOut {
    /// What it is.
    #[schema(value_type = words::HealthCode)]
    code: Code,
    /// Since when it is so; null: it was never otherwise, or not known.
    since: Option<UtcMicros>,
    /// How far it has gone, in the unit of the code: see HEALTH.md; null: it cannot be measured.
    value: Option<f64>,
    /// Where it began to count as a fault, in the same unit; null: none.
    limit: Option<f64>,
}

impl ReasonOut {
    /// `None`: a later version has stored it.
    fn new(reason: &LastingReason) -> Option<Self> {
        let LastingReason { code, since, value, limit, .. } = reason;
        Some(ReasonOut { code: code.parse().ok()?, since: Some(*since), value: *value, limit: *limit })
    }
}

/// A gateway that hears a device.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct DeviceGatewayOut {
    /// Its id, as the network server writes it.
    id: String,
    /// When it last heard the device.
    last_heard: UtcMicros,
    /// Received signal strength of that message, dBm; null: not known.
    rssi_dbm: Option<f32>,
    /// Signal-to-noise ratio of that message, dB; null: not known.
    snr_db: Option<f32>,
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
    /// Occupied below this distance, millimetres; null: it reports more than a distance.
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

/// What is found of a device that is in the files, the worst first. What follows from its silence is stated even while nobody has
/// judged it: `limit_s` is the longest that it may last; `None`: nobody waits for it.
fn reasons<'a>(
    found: impl Iterator<Item = &'a LastingReason>,
    last_heard: Option<UtcMicros>,
    limit_s: Option<u32>,
    is_rejected: bool,
    now: UtcMicros,
) -> Vec<ReasonOut> {
    let mut reasons: Vec<ReasonOut> = found.filter_map(ReasonOut::new).collect();
    let has = |reasons: &[ReasonOut], code| reasons.iter().any(|r| r.code == code);
    if let Some(limit_s) = limit_s
        && last_heard.is_none_or(|at| now >= at.plus_s(limit_s.into()))
        && !has(&reasons, Code::Silent)
    {
        let value = last_heard.map(|at| now.age_s(at) as f64);
        reasons.push(ReasonOut { code: Code::Silent, since: last_heard, value, limit: Some(limit_s.into()) });
    }
    if is_rejected && !has(&reasons, Code::Rejected) {
        reasons.push(ReasonOut { code: Code::Rejected, since: None, value: None, limit: None });
    }
    let severity = |r: &ReasonOut| {
        [Health::Silent, Health::Faulty, Health::Watch].iter().position(|h| *h == r.code.level())
    };
    reasons.sort_by_key(severity);
    reasons
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The gateways that received the newest message of a device that was not heard since it is bound, or is unknown: what is
/// measured is of the first.
fn newest_gateways(device: &Device) -> Vec<DeviceGateway> {
    let Some(last_heard) = device.last_heard else { return Vec::new() };
    let gateway = |(n, id): (usize, &String)| DeviceGateway {
        id: id.clone(),
        last_heard,
        rssi_dbm: device.rssi_dbm.filter(|_| n == 0),
        snr_db: device.snr_db.filter(|_| n == 0),
    };
    device.last_gateways.iter().enumerate().map(gateway).collect()
}

/// Whether everything in the last heartbeat was rejected, and so were the newest three messages.
fn is_rejected(place: &NativePlace, heartbeat_s: u32) -> bool {
    let (Some(third), Some(last)) = (place.third_rejected_at, place.rejected_at) else { return false };
    let is_own =
        place.rejected.as_deref().and_then(|r| r.parse::<Reason>().ok()).is_some_and(Reason::is_own_fault);
    is_own && place.accepted_at.is_none_or(|at| at < third && at < last.plus_s(-i64::from(heartbeat_s)))
}

/// A device of the files, or of a LoRaWAN network.
pub fn device(device: Device, facts: &Facts, view: &View) -> SensorOut {
    let (live, now) = (view.hub.read(), view.now);
    let registry = live.map.registry();
    let sensor = device.sensor.and_then(|id| registry.sensor(id));
    let binding = sensor.and_then(|s| s.binding_at(now));
    let target = binding.and_then(|b| b.target);
    // Devices of feeds that name their places themselves are judged by the statements about these.
    let of_bay = match target {
        Some(Target::Bay(bay)) => live.map.reading(bay).filter(|r| r.feed == device.feed),
        _ => None,
    };
    let place =
        target.and_then(|t| facts.places.get(&place_of(t, registry)?)).filter(|p| p.feed == device.feed);
    let of_place = place.and_then(NativePlace::last_heard);
    let last_heard = device.last_heard.max(of_bay.map(|r| r.observed_at)).max(of_place);
    let heartbeat_s = heartbeat_s(registry, device.feed, binding);
    let stale_after_s = sensor
        .map_or(domain::sensor::stale_after_s(heartbeat_s), |sensor| stale_after_s(registry, sensor, now));
    let standing = Standing {
        is_known: device.sensor.is_some(),
        is_bound: target.is_some(),
        was_heard: last_heard.is_some(),
    };
    let limit_s = standing.is_awaited().then_some(stale_after_s);
    let is_rejected = place.is_some_and(|p| is_rejected(p, heartbeat_s));
    let reasons = device.sensor.map_or_else(Vec::new, |id| {
        let found = facts.reasons(device.municipality, SourceKey(id.0), None);
        reasons(found, last_heard, limit_s, is_rejected, now)
    });
    let hears = facts.gateways.get(&(device.municipality, device.key.clone()));
    let gateways = hears.cloned().unwrap_or_else(|| newest_gateways(&device));
    let feed = registry.feed(device.feed);
    SensorOut {
        health: standing.health(reasons.iter().map(|reason| reason.code)),
        reasons,
        gateways,
        rebinding: facts.rebindings.get(&device.key).copied().map(RebindingOut::from),
        last_f_port: device.last_f_port,
        last_hex: device.last_payload.as_deref().map(hex),
        spreading_factor: device.spreading_factor,
        id: device.key,
        kind: "sensor".to_owned(),
        feed: feed.map(|f| f.def.id.clone()),
        format: feed.map(|f| f.def.format),
        municipality: registry.municipality(device.municipality).map(|m| m.slug.clone()),
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
pub fn place(place: NativePlace, facts: &Facts, view: &View) -> SensorOut {
    let (live, now) = (view.hub.read(), view.now);
    let registry = live.map.registry();
    let heartbeat_s = heartbeat_s(registry, place.feed, None);
    let last_heard = place.last_heard();
    let stale_after_s = domain::sensor::stale_after_s(heartbeat_s);
    let is_known = place.kind != "place";
    let standing = Standing { is_known, is_bound: is_known, was_heard: true };
    let found = || {
        let bay = registry.bay_by_key(&place.key).filter(|_| place.kind == "bay")?;
        Some(facts.reasons(place.municipality, SourceKey::of(place.feed, None), Some(bay.id)))
    };
    let found = found().into_iter().flatten();
    let reasons = match is_known {
        true => reasons(found, last_heard, Some(stale_after_s), is_rejected(&place, heartbeat_s), now),
        false => Vec::new(),
    };
    let binding = is_known.then(|| BindingOut {
        heartbeat_s: Some(heartbeat_s),
        stale_after_s: Some(stale_after_s),
        ..BindingOut::to(&place.kind, &place.key)
    });
    let feed = registry.feed(place.feed);
    SensorOut {
        health: standing.health(reasons.iter().map(|reason| reason.code)),
        reasons,
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
        last_f_port: None,
        last_hex: None,
        gateways: Vec::new(),
        spreading_factor: None,
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
