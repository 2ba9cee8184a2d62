//! What every route needs: who asks, what was asked, how it is answered.

pub mod answer;
pub mod attempts;
pub mod auth;
pub mod body;
pub mod client;
mod event_counts;
pub mod geojson;
pub mod key;
pub mod language;
pub mod metrics;
pub mod params;
pub mod permits;
pub mod problem;
pub mod refused;
pub mod shares;
pub mod table;
pub mod unbuilt;
pub mod wire;
