//! Which language a page is in.

use axum::http::HeaderMap;
use domain::Lang;

use crate::http::language::accepted;

/// As `lang=` says, else as the browser prefers; German is the county's own.
pub fn asked(lang: Option<&str>, headers: &HeaderMap) -> Lang {
    if let Some(lang) = lang.and_then(|code| code.parse().ok()) {
        return lang;
    }
    accepted(headers).unwrap_or(Lang::De)
}

/// The label before a time, while a page cannot be updated.
pub fn lost(lang: Lang) -> &'static str {
    lang.say("Keine Verbindung. Stand:", "No connection. As of:")
}

#[cfg(test)]
mod tests {
    use axum::http::header;

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
