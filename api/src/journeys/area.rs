//! Rides on demand: legs, those that cannot be had, and what runs on demand around a point.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::booking::OnDemandArea;
use domain::time::MICROS_PER_S;
use domain::{Lang, LostRide};
use journey::alerts::Ride;
use journey::areas::{AreaRide, Asked, Pair, WhyNot};
use journey::booking::{Booked, BookedRides, Bookings};
use journey::plan::{AreaLeg, End, LostArea};
use journey::timetable::areas::{AreaPlace, AreaRow, AreaTrip, Areas, RowAt};
use journey::timetable::{Access, Route, Timetable};
use serde::Serialize;
use utoipa::ToSchema;

use super::booking::{BookingOut, BookingWriter, boarding_word};
use super::ends::{PickupWindowOut, at};
use super::leg::{LegOut, polyline};
use super::rejected::RejectedOut;
use super::writer::{RideWriter, Writer};
use super::{Journeys, nothing_loaded};
use crate::contract::parameters;
use crate::http::answer;
use crate::http::language::accepted;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::wire::{CreditedList, timetable_sources, whole};
use crate::hub::View;

/// How far ahead hours are listed, seconds.
const AHEAD_S: i64 = 7 * 86_400;
/// Default radius in which stops are looked for, metres.
const DEFAULT_RADIUS_M: f64 = 800.0;
const MAX_RADIUS_M: f64 = 5_000.0;

/// A line on demand at a point.
#[derive(Serialize, ToSchema)]
pub struct OnDemandOut<'a> {
    /// Id of the zone or group of stops as in the timetable, or of the area as in `on_demand_areas.geojson`; of a single stop that of
    /// the line.
    area_id: &'a str,
    /// Name of the zone, group or area; null: none.
    name: Option<&'a str>,
    /// Line, as in the timetable; null: not known, or it is in none.
    route_id: Option<&'a str>,
    /// Short name of the line; null: none.
    route_short_name: Option<&'a str>,
    /// Who runs the line; null: not known.
    agency_name: Option<&'a str>,
    /// Whether it comes to the point itself; else to stops.
    to_door: bool,
    /// Times of pick-up within the next seven days, the first ones first.
    hours: Vec<PickupWindowOut>,
    /// How the first ride that can still be had is booked; null: none can.
    booking: Option<BookingOut<'a>>,
}

fn text(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Where a ride begins, else where it ends, if that is a zone or a group.
fn place(areas: &Areas, rows: [&AreaRow; 2]) -> Option<AreaPlace> {
    rows.into_iter().map(|row| row.place).find(|place| areas.id(*place).is_some())
}

fn route<'a>(timetable: &'a Timetable, trip: &AreaTrip) -> Option<&'a Route> {
    timetable.routes.get(trip.route as usize)
}

/// A line on demand, as answers name it.
struct Named<'a> {
    route: Option<&'a Route>,
    /// As it is drawn; `None`: it is of the timetable.
    drawn: Option<&'a OnDemandArea>,
    /// Of where a ride begins, else of where it ends, else of its line.
    area_id: &'a str,
    area_name: Option<&'a str>,
    agency_name: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn new(bookings: &'a Bookings, timetable: &'a Timetable, trip: &AreaTrip, rows: [&AreaRow; 2]) -> Self {
        let (route, areas) = (route(timetable, trip), bookings.areas(timetable));
        let drawn = bookings.drawn(timetable, trip.route);
        let agency = route.and_then(|route| timetable.agencies.get(route.agency as usize));
        let place = place(areas, rows);
        let area_id = place.and_then(|place| areas.id(place)).or(route.map(|route| route.id.as_str()));
        Named {
            route,
            drawn,
            area_id: area_id.unwrap_or_default(),
            area_name: place.and_then(|place| text(areas.name(place))),
            agency_name: match drawn {
                Some(area) => area.agency.as_deref(),
                None => agency.and_then(|agency| text(&agency.name)),
            },
        }
    }
}

