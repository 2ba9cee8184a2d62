//! Diagnoses payloads that are not JSON. Only used when the parser has failed: the parser
//! reports where it stopped, a supplier needs to know what to write instead.

#[cfg(test)]
mod tests;

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
    let shown = show(text);
    match text.as_bytes().first() {
        Some(b'[') => {
            Fault::malformed(format!("payload: {shown} where one object is expected"))
                .remedy("Send each object as a message of its own; lists belong on the topic kv/1/FEED/batch of a native feed.")
        }
        Some(b'"') => Fault::malformed(format!("payload: the text {shown} where an object is expected"))
            .remedy("Send the JSON itself, not a text that contains it."),
        _ => Fault::malformed(format!("payload: {shown} where an object is expected"))
            .remedy("Send a JSON object, {...}, with the fields of the format."),
    }
}

/// A message that should be a list.
pub fn no_list(text: &str) -> Fault {
    let text = text.trim_ascii();
    if text.starts_with('{') && scanned(text).is_ok() {
        return Fault::malformed(format!("payload: {} where a list is expected", show(text)))
            .remedy("Put it in brackets: [{...}, {...}].");
    }
    no_object(text)
}

/// What is wrong with `text`, at which the parser failed with `error`.
pub fn syntax(text: &str, error: &serde_json::Error) -> Fault {
    scanned(text).err().unwrap_or_else(|| {
        let (line, column) = (error.line(), error.column());
        Fault::malformed(format!("payload: it cannot be read as JSON, line {line}, column {column}"))
            .remedy("Check the message with a JSON validator.")
    })
}

/// Whether it is JSON, else what is wrong with it.
fn scanned(text: &str) -> Result<(), Fault> {
    let mut scanner = Scanner::new(text);
    scanner.scan().map_err(|mistake| scanner.fault(mistake))
}

