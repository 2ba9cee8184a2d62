//! Car parks and bays, and the ways that lead to them.

use super::super::{County, Geometry, Site};
use super::geometry::{Point, add, direction, distance, scale, sub};
use super::kind::Kind;
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
/// A bay at the kerb needs no way of its own, metres.
const AT_KERB_M: f64 = 4.0;

/// A car park on the map.
#[derive(Debug)]
pub(super) struct Lot<'a> {
    pub(super) site: &'a Site,
    pub(super) outline: Vec<Point>,
    /// Where cars leave the street's way for the car park's own; `None` along kerbs.
    pub(super) entrance: Option<Point>,
}

impl Lot<'_> {
    fn is_kerb(&self) -> bool {
        self.site.kind == "on_street"
    }
}

/// The outlines of all sites, before streets are drawn.
pub(super) fn outlines<'a>(sketch: &mut Sketch, county: &'a County) -> Vec<Lot<'a>> {
    let outline = |site: &Site| match &site.geometry {
        Geometry::Polygon(outline) => outline.iter().map(|p| sketch.frame.point(*p)).collect(),
        Geometry::Point(p) => rectangle(sketch.frame.point(*p)),
    };
    let lots: Vec<Lot> =
        county.sites.iter().map(|site| Lot { site, outline: outline(site), entrance: None }).collect();
    sketch.lots = lots.iter().filter(|lot| !lot.is_kerb()).map(|lot| lot.outline.clone()).collect();
    lots
}

fn rectangle(center: Point) -> Vec<Point> {
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]];
    corners.map(|[x, y]| add(center, [x * HALF_M[0], y * HALF_M[1]])).to_vec()
}

/// Draws the street along each row of kerbside bays: before others are, so that they meet it.
pub(super) fn kerb_streets(sketch: &mut Sketch, lots: &[Lot]) {
    for lot in lots.iter().filter(|lot| lot.is_kerb()) {
        let [a, b, _, d, ..] = lot.outline[..] else { continue };
        let half = scale(sub(d, a), 0.5);
        let beyond = scale(direction(a, b), BEYOND_M);
        let points = vec![sub(add(a, half), beyond), add(add(b, half), beyond)];
        sketch.add(Way::new(Kind::Residential, points).named(lot.site.name));
    }
}

/// Draws the ways from the streets to each car park off the street, and those inside.
pub(super) fn ways(sketch: &mut Sketch, lots: &mut [Lot]) {
    for lot in lots.iter_mut().filter(|lot| !lot.is_kerb()) {
        let inner = match &lot.site.geometry {
            Geometry::Point(p) => sketch.frame.point(*p),
            Geometry::Polygon(_) => lanes(sketch, &lot.outline),
        };
        let street = sketch.nearest_street(inner);
        let kind = if lot.site.purpose == "bike" { Kind::CyclePath } else { Kind::Driveway };
        sketch.add(Way { access: access(lot.site), ..Way::new(kind, vec![street, inner]) });
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
    let begin = |lane: usize| at(-BESIDE_M, FIRST_LANE_M + lane as f64 * LANE_EVERY_M);
    let across = scale(along, distance(a, b) + 2.0 * BESIDE_M);
    for lane in 0..lanes {
        sketch.add(Way::new(Kind::Aisle, vec![begin(lane), add(begin(lane), across)]));
    }
    if lanes > 1 {
        sketch.add(Way::new(Kind::Aisle, vec![begin(0), begin(lanes - 1)]));
    }
    begin(0)
}

/// Draws a short way to each bay that belongs to no site.
pub(super) fn lone_bays(sketch: &mut Sketch, county: &County) {
    for bay in county.bays.iter().filter(|bay| bay.site.is_none()) {
        let here = sketch.frame.point(bay.geometry.center());
        let street = sketch.nearest_street(here);
        if distance(street, here) > AT_KERB_M {
            sketch.add(Way::new(Kind::Driveway, vec![street, here]));
        }
    }
}
