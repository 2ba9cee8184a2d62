//! Areas in which vehicles come on demand.

use domain::LatLon;
use domain::booking::{Notice, OnDemandArea, OnDemandKind};
use serde_json::{Value, json};

use crate::support::{MUNICIPALITIES, existing, misfits, read_files, remarks};

const FILE: &str = "on_demand_areas.geojson";

/// A square around Coesfeld.
fn ring() -> Value {
    json!([[7.1, 51.9], [7.2, 51.9], [7.2, 52.0], [7.1, 52.0], [7.1, 51.9]])
}

/// A file with features of these properties and geometries, a line for each; what is `null` has that of a good one.
fn file(features: &[(Value, Value)]) -> String {
    let features = features.iter().map(|(own, geometry)| {
        let mut properties = json!({
            "id": "bb", "municipality": "coesfeld", "name": "Bürgerbus", "kind": "buergerbus", "hours": "Mo-Fr 08:00-18:00",
            "phone": "0251 1",
        });
        for (name, value) in own.as_object().into_iter().flatten() {
            properties[name] = value.clone();
        }
        let geometry = match geometry {
            Value::Null => json!({"type": "Polygon", "coordinates": [ring()]}),
            own => own.clone(),
        };
        json!({"type": "Feature", "properties": properties, "geometry": geometry}).to_string()
    });
    let features = features.collect::<Vec<_>>().join(",\n");
    format!("{{\"type\": \"FeatureCollection\", \"features\": [\n{features}\n]}}\n")
}

fn read(own: Value, geometry: Value) -> Result<OnDemandArea, String> {
    let text = file(&[(own, geometry)]);
    read_files(&[(FILE, &text)]).map(|mut files| files.on_demand_areas.remove(0).value)
}

/// Message and remedy without where they stand.
fn refused(own: Value, geometry: Value) -> String {
    let text = read(own, geometry).unwrap_err();
    text.strip_prefix("on_demand_areas.geojson:2: ").unwrap_or(&text).to_owned()
}

#[test]
fn an_area_has_what_it_needs_and_what_is_usual() {
    let area = read(json!({}), Value::Null).unwrap();
    assert_eq!((&*area.id, &*area.municipality, area.kind), ("bb", "coesfeld", OnDemandKind::BuergerBus));
    assert_eq!((area.detour_factor, area.offset_s, area.stops.len()), (1.5, 600, 0));
    assert_eq!(area.terms.notice, Notice::RealTime);
    let at = |lat, lon| LatLon { lat, lon };
    assert!(area.shape.holds(at(51.95, 7.15)) && !area.shape.holds(at(51.95, 7.25)));

    let far = json!([[7.3, 51.9], [7.4, 51.9], [7.4, 52.0], [7.3, 51.9]]);
    let all = json!({
        "stops": ["a", 7], "detour_factor": 2, "offset_s": 300, "min_notice_min": 60, "phone_hours": "Mo-Fr 08:00-12:00",
        "booking_url": "https://a.example", "wheelchair": true, "wheelchair_notice_min": 1440, "bikes": false,
        "agency": "BBV", "valid_from": "2026-12-01", "valid_until": "2027-12-31", "source": "county", "fid": 17,
    });
    let area = read(all, json!({"type": "MultiPolygon", "coordinates": [[ring()], [far]]})).unwrap();
    assert_eq!(
        (&*area.stops, area.detour_factor, area.offset_s),
        (&["a".to_owned(), "7".to_owned()][..], 2.0, 300)
    );
    assert_eq!(area.terms.notice, Notice::Before { at_least_s: 3_600 });
    assert_eq!(
        (area.shape.polygons().len(), area.bikes, area.wheelchair_notice_min),
        (2, Some(false), Some(1_440))
    );
    assert_eq!(area.valid_until.map(|day| day.to_string()).as_deref(), Some("2027-12-31"));
}

