//! The product's own format: `kv/1/{feed}/bay/{bay}` and its siblings, JSON.
//!
//! `at` is required, unknown fields are ignored, `null` is the same as absent. An optional field of a
//! wrong type or value costs nothing but itself; `at`, `state` and counts cost the message. In a
//! `batch` each element stands alone.

#[cfg(test)]
mod tests;

use domain::mistake::{Expected, Mistake, Remedy, Topics};
use domain::observation::{CountValue, DoorCount, VehicleFix};
use domain::{BayState, Reason};

use super::json::{
    ANY, BEARING_DEG, CELSIUS, DELAY_S, Dropped, Fields, JsonType, OCCUPANCY_PCT, SPEED_MPS, count,
    for_each_element, instant, label, list, measurement, number, object, position, start_date, text_of,
    whole, whole_in, word,
};
use super::{Content, Decoded, Fault, Statement, Subject};

const BAY: &[&str] = &["at", "state", "seq", "battery_v", "rssi_dbm", "temperature_c"];
const SITE: &[&str] =
    &["at", "occupied", "vacant", "in", "out", "status", "capacity", "for", "source", "seq"];
const VEHICLE: &[&str] = &[
    "at",
    "lat",
    "lon",
    "speed_mps",
    "bearing_deg",
    "trip_id",
    "start_date",
    "route_id",
    "stop_id",
    "delay_s",
    "occupancy_pct",
];
const PASSENGERS: &[&str] = &["at", "stop_id", "trip_id", "doors", "on_board", "source", "seq"];
const DOOR: &[&str] = &["door", "in", "out"];
const ELEMENT: &[&str] = &["topic"];
const KINDS: [&str; 4] = ["bay", "site", "vehicle", "passengers"];

/// Counters drift, also below zero: what is beyond is no number of people (see [`crate::check`]).
const ON_BOARD: std::ops::RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;

/// Whether `topic` is a batch: it has a larger size limit.
pub fn is_batch(topic: &str) -> bool {
    topic.ends_with("/batch")
}

/// The place that `topic` of `feed` is about.
pub fn place_of<'t>(feed: &str, topic: &'t str) -> Option<&'t str> {
    let (kind, place) = suffix_of(feed, topic)?.split_once('/')?;
    (KINDS.contains(&kind) && !place.is_empty()).then_some(place)
}

fn suffix_of<'t>(feed: &str, topic: &'t str) -> Option<&'t str> {
    topic.strip_prefix("kv/1/")?.strip_prefix(feed)?.strip_prefix('/')
}

/// Decodes one message of feed `feed`.
pub fn decode(feed: &str, topic: &str, text: &str) -> Decoded {
    match suffix_of(feed, topic) {
        Some("batch") => batch(feed, text),
        suffix => suffix
            .and_then(|suffix| element(suffix, text))
            .unwrap_or_else(|| Err(unknown_topic(topic, feed)))
            .into(),
    }
}

fn unknown_topic(topic: &str, feed: &str) -> Fault {
    let mistake = Mistake::NoTopic(topic.into(), Topics::Native(feed.into()));
    let fault = Fault::new(Reason::UnknownTopic, "topic", mistake);
    if topic.starts_with('/') { fault.remedy(Remedy::LeadingSlash) } else { fault }
}

fn batch(feed: &str, text: &str) -> Decoded {
    let mut decoded = Decoded::default();
    let mut nth = 0;
    let read = for_each_element(text, |raw| {
        nth += 1;
        let topic = Fields::read("", raw, ELEMENT).and_then(|fields| fields.required("topic", text_of));
        let read = topic
            .and_then(|suffix| element(&suffix, raw).unwrap_or_else(|| Err(unknown_topic(&suffix, feed))));
        match read {
            Ok(statement) => decoded.statements.push(statement),
            Err(fault) => decoded.faults.push(fault.of_element(nth)),
        }
    });
    match read {
        Ok(()) => decoded,
        Err(fault) => fault.into(),
    }
}

/// `None`: the suffix is none of the format.
fn element(suffix: &str, text: &str) -> Option<Result<Statement, Fault>> {
    let (kind, place) = suffix.split_once('/').filter(|(_, place)| !place.is_empty())?;
    let read = match kind {
        "bay" => bay(place, text),
        "site" => site(place, text),
        "vehicle" => vehicle(place, text),
        "passengers" => passengers(place, text),
        _ => return None,
    };
    Some(read.map_err(|fault| fault.about(place)))
}

/// What a sender may have written instead of a bay's state.
fn state(raw: &str) -> Result<BayState, super::json::Invalid> {
    word(raw).map_err(|wrong| match JsonType::of(raw) {
        JsonType::Flag(_) | JsonType::Number(_) => wrong.remedy(Remedy::StateNotFlag),
        JsonType::Text(_) => wrong.remedy(Remedy::StateWord),
        _ => wrong,
    })
}

fn bay(place: &str, text: &str) -> Result<Statement, Fault> {
    let m = Fields::read("", text, BAY)?;
    let mut dropped = Vec::new();
    let d = &mut dropped;
    Ok(Statement {
        subject: Subject::Bay(place.to_owned()),
        at: Some(m.required("at", instant)?),
        content: Content::Bay {
            state: m.required("state", state)?,
            battery_v: m.optional("battery_v", measurement(ANY), d),
            rssi_dbm: m.optional("rssi_dbm", measurement(ANY), d),
            temperature_c: m.optional("temperature_c", measurement(CELSIUS), d),
        },
        seq: m.optional("seq", whole, d),
        dropped,
    })
}

