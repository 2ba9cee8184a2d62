//! What stands beside the number of a place: until when it holds, and the spaces of others.

use domain::live::{ByRestriction, Flags, KeptNext, Offer, Verdict};
use domain::{Audience, UtcMicros};

use super::lang::Lang;

/// Until when everyone may park there, if that ends: "geöffnet bis 20:00", "ab 18:00 nur für Anwohner".
/// `tz` is the town's.
pub fn until(offer: &Offer, tz: &str, lang: Lang, now: UtcMicros) -> Option<String> {
    if offer.opening.is_open != Some(true) {
        return None;
    }
    if let Some(KeptNext { from, audiences, is_whole }) = offer.kept_next {
        let time = lang.moment(from, now, tz)?;
        let who = lang.list(audiences.iter().map(|a| lang.audience(a)));
        return Some(match (lang, is_whole) {
            (Lang::De, true) => format!("ab {time} nur für {who}"),
            (Lang::De, false) => format!("ab {time} zum Teil nur für {who}"),
            (Lang::En, true) => format!("from {time} for {who} only"),
            (Lang::En, false) => format!("from {time} partly for {who} only"),
        });
    }
    let time = lang.moment(offer.opening.until?, now, tz)?;
    Some(format!("{} {time}", lang.say("geöffnet bis", "open until")))
}

/// The spaces of others beside an offer, a sentence for each audience; without the number of vacant ones
/// where spaces may belong to single persons.
pub fn others(offer: &Offer, parts: &[ByRestriction], lang: Lang) -> impl Iterator<Item = String> {
    let may_be_counted = offer.flags.has(Flags::INCLUDES_RESTRICTED) && offer.verdict == Verdict::Vacant;
    parts.iter().filter_map(move |part| sentence(part, may_be_counted, lang))
}

fn sentence(part: &ByRestriction, may_be_counted: bool, lang: Lang) -> Option<String> {
    let who = lang.audience(part.audience);
    let vacant = part.vacant.filter(|_| !part.audience.is_personal());
    Some(match (lang, part.capacity, vacant) {
        (_, Some(0), _) => return None,
        (Lang::De, Some(capacity), Some(vacant)) => format!("Für {who}: {vacant} frei von {capacity}"),
        (Lang::En, Some(capacity), Some(vacant)) => format!("For {who}: {vacant} vacant of {capacity}"),
        (Lang::De, Some(n), None) if may_be_counted && part.vacant.is_none() => {
            format!("Darunter vielleicht Plätze für {who} (es gibt {n})")
        }
        (Lang::En, Some(n), None) if may_be_counted && part.vacant.is_none() => {
            format!("May include spaces for {who} (there are {n})")
        }
        (Lang::De, Some(1), None) => format!("Für {who}: 1 Platz"),
        (Lang::De, Some(n), None) => format!("Für {who}: {n} Plätze"),
        (Lang::En, Some(1), None) => format!("For {who}: 1 space"),
        (Lang::En, Some(n), None) => format!("For {who}: {n} spaces"),
        (Lang::De, None, _) => format!("Auch Plätze für {who}"),
        (Lang::En, None, _) => format!("Also spaces for {who}"),
    })
}

/// Of a place that is kept for others as a whole: for whom.
pub fn only_for(audiences: impl Iterator<Item = Audience>, lang: Lang) -> String {
    let who = lang.list(audiences.map(|a| lang.audience(a)));
    match lang {
        _ if who.is_empty() => lang.say("nur für Berechtigte", "for permit holders only").to_owned(),
        Lang::De => format!("nur für {who}"),
        Lang::En => format!("for {who} only"),
    }
}
