//! What answers are written from, and the places in them.

use domain::UtcMicros;
use domain::fare::FareList;
use domain::geo::LatLon;
use journey::overlay::Runs;
use journey::plan::{End, Parking, PlanResult, Predictor, Via};
use journey::timetable::StopIx;
use journey::timetable::areas::Areas;
use serde::Serialize;
use utoipa::ToSchema;

use super::alerts::Noted;
use super::booking::BookingWriter;
use super::chance::ChanceOut;
use super::ends::{EndOut, at};
use super::lots::Lots;
use super::notes::NoteOut;
use super::place::{Candidate, Candidates};
use super::query::JourneyQuery;
use super::rejected::Rejected;
use super::rentals::Stock;
use super::stops::StopOut;
use super::taxis::Taxis;
use super::{Loaded, Realtime};
use crate::http::wire::whole;

/// Everything that an answer is written from.
pub struct SearchResult<'a> {
    pub query: &'a JourneyQuery,
    pub now: UtcMicros,
    /// The places in between.
    pub via: &'a [Via],
    pub candidates: &'a Candidates<'a>,
    /// The places to park.
    pub lots: &'a Lots,
    /// The shared vehicles.
    pub stock: &'a Stock<'a>,
    /// The taxis that the plan names.
    pub taxis: &'a Taxis,
    pub plan: &'a PlanResult,
    pub rejected: Vec<Rejected<'a>>,
    pub notes: Vec<NoteOut>,
}

/// Where the car is left.
#[derive(Serialize, ToSchema)]
pub struct ParkingOut<'a> {
    /// Id of the site, bay or mapped place.
    id: &'a str,
    /// Its name; null: none.
    name: Option<&'a str>,
    /// Chance of a vacant space when the car gets there; null: nothing is known.
    chance: Option<ChanceOut>,
    /// Time to expect from the entrance to a vacant space, seconds.
    search_s: i64,
    /// What it costs to stay for `stay_min`, euros, by the tariff of the site; null: not known.
    price_eur: Option<f64>,
    /// How long the car is taken to stay, minutes: `stay_min` of the request, else 120.
    stay_min: f64,
    /// Where to go if there is none, in this order.
    alternatives: Vec<AlternativeOut<'a>>,
}

/// Another place to park.
#[derive(Serialize, ToSchema)]
struct AlternativeOut<'a> {
    /// Id of the site, bay or mapped place.
    id: &'a str,
    /// Its name; null: none.
    name: Option<&'a str>,
    /// Chance of a vacant space when the car gets there; null: nothing is known.
    chance: Option<ChanceOut>,
    /// Time to expect from the entrance to a vacant space, seconds.
    search_s: i64,
    /// The drive there from the first place, seconds.
    drive_s: i64,
}

/// Writes rides.
#[derive(Clone, Copy)]
pub struct RideWriter<'a> {
    pub loaded: &'a Loaded,
    pub realtime: &'a Realtime,
    pub booking: BookingWriter<'a>,
    /// The alerts of the answer.
    pub alerts: &'a Noted<'a>,
}

/// Writes parts of an answer.
pub struct Writer<'w, 'a> {
    pub result: &'w SearchResult<'a>,
    pub rides: RideWriter<'a>,
    /// What rides cost, as the county lists it.
    pub fares: &'a FareList,
}

impl<'a> RideWriter<'a> {
    /// Names and lines of rides.
    pub fn runs(&self) -> Runs<'a> {
        Runs { timetable: &self.loaded.area.timetable, overlay: self.realtime.overlay.as_ref() }
    }

    /// What runs on demand.
    pub fn areas(&self) -> &'a Areas {
        self.booking.bookings.areas(&self.loaded.area.timetable)
    }

    /// A stop at the end of a leg.
    pub fn stop(&self, stop: StopIx) -> EndOut<'a> {
        let StopOut { id, name, lat, lon, platform, wheelchair, .. } = StopOut::new(&self.loaded.area, stop);
        let (id, name) = (Some(id), Some(name));
        EndOut { kind: "stop", id, name, lat, lon, platform, wheelchair, scheduled_platform: None }
    }
}

impl<'a> Writer<'_, 'a> {
    /// An end of a leg.
    pub fn end(&self, end: End) -> EndOut<'a> {
        let point = |kind, LatLon { lat, lon }: LatLon| EndOut { kind, lat, lon, ..EndOut::default() };
        match end {
            End::Origin => point("origin", self.result.query.from),
            End::Destination => point("destination", self.result.query.to),
            End::Via(number) => {
                let Via { at, stop } = self.result.via[number];
                let EndOut { id, name, platform, wheelchair, .. } =
                    stop.map(|stop| self.rides.stop(stop)).unwrap_or_default();
                EndOut { id, name, platform, wheelchair, ..point("via", at) }
            }
            End::Stop(stop) => self.rides.stop(stop),
            End::Rental { system, spot } => self.result.stock.end(system, spot, self.result.query.lang),
            End::Street(at) => point("rental", at.degrees()),
            End::Lot(lot) => {
                let candidate: &Candidate<'a> = &self.result.candidates.all[lot];
                let LatLon { lat, lon } = candidate.linked.at;
                EndOut {
                    kind: "parking",
                    id: Some(candidate.what.id()),
                    name: candidate.what.name(),
                    lat,
                    lon,
                    ..EndOut::default()
                }
            }
        }
    }

    /// Where a car is left that comes at a time.
    pub fn parking(&self, parking: &Parking, arrive: i64) -> ParkingOut<'a> {
        let (candidate, chance, search_s) = self.lot(parking.lot, arrive);
        let alternatives = parking.alternatives.iter().map(|alternative| {
            let later = arrive + (parking.availability.search_s + alternative.drive_s) as i64;
            let (candidate, chance, search_s) = self.lot(alternative.lot, later);
            let drive_s = whole(alternative.drive_s);
            AlternativeOut { id: candidate.what.id(), name: candidate.what.name(), chance, search_s, drive_s }
        });
        ParkingOut {
            id: candidate.what.id(),
            name: candidate.what.name(),
            chance,
            search_s,
            price_eur: candidate.price(at(arrive), self.result.query).map(f64::from),
            stay_min: self.result.query.assumed_stay_min(),
            alternatives: alternatives.collect(),
        }
    }

    fn lot(&self, lot: usize, arrive: i64) -> (&Candidate<'a>, Option<ChanceOut>, i64) {
        let candidates = self.result.candidates;
        let availability = candidates.availability(lot, arrive);
        (&candidates.all[lot], ChanceOut::new(&availability, at(arrive)), whole(availability.search_s))
    }
}
