//! What is wrong, grouped: the same mistake in a thousand messages is one.

use std::collections::BTreeMap;

use domain::{Lang, Reason};
use ingest::decode::{Dropped, Fault, Faults};
use serde::Serialize;

use crate::personal::redact;
use crate::short;

/// Groups that are kept: reasons and fields are few; what is beyond is counted.
const MAX_GROUPS: usize = 100;
/// Devices and places named in a group.
const MAX_DEVICES: usize = 10;
/// Characters shown before and after the place at fault.
const AROUND_CHARS: usize = 60;
/// Bytes shown of a payload that is no text.
const SHOWN_BYTES: usize = 24;

/// Messages, or elements of them, that are wrong for the same reason in the same field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// From the closed list.
    pub reason: Reason,
    /// The field, as the first fault names it.
    pub field: String,
    /// How often.
    pub count: u64,
    /// Of the first: the field, its value and what would be right.
    pub detail: String,
    /// What to do.
    pub remedy: String,
    /// Whether `remedy` says more than the reason alone.
    pub is_specific: bool,
    /// Devices and places that it is about, some of them.
    pub devices: Vec<String>,
    /// The first one's topic.
    pub topic: String,
    /// The first one's payload around the place at fault, without personal data.
    pub excerpt: String,
    /// The first one.
    #[serde(skip)]
    pub fault: Fault,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Groups {
    /// By reason, field and remedy.
    all: BTreeMap<[String; 3], Group>,
    others: u64,
    dropped: BTreeMap<(String, Reason), u64>,
}

impl Groups {
    /// Takes in the faults of a message.
    pub fn note(&mut self, faults: &Faults, topic: &str, payload: &[u8]) {
        let mut described: BTreeMap<Reason, u64> = BTreeMap::new();
        for fault in faults.described() {
            *described.entry(fault.reason).or_default() += 1;
        }
        for fault in faults.described() {
            // Those that are counted only belong to the first of their reason.
            let counted = faults.counts().get(&fault.reason).copied().unwrap_or(1);
            let rest = counted - described.insert(fault.reason, counted).unwrap_or(counted).min(counted);
            self.fault(fault, 1 + rest, topic, payload);
        }
    }

    fn fault(&mut self, fault: &Fault, count: u64, topic: &str, payload: &[u8]) {
        let detail = fault.detail.to_string();
        let field = field_of(&detail);
        let key = [fault.reason.as_str().to_owned(), field.to_owned(), fault.advice(Lang::En)];
        if !self.all.contains_key(&key) && self.all.len() >= MAX_GROUPS {
            self.others += count;
            return;
        }
        let remedy = key[2].clone();
        let group = self.all.entry(key).or_insert_with(|| Group {
            reason: fault.reason,
            field: field.to_owned(),
            count: 0,
            detail: detail.clone(),
            remedy,
            is_specific: fault.remedy.is_some(),
            devices: Vec::new(),
            topic: short(topic).to_owned(),
            excerpt: excerpt(topic, payload, field),
            fault: fault.clone(),
        });
        group.count += count;
        if let Some(device) = &fault.device
            && group.devices.len() < MAX_DEVICES
            && !group.devices.contains(device)
        {
            group.devices.push(device.clone());
        }
    }

    /// Takes in fields without which a message is accepted.
    pub fn note_dropped(&mut self, dropped: &[Dropped]) {
        for one in dropped {
            let key = (one.field.clone(), one.reason);
            if self.dropped.len() < MAX_GROUPS || self.dropped.contains_key(&key) {
                *self.dropped.entry(key).or_default() += 1;
            }
        }
    }

    /// All groups, the largest first; how many faults are in none; fields that were dropped, with reason and number.
    pub fn finish(self) -> (Vec<Group>, u64, Vec<DroppedField>) {
        let mut all: Vec<Group> = self.all.into_values().collect();
        all.sort_by_key(|group| std::cmp::Reverse(group.count));
        let dropped = self.dropped.into_iter();
        let dropped = dropped.map(|((field, reason), count)| DroppedField { field, reason, count });
        (all, self.others, dropped.collect())
    }
}

