//! HSL's High-frequency positioning v2, and its passenger counts (APC).

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::native::{DoorCount, json as bytes_of};
use super::round;

/// One bus at one moment, as HFP describes it.
#[derive(Debug, Clone)]
pub(crate) struct Position<'a> {
    pub(crate) at: Timestamp,
    /// Operator and vehicle number, `0018-01029`.
    pub(crate) vehicle: &'a str,
    /// What is written on the bus.
    pub(crate) line: &'a str,
    pub(crate) route: &'a str,
    /// 1 or 2.
    pub(crate) direction: u8,
    pub(crate) headsign: &'a str,
    /// Not yet under way.
    pub(crate) upcoming: bool,
    pub(crate) operating_day: Date,
    /// `HH:MM`, local.
    pub(crate) start: &'a str,
    pub(crate) journey: u32,
    /// Latitude and longitude; `None` when the receiver has no fix.
    pub(crate) position: Option<[f64; 2]>,
    pub(crate) speed_mps: f64,
    pub(crate) heading_deg: f64,
    pub(crate) odometer_m: f64,
    /// Late is positive here; the wire has it the other way round.
    pub(crate) delay_s: i32,
    pub(crate) next_stop: u32,
    /// The stop whose area it is in.
    pub(crate) at_stop: Option<u32>,
    pub(crate) doors_open: bool,
    /// 0..100.
    pub(crate) occupancy_percent: u32,
    /// Planned times at the stop, in events of stops.
    pub(crate) planned: Option<(Timestamp, Timestamp)>,
    /// Most significant digit that moved since the last message; see [`geohash_level`].
    pub(crate) geohash_level: u8,
}

