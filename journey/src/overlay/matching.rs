//! Which run an update is about.

use std::ops::Deref;

use domain::trip_update::TripUpdate;

use crate::timetable::read::parse_time;
use crate::timetable::services::{Day, parse_day};
use crate::timetable::starts::{NamedRun, NoRun, Start};
use crate::timetable::{FeedIx, Timetable, TripIx};

/// An update, and the GTFS file whose ids it has.
#[derive(Clone, Copy)]
pub(super) struct FeedUpdate<'u> {
    pub feed: Option<FeedIx>,
    pub update: &'u TripUpdate,
}

impl Deref for FeedUpdate<'_> {
    type Target = TripUpdate;

    fn deref(&self) -> &TripUpdate {
        self.update
    }
}

/// A trip of the timetable on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Run {
    pub day: Day,
    pub trip: TripIx,
}

/// The run that an update is about.
pub(super) fn run_of(timetable: &Timetable, update: FeedUpdate<'_>, now: i64) -> Result<Run, NoRun> {
    let feed = update.feed;
    let start = update.start_time.as_deref().and_then(|start| parse_time(start.as_bytes()));
    let day = match &update.start_date {
        Some(date) => Some(parse_day(date).ok_or(NoRun::Unknown)?),
        None => None,
    };
    if update.trip_id.is_empty() {
        let (route, start) = update.route_id.as_deref().zip(start).ok_or(NoRun::Unknown)?;
        let named = NamedRun { feed, route, direction: update.direction, day, start: Start::Exactly(start) };
        return timetable.run_named(&named, now).map(|(day, trip)| Run { day, trip });
    }
    let trip = match (timetable.trips_of(&update.trip_id, feed), start) {
        ([], _) => return Err(NoRun::Unknown),
        ([trip], _) => *trip,
        // The runs of a trip with a frequency differ by when they begin.
        (runs, Some(start)) => {
            let run = runs.iter().find(|trip| timetable.first_departure(**trip) == start);
            *run.ok_or(NoRun::Unknown)?
        }
        (_, None) => return Err(NoRun::Ambiguous),
    };
    let day = match day {
        Some(day) => timetable.runs_on(trip, day).then_some(day),
        None => timetable.nearest_day(trip, now),
    };
    Ok(Run { day: day.ok_or(NoRun::Unknown)?, trip })
}
