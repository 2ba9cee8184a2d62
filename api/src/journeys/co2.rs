//! Carbon dioxide of a journey, and the words for kinds of vehicles.
//!
//! Grams of CO2 equivalents per person and kilometre at the average load in Germany, TREMOD 6.02 of the
//! Umweltbundesamt, as cited in "Mit dem ÖPNV das Klima schützen"
//! (nachhaltigkeitsstrategie.de/strategie/projekte/detail-1/mit-dem-oepnv-das-klima-schuetzen): a car
//! 147, the mean of bus, train and tram 65. Factors by kind of vehicle would need a table that we
//! can cite.

/// Source of the figures, for the answer.
pub const SOURCE: &str = "Umweltbundesamt, TREMOD 6.02: grams of CO2 equivalents per person and kilometre, car 147, local transit 65";

/// A private car.
pub const CAR_G_PER_KM: f64 = 147.0;

/// Bus, train and tram, on average.
pub const TRANSIT_G_PER_KM: f64 = 65.0;

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
        1551 => "CARPOOL",
        _ => "BUS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_listed() {
        let used: std::collections::BTreeSet<&str> = (0..2_000).map(mode_word).collect();
        assert_eq!(used, crate::contract::words::VEHICLES.into());
    }
}