/// Milliseconds, always three digits.
fn milliseconds(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A vehicle's two numbers.
struct Vehicle {
    operator: u32,
    number: u32,
}

impl Vehicle {
    fn of(id: &str) -> Self {
        let (operator, number) = id.split_once('-').unwrap_or(("0", id));
        let [operator, number] = [operator, number].map(|text| text.parse().unwrap_or_default());
        Self { operator, number }
    }
}

/// `0018/01029` in a topic.
fn vehicle_levels(vehicle: &str) -> String {
    vehicle.replace('-', "/")
}

/// An event such as `VP`, `ARR` or `DEP`: topic and payload.
pub(crate) fn event(name: &str, p: &Position) -> (String, Bytes) {
    let temporal = if p.upcoming { "upcoming" } else { "ongoing" };
    let geohash = p.position.map_or_else(|| "///".to_owned(), geohash);
    let level = if p.position.is_some() { p.geohash_level } else { 0 };
    let topic = format!(
        "/hfp/v2/journey/{temporal}/{}/bus/{}/{}/{}/{}/{}/{}/{level}/{geohash}",
        name.to_ascii_lowercase(),
        vehicle_levels(p.vehicle),
        p.route,
        p.direction,
        p.headsign,
        p.start,
        p.next_stop,
    );
    (topic, bytes_of(&json!({ name: body(p) })))
}

fn body(p: &Position) -> Value {
    let Vehicle { operator, number } = Vehicle::of(p.vehicle);
    let has_fix = p.position.is_some();
    let mut body = json!({
        "desi": p.line, "dir": p.direction.to_string(), "oper": operator, "veh": number,
        "tst": milliseconds(p.at), "tsi": p.at.as_second(),
        "spd": has_fix.then_some(round(p.speed_mps, 2)), "hdg": has_fix.then_some(p.heading_deg.round() as i64 % 360),
        "lat": p.position.map(|at| round(at[0], 6)), "long": p.position.map(|at| round(at[1], 6)),
        "acc": has_fix.then_some(0.0), "dl": -p.delay_s, "odo": p.odometer_m.round() as i64,
        "drst": u8::from(p.doors_open), "oday": p.operating_day, "jrn": p.journey,
        "line": p.line.parse::<u32>().unwrap_or(0), "start": p.start, "loc": if has_fix { "GPS" } else { "ODO" },
        "stop": p.at_stop, "route": p.route, "occu": p.occupancy_percent,
    });
    if let Some((arrival, departure)) = p.planned {
        body["ttarr"] = milliseconds(arrival).into();
        body["ttdep"] = milliseconds(departure).into();
    }
    body
}

/// A passenger count at a stop, by door: topic and payload.
pub(crate) fn apc(p: &Position, doors: &[DoorCount], on_board: u32, capacity: u32) -> (String, Bytes) {
    let topic = format!("/hfp/v2/journey/ongoing/apc/bus/{}", vehicle_levels(p.vehicle));
    let doors: Vec<_> = doors
        .iter()
        .map(|DoorCount { door, boarded, alighted }| {
            json!({"door": door.to_string(), "count": [{"class": "adult", "in": boarded, "out": alighted}]})
        })
        .collect();
    let Vehicle { operator, number } = Vehicle::of(p.vehicle);
    let body = json!({ "APC": {
        "desi": p.line, "dir": p.direction.to_string(), "oper": operator, "veh": number,
        "tst": milliseconds(p.at), "tsi": p.at.as_second(),
        "lat": p.position.map(|at| round(at[0], 6)), "long": p.position.map(|at| round(at[1], 6)),
        "odo": p.odometer_m.round() as i64, "oday": p.operating_day, "jrn": p.journey,
        "line": p.line.parse::<u32>().unwrap_or(0), "start": p.start, "loc": "GPS",
        "stop": p.at_stop, "route": p.route,
        "vehiclecounts": {
            "countquality": "regular",
            "vehicleload": on_board,
            "vehicleloadratio": round(f64::from(on_board) / f64::from(capacity.max(1)), 3),
            "doorcounts": doors,
        },
    }});
    (topic, bytes_of(&body))
}

/// The digits behind the point, as far as topics have them.
fn digits(value: f64) -> [u8; 3] {
    let scaled = (value.abs().fract() * 1_000.0) as u32;
    [scaled / 100, scaled / 10 % 10, scaled % 10].map(|d| d as u8)
}

/// Degrees, then pairs of digits of both: `60;24/28/65/93` for 60.2693, 24.8538.
fn geohash([lat, lon]: [f64; 2]) -> String {
    let (a, b) = (digits(lat), digits(lon));
    let pairs: Vec<String> = a.iter().zip(b).map(|(x, y)| format!("{x}{y}")).collect();
    format!("{};{}/{}", lat.trunc(), lon.trunc(), pairs.join("/"))
}

/// Position of the most significant digit behind the point that differs between two positions, 5
/// at most; 0 when whole degrees differ.
pub(crate) fn geohash_level(before: [f64; 2], now: [f64; 2]) -> u8 {
    let at_scale = |degrees: [f64; 2], decimals: i32| degrees.map(|v| (v * 10f64.powi(decimals)).trunc());
    (0..5).find(|d| at_scale(before, *d) != at_scale(now, *d)).map_or(5, |d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Position<'static> {
        Position {
            at: "2024-02-13T16:33:00.4724Z".parse().unwrap(),
            vehicle: "0018-01029",
            line: "520",
            route: "5520",
            direction: 1,
            headsign: "Martinlaakso",
            upcoming: false,
            operating_day: jiff::civil::date(2024, 2, 13),
            start: "17:35",
            journey: 632,
            position: Some([60.269247, 24.853777]),
            speed_mps: 12.094,
            heading_deg: 333.2,
            odometer_m: 25_030.2,
            delay_s: 232,
            next_stop: 4_150_208,
            at_stop: None,
            doors_open: false,
            occupancy_percent: 0,
            planned: None,
            geohash_level: 5,
        }
    }

    #[test]
    fn topics_are_those_of_a_real_bus() {
        let (topic, payload) = event("VP", &position());
        assert_eq!(
            topic,
            "/hfp/v2/journey/ongoing/vp/bus/0018/01029/5520/1/Martinlaakso/17:35/4150208/5/60;24/28/65/93"
        );
        let vp: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!((&vp["VP"]["dl"], &vp["VP"]["stop"]), (&(-232).into(), &serde_json::Value::Null));
        assert_eq!(vp["VP"]["tst"], "2024-02-13T16:33:00.472Z");
        assert_eq!((&vp["VP"]["oper"], &vp["VP"]["spd"]), (&18.into(), &12.09.into()));

        let (topic, payload) = event("VP", &Position { position: None, ..position() });
        assert!(topic.ends_with("/17:35/4150208/0////"), "{topic}");
        let vp: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!((&vp["VP"]["lat"], &vp["VP"]["loc"]), (&serde_json::Value::Null, &"ODO".into()));
    }

    #[test]
    fn levels_follow_the_most_significant_digit() {
        assert_eq!(geohash_level([60.12345, 25.12345], [60.12499, 25.12388]), 3);
        assert_eq!(geohash_level([60.1, 25.1], [61.1, 25.1]), 0);
        assert_eq!(geohash_level([60.1, 25.1], [60.1, 25.1]), 5);
    }

    #[test]
    fn counts_are_by_door() {
        let door = |door, boarded, alighted| DoorCount { door, boarded, alighted };
        let doors = [door(1, 3, 0), door(2, 0, 2)];
        let (topic, payload) = apc(&position(), &doors, 17, 80);
        assert_eq!(topic, "/hfp/v2/journey/ongoing/apc/bus/0018/01029");
        let apc: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let counts = &apc["APC"]["vehiclecounts"];
        assert_eq!(
            (&counts["vehicleload"], &counts["doorcounts"][1]["count"][0]["out"]),
            (&17.into(), &2.into())
        );
    }
}
