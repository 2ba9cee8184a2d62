//! Polygons of places: a point within, and what is wrong with their rings.
//!
//! On the plane of degrees: places are small, and lines between their corners short.

use super::{DEG_PER_M, LatLon};

/// A position, `[lon, lat]`.
type Corner = [f64; 2];

/// From one corner to the next.
type Edge = [Corner; 2];

fn edges(ring: &[Corner]) -> impl Iterator<Item = Edge> + Clone {
    ring.iter().copied().zip(ring.iter().copied().skip(1)).map(|(a, b)| [a, b])
}

/// A point within the polygon: the centroid of its outline where that lies within, else the middle of the
/// widest piece of a line from west to east near it (the outline of an L or a C does not hold its centroid).
pub(crate) fn center(rings: &[Vec<Corner>]) -> LatLon {
    let centroid = centroid(rings.first().map_or(&[][..], Vec::as_slice));
    if holds(rings, centroid) { centroid } else { within(rings, centroid.lat).unwrap_or(centroid) }
}

/// Metres from `at` to the polygon; 0 within it.
pub(crate) fn distance_m(rings: &[Vec<Corner>], at: LatLon) -> f64 {
    if holds(rings, at) {
        return 0.0;
    }
    // Metres east and north of `at`.
    let east_m = at.lat.to_radians().cos() / DEG_PER_M;
    let local = |[lon, lat]: Corner| [(lon - at.lon) * east_m, (lat - at.lat) / DEG_PER_M];
    let to_edge = |edge: Edge| {
        let [a, b] = edge.map(local);
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let along = -(a[0] * dx + a[1] * dy) / (dx * dx + dy * dy);
        let along = if along.is_finite() { along.clamp(0.0, 1.0) } else { 0.0 };
        (a[0] + along * dx).hypot(a[1] + along * dy)
    };
    rings.iter().flat_map(|ring| edges(ring)).map(to_edge).fold(f64::INFINITY, f64::min)
}

/// Whether `at` lies within the outline and in no hole; corners and edges belong to either.
fn holds(rings: &[Vec<Corner>], at: LatLon) -> bool {
    crossings(rings, at.lat).iter().filter(|lon| **lon > at.lon).count() % 2 == 1
}

