//! The answer of `/v1/journeys`, in MOTIS's and OTP's words.

use domain::{Registry, UtcMicros};
use journey::plan::{Itinerary, Leg, Modes};
use journey::streets::Mode;
use serde::Serialize;
use utoipa::ToSchema;

use super::alerts::{AlertOut, AlertWriter};
use super::co2;
use super::ends::at;
use super::fare::FareOut;
use super::leg::{LegOut, POLYLINE_DIGITS};
use super::notes::NoteOut;
use super::page::{WindowOut, turned};
use super::rejected::RejectedOut;
use super::writer::{RideWriter, SearchResult, Writer};
use crate::contract::words;
use crate::http::wire::{STREETS, Source, Sources, whole};

/// Itineraries, the best first.
#[derive(Serialize, ToSchema)]
pub struct JourneysOut<'a> {
    /// Itineraries, the best first.
    itineraries: Vec<ItineraryOut<'a>>,
    /// Service alerts that concern rides of the itineraries, each once.
    alerts: Vec<AlertOut<'a>>,
    /// Places to park that were left out, of each line the first ride that does not run, skips a stop or can no longer
    /// be booked, lines on demand and shared vehicles around the ends and taxis that cannot be used, and why.
    rejected: Vec<RejectedOut<'a>>,
    /// Departures (with `arrive`: arrivals) that this page is about; what is best at its begin may lie beyond.
    window: WindowOut,
    /// Give it as `cursor` for earlier itineraries, everything else unchanged.
    previous_cursor: String,
    /// Give it as `cursor` for later itineraries, everything else unchanged.
    next_cursor: String,
    /// Notices, e.g. that the timetable does not reach to this day.
    notes: Vec<NoteOut>,
    /// Whether the search ran out of time: better itineraries may exist.
    cut: bool,
    /// Source of the factors behind `co2_g`.
    co2_source: &'static str,
    /// Digits of the encoded polylines.
    polyline_digits: u32,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// An itinerary.
#[derive(Serialize, ToSchema)]
struct ItineraryOut<'a> {
    /// Asks for it again with `/v1/journeys/{id}`: its rides as they are then.
    id: String,
    /// Mode of the whole itinerary.
    #[schema(value_type = words::WayMode)]
    mode: &'static str,
    /// From the beginning to the end, seconds.
    duration_s: i64,
    /// When it begins.
    start_time: UtcMicros,
    /// When it ends, if there is a space at the first place to park.
    end_time: UtcMicros,
    /// When it ends on average, with the risk of finding no space at the first place to park.
    expected_end_time: UtcMicros,
    /// Changes between vehicles.
    transfers: u8,
    /// Whether a ride of it runs on request only: 1, else 0.
    bookings: u8,
    /// Until when all of it can be booked; null: it need not be booked, or that is not known.
    book_by: Option<UtcMicros>,
    /// What it costs one rider, with the parking; null: it has no ride, and leaves no car.
    fare: Option<FareOut<'a>>,
    /// Walked, metres.
    walk_m: i64,
    /// By bicycle, metres.
    bike_m: i64,
    /// By car, metres.
    drive_m: i64,
    /// With shared vehicles, metres.
    rental_m: i64,
    /// Carbon dioxide equivalents per person, grams.
    co2_g: i64,
    /// Chance that it works as planned: that of a vacant space where the car is left, and of a shared vehicle and its dock, 0 to
    /// 1; 1 where none is needed.
    certainty: f64,
    /// Its legs, in order.
    legs: Vec<LegOut<'a>>,
    /// Other departures of the first ride, between the same stops.
    #[schema(value_type = Vec<String>)]
    next_departures: Vec<UtcMicros>,
}

