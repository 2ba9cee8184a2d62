//! `/`: vacant parking near a point, as a list.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::live::{ByRestriction, Found, Offer, PlaceRef};
use domain::place::Purpose;
use domain::{Lang, Registry, UtcMicros};
use maud::{Markup, html};

use super::beside;
use super::lang;
use super::spot::{Spot, spot};
use super::{Frame, HasDocs, credits, html_response, parameters};
use crate::drivers::parking::{Include, ParkingQuery, ParkingResult};
use crate::http::wire::max_stay_min;
use crate::hub::View;
use crate::journeys::Inputs;

/// Without JavaScript the list reloads after this many seconds.
const REFRESH_S: u32 = 60;

/// The page of vacant parking.
pub async fn home(
    State(docs): State<HasDocs>,
    State(inputs): State<Inputs>,
    view: View,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let asked = parameters(query.as_deref());
    let lang = lang::asked(asked.get("lang").map(String::as_str), &headers);
    let registry = view.registry();
    let now = view.now;
    let spot = spot(&asked, &registry, lang);
    let content = html! {
        h1 { (lang.say("Freie Parkplätze finden", "Find vacant parking")) }
        (form(&asked, &registry, lang))
        @match &spot {
            None => {
                p id="summary" role="status" {}
                (signs(&registry, lang))
            }
            Some(Err(problem)) => {
                p id="summary" role="status" class="problem" { (problem) }
                (signs(&registry, lang))
            }
            Some(Ok(spot)) => {
                @let question = ParkingQuery { include: vec![Include::Stale], ..ParkingQuery::at(spot.at) };
                @match inputs.ask(&question, now) {
                    Ok(result) => (results(spot, &question, &beside_offers(&view, result), lang, now)),
                    Err(_) => p id="summary" role="status" class="problem" {
                        (lang.say(
                            "Dort gibt es keine Daten. Koordinaten: zuerst die Breite, dann die Länge, z. B. 51.95,7.17.",
                            "There is no data there. Coordinates: latitude first, then longitude, e.g. 51.95,7.17.",
                        ))
                    },
                }
            }
        }
    };
    let frame = Frame {
        lang,
        title: lang.say("Freie Parkplätze - Kreisverkehr", "Vacant parking - Kreisverkehr"),
        class: "home",
        other_lang: address_in(lang.other(), &asked),
        refresh_s: matches!(spot, Some(Ok(_))).then_some(REFRESH_S),
        has_docs: docs.0,
    };
    html_response(frame.around(&content))
}

/// What was found, and for each offer the spaces reserved for others.
struct Listed {
    result: ParkingResult,
    others: Vec<Vec<ByRestriction>>,
}

fn beside_offers(view: &View, result: ParkingResult) -> Listed {
    let live = view.hub.read();
    let everyone = live.map.driver([], None);
    let others = |offer: &Offer| match offer.place {
        PlaceRef::Site(id) => live.map.others_at(id, &everyone, view.now),
        PlaceRef::Bay(_) => Vec::new(),
    };
    let others = result.found.offers.iter().map(others).collect();
    Listed { result, others }
}

fn form(asked: &HashMap<String, String>, registry: &Registry, lang: Lang) -> Markup {
    let mut towns: Vec<_> = registry.municipalities().map(|(_, m)| m).collect();
    towns.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    html! {
        form action="/" method="get" {
            input type="hidden" name="lang" value=(lang.as_str());
            div {
                label for="q" { (lang.say("Ort, Parkplatz oder Koordinaten", "Town, car park or coordinates")) }
                input id="q" name="q" type="search" autocomplete="off" value=(asked.get("q").map_or("", String::as_str));
            }
            div {
                label for="municipality" { (lang.say("oder aus der Liste", "or from the list")) }
                select id="municipality" name="municipality" {
                    option value="" { (lang.say("bitte wählen", "please choose")) }
                    @for town in towns {
                        option value=(town.slug) { (town.name) }
                    }
                }
            }
            button type="submit" { (lang.say("Suchen", "Search")) }
            button type="button" id="near-me" hidden
                data-failed=(lang.say("Der Standort ist nicht verfügbar.", "Your position is not available."))
                { (lang.say("In meiner Nähe", "Near me")) }
        }
    }
}

pub(super) fn signs(registry: &Registry, lang: Lang) -> Markup {
    let mut towns: Vec<_> = registry
        .municipalities()
        .filter(|(id, _)| registry.sites().any(|s| s.municipality == *id && s.def.purpose == Purpose::Car))
        .map(|(_, m)| m)
        .collect();
    towns.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    html! {
        @if !towns.is_empty() {
            h2 { (lang.say("Anzeigetafeln", "Signs")) }
            ul {
                @for town in towns {
                    li { a href={ "/sign/" (town.slug) "?lang=" (lang.as_str()) } { (town.name) } }
                }
            }
        }
    }
}

