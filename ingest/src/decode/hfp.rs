//! HSL's High-frequency positioning v2, and its passenger counts (APC).
//!
//! `/hfp/v2/{journey type}/{temporal type}/{event}/{mode}/{operator}/{vehicle}/...`; the payload is
//! an object with one key, the event in capitals. Source: Digitransit's documentation of HFP, and
//! messages recorded by HSLdevcom.
//!
//! The vehicle is the topic's, `{operator}-{vehicle}` with 4 and 5 digits: the payload's `oper` is
//! who runs the trip, not who owns the bus, and APC has no vehicle at all. Every event that is not
//! a count carries a position and is a fix; without a satellite it has none, and still says how the
//! trip goes. `dl` counts the other way round: negative is late.
//!
//! HFP has no trip id. A trip is its route, direction, operating day and start, so these four make
//! one that is the same in every message: `5520_0_20240213_17:35`, the direction as in GTFS (0 or
//! 1). It is not the id that HSL's GTFS gives the trip; whoever joins the two splits it again.
//!
//! A position is not thrown away for a trip that cannot be named: a strange `dir` or `oday` leaves
//! the trip unknown. Of counts neither the position (suppliers swap its axes), nor the free text,
//! nor the counting unit is read. The same count appears on `apc-partial` (from the bus) and `apc`
//! (completed by the operator): a feed takes one of the two, or passengers are counted twice.

mod message;
#[cfg(test)]
mod tests;
mod topic;

use std::borrow::Cow;

use domain::observation::{DoorCount, VehicleFix};

use self::message::Body;
use self::topic::Topic;
use super::json::{count, finite, id, position};
use super::{Decoded, Fault, Said, Statement, Subject};

/// Decodes one message.
pub fn decode<'a>(topic: &'a str, payload: &'a [u8]) -> Decoded<'a> {
    match statement(topic, payload) {
        Ok(statement) => Decoded::one(statement),
        Err(fault) => fault.into(),
    }
}

fn statement(topic: &str, payload: &[u8]) -> Result<Statement<'static>, Fault> {
    let topic = Topic::parse(topic)?;
    let body = message::parse(topic.event, payload)?;
    let at = body.tst.as_ref().ok_or_else(|| Fault::malformed("tst: it is missing"))?.instant()?;
    let said = if topic.is_count() { passengers(&body)? } else { Said::Fix(Box::new(fix(&body)?)) };
    let vehicle = Cow::Owned(topic.vehicle_id());
    Ok(Statement { subject: Subject::Vehicle(vehicle), at: Some(at), said, seq: None })
}

fn fix(body: &Body<'_>) -> Result<VehicleFix, Fault> {
    let position = match (body.lat, body.long) {
        (Some(lat), Some(lon)) => Some(position(lat, lon)?),
        _ => None,
    };
    let start_date = start_date(body);
    Ok(VehicleFix {
        position,
        speed_mps: finite("spd", body.spd)?,
        bearing_deg: finite("hdg", body.hdg)?,
        trip_id: trip_id(body, start_date.as_deref())?,
        start_date,
        route_id: label("route", body.route.as_ref())?,
        stop_id: label("stop", body.stop.as_ref())?,
        delay_s: body.dl.and_then(i32::checked_neg),
        occupancy_pct: finite("occu", body.occu)?.filter(|percent| *percent >= 0.0),
    })
}

fn passengers(body: &Body<'_>) -> Result<Said<'static>, Fault> {
    let counts = body.counts.as_ref().ok_or_else(|| Fault::malformed("vehiclecounts: it is missing"))?;
    let doors = counts.doors.iter().map(|door| {
        let sum = |of: fn(&message::Class) -> i64| door.classes.iter().map(of).fold(0, i64::saturating_add);
        Ok(DoorCount {
            door: id("door", &door.door.text())?,
            entries: count("in", sum(|class| class.entries))?,
            exits: count("out", sum(|class| class.exits))?,
        })
    });
    Ok(Said::Passengers {
        stop_id: label("stop", body.stop.as_ref())?,
        trip_id: trip_id(body, start_date(body).as_deref())?,
        doors: doors.collect::<Result<_, Fault>>()?,
        // Below zero too: real counters drift, and the drift is what must be seen.
        on_board: counts.load,
        source: None,
    })
}

fn label(field: &str, label: Option<&message::Label<'_>>) -> Result<Option<String>, Fault> {
    label.map(message::Label::text).filter(|text| !text.is_empty()).map(|text| id(field, &text)).transpose()
}

/// `2024-02-13` as GTFS writes it, `20240213`.
fn start_date(body: &Body<'_>) -> Option<String> {
    let date: String = body.oday.as_deref()?.split('-').collect();
    (date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit())).then_some(date)
}

fn trip_id(body: &Body<'_>, start_date: Option<&str>) -> Result<Option<String>, Fault> {
    let (Some(route), Some(direction), Some(date), Some(start)) =
        (&body.route, &body.dir, start_date, body.start.as_deref())
    else {
        return Ok(None);
    };
    let direction = match direction.text().as_ref() {
        "1" => 0,
        "2" => 1,
        _ => return Ok(None),
    };
    id("route, start", &format!("{}_{direction}_{date}_{start}", route.text())).map(Some)
}
