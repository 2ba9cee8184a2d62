//! Geometry on a flat map of the county, in metres.

use rstar::primitives::Line;

/// A point: metres east and north of the middle of the map.
pub(super) type Point = [f64; 2];

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

/// Where two lines cross, ends included.
pub(super) fn crossing(one: &Line<Point>, other: &Line<Point>) -> Option<Point> {
    let (ab, cd, ac) = (sub(one.to, one.from), sub(other.to, other.from), sub(other.from, one.from));
    let turn = cross(ab, cd);
    let (t, u) = (cross(ac, cd) / turn, cross(ac, ab) / turn);
    let is_on_both = turn.abs() > 1e-9 && (0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u);
    is_on_both.then(|| between(one.from, one.to, t))
}

/// Whether a point lies inside an outline.
pub(super) fn is_inside(p: Point, outline: &[Point]) -> bool {
    let is_crossed = |edge: &&[Point]| {
        let (a, b) = (edge[0], edge[1]);
        (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0]
    };
    outline.windows(2).filter(is_crossed).count() % 2 == 1
}
