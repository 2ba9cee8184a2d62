//! An HFP payload: `{"VP": {...}}`. Keys of counts occur in lower case (from the bus) and in camel
//! case (completed by the operator), numbers as texts and the other way round.

use std::borrow::Cow;
use std::fmt;

use domain::UtcMicros;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::decode::Fault;
use crate::decode::json::instant;

/// Milliseconds since 1970 are larger than this, seconds are not for the next 3,000 years.
const MAX_SECONDS: i64 = 100_000_000_000;

/// The fields that are read; all of them may be null.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Body<'a> {
    #[serde(borrow)]
    pub tst: Option<Label<'a>>,
    pub lat: Option<f64>,
    pub long: Option<f64>,
    pub spd: Option<f64>,
    pub hdg: Option<f64>,
    pub dl: Option<i32>,
    pub occu: Option<f64>,
    #[serde(borrow)]
    pub dir: Option<Label<'a>>,
    #[serde(borrow)]
    pub oday: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub start: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub stop: Option<Label<'a>>,
    #[serde(borrow)]
    pub route: Option<Label<'a>>,
    #[serde(borrow, rename = "vehiclecounts", alias = "vehicleCounts")]
    pub counts: Option<Counts<'a>>,
}

/// Passengers by door.
#[derive(Deserialize)]
pub struct Counts<'a> {
    #[serde(rename = "vehicleload", alias = "vehicleLoad")]
    pub load: Option<i32>,
    #[serde(borrow, default, rename = "doorcounts", alias = "doorCounts")]
    pub doors: Vec<Door<'a>>,
}

/// One door; its classes (adult, pram, ...) are not told apart.
#[derive(Deserialize)]
pub struct Door<'a> {
    #[serde(borrow)]
    pub door: Label<'a>,
    #[serde(default, rename = "count")]
    pub classes: Vec<Class>,
}

/// Passengers of one class.
#[derive(Deserialize)]
pub struct Class {
    #[serde(default, rename = "in")]
    pub entries: i64,
    #[serde(default, rename = "out")]
    pub exits: i64,
}

/// A text or a whole number: which of the two it is differs between suppliers.
pub enum Label<'a> {
    Text(Cow<'a, str>),
    Number(i64),
}

impl Label<'_> {
    /// As a text.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Label::Text(text) => Cow::Borrowed(text),
            Label::Number(n) => Cow::Owned(n.to_string()),
        }
    }

    /// As an instant: RFC 3339, or seconds or milliseconds since 1970.
    pub fn instant(&self) -> Result<UtcMicros, Fault> {
        match self {
            Label::Text(text) => instant("tst", text),
            Label::Number(n) if n.abs() > MAX_SECONDS => Ok(UtcMicros(n.saturating_mul(1_000))),
            Label::Number(n) => Ok(UtcMicros::from_unix_s(*n)),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Label<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelVisitor;
        impl<'de> Visitor<'de> for LabelVisitor {
            type Value = Label<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Label::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Label::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Self::Value, E> {
                Ok(Label::Number(n))
            }

            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Self::Value, E> {
                i64::try_from(n).map(Label::Number).map_err(|_| E::custom("the number is too large"))
            }
        }
        deserializer.deserialize_any(LabelVisitor)
    }
}

/// Finds the body under its event's name; `payload` is what the operator calls it.
struct BodyOf(&'static str);

impl BodyOf {
    fn is_named(&self, key: &str) -> bool {
        // A partial count is an APC as well.
        let event = self.0.strip_suffix("-partial").unwrap_or(self.0);
        key.eq_ignore_ascii_case(event) || key == "payload"
    }
}

impl<'de> DeserializeSeed<'de> for BodyOf {
    type Value = Option<Body<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BodyOf {
    type Value = Option<Body<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the key '{}'", self.0.to_ascii_uppercase())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut body = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if self.is_named(&key) {
                body = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(body)
    }
}

/// Parses the payload of `event`.
///
/// # Errors
/// No JSON, or the event is not in it.
pub fn parse<'a>(event: &'static str, payload: &'a [u8]) -> Result<Body<'a>, Fault> {
    if payload.is_empty() {
        return Err(Fault::malformed("empty payload"));
    }
    let mut json = serde_json::Deserializer::from_slice(payload);
    let body = BodyOf(event).deserialize(&mut json).and_then(|body| json.end().map(|()| body));
    body.map_err(|e| Fault::malformed(format!("JSON: {e}")))?.ok_or_else(|| {
        let key = event.strip_suffix("-partial").unwrap_or(event).to_ascii_uppercase();
        Fault::malformed(format!(
            "{key}: a message on a topic of the event '{event}' must be an object with this key"
        ))
    })
}
