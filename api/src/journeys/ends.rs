//! Ends of legs, and their times.

use domain::UtcMicros;
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::words;

/// An end of a leg.
#[derive(Default, Serialize, ToSchema)]
pub struct EndOut<'a> {
    /// What is there.
    #[schema(value_type = words::EndKind)]
    pub kind: &'static str,
    /// Id of the stop or place; null: a point of the request.
    pub id: Option<&'a str>,
    /// Name of the stop or place; null: none.
    pub name: Option<&'a str>,
    /// Latitude, decimal degrees (WGS 84).
    pub lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    pub lon: f64,
}

/// The instant of Unix time `s`, seconds.
pub fn at(seconds: i64) -> UtcMicros {
    UtcMicros(seconds.saturating_mul(1_000_000))
}
