//! Areas of many corners: whether a position lies in one is asked for each street.

use serde::{Deserialize, Serialize};

use crate::geo::{Bbox, LatLon};

/// A position, `[lon, lat]`.
type Corner = [f64; 2];

/// A polygon: the outline, then holes; each ring closed.
type Rings = Vec<Vec<Corner>>;

/// Corners that one shape may have. The whole of Germany is drawn well with a tenth of them.
pub const MAX_POINTS: usize = 50_000;

/// Edges in a band, on average: a few comparisons are quicker than finding fewer.
const EDGES_PER_BAND: usize = 8;

/// A multipolygon on the plane of degrees, with its edges by bands of latitude. In which direction rings run says nothing:
/// operators follow RFC 7946 or the contrary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Rings>", into = "Vec<Rings>")]
pub struct Shape {
    polygons: Vec<Rings>,
    bounds: Option<Bbox>,
    /// From south to north, of equal height: the edges that touch the band, with the polygon that each is of.
    bands: Vec<Vec<Edge>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    polygon: u32,
    from: Corner,
    to: Corner,
}

impl Shape {
    /// Whether `at` lies in a polygon and in none of its holes; edges belong to either side.
    pub fn holds(&self, at: LatLon) -> bool {
        let Some(bounds) = self.bounds.filter(|bounds| bounds.contains(at)) else { return false };
        let Some(band) = self.bands.get(self.band_of(bounds, at.lat)) else { return false };
        // Edges of one polygon follow each other: an odd number of crossings to the east of any of them is enough.
        let (mut polygon, mut is_inside) = (u32::MAX, false);
        for edge in band {
            if edge.polygon != polygon {
                if is_inside {
                    return true;
                }
                polygon = edge.polygon;
            }
            is_inside ^= edge.is_crossed_east_of(at);
        }
        is_inside
    }

    /// The smallest box around it; `None`: it is empty.
    pub fn bounds(&self) -> Option<Bbox> {
        self.bounds
    }

    /// Outline and holes of each polygon, `[lon, lat]`.
    pub fn polygons(&self) -> &[Vec<Vec<[f64; 2]>>] {
        &self.polygons
    }

    /// Its corners.
    pub fn points(&self) -> usize {
        self.polygons.iter().flatten().map(Vec::len).sum()
    }

    fn band_of(&self, bounds: Bbox, lat: f64) -> usize {
        let share = (lat - bounds.south) / (bounds.north - bounds.south);
        // A flat shape has one band; the northern edge belongs to the last.
        let band = if share.is_finite() { share * self.bands.len() as f64 } else { 0.0 };
        (band as usize).min(self.bands.len().saturating_sub(1))
    }
}

impl Edge {
    fn is_crossed_east_of(&self, at: LatLon) -> bool {
        let (a, b) = (self.from, self.to);
        (a[1] > at.lat) != (b[1] > at.lat) && a[0] + (at.lat - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) > at.lon
    }
}

impl From<Vec<Rings>> for Shape {
    fn from(polygons: Vec<Rings>) -> Self {
        let corners =
            || polygons.iter().flatten().flatten().map(|[lon, lat]| LatLon { lat: *lat, lon: *lon });
        let bounds = corners().fold(None, |bounds: Option<Bbox>, at| {
            Some(bounds.map_or(Bbox::of(at), |bounds| bounds.extended(at)))
        });
        let edges = || polygons.iter().flatten().flat_map(|ring| ring.iter().zip(ring.iter().skip(1)));
        // How often the edges go from south to north and back. A zigzag of long edges has few bands: else each edge were in all.
        let height = bounds.map_or(0.0, |bounds| bounds.north - bounds.south);
        let sweeps = edges().map(|(a, b)| (a[1] - b[1]).abs()).sum::<f64>() / height;
        let points = corners().count();
        let most = if sweeps > 1.0 { (points as f64 / sweeps) as usize } else { points };
        let bands = vec![Vec::new(); (points / EDGES_PER_BAND).min(most) + 1];
        let mut shape = Shape { polygons, bounds, bands };
        let Some(bounds) = bounds else { return shape };
        for (polygon, rings) in shape.polygons.iter().enumerate() {
            for (from, to) in rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().skip(1))) {
                let touched = [from[1], to[1]].map(|lat| shape.band_of(bounds, lat));
                let edge = Edge { polygon: polygon as u32, from: *from, to: *to };
                for band in touched[0].min(touched[1])..=touched[0].max(touched[1]) {
                    shape.bands[band].push(edge);
                }
            }
        }
        shape
    }
}