fn results(spot: &Spot, question: &ParkingQuery, listed: &Listed, lang: Lang, now: UtcMicros) -> Markup {
    let Listed { result, others } = listed;
    let ParkingResult { found, registry, .. } = result;
    let b = question.near.around(question.radius_m);
    let changes = format!("/v1/changes?bbox={:.5},{:.5},{:.5},{:.5}", b.west, b.south, b.east, b.north);
    let vacant = found.vacant;
    let radius_m = question.radius_m;
    html! {
        h2 { (lang.say("Bei ", "Near ")) (spot.name) }
        p id="summary" role="status" {
            @match lang {
                Lang::De => { (vacant) " freie Plätze im Umkreis von " (radius_m) " m." },
                Lang::En => { (vacant) " vacant spaces within " (radius_m) " m." },
            }
        }
        div id="live" data-changes=(changes) data-lost=(lang::lost(lang)) {
            ol class="offers" {
                @for (offer, others) in found.offers.iter().zip(others) {
                    (offer_item(offer, others, registry, lang, now))
                }
            }
            (left_out(found, lang))
            (credits(&result.sources(), lang))
        }
    }
}

fn offer_item(
    offer: &Offer,
    others: &[ByRestriction],
    registry: &Registry,
    lang: Lang,
    now: UtcMicros,
) -> Markup {
    let Some(place) = describe(offer.place, registry, lang) else { return html! {} };
    let minutes = (offer.walk_s / 60.0).ceil().max(1.0) as i64;
    let age = offer.observed_at.map(|at| lang.ago(now.age_s(at)));
    html! {
        li {
            @match offer.vacant {
                Some(vacant) => p class="number" {
                    (vacant) " "
                    small { (lang.say("frei von ", "vacant of ")) (offer.capacity) }
                },
                None => p class="unknown" { (lang.say("nicht bekannt", "not known")) },
            }
            div {
                p class="name" { (place.name) }
                p {
                    (place.kind) ", " (minutes) (lang.say(" Min. zu Fuß", " min walk"))
                    @if let Some(until) = beside::until(offer, place.tz, lang, now) { ", " (until) }
                    @if let Some(stay) = place.max_stay_min { (lang.say(", höchstens ", ", at most ")) (stay) " min" }
                    @if let Some(height) = place.max_height_m {
                        (lang.say(", Höhe bis ", ", height up to ")) (lang.number(height)) " m"
                    }
                }
                @if let Some(fee) = place.fee { p { (fee) } }
                @for sentence in beside::others(offer, others, lang) { p { (sentence) } }
                @if let Some(age) = age {
                    p class="quiet" {
                        @if offer.vacant.is_none() { (lang.say("Letzte Meldung ", "Last heard ")) }
                        @else { (lang.say("Gemeldet ", "Reported ")) }
                        (age)
                    }
                }
            }
        }
    }
}

struct Described<'a> {
    name: String,
    kind: &'static str,
    tz: &'a str,
    fee: Option<Cow<'a, str>>,
    max_stay_min: Option<u32>,
    max_height_m: Option<f64>,
}

fn describe<'a>(place: PlaceRef, registry: &'a Registry, lang: Lang) -> Option<Described<'a>> {
    let tz = |id| registry.municipality(id).map_or("UTC", |m| m.tz.as_str());
    match place {
        PlaceRef::Site(id) => {
            let entry = registry.site(id)?;
            Some(Described {
                name: entry.def.name.clone(),
                kind: entry.def.kind.words(lang),
                tz: tz(entry.municipality),
                fee: entry.def.fee.as_ref().and_then(|f| f.pick(lang)),
                max_stay_min: max_stay_min(None, &entry.def.restrictions),
                max_height_m: entry.def.max_height_m,
            })
        }
        PlaceRef::Bay(id) => {
            let entry = registry.bay(id)?;
            Some(Described {
                name: format!("{} {}", lang.say("Stellplatz", "Bay"), entry.def.id),
                kind: lang.say("einzelner Stellplatz", "single bay"),
                tz: tz(entry.municipality),
                fee: None,
                max_stay_min: max_stay_min(entry.def.max_stay_min, &entry.def.restrictions),
                max_height_m: None,
            })
        }
    }
}

fn left_out(found: &Found, lang: Lang) -> Markup {
    let out = &found.left_out;
    let reasons = [
        (out.full, lang.say("voll", "full")),
        (out.closed, lang.say("geschlossen", "closed")),
        (out.restricted, lang.say("nur für andere", "for others only")),
        (out.no_live_data, lang.say("ohne Live-Daten", "without live data")),
    ];
    let shown: Vec<String> =
        reasons.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    html! {
        @if !shown.is_empty() {
            p class="quiet" { (lang.say("Nicht aufgeführt: ", "Not listed: ")) (shown.join(", ")) "." }
        }
    }
}

fn address_in(lang: Lang, asked: &HashMap<String, String>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("lang", lang.as_str());
    for name in ["q", "near", "municipality"] {
        if let Some(value) = asked.get(name).filter(|v| !v.is_empty()) {
            query.append_pair(name, value);
        }
    }
    format!("/?{}", query.finish())
}
