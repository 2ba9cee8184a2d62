//! Diagnoses payloads that are not JSON. Only used when the parser has failed: the parser
//! reports where it stopped, a supplier needs to know what to write instead.

#[cfg(test)]
mod tests;

use domain::mistake::{Expected, Mistake, Remedy, Spot};

use super::json_type::show;
use crate::decode::Fault;

/// Characters shown of a word that is no JSON.
const SHOWN_CHARS: usize = 24;

/// A message that should be one object.
pub fn no_object(text: &str) -> Fault {
    let text = text.trim_ascii();
    if let Err(fault) = scanned(text) {
        return fault;
    }
    let (expected, remedy) = match text.as_bytes().first() {
        Some(b'[') => (Expected::OneObject, Remedy::SendEach),
        Some(b'"') => (Expected::Object, Remedy::SendTheJson),
        _ => (Expected::Object, Remedy::SendAnObject),
    };
    Fault::malformed(Spot::Payload, Mistake::Instead(show(text), expected)).remedy(remedy)
}

/// A message that should be a list.
pub fn no_list(text: &str) -> Fault {
    let text = text.trim_ascii();
    if text.starts_with('{') && scanned(text).is_ok() {
        let mistake = Mistake::Instead(show(text), Expected::List);
        return Fault::malformed(Spot::Payload, mistake).remedy(Remedy::SendAList);
    }
    no_object(text)
}

/// What is wrong with `text`, at which the parser failed with `error`.
pub fn syntax(text: &str, error: &serde_json::Error) -> Fault {
    scanned(text).err().unwrap_or_else(|| {
        let mistake = Mistake::NoJson(error.line(), error.column());
        Fault::malformed(Spot::Payload, mistake).remedy(Remedy::Validate)
    })
}

/// Whether it is JSON, else what is wrong with it.
fn scanned(text: &str) -> Result<(), Fault> {
    let mut scanner = Scanner::new(text);
    scanner.scan().map_err(|found| scanner.fault(found))
}

/// Where in a message the scanner is.
enum Level<'t> {
    /// In the value of this key.
    Object(&'t str),
    /// At this element.
    List(usize),
}

enum Awaits {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Next,
}

/// Reads JSON until something is wrong. Not recursive: a message may be nested as deep as it likes.
struct Scanner<'t> {
    rest: &'t str,
    all: &'t str,
    levels: Vec<Level<'t>>,
}

