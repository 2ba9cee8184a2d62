//! The answer of `/v1/journeys`, in MOTIS's and OTP's words.

use domain::availability::Availability;
use domain::geo::LatLon;
use domain::{Registry, UtcMicros};
use journey::overlay::{OwnKind, Runs};
use journey::plan::{End, Itinerary, Leg, Modes, Parking, PlanResult, Predictor, RideLeg, StreetLeg};
use journey::raptor::Call;
use journey::streets::Mode;
use journey::timetable::StopIx;
use serde::Serialize;
use utoipa::ToSchema;

use super::booking::{BookingOut, BookingWriter, boarding_word};
use super::co2;
use super::ends::{EndOut, at};
use super::place::{Candidate, Candidates};
use super::query::JourneyQuery;
use super::rejected::{Rejected, RejectedOut};
use super::stops::StopOut;
use super::{Loaded, Realtime};
use crate::contract::words;
use crate::http::wire::{STREETS, Source, Sources, whole};

/// Decimal digits of encoded polylines.
pub const POLYLINE_DIGITS: u32 = 5;

/// Everything that an answer is written from.
pub struct SearchResult<'a> {
    pub query: &'a JourneyQuery,
    pub candidates: &'a Candidates<'a>,
    pub plan: &'a PlanResult,
    pub booking: BookingWriter<'a>,
    pub rejected: Vec<Rejected<'a>>,
    pub notes: Vec<String>,
}

/// Itineraries, the best first.
#[derive(Serialize, ToSchema)]
pub struct JourneysOut<'a> {
    /// Itineraries, the best first.
    itineraries: Vec<ItineraryOut<'a>>,
    /// Places to park that were left out, and of each line the first ride that does not run, skips a stop or can no longer
    /// be booked, and why.
    rejected: Vec<RejectedOut<'a>>,
    /// Notices, e.g. that the timetable does not reach to this day.
    notes: Vec<String>,
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
    /// Walked, metres.
    walk_m: i64,
    /// By bicycle, metres.
    bike_m: i64,
    /// By car, metres.
    drive_m: i64,
    /// Carbon dioxide equivalents per person, grams.
    co2_g: i64,
    /// Chance that it works as planned: that of a vacant space where the car is left, 0 to 1; 1 without a car.
    certainty: f64,
    /// Its legs, in order.
    legs: Vec<LegOut<'a>>,
    /// Other departures of the first ride, between the same stops.
    #[schema(value_type = Vec<String>)]
    next_departures: Vec<UtcMicros>,
}

/// A leg of an itinerary.
#[derive(Default, Serialize, ToSchema)]
struct LegOut<'a> {
    /// Mode of this leg.
    #[schema(value_type = words::LegMode)]
    mode: &'static str,
    /// Where it begins.
    from: EndOut<'a>,
    /// Where it ends.
    to: EndOut<'a>,
    /// When it begins, with real time.
    start_time: UtcMicros,
    /// When it ends, with real time.
    end_time: UtcMicros,
    /// When it begins by the timetable.
    scheduled_start_time: UtcMicros,
    /// When it ends by the timetable.
    scheduled_end_time: UtcMicros,
    /// Length, metres.
    distance_m: i64,
    /// From its beginning to its end, seconds.
    duration_s: i64,
    /// Its course as encoded polyline with `polyline_digits` decimal digits.
    geometry: String,
    /// Line, as in the timetable; null: no ride.
    route_id: Option<&'a str>,
    /// Short name of the line; null: no ride, or it has none.
    route_short_name: Option<&'a str>,
    /// Long name of the line; null: no ride, or it has none.
    route_long_name: Option<&'a str>,
    /// Colour of the line, RRGGBB; null: no ride, or it has none.
    route_color: Option<String>,
    /// Colour of text on `route_color`, RRGGBB; null: no ride, or it has none.
    route_text_color: Option<String>,
    /// Kind of the line as in GTFS (`route_type`), basic or extended; null: no ride, or not known.
    route_type: Option<u16>,
    /// Id of who runs the line; null: no ride, or not known.
    agency_id: Option<&'a str>,
    /// Web site of who runs the line; null: no ride, or not known.
    agency_url: Option<&'a str>,
    /// Who runs the line; null: no ride, or not known.
    agency_name: Option<&'a str>,
    /// Where the vehicle goes to; null: no ride, or not known.
    headsign: Option<&'a str>,
    /// Trip, as in the timetable; null: no ride.
    trip_id: Option<&'a str>,
    /// Name of the trip for riders, e.g. the number of a train; null: no ride, or it has none.
    trip_short_name: Option<&'a str>,
    /// Whether its begin or end is from real-time data.
    realtime: bool,
    /// Delay at the begin of the ride, seconds, late is positive; null: not known.
    delay_s: Option<i64>,
    /// Whether the trip is cancelled.
    cancelled: bool,
    /// Whether the run is additional to the timetable; null: no ride.
    added: Option<bool>,
    /// Whether the run has other stops or times than the one of the timetable that it replaces; null: no ride.
    replaced: Option<bool>,
    /// How full the vehicle is, percent; null: not known.
    occupancy: Option<f32>,
    /// How one gets on; null: no ride.
    #[schema(value_type = Option<words::BoardingMode>)]
    pickup: Option<&'static str>,
    /// How one gets off; null: no ride.
    #[schema(value_type = Option<words::BoardingMode>)]
    drop_off: Option<&'static str>,
    /// How the ride is booked; null: it need not be.
    booking: Option<BookingOut<'a>>,
    /// Whether one stays in the vehicle of the leg before, which goes on as this trip; null: no ride.
    stay_seated: Option<bool>,
    /// Stops from boarding to alighting; null: no ride.
    stops: Option<u16>,
    /// Stops between boarding and alighting, in order.
    intermediate_stops: Vec<CallOut<'a>>,
    /// Whether wheelchairs can board the vehicle; null: no ride, or not known.
    wheelchair: Option<bool>,
    /// Whether bicycles are taken along; null: no ride, or not known.
    bikes_allowed: Option<bool>,
    /// Where the car is left at the end of this leg; null: it is not, or that is not known (`parking_unknown`).
    parking: Option<ParkingOut<'a>>,
    /// Whether it is a drive that ends at the destination itself, near which no place to park is known.
    parking_unknown: bool,
}

