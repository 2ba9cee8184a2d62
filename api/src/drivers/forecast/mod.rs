//! What is expected of places: the towns' forecasts as they are kept current, and the routes that ask
//! them.

mod asked;
mod point;
mod quality;
mod when;

use std::collections::HashMap;
use std::sync::Arc;

use domain::MunicipalityId;
use domain::forecast::Town;
use parking_lot::RwLock;

pub(crate) use asked::AskedSite;
pub use point::__path_forecast;
pub(crate) use point::forecast;
pub use quality::__path_quality;
pub(crate) use quality::quality;

/// The towns' forecasts. Whoever keeps them current writes to one some milliseconds every quarter-hour;
/// everything that takes longer happens beside, and the result is put here whole.
#[derive(Default)]
pub struct Forecasts {
    towns: RwLock<HashMap<MunicipalityId, Arc<RwLock<Town>>>>,
}

impl Forecasts {
    /// Puts a town's forecast in the place of the one before.
    pub fn put(&self, municipality: MunicipalityId, town: Town) {
        self.towns.write().insert(municipality, Arc::new(RwLock::new(town)));
    }

    /// A town's forecast; `None` while nothing is known of the town.
    pub fn town(&self, municipality: MunicipalityId) -> Option<Arc<RwLock<Town>>> {
        self.towns.read().get(&municipality).cloned()
    }
}
