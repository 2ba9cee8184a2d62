//! GeoJSON geometries of places: points and polygons, checked.

use domain::LatLon;
use domain::geo::Geometry;
use serde_json::Value;

use crate::cell::{Taken, complain};

/// A Point or Polygon.
pub(crate) fn geometry(value: &Value) -> Taken<Geometry> {
    let coordinates = value.get("coordinates").unwrap_or(&Value::Null);
    match value.get("type").and_then(Value::as_str) {
        Some("Point") => position(coordinates).map(Geometry::Point),
        Some("Polygon") => rings(coordinates).map(Geometry::Polygon),
        Some("MultiPolygon") => complain(
            "a MultiPolygon is not a place's geometry",
            "write a Polygon (QGIS: Vector > Geometry Tools > Multipart to Singleparts), one feature per place",
        ),
        Some(other) => complain(format!("a {other} is not a place's geometry"), "write a Point or a Polygon"),
        None => complain("is missing", "give the feature a Point or a Polygon"),
    }
}

fn rings(value: &Value) -> Taken<Vec<Vec<[f64; 2]>>> {
    let Some(rings) = value.as_array().filter(|rings| !rings.is_empty()) else {
        return complain("a Polygon needs at least one ring", "write [[[lon, lat], ...]]");
    };
    rings.iter().map(ring).collect()
}

fn ring(value: &Value) -> Taken<Vec<[f64; 2]>> {
    let Some(positions) = value.as_array() else {
        return complain("a ring is a list of positions", "write [[[lon, lat], ...]]");
    };
    let ring: Vec<[f64; 2]> = positions.iter().map(position).collect::<Taken<_>>()?;
    if ring.len() < 4 {
        return complain(
            format!("a ring of {} positions encloses nothing", ring.len()),
            "write at least three corners and the first one again",
        );
    }
    if ring.first() != ring.last() {
        return complain(
            "the ring is not closed",
            format!("repeat its first position [{}, {}] at its end", ring[0][0], ring[0][1]),
        );
    }
    Ok(ring)
}

/// `[lon, lat]`; a height is allowed and dropped.
fn position(value: &Value) -> Taken<[f64; 2]> {
    let numbers = value.as_array().filter(|p| (2..=3).contains(&p.len()));
    let numbers: Option<Vec<f64>> = numbers.and_then(|p| p.iter().map(Value::as_f64).collect());
    let Some(&[lon, lat, ..]) = numbers.as_deref() else {
        return complain(format!("{value} is not a position"), "write [lon, lat] as numbers");
    };
    if LatLon::new(lat, lon).is_some() {
        return Ok([lon, lat]);
    }
    if LatLon::new(lon, lat).is_some() {
        return complain(
            format!(
                "[{lon}, {lat}] has latitude {lat}, beyond 90: longitude and latitude are probably swapped"
            ),
            format!("GeoJSON is [lon, lat]: write [{lat}, {lon}]"),
        );
    }
    complain(
        format!(
            "[{lon}, {lat}] is not on the earth: these look like metres of a map projection (UTM, Gauss-Krueger)"
        ),
        "export the layer again in WGS 84 (EPSG:4326)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(value: Value) -> String {
        match geometry(&value) {
            Ok(g) => format!("{g:?}"),
            Err(complaint) => complaint.to_string(),
        }
    }

    #[test]
    fn points_and_polygons_are_places() {
        assert_eq!(
            answer(json!({"type": "Point", "coordinates": [7.17, 51.94, 60.0]})),
            "Point([7.17, 51.94])"
        );
        let ring = json!([[7.0, 51.0], [7.1, 51.0], [7.1, 51.1], [7.0, 51.0]]);
        assert!(
            answer(json!({"type": "Polygon", "coordinates": [ring]})).starts_with("Polygon([[[7.0, 51.0]")
        );
    }

    #[test]
    fn whatever_else_says_what_it_is() {
        for (value, message) in [
            (json!(null), "is missing; give the feature a Point or a Polygon"),
            (
                json!({"type": "LineString", "coordinates": []}),
                "a LineString is not a place's geometry; write a Point or a Polygon",
            ),
            (
                json!({"type": "Point", "coordinates": [51.94, 97.17]}),
                "[51.94, 97.17] has latitude 97.17, beyond 90: longitude and latitude are probably swapped; GeoJSON \
                 is [lon, lat]: write [97.17, 51.94]",
            ),
            (
                json!({"type": "Point", "coordinates": [373914.2, 5755121.5]}),
                "[373914.2, 5755121.5] is not on the earth: these look like metres of a map projection (UTM, \
                 Gauss-Krueger); export the layer again in WGS 84 (EPSG:4326)",
            ),
            (
                json!({"type": "Point", "coordinates": ["7.1", "51.9"]}),
                "[\"7.1\",\"51.9\"] is not a position; write [lon, lat] as numbers",
            ),
            (
                json!({"type": "Polygon", "coordinates": [[[7.0, 51.0], [7.1, 51.0], [7.1, 51.1], [7.0, 51.1]]]}),
                "the ring is not closed; repeat its first position [7, 51] at its end",
            ),
            (
                json!({"type": "Polygon", "coordinates": [[[7.0, 51.0], [7.1, 51.0], [7.0, 51.0]]]}),
                "a ring of 3 positions encloses nothing; write at least three corners and the first one again",
            ),
        ] {
            assert_eq!(answer(value), message);
        }
    }
}
