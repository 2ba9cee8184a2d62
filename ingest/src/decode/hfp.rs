//! HSL's High-frequency positioning v2, and its passenger counts (APC).
//!
//! `/hfp/v2/{journey type}/{temporal type}/{event}/{mode}/{operator}/{vehicle}/...`; the payload is
//! an object with one key, the event in capitals. Source: Digitransit's documentation of HFP, and
//! messages recorded by HSLdevcom.
//!
//! The vehicle is the topic's, `{operator}-{vehicle}` with 4 and 5 digits, never the payload's: its `oper` is
//! who runs the trip, not who owns the bus, suppliers give `veh` numbers of their own, and APC has no vehicle at
//! all. Brokers check who may publish on a topic. Every event that is not
//! a count carries a position and is a fix; without a satellite it has none, and still says how the
//! trip goes. `dl` counts the other way round: negative is late.
//!
//! HFP has no trip id. A trip is its route, direction, operating day and start, so these four make
//! one that is the same in every message: `5520_0_20240213_17:35`, the direction as in GTFS (0 or
//! 1). It is not the id that HSL's GTFS gives the trip; to join the two, split it.
//!
//! A position is not thrown away for a trip that cannot be named: a strange `dir` or `oday` leaves
//! the trip unknown. Of counts neither the position (suppliers swap its axes), nor the free text,
//! nor the counting unit is read. The same count appears on `apc-partial` (from the bus) and `apc`
//! (completed by the operator): a feed takes one of the two, or passengers are counted twice.

mod message;
#[cfg(test)]
mod tests;
mod topic;

use domain::Reason;
use domain::mistake::{Expected, Mistake};
use domain::observation::{DoorCount, VehicleFix};

use self::message::{CLASS, COUNTS, DOOR, body, time};
use self::topic::Topic;
use super::json::{
    BEARING_DEG, DELAY_S, Dropped, Fields, OCCUPANCY_PCT, SPEED_MPS, check_id, label, list, loose,
    measurement, number, object, position, text_of, whole, whole_in,
};
use super::{Content, Decoded, Fault, Statement, Subject};

/// No door lets through more between two stops: where counts are added up they stay numbers.
const CLASS_MAX: i64 = 1_000_000;

/// The vehicle that `topic` is about.
pub fn vehicle_of(topic: &str) -> Option<String> {
    Topic::parse(topic).ok().map(|topic| topic.vehicle_id())
}

/// Decodes one message.
pub fn decode(topic: &str, text: &str) -> Decoded {
    statement(topic, text).into()
}

fn statement(topic: &str, text: &str) -> Result<Statement, Fault> {
    let topic = Topic::parse(topic)?;
    let read = || {
        let body = body(topic.event, text)?;
        let mut dropped = Vec::new();
        let at = body.required("tst", time)?;
        let content = if topic.is_count() {
            passengers(&body, &mut dropped)?
        } else {
            Content::Fix(Box::new(fix(&body, &mut dropped)?))
        };
        let subject = Subject::Vehicle(topic.vehicle_id());
        Ok(Statement { subject, at: Some(at), content, seq: None, dropped })
    };
    read().map_err(|fault: Fault| fault.about(topic.vehicle_id()))
}

fn fix(body: &Fields<'_>, d: &mut Vec<Dropped>) -> Result<VehicleFix, Fault> {
    let position = match (body.optional("lat", loose(number), d), body.optional("long", loose(number), d)) {
        (Some(lat), Some(lon)) => Some(position(lat, lon)?),
        _ => None,
    };
    let start_date = start_date(body, d);
    let route_id = body.optional("route", label, d).flatten();
    Ok(VehicleFix {
        position,
        speed_mps: body.optional("spd", loose(measurement(SPEED_MPS)), d),
        bearing_deg: body.optional("hdg", loose(measurement(BEARING_DEG)), d),
        trip_id: trip_id(body, route_id.as_deref(), start_date.as_deref(), d),
        start_date,
        route_id,
        stop_id: body.optional("stop", label, d).flatten(),
        delay_s: body.optional("dl", loose(whole_in::<i32>(DELAY_S)), d).map(|early_s| -early_s),
        occupancy_pct: body.optional("occu", loose(measurement(OCCUPANCY_PCT)), d),
    })
}

fn passengers(body: &Fields<'_>, d: &mut Vec<Dropped>) -> Result<Content, Fault> {
    let either =
        |m: &Fields<'_>, lower: &'static str, camel: &'static str| if m.has(lower) { lower } else { camel };
    let name = either(body, "vehiclecounts", "vehicleCounts");
    let counts = body.given(name, object("vehiclecounts", COUNTS))?;
    let counts = counts.ok_or_else(|| Fault::malformed("vehiclecounts", Mistake::Missing(None)))?;
    let doors = counts.given(either(&counts, "doorcounts", "doorCounts"), list)?.unwrap_or_default();
    let doors = doors.into_iter().map(door).collect::<Result<Vec<_>, Fault>>()?;
    // Below zero too: real counters drift, and the drift is what must be seen.
    let load = either(&counts, "vehicleload", "vehicleLoad");
    let read = loose(whole_in(i64::from(i32::MIN)..=i64::from(i32::MAX)));
    let on_board = if doors.is_empty() { counts.given(load, read)? } else { counts.optional(load, read, d) };
    let start_date = start_date(body, d);
    let route_id = body.optional("route", label, d).flatten();
    Ok(Content::Passengers {
        stop_id: body.optional("stop", label, d).flatten(),
        trip_id: trip_id(body, route_id.as_deref(), start_date.as_deref(), d),
        doors,
        on_board,
        source: None,
    })
}

fn door(raw: &str) -> Result<DoorCount, Fault> {
    let no_door = || Fault::malformed("doorcounts", Mistake::NoDoor);
    let door = object("doorcounts", DOOR)(raw).map_err(|_| no_door())?;
    let classes = door.given("count", list)?.unwrap_or_default();
    let (mut entries, mut exits) = (0_i64, 0_i64);
    for class in classes {
        let class = object("doorcounts.count", CLASS)(class).map_err(|_| no_door())?;
        let sum = |so_far: i64, name| {
            class.given(name, loose(whole)).map(|n| so_far.saturating_add(n.unwrap_or(0)))
        };
        (entries, exits) = (sum(entries, "in")?, sum(exits, "out")?);
    }
    let people = |name: &str, n: i64| {
        i32::try_from(n).ok().filter(|_| (0..=CLASS_MAX).contains(&n)).ok_or_else(|| {
            let mistake = Mistake::IsNot(n.to_string().into(), Expected::Between(0.0, CLASS_MAX as f64));
            Fault::new(Reason::Implausible, name, mistake)
        })
    };
    let label = door.required("door", label)?.ok_or_else(no_door)?;
    Ok(DoorCount { door: label, entries: people("in", entries)?, exits: people("out", exits)? })
}

/// `2024-02-13` as GTFS writes it, `20240213`.
fn start_date(body: &Fields<'_>, d: &mut Vec<Dropped>) -> Option<String> {
    body.optional("oday", super::json::start_date, d).flatten()
}

fn trip_id(
    body: &Fields<'_>,
    route_id: Option<&str>,
    start_date: Option<&str>,
    d: &mut Vec<Dropped>,
) -> Option<String> {
    let direction = match body.optional("dir", label, d).flatten()?.as_str() {
        "1" => 0,
        "2" => 1,
        _ => return None,
    };
    let start = body.optional("start", text_of, d)?;
    let id = format!("{}_{direction}_{}_{start}", route_id?, start_date?);
    check_id(&id).is_ok().then_some(id)
}