/// A stop on the way of a ride.
#[derive(Serialize, ToSchema)]
struct CallOut<'a> {
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

/// Where the car is left.
#[derive(Serialize, ToSchema)]
struct ParkingOut<'a> {
    /// Id of the site, bay or mapped place.
    id: &'a str,
    /// Its name; null: none.
    name: Option<&'a str>,
    /// Chance of a vacant space when the car gets there; null: nothing is known.
    chance: Option<ChanceOut>,
    /// Time to expect from the entrance to a vacant space, seconds.
    search_s: i64,
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

/// The chance of a vacant space.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChanceOut {
    /// The chance, 0 to 1.
    pub p: f64,
    /// Lower bound of the chance.
    pub low: f64,
    /// Upper bound of the chance.
    pub high: f64,
    /// The time it is about.
    pub at: UtcMicros,
}

impl ChanceOut {
    /// In thousandths; `None`: nothing is known.
    pub fn new(availability: &Availability, at: UtcMicros) -> Option<Self> {
        let chance = availability.chance?;
        let digits = |p: f64| (p * 1000.0).round() / 1000.0;
        Some(ChanceOut { p: digits(chance.p), low: digits(chance.low), high: digits(chance.high), at })
    }
}

/// Writes the answer.
pub fn written<'a>(
    result: &'a SearchResult<'a>,
    loaded: &'a Loaded,
    realtime: &'a Realtime,
    registry: &'a Registry,
) -> JourneysOut<'a> {
    let writer = Writer { result, loaded, realtime };
    let itineraries: Vec<ItineraryOut<'a>> =
        result.plan.itineraries.iter().map(|itinerary| writer.itinerary(itinerary)).collect();
    let mut parking = Sources::default();
    for left in result.plan.itineraries.iter().filter_map(Itinerary::parking) {
        let alternatives = left.alternatives.iter().map(|alternative| alternative.lot);
        alternatives.chain([left.lot]).for_each(|lot| parking.note(result.candidates.all[lot].feed));
    }
    result.rejected.iter().for_each(|rejected| parking.note(rejected.feed));
    let has_ride = |itinerary: &Itinerary| itinerary.legs.iter().any(|leg| matches!(leg, Leg::Ride(_)));
    let mut attribution = parking.of(registry);
    if result.plan.itineraries.iter().any(has_ride) || !result.plan.lost.is_empty() {
        attribution.extend(loaded.ride_sources(realtime, registry));
    }
    let rides = result.plan.lost.iter().map(|lost| {
        let ends = [lost.ride.from, lost.ride.to].map(|stop| writer.end(End::Stop(stop)));
        RejectedOut::ride(lost, writer.runs(), result.booking, ends)
    });
    let rejected = rides.chain(result.rejected.iter().map(RejectedOut::place)).collect();
    attribution.push(STREETS);
    attribution.sort_unstable();
    attribution.dedup();
    JourneysOut {
        itineraries,
        rejected,
        notes: result.notes.iter().cloned().chain(unknown_parking(result.plan)).collect(),
        cut: result.plan.cut,
        co2_source: co2::SOURCE,
        polyline_digits: POLYLINE_DIGITS,
        attribution,
    }
}

