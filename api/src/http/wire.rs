//! Parts that several answers share. They borrow from the registry, so serialization copies nothing.

use std::borrow::Cow;

use domain::fare::Euros;
use domain::fee::{Charge, Fee, Tariff};
use domain::live::Flags;
use domain::opening::Opening;
use domain::{Audience, FeedId, Lang, Registry, Restriction, UtcMicros};
use journey::timetable::Timetable;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::contract::words;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct List<T> {
    /// What is listed, in the order that the route's description says.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; null: this is the last one.
    pub cursor: Option<String>,
}

/// A page of a list, and whose data it is.
#[derive(Serialize, ToSchema)]
pub struct CreditedList<'a, T> {
    /// What is listed, in the order that the route's description says.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; null: this is the last one.
    pub cursor: Option<String>,
    /// Whose data it is.
    pub attribution: Vec<Source<'a>>,
}

/// Opening hours, and what they say at one moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpeningOut<'a> {
    /// Whether it is open at that moment.
    #[schema(value_type = words::OpeningState)]
    state: &'static str,
    /// When that changes; null: it does not, or is not known.
    until: Option<UtcMicros>,
    /// Opening hours as in OpenStreetMap; null: always open.
    hours: Option<&'a str>,
}

impl<'a> OpeningOut<'a> {
    /// `hours`: as the place has them.
    pub fn new(opening: Opening, hours: Option<&'a str>) -> Self {
        OpeningOut { state: opening_word(opening), until: opening.until, hours }
    }
}

/// The name of an opening state on the wire.
pub fn opening_word(opening: Opening) -> &'static str {
    match opening.is_open {
        Some(true) => "open",
        Some(false) => "closed",
        None => "unknown",
    }
}

/// For whom spaces are kept, when, and for how long one may stay.
#[derive(Debug, Serialize, ToSchema)]
pub struct RestrictionOut<'a> {
    /// For whom the spaces are kept; null: for everyone (a limit of the stay).
    #[serde(rename = "for")]
    #[schema(value_type = Option<words::Audience>)]
    audience: Option<Audience>,
    /// How many spaces; null: all of the place, or not known.
    capacity: Option<u32>,
    /// When it holds, as opening hours of OpenStreetMap; null: always.
    hours: Option<&'a str>,
    /// How long one may stay, minutes; null: no limit.
    max_stay_min: Option<u32>,
}

/// Writes restrictions with every field present.
#[derive(Debug)]
pub struct Restrictions<'a>(pub &'a [Restriction]);

impl Serialize for Restrictions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|r| RestrictionOut {
            audience: r.audience,
            capacity: r.capacity,
            hours: r.hours.as_deref(),
            max_stay_min: r.max_stay_min,
        }))
    }
}

/// Writes flags as words.
#[derive(Debug)]
pub struct FlagWords(pub Flags);

impl Serialize for FlagWords {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.words())
    }
}

/// What it costs.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeOut<'a> {
    /// What it costs, in German; null: not known.
    #[schema(value_type = Option<String>)]
    de: Option<Cow<'a, str>>,
    /// What it costs, in English; null: not known.
    #[schema(value_type = Option<String>)]
    en: Option<Cow<'a, str>>,
    /// What amounts are computed from; null: not known.
    tariff: Option<TariffOut<'a>>,
}

/// How the amount of a fee comes about.
#[derive(Debug, Serialize, ToSchema)]
pub struct TariffOut<'a> {
    /// What is paid `per` stay, day or unit, euros; 0: nothing.
    amount_eur: f64,
    /// What `amount_eur` is for.
    #[schema(value_type = words::FeePer)]
    per: &'static str,
    /// Length of a unit, minutes; null: not by units.
    unit_min: Option<u32>,
    /// The first minutes of a stay that cost nothing; null: none.
    free_min: Option<u32>,
    /// The most that the units which begin on one day cost together, euros; null: no limit.
    day_max_eur: Option<f64>,
    /// When it is charged, as opening hours of OpenStreetMap; null: always.
    hours: Option<&'a str>,
}

