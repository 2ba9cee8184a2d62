//! The object that a network server's own codec decoded from a payload: every codec names things
//! differently. Only known fields are used; the object itself is never stored.

use domain::BayState;
use domain::mistake::{Mistake, Remedy, Spot};

use crate::decode::Fault;
use crate::decode::json::{CELSIUS, JsonType, entries, measurement, number};

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
    /// Voltage of the battery.
    pub battery_v: Option<f32>,
    /// Temperature, where it is plausible.
    pub temperature_c: Option<f32>,
}

/// What a known field says.
enum Known {
    State(BayState),
    BatteryV(f64),
    /// `None`: an implausible one.
    TemperatureC(Option<f32>),
}

/// `None`: the field is not known, or its value is none of that field.
fn known(key: &str, raw: &str) -> Option<Known> {
    let name = &*bare(key);
    if let Some(state) = state_of(name, raw) {
        return Some(Known::State(state));
    }
    let number = number(raw).ok()?;
    if BATTERY_V.contains(&name) {
        Some(Known::BatteryV(number))
    } else if TEMPERATURE_C.contains(&name) {
        Some(Known::TemperatureC(measurement(CELSIUS)(raw).ok()))
    } else {
        None
    }
}

/// Reads a codec's object; `None`: it is empty.
///
/// # Errors
/// It has fields, and none that is known to be the bay's state; or two that
/// contradict each other.
pub fn read(object: &str) -> Result<Option<ServerDecoded>, Fault> {
    let Some(all) = entries(object) else {
        return Err(not_understood(Mistake::NoCodecObject));
    };
    let mut decoded = ServerDecoded::default();
    let mut states: Vec<(&str, BayState)> = Vec::new();
    let mut strange: Vec<&str> = Vec::new();
    for (key, raw) in all.iter().filter(|(_, raw)| *raw != "null") {
        match known(key, raw) {
            Some(Known::State(state)) => states.push((key, state)),
            Some(Known::BatteryV(n)) => decoded.battery_v = Some(n as f32).filter(|n| n.is_finite()),
            Some(Known::TemperatureC(temperature_c)) => decoded.temperature_c = temperature_c,
            None => strange.push(key),
        }
    }
    decoded.state = states.first().map(|(_, state)| *state);
    if states.iter().any(|(_, state)| Some(*state) != decoded.state) {
        let names: Vec<&str> = states.iter().map(|(key, _)| *key).collect();
        return Err(not_understood(Mistake::Contradiction(names.join(", ").into())));
    }
    match decoded.state {
        None if !strange.is_empty() => Err(not_understood(Mistake::NoState(strange.join(", ").into()))),
        None if decoded == ServerDecoded::default() => Ok(None),
        _ => Ok(Some(decoded)),
    }
}

fn not_understood(mistake: Mistake) -> Fault {
    Fault::malformed(Spot::Codec, mistake).remedy(Remedy::CodecOccupied)
}

/// The fields of a codec's object that [`read`] understands, with values of theirs only.
pub fn understood(object: &str) -> String {
    let all = entries(object).unwrap_or_default();
    let understood = all.into_iter().filter(|(key, raw)| known(key, raw).is_some());
    let fields: Vec<String> =
        understood.map(|(key, raw)| format!("{}:{raw}", serde_json::Value::from(key))).collect();
    format!("{{{}}}", fields.join(","))
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
    match JsonType::of(raw) {
        JsonType::Text(text) => Some(text.trim().to_lowercase()),
        _ => None,
    }
}

fn flag(raw: &str) -> Option<bool> {
    let digits = match JsonType::of(raw) {
        JsonType::Flag(is_set) => return Some(is_set),
        JsonType::Number(digits) => digits.to_owned(),
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
