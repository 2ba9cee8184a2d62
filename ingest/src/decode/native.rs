//! The product's own format: `kv/1/{feed}/bay/{bay}` and its siblings, JSON.
//!
//! `at` is required, unknown fields are ignored, `null` is the same as absent. In a `batch` each
//! element stands alone.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use domain::observation::{CountValue, DoorCount, SiteStatus, VehicleFix};
use domain::{Audience, BayState, Reason};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{self, count, finite, id, instant, optional_id, parse};
use super::{Decoded, Fault, Said, Statement, Subject};

#[derive(Deserialize)]
struct BayMessage<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    seq: Option<i64>,
    battery_v: Option<f64>,
    rssi_dbm: Option<f64>,
    temperature_c: Option<f64>,
}

#[derive(Deserialize)]
struct SiteMessage<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    occupied: Option<i64>,
    vacant: Option<i64>,
    #[serde(rename = "in")]
    entries: Option<i64>,
    #[serde(rename = "out")]
    exits: Option<i64>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    capacity: Option<i64>,
    #[serde(borrow, rename = "for")]
    audience: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    seq: Option<i64>,
}

#[derive(Deserialize)]
struct VehicleMessage<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    lat: Option<f64>,
    lon: Option<f64>,
    speed_mps: Option<f64>,
    bearing_deg: Option<f64>,
    #[serde(borrow)]
    trip_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    start_date: Option<Cow<'a, str>>,
    #[serde(borrow)]
    route_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stop_id: Option<Cow<'a, str>>,
    delay_s: Option<i32>,
    occupancy_pct: Option<f64>,
}

#[derive(Deserialize)]
struct PassengersMessage<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    stop_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    trip_id: Option<Cow<'a, str>>,
    #[serde(default)]
    doors: Vec<DoorMessage>,
    on_board: Option<i32>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    seq: Option<i64>,
}

#[derive(Deserialize)]
struct DoorMessage {
    door: String,
    #[serde(rename = "in", default)]
    entries: i32,
    #[serde(rename = "out", default)]
    exits: i32,
}

#[derive(Deserialize)]
struct BatchElement<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
}

/// Whether `topic` is a batch: it has a larger size limit.
pub fn is_batch(topic: &str) -> bool {
    topic.ends_with("/batch")
}

/// Decodes one message of feed `feed`.
pub fn decode<'a>(feed: &str, topic: &'a str, payload: &'a [u8]) -> Decoded<'a> {
    let Some(suffix) = topic
        .strip_prefix("kv/1/")
        .and_then(|rest| rest.strip_prefix(feed))
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return unknown_topic(topic, feed).into();
    };
    if suffix == "batch" {
        return batch(feed, payload);
    }
    match element(suffix, payload) {
        None => unknown_topic(topic, feed).into(),
        Some(Ok(statement)) => Decoded::one(statement),
        Some(Err(fault)) => fault.into(),
    }
}

fn unknown_topic(topic: &str, feed: &str) -> Fault {
    let wanted = format!("kv/1/{feed}/ followed by bay/ID, site/ID, vehicle/ID, passengers/ID or batch");
    Fault::new(Reason::UnknownTopic, format!("topic: '{topic}' is not {wanted}"))
}

fn batch<'a>(feed: &str, payload: &'a [u8]) -> Decoded<'a> {
    let elements: Vec<&RawValue> = match parse(payload) {
        Ok(elements) => elements,
        Err(fault) => return fault.into(),
    };
    let mut decoded = Decoded::default();
    decoded.statements.reserve(elements.len());
    for raw in elements {
        let fault = match parse::<BatchElement>(raw.get().as_bytes()) {
            Err(fault) => fault,
            Ok(BatchElement { topic: Cow::Borrowed(suffix) }) => {
                match element(suffix, raw.get().as_bytes()) {
                    Some(Ok(statement)) => {
                        decoded.statements.push(statement);
                        continue;
                    }
                    Some(Err(fault)) => fault,
                    None => unknown_topic(suffix, feed),
                }
            }
            // A topic with JSON escapes: the ids in it must outlive this loop.
            Ok(BatchElement { topic: Cow::Owned(suffix) }) => match element(&suffix, raw.get().as_bytes()) {
                Some(Ok(statement)) => {
                    decoded.statements.push(statement.into_owned());
                    continue;
                }
                Some(Err(fault)) => fault,
                None => unknown_topic(&suffix, feed),
            },
        };
        decoded.faults.push(Fault { element: Some(raw.get().as_bytes().to_vec()), ..fault });
    }
    decoded
}

