//! Which fields there are, of which types, with which values.

use std::collections::BTreeMap;

use ingest::decode::json::JsonType;
use serde::Serialize;

use crate::json::{Leaf, for_each_leaf};
use crate::personal::{self, Personal};

/// Fields that are described: a message whose keys are ids has as many as devices.
const MAX_FIELDS: usize = 300;
/// Values shown of a field, and characters of each.
const EXAMPLES: usize = 3;
const EXAMPLE_CHARS: usize = 40;
/// Bytes of a path: keys may be as long as the message.
const MAX_PATH_BYTES: usize = 120;

/// What is known of one field.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Field {
    /// `rxInfo[].rssi`
    pub path: String,
    /// How often it was there.
    pub count: u64,
    /// How often of each type.
    pub types: BTreeMap<&'static str, u64>,
    /// The least number.
    pub min: Option<f64>,
    /// The greatest number.
    pub max: Option<f64>,
    /// Different values, some of them; none of a personal field.
    pub examples: Vec<String>,
    /// What it reveals of a person, and how often.
    pub personal: BTreeMap<Personal, u64>,
}

/// All fields of a feed.
#[derive(Debug, Default)]
pub struct Fields {
    all: BTreeMap<String, Field>,
    /// Values of fields that are not described.
    others: u64,
}

impl Fields {
    /// Takes in a message.
    pub fn note(&mut self, text: &str) {
        for_each_leaf(text, |leaf| self.leaf(leaf));
    }

    fn leaf(&mut self, leaf: &Leaf<'_>) {
        let path = &leaf.path[..leaf.path.floor_char_boundary(MAX_PATH_BYTES)];
        if !self.all.contains_key(path) {
            if self.all.len() >= MAX_FIELDS {
                self.others += 1;
                return;
            }
            self.all.insert(path.to_owned(), Field { path: path.to_owned(), ..Field::default() });
        }
        let Some(field) = self.all.get_mut(path) else { return };
        field.count += 1;
        let json = leaf.json();
        *field.types.entry(name_of(&json)).or_default() += 1;
        if let JsonType::Number(digits) = &json
            && let Ok(number) = digits.parse::<f64>()
            && number.is_finite()
        {
            field.min = Some(field.min.map_or(number, |least| least.min(number)));
            field.max = Some(field.max.map_or(number, |most| most.max(number)));
        }
        if let Some(what) = personal::of(leaf) {
            *field.personal.entry(what).or_default() += 1;
            field.examples.clear();
        } else if field.examples.len() < EXAMPLES && field.personal.is_empty() {
            let shown: String = leaf.raw.chars().take(EXAMPLE_CHARS).collect();
            if !field.examples.contains(&shown) {
                field.examples.push(shown);
            }
        }
    }

    /// All that are described, and how many values there were of others.
    pub fn finish(self) -> (Vec<Field>, u64) {
        (self.all.into_values().collect(), self.others)
    }
}

fn name_of(json: &JsonType<'_>) -> &'static str {
    match json {
        JsonType::Text(_) => "text",
        JsonType::Number(_) => "number",
        JsonType::Flag(_) => "flag",
        JsonType::List => "list",
        JsonType::Object => "object",
        JsonType::Nothing => "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_types_ranges_and_examples_and_personal_ones_no_example() {
        let mut fields = Fields::default();
        fields.note(r#"{"n":3,"s":"a","l":[{"x":true}],"driver":"Erika"}"#);
        fields.note(r#"{"n":-1.5,"s":null,"l":[{"x":false},{"x":7}]}"#);
        let (all, others) = fields.finish();
        let of = |path: &str| all.iter().find(|f| f.path == path).unwrap();
        assert_eq!((of("n").min, of("n").max, of("n").count), (Some(-1.5), Some(3.0), 2));
        assert_eq!(of("s").types, [("null", 1), ("text", 1)].into());
        assert_eq!(of("l[].x").types, [("flag", 2), ("number", 1)].into());
        assert_eq!(of("driver").personal, [(Personal::Name, 1)].into());
        assert!(of("driver").examples.is_empty());
        assert_eq!(others, 0);
    }

    #[test]
    fn keys_without_end_take_no_memory_without_end() {
        let mut fields = Fields::default();
        for i in 0..1_000 {
            fields.note(&format!("{{\"{i}{}\":{i}}}", "k".repeat(1_000)));
        }
        let (all, others) = fields.finish();
        assert_eq!((all.len(), others), (MAX_FIELDS, 1_000 - MAX_FIELDS as u64));
        assert!(all.iter().all(|f| f.path.len() <= MAX_PATH_BYTES));
    }
}
