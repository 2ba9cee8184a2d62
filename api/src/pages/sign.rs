//! `/sign/{municipality}`: the sites of a municipality with big numbers, to be read from afar.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::live::{ByRestriction, LiveMap, Offer, Verdict};
use domain::place::Purpose;
use domain::{Lang, Municipality, Registry, Site, SiteId, UtcMicros};
use maud::{Markup, html};

use super::beside;
use super::home::signs;
use super::lang;
use super::{Frame, HasDocs, credits, html_response, parameters};
use crate::http::params::PathId;
use crate::http::wire::Sources;
use crate::hub::View;

/// Without JavaScript the sign reloads after this many seconds.
const REFRESH_S: u32 = 30;

/// The sign of a municipality.
pub async fn sign(
    State(docs): State<HasDocs>,
    view: View,
    slug: PathId,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    // One that cannot be is the name of no town.
    let slug = slug.text().unwrap_or_default();
    let asked = parameters(query.as_deref());
    let lang = lang::asked(asked.get("lang").map(String::as_str), &headers);
    let now = view.now;
    let (registry, shown) = {
        let live = view.hub.read();
        let shown: Vec<Shown> =
            live.map.shown_sites().filter_map(|id| Shown::new(&live.map, id, &slug, now)).collect();
        (live.map.registry().clone(), shown)
    };
    let frame = Frame {
        lang,
        title: lang.say("Freie Parkplätze", "Vacant parking"),
        class: "sign",
        other_lang: format!("?lang={}", lang.other().as_str()),
        refresh_s: Some(REFRESH_S),
        has_docs: docs.0,
    };
    let Some(municipality) = registry.municipality_id(&slug).and_then(|id| registry.municipality(id)) else {
        let content = html! {
            h1 { (lang.say("Diesen Ort gibt es hier nicht.", "There is no such town here.")) }
            (signs(&registry, lang))
        };
        let mut response = html_response(frame.around(&content));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let title = format!("{} {}", lang.say("Freie Parkplätze in", "Vacant parking in"), municipality.name);
    let mut rows: Vec<Row<'_>> =
        shown.iter().filter_map(|shown| Some(Row { shown, site: &registry.site(shown.id)?.def })).collect();
    rows.sort_unstable_by_key(|row| (&row.site.name, row.shown.id));
    let content = board(&title, &rows, municipality, &registry, lang, now);
    html_response(Frame { title: &title, ..frame }.around(&content))
}

/// A site with what everyone may use there now, and the spaces reserved for others.
struct Shown {
    id: SiteId,
    offer: Offer,
    others: Vec<ByRestriction>,
}

struct Row<'a> {
    shown: &'a Shown,
    site: &'a Site,
}

impl Shown {
    fn new(map: &LiveMap, id: SiteId, slug: &str, now: UtcMicros) -> Option<Self> {
        let site = &map.registry().site(id)?.def;
        if site.municipality != slug || site.purpose != Purpose::Car {
            return None;
        }
        let everyone = map.driver([], None);
        let offer = map.site_offer(id, site.position(), &everyone, now)?;
        Some(Shown { id, offer, others: map.others_at(id, &everyone, now) })
    }
}

fn board(
    title: &str,
    rows: &[Row<'_>],
    town: &Municipality,
    registry: &Registry,
    lang: Lang,
    now: UtcMicros,
) -> Markup {
    let mut sources = Sources::default();
    rows.iter().for_each(|row| sources.note(row.shown.offer.feed));
    let offers = rows.iter().map(|row| &row.shown.offer);
    let vacant: i64 = offers.filter(|o| o.verdict == Verdict::Vacant).filter_map(|o| o.vacant).sum();
    html! {
        h1 { (title) }
        p id="summary" role="status" class="quiet" {
            @match lang {
                Lang::De => { "Zusammen " (vacant) " freie Plätze." },
                Lang::En => { "Together " (vacant) " vacant spaces." },
            }
        }
        div id="live" data-changes={ "/v1/changes?kind=site&municipality=" (town.slug) } data-lost=(lang::lost(lang)) {
            ul class="board" {
                @for row in rows {
                    li {
                        span {
                            (row.site.name)
                            small {
                                (row.site.kind.words(lang))
                                @if let Some(until) = beside::until(&row.shown.offer, &town.tz, lang, now) { ", " (until) }
                            }
                            @for sentence in beside::others(&row.shown.offer, &row.shown.others, lang) {
                                small { (sentence) }
                            }
                        }
                        (number(row.shown, lang, now))
                    }
                }
            }
            (credits(&sources.of(registry), lang))
        }
    }
}

fn number(shown: &Shown, lang: Lang, now: UtcMicros) -> Markup {
    let offer = &shown.offer;
    html! {
        @match (offer.verdict, offer.vacant) {
            (Verdict::Closed, _) => span class="word" { (lang.say("geschlossen", "closed")) },
            (Verdict::Restricted, _) => span class="word" {
                (beside::only_for(shown.others.iter().map(|part| part.audience), lang))
            },
            (_, Some(vacant)) => span class="word" {
                span class="number" { (vacant) } " " small { (lang.say("frei", "vacant")) }
            },
            (_, None) => span class="word" {
                (lang.say("nicht bekannt", "not known"))
                @if let Some(at) = offer.observed_at {
                    small { (lang.say("letzte Meldung ", "last heard ")) (lang.ago(now.age_s(at))) }
                }
            },
        }
    }
}
