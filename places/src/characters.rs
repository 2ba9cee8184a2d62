//! Invisible characters, and HTML entities.

/// The name of a character that is invisible or looks like a plain space.
fn invisible(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{a0}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' => "a zero-width joiner",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a mark of writing direction"
        }
        '\u{2060}'..='\u{2064}' => "an invisible joiner",
        '\u{feff}' => "a byte order mark",
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => "a special space",
        '\u{2028}' | '\u{2029}' => "a line separator",
        _ => return None,
    })
}

/// The first invisible character of a text, with its name and position.
pub(crate) fn hidden(text: &str) -> Option<String> {
    const SHOWN_CHARS: usize = 20;
    let (at, c, name) = text.char_indices().find_map(|(at, c)| Some((at, c, invisible(c)?)))?;
    let before: String = text[..at].chars().rev().take(SHOWN_CHARS).collect();
    let before: String = before.chars().rev().collect();
    let after: String =
        text[at + c.len_utf8()..].chars().filter(|c| invisible(*c).is_none()).take(SHOWN_CHARS).collect();
    let place = if before.is_empty() { format!("before '{after}'") } else { format!("behind '{before}'") };
    Some(format!("{name} (U+{:04X}) {place}", u32::from(c)))
}

/// A text for people: special spaces become blanks, what has no width goes, entities of HTML become their
/// characters.
pub(crate) fn readable(text: &str) -> String {
    let text = if text.contains('&') { without_entities(text) } else { text.to_owned() };
    let plain = |c: char| match invisible(c) {
        None => Some(c),
        Some("a no-break space" | "a special space") => Some(' '),
        Some("a line separator") => Some('\n'),
        Some(_) => None,
    };
    text.chars().filter_map(plain).collect::<String>().trim().to_owned()
}

/// The longest name of an entity, bytes.
const MAX_ENTITY_BYTES: usize = 10;

fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.bytes().take(MAX_ENTITY_BYTES).position(|b| b == b';');
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((c, end)) => {
                plain.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain + rest
}

/// The character of `&name;`: numbers, and the names that occur in European place names (HTML 5, 13.5).
fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control());
    }
    const NAMED: &str = "amp=& lt=< gt=> quot=\" apos=' nbsp=\u{a0} shy=\u{ad} auml=ä ouml=ö uuml=ü Auml=Ä Ouml=Ö \
                         Uuml=Ü szlig=ß agrave=à aacute=á acirc=â aring=å Aring=Å aelig=æ ccedil=ç egrave=è \
                         eacute=é Eacute=É ecirc=ê euml=ë iacute=í icirc=î iuml=ï ntilde=ñ oacute=ó ocirc=ô \
                         oslash=ø Oslash=Ø uacute=ú ugrave=ù ucirc=û euro=€ sect=§ deg=° ndash=– mdash=— middot=· \
                         bdquo=„";
    let (_, character) =
        NAMED.split(' ').filter_map(|entry| entry.split_once('=')).find(|(known, _)| *known == name)?;
    character.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_have_names() {
        for (text, expected) in [
            ("70b3\u{200b}", Some("a zero-width space (U+200B) behind '70b3'")),
            ("\u{feff}a", Some("a byte order mark (U+FEFF) before 'a'")),
            ("P\u{a0}1", Some("a no-break space (U+00A0) behind 'P'")),
            ("Park\u{ad}haus", Some("a soft hyphen (U+00AD) behind 'Park'")),
            ("a\u{202f}b", Some("a special space (U+202F) behind 'a'")),
            ("Straße 17 é – „x“", None),
        ] {
            assert_eq!(hidden(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn texts_are_as_people_meant_them() {
        for (text, meant) in [
            ("Parkhaus S&uuml;d &amp; Caf&eacute;", "Parkhaus Süd & Café"),
            ("Stra&#223;e &#x41;&#8211;B", "Straße A–B"),
            ("P&R, Karl & Söhne; A&;B &unbekannt; &", "P&R, Karl & Söhne; A&;B &unbekannt; &"),
            ("&#0;&#99999999999;&#xD800;", "&#0;&#99999999999;&#xD800;"),
            ("Am\u{a0}Markt\u{200b}", "Am Markt"),
            ("&auml&ouml;&", "&auml\u{f6}&"),
        ] {
            assert_eq!(readable(text), meant);
        }
    }

    #[test]
    fn entities_cut_no_character_in_two() {
        assert_eq!(readable("&ääääääää; &äää;"), "&ääääääää; &äää;");
    }
}