impl<'a> From<&'a Fee> for FeeOut<'a> {
    fn from(fee: &'a Fee) -> Self {
        FeeOut {
            de: fee.words(Lang::De),
            en: fee.words(Lang::En),
            tariff: fee.tariff.as_ref().map(TariffOut::from),
        }
    }
}

impl<'a> From<&'a Tariff> for TariffOut<'a> {
    fn from(tariff: &'a Tariff) -> Self {
        let (amount, per, unit_min) = match tariff.charge {
            Charge::Free => (Euros::ZERO, "stay", None),
            Charge::Stay(amount) => (amount, "stay", None),
            Charge::Day(amount) => (amount, "day", None),
            Charge::Unit { amount, minutes } => (amount, "unit", Some(minutes)),
        };
        TariffOut {
            amount_eur: amount.into(),
            per,
            unit_min,
            free_min: tariff.free_min,
            day_max_eur: tariff.day_max_eur.map(f64::from),
            hours: tariff.hours.as_deref(),
        }
    }
}

/// Whose data it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Source<'a> {
    /// What kind of source it is: live data (`feed`), a timetable (GTFS), the streets (OpenStreetMap).
    #[schema(value_type = words::SourceKind)]
    kind: &'static str,
    /// The feed's id; of a timetable its name; `openstreetmap`.
    feed: &'a str,
    /// Whom to name; null: nobody asks for it.
    pub attribution: Option<&'a str>,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    pub licence: Option<&'a str>,
}

/// The streets of every area. See <https://www.openstreetmap.org/copyright>.
pub const STREETS: Source<'static> = Source {
    kind: "streets",
    feed: "openstreetmap",
    attribution: Some("OpenStreetMap contributors"),
    licence: Some("ODbL-1.0"),
};

/// The feeds of a timetable.
pub fn timetable_sources(timetable: &Timetable) -> impl Iterator<Item = Source<'_>> {
    timetable.credits.iter().map(|credit| Source {
        kind: "timetable",
        feed: &credit.feed,
        attribution: credit.attribution.as_deref(),
        licence: credit.licence.as_deref(),
    })
}

/// The feeds behind an answer.
#[derive(Debug, Default)]
pub struct Sources(Vec<FeedId>);

impl Sources {
    /// Adds a feed.
    pub fn note(&mut self, feed: Option<FeedId>) {
        if let Some(feed) = feed
            && !self.0.contains(&feed)
        {
            self.0.push(feed);
        }
    }

    /// All of them, in an order that does not change.
    pub fn of<'a>(&self, registry: &'a Registry) -> Vec<Source<'a>> {
        let mut sources: Vec<Source<'a>> = self.0.iter().filter_map(|id| source(registry, *id)).collect();
        sources.sort_unstable();
        sources
    }
}

fn source(registry: &Registry, feed: FeedId) -> Option<Source<'_>> {
    let def = &registry.feed(feed)?.def;
    Some(Source {
        kind: "feed",
        feed: &def.id,
        attribution: def.attribution.as_deref(),
        licence: def.licence.as_deref(),
    })
}

/// Attribution and licence of one item.
pub fn credit(registry: &Registry, feed: Option<FeedId>) -> (Option<&str>, Option<&str>) {
    let source = feed.and_then(|id| source(registry, id));
    source.map_or((None, None), |s| (s.attribution, s.licence))
}

/// How long one may stay, minutes: the shortest limit that holds for everyone.
pub fn max_stay_min(own: Option<u32>, restrictions: &[Restriction]) -> Option<u32> {
    let general = restrictions.iter().filter(|r| r.audience.is_none()).filter_map(|r| r.max_stay_min);
    own.into_iter().chain(general).min()
}

/// Metres or seconds, rounded: more digits would be false precision.
pub fn whole(number: f64) -> i64 {
    number.round() as i64
}
