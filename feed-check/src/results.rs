//! What a message decodes to, as a line of JSON.

use domain::Lang;
use ingest::decode::{Content, Statement, Subject};
use serde_json::{Value, json};

use crate::formats::recognise;
use crate::judge::{accepting, judge};
use crate::{County, Message, topics};

/// What the product would make of `message`.
pub fn result(message: &Message, county: Option<&County>) -> Value {
    let format = recognise(message.topic.as_deref(), &message.payload);
    let topic = message.topic.clone().unwrap_or_else(|| topics::made_up(format, &message.payload));
    let head = json!({
        "received_at": message.received_at, "topic": topic, "qos": message.qos, "retain": message.retain,
        "format": format.as_str(),
    });
    let read = match format.read_as() {
        Some(format) => judged(format, &topic, message, county),
        None => json!({ "is_read": false }),
    };
    let (Value::Object(mut line), Value::Object(read)) = (head, read) else { return Value::Null };
    line.extend(read);
    Value::Object(line)
}

fn judged(format: domain::FeedFormat, topic: &str, message: &Message, county: Option<&County>) -> Value {
    let judged = judge(format, topic, &message.payload, message.received_at, county);
    let faults = judged.faults.described().iter().map(|fault| {
        json!({
            "reason": fault.reason.as_str(),
            "detail": fault.detail.to_string(),
            "remedy": fault.advice(Lang::En),
            "device": fault.device,
        })
    });
    let frame = judged.frame.as_ref().map(|frame| {
        let payload = frame.payload.as_ref();
        json!({
            "device": frame.device,
            "event": frame.event,
            "at": frame.at,
            "f_cnt": frame.f_cnt,
            "f_port": payload.map(|(port, _)| port),
            "decoders": payload.map(|(port, bytes)| decodings(*port, bytes)),
        })
    });
    json!({
        "is_read": true,
        "fault_count": judged.faults.count(),
        "faults": faults.collect::<Vec<_>>(),
        "dropped_fields": judged.dropped.iter().map(|dropped| &dropped.field).collect::<Vec<_>>(),
        "statements": judged.statements.iter().map(statement).collect::<Vec<_>>(),
        "frame": frame,
    })
}

/// Each decoder that accepts the payload; states that need a threshold are not stated.
fn decodings(port: i32, payload: &[u8]) -> Vec<Value> {
    let all = accepting(port, payload).map(|decoder| {
        let read = ingest::decode::lorawan::read_as(decoder, port, payload, None).ok();
        json!({
            "decoder": decoder.as_str(),
            "state": read.as_ref().and_then(|report| report.state).map(|state| state.as_str()),
            "passed": read.as_ref().and_then(|report| report.passed),
            "kind": read.as_ref().map(|report| report.kind),
        })
    });
    all.collect()
}

fn statement(statement: &Statement) -> Value {
    let kind = match &statement.subject {
        Subject::Bay(_) => "bay",
        Subject::Site(_) => "site",
        Subject::Vehicle(_) => "vehicle",
        Subject::Trip => "trip",
    };
    json!({
        "kind": kind,
        "id": statement.subject.place(),
        "at": statement.at,
        "seq": statement.seq,
        "content": content(&statement.content),
    })
}

fn content(content: &Content) -> Value {
    match content {
        Content::Bay { state, battery_v, rssi_dbm, temperature_c } => json!({
            "state": state.as_str(), "battery_v": battery_v, "rssi_dbm": rssi_dbm, "temperature_c": temperature_c,
        }),
        Content::Count { value, audience, status, capacity, source, counter: _ } => json!({
            "value": count(*value), "for": audience.map(|a| a.as_str()), "status": status.map(|s| s.as_str()),
            "capacity": capacity, "source": source,
        }),
        Content::Fix(fix) => json!({
            "lat": fix.position.map(|p| p.lat), "lon": fix.position.map(|p| p.lon), "speed_mps": fix.speed_mps,
            "bearing_deg": fix.bearing_deg, "trip_id": fix.trip_id, "start_date": fix.start_date,
            "route_id": fix.route_id, "stop_id": fix.stop_id, "delay_s": fix.delay_s,
            "occupancy_pct": fix.occupancy_pct,
        }),
        Content::Passengers { stop_id, trip_id, doors, on_board, source } => json!({
            "stop_id": stop_id, "trip_id": trip_id, "on_board": on_board, "source": source,
            "in": doors.iter().map(|d| i64::from(d.entries)).sum::<i64>(),
            "out": doors.iter().map(|d| i64::from(d.exits)).sum::<i64>(),
        }),
        Content::Trip { update, .. } => serde_json::to_value(update).unwrap_or_default(),
    }
}

fn count(value: domain::observation::CountValue) -> Value {
    use domain::observation::CountValue;
    match value {
        CountValue::Occupied(n) => json!({ "occupied": n }),
        CountValue::Vacant(n) => json!({ "vacant": n }),
        CountValue::Flow { entries, exits } => json!({ "in": entries, "out": exits }),
        CountValue::None => Value::Null,
    }
}
