//! GeoJSON geometries, checked: points and polygons of places, polygons of areas.

use domain::LatLon;
use domain::geo::Geometry;
use domain::geo::polygon::{Flaw, flaw};
use domain::geo::shape::Shape;
use serde_json::Value;

use crate::cell::{Parsed, complain};

/// A Point or Polygon.
pub(crate) fn geometry(value: &Value) -> Parsed<Geometry> {
    let coordinates = value.get("coordinates").unwrap_or(&Value::Null);
    match value.get("type").and_then(Value::as_str) {
        Some("Point") => position(coordinates).map(Geometry::Point),
        Some("Polygon") => polygon(coordinates).map(Geometry::Polygon),
        Some("MultiPolygon") => complain(
            "a MultiPolygon is not a place's geometry",
            "write a Polygon (QGIS: Vector > Geometry Tools > Multipart to Singleparts), one feature per place",
        ),
        Some(other) => complain(format!("a {other} is not a place's geometry"), "write a Point or a Polygon"),
        None => complain("is missing", "give the feature a Point or a Polygon"),
    }
}

/// More corners than any place needs; the test for crossings compares all with all.
pub(crate) const MAX_CORNERS: usize = 5_000;

fn polygon(value: &Value) -> Parsed<Vec<Vec<[f64; 2]>>> {
    let rings = rings(value)?;
    not_too_fine(rings.iter(), MAX_CORNERS)?;
    let alternatives = ["write a Point", "write one feature for each place"];
    sound(&rings, alternatives)?;
    Ok(rings)
}

/// A Polygon or MultiPolygon of an area.
pub(crate) fn shape(value: &Value) -> Parsed<Shape> {
    let coordinates = value.get("coordinates").unwrap_or(&Value::Null);
    let polygons = match value.get("type").and_then(Value::as_str) {
        Some("Polygon") => vec![rings(coordinates)?],
        Some("MultiPolygon") => match coordinates.as_array().filter(|polygons| !polygons.is_empty()) {
            Some(polygons) => polygons.iter().map(rings).collect::<Parsed<_>>()?,
            None => {
                return complain("a MultiPolygon needs at least one polygon", "write [[[[lon, lat], ...]]]");
            }
        },
        Some(other) => return complain(format!("a {other} is no area"), "write a Polygon or a MultiPolygon"),
        None => return complain("is missing", "give the feature a Polygon or a MultiPolygon"),
    };
    not_too_fine(polygons.iter().flatten(), MAX_AREA_CORNERS)?;
    let alternatives = ["delete it", "write a MultiPolygon for several outlines"];
    polygons.iter().try_for_each(|rings| sound(rings, alternatives))?;
    Ok(Shape::from(polygons))
}

/// More corners than any area needs that follows roads and borders of towns.
pub(crate) const MAX_AREA_CORNERS: usize = 20_000;

fn not_too_fine<'a>(rings: impl Iterator<Item = &'a Vec<[f64; 2]>>, most: usize) -> Parsed<()> {
    let corners: usize = rings.map(Vec::len).sum();
    if corners > most {
        return complain(
            format!("a polygon of {corners} positions is too fine, {most} are the most"),
            "simplify it (QGIS: Vector > Geometry Tools > Simplify)",
        );
    }
    Ok(())
}

/// `alternatives`: what to do instead about a ring that encloses nothing, and about a hole outside of the outline.
fn sound(rings: &[Vec<[f64; 2]>], alternatives: [&str; 2]) -> Parsed<()> {
    let [instead_of_nothing, instead_of_holes] = alternatives;
    let shown = |[lon, lat]: [f64; 2]| format!("[{lon:.6}, {lat:.6}]");
    let redraw =
        "put the corners in their order around the place (QGIS: Vector > Geometry Tools > Fix Geometries)";
    match flaw(rings) {
        None => Ok(()),
        Some(Flaw::Empty) => {
            let remedy = format!("draw the outline, or {instead_of_nothing}");
            complain("a ring of the polygon encloses nothing", remedy)
        }
        Some(Flaw::Crossing(at)) => {
            complain(format!("the polygon crosses or touches itself at {}", shown(at)), redraw)
        }
        Some(Flaw::HoleOutside(at)) => complain(
            format!("the hole at {} lies outside of the outline", shown(at)),
            format!("the first ring is the outline, the others are holes in it; {instead_of_holes}"),
        ),
    }
}

fn rings(value: &Value) -> Parsed<Vec<Vec<[f64; 2]>>> {
    let Some(rings) = value.as_array().filter(|rings| !rings.is_empty()) else {
        return complain("a Polygon needs at least one ring", "write [[[lon, lat], ...]]");
    };
    rings.iter().map(ring).collect()
}

fn ring(value: &Value) -> Parsed<Vec<[f64; 2]>> {
    let Some(positions) = value.as_array() else {
        return complain("a ring is a list of positions", "write [[[lon, lat], ...]]");
    };
    let ring: Vec<[f64; 2]> = positions.iter().map(position).collect::<Parsed<_>>()?;
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
fn position(value: &Value) -> Parsed<[f64; 2]> {
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
            (
                json!({"type": "Polygon", "coordinates": [[[7.0, 51.0], [7.2, 51.2], [7.2, 51.0], [7.0, 51.2], [7.0, 51.0]]]}),
                "the polygon crosses or touches itself at [7.100000, 51.100000]; put the corners in their order around \
                 the place (QGIS: Vector > Geometry Tools > Fix Geometries)",
            ),
            (
                json!({"type": "Polygon", "coordinates": [[[7.0, 51.0], [7.1, 51.0], [7.1, 51.1], [7.0, 51.0]],
                    [[8.0, 51.0], [8.1, 51.0], [8.1, 51.1], [8.0, 51.0]]]}),
                "the hole at [8.000000, 51.000000] lies outside of the outline; the first ring is the outline, the \
                 others are holes in it; write one feature for each place",
            ),
        ] {
            assert_eq!(answer(value), message);
        }
    }
}
