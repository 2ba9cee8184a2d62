//! GTFS Fares v1: a ticket is for some rides that follow each other.

use std::collections::BTreeMap;

use domain::fare::Euros;
use serde::{Deserialize, Serialize};

use crate::{Kind, Leg, Money, Price, Product, Ride, Source, rows};

/// A fare table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What is sold.
    pub fares: Vec<Fare>,
    /// What it is sold for, sorted; see [`Table::sealed`].
    pub rules: Vec<Rule>,
    /// Zones of stops.
    pub zones: Vec<(u32, u32)>,
}

/// A row of `fare_attributes.txt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fare {
    /// `fare_id`.
    pub id: String,
    /// What it costs.
    pub price: Money,
    /// How often one may change; `None`: any number of times.
    pub transfers: Option<u32>,
    /// Until the last boarding, seconds; `None`: for ever.
    pub duration_s: Option<u32>,
    /// Only rides of this agency.
    pub agency: Option<u32>,
    /// Zones that rides must pass, these and no others; empty: whichever.
    pub contains: Vec<u32>,
    /// Whether rules say what it is for; without any it is for all rides.
    pub has_rules: bool,
}

/// A row of `fare_rules.txt`; `None`: empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// Zone of the first stop.
    pub origin: Option<u32>,
    /// Zone of the last stop.
    pub destination: Option<u32>,
    /// Number of the fare.
    pub fare: u32,
    /// Line.
    pub route: Option<u32>,
}

impl Table {
    /// Sorted, ready to be asked.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        for rule in &self.rules {
            if let Some(fare) = self.fares.get_mut(rule.fare as usize) {
                fare.has_rules = true;
            }
        }
        for fare in &mut self.fares {
            fare.contains.sort_unstable();
            fare.contains.dedup();
            fare.has_rules |= !fare.contains.is_empty();
        }
        self.rules.sort_unstable();
        self.rules.dedup();
        self.zones.sort_unstable();
        self
    }

    fn zone(&self, stop: u32) -> Option<u32> {
        rows(&self.zones, stop, |(stop, _)| *stop).first().map(|(_, zone)| *zone)
    }

    /// The cheapest fare for one or more legs.
    fn cheapest(&self, legs: &[Leg], rides: &[Ride<'_>]) -> Option<(Euros, usize)> {
        let (first, last) = (legs.first()?.first(rides), legs.last()?.last(rides));
        let origin = first.stops.first().and_then(|stop| self.zone(*stop));
        let destination = last.stops.last().and_then(|stop| self.zone(*stop));
        let all = || legs.iter().flat_map(|leg| leg.rides.iter().map(|at| &rides[*at]));
        // The lines that each fare has rules for between these zones.
        let mut routes: BTreeMap<usize, Vec<Option<u32>>> = BTreeMap::new();
        let ends = |zone: Option<u32>| [Some(None), zone.map(Some)].into_iter().flatten();
        for key in ends(origin).flat_map(|origin| ends(destination).map(move |to| (origin, to))) {
            for rule in rows(&self.rules, key, |rule| (rule.origin, rule.destination)) {
                routes.entry(rule.fare as usize).or_default().push(rule.route);
            }
        }
        for (number, _) in self.fares.iter().enumerate().filter(|(_, fare)| !fare.has_rules) {
            routes.insert(number, vec![None]);
        }
        let mut zones: Vec<Option<u32>> =
            all().flat_map(|ride| ride.stops.iter().map(|stop| self.zone(*stop))).collect();
        zones.sort_unstable();
        zones.dedup();
        let fits = |fare: &Fare, routes: &[Option<u32>]| {
            let covers = |ride: &Ride<'_>| routes.iter().any(|route| route.is_none_or(|r| r == ride.route));
            let is_of = |ride: &Ride<'_>| fare.agency.is_none_or(|agency| ride.agency == Some(agency));
            let passes =
                fare.contains.is_empty() || zones.iter().copied().eq(fare.contains.iter().copied().map(Some));
            passes
                && all().all(|ride| covers(ride) && is_of(ride))
                && fare.transfers.is_none_or(|most| legs.len() - 1 <= most as usize)
                && fare.duration_s.is_none_or(|s| last_boarding(legs, rides) - first.start <= i64::from(s))
        };
        let fitting = routes.iter().filter_map(|(number, routes)| {
            let fare = self.fares.get(*number).filter(|fare| fits(fare, routes))?;
            Some((fare.price.euros()?, *number))
        });
        fitting.min()
    }
}

fn last_boarding(legs: &[Leg], rides: &[Ride<'_>]) -> i64 {
    legs.last().map_or(0, |leg| leg.first(rides).start)
}

/// Prices rides of one file that follow each other: first as many as can be, then as cheap as can be.
pub(crate) fn price<'a>(
    table: &'a Table,
    run: &[Leg],
    rides: &[Ride<'a>],
    source: Option<Source<'a>>,
    price: &mut Price<'a>,
) {
    // Up to each leg: rides without a price, cost, where the last ticket begins, and which it is.
    let mut best = vec![(0_usize, Euros::ZERO, 0_usize, None)];
    for until in 1..=run.len() {
        let (unknown, cost, ..) = best[until - 1];
        let mut choice = (unknown + 1, cost, until - 1, None);
        for from in 0..until {
            let (unknown, cost, ..) = best[from];
            if let Some((euros, fare)) = table.cheapest(&run[from..until], rides)
                && (unknown, cost + euros) < (choice.0, choice.1)
            {
                choice = (unknown, cost + euros, from, Some(fare));
            }
        }
        best.push(choice);
    }
    let mut until = run.len();
    while until > 0 {
        let (.., from, fare) = best[until];
        let of = || run[from..until].iter().flat_map(|leg| leg.rides.iter().copied());
        match fare.and_then(|number| table.fares.get(number)) {
            None => price.unknown.extend(of()),
            Some(fare) => price.products.push(Product {
                id: &fare.id,
                name: &fare.id,
                price: fare.price.amount,
                rides: of().collect(),
                kind: Kind::Ticket,
                source,
                valid_from: None,
            }),
        }
        until = from;
    }
}