/// Writes the answer.
pub fn written<'a>(
    result: &'a SearchResult<'a>,
    rides: RideWriter<'a>,
    registry: &'a Registry,
) -> JourneysOut<'a> {
    let writer = Writer { result, rides, fares: registry.fares() };
    let itineraries: Vec<ItineraryOut<'a>> =
        result.plan.itineraries.iter().map(|itinerary| writer.itinerary(itinerary)).collect();
    let mut parking = Sources::default();
    for left in result.plan.itineraries.iter().filter_map(Itinerary::parking) {
        let alternatives = left.alternatives.iter().map(|alternative| alternative.lot);
        alternatives.chain([left.lot]).for_each(|lot| parking.note(result.candidates.all[lot].feed));
    }
    result.rejected.iter().for_each(|rejected| parking.note(rejected.feed));
    let rented = result.plan.itineraries.iter().flat_map(Itinerary::rentals).map(|(rented, _)| rented.system);
    let lost = result.plan.lost_rentals.iter().map(|lost| lost.system);
    rented.chain(lost).for_each(|system| parking.note(Some(result.stock.systems[system].held.feed)));
    let has_ride =
        |itinerary: &Itinerary| itinerary.legs.iter().any(|leg| matches!(leg, Leg::Ride(_) | Leg::Area(_)));
    let mut attribution = parking.of(registry);
    if result.plan.itineraries.iter().any(has_ride)
        || !(result.plan.lost.is_empty() && result.plan.lost_areas.is_empty())
    {
        attribution.extend(rides.loaded.ride_sources(rides.realtime, registry));
    }
    let lost = result.plan.lost.iter().map(|lost| {
        let ends = [lost.ride.from, lost.ride.to].map(|stop| rides.stop(stop));
        RejectedOut::ride(lost, rides.runs(), rides.booking, ends)
    });
    let areas = result.plan.lost_areas.iter().map(|lost| rides.lost_area(lost));
    let rentals = result.plan.lost_rentals.iter().map(|lost| writer.lost_rental(lost));
    let taxis = result.plan.lost_taxis.iter().map(|lost| RejectedOut::taxi(result.taxis, lost));
    let parked = result.rejected.iter().map(RejectedOut::place);
    let rejected = lost.chain(areas).chain(rentals).chain(taxis).chain(parked).collect();
    let mut of_alerts = Sources::default();
    rides.alerts.credit(&mut of_alerts);
    attribution.extend(of_alerts.of(registry));
    attribution.push(STREETS);
    attribution.sort_unstable();
    attribution.dedup();
    let (window, previous_cursor, next_cursor) = turned(result.query.when, &result.plan.beyond);
    JourneysOut {
        itineraries,
        alerts: rides.alerts.written(AlertWriter {
            timetable: &rides.loaded.area.timetable,
            registry,
            lang: result.query.lang,
            now: result.now,
        }),
        rejected,
        window,
        previous_cursor,
        next_cursor,
        notes: result.notes.clone(),
        cut: result.plan.cut,
        co2_source: co2::SOURCE,
        polyline_digits: POLYLINE_DIGITS,
        attribution,
    }
}

impl<'a> Writer<'_, 'a> {
    fn itinerary(&self, itinerary: &Itinerary) -> ItineraryOut<'a> {
        let named = Modes::all_named().find(|(_, mode)| *mode == itinerary.modes);
        let drive_m = itinerary.metres(|mode| mode == Mode::Car);
        let rented = |is: fn(Mode) -> bool| -> f64 {
            itinerary.rentals().filter(|(_, leg)| is(leg.mode)).map(|(_, leg)| leg.distance_m).sum()
        };
        let by_car_m = drive_m + rented(|mode| mode == Mode::Car);
        let rides_m: f64 = itinerary.rides().map(|ride| ride.distance_m).sum();
        // Most rides on demand have one rider.
        let areas_m: f64 = itinerary.areas().map(|ride| ride.distance_m).sum();
        let co2_g = ((by_car_m + areas_m) * co2::CAR_G_PER_KM + rides_m * co2::TRANSIT_G_PER_KM) / 1000.0;
        let mode = named.map_or("WALK", |(name, _)| name);
        ItineraryOut {
            id: self.id(mode, itinerary),
            mode,
            duration_s: itinerary.end - itinerary.start,
            start_time: at(itinerary.start),
            end_time: at(itinerary.end),
            expected_end_time: at(itinerary.expected_end.round() as i64),
            transfers: itinerary.transfers,
            bookings: u8::from(itinerary.is_booked()),
            book_by: itinerary
                .rides()
                .filter_map(|leg| leg.ride.booking)
                .chain(itinerary.areas().map(|leg| leg.booking))
                .filter_map(|booking| Some(booking.window?.by))
                .min(),
            fare: self.fare(itinerary),
            walk_m: whole(itinerary.walk_m()),
            bike_m: whole(itinerary.metres(|mode| mode == Mode::Bike)),
            drive_m: whole(drive_m),
            rental_m: whole(rented(|_| true)),
            co2_g: whole(co2_g),
            certainty: (itinerary.certainty() * 1000.0).round() / 1000.0,
            legs: itinerary
                .legs
                .iter()
                .map(|leg| LegOut { bike_parking: self.bike_parking(itinerary, leg), ..self.leg(leg) })
                .collect(),
            next_departures: itinerary.next_departures.iter().map(|time| at(*time)).collect(),
        }
    }
}
