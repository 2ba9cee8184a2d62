//! The HTTP API and pages: parking, vehicles, journeys and planners' figures as JSON, GeoJSON, server-sent events and
//! HTML. Depends on the domain and the store, never on the ingest.

mod app;
mod contract;
mod drivers;
mod forecasts;
mod http;
mod hub;
mod installers;
mod journeys;
mod open;
mod operators;
mod pages;
mod planners;
mod rentals;
mod router;
mod search;
mod suppliers;
#[cfg(test)]
mod tests;

pub use app::App;
pub use forecasts::Forecasts;
pub use http::attempts::Attempts;
pub use http::client::{Cidr, TrustedProxies};
pub use http::key::{key_hash, key_text};
pub use http::problem::Problem;
pub use http::table::bound::MAX_JSON_ROWS;
pub use hub::LiveHub;
pub use hub::changes::StreamBounds;
pub use hub::devices::{DeviceHub, is_about_devices};
pub use installers::acceptance::acceptance_limits;
pub use journeys::{Journeys, ties_to_nothing, unlinked_sites};
pub use rentals::{Held as HeldRentals, Learned as LearnedRentals, Rentals};
pub use router::{openapi_json, ops_router, public_router, router};
