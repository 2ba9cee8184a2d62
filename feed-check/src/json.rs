//! JSON of any kind, value by value: what stands where, and the same text with some values changed.

use std::borrow::Cow;

use ingest::decode::json::{JsonType, elements, entries, text};

/// What is nested deeper is looked at as one value.
const MAX_DEPTH: usize = 16;

/// Values looked at in one message: a message of a mebibyte may hold half a million.
const MAX_LEAVES: usize = 5_000;

/// Larger messages are not looked at field by field.
const MAX_TEXT_BYTES: usize = 4 << 20;

/// A value that holds no others, or nothing.
pub struct Leaf<'a> {
    /// `rxInfo[].rssi`
    pub path: &'a str,
    /// The last name in it.
    pub key: &'a str,
    /// The value as it stands there.
    pub raw: &'a str,
}

impl Leaf<'_> {
    /// Its type.
    pub fn json(&self) -> JsonType<'_> {
        JsonType::of(self.raw)
    }
}

/// The payload as JSON text, if it may be some.
pub fn of_payload(payload: &[u8]) -> Option<Cow<'_, str>> {
    let text = text(payload).ok().filter(|text| text.len() <= MAX_TEXT_BYTES)?;
    let start = text.trim_ascii_start().as_bytes().first().copied();
    matches!(start, Some(b'{' | b'[')).then_some(text)
}

/// Calls `visit` with each leaf of `text`, up to a bound.
pub fn for_each_leaf(text: &str, mut visit: impl FnMut(&Leaf<'_>)) {
    let mut left = MAX_LEAVES;
    edit(text, &mut |leaf| {
        visit(leaf);
        left = left.saturating_sub(1);
        (left > 0).then_some(Edit::Keep)
    });
}

/// What becomes of a leaf.
pub enum Edit {
    /// It stays.
    Keep,
    /// This stands in its place.
    Replace(String),
    /// It goes, with its name.
    Drop,
}

/// The text with its leaves changed as `change` says, which ends the walk with `None`. Where nothing changes, not a byte does.
pub fn edit(text: &str, change: &mut impl FnMut(&Leaf<'_>) -> Option<Edit>) -> String {
    let mut walk = Walk { change, is_over: false };
    let mut out = String::with_capacity(text.len());
    walk.value(text, &mut String::new(), "", 0, &mut out);
    out
}

struct Walk<'c, F> {
    change: &'c mut F,
    is_over: bool,
}

impl<F: FnMut(&Leaf<'_>) -> Option<Edit>> Walk<'_, F> {
    /// Whether the value stays.
    fn value(&mut self, raw: &str, path: &mut String, key: &str, depth: usize, out: &mut String) -> bool {
        let trimmed = raw.trim_ascii();
        if depth < MAX_DEPTH && !self.is_over {
            match trimmed.as_bytes().first() {
                Some(b'{') => {
                    if let Some(all) = entries(trimmed).filter(|all| !all.is_empty()) {
                        self.object(raw, &all, path, depth, out);
                        return true;
                    }
                }
                Some(b'[') => {
                    if let Some(all) = elements(trimmed).ok().filter(|all| !all.is_empty()) {
                        self.list(raw, &all, path, key, depth, out);
                        return true;
                    }
                }
                _ => {}
            }
        }
        let edit = if self.is_over { None } else { (self.change)(&Leaf { path, key, raw: trimmed }) };
        self.is_over |= edit.is_none();
        match edit {
            Some(Edit::Replace(with)) => out.push_str(&raw.replacen(trimmed, &with, 1)),
            Some(Edit::Drop) => return false,
            Some(Edit::Keep) | None => out.push_str(raw),
        }
        true
    }

    fn object(
        &mut self,
        raw: &str,
        all: &[(Cow<'_, str>, &str)],
        path: &mut String,
        depth: usize,
        out: &mut String,
    ) {
        let length = path.len();
        let (mut copied, mut is_first, mut has_any) = (0, true, false);
        for (name, value) in all {
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            let (at, before) = (offset(raw, value), out.len());
            let name_and_comma = &raw[copied..at];
            if is_first || has_any {
                out.push_str(name_and_comma);
            } else {
                // What stood before it has gone, with the brace.
                out.push('{');
                out.push_str(name_and_comma.trim_ascii_start().trim_start_matches(','));
            }
            if self.value(value, path, name, depth + 1, out) {
                has_any = true;
            } else {
                out.truncate(before);
            }
            (copied, is_first) = (at + value.len(), false);
            path.truncate(length);
        }
        out.push_str(if has_any { "" } else { "{" });
        out.push_str(&raw[copied..]);
    }

    fn list(
        &mut self,
        raw: &str,
        all: &[&str],
        path: &mut String,
        key: &str,
        depth: usize,
        out: &mut String,
    ) {
        let length = path.len();
        path.push_str("[]");
        let mut copied = 0;
        for value in all {
            let at = offset(raw, value);
            out.push_str(&raw[copied..at]);
            if !self.value(value, path, key, depth + 1, out) {
                out.push_str("null");
            }
            copied = at + value.len();
        }
        out.push_str(&raw[copied..]);
        path.truncate(length);
    }
}

/// Where `part`, a piece of `whole`, begins in it.
fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_named_by_their_path() {
        let mut seen = Vec::new();
        for_each_leaf(r#"{"a":1,"b":{"c":[{"d":"x"},{"d":null}],"e":[]}, "f":{}}"#, |leaf| {
            seen.push(format!("{} {} {}", leaf.path, leaf.key, leaf.raw));
        });
        assert_eq!(seen, ["a a 1", "b.c[].d d \"x\"", "b.c[].d d null", "b.e e []", "f f {}"]);
    }

    #[test]
    fn what_changes_nothing_leaves_every_byte_and_what_goes_takes_its_comma_along() {
        let text = " { \"a\" : 1 , \"b\":[ {\"c\" : \"{,\"} ,2 ], \"d\": 3 }\n";
        assert_eq!(edit(text, &mut |_| Some(Edit::Keep)), text);
        for gone in ["a", "b", "c", "d", "ab", "ad", "bcd", "abcd"] {
            let edited = edit(text, &mut |leaf| {
                Some(if gone.contains(leaf.key) { Edit::Drop } else { Edit::Replace("7".into()) })
            });
            let json: serde_json::Value =
                serde_json::from_str(&edited).unwrap_or_else(|e| panic!("{edited}: {e}"));
            for key in ["a", "d"] {
                assert_eq!(json.get(key).is_some(), !gone.contains(key), "{edited}");
            }
        }
    }

    #[test]
    fn deep_and_broken_texts_are_one_leaf_each() {
        let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
        for text in [&deep, "{", "[1,", "", "nothing"] {
            let mut n = 0;
            for_each_leaf(text, |_| n += 1);
            assert_eq!(n, 1, "{text}");
        }
    }
}