impl<'a> OnDemandOut<'a> {
    fn new(named: &Named<'a>, to_door: bool) -> Self {
        let route = named.route;
        OnDemandOut {
            area_id: named.area_id,
            name: named.area_name,
            route_id: route.map(|route| route.id.as_str()),
            route_short_name: route.and_then(|route| text(&route.short_name)),
            agency_name: named.agency_name,
            to_door,
            hours: Vec::new(),
            booking: None,
        }
    }

    /// Whether it is the same line in the same area: its trips are of different days and hours.
    fn is_same(&self, other: &OnDemandOut<'_>) -> bool {
        (self.area_id, self.route_id) == (other.area_id, other.route_id)
    }
}

impl<'a> Writer<'_, 'a> {
    /// A ride on demand.
    pub fn area(&self, leg: &AreaLeg) -> LegOut<'a> {
        let timetable = &*self.rides.loaded.area.timetable;
        let Pair { trip, board, alight } = leg.pair;
        let trip = &self.rides.areas().trips[trip as usize];
        let [on, off] = [board, alight].map(|row| &trip.rows[usize::from(row)]);
        let named = Named::new(self.rides.booking.bookings, timetable, trip, [on, off]);
        LegOut {
            mode: "ON_DEMAND",
            from: self.end(leg.from),
            to: self.end(leg.to),
            start_time: at(leg.start),
            end_time: at(leg.end),
            scheduled_start_time: at(leg.start),
            scheduled_end_time: at(leg.end),
            distance_m: whole(leg.distance_m),
            duration_s: leg.end - leg.start,
            geometry: polyline(&leg.points),
            trip_id: named.route.map(|_| trip.id.as_str()),
            pickup: Some(boarding_word(on.pickup)),
            drop_off: Some(boarding_word(off.drop_off)),
            booking: Some(self.rides.booking.write(&leg.booking)),
            wheelchair: trip.wheelchair.known(),
            window: Some(leg.window.into()),
            duration_max_s: Some(leg.duration_max_s),
            area_id: Some(named.area_id),
            area_name: named.area_name,
            agency_name: named.agency_name,
            bikes_allowed: named.drawn.and_then(|area| area.bikes),
            to_door: Some(leg.from == End::Origin || leg.to == End::Destination),
            alerts: self.alerts_on_demand(leg, trip),
            ..LegOut::of_route(timetable, named.route)
        }
    }

    fn alerts_on_demand(&self, leg: &AreaLeg, trip: &AreaTrip) -> Vec<usize> {
        let timetable = &*self.rides.loaded.area.timetable;
        let stop = |end| if let End::Stop(stop) = end { Some(stop) } else { None };
        let stops = [leg.from, leg.to].into_iter().filter_map(stop).collect();
        // The vehicle may come later, and at the longest it takes so long.
        let until = leg.end.max(leg.start + i64::from(leg.duration_max_s));
        let ride = Ride::on_demand(timetable, trip, leg.day, stops, (leg.start, until));
        self.rides.alerts.of_ride(timetable, &ride)
    }
}

impl<'a> RideWriter<'a> {
    /// A line on demand that cannot be used.
    pub fn lost_area(&self, lost: &LostArea) -> RejectedOut<'a> {
        let timetable = &*self.loaded.area.timetable;
        let trip = &self.areas().trips[lost.trip as usize];
        let row = &trip.rows[usize::from(lost.row)];
        let named = Named::new(self.booking.bookings, timetable, trip, [row, row]);
        let booking = lost.booking.as_ref().map(|booking| self.booking.write(booking));
        let why = match lost.why {
            WhyNot::BookingClosed => LostRide::BookingClosed,
            WhyNot::BookingNotOpen => LostRide::BookingNotOpen,
            WhyNot::NotInService => LostRide::NotInService,
            WhyNot::OutsideArea => LostRide::OutsideArea,
        };
        RejectedOut {
            kind: "area",
            id: named.area_id,
            name: named.area_name.or_else(|| named.route.and_then(|route| text(&route.short_name))),
            reason: why.as_str(),
            detail: why.words(self.booking.lang),
            trip_id: named.route.map(|_| trip.id.as_str()),
            scheduled_departure_time: lost.departure.map(at),
            by: booking.as_ref().and_then(|booking| booking.by),
            phone: booking.as_ref().and_then(|booking| booking.phone),
            booking,
            ..RejectedOut::default()
        }
    }
}

