//! HTTP: vacant parking and live vehicles out of live state, as JSON, GeoJSON, server-sent events
//! and plain pages. Depends on the domain and the store, never on the ingest.

mod analysis;
mod answer;
mod app;
mod attempts;
mod audit;
mod auth;
mod bays;
mod body;
mod changes;
mod client;
mod contract;
mod docs;
mod feeds;
mod forecast;
mod geojson;
mod hub;
mod key;
mod meters;
mod ops;
mod pages;
mod params;
mod parkapi;
mod parking;
mod period;
mod planning;
mod problem;
mod punctuality;
mod realtime;
mod rejections;
mod replay;
mod ridership;
mod router;
mod sensors;
mod shares;
mod sites;
mod table;
#[cfg(test)]
mod tests;
mod transit;
mod turns;
mod unbuilt;
mod unmatched;
mod vehicles;
mod ways;
mod wire;

pub use app::{App, Clock, StreamBounds};
pub use attempts::Attempts;
pub use client::{Cidr, TrustedProxies, network_of};
pub use forecast::Forecasts;
pub use hub::LiveHub;
pub use key::key_text;
pub use problem::Problem;
pub use realtime::ties_to_nothing;
pub use router::{openapi_json, ops_router, public_router, router};
pub use ways::{Ways, unlinked_sites};
