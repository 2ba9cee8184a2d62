//! Which language a page is in.

use axum::http::{HeaderMap, header};
use domain::Lang;

/// As `lang=` says, else as the browser prefers; German is the county's own.
pub fn asked(lang: Option<&str>, headers: &HeaderMap) -> Lang {
    if let Some(lang) = lang.and_then(|code| code.parse().ok()) {
        return lang;
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let weight = |item: &str| {
        let q = item.split(';').nth(1).and_then(|q| q.trim().strip_prefix("q="));
        q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0))
    };
    let mut best: Option<(f32, Lang)> = None;
    for item in accepted.split(',') {
        let code = item.split([';', '-']).next().unwrap_or_default().trim();
        if let Ok(lang) = code.parse()
            && best.is_none_or(|(w, _)| weight(item) > w)
        {
            best = Some((weight(item), lang));
        }
    }
    best.map_or(Lang::De, |(_, lang)| lang)
}

/// The label before a time, while a page cannot be updated.
pub fn lost(lang: Lang) -> &'static str {
    lang.say("Keine Verbindung. Stand:", "No connection. As of:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
        headers
    }

    #[test]
    fn the_switch_wins_then_the_browser_then_german() {
        assert_eq!(asked(Some("en"), &with("de")), Lang::En);
        assert_eq!(asked(None, &with("fr, de;q=0.5, en-GB;q=0.8")), Lang::En);
        assert_eq!(asked(None, &with("fr")), Lang::De);
        assert_eq!(asked(Some("xx"), &HeaderMap::new()), Lang::De);
    }
}
