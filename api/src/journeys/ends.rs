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
    /// Name of the platform; null: no stop, or it has none.
    pub platform: Option<&'a str>,
    /// Name of the platform by the timetable, of a ride; null: no ride, or it has none.
    pub scheduled_platform: Option<&'a str>,
    /// Whether wheelchairs can board at the stop; null: no stop, or not known.
    pub wheelchair: Option<bool>,
}

/// A span of time.
#[derive(Serialize, ToSchema)]
pub struct PickupWindowOut {
    /// The first time of it.
    start: UtcMicros,
    /// The last time of it, included.
    end: UtcMicros,
}

impl From<[i64; 2]> for PickupWindowOut {
    fn from([start, end]: [i64; 2]) -> Self {
        PickupWindowOut { start: at(start), end: at(end) }
    }
}

/// The instant of Unix time `s`, seconds.
pub fn at(seconds: i64) -> UtcMicros {
    UtcMicros(seconds.saturating_mul(1_000_000))
}
