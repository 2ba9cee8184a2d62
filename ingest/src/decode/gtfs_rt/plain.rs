//! Plain text of what operators write with an editor for web pages.

/// Named characters of HTML that German and Dutch texts have.
const NAMED: [(&str, char); 22] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("euml", 'ë'),
    ("iuml", 'ï'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("agrave", 'à'),
    ("ndash", '–'),
    ("hellip", '…'),
    ("euro", '€'),
    ("rarr", '→'),
];

/// Elements that begin a line.
const LINES: [&str; 10] = ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "ul"];

/// Elements whose content nobody reads.
const HIDDEN: [&str; 2] = ["script", "style"];

/// Text without tags and escapes of HTML, without control characters, and with single spaces; lines stay.
pub(super) fn plain(text: &str) -> String {
    // Some systems escape what is HTML already.
    let bare = without_markup(&without_markup(text));
    let lines = bare.lines().map(|line| {
        let words = line.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn without_markup(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        bare.push_str(&rest[..at]);
        rest = &rest[at..];
        let after = if rest.starts_with('<') { tag(rest, &mut bare) } else { escape(rest, &mut bare) };
        rest = after.unwrap_or_else(|| {
            bare.push_str(&rest[..1]);
            &rest[1..]
        });
    }
    bare.push_str(rest);
    bare
}

/// Skips a tag at the begin of `text`; returns what follows, `None`: it is none.
fn tag<'t>(text: &'t str, bare: &mut String) -> Option<&'t str> {
    let inner = &text[1..];
    if inner.starts_with("!--") {
        return Some(inner.find("-->").map_or("", |end| &inner[end + 3..]));
    }
    let name = inner.strip_prefix('/').unwrap_or(inner);
    name.chars().next().filter(|c| c.is_ascii_alphabetic() || *c == '!')?;
    let end = inner.find('>')?;
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if LINES.iter().any(|line| line.eq_ignore_ascii_case(name)) {
        bare.push('\n');
    }
    let after = &inner[end + 1..];
    if !inner.starts_with('/') && HIDDEN.iter().any(|hidden| hidden.eq_ignore_ascii_case(name)) {
        let close = format!("</{}", name.to_ascii_lowercase());
        return Some(after.to_ascii_lowercase().find(&close).map_or("", |at| &after[at..]));
    }
    Some(after)
}

/// Reads an escape at the begin of `text`; returns what follows, `None`: it is none.
fn escape<'t>(text: &'t str, bare: &mut String) -> Option<&'t str> {
    // The longest that is known has eight characters.
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => NAMED.iter().find(|(named, _)| *named == name)?.1,
    };
    bare.push(character);
    Some(&text[end + 1..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_and_escapes_go_and_lines_stay() {
        for (text, expected) in [
            ("Linie 7 &amp; 8: 5 < 6, a > b", "Linie 7 & 8: 5 < 6, a > b"),
            ("<p>Stra&szlig;e <b>gesperrt</b>.</p><p>Umleitung</p>", "Straße gesperrt.\nUmleitung"),
            ("a<br/>b<BR>c\r\n\r\n d  e\t\u{7}f", "a\nb\nc\nd e f"),
            ("<a href=\"javascript:alert(1)\">x</a> &#228;&#xe4;&bogus; &", "x ää&bogus; &"),
            ("damage.&lt;br /&gt;&lt;br /&gt; Delayed; 5 &lt; 6, 3 &lt;4", "damage.\nDelayed; 5 < 6, 3 <4"),
            ("a<script>alert('<p>')</script>b<!-- c --> d<style>x", "ab d"),
            ("&lt;script&gt;a", ""),
            ("<", "<"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_or_grows(text in "[<>/&;#xäbp!\\- 0-9]{0,60}") {
            prop_assert!(plain(&text).len() <= text.len());
        }
    }
}
