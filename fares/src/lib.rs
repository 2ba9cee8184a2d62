//! What the rides of an itinerary cost: by the county's own list, else by GTFS Fares v2, else by GTFS Fares v1.
//!
//! Pure: no I/O, no clock. What is not known is reported, never guessed. Reference: GTFS Schedule, gtfs.org, as of 2026-04.

#![warn(missing_docs)]

mod listed;
#[cfg(test)]
mod tests;
pub mod v1;
pub mod v2;

use domain::LatLon;
use domain::fare::{Euros, FareList};
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// A ride of an itinerary. Numbers are those of the timetable: of its files, agencies, lines and stops.
#[derive(Debug, Clone)]
pub struct Ride<'a> {
    /// The file that the line is of.
    pub feed: u16,
    /// The agency, if it is known.
    pub agency: Option<u32>,
    /// Its id; may be empty.
    pub agency_id: &'a str,
    /// Its name; may be empty.
    pub agency_name: &'a str,
    /// The line.
    pub route: u32,
    /// Its name for riders.
    pub line: &'a str,
    /// GTFS's `route_type`.
    pub route_type: u16,
    /// Whether somebody takes others along, which is in no fare.
    pub is_private: bool,
    /// Where one gets on, all stops on the way, and where one gets off.
    pub stops: Vec<u32>,
    /// Where the first of them is.
    pub from: LatLon,
    /// Where the last of them is.
    pub to: LatLon,
    /// When the ride begins by the timetable, seconds since 1970.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// `start` by the agency's clock: its date decides which fare holds.
    pub start_local: DateTime,
    /// `end` by the agency's clock.
    pub end_local: DateTime,
    /// Whether one stays in the vehicle of the ride before.
    pub stay_seated: bool,
    /// What is due beside the fare because the ride must be ordered.
    pub surcharge: Option<Euros>,
}

/// Fares of all files of a timetable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GtfsFares {
    /// By file.
    pub feeds: Vec<FeedFares>,
}

/// Fares of one file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedFares {
    /// Fares v2; they count alone where there are some.
    pub v2: Option<v2::Table>,
    /// Fares v1.
    pub v1: Option<v1::Table>,
}

/// An amount in the currency of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Euros,
    /// ISO 4217.
    pub currency: String,
}

impl Money {
    /// `None`: it is another currency.
    pub fn euros(&self) -> Option<Euros> {
        (self.currency == "EUR").then_some(self.amount)
    }
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the county lists.
    pub list: &'a FareList,
    /// What the timetable has.
    pub gtfs: &'a GtfsFares,
    /// Ids of passes that the rider has.
    pub passes: &'a [String],
    /// Whether the rider is a child.
    pub is_child: bool,
}

/// Where a price stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source<'a> {
    /// In the county's list, which names this source.
    Listed(&'a str),
    /// In this file of the timetable.
    Feed(u16),
}

/// Something to buy, or a pass that covers rides and costs nothing more.
#[derive(Debug, Clone, PartialEq)]
pub struct Product<'a> {
    /// Its id in its source.
    pub id: &'a str,
    /// For riders.
    pub name: &'a str,
    /// What it costs; 0 for a pass.
    pub price: Euros,
    /// The rides that it is for, as indices.
    pub rides: Vec<usize>,
    /// What kind of product it is.
    pub kind: Kind,
    /// Where it stands; `None`: a surcharge.
    pub source: Option<Source<'a>>,
    /// Since when the price holds, if that is known.
    pub valid_from: Option<Date>,
}

/// Kinds of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A ticket for rides.
    Ticket,
    /// A pass of the rider.
    Pass,
    /// Due beside the fare because a ride must be ordered.
    Surcharge,
}

/// What rides cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Price<'a> {
    /// In the order of the rides.
    pub products: Vec<Product<'a>>,
    /// Rides without a known price, as indices, ascending.
    pub unknown: Vec<usize>,
}

