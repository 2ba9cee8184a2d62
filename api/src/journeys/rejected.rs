//! Places to park and rides that are left out of the answer, with the reason as a sentence for travellers.

use domain::{FeedId, UtcMicros};
use journey::plan::{LeftOut, LostRide};
use journey::timetable::Timetable;
use serde::Serialize;
use utoipa::ToSchema;

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

/// What was left out: a place to park, or the ride of a line that does not run.
#[derive(Default, Serialize, ToSchema)]
pub struct RejectedOut<'a> {
    /// What it is.
    #[schema(value_type = words::LeftOutKind)]
    kind: &'static str,
    /// Id of the place, or of the line.
    id: &'a str,
    /// Name of the place, or short name of the line; null: none.
    name: Option<&'a str>,
    /// Why it was left out.
    #[schema(value_type = words::LeftOutReason)]
    reason: &'static str,
    /// The same as a sentence.
    detail: &'a str,
    /// Trip, as in the timetable; null: no ride.
    trip_id: Option<&'a str>,
    /// When the ride was to leave by the timetable; null: no ride.
    scheduled_departure_time: Option<UtcMicros>,
    /// When the ride was to arrive by the timetable; null: no ride.
    scheduled_arrival_time: Option<UtcMicros>,
    /// Where the ride was to begin; null: no ride.
    from: Option<EndOut<'a>>,
    /// Where the ride was to end; null: no ride.
    to: Option<EndOut<'a>>,
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

    /// A ride that is cancelled or skips a stop, with its ends.
    pub fn ride(lost: &LostRide, timetable: &'a Timetable, [from, to]: [EndOut<'a>; 2]) -> Self {
        let route = timetable.route(lost.ride.trip);
        let (reason, detail) = if lost.is_cancelled {
            ("cancelled", "the run is cancelled")
        } else {
            ("stop_skipped", "the run does not stop where the ride begins or ends")
        };
        RejectedOut {
            kind: "line",
            id: route.map_or("", |route| &route.id),
            name: route.map(|route| route.short_name.as_str()).filter(|name| !name.is_empty()),
            reason,
            detail,
            trip_id: Some(timetable.trip_id(lost.ride.trip)),
            scheduled_departure_time: Some(at(lost.departure)),
            scheduled_arrival_time: Some(at(lost.arrival)),
            from: Some(from),
            to: Some(to),
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
