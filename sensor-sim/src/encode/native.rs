//! The product's own JSON: one observation a message, or many in a `batch`.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

/// As JSON. The types of this crate always have a JSON form.
pub(crate) fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}

/// `bay/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Bay {
    pub at: Timestamp,
    /// `vacant`, `occupied` or `unknown`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_v: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
}

/// `site/{id}`: an absolute count, or passages.
#[derive(Debug, Clone, Serialize)]
pub struct Site {
    pub at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occupied: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vacant: Option<u32>,
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub entries: Option<u32>,
    #[serde(rename = "out", skip_serializing_if = "Option::is_none")]
    pub exits: Option<u32>,
    /// `open` or `closed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// `vehicle/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Vehicle {
    pub at: Timestamp,
    pub lat: f64,
    pub lon: f64,
    pub speed_mps: f64,
    pub bearing_deg: f64,
    pub trip_id: String,
    pub start_date: String,
    pub route_id: String,
    pub stop_id: String,
    pub delay_s: i32,
    pub occupancy_pct: u32,
}

/// `passengers/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Passengers {
    pub at: Timestamp,
    pub stop_id: String,
    pub trip_id: String,
    pub doors: Vec<Door>,
    pub on_board: u32,
}

/// One door of a vehicle.
#[derive(Debug, Clone, Serialize)]
pub struct Door {
    pub door: String,
    #[serde(rename = "in")]
    pub boarded: u32,
    #[serde(rename = "out")]
    pub alighted: u32,
}

/// Any of them.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Observation {
    Bay(Bay),
    Site(Site),
    Vehicle(Vehicle),
    Passengers(Passengers),
}

/// One element of a batch: where it would have gone, and the observation.
#[derive(Debug, Clone, Serialize)]
pub struct Element {
    /// Topic suffix, such as `bay/17`.
    pub topic: String,
    #[serde(flatten)]
    pub observation: Observation,
}

/// A message of its own: topic and payload.
pub fn single(feed: &str, element: &Element) -> (String, Bytes) {
    (format!("kv/1/{feed}/{}", element.topic), json(&element.observation))
}

/// Many observations in one message: topic and payload.
pub fn batch(feed: &str, elements: &[Element]) -> (String, Bytes) {
    (format!("kv/1/{feed}/batch"), json(&elements))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_shape_of_the_contract() {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let bay = Bay { at, state: "occupied", seq: Some(17), battery_v: Some(3.55), temperature_c: None };
        let bay = Element { topic: "bay/17".into(), observation: Observation::Bay(bay) };
        let (topic, payload) = single("f", &bay);
        assert_eq!(topic, "kv/1/f/bay/17");
        assert_eq!(payload, r#"{"at":"2026-11-22T12:00:00Z","state":"occupied","seq":17,"battery_v":3.55}"#);
        let gate = Site {
            at,
            occupied: None,
            vacant: None,
            entries: Some(2),
            exits: Some(1),
            status: None,
            source: Some("gate-2".into()),
            seq: None,
        };
        let gate = Element { topic: "site/p".into(), observation: Observation::Site(gate) };
        let (topic, payload) = batch("f", &[bay, gate]);
        assert_eq!(topic, "kv/1/f/batch");
        assert_eq!(
            payload,
            concat!(
                r#"[{"topic":"bay/17","at":"2026-11-22T12:00:00Z","state":"occupied","seq":17,"battery_v":3.55},"#,
                r#"{"topic":"site/p","at":"2026-11-22T12:00:00Z","in":2,"out":1,"source":"gate-2"}]"#
            )
        );
    }
}