impl Price<'_> {
    /// The sum of all products; `None`: a price is not known.
    pub fn amount(&self) -> Option<Euros> {
        self.unknown.is_empty().then(|| self.products.iter().map(|product| product.price).sum())
    }

    /// Whether passes cover every ride.
    pub fn is_covered(&self) -> bool {
        let mut products = self.products.iter().filter(|product| product.kind != Kind::Surcharge).peekable();
        self.unknown.is_empty() && products.peek().is_some() && products.all(|p| p.kind == Kind::Pass)
    }
}

/// Computes what rides cost, at the least: of several ways to buy tickets the cheapest. `runs_on`: whether a service of the
/// timetable runs on a date.
pub fn price<'a>(
    rides: &[Ride<'a>],
    question: Question<'a>,
    runs_on: &dyn Fn(u32, Date) -> bool,
) -> Price<'a> {
    let mut price = Price::default();
    let mut is_open: Vec<bool> = rides.iter().map(|ride| !ride.is_private).collect();
    price.unknown.extend((0..rides.len()).filter(|at| !is_open[*at]));
    listed::passes(rides, question, &mut is_open, &mut price);
    listed::fares(rides, question, &mut is_open, &mut price);
    for run in runs(rides, &is_open) {
        let fares = question.gtfs.feeds.get(usize::from(rides[run[0].rides[0]].feed));
        let source = Some(Source::Feed(rides[run[0].rides[0]].feed));
        match fares {
            // Which of its riders' categories is that of children no file says.
            _ if question.is_child => price.unknown.extend(run.iter().flat_map(|leg| &leg.rides)),
            Some(FeedFares { v2: Some(table), .. }) => {
                v2::price(table, &run, rides, runs_on, source, &mut price);
            }
            Some(FeedFares { v1: Some(table), .. }) => v1::price(table, &run, rides, source, &mut price),
            _ => price.unknown.extend(run.iter().flat_map(|leg| &leg.rides)),
        }
    }
    for (at, ride) in rides.iter().enumerate() {
        price.products.extend(ride.surcharge.filter(|surcharge| *surcharge > Euros::ZERO).map(|surcharge| {
            let (price, rides) = (surcharge.charged(), vec![at]);
            Product {
                id: "surcharge",
                name: ride.line,
                price,
                rides,
                kind: Kind::Surcharge,
                source: None,
                valid_from: None,
            }
        }));
    }
    price.unknown.sort_unstable();
    price.products.sort_by(|a, b| a.rides.cmp(&b.rides));
    price
}

/// A part of an itinerary with one fare: a ride, or several in the same vehicle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leg {
    /// Indices of rides.
    pub rides: Vec<usize>,
}

impl Leg {
    fn first<'r, 'a>(&self, rides: &'r [Ride<'a>]) -> &'r Ride<'a> {
        &rides[self.rides[0]]
    }

    fn last<'r, 'a>(&self, rides: &'r [Ride<'a>]) -> &'r Ride<'a> {
        &rides[self.rides[self.rides.len() - 1]]
    }
}

/// Rides of one file that follow each other without any other between them, of those whose price is open.
fn runs(rides: &[Ride<'_>], is_open: &[bool]) -> Vec<Vec<Leg>> {
    let mut runs: Vec<Vec<Leg>> = Vec::new();
    for at in (0..rides.len()).filter(|at| is_open[*at]) {
        let goes_on = at > 0 && is_open[at - 1] && rides[at - 1].feed == rides[at].feed;
        match runs.last_mut().filter(|_| goes_on) {
            Some(run) => match run.last_mut().filter(|_| rides[at].stay_seated) {
                Some(leg) => leg.rides.push(at),
                None => run.push(Leg { rides: vec![at] }),
            },
            None => runs.push(vec![Leg { rides: vec![at] }]),
        }
    }
    runs
}

/// The rows of a sorted list with this key.
pub(crate) fn rows<T, K: Ord>(sorted: &[T], key: K, of: impl Fn(&T) -> K) -> &[T] {
    let from = sorted.partition_point(|row| of(row) < key);
    let len = sorted[from..].partition_point(|row| of(row) == key);
    &sorted[from..from + len]
}
