//! LoRaWAN frames: stored as received, decoded, bound to the place that the sensor watched then.

use domain::mistake::{Mistake, Remedy, Spot};
use domain::observation::CountValue;
use domain::{
    Binding, BothWays, Counter, Decoder, Direction, Feed, OnBadClock, Reason, Sensor, Target, Uplink,
};
use store::rebindings::KeptUplink;
use store::writer::Batch;
use xxhash_rust::xxh3::xxh3_64;

use crate::check::{MessageContext, Origin};
use crate::decode::lorawan::{self, Event, Frame, Report, Topic, decode_device, device, server_object};
use crate::decode::{Content, Fault};
use crate::message::{Message, Received};

/// Receives a network server's message: stores it for its device, and adds a state to `batch`.
///
/// # Errors
/// Why it is rejected. The message is stored for its device all the same.
pub fn receive(
    context: &MessageContext<'_>,
    message: Message<'_>,
    batch: &mut Batch,
    received: &mut Received,
) -> Result<(), Fault> {
    let format = context.feed.def.format;
    let topic = topic_of(context, message.topic)?;
    let Event::Of(event) = topic.event else {
        received.is_ignored = true;
        return Ok(());
    };
    let read = lorawan::text(format, context.feed.def.push, message.payload).and_then(|text| {
        let frame = lorawan::decode(format, topic, &text)?;
        let dropped = frame.dropped.clone();
        let device = frame.device.clone();
        let admitted = admit(context, frame, message, batch).map_err(|fault| fault.about(device));
        received.dropped.extend(dropped);
        Ok(admitted)
    });
    read.unwrap_or_else(|fault| Err(unread(context, topic, event, message, fault, batch)))
}

/// Stores a message that is too large to be read for its device.
pub fn refuse(context: &MessageContext<'_>, message: Message<'_>, fault: Fault, batch: &mut Batch) -> Fault {
    match topic_of(context, message.topic) {
        Ok(topic @ Topic { event: Event::Of(event), .. }) => {
            unread(context, topic, event, message, fault, batch)
        }
        _ => fault,
    }
}

/// The topic of a message; that of a posted or fetched one names no device where its body does not.
fn topic_of<'t>(context: &MessageContext<'_>, topic: &'t str) -> Result<Topic<'t>, Fault> {
    let Feed { format, push, .. } = context.feed.def;
    if push || context.feed.def.storage_url.is_some() {
        lorawan::posted_topic(format, topic)
    } else {
        lorawan::topic(format, topic)
    }
}

/// Stores a message of which only the topic is known: it names the device, under which installers find the message.
fn unread(
    context: &MessageContext<'_>,
    topic: Topic<'_>,
    event: &'static str,
    message: Message<'_>,
    fault: Fault,
    batch: &mut Batch,
) -> Fault {
    if topic.device.is_empty() {
        return fault;
    }
    let device = lorawan::device_of(topic);
    let frame = Frame { device: device.clone(), event, ..Frame::default() };
    let stored = uplink(context, frame, message, None, None, Some(&fault));
    batch.uplinks.push(Uplink { payload: None, ..stored });
    fault.about(device)
}

/// Decodes a kept message again, and adds what it states by the bindings of now, and its new outcome, to `batch`.
pub(crate) fn receive_again(
    context: &MessageContext<'_>,
    device: &str,
    kept: &KeptUplink,
    batch: &mut Batch,
) {
    let frame = Frame {
        device: device.to_owned(),
        event: "up",
        dedup_id: Some(kept.dedup_id.clone()),
        network_at: kept.network_at,
        f_port: kept.f_port,
        f_cnt: kept.f_cnt,
        payload: kept.payload.clone(),
        rssi_dbm: kept.rssi_dbm,
        ..Frame::default()
    };
    let sensor = sensor_of(context, device);
    let read = match server_report(kept.decoded.as_ref()) {
        // The server's own object is not kept; what was read of it is.
        Some(report) if context.feed.def.use_server_decoder && sensor.is_some() => Ok(report),
        _ => read(context, sensor, &frame),
    };
    let message = Message { topic: "", payload: b"", qos: kept.qos, received_at: kept.received_at };
    // Its fault is kept with it: the message itself, which could be in quarantine, is not there any more.
    let _ = add(context, sensor, frame, message, read, batch);
}

