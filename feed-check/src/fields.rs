//! Which fields there are, of which types, with which values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ingest::decode::json::JsonType;
use serde::Serialize;

use crate::json::{Leaf, for_each_leaf};
use crate::personal;
use domain::feed_check::Personal;

/// Fields that are described: a message whose keys are ids has as many as devices.
const MAX_FIELDS: usize = 300;
/// Values shown of a field, and characters of each.
const EXAMPLES: usize = 3;
const EXAMPLE_CHARS: usize = 40;
/// Bytes of a path: keys may be as long as the message.
const MAX_PATH_BYTES: usize = 120;

/// Digits of a number in a name that is an id.
const ID_DIGITS: usize = 3;

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
        // Broken JSON is no field.
        if leaf.path.is_empty() {
            return;
        }
        let path = &*without_numbers(&leaf.path[..leaf.path.floor_char_boundary(MAX_PATH_BYTES)]);
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
            let mut shown: String = leaf.raw.chars().take(EXAMPLE_CHARS).collect();
            shown.push_str(if shown.len() < leaf.raw.len() { "..." } else { "" });
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

/// The path with long numbers in its names as `*`: `boxes.box24586.number` is the same field for every box.
fn without_numbers(path: &str) -> Cow<'_, str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let longest = path.split(|c| !is_digit(c)).map(str::len).max().unwrap_or(0);
    if longest < ID_DIGITS {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while !rest.is_empty() {
        let digits = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
        out.push_str(if digits < ID_DIGITS { &rest[..digits] } else { "*" });
        rest = &rest[digits..];
        let others = rest.find(is_digit).unwrap_or(rest.len());
        out.push_str(&rest[..others]);
        rest = &rest[others..];
    }
    Cow::Owned(out)
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
    fn ids_in_names_are_one_field() {
        let mut fields = Fields::default();
        fields.note(r#"{"boxes":{"box24586":{"n2":1},"box24587":{"n2":2}}}"#);
        let (all, _) = fields.finish();
        assert_eq!(
            all.iter().map(|f| (f.path.as_str(), f.count)).collect::<Vec<_>>(),
            [("boxes.box*.n2", 2)]
        );
    }

    #[test]
    fn keys_without_end_take_no_memory_without_end() {
        let mut fields = Fields::default();
        for i in 0..1_000 {
            let key: String = i.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
            fields.note(&format!("{{\"{key}{}\":{i}}}", "k".repeat(1_000)));
        }
        let (all, others) = fields.finish();
        assert_eq!((all.len(), others), (MAX_FIELDS, 1_000 - MAX_FIELDS as u64));
        assert!(all.iter().all(|f| f.path.len() <= MAX_PATH_BYTES));
    }
}
