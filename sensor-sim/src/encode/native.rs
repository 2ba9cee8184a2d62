//! The product's own JSON: one observation a message, or many in a `batch`.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// As JSON. The types of this crate always have a JSON form.
pub(crate) fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}

/// `bay/{id}`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bay {
    pub(crate) at: Timestamp,
    /// `vacant`, `occupied` or `unknown`.
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
}

/// `site/{id}`: an absolute count, or passages.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Site {
    pub(crate) at: Timestamp,
    pub(crate) occupied: Option<u32>,
    pub(crate) vacant: Option<u32>,
    #[serde(rename = "in")]
    pub(crate) entries: Option<u32>,
    #[serde(rename = "out")]
    pub(crate) exits: Option<u32>,
    /// `open` or `closed`.
    pub(crate) status: Option<&'static str>,
    pub(crate) source: Option<String>,
    pub(crate) seq: Option<u64>,
}

/// `vehicle/{id}`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Vehicle {
    pub(crate) at: Timestamp,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    pub(crate) speed_mps: f64,
    pub(crate) bearing_deg: f64,
    pub(crate) trip_id: String,
    pub(crate) start_date: String,
    pub(crate) route_id: &'static str,
    pub(crate) stop_id: String,
    pub(crate) delay_s: i32,
    pub(crate) occupancy_pct: u32,
}

/// `passengers/{id}`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Passengers {
    pub(crate) at: Timestamp,
    pub(crate) stop_id: String,
    pub(crate) trip_id: String,
    pub(crate) doors: Vec<DoorCount>,
    pub(crate) on_board: u32,
}

/// Who got on and off at one door of a vehicle, at one stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct DoorCount {
    #[serde(serialize_with = "as_text")]
    pub(crate) door: u8,
    #[serde(rename = "in")]
    pub(crate) boarded: u32,
    #[serde(rename = "out")]
    pub(crate) alighted: u32,
}

fn as_text<S: Serializer>(number: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Any of them.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Observation {
    Bay(Bay),
    Site(Site),
    Vehicle(Vehicle),
    Passengers(Passengers),
}

/// One element of a batch: where it would have gone, and the observation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Element {
    /// Topic suffix, such as `bay/17`.
    pub(crate) topic: String,
    #[serde(flatten)]
    pub(crate) observation: Observation,
}

/// A message of its own: topic and payload.
pub(crate) fn single(feed: &str, element: &Element) -> (String, Bytes) {
    (format!("kv/1/{feed}/{}", element.topic), json(&element.observation))
}

/// Many observations in one message: topic and payload.
pub(crate) fn batch(feed: &str, elements: &[Element]) -> (String, Bytes) {
    (format!("kv/1/{feed}/batch"), json(&elements))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_shape_of_the_contract() {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let bay = Bay { at, state: "occupied", seq: Some(17) };
        let bay = Element { topic: "bay/17".into(), observation: Observation::Bay(bay) };
        let (topic, payload) = single("f", &bay);
        assert_eq!(topic, "kv/1/f/bay/17");
        assert_eq!(payload, r#"{"at":"2026-11-22T12:00:00Z","state":"occupied","seq":17}"#);
        let gate =
            Site { at, entries: Some(2), exits: Some(1), source: Some("gate-2".into()), ..Site::default() };
        let gate = Element { topic: "site/p".into(), observation: Observation::Site(gate) };
        let (topic, payload) = batch("f", &[bay, gate]);
        assert_eq!(topic, "kv/1/f/batch");
        assert_eq!(
            payload,
            concat!(
                r#"[{"topic":"bay/17","at":"2026-11-22T12:00:00Z","state":"occupied","seq":17},"#,
                r#"{"topic":"site/p","at":"2026-11-22T12:00:00Z","in":2,"out":1,"source":"gate-2"}]"#
            )
        );
    }
}
