//! Car parks and bays, and the ways that lead to them.

use super::super::{Counted, County, Geometry, Site};
use super::kind::Kind;
use super::plane::{Point, add, direction, distance, scale, sub};
use super::sketch::{Sketch, Way};

/// The outline of a car park that is known as a point only: half its width and depth, metres.
const HALF_M: [f64; 2] = [24.0, 16.0];
/// A street with bays along its kerbs goes on beyond them, metres.
const BEYOND_M: f64 = 60.0;
/// The first lane between two rows of bays, and from lane to lane, metres (see the rows of
/// [`super::super::layout`], whose outline begins 2 m before the bays).
const FIRST_LANE_M: f64 = 10.0;
const LANE_EVERY_M: f64 = 16.0;
/// The lane that joins the others runs so far outside the outline, metres.
const BESIDE_M: f64 = 4.0;

/// A car park on the map.
#[derive(Debug)]
pub(super) struct Lot {
    /// Index into the county's sites.
    pub(super) site: usize,
    pub(super) outline: Vec<Point>,
    /// Where cars leave the street's way for the car park's own.
    pub(super) entrance: Option<Point>,
}

/// The outlines of all sites, before streets are drawn.
pub(super) fn outlines(sketch: &mut Sketch, county: &County) -> Vec<Lot> {
    let lots: Vec<Lot> = county
        .sites
        .iter()
        .enumerate()
        .map(|(site, place)| {
            let outline = match &place.geometry {
                Geometry::Polygon(outline) => outline.iter().map(|p| sketch.plane.point(*p)).collect(),
                Geometry::Point(p) => rectangle(sketch.plane.point(*p)),
            };
            Lot { site, outline, entrance: None }
        })
        .collect();
    let off_street = lots.iter().filter(|lot| !is_kerb(&county.sites[lot.site]));
    sketch.lots = off_street.map(|lot| lot.outline.clone()).collect();
    lots
}

fn is_kerb(site: &Site) -> bool {
    site.kind == "on_street"
}

fn rectangle(center: Point) -> Vec<Point> {
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]];
    corners.map(|[x, y]| add(center, [x * HALF_M[0], y * HALF_M[1]])).to_vec()
}

/// Draws the street along each row of kerbside bays: before others are, so that they meet it.
pub(super) fn kerb_streets(sketch: &mut Sketch, county: &County, lots: &[Lot]) {
    for lot in lots.iter().filter(|lot| is_kerb(&county.sites[lot.site])) {
        let [a, b, _, d, ..] = lot.outline[..] else { continue };
        let half = scale(sub(d, a), 0.5);
        let along = direction(a, b);
        let from = add(add(a, half), scale(along, -BEYOND_M));
        let to = add(add(b, half), scale(along, BEYOND_M));
        sketch.add(Way::new(Kind::Residential, vec![from, to]).named(county.sites[lot.site].name));
    }
}

/// Draws the ways from the streets to each car park off the street, and those inside.
pub(super) fn ways(sketch: &mut Sketch, county: &County, lots: &mut [Lot]) {
    for lot in lots.iter_mut() {
        let site = &county.sites[lot.site];
        if is_kerb(site) {
            continue;
        }
        let inner = match (&site.geometry, &site.counted) {
            (Geometry::Point(p), Some(Counted { .. })) => sketch.plane.point(*p),
            _ => lanes(sketch, &lot.outline),
        };
        let street = sketch.nearest_street(inner);
        let kind = if site.purpose == "bike" { Kind::CyclePath } else { Kind::Driveway };
        sketch.add(Way { access: access(site), ..Way::new(kind, vec![street, inner]) });
        lot.entrance = Some(inner);
    }
}

/// Who may use it, where that is not everyone.
pub(super) fn access(site: &Site) -> Option<&'static str> {
    (site.publish == Some("none")).then_some("private")
}

/// Draws the lanes between the rows of bays; returns where they begin.
fn lanes(sketch: &mut Sketch, outline: &[Point]) -> Point {
    let [a, b, _, d, ..] = outline[..] else { return outline.first().copied().unwrap_or_default() };
    let (along, aside, depth_m) = (direction(a, b), direction(a, d), distance(a, d));
    let at = |x: f64, y: f64| add(a, add(scale(along, x), scale(aside, y)));
    // Every other row begins a new lane; a row alone has its lane before it.
    let lanes = 1 + ((depth_m - FIRST_LANE_M + 2.0) / LANE_EVERY_M).max(0.0) as usize;
    let y_of = |lane: usize| FIRST_LANE_M + lane as f64 * LANE_EVERY_M;
    let beyond = distance(a, b) + BESIDE_M;
    for lane in 0..lanes {
        let points = vec![at(-BESIDE_M, y_of(lane)), at(beyond, y_of(lane))];
        sketch.add(Way::new(Kind::Aisle, points));
    }
    if lanes > 1 {
        let points = vec![at(-BESIDE_M, y_of(0)), at(-BESIDE_M, y_of(lanes - 1))];
        sketch.add(Way::new(Kind::Aisle, points));
    }
    at(-BESIDE_M, y_of(0))
}

/// Draws a short way to each bay that belongs to no site.
pub(super) fn lone_bays(sketch: &mut Sketch, county: &County) {
    /// A bay at the kerb needs no way of its own, metres.
    const AT_KERB_M: f64 = 4.0;
    for bay in county.bays.iter().filter(|bay| bay.site.is_none()) {
        let here = sketch.plane.point(bay.geometry.center());
        let street = sketch.nearest_street(here);
        if distance(street, here) > AT_KERB_M {
            sketch.add(Way::new(Kind::Driveway, vec![street, here]));
        }
    }
}
