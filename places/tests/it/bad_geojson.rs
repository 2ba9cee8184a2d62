use crate::support::{collection, feature, feature_at, read_files};

fn problems(name: &str, text: &str) -> String {
    read_files(&[(name, text)]).unwrap_err()
}

#[test]
fn whatever_is_no_feature_collection_says_so() {
    let remedy = "remedy: write {\"type\": \"FeatureCollection\", \"features\": [...]}";
    assert_eq!(
        problems("bays.geojson", r#"{"type": "Feature"}"#),
        format!("bays.geojson: is not a GeoJSON FeatureCollection\n  {remedy}")
    );
    assert!(problems("bays.geojson", "[]").starts_with("bays.geojson:1: is not a GeoJSON FeatureCollection"));
    assert_eq!(
        problems("bays.geojson", "{\"type\": \"FeatureCollection\",\n\"features\": [\n{\"a\": 1,}\n]}"),
        "bays.geojson:3: is not JSON: key must be a string at line 3 column 9\n  remedy: correct the JSON there; a missing or \
         spare comma, quote or bracket is the usual cause"
    );
    assert_eq!(
        problems("bays.geojson", &collection(&["{\"type\": \"Point\"}", "17"])),
        "bays.geojson:2: is not a GeoJSON feature\n  remedy: write \"type\": \"Feature\"\n\
         bays.geojson:3: is not a GeoJSON feature: invalid type: integer `17`, expected struct Feature\n  remedy: write {\"type\": \"Feature\", \"properties\": {...}, \"geometry\": {...}}"
    );
}

#[test]
fn properties_have_their_types() {
    let site = feature(
        r#""id": 17.5, "municipality": "Coesfeld", "name": "Markt", "kind": "carpark", "capacity": "150", "fee": 2, "max_height_m": "2,1", "restrictions": [{"for": "disabled", "capacity": -1, "hour": "x"}, {}], "valid_from": "2026-11-22T13:00"#,
    );
    let site = site.replace("13:00}", "13:00\"}");
    assert_eq!(
        problems("sites.geojson", &collection(&[&site])),
        "sites.geojson:2: id = '17.5': a text is needed\n  remedy: write it in quotes: \"17.5\"\n\
         sites.geojson:2: municipality = 'Coesfeld': a slug holds lower-case letters a-z, digits and hyphens only\n  \
         remedy: write for example 'coesfeld'\n\
         sites.geojson:2: kind = 'carpark': is not known\n  remedy: did you mean 'car_park'? choices: on_street, lot, \
         car_park, underground, park_and_ride\n\
         sites.geojson:2: capacity = '150': a whole number is needed\n  remedy: write 150 without quotes\n\
         sites.geojson:2: fee = '2': is neither a text nor {de, en, charge}\n  remedy: write {\"de\": \"...\", \"en\": \
         \"...\", \"charge\": \"1.50 EUR/hour\"}\n\
         sites.geojson:2: max_height_m = '2,1': a number is needed\n  remedy: write digits only, e.g. 51.94\n\
         sites.geojson:2: restrictions[0].hour: is not known in a restriction\n  remedy: did you mean 'hours'? known: \
         for, capacity, hours, max_stay_min\n\
         sites.geojson:2: restrictions[0].capacity = '-1': is out of range\n  remedy: write 0 to 2147483647\n\
         sites.geojson:2: restrictions[1].for: the restriction says nothing\n  remedy: fill it or delete it\n\
         sites.geojson:2: valid_from = '2026-11-22T13:00': has no zone\n  remedy: write 2026-11-22T13:00:00+01:00 if \
         it is German time, or end it with Z if it is UTC"
    );
}

#[test]
fn a_bay_has_one_word_on_its_restrictions() {
    let both = feature(r#""id": "1", "municipality": "x", "restriction": "none", "restrictions": []"#);
    let wrong = feature(r#""id": "2", "municipality": "x", "restriction": "invalid""#);
    let list = feature(r#""id": "3", "municipality": "x", "restrictions": ["disabled"]"#);
    assert_eq!(
        problems("bays.geojson", &collection(&[&both, &wrong, &list])),
        "bays.geojson:2: restriction: stands beside 'restrictions'\n  remedy: keep 'restrictions', delete the \
         shorthand\n\
         bays.geojson:3: restriction = 'invalid': is not known\n  remedy: choices: none, disabled, assigned_disabled, \
         charging, resident, women, family, delivery, taxi, carsharing\n\
         bays.geojson:4: restrictions = '[\"disabled\"]': is not a list of restrictions\n  remedy: write [{\"for\": \
         \"disabled\", \"capacity\": 4}], or [] for none"
    );
}

#[test]
fn geometry_is_looked_at_even_when_properties_are_wrong() {
    let bay = feature_at(r#""municipality": "x""#, "[51.94, 97.17]");
    assert_eq!(
        problems("bays.geojson", &collection(&[&bay])),
        "bays.geojson:2: geometry: [51.94, 97.17] has latitude 97.17, beyond 90: longitude and latitude are probably \
         swapped\n  remedy: GeoJSON is [lon, lat]: write [97.17, 51.94]\n\
         bays.geojson:2: id: is missing\n  remedy: add 'id'"
    );
}
