//! What itineraries cost.

use std::borrow::Cow;
use std::collections::BTreeSet;

use domain::fare::Euros;
use domain::place::Site;
use domain::words::fare::{parking as parking_fee, surcharge};
use fares::{Kind, Price, Question, Source};
use jiff::civil::Date;
use journey::booking::RideBooking;
use journey::plan::{Itinerary, Leg, Rented};
use journey::prices;
use serde::Serialize;
use utoipa::ToSchema;

use super::ends::at;
use super::place::What;
use super::writer::Writer;
use crate::contract::words;

/// What an itinerary costs one rider.
#[derive(Serialize, ToSchema)]
pub struct FareOut<'a> {
    /// The sum of all products, euros; null: a part of it is not known (`unknown_legs`, `unknown_parking`).
    amount_eur: Option<f64>,
    /// Whether prices are computed from files; who sells the tickets may ask for another one.
    estimate: bool,
    /// Whether the rider's passes cover all rides.
    covered_by_pass: bool,
    /// What is bought, and the passes that cover rides, as far as it is known.
    products: Vec<ProductOut<'a>>,
    /// Rides, with shared vehicles and by taxi as well, without a known price: indices into `legs`.
    unknown_legs: Vec<usize>,
    /// Drives at whose end the car is left for a fee that is not known: indices into `legs`.
    unknown_parking: Vec<usize>,
    /// Where the prices stand; null: none is known.
    source: Option<String>,
    /// Since when the newest of the prices holds; null: not known.
    #[schema(value_type = Option<String>, format = Date)]
    valid_from: Option<String>,
}

/// A ticket, a pass that covers rides, a surcharge, or the fee where the car is left.
#[derive(Serialize, ToSchema)]
struct ProductOut<'a> {
    /// Its id, of the file that it stands in; `surcharge` for one; of a fee that of the site.
    id: &'a str,
    /// For riders.
    name: Cow<'a, str>,
    /// What it costs, euros; 0 for a pass, which the rider has.
    price_eur: f64,
    /// What it is.
    #[schema(value_type = words::ProductKind)]
    kind: &'static str,
    /// The rides that it is for, of a fee the drive: indices into `legs`.
    legs: Vec<usize>,
}

/// What is paid where the car is left at the end of a leg.
struct ParkingFee<'a> {
    leg: usize,
    /// `None`: it is left elsewhere.
    site: Option<&'a Site>,
    /// `None`: not known.
    price: Option<Euros>,
}