impl From<Shape> for Vec<Rings> {
    fn from(shape: Shape) -> Self {
        shape.polygons
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: crossings of all edges of each polygon, one by one.
    fn holds(polygons: &[Rings], at: LatLon) -> bool {
        polygons.iter().any(|rings| {
            let edges = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().skip(1)));
            edges.filter(|(a, b)| Edge { polygon: 0, from: **a, to: **b }.is_crossed_east_of(at)).count() % 2
                == 1
        })
    }

    fn ring(corners: &[(i16, i16)]) -> Vec<Corner> {
        let mut ring: Vec<Corner> =
            corners.iter().map(|(x, y)| [7.0 + f64::from(*x) * 1e-3, 52.0 + f64::from(*y) * 1e-3]).collect();
        ring.push(ring[0]);
        ring
    }

    proptest! {
        #[test]
        fn bands_change_no_answer(
            polygons in prop::collection::vec(
                prop::collection::vec(prop::collection::vec((-30..30_i16, -30..30_i16), 3..60), 1..3), 0..4),
            asked in prop::collection::vec((-35..35_i16, -35..35_i16), 1..60),
        ) {
            let polygons: Vec<Rings> =
                polygons.iter().map(|rings| rings.iter().map(|r| ring(r)).collect()).collect();
            let shape = Shape::from(polygons.clone());
            for (x, y) in asked {
                let at = LatLon { lat: 52.0 + f64::from(y) * 1e-3, lon: 7.0 + f64::from(x) * 1e-3 };
                prop_assert_eq!(shape.holds(at), holds(&polygons, at));
            }
        }
    }

    #[test]
    fn ten_thousand_corners_are_few_comparisons_and_exact() {
        let corner = |i: u32| {
            let (sin, cos) = (f64::from(i) / 10_000.0 * std::f64::consts::TAU).sin_cos();
            let radius = 0.1 + 0.0002 * f64::from(i % 7);
            [7.0 + cos * radius, 52.0 + sin * radius]
        };
        let ring: Vec<Corner> = (0..10_000).chain([0]).map(corner).collect();
        let shape = Shape::from(vec![vec![ring.clone()]]);
        assert_eq!(shape.points(), 10_001);
        assert!(shape.bands.iter().map(Vec::len).max() < Some(500));
        for i in 0..2_000 {
            let at = LatLon { lat: 51.8 + f64::from(i % 50) * 0.008, lon: 6.8 + f64::from(i / 50) * 0.01 };
            assert_eq!(shape.holds(at), holds(&[vec![ring.clone()]], at), "{at:?}");
        }
    }

    #[test]
    fn a_zigzag_takes_no_more_memory_than_a_circle() {
        let ring: Vec<Corner> = (0..20_000_u32).map(|i| [f64::from(i) * 1e-4, f64::from(i % 2)]).collect();
        let shape = Shape::from(vec![vec![ring]]);
        assert!(shape.bands.iter().map(Vec::len).sum::<usize>() < 100_000);
    }

    #[test]
    fn a_shape_that_was_stored_is_the_same() {
        let shape = Shape::from(vec![vec![ring(&[(0, 0), (10, 0), (10, 10)])]]);
        let stored = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<Shape>(&stored).unwrap(), shape);
        assert!(!Shape::from(vec![]).holds(LatLon { lat: 0.0, lon: 0.0 }));
    }
}