/// What was read of the object of the network server's own codec.
fn server_report(decoded: Option<&serde_json::Value>) -> Option<Report> {
    let decoded = decoded?;
    let state = decoded.get("state").and_then(|state| state.as_str()).and_then(|state| state.parse().ok());
    (decoded.get("kind")?.as_str()? == "server").then(|| Report {
        state,
        kind: "server",
        ..Report::default()
    })
}

fn admit(
    context: &MessageContext<'_>,
    frame: Frame<'_>,
    message: Message<'_>,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let sensor = sensor_of(context, &frame.device);
    let read = read(context, sensor, &frame);
    add(context, sensor, frame, message, read, batch)
}

/// Adds what was read of a frame, and the frame itself with its outcome, to `batch`.
fn add(
    context: &MessageContext<'_>,
    sensor: Option<&Sensor>,
    frame: Frame<'_>,
    message: Message<'_>,
    read: Result<Report, Fault>,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let name = frame.dedup_id.clone().unwrap_or_else(|| name_of(context, message));
    let admitted = read.as_ref().map_err(Fault::clone);
    let admitted = admitted.and_then(|report| add_statement(context, sensor, &frame, &name, report, batch));
    let decoder = sensor.and_then(|s| s.decoder);
    let kept = uplink(context, frame, message, decoder, read.as_ref().ok(), admitted.as_ref().err());
    batch.uplinks.push(kept);
    admitted
}

/// The feed's own sensor of this name.
fn sensor_of<'r>(context: &MessageContext<'r>, device: &str) -> Option<&'r Sensor> {
    context.registry.sensor_by_key(device).filter(|sensor| sensor.feed == context.feed.id)
}

/// An id for a message without one: a hash of what is stored of it, so that its
/// replay is the same message.
fn name_of(context: &MessageContext<'_>, message: Message<'_>) -> String {
    let kept = lorawan::allowed(context.feed.def.format, message.topic, message.payload, |_| None);
    format!("x{:016x}", xxh3_64(&kept))
}

/// Decodes the frame.
fn read(context: &MessageContext<'_>, sensor: Option<&Sensor>, frame: &Frame<'_>) -> Result<Report, Fault> {
    let Some(sensor) = sensor else {
        let mistake = Mistake::UnknownSensor(frame.device.as_str().into(), context.feed.def.id.clone());
        return Err(Fault::new(Reason::UnknownSensor, "sensor", mistake));
    };
    if frame.event != "up" {
        return Ok(Report { kind: frame.event, battery_pct: frame.battery_pct, ..Report::default() });
    }
    // Port 0, and none, are the network's: a sign of life, whatever the bytes look like.
    if !frame.is_applications() {
        return Ok(Report { kind: "network", ..Report::default() });
    }
    if let (true, Some(object)) = (context.feed.def.use_server_decoder, frame.codec)
        && let Some(content) = server_object::read(object)?
    {
        return Ok(Report {
            state: content.state,
            kind: "server",
            battery_v: content.battery_v,
            temperature_c: content.temperature_c,
            ..Report::default()
        });
    }
    let port = frame.f_port.unwrap_or(0);
    let Some(decoder) = sensor.decoder else {
        let mistake = Mistake::NoDecoder(sensor.key.clone());
        return Err(Fault::new(Reason::UnsupportedDevice, "decoder", mistake));
    };
    if frame.payload.is_empty() {
        return Err(
            Fault::malformed(Spot::Payload, Mistake::EmptyFrame(port)).remedy(Remedy::PayloadKeptBack)
        );
    }
    let threshold_mm = sensor
        .binding_at(frame.network_at.unwrap_or(context.received_at))
        .or(sensor.bindings.last())
        .and_then(|b| b.threshold_mm);
    decode_device(decoder, port, &frame.payload, threshold_mm)
}

