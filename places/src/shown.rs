//! Foreign text on a terminal or in a log: characters that move the cursor, change colours or the direction of writing
//! are escaped.

use std::borrow::Cow;
use std::fmt::Write;

/// The text on one line. Escapes are those of JSON (`\u001b`), so JSON stays what it says.
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// The same of a text of several lines and columns: line feeds and tabs stay.
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_harmful = |c: char| (c.is_control() || changes_direction(c)) && !stays(c);
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmful(c) {
            // Writing to a string does not fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Whether it changes the direction of writing (Unicode, UAX #9).
fn changes_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_reaches_the_terminal_but_characters(text in any::<String>(), at in 0u32..0xa0, c in any::<char>()) {
            let control = char::from_u32(at).unwrap();
            let text = format!("{text}{control}{c}\u{202e}");
            let harmful = |c: char| c.is_control() || changes_direction(c);
            prop_assert!(!shown(&text).contains(harmful));
            let lines = shown_lines(&text);
            prop_assert!(!lines.contains(|c| harmful(c) && c != '\n' && c != '\t'));
            prop_assert_eq!(lines.lines().count(), text.lines().count());
        }

        #[test]
        fn what_is_harmless_stays(text in "[^\\pC]{0,40}") {
            prop_assert!(shown(&text) == text);
        }

        #[test]
        fn json_says_the_same(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let read: String = serde_json::from_str(&shown_lines(&json)).unwrap();
            prop_assert_eq!(read, text);
        }
    }

    #[test]
    fn escapes_are_seen() {
        assert_eq!(shown("a\u{1b}[2Jb\n"), "a\\u001b[2Jb\\u000a");
        assert_eq!(shown_lines("a\tb\r\n\u{9b}c"), "a\tb\\u000d\n\\u009bc");
    }
}
