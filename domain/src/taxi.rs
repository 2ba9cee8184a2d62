//! Taxis that come when somebody calls, as `taxis.csv` lists them.

use serde::{Deserialize, Serialize};

/// A taxi company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taxi {
    /// Its id in the file and the API.
    pub id: String,
    /// Slug of the municipality whose rides it takes; that of a county: of all its towns.
    pub municipality: String,
    /// What people call it.
    pub name: String,
    /// Number to call.
    pub phone: String,
    /// When it drives, in OSM's opening-hours syntax; `None`: not known.
    pub hours: Option<String>,
    /// Whether it takes wheelchairs; `None`: not known.
    pub wheelchair: Option<bool>,
}