/// Adds what the frame states of its place to `batch`.
fn add_statement(
    context: &MessageContext<'_>,
    sensor: Option<&Sensor>,
    frame: &Frame<'_>,
    name: &str,
    report: &Report,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let (Some(subject), Some(sensor)) = (report.subject(), sensor) else { return Ok(()) };
    if let (Some(fault), None, OnBadClock::Reject) =
        (&frame.bad_clock, frame.network_at, context.feed.def.on_bad_clock())
        && context.feed.def.clock() != domain::ClockPolicy::Receipt
    {
        return Err(fault.clone());
    }
    let time = context.check_time(frame.network_at)?;
    let bound = sensor.binding_at(time.observed_at).and_then(|binding| Some((binding, binding.target?)));
    let (binding, target) = bound.ok_or_else(|| {
        let mistake = Mistake::Unbound(sensor.key.clone(), time.observed_at);
        Fault::new(Reason::UnboundSensor, "sensor", mistake)
    })?;
    let content = content(target, binding, frame, report).ok_or_else(|| {
        let mistake = Mistake::OtherTarget(sensor.key.clone(), subject, target.into());
        Fault::new(Reason::UnsupportedDevice, "sensor", mistake).remedy(Remedy::BindElsewhere)
    })?;
    let name = xxh3_64(name.as_bytes()) as i64;
    let origin = Origin { sensor: Some(sensor.id), sent_at: None, time, seq: frame.f_cnt, name };
    context.admit_from_sensor(&sensor.key, target, origin, content, batch)
}

/// What `report` says of `target`; `None`: nothing that fits it.
fn content(target: Target, binding: &Binding, frame: &Frame<'_>, report: &Report) -> Option<Content> {
    match target {
        Target::Bay(_) => Some(Content::Bay {
            state: report.state?,
            battery_v: report.battery_v,
            rssi_dbm: frame.rssi_dbm,
            temperature_c: report.temperature_c,
        }),
        Target::Site(_) => {
            let goes_out = binding.direction == Some(Direction::Out);
            let turn = |counts: BothWays| if goes_out { counts.turned() } else { counts };
            let since_last = turn(report.passed?);
            Some(Content::Count {
                value: CountValue::Flow { entries: since_last.entries, exits: since_last.exits },
                audience: None,
                status: None,
                capacity: None,
                source: None,
                counter: report.total.map(|total| Counter { since_last, total: turn(total) }),
            })
        }
        Target::Vehicle(_) => Some(Content::Fix(report.fix.clone()?)),
    }
}

/// The stored form of the message, with its outcome.
fn uplink(
    context: &MessageContext<'_>,
    frame: Frame<'_>,
    message: Message<'_>,
    decoder: Option<Decoder>,
    report: Option<&Report>,
    fault: Option<&Fault>,
) -> Uplink {
    let is_uplink = frame.is_uplink();
    let dedup_id = frame.dedup_id.unwrap_or_else(|| name_of(context, message));
    let decoded = report.filter(|_| is_uplink).map(|report| report.kept().to_string());
    let decoded =
        decoded.or_else(|| frame.log_code.as_ref().map(|c| serde_json::json!({ "code": c }).to_string()));
    let outcome = match fault {
        Some(fault) => format!("{}{}", Uplink::REJECTED, fault.reason),
        None if report.is_some_and(|r| r.subject().is_some()) => "stored".to_owned(),
        None => Uplink::HEARD.to_owned(),
    };
    Uplink {
        municipality: context.feed.municipality,
        feed: context.feed.id,
        generation: context.registry.generation(),
        dedup_id,
        event: frame.event,
        received_at: context.received_at,
        network_at: frame.network_at,
        f_port: frame.f_port.filter(|_| is_uplink),
        f_cnt: frame.f_cnt.filter(|_| is_uplink),
        // The device's decoder decides, also when it came over another feed than its own.
        payload: is_uplink.then(|| {
            match context.registry.sensor_by_key(&frame.device).and_then(|s| s.decoder) {
                Some(decoder) => device::redact(decoder, frame.f_port.unwrap_or(0), &frame.payload),
                None => frame.payload,
            }
        }),
        is_stranger: sensor_of(context, &frame.device).is_none(),
        device: frame.device,
        data_rate: frame.data_rate,
        spreading_factor: frame.spreading_factor,
        rssi_dbm: frame.rssi_dbm,
        snr_db: frame.snr_db,
        gateways: frame.gateways,
        decoder: decoder.map(Decoder::as_str),
        decoder_version: decoder.map(device::version),
        qos: message.qos,
        decoded,
        outcome,
        detail: fault.map(|fault| fault.detail.to_string()),
        dropped_fields: frame.dropped.into_iter().map(|d| d.field).collect(),
        battery_v: report.and_then(|r| r.battery_v),
        battery_pct: report.and_then(|r| r.battery_pct).or(frame.battery_pct),
        battery_low: report.and_then(Report::battery_low),
        temperature_c: report.and_then(|r| r.temperature_c),
        state: report.and_then(|r| r.state),
    }
}
