//! The legs of an itinerary.

use domain::UtcMicros;
use domain::geo::LatLon;
use journey::alerts::Ride;
use journey::overlay::OwnKind;
use journey::plan::{Leg, RideLeg, StreetLeg};
use journey::raptor::Call;
use journey::streets::Mode;
use journey::timetable::{Route, StopIx, Timetable};
use serde::Serialize;
use utoipa::ToSchema;

use super::bike_parking::BikeParkingOut;
use super::booking::{BookingOut, boarding_word};
use super::co2;
use super::ends::{EndOut, PickupWindowOut, at};
use super::rental::RentalOut;
use super::steps::{self, StepOut};
use super::stops::StopOut;
use super::taxis::TaxiOut;
use super::writer::{ParkingOut, RideWriter, Writer};
use crate::contract::words;
use crate::http::wire::whole;

/// Decimal digits of encoded polylines.
pub const POLYLINE_DIGITS: u32 = 5;

/// A leg of an itinerary.
#[derive(Default, Serialize, ToSchema)]
pub struct LegOut<'a> {
    /// Mode of this leg.
    #[schema(value_type = words::LegMode)]
    pub(super) mode: &'static str,
    /// Where it begins.
    pub(super) from: EndOut<'a>,
    /// Where it ends.
    pub(super) to: EndOut<'a>,
    /// When it begins, with real time.
    pub(super) start_time: UtcMicros,
    /// When it ends, with real time.
    pub(super) end_time: UtcMicros,
    /// When it begins by the timetable.
    pub(super) scheduled_start_time: UtcMicros,
    /// When it ends by the timetable.
    pub(super) scheduled_end_time: UtcMicros,
    /// Length, metres.
    pub(super) distance_m: i64,
    /// From its beginning to its end, seconds.
    pub(super) duration_s: i64,
    /// Its course as encoded polyline with `polyline_digits` decimal digits.
    pub(super) geometry: String,
    /// Line, as in the timetable; null: no ride.
    pub(super) route_id: Option<&'a str>,
    /// Short name of the line; null: no ride, or it has none.
    pub(super) route_short_name: Option<&'a str>,
    /// Long name of the line; null: no ride, or it has none.
    pub(super) route_long_name: Option<&'a str>,
    /// Web page about the line, for a carpool about the offer; null: no ride, or it has none.
    pub(super) route_url: Option<&'a str>,
    /// Colour of the line, RRGGBB; null: no ride, or it has none.
    pub(super) route_color: Option<String>,
    /// Colour of text on `route_color`, RRGGBB; null: no ride, or it has none.
    pub(super) route_text_color: Option<String>,
    /// Kind of the line as in GTFS (`route_type`), basic or extended; null: no ride, or not known.
    pub(super) route_type: Option<u16>,
    /// Id of who runs the line; null: no ride, or not known.
    pub(super) agency_id: Option<&'a str>,
    /// Web site of who runs the line; null: no ride, or not known.
    pub(super) agency_url: Option<&'a str>,
    /// Who runs the line; null: no ride, or not known.
    pub(super) agency_name: Option<&'a str>,
    /// Where the vehicle goes to; null: no ride, or not known.
    pub(super) headsign: Option<&'a str>,
    /// Trip, as in the timetable; null: no ride.
    pub(super) trip_id: Option<&'a str>,
    /// Name of the trip for riders, e.g. the number of a train; null: no ride, or it has none.
    pub(super) trip_short_name: Option<&'a str>,
    /// Whether its begin or end is from real-time data.
    pub(super) realtime: bool,
    /// Delay at the begin of the ride, seconds, late is positive; null: not known.
    pub(super) delay_s: Option<i64>,
    /// Whether the trip is cancelled.
    pub(super) cancelled: bool,
    /// Whether the run is additional to the timetable; null: no ride.
    pub(super) added: Option<bool>,
    /// Whether the run has other stops or times than the one of the timetable that it replaces; null: no ride.
    pub(super) replaced: Option<bool>,
    /// How full the vehicle is, percent; null: not known.
    pub(super) occupancy: Option<f32>,
    /// How one gets on; null: no ride.
    #[schema(value_type = Option<words::BoardingMode>)]
    pub(super) pickup: Option<&'static str>,
    /// How one gets off; null: no ride.
    #[schema(value_type = Option<words::BoardingMode>)]
    pub(super) drop_off: Option<&'static str>,
    /// How the ride is booked; null: it need not be.
    pub(super) booking: Option<BookingOut<'a>>,
    /// When one is picked up that day, of a ride on demand; it comes at `start_time` at the earliest. Null: no such ride.
    pub(super) window: Option<PickupWindowOut>,
    /// How long a ride on demand takes at the longest, seconds; what comes after it is planned with this. Null: no such ride.
    pub(super) duration_max_s: Option<i32>,
    /// Zone or group of stops of a ride on demand as in the timetable, or its area as in `on_demand_areas.geojson`; null: no such ride.
    pub(super) area_id: Option<&'a str>,
    /// Name of that zone or group, or of that area; null: no such ride, or it has none.
    pub(super) area_name: Option<&'a str>,
    /// Whether a ride on demand comes to the door, and not to a stop alone; null: no such ride.
    pub(super) to_door: Option<bool>,
    /// Whether one stays in the vehicle of the leg before, which goes on as this trip; null: no ride.
    pub(super) stay_seated: Option<bool>,
    /// Stops from boarding to alighting; null: no ride.
    pub(super) stops: Option<u16>,
    /// Stops between boarding and alighting, in order.
    pub(super) intermediate_stops: Vec<CallOut<'a>>,
    /// The service alerts that concern the ride: indices into the answer's `alerts`.
    pub(super) alerts: Vec<usize>,
    /// Whether wheelchairs can board the vehicle; null: no ride, or not known.
    pub(super) wheelchair: Option<bool>,
    /// Whether bicycles are taken along; null: no ride, or not known.
    pub(super) bikes_allowed: Option<bool>,
    /// Instructions on the way; empty unless `steps=true`, and of rides.
    pub(super) steps: Vec<StepOut<'a>>,
    /// Where the car is left at the end of this leg; null: it is not, or that is not known (`parking_unknown`).
    pub(super) parking: Option<ParkingOut<'a>>,
    /// Where the bicycle is left at the end of this leg, at a stop; null: it is not, or no place is known.
    pub(super) bike_parking: Option<BikeParkingOut<'a>>,
    /// The shared vehicle of this leg; null: none.
    pub(super) rental: Option<RentalOut<'a>>,
    /// The taxi to call; null: no ride by taxi.
    pub(super) taxi: Option<TaxiOut<'a>>,
    /// Whether it is a drive that ends at the destination itself, near which no place to park is known.
    pub(super) parking_unknown: bool,
}