/// What is wrong, and what to write instead.
type Found = (Mistake, Remedy);
type Step = Result<(), Found>;

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Scanner { rest: text, all: text, levels: Vec::new() }
    }

    fn fault(&self, (mistake, remedy): Found) -> Fault {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Object("") => {}
                Level::Object(key) if path.is_empty() => path.push_str(key),
                Level::Object(key) => path.extend([".", *key]),
                Level::List(index) => path.push_str(&format!("[{index}]")),
            }
        }
        let at = if path.is_empty() { Spot::Payload } else { path.into() };
        Fault::malformed(at, mistake).remedy(remedy)
    }

    fn scan(&mut self) -> Step {
        let mut awaits = Awaits::Value;
        loop {
            self.rest = self.rest.trim_ascii_start();
            let Some(next) = self.rest.chars().next() else {
                return match (awaits, self.levels.is_empty()) {
                    (Awaits::Next, true) => Ok(()),
                    _ => Err(self.cut_off()),
                };
            };
            awaits = match (awaits, next) {
                (Awaits::Value | Awaits::ValueOrEnd, '{') => {
                    self.step(1);
                    self.levels.push(Level::Object(""));
                    Awaits::KeyOrEnd
                }
                (Awaits::Value | Awaits::ValueOrEnd, '[') => {
                    self.step(1);
                    self.levels.push(Level::List(0));
                    Awaits::ValueOrEnd
                }
                (Awaits::ValueOrEnd, ']') | (Awaits::KeyOrEnd, '}') => self.close(),
                (Awaits::Value | Awaits::ValueOrEnd, _) => self.scalar(next)?,
                (Awaits::Key | Awaits::KeyOrEnd, _) => self.key(next)?,
                (Awaits::Next, _) => self.next(next)?,
            };
        }
    }

    fn step(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn close(&mut self) -> Awaits {
        self.step(1);
        self.levels.pop();
        Awaits::Next
    }

    fn cut_off(&self) -> Found {
        (Mistake::BreaksOff(self.all.len()), Remedy::SendWhole)
    }

    fn next(&mut self, next: char) -> Result<Awaits, Found> {
        match (next, self.levels.last_mut()) {
            (',', Some(Level::List(index))) => {
                *index += 1;
                self.step(1);
                match self.rest.trim_ascii_start().starts_with(']') {
                    true => Err(trailing_comma()),
                    false => Ok(Awaits::Value),
                }
            }
            (',', Some(Level::Object(_))) => {
                let before = self.all.len() - self.rest.len();
                self.step(1);
                let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
                if is_digit(self.all[..before].chars().next_back()) && is_digit(self.rest.chars().next()) {
                    return Err((Mistake::DecimalComma, Remedy::DecimalPoint));
                }
                match self.rest.trim_ascii_start().starts_with('}') {
                    true => Err(trailing_comma()),
                    false => Ok(Awaits::Key),
                }
            }
            ('}', Some(Level::Object(_))) | (']', Some(Level::List(_))) => Ok(self.close()),
            ('{', None) => Err((Mistake::SecondObject, Remedy::OneObjectEach)),
            (_, None) => Err((Mistake::Follows(self.word().into()), Remedy::NothingElse)),
            _ => Err((Mistake::NoComma(self.word().into()), Remedy::Validate)),
        }
    }

    fn key(&mut self, next: char) -> Result<Awaits, Found> {
        if next != '"' {
            let unquoted = (Mistake::NoName(self.word().into()), Remedy::QuoteNames);
            return Err(if next == '\'' { single_quotes() } else { unquoted });
        }
        let key = self.string()?;
        if let Some(level @ Level::Object(_)) = self.levels.last_mut() {
            *level = Level::Object(key);
        }
        self.rest = self.rest.trim_ascii_start();
        match self.rest.chars().next() {
            None => Err(self.cut_off()),
            Some(':') => {
                self.step(1);
                Ok(Awaits::Value)
            }
            Some(_) => Err((Mistake::NoColon(self.word().into()), Remedy::Colon)),
        }
    }

    fn scalar(&mut self, next: char) -> Result<Awaits, Found> {
        if next == '"' {
            return self.string().map(|_| Awaits::Next);
        }
        let word = self.word();
        let is_number = serde_json::from_str::<serde_json::Number>(word).is_ok();
        let is_huge = word.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            && word.parse::<f64>().is_ok_and(f64::is_infinite);
        if matches!(word, "true" | "false" | "null") || is_number || is_huge {
            self.step(word.len());
            return Ok(Awaits::Next);
        }
        let bare = word.trim_start_matches(['-', '+']).to_ascii_lowercase();
        let shown = || word.chars().take(SHOWN_CHARS).collect::<String>().into();
        Err(match (next, bare.as_str()) {
            ('\'', _) => single_quotes(),
            ('\u{201c}' | '\u{201d}' | '\u{201e}', _) => (Mistake::TypographicQuotes, Remedy::PlainQuotes),
            (_, "nan" | "inf" | "infinity") => (Mistake::NoValue(shown()), Remedy::NoNan),
            (_, "true" | "false" | "none" | "undefined") => (Mistake::NoValue(shown()), Remedy::SmallLetters),
            (',' | '}' | ']', _) => (Mistake::NothingThere, Remedy::WriteNull),
            (_, _)
                if self.rest.len() == word.len()
                    && ["true", "false", "null"].iter().any(|w| w.starts_with(word)) =>
            {
                self.cut_off()
            }
            _ if next.is_ascii_digit() || matches!(next, '+' | '-' | '.') => {
                (Mistake::NoNumber(shown()), Remedy::PlainNumber)
            }
            _ => (Mistake::Unquoted(shown()), Remedy::QuoteTexts),
        })
    }

    /// Up to the next sign that ends a value.
    fn word(&self) -> &'t str {
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | '}' | ']' | ':' | '{' | '[');
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        // A sign that ends a value is shown itself.
        &self.rest[..if end == 0 { self.rest.chars().next().map_or(0, char::len_utf8) } else { end }]
    }

    /// Passes over a text in quotation marks; returns what stands between them.
    fn string(&mut self) -> Result<&'t str, Found> {
        let inner = &self.rest[1..];
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            match c {
                '"' if !escaped => {
                    self.step(at + 2);
                    return Ok(&inner[..at]);
                }
                c if c < ' ' => {
                    let mistake = if c == '\0' { Mistake::Nul } else { Mistake::Control };
                    return Err((mistake, Remedy::Escape));
                }
                c if escaped && !matches!(c, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u') => {
                    return Err((Mistake::NoEscape(c), Remedy::Backslash));
                }
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        Err(self.cut_off())
    }
}

fn single_quotes() -> Found {
    (Mistake::SingleQuotes, Remedy::DoubleQuotes)
}

fn trailing_comma() -> Found {
    (Mistake::TrailingComma, Remedy::NoLastComma)
}
