//! Places that were found by name: what they are, and what became of the house number.

use crate::lang::Lang;

/// What a place of the map is, by its tag in OpenStreetMap, in German and English.
const POIS: [(&str, &str, &str); 62] = [
    ("arts_centre", "Kulturzentrum", "Arts centre"),
    ("attraction", "Sehenswürdigkeit", "Attraction"),
    ("bakery", "Bäckerei", "Bakery"),
    ("bank", "Bank", "Bank"),
    ("bar", "Bar", "Bar"),
    ("bicycle", "Fahrradladen", "Bicycle shop"),
    ("bicycle_parking", "Fahrradstellplatz", "Bicycle parking"),
    ("bus_station", "Busbahnhof", "Bus station"),
    ("butcher", "Metzgerei", "Butcher"),
    ("cafe", "Café", "Café"),
    ("camp_site", "Campingplatz", "Camp site"),
    ("car_repair", "Autowerkstatt", "Car repair"),
    ("castle", "Burg oder Schloss", "Castle"),
    ("charging_station", "Ladestation", "Charging station"),
    ("chemist", "Drogerie", "Chemist"),
    ("cinema", "Kino", "Cinema"),
    ("clinic", "Klinik", "Clinic"),
    ("college", "Fachschule", "College"),
    ("community_centre", "Gemeindezentrum", "Community centre"),
    ("courthouse", "Gericht", "Courthouse"),
    ("dentist", "Zahnarztpraxis", "Dentist"),
    ("doctors", "Arztpraxis", "Doctors"),
    ("fast_food", "Imbiss", "Fast food"),
    ("fire_station", "Feuerwehr", "Fire station"),
    ("fitness_centre", "Fitnessstudio", "Fitness centre"),
    ("fuel", "Tankstelle", "Fuel station"),
    ("garden", "Garten", "Garden"),
    ("golf_course", "Golfplatz", "Golf course"),
    ("government", "Behörde", "Government office"),
    ("guest_house", "Pension", "Guest house"),
    ("halt", "Haltepunkt", "Railway halt"),
    ("hospital", "Krankenhaus", "Hospital"),
    ("hotel", "Hotel", "Hotel"),
    ("kindergarten", "Kindergarten", "Kindergarten"),
    ("library", "Bücherei", "Library"),
    ("marketplace", "Marktplatz", "Marketplace"),
    ("memorial", "Denkmal", "Memorial"),
    ("monument", "Denkmal", "Monument"),
    ("museum", "Museum", "Museum"),
    ("nature_reserve", "Naturschutzgebiet", "Nature reserve"),
    ("nursing_home", "Pflegeheim", "Nursing home"),
    ("park", "Park", "Park"),
    ("parking", "Parkplatz", "Parking"),
    ("pharmacy", "Apotheke", "Pharmacy"),
    ("pitch", "Sportplatz", "Sports pitch"),
    ("place_of_worship", "Gotteshaus", "Place of worship"),
    ("playground", "Spielplatz", "Playground"),
    ("police", "Polizei", "Police"),
    ("post_office", "Post", "Post office"),
    ("pub", "Kneipe", "Pub"),
    ("restaurant", "Restaurant", "Restaurant"),
    ("school", "Schule", "School"),
    ("social_facility", "Soziale Einrichtung", "Social facility"),
    ("sports_centre", "Sportzentrum", "Sports centre"),
    ("stadium", "Stadion", "Stadium"),
    ("station", "Bahnhof", "Station"),
    ("supermarket", "Supermarkt", "Supermarket"),
    ("swimming_pool", "Schwimmbad", "Swimming pool"),
    ("theatre", "Theater", "Theatre"),
    ("townhall", "Rathaus", "Town hall"),
    ("university", "Hochschule", "University"),
    ("wayside_cross", "Wegekreuz", "Wayside cross"),
];

/// What a point of interest is; whatever has no words of its own is one.
pub fn point_of_interest(tag: &str, lang: Lang) -> &'static str {
    let known = POIS.binary_search_by_key(&tag, |(tag, ..)| tag).ok();
    known.map_or(lang.say("Ort von Interesse", "Point of interest"), |at| lang.say(POIS[at].1, POIS[at].2))
}

/// What a town or a part of one is.
pub fn settlement(kind: &str, lang: Lang) -> &'static str {
    match kind {
        "municipality" | "town" => lang.say("Gemeinde", "Municipality"),
        "village" => lang.say("Dorf", "Village"),
        "hamlet" => lang.say("Weiler", "Hamlet"),
        _ => lang.say("Ortsteil", "Quarter"),
    }
}

/// What an address, a street or a stop is.
pub fn address(lang: Lang) -> &'static str {
    lang.say("Adresse", "Address")
}

/// See [`address`].
pub fn street(lang: Lang) -> &'static str {
    lang.say("Straße", "Street")
}

/// See [`address`]; `lines` stop there.
pub fn stop(lines: &[&str], lang: Lang) -> String {
    let stop = lang.say("Haltestelle", "Stop");
    if lines.is_empty() { stop.to_owned() } else { format!("{stop}: {}", lines.join(", ")) }
}

/// That a street has not the house number that was asked for, and which is nearest to it.
pub fn no_such_house(nearest: Option<&str>, lang: Lang) -> String {
    match (nearest, lang) {
        (Some(number), Lang::De) => {
            format!("Die gesuchte Hausnummer ist nicht bekannt, die nächste ist {number}")
        }
        (Some(number), Lang::En) => format!("The house number is not known, the nearest one is {number}"),
        (None, _) => {
            lang.say("Die gesuchte Hausnummer ist nicht bekannt", "The house number is not known").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_the_map_are_in_their_order() {
        assert!(POIS.is_sorted_by_key(|(tag, ..)| *tag));
        assert_eq!(point_of_interest("pharmacy", Lang::De), "Apotheke");
        assert_eq!(point_of_interest("yes", Lang::En), "Point of interest");
    }
}
