//! Geometry on a flat map of the county, in metres.

use super::super::layout::round7;

/// A point: metres east and north of the middle of the map.
pub(super) type Point = [f64; 2];

/// Metres in a degree of latitude (mean earth radius 6,371,008.8 m).
const M_PER_DEG: f64 = 111_195.08;

/// The flat map: good to 0.3 % over a county.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    lon: f64,
    lat: f64,
    m_per_deg_lon: f64,
}

impl Plane {
    pub(super) fn around(lat: f64, lon: f64) -> Self {
        Self { lon, lat, m_per_deg_lon: M_PER_DEG * lat.to_radians().cos() }
    }

    /// From `[lon, lat]`.
    pub(super) fn point(&self, [lon, lat]: [f64; 2]) -> Point {
        [(lon - self.lon) * self.m_per_deg_lon, (lat - self.lat) * M_PER_DEG]
    }

    /// `[lon, lat]`.
    pub(super) fn degrees(&self, [x, y]: Point) -> [f64; 2] {
        [round7(self.lon + x / self.m_per_deg_lon), round7(self.lat + y / M_PER_DEG)]
    }
}

pub(super) fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1]]
}

pub(super) fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

pub(super) fn scale(a: Point, by: f64) -> Point {
    [a[0] * by, a[1] * by]
}

/// `a`, and `t` of the way from it to `b`.
pub(super) fn between(a: Point, b: Point, t: f64) -> Point {
    add(a, scale(sub(b, a), t))
}

pub(super) fn cross(a: Point, b: Point) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

pub(super) fn distance(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Turned counter-clockwise.
pub(super) fn turned([x, y]: Point, radians: f64) -> Point {
    let (sin, cos) = radians.sin_cos();
    [x * cos - y * sin, x * sin + y * cos]
}

/// The direction from `a` to `b`, of length 1; east when they are one point.
pub(super) fn direction(a: Point, b: Point) -> Point {
    let length = distance(a, b);
    if length > 0.0 { scale(sub(b, a), 1.0 / length) } else { [1.0, 0.0] }
}

/// The point of the line from `a` to `b` that is nearest to `p`.
pub(super) fn nearest(p: Point, a: Point, b: Point) -> Point {
    let (ab, ap) = (sub(b, a), sub(p, a));
    let square = ab[0] * ab[0] + ab[1] * ab[1];
    let t = if square > 0.0 { (ap[0] * ab[0] + ap[1] * ab[1]) / square } else { 0.0 };
    between(a, b, t.clamp(0.0, 1.0))
}

/// Where two lines cross, ends included.
pub(super) fn crossing((a, b): (Point, Point), (c, d): (Point, Point)) -> Option<Point> {
    let (ab, cd) = (sub(b, a), sub(d, c));
    let turn = cross(ab, cd);
    if turn.abs() < 1e-9 {
        return None;
    }
    let (t, u) = (cross(sub(c, a), cd) / turn, cross(sub(c, a), ab) / turn);
    ((0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u)).then(|| between(a, b, t))
}

/// Whether a point lies inside an outline.
pub(super) fn is_inside(p: Point, outline: &[Point]) -> bool {
    outline.windows(2).fold(false, |inside, edge| {
        let (a, b) = (edge[0], edge[1]);
        let crosses =
            (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0];
        inside != crosses
    })
}
