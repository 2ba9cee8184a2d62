//! Forecasts of the municipalities.

use std::collections::HashMap;
use std::sync::Arc;

use domain::MunicipalityId;
use domain::availability::{Availability, Evidence, predict};
use domain::forecast::Town;
use domain::time::Times;
use parking_lot::RwLock;

/// Forecasts by municipality. An update holds the write lock for some milliseconds every quarter-hour; anything longer
/// works on a copy that then replaces the forecast.
#[derive(Default)]
pub struct Forecasts {
    towns: RwLock<HashMap<MunicipalityId, Arc<RwLock<Town>>>>,
}

impl Forecasts {
    /// Replaces a municipality's forecast.
    pub fn put(&self, municipality: MunicipalityId, town: Town) {
        self.towns.write().insert(municipality, Arc::new(RwLock::new(town)));
    }

    /// A municipality's forecast; `None` until one is loaded.
    pub fn town(&self, municipality: MunicipalityId) -> Option<Arc<RwLock<Town>>> {
        self.towns.read().get(&municipality).cloned()
    }

    /// What to expect of a place, with the model of its town.
    pub(crate) fn predict(&self, evidence: &Evidence, times: Times) -> Availability {
        let town = evidence.site.and_then(|site| self.town(site.municipality));
        let town = town.as_ref().map(|town| town.read());
        predict(evidence, town.as_deref(), times)
    }
}
