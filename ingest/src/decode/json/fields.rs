//! The requested fields of a JSON object, unparsed.

use std::borrow::Cow;
use std::fmt;

use domain::Reason;
use domain::mistake::{Expected, Mistake};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::json_type::{Invalid, show};
use super::mistakes;
use crate::decode::Fault;

/// A field of a wrong type or value that was dropped from an accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// As the format names it, e.g. `rxInfo.snr`.
    pub field: String,
    /// `malformed` or `implausible`.
    pub reason: Reason,
}

impl Dropped {
    /// Adds it to `dropped`, once: an element of a list may be wrong a thousand times.
    pub fn note(field: &str, reason: Reason, dropped: &mut Vec<Dropped>) {
        if dropped.iter().all(|d| d.field != field) {
            dropped.push(Dropped { field: field.to_owned(), reason });
        }
    }
}

/// See the module's description.
#[derive(Debug)]
pub struct Fields<'a> {
    /// The object's own name, `""` for the message.
    within: &'static str,
    found: Vec<Found<'a>>,
}

#[derive(Debug)]
struct Found<'a> {
    name: &'static str,
    raw: &'a str,
    /// It occurs again with another value.
    is_contradicted: bool,
}

impl<'a> Fields<'a> {
    /// Reads an object, which is called `within` in faults, and of it the fields `names`.
    ///
    /// # Errors
    /// It is no object, or no JSON.
    pub fn read(within: &'static str, text: &'a str, names: &'static [&'static str]) -> Result<Self, Fault> {
        if !text.trim_ascii_start().starts_with('{') {
            return Err(mistakes::no_object(text));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let found = json.deserialize_map(FoundVisitor(names)).and_then(|found| json.end().map(|()| found));
        found.map(|found| Fields { within, found }).map_err(|error| mistakes::syntax(text, &error))
    }

    /// Whether the field is there, whatever its value.
    pub fn has(&self, name: &str) -> bool {
        self.found.iter().any(|f| f.name == name)
    }

    /// A field that must be there and be right.
    ///
    /// # Errors
    /// It is missing, or not what `read` wants.
    pub fn required<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Result<T, Invalid>,
    ) -> Result<T, Fault> {
        if let Some(found) = self.found.iter().find(|f| f.name == name) {
            return found.read(read).map_err(|wrong| self.fault(name, found.raw, wrong));
        }
        let expected = read("null").err().map(|wrong| wrong.expected);
        Err(Fault::malformed(self.shown(name), Mistake::Missing(expected)))
    }

    /// A field that may be absent, but if it is there it must be right.
    ///
    /// # Errors
    /// It is not what `read` wants.
    pub fn given<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Fault> {
        let Some(found) = self.found.iter().find(|f| f.name == name) else { return Ok(None) };
        found.read(read).map(Some).map_err(|wrong| self.fault(name, found.raw, wrong))
    }

    /// An optional field: a wrong one is noted in `dropped`.
    pub fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Result<T, Invalid>,
        dropped: &mut Vec<Dropped>,
    ) -> Option<T> {
        let found = self.found.iter().find(|f| f.name == name)?;
        match found.read(read) {
            Ok(value) => Some(value),
            Err(wrong) => {
                Dropped::note(&self.shown(name), wrong.reason, dropped);
                None
            }
        }
    }

    /// An optional field of proto3's JSON, where what is absent is `zero`.
    pub fn or_zero<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Result<T, Invalid>,
        zero: T,
        dropped: &mut Vec<Dropped>,
    ) -> Option<T> {
        if self.has(name) { self.optional(name, read, dropped) } else { Some(zero) }
    }

    fn shown(&self, name: &str) -> String {
        if self.within.is_empty() { name.to_owned() } else { format!("{}.{name}", self.within) }
    }

    fn fault(&self, name: &str, raw: &str, wrong: Invalid) -> Fault {
        let mistake = Mistake::IsNot(show(raw), wrong.expected);
        Fault { remedy: wrong.remedy, ..Fault::new(wrong.reason, self.shown(name), mistake) }
    }
}

impl<'a> Found<'a> {
    fn read<T>(&self, read: impl FnOnce(&'a str) -> Result<T, Invalid>) -> Result<T, Invalid> {
        if self.is_contradicted {
            return Err(Invalid::new(Expected::OnlyValue));
        }
        read(self.raw)
    }
}

struct FoundVisitor(&'static [&'static str]);

impl<'de> Visitor<'de> for FoundVisitor {
    type Value = Vec<Found<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found: Vec<Found<'de>> = Vec::with_capacity(self.0.len());
        while let Some(name) = map.next_key_seed(KnownName(self.0))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?.get();
            match found.iter_mut().find(|f| f.name == name) {
                Some(held) => held.is_contradicted |= held.raw != raw,
                None if raw == "null" => {}
                None => found.push(Found { name, raw, is_contradicted: false }),
            }
        }
        Ok(found)
    }
}

/// A key, if it is one of these.
struct KnownName(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KnownName {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KnownName {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|name| **name == key).copied())
    }
}

/// All fields of an object, none parsed; `None`: it is no object.
pub fn entries(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    struct EntriesVisitor;
    impl<'de> Visitor<'de> for EntriesVisitor {
        type Value = Vec<(Cow<'de, str>, &'de str)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some((key, raw)) = map.next_entry::<Cow<'de, str>, &RawValue>()? {
                all.push((key, raw.get()));
            }
            Ok(all)
        }
    }
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(EntriesVisitor).and_then(|all| json.end().map(|()| all)).ok()
}

/// Calls `each` with each element of a list, none parsed. No list of them is made: two bytes are enough for one.
///
/// # Errors
/// It is no list, or no JSON. Then the elements before it are void.
pub fn for_each_element<'a>(text: &'a str, each: impl FnMut(&'a str)) -> Result<(), Fault> {
    struct ElementsVisitor<F>(F);
    impl<'de, F: FnMut(&'de str)> Visitor<'de> for ElementsVisitor<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(raw) = list.next_element::<&RawValue>()? {
                (self.0)(raw.get());
            }
            Ok(())
        }
    }
    if !text.trim_ascii_start().starts_with('[') {
        return Err(mistakes::no_list(text));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_seq(ElementsVisitor(each))
        .and_then(|()| json.end())
        .map_err(|error| mistakes::syntax(text, &error))
}

/// The elements of a list, none parsed.
///
/// # Errors
/// It is no list, or no JSON.
pub fn elements(text: &str) -> Result<Vec<&str>, Fault> {
    let mut all = Vec::new();
    for_each_element(text, |raw| all.push(raw))?;
    Ok(all)
}
