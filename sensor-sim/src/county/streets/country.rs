//! Roads that buses use, the paths beside them, and railways.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{County, Leg, Mode};
use super::geometry::{Point, add, direction, distance, scale};
use super::kind::Kind;
use super::sketch::{Sketch, Way};

/// A leg longer than this leads out of town, metres.
const COUNTRY_M: f64 = 1_500.0;
/// And a longer one is a main road.
const MAIN_ROAD_M: f64 = 6_000.0;
/// From the middle of a country road to the path beside it, metres.
const BESIDE_M: f64 = 7.0;
/// Half the length of a platform, metres.
const HALF_PLATFORM_M: f64 = 70.0;

/// The legs between neighbouring stops, each once and with a line that runs on it, in the order of the stops.
fn legs(county: &County, mode: Mode) -> impl Iterator<Item = (&'static str, &Leg)> {
    let mut legs = BTreeMap::new();
    for line in county.lines.iter().filter(|line| line.mode == mode) {
        for (pair, leg) in line.stops.windows(2).zip(&line.legs) {
            let key = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            legs.entry(key).or_insert((line.id, leg));
        }
    }
    legs.into_values()
}

/// Draws a road along every leg of a bus: its stops lie on streets, and so do its shapes.
pub(super) fn roads(sketch: &mut Sketch, county: &County) {
    for (number, (_, leg)) in legs(county, Mode::Bus).enumerate() {
        let points: Vec<Point> = leg.points.iter().map(|p| sketch.frame.point(*p)).collect();
        let length_m: f64 = points.windows(2).map(|p| distance(p[0], p[1])).sum();
        let (kind, name) = match length_m {
            m if m > MAIN_ROAD_M => (Kind::Primary, format!("B {}", 400 + number)),
            m if m > COUNTRY_M => (Kind::Secondary, format!("L {}", 500 + number)),
            _ => (Kind::Tertiary, "Hauptstraße".to_owned()),
        };
        if kind != Kind::Tertiary {
            path_beside(sketch, &points);
        }
        sketch.add(Way::new(kind, points).named(name));
    }
}

/// A path for bicycles and people on foot along the country part of a road.
fn path_beside(sketch: &mut Sketch, road: &[Point]) {
    let outside: Vec<usize> = (0..road.len()).filter(|i| !sketch.in_town(road[*i])).collect();
    let (Some(first), Some(last)) = (outside.first(), outside.last()) else { return };
    let (from, until) = (first.saturating_sub(1), (last + 1).min(road.len() - 1));
    let mut points = vec![road[from]];
    for i in from + 1..until {
        let along = direction(road[i - 1], road[i + 1]);
        points.push(add(road[i], scale([along[1], -along[0]], BESIDE_M)));
    }
    points.push(road[until]);
    sketch.add(Way::new(Kind::CyclePath, points));
}

/// Railways: they meet no street. Each with its line.
pub(super) fn railways(county: &County) -> impl Iterator<Item = (&'static str, &[[f64; 2]])> {
    legs(county, Mode::Train).map(|(line, leg)| (line, leg.points.as_slice()))
}

/// Draws the platform of each station and the ways to it: steps and a ramp.
pub(super) fn stations(sketch: &mut Sketch, county: &County) {
    let mut done = BTreeSet::new();
    for line in county.lines.iter().filter(|line| line.mode == Mode::Train) {
        for (position, stop) in line.stops.iter().map(|stop| &county.stops[*stop]).enumerate() {
            if !done.insert(&stop.id) {
                continue;
            }
            let here = sketch.frame.point([stop.lon, stop.lat]);
            // Along the track: towards the next point of the leg that touches the station.
            let beside = line.legs.get(position).and_then(|leg| leg.points.get(1));
            let beside = beside.or_else(|| line.legs.last().and_then(|leg| leg.points.iter().rev().nth(1)));
            let track = direction(here, beside.map_or(here, |p| sketch.frame.point(*p)));
            let end = |sign: f64| add(here, scale(track, sign * HALF_PLATFORM_M));
            sketch.add(Way::new(Kind::Platform, vec![end(-1.0), here, end(1.0)]).named(stop.name));
            let forecourt = county.stops.iter().find(|s| s.at_station && !s.platform && s.town == stop.town);
            let Some(forecourt) = forecourt.map(|s| sketch.frame.point([s.lon, s.lat])) else { continue };
            let foot = add(forecourt, scale(direction(forecourt, here), 60.0));
            sketch.add(Way::new(Kind::Footway, vec![forecourt, foot]));
            sketch.add(Way::new(Kind::Steps, vec![foot, here]));
            sketch.add(Way::new(Kind::Ramp, vec![foot, end(0.5)]));
        }
    }
}
