//! What comes first: how well the name fits, then what it is, then how near it is. Costs add up; the lowest is best.

use domain::geo::{LatLon, Ruler};

use crate::index::{Entry, Kind};

/// A letter that is wrong: more than any distance within the county, so that what was typed right comes first.
const TYPO: f32 = 2.0;

/// A name of which nothing was typed.
const NOT_TYPED: f32 = 1.0;

/// A word that fits nothing.
const WORD_WITHOUT_MEANING: f32 = 4.0;

/// A house number that the street does not have, with another near it and without.
const OTHER_HOUSE: f32 = 0.5;
const NO_HOUSE: f32 = 0.8;

/// For each doubling of the distance, and the distance, km, beyond which all are far.
const DISTANCE: f32 = 0.25;
const FAR_KM: f32 = 100.0;

/// For each rank of how well known it is.
const RANK: f32 = 0.1;

/// How a name fits a question.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fit {
    /// Letters of the name that were typed.
    pub letters: u16,
    /// Letters that are wrong.
    pub typos: u8,
    /// Words of the question that fit nothing.
    pub missing: u8,
}

/// How a house number fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HouseFit {
    /// None was asked for, or it is there.
    Good,
    /// Another one is near.
    Other,
    /// There is none near it.
    None,
}

/// What it costs apart from the distance.
pub(crate) fn text_cost(entry: &Entry, fit: Fit, house: HouseFit) -> f32 {
    let kind = match entry.kind {
        Kind::Town => 0.0,
        Kind::Stop | Kind::Site => 0.1,
        Kind::Address | Kind::Street => 0.15,
        Kind::Poi => 0.2,
    };
    let all = f32::from(entry.letters);
    let typed = f32::from(fit.letters).min(all) / all.max(1.0);
    let house = match house {
        HouseFit::Good => 0.0,
        HouseFit::Other => OTHER_HOUSE,
        HouseFit::None => NO_HOUSE,
    };
    NOT_TYPED * (1.0 - typed)
        + TYPO * f32::from(fit.typos)
        + WORD_WITHOUT_MEANING * f32::from(fit.missing)
        + kind
        + house
        - RANK * f32::from(entry.rank)
}

/// What the distance costs.
pub(crate) fn distance_cost(near: Option<&Ruler>, at: LatLon) -> f32 {
    let Some(ruler) = near else { return 0.0 };
    let km = (ruler.distance_m(at) / 1_000.0) as f32;
    DISTANCE * (1.0 + km.min(FAR_KM)).log2()
}
