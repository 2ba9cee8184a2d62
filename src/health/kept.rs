//! What kept messages say of the health of their sensors.

use domain::health::{DeviceKey, Event, Message};
use domain::{Registry, Uplink};
use ingest::decode::lorawan::{Report, decode_device};
use store::health::KeptMessage;

/// In the order of receipt. Payloads are decoded again: of what they say of the battery nothing else is kept.
pub(super) fn messages(registry: &Registry, kept: &[KeptMessage]) -> Vec<(DeviceKey, Message)> {
    kept.iter().filter_map(|kept| Some((DeviceKey::sensor(kept.sensor), message(registry, kept)?))).collect()
}

fn message(registry: &Registry, kept: &KeptMessage) -> Option<Message> {
    let event = Event::of(&kept.event)?;
    let rejected = kept.outcome.strip_prefix(Uplink::REJECTED).and_then(|reason| reason.parse().ok());
    let report = rejected.is_none().then(|| report(registry, kept)).flatten().unwrap_or_default();
    let decoded = |field: &str| kept.decoded.as_ref()?.get(field)?.as_str();
    Some(Message {
        received_at: kept.received_at,
        observed_at: kept.network_at(),
        event,
        f_cnt: kept.f_cnt.and_then(|n| u32::try_from(n).ok()),
        spreading_factor: kept.spreading_factor.and_then(|sf| u8::try_from(sf).ok()),
        snr_db: kept.snr_db,
        battery_v: report.battery_v,
        battery_pct: report.battery_pct,
        battery_low: report.battery_low(),
        temperature_c: report.temperature_c,
        // What was said to be the state when it was stored.
        state: decoded("state").and_then(|state| state.parse().ok()).filter(|_| rejected.is_none()),
        rejected,
    })
}

fn report(registry: &Registry, kept: &KeptMessage) -> Option<Report> {
    let sensor = registry.sensor(kept.sensor)?;
    let (port, payload) = (kept.f_port.filter(|port| *port > 0)?, kept.payload.as_deref()?);
    let at = kept.network_at().unwrap_or(kept.received_at);
    let threshold_mm = sensor.binding_at(at).and_then(|binding| binding.threshold_mm);
    decode_device(sensor.decoder?, port, payload, threshold_mm).ok()
}
