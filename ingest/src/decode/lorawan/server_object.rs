//! The object that a network server's own codec made of a payload: every codec names things
//! differently. Only what is understood is taken; the object itself is never kept.

use serde_json::{Map, Value};

use super::ServerDecoded;

/// Names that say by themselves that they mean the bay, without case and underscores.
const OCCUPIED: [&str; 10] = [
    "occupied",
    "isoccupied",
    "parkingoccupied",
    "occupancy",
    "parkingstatus",
    "parkingstate",
    "parkingslotstatus",
    "parkingstatusname",
    "parkingslotstatusname",
    "alarmpark",
];
/// Names that may mean anything: only a word for a bay's state counts under them.
const VAGUE: [&str; 4] = ["status", "state", "pstate", "event"];
const VACANT: [&str; 3] = ["vacant", "isvacant", "parkingvacant"];
const BATTERY_V: [&str; 4] = ["batteryv", "batteryvoltage", "voltage", "volt"];
const TEMPERATURE_C: [&str; 2] = ["temperaturec", "temperature"];

/// Reads a codec's object; `None` when there is no object. Statements that contradict each other
/// are no statement.
pub(super) fn read(object: Option<&Map<String, Value>>) -> Option<ServerDecoded> {
    let mut decoded = ServerDecoded::default();
    let mut is_contradictory = false;
    for (name, value) in object? {
        let name = bare(name);
        let is = |names: &[&str]| names.contains(&name.as_str());
        let occupied = if is(&OCCUPIED) {
            flag(value).or_else(|| word(value))
        } else if is(&VAGUE) {
            word(value)
        } else if is(&VACANT) {
            flag(value).map(|vacant| !vacant)
        } else {
            None
        };
        is_contradictory |= occupied.is_some_and(|o| decoded.occupied.is_some_and(|before| before != o));
        decoded.occupied = decoded.occupied.or(occupied);
        if is(&BATTERY_V) {
            decoded.battery_v = number(value).or(decoded.battery_v);
        }
        if is(&TEMPERATURE_C) {
            decoded.temperature_c = number(value).or(decoded.temperature_c);
        }
    }
    decoded.occupied = decoded.occupied.filter(|_| !is_contradictory);
    Some(decoded)
}

/// The fields of a codec's object that [`read`] understands, with values of theirs only.
pub(super) fn understood(mut object: Map<String, Value>) -> Map<String, Value> {
    let names = [&OCCUPIED[..], &VAGUE, &VACANT, &BATTERY_V, &TEMPERATURE_C];
    object.retain(|name, value| {
        let name = bare(name);
        let is_known = names.iter().any(|names| names.contains(&name.as_str()));
        is_known && (flag(value).is_some() || word(value).is_some() || number(value).is_some())
    });
    object
}

/// Without case and underscores.
fn bare(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(is_set) => Some(*is_set),
        Value::Number(n) => match n.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn word(value: &Value) -> Option<bool> {
    match value.as_str()?.to_ascii_lowercase().as_str() {
        "occupied" | "taken" | "busy" => Some(true),
        "vacant" | "free" | "empty" | "available" | "unoccupied" => Some(false),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|n| n as f32).filter(|n| n.is_finite())
}
