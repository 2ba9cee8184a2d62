//! The streets of one town: a ring, blocks, a centre without cars, paths between the houses.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::geometry::{Point, add, distance, scale, sub, turned};
use super::kind::Kind;
use super::sketch::{Sketch, Town, Way};

/// Blocks of houses: width and depth, metres.
const BLOCK_M: [f64; 2] = [104.0, 138.0];
/// Points of a street are so many to a block, so that it can bend.
const POINTS_PER_BLOCK: i32 = 2;
/// How far the blocks are from a drawing board's, metres, and over which distance.
const BEND_M: f64 = 24.0;
const BEND_OVER_M: f64 = 420.0;
/// The ring lies at this share of the town's radius.
const RING: f64 = 0.42;
/// Share of pieces of streets that were never built.
const GAPS: f64 = 0.07;
/// Half the length of the streets without cars, metres.
const PEDESTRIAN_M: f64 = 170.0;
/// Paths between the houses for each square kilometre, and how long they are, metres.
const PATHS_PER_KM2: f64 = 34.0;
const PATH_M: std::ops::Range<f64> = 30.0..220.0;
/// One path in so many climbs steps.
const STEPS_ONE_IN: u32 = 7;

const NAMES: &str = "Lindenweg Gartenstraße Schulstraße Bachstraße Amselweg Eichendorffstraße Kolpingstraße Mühlenweg \
    Droste-Hülshoff-Straße Feldstraße Ahornweg Birkenallee Goethestraße Nordstraße Kirchstraße Wiesengrund Südstraße \
    Josefstraße Weststraße Lerchenweg Bergstraße Rosenstraße Oststraße Stadtgraben";

/// Draws the streets of `town`.
pub(super) fn draw(sketch: &mut Sketch, town: Town, rng: &mut ChaCha8Rng) {
    let angle = rng.random_range(-0.6..0.6);
    let phase = [rng.random_range(0.0..6.0), rng.random_range(0.0..6.0)];
    // From the drawing board to the map.
    let place = |[x, y]: Point| -> Point {
        let bend = |v: f64, phase: f64| BEND_M * (v / BEND_OVER_M + phase).sin();
        add(town.center, turned([x + bend(y, phase[0]), y + bend(x, phase[1])], angle))
    };
    ring(sketch, town);
    for axis in 0..2 {
        blocks(sketch, town, axis, &place, rng);
    }
    let arms = [[PEDESTRIAN_M, 18.0], [-PEDESTRIAN_M, -26.0], [22.0, PEDESTRIAN_M], [-14.0, -PEDESTRIAN_M]];
    for pair in arms.chunks_exact(2) {
        let points = vec![place(pair[0]), place([4.0, 6.0]), place(pair[1])];
        sketch.add(Way::new(Kind::Pedestrian, points).named("Fußgängerzone"));
    }
    paths(sketch, town, rng);
}

fn ring(sketch: &mut Sketch, town: Town) {
    const CORNERS: usize = 40;
    let corner = |i: usize| {
        let radians = i as f64 / CORNERS as f64 * std::f64::consts::TAU;
        add(town.center, turned([RING * town.radius_m, 0.0], radians))
    };
    // The last point is the first: the ring is closed.
    let points = (0..=CORNERS).map(|i| corner(i % CORNERS)).collect();
    sketch.add(Way::new(Kind::Tertiary, points).named("Wallring"));
}

/// All streets that run along one axis of the drawing board.
fn blocks(
    sketch: &mut Sketch,
    town: Town,
    axis: usize,
    place: &impl Fn(Point) -> Point,
    rng: &mut ChaCha8Rng,
) {
    let (across_m, step_m) = (BLOCK_M[axis], BLOCK_M[1 - axis] / f64::from(POINTS_PER_BLOCK));
    let (streets, steps) = ((town.radius_m / across_m) as i32, (town.radius_m / step_m) as i32);
    let in_ring = RING * 0.9 * town.radius_m;
    let names: Vec<&str> = NAMES.split(' ').collect();
    for street in -streets..=streets {
        let name = names[rng.random_range(0..names.len())];
        let at = |step: i32| {
            let (aside, along) = (f64::from(street) * across_m, f64::from(step) * step_m);
            if axis == 0 { [aside, along] } else { [along, aside] }
        };
        // The edge of a town is not a circle.
        let is_built =
            |p: Point| distance(p, [0.0, 0.0]) < town.radius_m * (0.9 + 0.1 * (p[0].atan2(p[1]) * 5.0).sin());
        let is_inner = |p: Point| distance(p, [0.0, 0.0]) < in_ring;
        // Each piece: not there, or whether it lies within the ring.
        let mut piece = |step: i32| {
            let ends = [at(step), at(step + 1)];
            let is_there = ends.into_iter().all(is_built) && !rng.random_bool(GAPS);
            is_there.then_some(ends.into_iter().all(is_inner))
        };
        let pieces: Vec<(i32, Option<bool>)> = (-steps..steps).map(|step| (step, piece(step))).collect();
        for run in pieces.chunk_by(|a, b| a.1 == b.1) {
            let Some(inner) = run[0].1 else { continue };
            let last = run[run.len() - 1].0;
            let mut points: Vec<Point> = (run[0].0..=last + 1).map(|step| place(at(step))).collect();
            if street.rem_euclid(4) == 1 {
                points.reverse();
            }
            // Within the ring every other street of one axis is one-way, in alternating directions;
            // the streets across are not, so that every place can be reached and left.
            let oneway = inner && axis == 0 && street % 2 != 0;
            let kind = if inner && street % 3 == 0 { Kind::LivingStreet } else { Kind::Residential };
            sketch.build_around_lots(Way { oneway, ..Way::new(kind, points).named(name) });
        }
    }
}

/// Paths from one street to the next, some with steps.
fn paths(sketch: &mut Sketch, town: Town, rng: &mut ChaCha8Rng) {
    let area_km2 = std::f64::consts::PI * (town.radius_m / 1_000.0).powi(2);
    for _ in 0..(area_km2 * PATHS_PER_KM2) as usize {
        let away = [rng.random_range(-0.85..0.85), rng.random_range(-0.85..0.85)];
        let middle = add(town.center, scale(away, town.radius_m));
        let from = sketch.nearest_street(middle);
        let to = sketch.nearest_street(add(middle, sub(middle, from)));
        let is_steps = rng.random_range(0..STEPS_ONE_IN) == 0;
        if PATH_M.contains(&distance(from, to)) && distance(from, middle) > 5.0 && distance(middle, to) > 5.0
        {
            let kind = if is_steps { Kind::Steps } else { Kind::Footway };
            sketch.add(Way::new(kind, vec![from, middle, to]));
        }
    }
}