/// A stop on the way of a ride.
#[derive(Serialize, ToSchema)]
pub struct CallOut<'a> {
    /// Id of the stop, as in the timetable.
    stop_id: &'a str,
    /// Name of the stop.
    name: &'a str,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// When the vehicle arrives by the timetable.
    scheduled_arrival: UtcMicros,
    /// When it arrives, with real time.
    arrival: UtcMicros,
    /// When it leaves by the timetable.
    scheduled_departure: UtcMicros,
    /// When it leaves, with real time.
    departure: UtcMicros,
    /// Name of the platform; null: none.
    platform: Option<&'a str>,
    /// Name of the platform by the timetable; null: none.
    scheduled_platform: Option<&'a str>,
    /// Whether it does not stop there, though it is planned to.
    cancelled: bool,
}

impl<'a> Writer<'_, 'a> {
    /// A leg.
    pub fn leg(&self, leg: &Leg) -> LegOut<'a> {
        match leg {
            Leg::Street(leg) => self.street(leg),
            Leg::Ride(leg) => self.rides.ride(leg),
            Leg::Area(leg) => self.area(leg),
        }
    }

    fn street(&self, leg: &StreetLeg) -> LegOut<'a> {
        LegOut {
            mode: match leg.mode {
                _ if leg.rental.is_some() => "RENTAL",
                _ if leg.taxi.is_some() => "TAXI",
                Mode::Foot | Mode::Wheelchair => "WALK",
                Mode::Bike => "BIKE",
                Mode::Car => "CAR",
            },
            from: self.end(leg.from),
            to: self.end(leg.to),
            start_time: at(leg.start),
            end_time: at(leg.end),
            scheduled_start_time: at(leg.start),
            scheduled_end_time: at(leg.end),
            distance_m: whole(leg.distance_m),
            duration_s: leg.end - leg.start,
            geometry: polyline(&leg.points),
            steps: self.steps(leg),
            parking: leg.parking.as_ref().map(|parking| self.parking(parking, leg.end)),
            parking_unknown: leg.is_own_car() && leg.parking.is_none(),
            rental: leg.rental.as_ref().map(|rented| self.rented(leg, rented)),
            taxi: leg
                .taxi
                .map(|taxi| TaxiOut::new(self.result.taxis, taxi, leg.start, self.result.query.book_at)),
            ..LegOut::default()
        }
    }

    /// Only on request: it takes longer than writing the leg.
    fn steps(&self, leg: &StreetLeg) -> Vec<StepOut<'a>> {
        let query = self.result.query;
        if query.steps {
            steps::written(&self.rides.loaded.area.network, leg, query.lang)
        } else {
            Vec::new()
        }
    }
}

impl<'a> LegOut<'a> {
    /// What a leg says of its line.
    pub fn of_route(timetable: &'a Timetable, route: Option<&'a Route>) -> Self {
        let text = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        let agency = route.and_then(|route| timetable.agencies.get(route.agency as usize));
        let color = |rgb: u32| format!("{rgb:06X}");
        LegOut {
            route_id: route.map(|route| route.id.as_str()),
            route_short_name: route.and_then(|route| text(&route.short_name)),
            route_long_name: route.and_then(|route| text(&route.long_name)),
            route_url: route.and_then(|route| text(&route.url)),
            route_color: route.and_then(|route| route.color).map(color),
            route_text_color: route.and_then(|route| route.text_color).map(color),
            route_type: route.map(|route| route.kind),
            agency_id: agency.and_then(|agency| text(&agency.id)),
            agency_url: agency.and_then(|agency| text(&agency.url)),
            agency_name: agency.and_then(|agency| text(&agency.name)),
            ..LegOut::default()
        }
    }
}

