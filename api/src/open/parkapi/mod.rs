//! Open data in the formats of ParkAPI, which OpenTripPlanner and others read. As there, an unknown field is absent:
//! readers take a null for zero.

pub mod v1;
pub mod v3;

use domain::{Audience, LatLon};
use xxhash_rust::xxh3::xxh3_64;

/// A whole number for a text id, where the format wants one: the same in every instance, and
/// exact in JavaScript (53 bits).
fn number(key: &str) -> u64 {
    xxh3_64(key.as_bytes()) >> 11
}

/// ParkAPI's word for an audience.
pub const fn audience(audience: Audience) -> &'static str {
    match audience {
        Audience::Disabled => "DISABLED",
        // It belongs to one person: nobody else may use it.
        Audience::AssignedDisabled => "PRIVATE",
        Audience::Charging => "CHARGING",
        Audience::Resident => "RESIDENT",
        Audience::Women => "WOMEN",
        Audience::Family => "FAMILY",
        Audience::Delivery => "DELIVERY",
        Audience::Taxi => "TAXI",
        Audience::Carsharing => "CARSHARING",
    }
}

/// Degrees as they are published: seven digits are a centimetre.
fn rounded(p: LatLon) -> LatLon {
    let seven = |degrees: f64| (degrees * 1e7).round() / 1e7;
    LatLon { lat: seven(p.lat), lon: seven(p.lon) }
}