/// The notice on a drive to where no place to park is known.
fn unknown_parking(plan: &PlanResult) -> Option<String> {
    let is_unknown = plan.itineraries.iter().any(Itinerary::is_parking_unknown);
    is_unknown.then(|| {
        "No place to park is known near the destination: the drive ends there, and whether one may park is not \
         known."
            .to_owned()
    })
}

struct Writer<'w, 'a> {
    result: &'w SearchResult<'a>,
    loaded: &'a Loaded,
    realtime: &'a Realtime,
}

impl<'a> Writer<'_, 'a> {
    fn itinerary(&self, itinerary: &Itinerary) -> ItineraryOut<'a> {
        let named = Modes::NAMED.iter().find(|(_, mode)| *mode == itinerary.modes);
        let drive_m = itinerary.metres(|mode| mode == Mode::Car);
        let rides =
            itinerary.legs.iter().filter_map(|leg| if let Leg::Ride(ride) = leg { Some(ride) } else { None });
        let rides_m: f64 = rides.map(|ride| ride.distance_m).sum();
        let co2_g = (drive_m * co2::CAR_G_PER_KM + rides_m * co2::TRANSIT_G_PER_KM) / 1000.0;
        ItineraryOut {
            mode: named.map_or("WALK", |(name, _)| name),
            duration_s: itinerary.end - itinerary.start,
            start_time: at(itinerary.start),
            end_time: at(itinerary.end),
            expected_end_time: at(itinerary.expected_end.round() as i64),
            transfers: itinerary.transfers,
            bookings: u8::from(itinerary.is_booked()),
            book_by: itinerary
                .rides()
                .filter_map(|leg| leg.ride.booking?.window)
                .map(|window| window.by)
                .min(),
            walk_m: whole(itinerary.walk_m()),
            bike_m: whole(itinerary.metres(|mode| mode == Mode::Bike)),
            drive_m: whole(drive_m),
            co2_g: whole(co2_g),
            certainty: (itinerary.certainty() * 1000.0).round() / 1000.0,
            legs: itinerary.legs.iter().map(|leg| self.leg(leg)).collect(),
            next_departures: itinerary.next_departures.iter().map(|time| at(*time)).collect(),
        }
    }

    fn route_kind(&self, ride: &RideLeg) -> u16 {
        self.runs().route(ride.ride.trip).map_or(3, |route| route.kind)
    }

    fn runs(&self) -> Runs<'a> {
        Runs { timetable: &self.loaded.area.timetable, overlay: self.realtime.overlay.as_ref() }
    }

    fn leg(&self, leg: &Leg) -> LegOut<'a> {
        match leg {
            Leg::Street(leg) => self.street(leg),
            Leg::Ride(leg) => self.ride(leg),
        }
    }

    fn street(&self, leg: &StreetLeg) -> LegOut<'a> {
        LegOut {
            mode: match leg.mode {
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
            parking: leg.parking.as_ref().map(|parking| self.parking(parking, leg.end)),
            parking_unknown: leg.mode == Mode::Car && leg.parking.is_none(),
            ..LegOut::default()
        }
    }

    fn ride(&self, leg: &RideLeg) -> LegOut<'a> {
        let timetable = &self.loaded.area.timetable;
        let (runs, ride) = (self.runs(), &leg.ride);
        let route = runs.route(ride.trip);
        let kind = runs.own(ride.trip).map(|own| own.kind);
        let text = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        let agency = route.and_then(|route| timetable.agencies.get(route.agency as usize));
        let like = runs.like(ride.trip).and_then(|trip| timetable.trips.get(trip as usize));
        let color = |rgb: u32| format!("{rgb:06X}");
        let (first, last) = (ride.calls.first(), ride.calls.last());
        let trip_id = runs.trip_id(ride.trip);
        LegOut {
            mode: co2::mode_word(self.route_kind(leg)),
            from: self.ride_end(ride.from, first),
            to: self.ride_end(ride.to, last),
            start_time: at(leg.start),
            end_time: at(leg.end),
            scheduled_start_time: at(leg.scheduled_start),
            scheduled_end_time: at(leg.scheduled_end),
            distance_m: whole(leg.distance_m),
            duration_s: leg.end - leg.start,
            geometry: polyline(&leg.points),
            route_id: route.map(|route| route.id.as_str()),
            route_short_name: route.and_then(|route| text(&route.short_name)),
            route_long_name: route.and_then(|route| text(&route.long_name)),
            route_color: route.and_then(|route| route.color).map(color),
            route_text_color: route.and_then(|route| route.text_color).map(color),
            route_type: route.map(|route| route.kind),
            agency_id: agency.and_then(|agency| text(&agency.id)),
            agency_url: agency.and_then(|agency| text(&agency.url)),
            agency_name: agency.and_then(|agency| text(&agency.name)),
            headsign: text(runs.headsign_at(ride.trip, usize::from(ride.board))),
            trip_id: Some(trip_id),
            trip_short_name: runs.like(ride.trip).and_then(|trip| text(timetable.trip_short_name(trip))),
            realtime: ride.departure_is_live || ride.arrival_is_live,
            delay_s: ride.departure_is_live.then_some(leg.start - leg.scheduled_start),
            added: Some(matches!(kind, Some(OwnKind::Added | OwnKind::Duplicated))),
            replaced: Some(kind == Some(OwnKind::Replaced)),
            occupancy: self.realtime.crowding.get(&(trip_id.to_owned(), ride.service_day)).copied(),
            pickup: Some(boarding_word(ride.pickup)),
            drop_off: Some(boarding_word(ride.drop_off)),
            booking: ride.booking.as_ref().map(|booking| self.result.booking.write(booking)),
            stay_seated: Some(ride.stay_seated),
            stops: Some(ride.alight - ride.board),
            intermediate_stops: self.intermediate(leg),
            wheelchair: like.and_then(|trip| trip.wheelchair.known()),
            bikes_allowed: like.and_then(|trip| trip.bikes.known()),
            ..LegOut::default()
        }
    }

    /// The stops between those of a ride.
    fn intermediate(&self, leg: &RideLeg) -> Vec<CallOut<'a>> {
        let begins_at = leg.start - i64::from(leg.ride.departure_s);
        let time = |s: i32| at(begins_at + i64::from(s));
        let between = leg.ride.calls.iter().skip(1).take(leg.ride.calls.len().saturating_sub(2));
        let written = between.map(|call| {
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
                cancelled: call.is_skipped,
            }
        });
        written.collect()
    }

    /// The stop where a ride begins or ends.
    fn ride_end(&self, stop: StopIx, call: Option<&Call>) -> EndOut<'a> {
        let scheduled = call.map(|call| StopOut::new(&self.loaded.area, call.scheduled_stop));
        EndOut { scheduled_platform: scheduled.and_then(|stop| stop.platform), ..self.end(End::Stop(stop)) }
    }

    fn end(&self, end: End) -> EndOut<'a> {
        let point = |kind, LatLon { lat, lon }: LatLon| EndOut { kind, lat, lon, ..EndOut::default() };
        match end {
            End::Origin => point("origin", self.result.query.from),
            End::Destination => point("destination", self.result.query.to),
            End::Stop(stop) => {
                let StopOut { id, name, lat, lon, platform, wheelchair, .. } =
                    StopOut::new(&self.loaded.area, stop);
                let (id, name) = (Some(id), Some(name));
                EndOut { kind: "stop", id, name, lat, lon, platform, wheelchair, scheduled_platform: None }
            }
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

    fn parking(&self, parking: &Parking, arrive: i64) -> ParkingOut<'a> {
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
            alternatives: alternatives.collect(),
        }
    }

    fn lot(&self, lot: usize, arrive: i64) -> (&Candidate<'a>, Option<ChanceOut>, i64) {
        let candidates = self.result.candidates;
        let availability = candidates.availability(lot, arrive);
        (&candidates.all[lot], ChanceOut::new(&availability, at(arrive)), whole(availability.search_s))
    }
}

fn polyline(points: &[LatLon]) -> String {
    let line = points.iter().map(|p| geo_types::Coord { x: p.lon, y: p.lat });
    polyline::encode_coordinates(line, POLYLINE_DIGITS).unwrap_or_default()
}
