//! Rides on demand: legs, those that cannot be had, and what runs on demand around a point.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::Lang;
use domain::time::MICROS_PER_S;
use journey::areas::{AreaRide, Asked, Pair, WhyNot};
use journey::booking::{Booked, BookedRides};
use journey::plan::{AreaLeg, End, LostArea};
use journey::timetable::areas::{AreaRow, AreaTrip, RowAt};
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
    /// Id of the zone or group of stops, as in the timetable; of a single stop that of the line.
    area_id: &'a str,
    /// Name of the zone or group; null: none.
    name: Option<&'a str>,
    /// Line, as in the timetable; null: not known.
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

/// Id of where a ride begins, else of where it ends, else of its line.
fn area_id<'a>(timetable: &'a Timetable, trip: &'a AreaTrip, rows: [&AreaRow; 2]) -> &'a str {
    let of_rows = rows.into_iter().find_map(|row| timetable.areas.id(row.place));
    of_rows.unwrap_or_else(|| route(timetable, trip).map_or("", |route| &route.id))
}

fn route<'a>(timetable: &'a Timetable, trip: &AreaTrip) -> Option<&'a Route> {
    timetable.routes.get(trip.route as usize)
}

impl<'a> OnDemandOut<'a> {
    fn new(timetable: &'a Timetable, trip: &'a AreaTrip, row: &AreaRow, to_door: bool) -> Self {
        let route = route(timetable, trip);
        let agency = route.and_then(|route| timetable.agencies.get(route.agency as usize));
        OnDemandOut {
            area_id: area_id(timetable, trip, [row, row]),
            name: text(timetable.areas.name(row.place)),
            route_id: route.map(|route| route.id.as_str()),
            route_short_name: route.and_then(|route| text(&route.short_name)),
            agency_name: agency.and_then(|agency| text(&agency.name)),
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
        let trip = &timetable.areas.trips[trip as usize];
        let [on, off] = [board, alight].map(|row| &trip.rows[usize::from(row)]);
        let route = route(timetable, trip);
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
            trip_id: Some(&trip.id),
            pickup: Some(boarding_word(on.pickup)),
            drop_off: Some(boarding_word(off.drop_off)),
            booking: Some(self.rides.booking.write(&leg.booking)),
            wheelchair: trip.wheelchair.known(),
            window: Some(leg.window.into()),
            duration_max_s: Some(leg.duration_max_s),
            area_id: Some(area_id(timetable, trip, [on, off])),
            to_door: Some(leg.from == End::Origin || leg.to == End::Destination),
            ..LegOut::of_route(timetable, route)
        }
    }
}

impl<'a> RideWriter<'a> {
    /// A line on demand that cannot be used.
    pub fn lost_area(&self, lost: &LostArea) -> RejectedOut<'a> {
        let timetable = &*self.loaded.area.timetable;
        let trip = &timetable.areas.trips[lost.trip as usize];
        let row = &trip.rows[usize::from(lost.row)];
        let route = route(timetable, trip);
        let booking = lost.booking.as_ref().map(|booking| self.booking.write(booking));
        let (reason, detail) = match lost.why {
            WhyNot::BookingClosed => ("booking_closed", "the ride on demand can no longer be booked"),
            WhyNot::BookingNotOpen => ("booking_not_open", "the ride on demand cannot be booked yet"),
            WhyNot::NotInService => ("not_in_service", "nothing runs there on demand at that time"),
            WhyNot::OutsideArea => {
                ("outside_area", "one end of the journey is in the area of the line, the other is not")
            }
        };
        RejectedOut {
            kind: "area",
            id: area_id(timetable, trip, [row, row]),
            name: text(timetable.areas.name(row.place))
                .or_else(|| route.and_then(|route| text(&route.short_name))),
            reason,
            detail,
            trip_id: Some(&trip.id),
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
    let here = timetable.areas.rows_at(near).into_iter().map(|row| (row, true));
    let stops = loaded.area.stops.around(timetable, near, radius_m).into_iter();
    let there = stops.flat_map(|stop| timetable.areas.rows_of_stop(stop)).map(|row| (*row, false));
    let mut rows: Vec<(RowAt, bool)> = here.chain(there).collect();
    rows.sort_by_key(|(row, is_here)| (*row, !is_here));
    rows.dedup_by_key(|(row, _)| *row);
    let mut found: Vec<(OnDemandOut<'_>, Vec<[i64; 2]>, Option<AreaRide>)> = Vec::new();
    for (row, to_door) in rows {
        let trip = &timetable.areas.trips[row.trip as usize];
        let own = timetable.areas.row(row);
        let later = (row.row + 1..trip.rows.len() as u16).map(|off| RowAt { trip: row.trip, row: off });
        let pair = later.into_iter().find_map(|off| asked.pair(row, off));
        let Some(pair) = pair.filter(|_| !own.is_timed) else { continue };
        let days = asked.days(pair);
        let first = days.iter().filter_map(|day| asked.ride(*day, 0.0)).min_by_key(|ride| ride.first);
        let windows = days.iter().map(|day| day.window);
        let item = OnDemandOut::new(timetable, trip, own, to_door);
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
