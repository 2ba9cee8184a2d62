//! Speeds of cars from tags, with German defaults.

use super::class::Class;
use super::osm::Tags;

/// Speed on `maxspeed=none`: the recommended speed of German motorways.
const NO_LIMIT_DKMH: u16 = 1300;
/// Walking pace, as German courts read it (7 to 10 km/h).
const WALK_DKMH: u16 = 100;
/// Ferries without a duration.
const FERRY_DKMH: u16 = 150;
/// Plausible speeds; others are typing errors.
const BELIEVABLE_DKMH: std::ops::RangeInclusive<u16> = 30..=1600;

/// Speeds forward and backward in 0.1 km/h, and whether a sign or zone says so (of a ferry they are known). `length_m` of
/// the whole way is for ferries.
pub(super) fn of(tags: &Tags, class: Class, length_m: f64) -> ([u16; 2], bool) {
    if class == Class::Ferry {
        return ([ferry_dkmh(tags, length_m); 2], true);
    }
    let keys = ["maxspeed", "maxspeed:type", "source:maxspeed", "zone:maxspeed", "zone:traffic"];
    let both = keys.iter().find_map(|key| tags.get(key).and_then(parse));
    let side = |key: &str| tags.get(key).and_then(parse).or(both);
    let (forward, backward) = (side("maxspeed:forward"), side("maxspeed:backward"));
    let default = default_dkmh(tags, class);
    ([forward.unwrap_or(default), backward.unwrap_or(default)], forward.or(backward).is_some())
}

/// One value of `maxspeed`: a number, `walk`, `none`, or a country's default such as `DE:urban`.
fn parse(value: &str) -> Option<u16> {
    let value = value.split(';').next().unwrap_or(value).trim();
    let zone = value.split_once(':').map_or(value, |(_, zone)| zone);
    match zone {
        "none" | "motorway" => return Some(NO_LIMIT_DKMH),
        "walk" | "living_street" => return Some(WALK_DKMH),
        "urban" => return Some(500),
        "rural" => return Some(1000),
        "bicycle_road" => return Some(300),
        _ => {}
    }
    let zone = zone.strip_prefix("zone").unwrap_or(zone);
    let (number, per_mile) = match zone.strip_suffix("mph") {
        Some(number) => (number.trim(), 1.609_344),
        None => (zone.trim_end_matches("km/h").trim_end_matches("kmh").trim(), 1.0),
    };
    let dkmh = (number.parse::<f64>().ok()? * per_mile * 10.0).round();
    let dkmh = if dkmh.is_finite() && (0.0..=f64::from(u16::MAX)).contains(&dkmh) { dkmh as u16 } else { 0 };
    BELIEVABLE_DKMH.contains(&dkmh).then_some(dkmh)
}

/// Usual speed of a kind of street that has no sign, 0.1 km/h. Town streets dominate among those
/// without a tag; values after Valhalla's defaults by class, lowered to German limits.
fn default_dkmh(tags: &Tags, class: Class) -> u16 {
    let link = tags.get("highway").is_some_and(|highway| highway.ends_with("_link"));
    match class {
        Class::Motorway if link => 600,
        Class::Motorway => 1100,
        Class::Trunk if link => 550,
        Class::Trunk => 900,
        Class::Primary => 700,
        Class::Secondary => 600,
        Class::Tertiary => 500,
        Class::Unclassified => 400,
        Class::Residential => 350,
        // Walking pace by law, and hardly ever driven.
        Class::LivingStreet => 150,
        Class::Service => 250,
        Class::Aisle => 120,
        Class::Track => track_dkmh(tags),
        // Not for cars, or without a speed of its own.
        _ => 100,
    }
}

/// Speed on farm and forest tracks, 0.1 km/h: so slow that cars use them for the last stretch only
/// (Valhalla's values; unknown ones count as the worst).
fn track_dkmh(tags: &Tags) -> u16 {
    let paved = matches!(tags.get("surface"), Some("asphalt" | "paved" | "concrete" | "paving_stones"));
    match tags.get("tracktype") {
        Some("grade1") if paved => 200,
        Some("grade1") => 100,
        Some("grade2") => 70,
        Some("grade3") => 60,
        Some("grade4") => 50,
        _ if paved => 50,
        _ => 25,
    }
}

/// Speed of a ferry, 0.1 km/h, from its `duration` (`MM`, `HH:MM`, `HH:MM:SS`) and length.
fn ferry_dkmh(tags: &Tags, length_m: f64) -> u16 {
    let Some(seconds) = tags.get("duration").and_then(duration_s) else { return FERRY_DKMH };
    let dkmh = length_m / seconds * 36.0;
    if dkmh.is_finite() { (dkmh.round() as u16).max(1) } else { FERRY_DKMH }
}

pub(super) fn duration_s(value: &str) -> Option<f64> {
    let parts: Vec<f64> = value.split(':').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    let seconds = match parts[..] {
        [minutes] => minutes * 60.0,
        [hours, minutes] => hours * 3600.0 + minutes * 60.0,
        [hours, minutes, seconds] => hours * 3600.0 + minutes * 60.0 + seconds,
        _ => return None,
    };
    (seconds > 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_german_values() {
        let cases = [
            ("50", Some(500)),
            ("DE:urban", Some(500)),
            ("DE:rural", Some(1000)),
            ("walk", Some(100)),
            ("none", Some(1300)),
            ("DE:zone30", Some(300)),
            ("DE:zone:30", None),
            ("20 mph", Some(322)),
            ("30 km/h", Some(300)),
            ("7", Some(70)),
            ("5000", None),
            ("NaN", None),
            ("signals", None),
        ];
        for (value, expected) in cases {
            assert_eq!(parse(value), expected, "{value}");
        }
    }

    #[test]
    fn a_ferry_takes_its_duration() {
        let tags = Tags::new([("route", "ferry"), ("duration", "00:10")]);
        assert_eq!(ferry_dkmh(&tags, 1000.0), 60);
        let odd = Tags::new([("route", "ferry"), ("duration", "PT10M")]);
        assert_eq!(ferry_dkmh(&odd, 1000.0), FERRY_DKMH);
    }
}
