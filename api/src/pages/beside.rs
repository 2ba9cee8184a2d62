//! Notes beside the number of a place: until when it holds, and spaces reserved for others.

use domain::live::{ByRestriction, Flags, NextReservation, Offer, Verdict};
use domain::{Audience, UtcMicros};

use domain::Lang;

/// Until when everyone may park there, if that ends: "geöffnet bis 20:00", "ab 18:00 nur für Anwohner".
/// `tz` is the town's.
pub fn until(offer: &Offer, tz: &str, lang: Lang, now: UtcMicros) -> Option<String> {
    match offer.opening.is_open {
        Some(true) => {}
        Some(false) => return None,
        None => {
            return Some(
                lang.say("ob geöffnet ist, ist nicht bekannt", "opening hours not known").to_owned(),
            );
        }
    }
    if let Some(NextReservation { from, audiences, is_whole }) = offer.next_reservation {
        let time = lang.moment(from, now, tz)?;
        let who = lang.list(audiences.iter().map(|a| a.words(lang)));
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

/// Spaces reserved for others, in sentences; without the number of vacant ones where spaces may belong to single persons.
pub fn others(offer: &Offer, parts: &[ByRestriction], lang: Lang) -> Vec<String> {
    let may_be_counted = offer.flags.has(Flags::INCLUDES_RESTRICTED) && offer.verdict == Verdict::Vacant;
    let (counted, apart): (Vec<_>, Vec<_>) =
        parts.iter().partition(|part| may_be_counted && part.vacant.is_none() && part.capacity != Some(0));
    let mut sentences: Vec<String> = apart.into_iter().filter_map(|part| sentence(part, lang)).collect();
    if !counted.is_empty() {
        let names: Vec<String> = counted
            .into_iter()
            .map(|part| match part.capacity {
                Some(n) => format!("{} ({n})", part.audience.words(lang)),
                None => part.audience.words(lang).to_owned(),
            })
            .collect();
        let names = lang.list(names.iter().map(String::as_str));
        sentences.push(format!(
            "{} {names}",
            lang.say("Darunter vielleicht Plätze für", "May include spaces for")
        ));
    }
    sentences
}

fn sentence(part: &ByRestriction, lang: Lang) -> Option<String> {
    let who = part.audience.words(lang);
    let vacant = part.vacant.filter(|_| !part.audience.is_personal());
    Some(match (lang, part.capacity?, vacant) {
        (_, 0, _) => return None,
        (Lang::De, n, Some(vacant)) => format!("Für {who}: {vacant} frei von {n}"),
        (Lang::En, n, Some(vacant)) => format!("For {who}: {vacant} vacant of {n}"),
        (Lang::De, 1, None) => format!("Für {who}: 1 Platz"),
        (Lang::De, n, None) => format!("Für {who}: {n} Plätze"),
        (Lang::En, 1, None) => format!("For {who}: 1 space"),
        (Lang::En, n, None) => format!("For {who}: {n} spaces"),
    })
}

/// For whom a place is reserved as a whole.
pub fn only_for(audiences: impl Iterator<Item = Audience>, lang: Lang) -> String {
    let who = lang.list(audiences.map(|a| a.words(lang)));
    match lang {
        _ if who.is_empty() => lang.say("nur für Berechtigte", "for permit holders only").to_owned(),
        Lang::De => format!("nur für {who}"),
        Lang::En => format!("for {who} only"),
    }
}