impl<'a> Writer<'_, 'a> {
    /// What an itinerary costs; `None`: it has no ride, no shared vehicle, and leaves no car.
    pub fn fare(&self, itinerary: &Itinerary) -> Option<FareOut<'a>> {
        let (query, timetable) = (self.result.query, &self.rides.loaded.area.timetable);
        let is_ride = |(_, leg): &(usize, &Leg)| !matches!(leg, Leg::Street(_));
        let numbers: Vec<usize> =
            itinerary.legs.iter().enumerate().filter(is_ride).map(|(number, _)| number).collect();
        let rented: Vec<(usize, Option<f64>, &Rented)> = self.rented_prices(itinerary).collect();
        let taxis = itinerary.legs.iter().enumerate().filter_map(|(number, leg)| match leg {
            Leg::Street(leg) => leg.taxi.map(|_| number),
            Leg::Ride(_) | Leg::Area(_) => None,
        });
        let taxis: Vec<usize> = taxis.collect();
        let parking = self.parking_fees(itinerary);
        if numbers.is_empty() && rented.is_empty() && taxis.is_empty() && parking.is_empty() {
            return None;
        }
        let unknown_parking =
            parking.iter().filter(|fee| fee.price.is_none()).map(|fee| fee.leg).collect::<Vec<_>>();
        let fees =
            parking.iter().filter_map(|fee| Some((fee.leg, fee.site?, fee.price?))).collect::<Vec<_>>();
        let (runs, bookings) = (self.rides.runs(), self.rides.booking.bookings);
        let rides = prices::rides(runs, bookings, &itinerary.legs, |booking| self.surcharge(booking));
        let question = Question {
            list: self.fares,
            gtfs: &timetable.fares,
            passes: &query.passes,
            is_child: query.is_child,
        };
        let price = fares::price(&rides, question, &|service, day| prices::runs_on(timetable, service, day));
        let legs = |rides: &[usize]| rides.iter().map(|ride| numbers[*ride]).collect::<Vec<usize>>();
        let rented_eur: Option<f64> = rented.iter().map(|(_, price_eur, _)| *price_eur).sum();
        let fees_eur: Euros = fees.iter().map(|(.., fee)| *fee).sum();
        let amount =
            price.amount().filter(|_| unknown_parking.is_empty() && taxis.is_empty()).zip(rented_eur);
        let unknown = legs(&price.unknown).into_iter().chain(taxis);
        let unpriced = rented.iter().filter(|(_, price_eur, _)| price_eur.is_none());
        let mut unknown_legs: Vec<usize> = unknown.chain(unpriced.map(|(number, ..)| *number)).collect();
        unknown_legs.sort_unstable();
        let rides_of = rented.iter().filter_map(|(number, price_eur, rented)| {
            Some(self.rental_product(*number, (*price_eur)?, rented))
        });
        let is_computed = |product: &fares::Product<'_>| product.kind != Kind::Pass;
        Some(FareOut {
            amount_eur: amount
                .map(|(rides, rented_eur)| to_the_cent(f64::from(rides + fees_eur) + rented_eur)),
            estimate: !(rented.is_empty() && fees.is_empty()) || price.products.iter().any(is_computed),
            covered_by_pass: price.is_covered() && rented.is_empty(),
            unknown_legs,
            unknown_parking,
            source: self.source(&price, !fees.is_empty()),
            valid_from: price
                .products
                .iter()
                .filter_map(|p| p.valid_from)
                .max()
                .map(|day: Date| day.to_string()),
            products: price
                .products
                .into_iter()
                .map(|product| ProductOut {
                    id: product.id,
                    name: match product.kind {
                        Kind::Surcharge => surcharge(product.name, query.lang).into(),
                        Kind::Ticket | Kind::Pass => product.name.into(),
                    },
                    price_eur: product.price.into(),
                    kind: kind_word(product.kind),
                    legs: legs(&product.rides),
                })
                .chain(rides_of)
                .chain(fees.iter().map(|(leg, site, fee)| ProductOut {
                    id: &site.id,
                    name: parking_fee(&site.name, query.lang).into(),
                    price_eur: (*fee).into(),
                    kind: "parking",
                    legs: vec![*leg],
                }))
                .collect(),
        })
    }

    /// The rides with shared vehicles: indices into the legs, and what each costs.
    fn rented_prices<'i>(
        &self,
        itinerary: &'i Itinerary,
    ) -> impl Iterator<Item = (usize, Option<f64>, &'i Rented)> {
        let stock = self.result.stock;
        itinerary.legs.iter().enumerate().filter_map(move |(number, leg)| {
            let (Leg::Street(street), rented) = (leg, leg.rented()?) else { return None };
            let duration_s = (street.end - street.start) as f64;
            Some((number, stock.price_eur(rented, duration_s, street.distance_m), rented))
        })
    }

    fn rental_product(&self, leg: usize, price_eur: f64, rented: &Rented) -> ProductOut<'a> {
        let stock = self.result.stock;
        ProductOut {
            id: &stock.systems[rented.system].held.system.id,
            name: stock.name(rented.system, self.result.query.lang).into(),
            price_eur,
            kind: "rental",
            legs: vec![leg],
        }
    }

    /// What is paid where a car is left.
    fn parking_fees(&self, itinerary: &Itinerary) -> Vec<ParkingFee<'a>> {
        let candidates = &self.result.candidates.all;
        let fees = itinerary.legs.iter().enumerate().filter_map(|(number, leg)| {
            let Leg::Street(leg) = leg else { return None };
            let unknown = ParkingFee { leg: number, site: None, price: None };
            match &leg.parking {
                Some(parking) => {
                    let candidate = &candidates[parking.lot];
                    let site = if let What::Site(site) = candidate.what { Some(site) } else { None };
                    let price = candidate.price(at(leg.end), self.result.query);
                    Some(ParkingFee { site, price, ..unknown })
                }
                None => leg.is_own_car().then_some(unknown),
            }
        });
        fees.collect()
    }

    fn surcharge(&self, booking: &RideBooking) -> Option<Euros> {
        let writer = self.rides.booking;
        let rule = writer.bookings.rule(writer.timetable, booking.rule?)?;
        rule.desk.surcharge_eur.map(Euros::from)
    }

    /// All sources of prices, in the order of their names.
    fn source(&self, price: &Price<'a>, has_fees: bool) -> Option<String> {
        let credits = &self.rides.loaded.area.timetable.credits;
        let name = |source: Source<'a>| match source {
            Source::Listed(source) => source.to_owned(),
            Source::Feed(feed) => {
                format!("GTFS {}", credits.get(usize::from(feed)).map_or("", |credit| &credit.feed))
            }
        };
        let fees = has_fees.then(|| "sites.geojson".to_owned());
        let all: BTreeSet<String> =
            price.products.iter().filter_map(|p| p.source).map(name).chain(fees).collect();
        (!all.is_empty()).then(|| all.into_iter().collect::<Vec<_>>().join("; "))
    }
}

/// Sums of floating-point numbers have digits that no price has.
fn to_the_cent(eur: f64) -> f64 {
    (eur * 100.0).round() / 100.0
}

/// The name of a kind on the wire.
pub fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Ticket => "ticket",
        Kind::Pass => "pass",
        Kind::Surcharge => "surcharge",
    }
}
