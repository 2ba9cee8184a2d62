//! Places to park and rides that are left out of the answer, with the reason as a sentence for travellers.

use domain::{FeedId, LostRide, UtcMicros};
use journey::overlay::Runs;
use journey::plan::{self, LeftOut, Lost};
use serde::Serialize;
use utoipa::ToSchema;

use super::booking::{BookingOut, BookingWriter};
use super::ends::{EndOut, at};
use super::place::{Unfit, What};
use crate::contract::words;

/// A place that was left out.
pub struct Rejected<'a> {
    pub what: What<'a>,
    pub why: Unfit,
    /// The feed behind its state.
    pub feed: Option<FeedId>,
}

/// What was left out: a place to park, the ride of a line that does not run or cannot be booked, or a taxi that does not drive.
#[derive(Default, Serialize, ToSchema)]
pub struct RejectedOut<'a> {
    /// What it is.
    #[schema(value_type = words::LeftOutKind)]
    pub(super) kind: &'static str,
    /// Id of the place, of the line, of the zone or group of stops, or of the taxi.
    pub(super) id: &'a str,
    /// Name of the place, short name of the line, or name of the area or taxi; null: none.
    pub(super) name: Option<&'a str>,
    /// Why it was left out.
    #[schema(value_type = words::LeftOutReason)]
    pub(super) reason: &'static str,
    /// The same as a sentence.
    pub(super) detail: &'a str,
    /// Trip, as in the timetable; null: no ride.
    pub(super) trip_id: Option<&'a str>,
    /// When the ride was to leave by the timetable; null: no ride.
    pub(super) scheduled_departure_time: Option<UtcMicros>,
    /// When the ride was to arrive by the timetable; null: no ride.
    pub(super) scheduled_arrival_time: Option<UtcMicros>,
    /// Where the ride was to begin; null: no ride.
    pub(super) from: Option<EndOut<'a>>,
    /// Where the ride was to end; null: no ride.
    pub(super) to: Option<EndOut<'a>>,
    /// Until when the ride could be booked; null: it need not be, or that is not known.
    pub(super) by: Option<UtcMicros>,
    /// Number that books rides of the line, or calls the taxi; null: not known.
    pub(super) phone: Option<&'a str>,
    /// How rides of the line are booked; null: they need not be.
    pub(super) booking: Option<BookingOut<'a>>,
}

impl<'a> RejectedOut<'a> {
    /// A place to park.
    pub fn place(Rejected { what, why, .. }: &'a Rejected<'a>) -> Self {
        RejectedOut {
            kind: "parking",
            id: what.id(),
            name: what.name(),
            reason: why.reason,
            detail: &why.detail,
            ..RejectedOut::default()
        }
    }

    /// A ride that cannot be taken, with its ends.
    pub fn ride(
        lost: &plan::LostRide,
        runs: Runs<'a>,
        booking: BookingWriter<'a>,
        [from, to]: [EndOut<'a>; 2],
    ) -> Self {
        let route = runs.route(lost.ride.trip);
        let lang = booking.lang;
        let booking = lost.ride.booking.as_ref().map(|ride| booking.write(ride));
        let why = match lost.why {
            Lost::Cancelled => LostRide::Cancelled,
            Lost::Skipped => LostRide::StopSkipped,
            Lost::BookingClosed => LostRide::BookingClosed,
            Lost::BookingNotOpen => LostRide::BookingNotOpen,
            Lost::WheelchairUnknown => LostRide::WheelchairUnknown,
            Lost::BikesNotAllowed => LostRide::BikesNotAllowed,
        };
        RejectedOut {
            kind: "line",
            id: route.map_or("", |route| &route.id),
            name: route.map(|route| route.short_name.as_str()).filter(|name| !name.is_empty()),
            reason: why.as_str(),
            detail: why.words(lang),
            trip_id: Some(runs.trip_id(lost.ride.trip)),
            scheduled_departure_time: Some(at(lost.departure)),
            scheduled_arrival_time: Some(at(lost.arrival)),
            from: Some(from),
            to: Some(to),
            by: booking.as_ref().and_then(|booking| booking.by),
            phone: booking.as_ref().and_then(|booking| booking.phone),
            booking,
        }
    }
}

/// The reason that the planner found.
pub fn why(left_out: LeftOut) -> Unfit {
    match left_out {
        LeftOut::ProbablyFull { p } => {
            let percent = p * 100.0;
            let detail = format!("probably full when you get there: the chance of a space is {percent:.0} %");
            Unfit::new("full", detail)
        }
        LeftOut::OutOfReach => Unfit::new(
            "out_of_reach",
            "no way leads there by car and on to your destination on foot within the walking limit",
        ),
    }
}