fn site(place: &str, text: &str) -> Result<Statement, Fault> {
    let m = Fields::read("", text, SITE)?;
    let mut dropped = Vec::new();
    let d = &mut dropped;
    let number = |name| m.given(name, count);
    let (entries, exits) = (number("in")?, number("out")?);
    let value = match (number("occupied")?, number("vacant")?, entries.or(exits)) {
        (Some(n), None, None) => CountValue::Occupied(n),
        (None, Some(n), None) => CountValue::Vacant(n),
        (None, None, Some(_)) => {
            CountValue::Flow { entries: entries.unwrap_or(0), exits: exits.unwrap_or(0) }
        }
        (None, None, None) => CountValue::None,
        _ => {
            return Err(
                Fault::malformed("occupied, vacant, in/out", Mistake::OnlyOne).remedy(Remedy::OneCountEach)
            );
        }
    };
    // Alone they are the message.
    let is_alone = value == CountValue::None;
    let (status, capacity) = if is_alone {
        (m.given("status", word)?, m.given("capacity", count)?)
    } else {
        (m.optional("status", word, d), m.optional("capacity", count, d))
    };
    if is_alone && status.is_none() && capacity.is_none() {
        return Err(Fault::malformed("occupied, vacant, in/out, status", Mistake::OneNeeded));
    }
    Ok(Statement {
        subject: Subject::Site(place.to_owned()),
        at: Some(m.required("at", instant)?),
        content: Content::Count {
            value,
            // Without it the count would be the whole site's.
            audience: m.given("for", word)?,
            status,
            capacity,
            source: m.optional("source", label, d).flatten(),
            counter: None,
        },
        seq: m.optional("seq", whole, d),
        dropped,
    })
}

fn vehicle(place: &str, text: &str) -> Result<Statement, Fault> {
    let m = Fields::read("", text, VEHICLE)?;
    let mut dropped = Vec::new();
    let d = &mut dropped;
    let position = match (m.optional("lat", number, d), m.optional("lon", number, d)) {
        (Some(lat), Some(lon)) => Some(position(lat, lon)?),
        (None, None) => None,
        (lat, _) => {
            // Half a position is none.
            let field = if lat.is_some() { "lat" } else { "lon" };
            d.push(Dropped { field: field.to_owned(), reason: Reason::Malformed });
            None
        }
    };
    let at = m.required("at", instant)?;
    let fix = VehicleFix {
        position,
        speed_mps: m.optional("speed_mps", measurement(SPEED_MPS), d),
        bearing_deg: m.optional("bearing_deg", measurement(BEARING_DEG), d),
        trip_id: m.optional("trip_id", label, d).flatten(),
        start_date: m.optional("start_date", start_date, d).flatten(),
        route_id: m.optional("route_id", label, d).flatten(),
        stop_id: m.optional("stop_id", label, d).flatten(),
        delay_s: m.optional("delay_s", whole_in(DELAY_S), d),
        occupancy_pct: m.optional("occupancy_pct", measurement(OCCUPANCY_PCT), d),
    };
    if fix == VehicleFix::default() && !dropped.is_empty() {
        return Err(nothing_left(&m, &dropped));
    }
    let subject = Subject::Vehicle(place.to_owned());
    Ok(Statement { subject, at: Some(at), content: Content::Fix(Box::new(fix)), seq: None, dropped })
}

/// Every field of a message had to be dropped.
fn nothing_left(m: &Fields<'_>, dropped: &[Dropped]) -> Fault {
    let names: Vec<&str> = dropped.iter().map(|d| d.field.as_str()).collect();
    let first = ["lat", "lon"].into_iter().find_map(|name| m.given(name, number).err());
    first.unwrap_or_else(|| {
        if names == ["lat"] || names == ["lon"] {
            return Fault::malformed("lat, lon", Mistake::OnlyTogether);
        }
        Fault::new(dropped[0].reason, names.join(", "), Mistake::NothingElse)
    })
}

fn passengers(place: &str, text: &str) -> Result<Statement, Fault> {
    let m = Fields::read("", text, PASSENGERS)?;
    let mut dropped = Vec::new();
    let d = &mut dropped;
    let doors = m.given("doors", list)?.unwrap_or_default();
    let doors = doors.into_iter().map(door).collect::<Result<Vec<_>, Fault>>()?;
    let on_board = if doors.is_empty() {
        m.given("on_board", whole_in(ON_BOARD))?
    } else {
        m.optional("on_board", whole_in(ON_BOARD), d)
    };
    Ok(Statement {
        subject: Subject::Vehicle(place.to_owned()),
        at: Some(m.required("at", instant)?),
        content: Content::Passengers {
            stop_id: m.optional("stop_id", label, d).flatten(),
            trip_id: m.optional("trip_id", label, d).flatten(),
            doors,
            on_board,
            source: m.optional("source", label, d).flatten(),
        },
        seq: m.optional("seq", whole, d),
        dropped,
    })
}

fn door(raw: &str) -> Result<DoorCount, Fault> {
    let m = object("doors", DOOR)(raw)
        .map_err(|_| Fault::malformed("doors", Mistake::WholeIsNot(raw.into(), Expected::Door)))?;
    let door = m.required("door", label)?;
    let empty = || Mistake::IsNot("\"\"".into(), Expected::IdOfLength);
    let door = door.ok_or_else(|| Fault::malformed("doors.door", empty()))?;
    Ok(DoorCount {
        door,
        entries: m.given("in", count)?.unwrap_or(0),
        exits: m.given("out", count)?.unwrap_or(0),
    })
}
