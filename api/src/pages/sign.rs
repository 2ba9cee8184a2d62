//! `/sign/{municipality}`: the sites of a municipality with big numbers, to be read from afar.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::live::SiteView;
use domain::place::Purpose;
use domain::{Registry, UtcMicros};
use maud::{Markup, html};

use super::home::signs;
use super::lang::Lang;
use super::{Frame, credits, html_response, parameters};
use crate::app::Ctx;
use crate::params::PathId;
use crate::wire::Sources;

/// Without JavaScript the sign is asked for again after so many seconds.
const REFRESH_S: u32 = 30;

/// The sign of a municipality.
pub async fn sign(
    State(shared): Ctx,
    PathId(slug): PathId,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let asked = parameters(query.as_deref());
    let lang = Lang::of(asked.get("lang").map(String::as_str), &headers);
    let now = shared.now();
    let (registry, id, sites) = {
        let live = shared.hub.read();
        let registry = live.map.registry().clone();
        let id = registry.municipality_id(&slug);
        let mut sites: Vec<SiteView> = Vec::new();
        let of_town = |s: &SiteView| {
            let entry = registry.site(s.id);
            entry.is_some_and(|e| Some(e.municipality) == id && e.def.purpose == Purpose::Car)
        };
        if id.is_some() {
            sites.extend(live.map.shown_sites().filter_map(|s| live.map.site(s, now)).filter(of_town));
        }
        (registry, id, sites)
    };
    let frame = Frame {
        lang,
        title: lang.say("Freie Parkplätze", "Vacant parking"),
        class: "sign",
        other_lang: format!("?lang={}", lang.other().code()),
        refresh_s: Some(REFRESH_S),
        has_docs: shared.has_docs,
    };
    let Some(municipality) = id.and_then(|id| registry.municipality(id)) else {
        let content = html! {
            h1 { (lang.say("Diesen Ort gibt es hier nicht.", "There is no such town here.")) }
            (signs(&registry, lang))
        };
        let mut response = html_response(frame.around(&content));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let title = format!("{} {}", lang.say("Freie Parkplätze in", "Vacant parking in"), municipality.name);
    let mut rows: Vec<(&str, &SiteView)> =
        sites.iter().filter_map(|view| Some((registry.site(view.id)?.def.name.as_str(), view))).collect();
    rows.sort_unstable_by_key(|(name, _)| *name);
    let content = board(&title, &slug, &rows, &registry, lang, now);
    html_response(Frame { title: &title, ..frame }.around(&content))
}

fn board(
    title: &str,
    slug: &str,
    rows: &[(&str, &SiteView)],
    registry: &Registry,
    lang: Lang,
    now: UtcMicros,
) -> Markup {
    let is_open = |view: &SiteView| view.opening.is_open != Some(false);
    let mut sources = Sources::default();
    rows.iter().for_each(|(_, view)| sources.note(view.feed));
    let vacant: i64 = rows.iter().filter(|(_, v)| is_open(v)).filter_map(|(_, v)| v.vacant).sum();
    html! {
        h1 { (title) }
        p id="summary" role="status" class="quiet" {
            @match lang {
                Lang::De => { "Zusammen " (vacant) " freie Plätze." },
                Lang::En => { "Together " (vacant) " vacant spaces." },
            }
        }
        div id="live" data-changes={ "/v1/changes?kind=site&municipality=" (slug) } data-lost=(lang.lost()) {
            ul class="board" {
                @for (name, view) in rows {
                    li {
                        span {
                            (name)
                            @if let Some(entry) = registry.site(view.id) { small { (lang.site_kind(entry.def.kind)) } }
                        }
                        (number(view, is_open(view), lang, now))
                    }
                }
            }
            (credits(&sources.of(registry), lang))
        }
    }
}

fn number(view: &SiteView, is_open: bool, lang: Lang, now: UtcMicros) -> Markup {
    html! {
        @if !is_open {
            span class="word" { (lang.say("geschlossen", "closed")) }
        } @else if let Some(vacant) = view.vacant {
            span class="word" { span class="number" { (vacant) } " " small { (lang.say("frei", "vacant")) } }
        } @else {
            span class="word" {
                (lang.say("nicht bekannt", "not known"))
                @if let Some(at) = view.observed_at {
                    small { (lang.say("letzte Meldung ", "last heard ")) (lang.ago(now.age_s(at))) }
                }
            }
        }
    }
}
