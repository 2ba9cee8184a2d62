//! Plain pages: vacant parking near a point, and the sites of a municipality as a sign. Rendered
//! here, so that they work without JavaScript; with it they keep themselves current.

pub mod assets;
mod home;
mod lang;
mod sign;
mod spot;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use crate::app::Shared;
use lang::Lang;

/// Nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The routes of the pages.
pub fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/", get(home::home)).route("/sign/{municipality}", get(sign::sign))
}

/// A page as an answer.
pub fn html_response(page: String) -> Response {
    let mut response = page.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

/// The parameters of a page's address; unknown ones are nobody's harm here.
fn parameters(query: Option<&str>) -> HashMap<String, String> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// What all pages have around them.
struct Frame<'a> {
    lang: Lang,
    title: &'a str,
    /// Class of the body.
    class: &'a str,
    /// The same page in the other language.
    other_lang: String,
    /// Without JavaScript: ask again after so many seconds.
    refresh_s: Option<u32>,
    /// Whether `/docs` is on this port.
    has_docs: bool,
}

impl Frame<'_> {
    fn around(&self, content: &Markup) -> String {
        let lang = self.lang;
        let page = html! {
            (DOCTYPE)
            html lang=(lang.code()) {
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
                        p { a href={ "/?lang=" (lang.code()) } { "Kreisverkehr" } }
                        nav aria-label=(lang.say("Sprache", "Language")) {
                            a href=(self.other_lang) lang=(lang.other().code()) hreflang=(lang.other().code()) {
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
