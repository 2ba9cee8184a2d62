//! LoRaWAN frames: kept as received, decoded, bound to the place that the sensor watched then.

use domain::{BayState, Decoder, Reason, Sensor, Target, Uplink};
use store::writer::Batch;
use xxhash_rust::xxh3::xxh3_64;

use crate::check::Scene;
use crate::decode::lorawan::{self, Frame, Report, decode_device, device};
use crate::decode::{Fault, Said};

/// Takes a frame in: keeps it, and adds what it says to `batch`.
///
/// # Errors
/// The reason why its state is not believed; the frame is kept all the same.
pub fn admit(scene: &Scene<'_>, frame: Frame, raw: &[u8], qos: u8, batch: &mut Batch) -> Result<(), Fault> {
    let sensor = scene.registry.sensor_by_key(&frame.device).filter(|s| s.feed == scene.feed.id);
    let dedup_id = frame.dedup_id.clone().unwrap_or_else(|| name_of(scene, raw));
    let read = read(scene, sensor, &frame);
    let (report, outcome) = match &read {
        Ok(report) => (Some(report), if report.state.is_some() { "stored" } else { "heard" }.to_owned()),
        Err(fault) => (None, format!("rejected:{}", fault.reason)),
    };
    let mut uplink = uplink(scene, &frame, sensor.and_then(|s| s.decoder), dedup_id, report, qos, outcome);
    let admitted = read.and_then(|report| say(scene, sensor, &frame, &uplink.dedup_id, report, batch));
    if let Err(fault) = &admitted {
        uplink.outcome = format!("rejected:{}", fault.reason);
    }
    batch.uplinks.push(uplink);
    admitted
}

/// A name for a message to which the server gave none. Made of what is kept of it, so that its
/// replay is the same message.
fn name_of(scene: &Scene<'_>, raw: &[u8]) -> String {
    let kept = lorawan::allowed(scene.feed.def.format, "", raw, |_| None);
    format!("x{:016x}", xxh3_64(&kept))
}

/// What the frame says, whoever it is about.
fn read(scene: &Scene<'_>, sensor: Option<&Sensor>, frame: &Frame) -> Result<Report, Fault> {
    let Some(sensor) = sensor else {
        let what = format!(
            "sensor: '{}' is not known to feed '{}'; add it to sensors.csv and import it",
            frame.device, scene.feed.def.id
        );
        return Err(Fault::new(Reason::UnknownSensor, what));
    };
    if frame.event != "up" {
        return Ok(Report { kind: frame.event, battery_pct: frame.battery_pct, ..Report::default() });
    }
    if let (true, Some(said)) = (scene.feed.def.use_server_decoder, &frame.server_decoded) {
        let state = said.occupied.map(|o| if o { BayState::Occupied } else { BayState::Vacant });
        return Ok(Report {
            state,
            kind: "server",
            battery_v: said.battery_v,
            temperature_c: said.temperature_c,
            ..Report::default()
        });
    }
    // A frame of the network alone (no application payload): a sign of life.
    if frame.f_port == 0 && frame.payload.is_empty() {
        return Ok(Report { kind: "network", ..Report::default() });
    }
    let Some(decoder) = sensor.decoder else {
        let what = format!(
            "decoder: sensor '{}' has none; set one of {} in sensors.csv",
            sensor.key,
            Decoder::choices()
        );
        return Err(Fault::new(Reason::UnsupportedDevice, what));
    };
    let threshold_mm = sensor
        .binding_at(frame.network_at.unwrap_or(scene.received_at))
        .or(sensor.bindings.last())
        .and_then(|b| b.threshold_mm);
    decode_device(decoder, frame.f_port, &frame.payload, threshold_mm)
}

/// Adds the frame's state to `batch`.
fn say(
    scene: &Scene<'_>,
    sensor: Option<&Sensor>,
    frame: &Frame,
    dedup_id: &str,
    report: Report,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let (Some(state), Some(sensor)) = (report.state, sensor) else { return Ok(()) };
    let judged = scene.judge(frame.network_at)?;
    let target = sensor.binding_at(judged.observed_at).and_then(|b| b.target).ok_or_else(|| {
        let what = format!(
            "sensor: '{}' was not bound to a place at {}; bind it in sensors.csv",
            sensor.key, judged.observed_at
        );
        Fault::new(Reason::UnboundSensor, what)
    })?;
    if !matches!(target, Target::Bay(_)) {
        let what = format!("sensor: '{}' reports a bay's state, and is bound to something else", sensor.key);
        return Err(Fault::new(Reason::UnsupportedDevice, what));
    }
    let said = Said::Bay {
        state,
        battery_v: report.battery_v,
        rssi_dbm: frame.rssi_dbm,
        temperature_c: report.temperature_c,
    };
    let name = xxh3_64(dedup_id.as_bytes()) as i64;
    scene.admit_from_sensor(sensor, target, judged, name, (said, Some(frame.f_cnt)), batch)
}

fn uplink(
    scene: &Scene<'_>,
    frame: &Frame,
    decoder: Option<Decoder>,
    dedup_id: String,
    report: Option<&Report>,
    qos: u8,
    outcome: String,
) -> Uplink {
    let is_up = frame.event == "up";
    let decoded = report.filter(|_| is_up).map(|r| {
        let mut fields = r.fields.clone();
        fields.insert("kind".into(), r.kind.into());
        if let Some(state) = r.state {
            fields.insert("state".into(), state.as_str().into());
        }
        serde_json::Value::Object(fields).to_string()
    });
    let decoded =
        decoded.or_else(|| frame.log_code.as_ref().map(|c| serde_json::json!({ "code": c }).to_string()));
    Uplink {
        municipality: scene.feed.municipality,
        feed: scene.feed.id,
        device: frame.device.clone(),
        dedup_id,
        event: frame.event,
        received_at: scene.received_at,
        network_at: frame.network_at,
        f_port: is_up.then_some(frame.f_port),
        f_cnt: is_up.then_some(frame.f_cnt),
        // What it is decides, also when it came over another feed than its own.
        payload: is_up.then(|| match scene.registry.sensor_by_key(&frame.device).and_then(|s| s.decoder) {
            Some(decoder) => device::redact(decoder, frame.f_port, &frame.payload),
            None => frame.payload.clone(),
        }),
        data_rate: frame.data_rate,
        spreading_factor: frame.spreading_factor,
        rssi_dbm: frame.rssi_dbm,
        snr_db: frame.snr_db,
        gateways: frame.gateways.clone(),
        decoder: decoder.map(Decoder::as_str),
        decoder_version: decoder.map(device::version),
        qos,
        decoded,
        outcome,
        battery_v: report.and_then(|r| r.battery_v),
        battery_pct: report.and_then(|r| r.battery_pct).or(frame.battery_pct),
        temperature_c: report.and_then(|r| r.temperature_c),
    }
}
