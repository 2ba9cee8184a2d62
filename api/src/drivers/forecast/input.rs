//! A driver's question about a site, put to its town's forecast.

use domain::forecast::{Chance, Health, Live, Odds, Reading, sample_of};
use domain::live::{Offer, SiteView};
use domain::{MunicipalityId, SiteId, UtcMicros};

use super::Forecasts;
use super::when::FURTHEST_S;

/// The present state of a site, as its forecast takes it.
#[derive(Debug, Clone, Copy)]
pub struct ForecastInput {
    site: SiteId,
    municipality: MunicipalityId,
    live: Option<Live>,
    /// Vacant spaces reserved for others; they are assumed to stay vacant. Where nothing is known: all
    /// reserved spaces.
    pub kept: u32,
}

impl ForecastInput {
    /// `offer`: what the site offers to the driver; without one all of it.
    pub fn new(view: &SiteView, offer: Option<&Offer>, municipality: MunicipalityId, now: UtcMicros) -> Self {
        let live = match sample_of(view).reported {
            Some((_, Reading::Vacant(vacant))) => Some(Live { vacant, at: now }),
            _ => None,
        };
        let kept = offer.map_or(0, |offer| match view.vacant.zip(offer.vacant) {
            Some((all, offered)) => all - offered,
            None => view.capacity - offer.capacity,
        });
        ForecastInput {
            site: view.id,
            municipality,
            live,
            kept: u32::try_from(kept.max(0)).unwrap_or(u32::MAX),
        }
    }

    /// The chance of a space for this driver at the second of the two times, seen from the first.
    ///
    /// `None` also farther ahead than a week: no forecast reaches there.
    pub fn odds(&self, forecasts: &Forecasts, now: UtcMicros, at: UtcMicros) -> Option<Odds> {
        if at > now.plus_s(FURTHEST_S) {
            return None;
        }
        let town = forecasts.town(self.municipality)?;
        let town = town.read();
        let at_least = self.kept.saturating_add(1);
        town.forecaster().odds_or_persistence(
            self.site,
            at_least,
            (at, now),
            self.live,
            &town.by_persistence(self.site),
        )
    }

    /// The same with the numbers to expect, of all spaces.
    pub fn chance(&self, forecasts: &Forecasts, now: UtcMicros, at: UtcMicros) -> Option<Chance> {
        let town = forecasts.town(self.municipality)?;
        let town = town.read();
        let at_least = self.kept.saturating_add(1);
        town.forecaster().chance_or_persistence(
            self.site,
            at_least,
            (at, now),
            self.live,
            &town.by_persistence(self.site),
        )
    }

    /// How reliable the site's source is.
    pub fn health(&self, forecasts: &Forecasts) -> Health {
        let town = forecasts.town(self.municipality);
        town.and_then(|town| town.read().forecaster().health(self.site)).unwrap_or(Health::TooLittle)
    }
}
