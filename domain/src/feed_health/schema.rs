//! Fields that come, go, or change their type.
//!
//! Of each kind of message the paths of its fields are counted in samples, each with the type of its value; `null` counts
//! as absent. A field went when it is missing in so many samples on end as would be without it once in a thousand million
//! times, by the share of samples that had it until then (with Laplace's correction: Gelman et al., Bayesian Data
//! Analysis, 3rd ed., 2.4). What has a rhythm of its own (`closed` comes at night) must also be missing for twice as long
//! as it ever was, and a field that fewer than one in twenty messages have is not judged. A field came when it is in at least
//! one of twenty samples since it was first seen, and was in none of the first hundred and of the first day. Where one type of
//! a path went and another came, the type changed.
//!
//! No value is kept. Names of fields are, but those that look like data, such as an id: they are written `*`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::place::wire_enum;
use crate::time::UtcMicros;

/// Kinds of messages of one feed, paths of one kind, and the depth of a path.
const MAX_KINDS: usize = 16;
const MAX_PATHS: usize = 200;
const MAX_DEPTH: usize = 8;
/// Values of one sample that are looked at, and of one list.
const MAX_VALUES: usize = 1_000;
const MAX_ELEMENTS: usize = 20;
const MAX_NAME: usize = 40;

/// By chance a field may be missing as often as this.
const BY_CHANCE: f64 = 1e-9;
/// A field that a smaller share of messages has is not judged.
const LEAST_SHARE: f64 = 0.05;
/// A field that fewer samples had is not judged.
const LEAST_SAMPLES: u64 = 20;
/// Fields of the first samples and the first day came with the feed.
const FIRST_SAMPLES: u64 = 100;
const FIRST_S: i64 = 86_400;
/// A field that went must be missing, and must have been there, for so long.
const MISSING_S: i64 = 3_600;
const PRESENT_S: i64 = 2 * 86_400;
/// What came is no news after a week, what went after a month.
const NEWS_S: i64 = 7 * 86_400;
const FORGOTTEN_S: i64 = 30 * 86_400;

wire_enum! {
    /// What happened to a field.
    FieldChange {
        /// It is new.
        Came = "came",
        /// It is missing.
        Went = "went",
        /// Its values have another type.
        Type = "type",
    }
}

/// A field that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The kind of message, and the path in it: `up: object.battery`.
    pub path: String,
    /// What happened to it.
    pub change: FieldChange,
    /// The type of its values, as JSON names it; of a changed one the former and the new one.
    pub types: String,
    /// Since when it is so.
    pub since: UtcMicros,
    /// Which share of messages had it before, or has it now.
    pub share: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Field {
    /// Numbers of the samples.
    first: u64,
    last: u64,
    seen: u64,
    first_at: UtcMicros,
    last_at: UtcMicros,
    /// For how long it was missing at most.
    longest_s: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kind {
    samples: u64,
    first_at: UtcMicros,
    /// By path and type.
    fields: BTreeMap<String, Field>,
}

/// See the module's description.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Schema(BTreeMap<String, Kind>);

/// Between a path and the type of its values.
const TYPE: char = ' ';

fn type_of(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    })
}

/// A name of a field, if it looks like one: not like an id, a date or a sentence.
fn named(name: &str) -> &str {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '$');
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let is_one = !name.is_empty() && name.len() <= MAX_NAME && digits <= 3 && name.chars().all(is_name);
    if is_one { name } else { "*" }
}