/// Lines on demand that come to a point, or to stops around it: their hours of the next seven days, and how they are booked.
#[utoipa::path(
    get,
    path = "/v1/on-demand",
    tag = "transit",
    params(parameters::OnDemand),
    responses(
        (status = 200, body = CreditedList<OnDemandOut>),
        (status = 503, description = "No timetable is loaded."),
    ),
)]
pub async fn on_demand(
    State(journeys): State<Arc<Journeys>>,
    view: View,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::OnDemand::NAMES])?;
    let near = params
        .lat_lon("near")?
        .ok_or_else(|| Problem::missing_parameter("near", "Give near=LAT,LON, e.g. near=51.95,7.17."))?;
    let radius_m = params.number("radius_m", DEFAULT_RADIUS_M, 0.0, MAX_RADIUS_M)?;
    let lang = params.one("lang", &Lang::choices())?.or(accepted(&headers)).unwrap_or(Lang::En);
    let book_at = params.time("book_at")?.unwrap_or(view.now);
    let loaded = journeys.loaded().ok_or_else(nothing_loaded)?;
    let timetable = &*loaded.area.timetable;
    let bookings = loaded.bookings.load();
    let from = book_at.0.div_euclid(MICROS_PER_S);
    let booked = Booked {
        bookings: &bookings,
        rides: BookedRides::OpenAt(book_at),
        carpools: true,
        wheelchair: false,
    };
    let asked = Asked { timetable, booked, access: Access::Foot, from, until: from + AHEAD_S };
    let writer = BookingWriter { bookings: &bookings, timetable, book_at, lang };
    let areas = asked.areas();
    let here = areas.rows_at(near).into_iter().map(|row| (row, true));
    let stops = loaded.area.stops.around(timetable, near, radius_m).into_iter();
    let there = stops.flat_map(|stop| areas.rows_of_stop(stop)).map(|row| (*row, false));
    let mut rows: Vec<(RowAt, bool)> = here.chain(there).collect();
    rows.sort_by_key(|(row, is_here)| (*row, !is_here));
    rows.dedup_by_key(|(row, _)| *row);
    let mut found: Vec<(OnDemandOut<'_>, Vec<[i64; 2]>, Option<AreaRide>)> = Vec::new();
    for (row, to_door) in rows {
        let trip = asked.trip(row.trip);
        let own = areas.row(row);
        let later = (row.row + 1..trip.rows.len() as u16).map(|off| RowAt { trip: row.trip, row: off });
        let pair = later.into_iter().find_map(|off| asked.pair(row, off));
        let Some(pair) = pair.filter(|_| !own.is_timed) else { continue };
        let days = asked.days(pair);
        let first = days.iter().filter_map(|day| asked.ride(*day, 0.0)).min_by_key(|ride| ride.first);
        let windows = days.iter().map(|day| day.window);
        let named = Named::new(&bookings, timetable, trip, [own, own]);
        let item = OnDemandOut::new(&named, to_door);
        match found.iter_mut().find(|(known, ..)| known.is_same(&item)) {
            Some((known, hours, earliest)) => {
                known.to_door |= to_door;
                hours.extend(windows);
                let is_earlier = |ride: &AreaRide| earliest.is_none_or(|known| ride.first < known.first);
                if let Some(ride) = first.filter(is_earlier) {
                    *earliest = Some(ride);
                }
            }
            None => found.push((item, windows.collect(), first)),
        }
    }
    let items = found.into_iter().map(|(item, mut hours, first)| {
        hours.sort_unstable();
        hours.dedup();
        let booking = first.map(|ride| writer.write(&asked.booking(ride.on_day.pair, ride.first)));
        OnDemandOut { hours: hours.into_iter().map(Into::into).collect(), booking, ..item }
    });
    let items = items.collect();
    let attribution = timetable_sources(timetable).collect();
    Ok(answer::json(&CreditedList { items, cursor: None, attribution }))
}