#[test]
fn what_is_wrong_with_an_area_says_so() {
    let polygon = |rings: Value| json!({"type": "Polygon", "coordinates": rings});
    for (own, geometry, expected) in [
        (
            json!({"hours": null}),
            Value::Null,
            "hours: is missing: nobody could know when it comes\n  remedy: add 'hours', e.g. \"Mo-Fr 08:00-18:00\"",
        ),
        (
            json!({"kind": "burgerbus"}),
            Value::Null,
            "kind = 'burgerbus': is not known\n  remedy: did you mean 'buergerbus'? choices: taxibus, ast, rufbus, buergerbus",
        ),
        (
            json!({"detour_factor": 0.5}),
            Value::Null,
            "detour_factor = '0.5': is out of range\n  remedy: write 1 to 10",
        ),
        (
            json!({"offset_s": -1}),
            Value::Null,
            "offset_s = '-1': is out of range\n  remedy: write 0 to 14400",
        ),
        (
            json!({"stops": "a,b"}),
            Value::Null,
            "stops = 'a,b': is not a list of ids\n  remedy: write [\"a\", \"b\"]",
        ),
        (
            json!({"relative_to": "first_stop"}),
            Value::Null,
            "relative_to = 'first_stop': has no meaning in an area: a ride begins where one gets on\n  remedy: delete it, or \
             write boarding",
        ),
        (
            json!({"last_day": 1}),
            Value::Null,
            "last_time: is missing beside 'last_day'\n  remedy: add 'last_time', e.g. 17:00, or delete 'last_day'",
        ),
        (
            json!({}),
            polygon(json!([[[7.1, 51.9], [7.2, 52.0], [7.2, 51.9], [7.1, 52.0], [7.1, 51.9]]])),
            "geometry: the polygon crosses or touches itself at [7.150000, 51.950000]\n  remedy: put the corners in their \
             order around the place (QGIS: Vector > Geometry Tools > Fix Geometries)",
        ),
        (
            json!({}),
            polygon(json!([[[51.9, 97.1], [51.9, 97.2], [52.0, 97.2], [51.9, 97.1]]])),
            "geometry: [51.9, 97.1] has latitude 97.1, beyond 90: longitude and latitude are probably swapped\n  remedy: \
             GeoJSON is [lon, lat]: write [97.1, 51.9]",
        ),
        (
            json!({}),
            json!({"type": "Point", "coordinates": [7.1, 51.9]}),
            "geometry: a Point is no area\n  remedy: write a Polygon or a MultiPolygon",
        ),
        (
            json!({}),
            json!({"type": "MultiPolygon", "coordinates": []}),
            "geometry: a MultiPolygon needs at least one polygon\n  remedy: write [[[[lon, lat], ...]]]",
        ),
        (
            json!({}),
            polygon(json!([[[7.1, 51.9], [7.1, 51.9], [7.1, 51.9], [7.1, 51.9]]])),
            "geometry: a ring of the polygon encloses nothing\n  remedy: draw the outline, or delete it",
        ),
    ] {
        assert_eq!(refused(own, geometry), expected);
    }
    let misspelt = refused(json!({"min_notice": 30, "phnoe": "0251 1"}), Value::Null);
    assert!(
        misspelt.starts_with(
            "phnoe: is not a known property of an area on demand\n  remedy: did you mean 'phone'?"
        ),
        "{misspelt}"
    );
}

/// A circle of so many corners.
fn circle(corners: usize) -> Value {
    let corner = |n: usize| {
        let (sin, cos) = (n as f64 / corners as f64 * std::f64::consts::TAU).sin_cos();
        [7.15 + 0.05 * cos, 51.95 + 0.05 * sin]
    };
    let mut ring: Vec<[f64; 2]> = (0..corners).map(corner).collect();
    ring.push(ring[0]);
    json!({"type": "Polygon", "coordinates": [ring]})
}

#[test]
fn an_area_may_be_drawn_finely_and_not_without_end() {
    assert_eq!(read(json!({}), circle(10_000)).unwrap().shape.points(), 10_001);
    assert_eq!(
        refused(json!({}), circle(20_000)),
        "geometry: a polygon of 20001 positions is too fine, 20000 are the most\n  remedy: simplify it (QGIS: Vector > \
         Geometry Tools > Simplify)"
    );
    let endless = refused(json!({}), circle(40_000));
    assert!(endless.contains("1024 KiB are taken") && endless.contains("simplify its geometry"), "{endless}");
}

#[test]
fn areas_fit_together_and_to_what_there_is() {
    let swapped = json!([[[51.9, 7.1], [52.0, 7.1], [52.0, 7.2], [51.9, 7.1]]]);
    let text = file(&[
        (json!({"municipality": "coesfelt", "hours": "Mo-Xx", "phone_hours": "always"}), Value::Null),
        (json!({"id": "b", "valid_from": "2026-12-02", "valid_until": "2026-12-01"}), Value::Null),
        (json!({"id": "b"}), Value::Null),
        (json!({"id": "s"}), json!({"type": "Polygon", "coordinates": swapped})),
    ]);
    let held =
        existing(&[MUNICIPALITIES, (FILE, &file(&[(json!({"municipality": "duelmen"}), Value::Null)]))]);
    assert_eq!(held.on_demand_areas.as_ref().unwrap().len(), 1);
    let found = misfits(&[(FILE, &text)], &held);
    for expected in [
        "on_demand_areas.geojson:2: municipality = 'coesfelt': exists neither in the files nor in the database\n  remedy: did \
         you mean 'coesfeld'?",
        "on_demand_areas.geojson:2: id = 'bb': this area belongs to Dülmen (duelmen), not to coesfelt",
        "on_demand_areas.geojson:2: hours = 'Mo-Xx': not OSM opening hours",
        "on_demand_areas.geojson:2: phone_hours = 'always': not OSM opening hours",
        "on_demand_areas.geojson:3: valid_until = '2026-12-01': is before valid_from (2026-12-02)",
        "on_demand_areas.geojson:4: id = 'b': stands twice: also in on_demand_areas.geojson:3",
        "on_demand_areas.geojson:5: geometry: [51.95, 7.15] lies",
        "remedy: longitude and latitude are swapped: GeoJSON is [lon, lat]",
    ] {
        assert!(found.contains(expected), "{expected}\n\n{found}");
    }
    let silent =
        remarks(&[(FILE, &file(&[(json!({"phone": null}), Value::Null)]))], &existing(&[MUNICIPALITIES]));
    assert!(silent.starts_with("on_demand_areas.geojson:2: id = 'bb': names no way to book\n"), "{silent}");
}

#[test]
fn a_file_without_areas_is_another_thing_than_none() {
    let areas = |files: &[(&str, &str)]| read_files(files).unwrap().into_catalogue().on_demand_areas;
    assert_eq!(areas(&[MUNICIPALITIES]), None);
    assert_eq!(areas(&[(FILE, &file(&[]))]), Some(Vec::new()));
}
