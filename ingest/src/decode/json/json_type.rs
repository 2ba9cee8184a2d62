//! What a value is, and why it is not what it should be.

use std::borrow::Cow;

use domain::Reason;

/// Characters shown of a value.
const SHOWN_CHARS: usize = 60;

/// Why a value is not what it should be.
#[derive(Debug)]
pub struct Invalid {
    pub reason: Reason,
    /// What would be right: it completes "... is not".
    pub expected: Cow<'static, str>,
    pub remedy: Option<Cow<'static, str>>,
}

impl Invalid {
    /// A value of the wrong type or form.
    pub fn new(expected: impl Into<Cow<'static, str>>) -> Self {
        Invalid { reason: Reason::Malformed, expected: expected.into(), remedy: None }
    }

    /// A value that cannot be true.
    pub fn implausible(expected: impl Into<Cow<'static, str>>) -> Self {
        Invalid { reason: Reason::Implausible, ..Invalid::new(expected) }
    }

    /// With what to do about it.
    pub fn remedy(self, remedy: impl Into<Cow<'static, str>>) -> Self {
        Invalid { remedy: Some(remedy.into()), ..self }
    }
}

/// The type of a value that stands as JSON.
#[derive(Debug)]
pub enum JsonType<'a> {
    /// Its characters, without quotation marks and escapes.
    Text(Cow<'a, str>),
    /// Its digits.
    Number(&'a str),
    /// `true` or `false`.
    Flag(bool),
    /// `[...]`
    List,
    /// `{...}`
    Object,
    /// Also a text with escapes that are none.
    Nothing,
}

impl<'a> JsonType<'a> {
    /// Of a value that was found to be JSON.
    pub fn of(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            Some(b'"') if !raw.contains('\\') => JsonType::Text(Cow::Borrowed(&raw[1..raw.len() - 1])),
            Some(b'"') => {
                serde_json::from_str(raw).map_or(JsonType::Nothing, |text| JsonType::Text(Cow::Owned(text)))
            }
            Some(b'-' | b'0'..=b'9') => JsonType::Number(raw),
            Some(b't') => JsonType::Flag(true),
            Some(b'f') => JsonType::Flag(false),
            Some(b'{') => JsonType::Object,
            Some(b'[') => JsonType::List,
            _ => JsonType::Nothing,
        }
    }
}

/// A value as a fault shows it.
pub fn show(raw: &str) -> String {
    let mut shown: String = raw.chars().take(SHOWN_CHARS).collect();
    if shown.len() < raw.len() {
        shown.push_str("...");
    }
    match raw.as_bytes().first() {
        Some(b'{') => format!("an object ({shown})"),
        Some(b'[') => format!("a list ({shown})"),
        _ => shown,
    }
}

/// A text.
pub fn text_of(raw: &str) -> Result<Cow<'_, str>, Invalid> {
    match JsonType::of(raw) {
        JsonType::Text(text) => Ok(text),
        JsonType::Number(_) => Err(Invalid::new("a text").remedy("Write it in quotation marks.")),
        _ => Err(Invalid::new("a text")),
    }
}
