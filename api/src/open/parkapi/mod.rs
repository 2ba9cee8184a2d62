//! Open data in the formats of ParkAPI, which OpenTripPlanner and others read. As there, an unknown field is absent:
//! readers take a null for zero.

pub mod v1;
pub mod v3;

use domain::{Audience, LatLon};
use xxhash_rust::xxh3::xxh3_64;

use crate::contract::words::words;

words! {
    /// ParkAPI's word for what is parked there.
    ParkApiPurpose = ["CAR", "BIKE"];
    /// ParkAPI's word for the kind of a site.
    ParkApiKind = ["ON_STREET", "OFF_STREET_PARKING_GROUND", "CAR_PARK", "UNDERGROUND"];
    /// ParkAPI's word for an audience.
    ParkApiAudience = domain::Audience::ALL.iter().map(|who| audience(*who));
    /// ParkAPI's word for opening.
    ParkApiOpening = ["OPEN", "CLOSED", "UNKNOWN"];
    /// ParkAPI's word for the state of a space.
    ParkApiStatus = ["AVAILABLE", "TAKEN", "UNKNOWN"];
    /// ParkAPI's word for park and ride.
    ParkApiRide = ["YES"];
    /// Kind of parking, in German, as the format has it.
    LotType =
        ["Straße", "Parkplatz", "Parkhaus", "Tiefgarage", "Park-Ride", "Barrierefreier-Parkplatz"];
    /// How full a lot is: `few` is under a tenth vacant.
    LotState = ["many", "few", "full", "closed", "nodata"];
}

/// A whole number for a text id, where the format wants one: the same in every instance, and
/// exact in JavaScript (53 bits).
fn number(key: &str) -> u64 {
    xxh3_64(key.as_bytes()) >> 11
}

/// ParkAPI's word for an audience.
const fn audience(audience: Audience) -> &'static str {
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
