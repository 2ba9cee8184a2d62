//! Plain pages: vacant parking near a point, and the sites of a municipality as a sign. Rendered
//! here, so that they work without JavaScript; with it they keep themselves current.

pub mod assets;
mod beside;
pub mod docs;
mod home;
pub mod lang;
mod sign;
mod spot;

use std::collections::HashMap;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::http::problem::Problem;
use crate::http::wire::Source;
use domain::Lang;
pub use home::home;
pub use sign::sign;

/// Content security policy: nothing from other origins, nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whether `/docs` is on the same port, so that pages may lead there.
#[derive(Debug, Clone, Copy)]
pub struct HasDocs(pub bool);

/// The 404: a page for a browser, a problem for a program.
pub fn not_found(headers: &HeaderMap, query: Option<&str>, has_docs: bool) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !accept.split(',').any(|kind| kind.trim().starts_with("text/html")) {
        let remedy = if has_docs { "/docs lists what there is." } else { "Look at the path again." };
        return Problem::not_found("There is nothing at this address.", remedy).into_response();
    }
    let asked = parameters(query);
    let lang = lang::asked(asked.get("lang").map(String::as_str), headers);
    let frame = Frame {
        lang,
        title: lang.say("Seite nicht gefunden", "Page not found"),
        class: "notice",
        other_lang: format!("?lang={}", lang.other().as_str()),
        refresh_s: None,
        has_docs,
    };
    let content = html! {
        h1 { (lang.say("Diese Seite gibt es nicht", "There is no such page")) }
        p {
            (lang.say("Prüfen Sie die Adresse, oder ", "Check the address, or "))
            a href={ "/?lang=" (lang.as_str()) } {
                (lang.say("suchen Sie freie Parkplätze", "look for vacant parking"))
            }
            "."
        }
    };
    let mut response = html_response(frame.around(&content));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Whose data a page shows, and under which terms.
fn credits(sources: &[Source<'_>], lang: Lang) -> Markup {
    let named = sources.iter().filter_map(|source| Some((source.attribution?, source.licence)));
    let named: Vec<String> = named
        .map(|(who, licence)| licence.map_or_else(|| who.to_owned(), |licence| format!("{who} ({licence})")))
        .collect();
    html! {
        @if !named.is_empty() {
            p class="quiet" { (lang.say("Daten: ", "Data: ")) (named.join("; ")) "." }
        }
    }
}

/// A page as an answer.
pub fn html_response(page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-language"),
    ];
    (headers, page).into_response()
}

/// The parameters of a page; unknown ones are ignored.
fn parameters(query: Option<&str>) -> HashMap<String, String> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The frame around all pages.
struct Frame<'a> {
    lang: Lang,
    title: &'a str,
    /// Class of the body.
    class: &'a str,
    /// The same page in the other language.
    other_lang: String,
    /// Without JavaScript: reload after this many seconds.
    refresh_s: Option<u32>,
    /// Whether `/docs` is on this port.
    has_docs: bool,
}

impl Frame<'_> {
    fn around(&self, content: &Markup) -> String {
        let lang = self.lang;
        let page = html! {
            (DOCTYPE)
            html lang=(lang.as_str()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    (assets::style())
                    (assets::script())
                    @if let Some(seconds) = self.refresh_s {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body class=(self.class) {
                    header {
                        p { a href={ "/?lang=" (lang.as_str()) } { "Kreisverkehr" } }
                        nav aria-label=(lang.say("Sprache", "Language")) {
                            a href=(self.other_lang) lang=(lang.other().as_str()) hreflang=(lang.other().as_str()) {
                                (lang.other().say("Deutsch", "English"))
                            }
                        }
                    }
                    main { (content) }
                    @if self.has_docs {
                        footer {
                            p {
                                (lang.say("Für Programme: ", "For programs: "))
                                a href="/docs" { "API" }
                            }
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}
