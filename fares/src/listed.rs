//! Prices of the county's own list: passes, flat fares, and those by the straight line.

use domain::fare::{Euros, Fare, FareKind};

use crate::{Kind, Price, Product, Question, Ride, Source};

/// A cap counts for so long from the beginning of the first trip, seconds.
const CAP_S: i64 = 86_400;

/// Takes out the rides that the rider's passes cover.
pub(crate) fn passes<'a>(
    rides: &[Ride<'a>],
    question: Question<'a>,
    is_open: &mut [bool],
    price: &mut Price<'a>,
) {
    for pass in question.list.passes.iter().filter(|pass| question.passes.contains(&pass.id)) {
        let covers = |at: &usize| {
            let ride = &rides[*at];
            let day = ride.start_local.date();
            is_open[*at] && pass.covers(ride.agency_id, ride.agency_name, ride.route_type, day)
        };
        let covered: Vec<usize> = (0..rides.len()).filter(covers).collect();
        covered.iter().for_each(|at| is_open[*at] = false);
        if !covered.is_empty() {
            price.products.push(Product {
                id: &pass.id,
                name: pass.shown(),
                price: Euros::ZERO,
                rides: covered,
                kind: Kind::Pass,
                source: Some(Source::Listed(&pass.source)),
                valid_from: Some(pass.valid_from),
            });
        }
    }
}

/// Takes out the rides of listed fares. Rides of one fare that follow each other are one trip.
pub(crate) fn fares<'a>(
    rides: &[Ride<'a>],
    question: Question<'a>,
    is_open: &mut [bool],
    price: &mut Price<'a>,
) {
    let of = |at: usize| fare_of(&rides[at], question).filter(|_| is_open[at]);
    let mut trips: Vec<(&Fare, Vec<usize>)> = Vec::new();
    for (at, fare) in (0..rides.len()).filter_map(|at| Some((at, of(at)?))) {
        match trips.last_mut() {
            Some((last, trip)) if std::ptr::eq(*last, fare) && trip.last() == Some(&(at.wrapping_sub(1))) => {
                trip.push(at);
            }
            _ => trips.push((fare, vec![at])),
        }
    }
    // Of each fare: when its cap began to count, and what trips have cost since.
    let mut spent: Vec<(&Fare, i64, Euros)> = Vec::new();
    for (fare, trip) in trips {
        trip.iter().for_each(|at| is_open[*at] = false);
        let (first, last) = (&rides[trip[0]], &rides[trip[trip.len() - 1]]);
        let Some(due) = share(fare, question.is_child, fare_eur(fare, first, last)) else {
            price.unknown.extend(trip);
            continue;
        };
        let due = due.charged();
        let known = spent.iter_mut().find(|(of, ..)| std::ptr::eq(*of, fare));
        let before = match known {
            Some((_, since, sum)) => {
                if first.start - *since >= CAP_S {
                    (*since, *sum) = (first.start, Euros::ZERO);
                }
                sum
            }
            None => {
                spent.push((fare, first.start, Euros::ZERO));
                let Some((_, _, sum)) = spent.last_mut() else { continue };
                sum
            }
        };
        let cap = fare.cap_24h_eur.and_then(|cap| share(fare, question.is_child, cap));
        let due = cap.map_or(due, |cap| due.min(cap.charged() - *before));
        *before = *before + due;
        price.products.push(Product {
            id: &fare.id,
            name: fare.shown(),
            price: due,
            rides: trip,
            kind: Kind::Ticket,
            source: Some(Source::Listed(&fare.source)),
            valid_from: Some(fare.valid_from),
        });
    }
}

/// The first fare of the list that is about a ride and holds on its date.
fn fare_of<'a>(ride: &Ride<'_>, question: Question<'a>) -> Option<&'a Fare> {
    question.list.fares.iter().find(|fare| {
        fare.holds_on(ride.start_local.date()) && fare.is_about(ride.agency_id, ride.agency_name, ride.line)
    })
}

/// What this rider pays of it; `None`: that is not known.
fn share(fare: &Fare, is_child: bool, full: Euros) -> Option<Euros> {
    if is_child { fare.child_factor.map(|factor| full.part(factor)) } else { Some(full) }
}

fn fare_eur(fare: &Fare, first: &Ride<'_>, last: &Ride<'_>) -> Euros {
    let base = fare.base_eur.unwrap_or_default();
    let per_km = fare.per_started_km_eur.unwrap_or_default();
    match fare.kind {
        FareKind::Flat => base,
        FareKind::CrowFly => base + per_km.times(started_km(first.from.distance_m(last.to))),
    }
}

/// Kilometres that have begun: 2 of 2,000 m, 3 of 2,001 m. What is less than a millimetre is the arithmetic's.
pub(crate) fn started_km(metres: f64) -> i64 {
    let millimetres = (metres * 1_000.0).round() as i64;
    millimetres.div_euclid(1_000_000) + i64::from(millimetres.rem_euclid(1_000_000) > 0)
}
