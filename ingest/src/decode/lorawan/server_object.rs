//! The object that a network server's own codec decoded from a payload: every codec names things
//! differently. Only known fields are used; the object itself is never stored.

use domain::BayState;

use crate::decode::Fault;
use crate::decode::json::{CELSIUS, Given, entries, measurement, number};

/// Names that mean the bay's state by themselves, without case, underscores and hyphens.
const OCCUPIED: [&str; 13] = [
    "occupied",
    "isoccupied",
    "parkingoccupied",
    "occupancy",
    "parked",
    "isparked",
    "carparked",
    "parkingstatus",
    "parkingstate",
    "parkingslotstatus",
    "parkingstatusname",
    "parkingslotstatusname",
    "alarmpark",
];
/// Names that may mean anything: only a word for a bay's state counts under them.
const VAGUE: [&str; 4] = ["status", "state", "pstate", "event"];
const VACANT: [&str; 5] = ["vacant", "isvacant", "parkingvacant", "free", "isfree"];
const BATTERY_V: [&str; 4] = ["batteryv", "batteryvoltage", "voltage", "volt"];
const TEMPERATURE_C: [&str; 2] = ["temperaturec", "temperature"];

/// The known fields of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerDecoded {
    /// `None`: it is not about the bay, as in a frame that only reports the battery.
    pub state: Option<BayState>,
    pub battery_v: Option<f32>,
    pub temperature_c: Option<f32>,
}

/// Reads a codec's object; `None`: it is empty.
///
/// # Errors
/// It has fields, and none that is known to be the bay's state; or two that
/// contradict each other.
pub fn read(object: &str) -> Result<Option<ServerDecoded>, Fault> {
    let Some(all) = entries(object) else {
        return Err(not_understood("it is no object".to_owned()));
    };
    let mut decoded = ServerDecoded::default();
    let mut states: Vec<(&str, BayState)> = Vec::new();
    let mut strange: Vec<&str> = Vec::new();
    for (key, raw) in all.iter().filter(|(_, raw)| *raw != "null") {
        let name = bare(key);
        if let Some(state) = state_of(&name, raw) {
            states.push((key, state));
        } else if BATTERY_V.contains(&name.as_str()) && number(raw).is_ok() {
            decoded.battery_v = number(raw).ok().map(|n| n as f32).filter(|n| n.is_finite());
        } else if TEMPERATURE_C.contains(&name.as_str()) && number(raw).is_ok() {
            decoded.temperature_c = measurement(CELSIUS)(raw).ok();
        } else {
            strange.push(key);
        }
    }
    decoded.state = states.first().map(|(_, state)| *state);
    if states.iter().any(|(_, state)| Some(*state) != decoded.state) {
        let names: Vec<&str> = states.iter().map(|(key, _)| *key).collect();
        return Err(not_understood(format!("its fields {} contradict each other", names.join(", "))));
    }
    match decoded.state {
        None if !strange.is_empty() => Err(not_understood(format!(
            "none of its fields says whether the bay is occupied ({})",
            strange.join(", ")
        ))),
        None if decoded == ServerDecoded::default() => Ok(None),
        _ => Ok(Some(decoded)),
    }
}

fn not_understood(what: String) -> Fault {
    Fault::malformed(format!("object of the server's codec: {what}")).remedy(
        "Let the codec return {\"occupied\": true} or {\"occupied\": false} at the top of its object; or, for a device \
         of the list, leave use_server_decoder out and set decoder in sensors.csv.",
    )
}

/// The fields of a codec's object that [`read`] understands, with values of theirs only.
pub fn understood(object: &str) -> String {
    let all = entries(object).unwrap_or_default();
    let is_understood = |key: &str, raw: &str| {
        let name = bare(key);
        let is_number = BATTERY_V.contains(&name.as_str()) || TEMPERATURE_C.contains(&name.as_str());
        state_of(&name, raw).is_some() || (is_number && number(raw).is_ok())
    };
    let kept = all.into_iter().filter(|(key, raw)| is_understood(key, raw));
    let kept: Vec<String> =
        kept.map(|(key, raw)| format!("{}:{raw}", serde_json::Value::from(key))).collect();
    format!("{{{}}}", kept.join(","))
}

/// The state of a field of this bare name.
fn state_of(name: &str, raw: &str) -> Option<BayState> {
    let of = |is_occupied: bool| if is_occupied { BayState::Occupied } else { BayState::Vacant };
    if OCCUPIED.contains(&name) {
        flag(raw).map(of).or_else(|| word(raw)).or_else(|| unknown(raw))
    } else if VAGUE.contains(&name) {
        word(raw)
    } else if VACANT.contains(&name) {
        flag(raw).map(|is_vacant| of(!is_vacant)).or_else(|| unknown(raw))
    } else {
        None
    }
}

/// Without case, underscores, hyphens and spaces.
fn bare(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

fn lower(raw: &str) -> Option<String> {
    match Given::of(raw) {
        Given::Text(text) => Some(text.trim().to_lowercase()),
        _ => None,
    }
}

fn flag(raw: &str) -> Option<bool> {
    let digits = match Given::of(raw) {
        Given::Flag(is_set) => return Some(is_set),
        Given::Number(digits) => digits.to_owned(),
        _ => lower(raw)?,
    };
    match digits.as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        digits => match digits.parse::<f64>() {
            Ok(0.0) => Some(false),
            Ok(1.0) => Some(true),
            _ => None,
        },
    }
}

fn word(raw: &str) -> Option<BayState> {
    match lower(raw)?.as_str() {
        "occupied" | "taken" | "busy" | "parked" | "full" => Some(BayState::Occupied),
        "vacant" | "free" | "empty" | "available" | "unoccupied" | "not occupied" => Some(BayState::Vacant),
        _ => None,
    }
}

fn unknown(raw: &str) -> Option<BayState> {
    (lower(raw)? == "unknown").then_some(BayState::Unknown)
}