/// What is wrong, and what to write instead.
struct Mistake(String, &'static str);

/// Where in a message the scanner is.
enum Level<'t> {
    /// In the value of this key.
    Object(&'t str),
    /// At this element.
    List(usize),
}

enum Expected {
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

type Step = Result<(), Mistake>;

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Scanner { rest: text, all: text, levels: Vec::new() }
    }

    fn fault(&self, Mistake(what, remedy): Mistake) -> Fault {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Object("") => {}
                Level::Object(key) if path.is_empty() => path.push_str(key),
                Level::Object(key) => path.extend([".", *key]),
                Level::List(index) => path.push_str(&format!("[{index}]")),
            }
        }
        let path = if path.is_empty() { "payload" } else { &path };
        Fault::malformed(format!("{path}: {what}")).remedy(remedy)
    }

    fn scan(&mut self) -> Step {
        let mut expected = Expected::Value;
        loop {
            self.rest = self.rest.trim_ascii_start();
            let Some(next) = self.rest.chars().next() else {
                return match (expected, self.levels.is_empty()) {
                    (Expected::Next, true) => Ok(()),
                    _ => Err(self.cut_off()),
                };
            };
            expected = match (expected, next) {
                (Expected::Value | Expected::ValueOrEnd, '{') => {
                    self.step(1);
                    self.levels.push(Level::Object(""));
                    Expected::KeyOrEnd
                }
                (Expected::Value | Expected::ValueOrEnd, '[') => {
                    self.step(1);
                    self.levels.push(Level::List(0));
                    Expected::ValueOrEnd
                }
                (Expected::ValueOrEnd, ']') | (Expected::KeyOrEnd, '}') => self.close(),
                (Expected::Value | Expected::ValueOrEnd, _) => self.scalar(next)?,
                (Expected::Key | Expected::KeyOrEnd, _) => self.key(next)?,
                (Expected::Next, _) => self.next(next)?,
            };
        }
    }

    fn step(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn close(&mut self) -> Expected {
        self.step(1);
        self.levels.pop();
        Expected::Next
    }

    fn cut_off(&self) -> Mistake {
        let remedy = "Is a buffer of the sender too small, or its largest packet? Send the whole message.";
        Mistake(format!("the JSON breaks off after {} bytes", self.all.len()), remedy)
    }

    fn next(&mut self, next: char) -> Result<Expected, Mistake> {
        match (next, self.levels.last_mut()) {
            (',', Some(Level::List(index))) => {
                *index += 1;
                self.step(1);
                match self.rest.trim_ascii_start().starts_with(']') {
                    true => Err(trailing_comma()),
                    false => Ok(Expected::Value),
                }
            }
            (',', Some(Level::Object(_))) => {
                let before = self.all.len() - self.rest.len();
                self.step(1);
                let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
                if is_digit(self.all[..before].chars().next_back()) && is_digit(self.rest.chars().next()) {
                    let remedy = "JSON has a decimal point: write 3.6, not 3,6.";
                    return Err(Mistake("a comma stands in the number".into(), remedy));
                }
                match self.rest.trim_ascii_start().starts_with('}') {
                    true => Err(trailing_comma()),
                    false => Ok(Expected::Key),
                }
            }
            ('}', Some(Level::Object(_))) | (']', Some(Level::List(_))) => Ok(self.close()),
            ('{', None) => Err(Mistake(
                "a second JSON object follows the first".into(),
                "Send each object as a message of its own, or all as a list, [{...}, {...}], where the format takes one.",
            )),
            (_, None) => {
                Err(Mistake(format!("'{}' follows the JSON", self.word()), "Send nothing but the JSON."))
            }
            _ => Err(Mistake(
                format!("'{}' where a comma or the end is expected", self.word()),
                "Check the message with a JSON validator.",
            )),
        }
    }

    fn key(&mut self, next: char) -> Result<Expected, Mistake> {
        if next != '"' {
            let what = format!("'{}' where a field's name is expected", self.word());
            let unquoted = Mistake(what, "Write names in double quotation marks.");
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
                Ok(Expected::Value)
            }
            Some(_) => {
                Err(Mistake(format!("'{}' where a colon is expected", self.word()), "Write \"name\": value."))
            }
        }
    }

    fn scalar(&mut self, next: char) -> Result<Expected, Mistake> {
        if next == '"' {
            return self.string().map(|_| Expected::Next);
        }
        let word = self.word();
        let is_number = serde_json::from_str::<serde_json::Number>(word).is_ok();
        let is_huge = word.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            && word.parse::<f64>().is_ok_and(f64::is_infinite);
        if matches!(word, "true" | "false" | "null") || is_number || is_huge {
            self.step(word.len());
            return Ok(Expected::Next);
        }
        let bare = word.trim_start_matches(['-', '+']).to_ascii_lowercase();
        let shown: String = word.chars().take(SHOWN_CHARS).collect();
        Err(match (next, bare.as_str()) {
            ('\'', _) => single_quotes(),
            ('\u{201c}' | '\u{201d}' | '\u{201e}', _) => {
                Mistake("typographic quotation marks".into(), "Write plain ones: \".")
            }
            (_, "nan" | "inf" | "infinity") => Mistake(
                format!("{shown} is no JSON value"),
                "Leave the field out, or write null, when there is no value: JSON has no NaN and no infinity.",
            ),
            (_, "true" | "false" | "none" | "undefined") => Mistake(
                format!("{shown} is no JSON value"),
                "JSON has true, false and null, in small letters; in Python use json.dumps, not str.",
            ),
            (',' | '}' | ']', _) => {
                Mistake("no value stands there".into(), "Write null when there is no value.")
            }
            (_, _)
                if self.rest.len() == word.len()
                    && ["true", "false", "null"].iter().any(|w| w.starts_with(word)) =>
            {
                self.cut_off()
            }
            _ if next.is_ascii_digit() || matches!(next, '+' | '-' | '.') => Mistake(
                format!("{shown} is no number as JSON writes them"),
                "Write 3.6: a decimal point, no leading zero or plus, no unit.",
            ),
            _ => Mistake(
                format!("'{shown}' stands there without quotation marks"),
                "Write texts in double quotation marks.",
            ),
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
    fn string(&mut self) -> Result<&'t str, Mistake> {
        let inner = &self.rest[1..];
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            match c {
                '"' if !escaped => {
                    self.step(at + 2);
                    return Ok(&inner[..at]);
                }
                c if c < ' ' => {
                    let what = if c == '\0' { "a NUL byte" } else { "a line break or control character" };
                    let remedy = "Write it as an escape, e.g. \\n, or leave it out.";
                    return Err(Mistake(format!("{what} stands in the text"), remedy));
                }
                c if escaped && !matches!(c, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u') => {
                    let remedy = "Write a backslash twice: \\\\.";
                    return Err(Mistake(format!("\\{c} is no escape of JSON"), remedy));
                }
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        Err(self.cut_off())
    }
}

fn single_quotes() -> Mistake {
    let remedy = "JSON has double ones, \"; in Python use json.dumps, not str.";
    Mistake("it stands in single quotation marks".into(), remedy)
}

fn trailing_comma() -> Mistake {
    Mistake("a comma stands before the end".into(), "Leave out the last comma.")
}
