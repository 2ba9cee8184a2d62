//! Carbon dioxide of a journey.
//!
//! Grams of CO2 equivalents per person and kilometre, average load: Umweltbundesamt, "Vergleich der
//! durchschnittlichen Emissionen einzelner Verkehrsmittel im Personenverkehr in Deutschland 2022"
//! (TREMOD 6.51).

/// Whose figures they are, for the answer.
pub const SOURCE: &str =
    "Umweltbundesamt, TREMOD 6.51 (2022): grams of CO2 equivalents per person and kilometre";

/// A private car.
pub const CAR_G_PER_KM: f64 = 166.0;

/// A kind of route in GTFS (basic or extended `route_type`).
pub fn transit_g_per_km(kind: u16) -> f64 {
    match kind {
        0 | 1 | 5..=7 | 12 | 400..=699 | 900..=1399 => 63.0,
        2 | 106..=199 => 58.0,
        100..=105 => 31.0,
        200..=299 => 31.0,
        _ => 93.0,
    }
}

/// GTFS's kind of route in MOTIS's and OTP's words.
pub fn mode_word(kind: u16) -> &'static str {
    match kind {
        0 | 900..=999 => "TRAM",
        1 | 400..=499 => "SUBWAY",
        2 | 100..=199 => "RAIL",
        4 | 1000..=1099 | 1200..=1299 => "FERRY",
        5 => "CABLE_CAR",
        6 | 1300..=1399 => "GONDOLA",
        7 | 1400..=1499 => "FUNICULAR",
        12 => "MONORAIL",
        200..=299 => "COACH",
        _ => "BUS",
    }
}
