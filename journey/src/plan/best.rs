//! Which itineraries to return.

use super::{Itinerary, Modes, PlanResult, When};
use crate::streets::Mode;

/// Smaller differences in walking do not count, metres.
const SAME_WALK_M: f64 = 50.0;
/// Smaller differences in certainty do not count.
const SAME_CERTAINTY: f64 = 0.02;

/// Drops dominated itineraries.
pub(super) fn keep(plan: &mut PlanResult, when: When) {
    let mut all = std::mem::take(&mut plan.itineraries);
    // Of equals the first is kept.
    all.sort_by_key(|itinerary| !itinerary.is_best);
    let has = |all: &[Itinerary], modes: Modes| all.iter().any(|itinerary| itinerary.modes == modes);
    let had_transit = has(&all, Modes::TRANSIT);
    plan.itineraries = undominated(all, when);
    plan.beyond.walking_is_faster = had_transit && !has(&plan.itineraries, Modes::TRANSIT);
}

/// Orders itineraries by the expected arrival (by the departure, if the arrival was given).
pub(super) fn order(plan: &mut PlanResult, when: When) {
    match when {
        When::DepartAt(_) => plan.itineraries.sort_by(|a, b| a.expected_end.total_cmp(&b.expected_end)),
        When::ArriveBy(_) => plan.itineraries.sort_by_key(|itinerary| std::cmp::Reverse(itinerary.start)),
    }
    // What one can count on comes first.
    plan.itineraries.sort_by_key(Itinerary::has_carpool);
    let shown: Vec<usize> = plan
        .itineraries
        .iter()
        .filter_map(|itinerary| itinerary.parking().map(|parking| parking.lot))
        .collect();
    plan.left_out.retain(|(lot, _)| !shown.contains(lot));
    plan.left_out.sort_by_key(|(lot, _)| *lot);
    plan.left_out.dedup_by_key(|(lot, _)| *lot);
}

/// The Pareto set; of equals the first.
fn undominated(all: Vec<Itinerary>, when: When) -> Vec<Itinerary> {
    let is_beaten = |(i, itinerary): &(usize, &Itinerary)| {
        all.iter().enumerate().any(|(j, other)| {
            j != *i && beats(other, itinerary, when) && (!beats(itinerary, other, when) || j < *i)
        })
    };
    let best: Vec<bool> = all.iter().enumerate().map(|one| !is_beaten(&one)).collect();
    all.into_iter().zip(best).filter(|(_, is_best)| *is_best).map(|(itinerary, _)| itinerary).collect()
}

/// Whether `a` dominates `b`: it is as good in everything, needs no vehicle, no booking and no carpool that `b` does not, and, being
/// of another kind, goes no farther by it: park-and-ride is returned beside the whole drive.
fn beats(a: &Itinerary, b: &Itinerary, when: When) -> bool {
    let duration = |itinerary: &Itinerary| itinerary.expected_end - itinerary.start as f64;
    let in_time = match (a.has_rides(), b.has_rides()) {
        // Whoever needs no ride can set out when `b` does.
        (false, true) => duration(a) <= duration(b),
        (true, true) if (a.modes, b.modes) == (Modes::TRANSIT, Modes::TRANSIT) => {
            a.start >= b.start && a.expected_end <= b.expected_end
        }
        _ => match when {
            When::DepartAt(_) => a.expected_end <= b.expected_end,
            When::ArriveBy(_) => a.start >= b.start,
        },
    };
    vehicles(b.modes).has(vehicles(a.modes))
        && (a.modes == b.modes || own_m(a) <= own_m(b))
        && in_time
        && a.is_booked() <= b.is_booked()
        && a.has_carpool() <= b.has_carpool()
        && a.is_access_unknown() <= b.is_access_unknown()
        && a.transfers <= b.transfers
        && a.walk_m() <= b.walk_m() + SAME_WALK_M
        && a.certainty() + SAME_CERTAINTY >= b.certainty()
}