impl<'a> RideWriter<'a> {
    /// A ride.
    pub fn ride(&self, leg: &RideLeg) -> LegOut<'a> {
        let timetable = &self.loaded.area.timetable;
        let (runs, ride) = (self.runs(), &leg.ride);
        let route = runs.route(ride.trip);
        let kind = runs.own(ride.trip).map(|own| own.kind);
        let text = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        let like = runs.like(ride.trip).and_then(|trip| timetable.trips.get(trip as usize));
        let (first, last) = (ride.calls.first(), ride.calls.last());
        let trip_id = runs.trip_id(ride.trip);
        LegOut {
            mode: co2::mode_word(route.map_or(3, |route| route.kind)),
            from: self.ride_end(ride.from, first),
            to: self.ride_end(ride.to, last),
            start_time: at(leg.start),
            end_time: at(leg.end),
            scheduled_start_time: at(leg.scheduled_start),
            scheduled_end_time: at(leg.scheduled_end),
            distance_m: whole(leg.distance_m),
            duration_s: leg.end - leg.start,
            geometry: polyline(&leg.points),
            headsign: text(runs.headsign_at(ride.trip, usize::from(ride.board))),
            trip_id: Some(trip_id),
            trip_short_name: runs.like(ride.trip).and_then(|trip| text(timetable.trip_short_name(trip))),
            realtime: ride.departure_is_live || ride.arrival_is_live,
            cancelled: ride.is_cancelled,
            delay_s: ride.departure_is_live.then_some(leg.start - leg.scheduled_start),
            added: Some(matches!(kind, Some(OwnKind::Added | OwnKind::Duplicated))),
            replaced: Some(kind == Some(OwnKind::Replaced)),
            occupancy: self.realtime.crowding.get(&(trip_id.to_owned(), ride.service_day)).copied(),
            pickup: Some(boarding_word(ride.pickup)),
            drop_off: Some(boarding_word(ride.drop_off)),
            booking: ride.booking.as_ref().map(|booking| self.booking.write(booking)),
            stay_seated: Some(ride.stay_seated),
            stops: Some(ride.alight - ride.board),
            intermediate_stops: self.intermediate(leg),
            alerts: self.alerts_of(leg),
            wheelchair: like.and_then(|trip| trip.wheelchair.known()),
            bikes_allowed: like.and_then(|trip| trip.bikes.known()),
            ..LegOut::of_route(timetable, route)
        }
    }

    fn alerts_of(&self, leg: &RideLeg) -> Vec<usize> {
        let ride = &leg.ride;
        let calls = ride.calls.iter().flat_map(|call| [call.stop, call.scheduled_stop]);
        let mut stops: Vec<StopIx> = calls.chain([ride.from, ride.to]).collect();
        stops.sort_unstable();
        stops.dedup();
        let ride = Ride::new(self.runs(), ride.trip, ride.service_day, stops, (leg.start, leg.end));
        self.alerts.of_ride(&self.loaded.area.timetable, &ride)
    }

    /// The stops between those of a ride.
    fn intermediate(&self, leg: &RideLeg) -> Vec<CallOut<'a>> {
        let mut calls = self.calls(leg);
        calls.pop();
        calls.drain(1.min(calls.len())..).collect()
    }

    /// The stops of a ride.
    pub fn calls(&self, leg: &RideLeg) -> Vec<CallOut<'a>> {
        let begins_at = leg.start - i64::from(leg.ride.departure_s);
        let time = |s: i32| at(begins_at + i64::from(s));
        let written = leg.ride.calls.iter().map(|call| {
            let StopOut { id, name, lat, lon, platform, .. } = StopOut::new(&self.loaded.area, call.stop);
            CallOut {
                stop_id: id,
                name,
                lat,
                lon,
                scheduled_arrival: time(call.scheduled_arrival_s),
                arrival: time(call.arrival_s),
                scheduled_departure: time(call.scheduled_departure_s),
                departure: time(call.departure_s),
                platform,
                scheduled_platform: StopOut::new(&self.loaded.area, call.scheduled_stop).platform,
                cancelled: leg.ride.is_cancelled || call.is_skipped,
            }
        });
        written.collect()
    }

    /// The stop where a ride begins or ends.
    fn ride_end(&self, stop: StopIx, call: Option<&Call>) -> EndOut<'a> {
        let scheduled = call.map(|call| StopOut::new(&self.loaded.area, call.scheduled_stop));
        EndOut { scheduled_platform: scheduled.and_then(|stop| stop.platform), ..self.stop(stop) }
    }
}

pub(super) fn polyline(points: &[LatLon]) -> String {
    let line = points.iter().map(|p| geo_types::Coord { x: p.lon, y: p.lat });
    polyline::encode_coordinates(line, POLYLINE_DIGITS).unwrap_or_default()
}