/// An optional field that is wrong, and costs nothing but itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DroppedField {
    /// As the format names it.
    pub field: String,
    /// `malformed` or `implausible`.
    pub reason: Reason,
    /// How often.
    pub count: u64,
}

/// `temperature_c` of `element 3: temperature_c: nan is no JSON value`.
fn field_of(detail: &str) -> &str {
    let mut parts = detail.splitn(3, ": ");
    match (parts.next(), parts.next()) {
        (Some(first), Some(second)) if first.starts_with("element ") && parts.next().is_some() => second,
        (Some(first), Some(_)) if first.len() <= 80 => first,
        _ => "",
    }
}

/// The payload around `field`, or its beginning.
fn excerpt(topic: &str, payload: &[u8], field: &str) -> String {
    let (payload, _) = redact(topic, payload, |_| None);
    let Ok(text) = std::str::from_utf8(&payload) else {
        let bytes: Vec<String> = payload.iter().take(SHOWN_BYTES).map(|b| format!("{b:02x}")).collect();
        let dots = if payload.len() > SHOWN_BYTES { " ..." } else { "" };
        return format!("{}{dots}", bytes.join(" "));
    };
    let last = field.rsplit(['.', ',', ' ']).next().unwrap_or_default();
    let last = last.split('[').next().unwrap_or_default();
    let at = if last.is_empty() { None } else { text.find(&format!("\"{last}\"")) };
    let around = at.map_or(0, |at| text[..at].chars().count());
    let from = around.saturating_sub(AROUND_CHARS);
    let shown: String = text.chars().skip(from).take(2 * AROUND_CHARS + 40).collect();
    let before = if from > 0 { "..." } else { "" };
    let after = if text.chars().nth(from + 2 * AROUND_CHARS + 40).is_some() { "..." } else { "" };
    format!("{before}{shown}{after}")
}

#[cfg(test)]
mod tests {
    use domain::mistake::{Expected, Mistake, Subject};

    use super::*;

    #[test]
    fn the_same_mistake_is_one_and_all_are_counted() {
        let mut groups = Groups::default();
        let mut faults = Faults::default();
        for n in 0..500 {
            let mistake = Mistake::IsNot("\"full\"".into(), Expected::OneOf("vacant".into()));
            faults.push(Fault::malformed("state", mistake).of_element(n).about(format!("b{n}")));
        }
        let mistake = Mistake::UnknownPlace(Subject::Bay, "x".into());
        faults.push(Fault::new(Reason::UnknownPlace, "bay", mistake));
        groups.note(&faults, "kv/1/f/batch", b"[]");
        groups.note(&faults, "kv/1/f/batch", b"[]");
        let (all, others, _) = groups.finish();
        assert_eq!(others, 0);
        let shown: Vec<_> = all.iter().map(|g| (g.reason.as_str(), g.field.as_str(), g.count)).collect();
        assert_eq!(shown, [("malformed", "state", 1_000), ("unknown_place", "bay", 2)]);
        assert_eq!(all[0].devices.len(), MAX_DEVICES);
        assert!(!all[1].is_specific && all[1].remedy.contains("Add the place"));
    }

    #[test]
    fn an_excerpt_shows_the_place_at_fault_and_nobody_s_data() {
        let text = format!(r#"{{"pad":"{}","driver":"Erika","battery_v":NaN,"z":1}}"#, "x".repeat(300));
        let shown = excerpt("kv/1/f/bay/1", text.as_bytes(), "battery_v");
        assert!(shown.contains("NaN") && shown.starts_with("...") && shown.len() < 300, "{shown}");
        let text = r#"{"driver":"Erika","state":"full"}"#;
        assert_eq!(excerpt("kv/1/f/bay/1", text.as_bytes(), "state"), r#"{"state":"full"}"#);
        assert_eq!(excerpt("x", b"\xff\x00\x01", ""), "ff 00 01");
    }
}