/// Metres by the traveller's own vehicle.
fn own_m(itinerary: &Itinerary) -> f64 {
    itinerary.metres(|mode| matches!(mode, Mode::Car | Mode::Bike))
}

/// The vehicles that an itinerary needs.
pub(super) fn vehicles(modes: Modes) -> Modes {
    match modes {
        Modes::BIKE | Modes::BIKE_RIDE | Modes::BIKE_ON_BOARD => Modes::BIKE,
        Modes::CAR | Modes::PARK_RIDE => Modes::CAR,
        Modes::RENTAL => Modes::RENTAL,
        _ => Modes::NONE,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::When;
    use super::super::itinerary::{End, Leg, Parking, StreetLeg};
    use super::*;

    fn street(mode: Mode, distance_m: f64, p: Option<f64>) -> Leg {
        let parking = p.map(|p| Parking {
            lot: 0,
            availability: super::super::tests::availability(Some(p), 0.0),
            alternatives: Vec::new(),
        });
        let (from, to) = (End::Origin, End::Destination);
        let (points, pieces) = (Vec::new(), Vec::new());
        Leg::Street(StreetLeg {
            mode,
            from,
            to,
            start: 0,
            end: 0,
            distance_m,
            points,
            pieces,
            parking,
            rental: None,
            taxi: None,
        })
    }

    fn itinerary(
        kind: usize,
        (start, end): (i64, i64),
        transfers: u8,
        walk_m: f64,
        own: f64,
        p: f64,
    ) -> Itinerary {
        let modes = Modes::NAMED[kind].1;
        let mut legs = vec![street(Mode::Foot, walk_m, None)];
        match vehicles(modes) {
            Modes::CAR => legs.push(street(Mode::Car, own, Some(p))),
            Modes::BIKE => legs.push(street(Mode::Bike, own, None)),
            _ => {}
        }
        Itinerary {
            modes,
            start,
            end,
            expected_end: end as f64,
            transfers,
            is_best: false,
            ahead_s: 0,
            legs,
            next_departures: Vec::new(),
        }
    }

    fn some_itinerary() -> impl Strategy<Value = Itinerary> {
        (0usize..6, 0i64..500, 500i64..2000, 0u8..3, 0.0..900.0f64, 0.0..9000.0f64, 0.0..1.0f64).prop_map(
            |(kind, start, end, transfers, walk, own, p)| {
                itinerary(kind, (start, end), transfers, walk, own, p)
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_kept_is_beaten_and_nothing_dropped_was_not(
            itineraries in proptest::collection::vec(some_itinerary(), 0..12),
            arrive in any::<bool>(),
        ) {
            let when = if arrive { When::ArriveBy(2000) } else { When::DepartAt(0) };
            let kept = undominated(itineraries.clone(), when);
            for (i, a) in kept.iter().enumerate() {
                for b in kept.iter().skip(i + 1) {
                    prop_assert_eq!(beats(a, b, when), beats(b, a, when));
                }
            }
            for itinerary in &itineraries {
                let is_kept = kept.iter().any(|k| format!("{k:?}") == format!("{itinerary:?}"));
                prop_assert!(is_kept || itineraries.iter().any(|other| beats(other, itinerary, when)));
            }
            for modes in itineraries.iter().map(|itinerary| itinerary.modes) {
                // An itinerary with fewer vehicles is never dominated by one with more.
                let walks = itineraries.iter().any(|itinerary| vehicles(itinerary.modes) == Modes::NONE);
                prop_assert!(!walks || modes != Modes::WALK || kept.iter().any(|k| vehicles(k.modes) == Modes::NONE));
            }
        }
    }

    #[test]
    fn park_and_ride_is_returned_beside_the_whole_drive() {
        let drive = itinerary(2, (0, 900), 0, 100.0, 12_000.0, 0.9);
        let ride = itinerary(4, (0, 1500), 0, 100.0, 3_000.0, 0.9);
        let longer = itinerary(4, (0, 1600), 0, 100.0, 3_500.0, 0.9);
        assert_eq!(undominated(vec![drive, ride, longer], When::DepartAt(0)).len(), 2);
    }
}
