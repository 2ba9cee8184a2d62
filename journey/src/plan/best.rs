//! Which ways are worth telling.

use super::{Itinerary, Modes, Plan, Request, When};

/// An answer has no more ways than one can read.
const MAX_ITINERARIES: usize = 12;

/// Differences in walking below this do not make a way better, metres.
const SAME_WALK_M: f64 = 50.0;
/// Differences in certainty below this do not make a way better.
const SAME_CERTAINTY: f64 = 0.02;

/// Drops ways that are beaten by another one, and orders the rest by the expected arrival (by the
/// departure, if the arrival was given).
pub(super) fn keep(plan: &mut Plan, request: &Request<'_>) {
    let all = std::mem::take(&mut plan.itineraries);
    let is_beaten = |(i, way): &(usize, &Itinerary)| {
        all.iter().enumerate().any(|(j, other)| {
            j != *i && beats(other, way, request.when) && (!beats(way, other, request.when) || j < *i)
        })
    };
    let kept: Vec<usize> = all.iter().enumerate().filter(|one| !is_beaten(one)).map(|(i, _)| i).collect();
    let mut all: Vec<Option<Itinerary>> = all.into_iter().map(Some).collect();
    plan.itineraries = kept.into_iter().filter_map(|i| all[i].take()).collect();
    match request.when {
        When::DepartAt(_) => plan.itineraries.sort_by(|a, b| a.expected_end.total_cmp(&b.expected_end)),
        When::ArriveBy(_) => plan.itineraries.sort_by_key(|way| std::cmp::Reverse(way.start)),
    }
    plan.itineraries.truncate(MAX_ITINERARIES);
    let shown: Vec<usize> =
        plan.itineraries.iter().filter_map(|way| way.parking().map(|parking| parking.lot)).collect();
    plan.left_out.retain(|(lot, _)| !shown.contains(lot));
    plan.left_out.sort_by_key(|(lot, _)| *lot);
    plan.left_out.dedup_by_key(|(lot, _)| *lot);
}

/// Whether `a` is as good as `b` in everything and needs no vehicle that `b` does not.
fn beats(a: &Itinerary, b: &Itinerary, when: When) -> bool {
    let in_time = match when {
        When::DepartAt(_) => a.expected_end <= b.expected_end,
        When::ArriveBy(_) => a.start >= b.start,
    };
    vehicles(b.modes).has(vehicles(a.modes))
        && in_time
        && a.transfers <= b.transfers
        && a.walk_m() <= b.walk_m() + SAME_WALK_M
        && a.certainty() + SAME_CERTAINTY >= b.certainty()
}

/// The vehicles of one's own that a way needs.
fn vehicles(modes: Modes) -> Modes {
    match modes {
        Modes::BIKE | Modes::BIKE_RIDE => Modes::BIKE,
        Modes::CAR | Modes::PARK_RIDE => Modes::CAR,
        _ => Modes::NONE,
    }
}