/// The paths of a message, each once with the type of its values.
fn paths(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), value, 0)];
    let mut left = MAX_VALUES;
    while let Some((path, value, depth)) = waiting.pop() {
        if left == 0 {
            break;
        }
        left -= 1;
        let Some(of_type) = type_of(value) else { continue };
        if !path.is_empty() {
            found.push(format!("{path}{TYPE}{of_type}"));
        }
        if depth == MAX_DEPTH {
            continue;
        }
        match value {
            Value::Array(elements) => {
                waiting
                    .extend(elements.iter().take(MAX_ELEMENTS).map(|e| (format!("{path}[]"), e, depth + 1)));
            }
            Value::Object(fields) => waiting.extend(fields.iter().take(MAX_PATHS).map(|(name, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                (format!("{path}{dot}{}", named(name)), value, depth + 1)
            })),
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

impl Field {
    fn share(&self) -> f64 {
        self.seen as f64 / (self.last - self.first + 1) as f64
    }

    fn is_judged(&self) -> bool {
        self.seen >= LEAST_SAMPLES && self.share() >= LEAST_SHARE
    }

    fn is_gone(&self, samples: u64, at: UtcMicros) -> bool {
        let of = (self.last - self.first + 1) as f64;
        let share = self.seen as f64 / (of + 1.0);
        let missing = (samples - 1).saturating_sub(self.last) as f64;
        self.is_judged()
            && missing * (-share).ln_1p() <= BY_CHANCE.ln()
            && self.last_at.age_s(self.first_at) >= PRESENT_S
            && at.age_s(self.last_at) >= MISSING_S.max(2 * self.longest_s)
    }

    fn is_new(&self, kind: &Kind, at: UtcMicros) -> bool {
        self.first >= FIRST_SAMPLES
            && self.first_at.age_s(kind.first_at) >= FIRST_S
            && self.is_judged()
            && at.age_s(self.first_at) >= MISSING_S
            && at < self.first_at.plus_s(NEWS_S)
    }
}

impl Kind {
    fn sample(&mut self, value: &Value, at: UtcMicros) {
        let sample = self.samples;
        self.samples += 1;
        for path in paths(value) {
            if let Some(field) = self.fields.get_mut(&path) {
                field.longest_s = field.longest_s.max(at.age_s(field.last_at));
                (field.last, field.last_at, field.seen) = (sample, at, field.seen + 1);
            } else {
                if self.fields.len() >= MAX_PATHS {
                    self.fields.retain(|_, f| f.seen > 2 || f.last + 1_000 > sample);
                }
                if self.fields.len() < MAX_PATHS {
                    let new = Field {
                        first: sample,
                        last: sample,
                        seen: 1,
                        first_at: at,
                        last_at: at,
                        longest_s: 0,
                    };
                    self.fields.insert(path, new);
                }
            }
        }
    }

    fn drift(&self, name: &str, at: UtcMicros) -> Vec<Drift> {
        let split = |key: &str| -> (String, String) {
            let (path, of_type) = key.rsplit_once(TYPE).unwrap_or((key, ""));
            (path.to_owned(), of_type.to_owned())
        };
        let mut found: Vec<Drift> = Vec::new();
        // Of each path the types that came.
        let mut came: BTreeMap<String, (String, &Field)> = BTreeMap::new();
        for (key, field) in self.fields.iter().filter(|(_, field)| field.is_new(self, at)) {
            let (path, of_type) = split(key);
            came.insert(path, (of_type, field));
        }
        for (key, field) in self.fields.iter().filter(|(_, field)| field.is_gone(self.samples, at)) {
            let (path, of_type) = split(key);
            let replaced = came.remove(&path);
            let (change, types, since) = match replaced {
                Some((new, by)) => (FieldChange::Type, format!("{of_type}, {new}"), by.first_at),
                None => (FieldChange::Went, of_type, field.last_at),
            };
            found.push(Drift { path: format!("{name}: {path}"), change, types, since, share: field.share() });
        }
        found.extend(came.into_iter().map(|(path, (types, field))| Drift {
            path: format!("{name}: {path}"),
            change: FieldChange::Came,
            types,
            since: field.first_at,
            share: field.share(),
        }));
        found.retain(|drift| !is_below_another(drift, self, at));
        found
    }
}

/// Whether the object that holds the field has the same fate: then that one is named alone.
fn is_below_another(drift: &Drift, kind: &Kind, at: UtcMicros) -> bool {
    let path = drift.path.split_once(": ").map_or("", |(_, path)| path);
    let mut ends = path.match_indices(['.', '[']).map(|(end, _)| end);
    ends.any(|end| {
        ["object", "list"].iter().any(|of_type| {
            kind.fields.get(&format!("{}{TYPE}{of_type}", &path[..end])).is_some_and(|above| {
                match drift.change {
                    FieldChange::Went => above.is_gone(kind.samples, at),
                    FieldChange::Came => above.is_new(kind, at),
                    FieldChange::Type => false,
                }
            })
        })
    })
}

impl Schema {
    /// Looks at a message of this kind.
    pub(super) fn sample(&mut self, kind: &str, value: &Value, at: UtcMicros) {
        if let Some(known) = self.0.get_mut(kind) {
            known.sample(value, at);
        } else if self.0.len() < MAX_KINDS {
            let mut new = Kind { samples: 0, first_at: at, fields: BTreeMap::new() };
            new.sample(value, at);
            self.0.insert(kind.to_owned(), new);
        }
    }

    /// Fields that changed, oldest change first.
    pub(super) fn drift(&self, at: UtcMicros) -> Vec<Drift> {
        let mut found: Vec<Drift> = self.0.iter().flat_map(|(name, kind)| kind.drift(name, at)).collect();
        found.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.path.cmp(&b.path)));
        found
    }

    /// Forgets what went long ago, and what lies ahead of now, by a clock that was.
    pub(super) fn forget(&mut self, at: UtcMicros) {
        for kind in self.0.values_mut() {
            let samples = kind.samples;
            kind.fields.retain(|_, field| {
                let is_old = at.age_s(field.last_at) > FORGOTTEN_S && field.is_gone(samples, at);
                !is_old && !crate::feed::is_ahead(field.last_at, at)
            });
        }
    }

    /// Without what another version wrote otherwise.
    pub(super) fn checked(mut self) -> Self {
        for kind in self.0.values_mut() {
            let samples = kind.samples;
            kind.fields.retain(|_, f| f.first <= f.last && f.last < samples && f.seen > 0);
        }
        self
    }
}

#[cfg(test)]
mod tests;