/// The longitudes at which edges cross a line from west to east, in order.
fn crossings(rings: &[Vec<Corner>], lat: f64) -> Vec<f64> {
    let edges = rings.iter().flat_map(|ring| edges(ring));
    let mut crossings: Vec<f64> = edges
        .filter(|[a, b]| (a[1] > lat) != (b[1] > lat))
        .map(|[a, b]| a[0] + (lat - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
        .collect();
    crossings.sort_by(f64::total_cmp);
    crossings
}

/// A point within, between the two corners' latitudes around `lat`.
fn within(rings: &[Vec<Corner>], lat: f64) -> Option<LatLon> {
    let lats = || rings.iter().flatten().map(|corner| corner[1]);
    let below = lats().filter(|l| *l <= lat).max_by(f64::total_cmp)?;
    let above = lats().filter(|l| *l > lat).min_by(f64::total_cmp)?;
    let lat = f64::midpoint(below, above);
    let pieces = crossings(rings, lat);
    let widest = pieces.chunks_exact(2).max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    Some(LatLon { lat, lon: f64::midpoint(widest[0], widest[1]) })
}

/// The centroid of a ring's area; its mean vertex when the area is zero.
fn centroid(ring: &[Corner]) -> LatLon {
    let Some(&[x0, y0]) = ring.first() else { return LatLon { lat: 0.0, lon: 0.0 } };
    // Relative to the first vertex: a bay is metres wide and its coordinates have 15 digits.
    let (mut twice_area, mut sx, mut sy) = (0.0, 0.0, 0.0);
    for [a, b] in edges(ring) {
        let (ax, ay) = (a[0] - x0, a[1] - y0);
        let (bx, by) = (b[0] - x0, b[1] - y0);
        let cross = ax * by - bx * ay;
        twice_area += cross;
        sx += (ax + bx) * cross;
        sy += (ay + by) * cross;
    }
    if twice_area == 0.0 {
        let n = ring.len() as f64;
        let sum = ring.iter().fold([0.0, 0.0], |s, p| [s[0] + p[0], s[1] + p[1]]);
        return LatLon { lat: sum[1] / n, lon: sum[0] / n };
    }
    LatLon { lat: y0 + sy / (3.0 * twice_area), lon: x0 + sx / (3.0 * twice_area) }
}

/// What is wrong with a polygon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flaw {
    /// A ring has no area.
    Empty,
    /// Two edges, of one ring or of two, have a point in common that is no corner of both.
    Crossing(Corner),
    /// A hole does not lie within the outline; one of its corners.
    HoleOutside(Corner),
}

/// Less than this encloses nothing, square metres.
const MIN_AREA_M2: f64 = 0.1;

/// What is wrong with closed rings, the first being the outline. In which direction they run says nothing.
pub fn flaw(rings: &[Vec<Corner>]) -> Option<Flaw> {
    let mut rings = rings.to_vec();
    rings.iter_mut().for_each(Vec::dedup);
    for (i, ring) in rings.iter().enumerate() {
        let crossing =
            self_crossing(ring).or_else(|| rings[..i].iter().find_map(|other| meeting(ring, other)));
        if let Some(at) = crossing {
            return Some(Flaw::Crossing(at));
        }
    }
    if rings.iter().any(|ring| area_m2(ring) < MIN_AREA_M2) {
        return Some(Flaw::Empty);
    }
    let (outline, holes) = rings.split_first()?;
    // No edges cross: one corner decides for all of a ring.
    let outside = |hole: &&Vec<Corner>| !hole.iter().any(|c| holds(std::slice::from_ref(outline), at(*c)));
    holes.iter().find(outside).map(|hole| Flaw::HoleOutside(hole[0]))
}

fn at([lon, lat]: Corner) -> LatLon {
    LatLon { lat, lon }
}

fn area_m2(ring: &[Corner]) -> f64 {
    let Some(&[x0, y0]) = ring.first() else { return 0.0 };
    let cross = |[a, b]: Edge| (a[0] - x0) * (b[1] - y0) - (b[0] - x0) * (a[1] - y0);
    let deg2: f64 = edges(ring).map(cross).sum::<f64>() / 2.0;
    deg2.abs() / (DEG_PER_M * DEG_PER_M) * y0.to_radians().cos()
}

/// Where a closed ring meets itself other than from one edge to the next.
fn self_crossing(ring: &[Corner]) -> Option<Corner> {
    let edges: Vec<Edge> = edges(ring).collect();
    let last = edges.len().checked_sub(1)?;
    let [south, north] =
        [f64::min, f64::max].map(|of| edges.iter().map(|[a, b]| of(a[1], b[1])).collect::<Vec<_>>());
    // From south to north: of an outline of many corners few edges lie beside each other.
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_by(|i, j| south[*i].total_cmp(&south[*j]));
    let meets = order.iter().enumerate().flat_map(|(at, i)| {
        let beside = order[at + 1..].iter().take_while(|j| south[**j] <= north[*i]);
        beside.filter_map(|j| {
            let (i, j) = (*i.min(j), *i.max(j));
            let (a, b) = (edges[i], edges[j]);
            let point = match (i, j) {
                (i, j) if j == i + 1 => turns_back(a[0], a[1], b[1]),
                (0, j) if j == last => turns_back(b[0], b[1], a[1]),
                _ => meet(a, b),
            };
            Some(((i, j), point?))
        })
    });
    // The first along the ring.
    meets.min_by_key(|(pair, _)| *pair).map(|(_, point)| point)
}

fn meeting(a: &[Corner], b: &[Corner]) -> Option<Corner> {
    edges(a).find_map(|a| edges(b).find_map(|b| crossing(a, b)))
}

/// Twice the signed area of the triangle: positive when it runs counter-clockwise.
fn side(a: Corner, b: Corner, c: Corner) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// `corner` when the way from `a` over it to `b` goes back on itself.
fn turns_back(a: Corner, corner: Corner, b: Corner) -> Option<Corner> {
    let ahead = (corner[0] - a[0]) * (b[0] - corner[0]) + (corner[1] - a[1]) * (b[1] - corner[1]);
    (side(a, corner, b) == 0.0 && ahead < 0.0).then_some(corner)
}

/// A point that two edges have in common.
fn meet(a: Edge, b: Edge) -> Option<Corner> {
    let on = |p: Corner, [from, to]: Edge| {
        let between = |i: usize| (from[i].min(to[i])..=from[i].max(to[i])).contains(&p[i]);
        side(from, to, p) == 0.0 && between(0) && between(1)
    };
    let touching = [(b[0], a), (b[1], a), (a[0], b), (a[1], b)].into_iter().find(|(p, edge)| on(*p, *edge));
    touching.map(|(p, _)| p).or_else(|| crossing(a, b))
}

/// The point at which two edges cross, each being cut in two.
fn crossing(a: Edge, b: Edge) -> Option<Corner> {
    let [s1, s2] = a.map(|corner| side(b[0], b[1], corner));
    let [s3, s4] = b.map(|corner| side(a[0], a[1], corner));
    if s1 * s2 >= 0.0 || s3 * s4 >= 0.0 {
        return None;
    }
    let share = s1 / (s1 - s2);
    Some([0, 1].map(|i| a[0][i] + share * (a[1][i] - a[0][i])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Corners in tenths of a metre or so, around a town; closed.
    fn ring(corners: &[(i32, i32)]) -> Vec<Corner> {
        let mut ring: Vec<Corner> = corners
            .iter()
            .map(|(x, y)| [7.16 + f64::from(*x) * 1e-5, 51.95 + f64::from(*y) * 1e-5])
            .collect();
        ring.push(ring[0]);
        ring
    }

    #[test]
    fn what_is_wrong_with_a_polygon_is_found() {
        let square = || ring(&[(0, 0), (100, 0), (100, 100), (0, 100)]);
        let flaws = [
            (vec![square()], None),
            (vec![square().into_iter().rev().collect()], None),
            (vec![square(), ring(&[(20, 20), (40, 20), (40, 40)])], None),
            // A corner twice, a corner on a straight edge.
            (vec![ring(&[(0, 0), (0, 0), (50, 0), (100, 0), (100, 100)])], None),
            (vec![ring(&[(0, 0), (100, 0), (50, 0)])], Some("crossing")),
            // Less than a decimetre wide.
            (vec![vec![[7.0, 51.0], [7.00001, 51.0], [7.0, 51.000_000_1], [7.0, 51.0]]], Some("empty")),
            (vec![ring(&[(0, 0), (0, 0), (0, 0)])], Some("empty")),
            // Bow-ties with even and uneven halves.
            (vec![ring(&[(0, 0), (100, 100), (100, 0), (0, 100)])], Some("crossing")),
            (vec![ring(&[(0, 0), (100, 100), (100, 0), (0, 101)])], Some("crossing")),
            (vec![ring(&[(0, 0), (100, 0), (100, 100), (60, -20), (0, 100)])], Some("crossing")),
            // A spike, and two squares that hang together by a corner.
            (vec![ring(&[(0, 0), (100, 0), (100, 100), (100, 300), (100, 100), (0, 100)])], Some("crossing")),
            (
                vec![ring(&[
                    (0, 0),
                    (100, 0),
                    (100, 100),
                    (200, 100),
                    (200, 200),
                    (100, 200),
                    (100, 100),
                    (0, 100),
                ])],
                Some("crossing"),
            ),
            (vec![square(), ring(&[(200, 20), (240, 20), (240, 40)])], Some("outside")),
            (vec![square(), ring(&[(50, 20), (240, 20), (240, 40)])], Some("crossing")),
            (
                vec![square(), ring(&[(20, 20), (60, 20), (60, 60)]), ring(&[(40, 10), (50, 10), (50, 70)])],
                Some("crossing"),
            ),
        ];
        for (rings, expected) in flaws {
            let found = flaw(&rings).map(|flaw| match flaw {
                Flaw::Empty => "empty",
                Flaw::Crossing(_) => "crossing",
                Flaw::HoleOutside(_) => "outside",
            });
            assert_eq!(found, expected, "{rings:?}");
        }
    }

    #[test]
    fn the_position_of_an_angular_place_lies_in_it() {
        let c = ring(&[(0, 0), (300, 0), (300, 20), (20, 20), (20, 280), (300, 280), (300, 300), (0, 300)]);
        let with_a_hole = [
            ring(&[(0, 0), (100, 0), (100, 100), (0, 100)]),
            ring(&[(10, 10), (90, 10), (90, 90), (10, 90)]),
        ];
        for rings in [&[c][..], &with_a_hole] {
            assert!(!holds(rings, centroid(&rings[0])));
            assert!(holds(rings, center(rings)), "{rings:?}");
        }
    }

    proptest! {
        /// Whatever the outline: it has a flaw, or its position lies within it.
        #[test]
        fn every_polygon_is_flawed_or_holds_its_position(
            corners in prop::collection::vec((-40..40, -40..40), 3..9)
        ) {
            let rings = [ring(&corners)];
            prop_assert!(flaw(&rings).is_some() || holds(&rings, center(&rings)));
        }

        /// Stars are never flawed, in whichever direction they run.
        #[test]
        fn a_star_is_a_polygon(radii in prop::collection::vec(20.0..400.0_f64, 3..40), reversed: bool) {
            let step = std::f64::consts::TAU / radii.len() as f64;
            let corner = |(i, r): (usize, &f64)| {
                let (sin, cos) = (i as f64 * step).sin_cos();
                ((r * cos).round() as i32, (r * sin).round() as i32)
            };
            let mut corners: Vec<_> = radii.iter().enumerate().map(corner).collect();
            if reversed {
                corners.reverse();
            }
            let rings = [ring(&corners)];
            prop_assume!(radii.len() > 3);
            prop_assert_eq!(flaw(&rings), None);
            prop_assert!(holds(&rings, center(&rings)));
        }
    }
}
