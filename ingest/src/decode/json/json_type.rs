//! What a value is, and why it is not what it should be.

use std::borrow::Cow;

use domain::Reason;
use domain::mistake::{Expected, Quoted, Remedy};

/// Characters shown of a value.
const SHOWN_CHARS: usize = 60;

/// Why a value is not what it should be.
#[derive(Debug)]
pub struct Invalid {
    pub reason: Reason,
    /// What would be right.
    pub expected: Expected,
    pub remedy: Option<Remedy>,
}

impl Invalid {
    /// A value of the wrong type or form.
    pub fn new(expected: Expected) -> Self {
        Invalid { reason: Reason::Malformed, expected, remedy: None }
    }

    /// A value that cannot be true.
    pub fn implausible(expected: Expected) -> Self {
        Invalid { reason: Reason::Implausible, ..Invalid::new(expected) }
    }

    /// With what to do about it.
    pub fn remedy(self, remedy: Remedy) -> Self {
        Invalid { remedy: Some(remedy), ..self }
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

/// As much of a value as a fault shows.
pub fn show(raw: &str) -> Quoted {
    match raw.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &raw[..end]).into(),
        None => raw.into(),
    }
}

/// A text.
pub fn text_of(raw: &str) -> Result<Cow<'_, str>, Invalid> {
    match JsonType::of(raw) {
        JsonType::Text(text) => Ok(text),
        JsonType::Number(_) => Err(Invalid::new(Expected::Text).remedy(Remedy::QuoteIt)),
        _ => Err(Invalid::new(Expected::Text)),
    }
}