/// `None`: the suffix is none of the format.
fn element<'t: 's, 'p: 's, 's>(suffix: &'t str, payload: &'p [u8]) -> Option<Result<Statement<'s>, Fault>> {
    let (kind, place) = suffix.split_once('/')?;
    if place.is_empty() {
        return None;
    }
    Some(match kind {
        "bay" => bay(place, payload),
        "site" => site(place, payload),
        "vehicle" => vehicle(place, payload),
        "passengers" => passengers(place, payload),
        _ => return None,
    })
}

fn bay<'s>(place: &'s str, payload: &'s [u8]) -> Result<Statement<'s>, Fault> {
    let m: BayMessage = parse(payload)?;
    let state: BayState = m.state.parse().map_err(|e| Fault::malformed(format!("state: {e}")))?;
    Ok(Statement {
        subject: Subject::Bay(Cow::Borrowed(place)),
        at: Some(instant("at", &m.at)?),
        said: Said::Bay {
            state,
            battery_v: finite("battery_v", m.battery_v)?,
            rssi_dbm: finite("rssi_dbm", m.rssi_dbm)?,
            temperature_c: finite("temperature_c", m.temperature_c)?,
        },
        seq: m.seq,
    })
}

fn site<'s>(place: &'s str, payload: &'s [u8]) -> Result<Statement<'s>, Fault> {
    let m: SiteMessage<'s> = parse(payload)?;
    let status = m
        .status
        .map(|s| s.parse::<SiteStatus>().map_err(|e| Fault::malformed(format!("status: {e}"))))
        .transpose()?;
    let audience = m
        .audience
        .map(|a| a.parse::<Audience>().map_err(|e| Fault::malformed(format!("for: {e}"))))
        .transpose()?;
    if let Some(source) = &m.source {
        id("source", source)?;
    }
    let value = match (m.occupied, m.vacant, m.entries.or(m.exits)) {
        (Some(n), None, None) => CountValue::Occupied(count("occupied", n)?),
        (None, Some(n), None) => CountValue::Vacant(count("vacant", n)?),
        (None, None, Some(_)) => CountValue::Flow {
            entries: count("in", m.entries.unwrap_or(0))?,
            exits: count("out", m.exits.unwrap_or(0))?,
        },
        (None, None, None) if status.is_some() || m.capacity.is_some() => CountValue::None,
        (None, None, None) => {
            return Err(Fault::malformed("one of occupied, vacant, in/out, status is needed"));
        }
        _ => return Err(Fault::malformed("only one of occupied, vacant and in/out may be given")),
    };
    Ok(Statement {
        subject: Subject::Site(Cow::Borrowed(place)),
        at: Some(instant("at", &m.at)?),
        said: Said::Count {
            value,
            audience,
            status,
            capacity: m.capacity.map(|n| count("capacity", n)).transpose()?,
            source: m.source,
        },
        seq: m.seq,
    })
}

fn vehicle<'s>(place: &'s str, payload: &'s [u8]) -> Result<Statement<'s>, Fault> {
    let m: VehicleMessage = parse(payload)?;
    let position = match (m.lat, m.lon) {
        (Some(lat), Some(lon)) => Some(json::position(lat, lon)?),
        (None, None) => None,
        _ => return Err(Fault::malformed("lat and lon are only given together")),
    };
    Ok(Statement {
        subject: Subject::Vehicle(Cow::Borrowed(place)),
        at: Some(instant("at", &m.at)?),
        said: Said::Fix(Box::new(VehicleFix {
            position,
            speed_mps: finite("speed_mps", m.speed_mps)?,
            bearing_deg: finite("bearing_deg", m.bearing_deg)?,
            trip_id: optional_id("trip_id", m.trip_id)?,
            start_date: optional_id("start_date", m.start_date)?,
            route_id: optional_id("route_id", m.route_id)?,
            stop_id: optional_id("stop_id", m.stop_id)?,
            delay_s: m.delay_s,
            occupancy_pct: finite("occupancy_pct", m.occupancy_pct)?,
        })),
        seq: None,
    })
}

fn passengers<'s>(place: &'s str, payload: &'s [u8]) -> Result<Statement<'s>, Fault> {
    let m: PassengersMessage = parse(payload)?;
    let doors = m.doors.into_iter().map(|d| {
        count("in", d.entries.into())?;
        count("out", d.exits.into())?;
        Ok(DoorCount { door: id("door", &d.door)?, entries: d.entries, exits: d.exits })
    });
    Ok(Statement {
        subject: Subject::Vehicle(Cow::Borrowed(place)),
        at: Some(instant("at", &m.at)?),
        said: Said::Passengers {
            stop_id: optional_id("stop_id", m.stop_id)?,
            trip_id: optional_id("trip_id", m.trip_id)?,
            doors: doors.collect::<Result<_, Fault>>()?,
            on_board: m.on_board,
            source: optional_id("source", m.source)?,
        },
        seq: m.seq,
    })
}
