//! Ids of itineraries. They hold the question and the choice, so that nothing has to be stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use journey::plan::{Itinerary, Leg};
use journey::raptor::{Chosen, ChosenStop};
use journey::rental::SpotNumber;
use journey::timetable::StopIx;
use serde::{Deserialize, Serialize};

use super::ends::at;
use super::rentals::Stock;
use super::writer::Writer;
use crate::http::problem::Problem;

/// Longest id that is read, bytes.
const MAX_ID_BYTES: usize = 8 * 1024;
/// Most rides of an id.
const MAX_RIDES: usize = 40;

/// A journey that was chosen.
#[derive(Serialize, Deserialize)]
pub struct JourneyId {
    /// The question, as a query of `/v1/journeys`.
    #[serde(rename = "q")]
    pub question: String,
    /// Id of the place where the car is left.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// The shared vehicle.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub rental: Option<RentalId>,
    /// Id of the taxi that is called.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub taxi: Option<String>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    rides: Vec<RideId>,
}

/// Trip, service day (days since 1970), stop and position where one gets on, the same where one gets off (of a ride on demand no
/// stop, and the row), and whether one stayed seated.
#[derive(Serialize, Deserialize)]
struct RideId(String, i32, (String, u16), (String, u16), bool);

/// System, station where the vehicle is taken, and station where it is returned; `None`: at no station.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub struct RentalId(String, Option<String>, Option<String>);

impl RentalId {
    /// That of an itinerary; `None`: it has no shared vehicle.
    pub fn of(itinerary: &Itinerary, stock: &Stock<'_>) -> Option<RentalId> {
        let (rented, _) = itinerary.rentals().next()?;
        let station = |spot| Some(stock.station(rented.system, spot)?.id.clone());
        let to = rented.to.map(SpotNumber::Station);
        let system = stock.systems[rented.system].held.system.id.clone();
        Some(RentalId(system, station(rented.from), to.and_then(station)))
    }
}

impl JourneyId {
    /// Reads an id.
    ///
    /// # Errors
    /// 404: it is none.
    pub fn parse(id: &str) -> Result<JourneyId, Problem> {
        let bytes = (id.len() <= MAX_ID_BYTES).then(|| URL_SAFE_NO_PAD.decode(id).ok()).flatten();
        let parsed = bytes.and_then(|bytes| serde_json::from_slice::<JourneyId>(&bytes).ok());
        parsed.filter(|id| id.rides.len() <= MAX_RIDES).ok_or_else(unknown)
    }

    /// Its rides.
    pub fn chosen(&self) -> Vec<Chosen> {
        let stop = |(id, position): &(String, u16)| ChosenStop { id: id.clone(), position: *position };
        let ride = |RideId(trip, day, from, to, stay_seated): &RideId| Chosen {
            trip_id: trip.clone(),
            service_day: *day,
            ends: Some([stop(from), stop(to)]),
            stay_seated: *stay_seated,
        };
        self.rides.iter().map(ride).collect()
    }
}

/// The problem that an id is none.
pub fn unknown() -> Problem {
    Problem::not_found(
        "This is no id of an itinerary.",
        "Take the 'id' of an itinerary of /v1/journeys, unchanged.",
    )
}

impl Writer<'_, '_> {
    /// The id of an itinerary.
    pub fn id(&self, mode: &str, itinerary: &Itinerary) -> String {
        let runs = self.rides.runs();
        let stops = &self.rides.loaded.area.timetable.stops;
        let stop = |stop: StopIx, position: u16| (stops.ids.get(stop).to_owned(), position);
        let rides = itinerary.legs.iter().filter_map(|leg| match leg {
            Leg::Street(_) => None,
            Leg::Ride(leg) => {
                let ride = &leg.ride;
                let trip = runs.trip_id(ride.trip).to_owned();
                let (from, to) = (stop(ride.from, ride.board), stop(ride.to, ride.alight));
                Some(RideId(trip, ride.service_day, from, to, ride.stay_seated))
            }
            Leg::Area(leg) => {
                let trip = self.rides.areas().trips.get(leg.pair.trip as usize)?.id.clone();
                let end = |row| (String::new(), row);
                Some(RideId(trip, leg.day, end(leg.pair.board), end(leg.pair.alight), false))
            }
        });
        let lot =
            itinerary.parking().map(|parking| self.result.candidates.all[parking.lot].what.id().to_owned());
        let taxi = itinerary.taxi().map(|taxi| self.result.taxis.get(taxi).id.clone());
        let start = at(itinerary.start).timestamp();
        let question = format!("{}&modes={mode}&depart={start}", self.result.query.lasting);
        let rental = RentalId::of(itinerary, self.result.stock);
        let id = JourneyId { question, lot, rental, taxi, rides: rides.collect() };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&id).unwrap_or_default())
    }
}
