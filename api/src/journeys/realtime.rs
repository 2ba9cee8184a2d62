//! Trip updates of feeds and vehicles, with the timetable's ids: input of the overlay.
//!
//! A feed's update has more than a vehicle's (each stop, skipped stops, cancellations), so vehicles come first in the
//! list: of two updates of one run the later one holds. A vehicle names its trip as the timetable
//! does, or by route, direction, operating day and start, such as `540_1_20261124_19:08`: HFP has no
//! other name, and GTFS-Realtime may do without one.

use std::collections::{BTreeSet, HashMap};

use domain::live::{LiveMap, VehiclePart, VehicleView};
use domain::observation::VehicleFix;
use domain::{FeedId, Registry, TripUpdate, UtcMicros};
use journey::overlay::Runs;
use journey::timetable::services::{Day, date_of, parse_day};
use journey::timetable::starts::{NamedRun, Start};
use journey::timetable::{FeedIx, NO_FEED, Timetable, TripIx};

/// How long a vehicle's delay and crowding hold, seconds: vehicles report at least once a minute, and after five stops
/// or so a delay has changed.
const VEHICLE_HOLDS_S: i64 = 300;

/// The trip that is called `name` by its route and start was meant at `at`, and its operating day. `None`
/// where no trip fits, or two fit equally well.
pub(crate) fn run_called(
    timetable: &Timetable,
    feed: Option<FeedIx>,
    name: &str,
    at: UtcMicros,
) -> Option<(Day, TripIx)> {
    let mut parts = name.rsplitn(4, '_');
    let (start, date, direction, route) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (hour, minute) = start.split_once(':')?;
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    let start = Start::Minute(i32::from(hour) * 60 + i32::from(minute));
    let day = if date.is_empty() { None } else { Some(parse_day(date)?) };
    let direction = if direction.is_empty() { None } else { Some(direction.parse().ok()?) };
    let named = NamedRun { feed, route, direction, day, start };
    timetable.run_named(&named, at.age_s(UtcMicros::EPOCH)).ok()
}

/// A run of a trip, as updates name it.
struct Run {
    trip_id: String,
    start_date: Option<String>,
    start_time: Option<String>,
}

impl Run {
    /// The run that a vehicle is on; `None` when it is none of the timetable's, or not clear which.
    ///
    /// `feed`: the GTFS file whose ids the vehicle has.
    fn of(feed: Option<FeedIx>, fix: &VehicleFix, observed_at: UtcMicros, runs: Runs<'_>) -> Option<Run> {
        let (name, timetable) = (fix.trip_id.as_deref()?, runs.timetable);
        let day = fix.start_date.as_deref().and_then(parse_day);
        if let Some(own) = runs.overlay.and_then(|overlay| overlay.own_called(name, day)) {
            return Some(Run { trip_id: name.into(), start_date: date_text(own.day), start_time: None });
        }
        match timetable.trips_of(name, feed) {
            [trip] => Some(Run {
                trip_id: timetable.trip_id(*trip).to_owned(),
                start_date: fix.start_date.clone(),
                start_time: None,
            }),
            // Of a trip with a frequency, a vehicle does not say which run it is.
            [_, _, ..] => None,
            [] => {
                let (day, trip) = run_called(timetable, feed, name, observed_at)?;
                let trip_id = timetable.trip_id(trip).to_owned();
                let is_one_of_several = timetable.trips(&trip_id).len() > 1;
                let start_time = is_one_of_several.then(|| clock(timetable.first_departure(trip)));
                Some(Run { trip_id, start_date: date_text(day), start_time })
            }
        }
    }
}

/// A service day as GTFS writes it.
fn date_text(day: Day) -> Option<String> {
    date_of(day).map(|date| date.strftime("%Y%m%d").to_string())
}

/// `HH:MM:SS`, beyond 24 h too.
fn clock(seconds: i32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// What a vehicle has reported lately about its run.
struct OnRun {
    run: Run,
    delay_s: Option<i32>,
    occupancy_pct: Option<f32>,
}

/// The runs that vehicles are on, the newest report last. Vehicles report trip, delay and crowding in one message or in
/// several, so each has its own age: one that no longer reports its trip has ended it.
fn runs(live: &LiveMap, runs: Runs<'_>, now: UtcMicros) -> Vec<OnRun> {
    let is_fresh = |at: &UtcMicros| at.plus_s(VEHICLE_HOLDS_S) >= now;
    let vehicles = live.all_vehicles();
    let mut reporting: Vec<(UtcMicros, VehicleView)> =
        vehicles.filter_map(|v| Some((v.trip_observed_at.filter(is_fresh)?, v))).collect();
    reporting.sort_unstable_by_key(|(at, v)| (*at, v.id));
    let on_run = |(at, v): (UtcMicros, VehicleView)| {
        Some(OnRun {
            run: Run::of(
                tie(live.registry(), runs.timetable, v.feeds[VehiclePart::Trip as usize]?),
                &v.fix,
                at,
                runs,
            )?,
            delay_s: v.fix.delay_s.filter(|_| v.delay_observed_at.as_ref().is_some_and(is_fresh)),
            occupancy_pct: v
                .fix
                .occupancy_pct
                .filter(|_| v.occupancy_observed_at.as_ref().is_some_and(is_fresh)),
        })
    };
    reporting.into_iter().filter_map(on_run).collect()
}

/// The GTFS file whose ids a feed has: `None` where it is tied to none.
pub(super) fn tie(registry: &Registry, timetable: &Timetable, feed: FeedId) -> Option<FeedIx> {
    let name = registry.feed(feed)?.def.timetable.as_ref()?;
    Some(timetable.feed(name).unwrap_or(NO_FEED))
}

/// Trip updates that hold at `now`: those of vehicles, then those of feeds, with the GTFS file whose ids they have. Of
/// several updates of one run the last holds; it is the newest of its feed.
pub fn updates(live: &LiveMap, timetable: &Timetable, now: UtcMicros) -> Vec<(Option<FeedIx>, TripUpdate)> {
    let runs = runs(live, Runs { timetable, overlay: None }, now);
    let by_vehicles = runs.into_iter().filter_map(|OnRun { run, delay_s, .. }| {
        let Run { trip_id, start_date, start_time } = run;
        let delay_s = Some(delay_s?);
        // The run now has the timetable's id.
        Some((None, TripUpdate { trip_id, start_date, start_time, delay_s, ..TripUpdate::default() }))
    });
    let by_feeds = live.trip_updates(now).into_iter();
    by_vehicles
        .chain(by_feeds.map(|(feed, update)| (tie(live.registry(), timetable, feed), update.clone())))
        .collect()
}

/// The timetable's id of the trip that a vehicle names by its route and start; `None`: it is none of the
/// timetable's, or named as there.
pub fn trip_called(view: &VehicleView, registry: &Registry, timetable: &Timetable) -> Option<String> {
    let (name, at) = (view.fix.trip_id.as_deref()?, view.trip_observed_at?);
    let feed = tie(registry, timetable, view.feeds[VehiclePart::Trip as usize]?);
    if !timetable.trips_of(name, feed).is_empty() {
        return None;
    }
    let (_, trip) = run_called(timetable, feed, name, at)?;
    Some(timetable.trip_id(trip).to_owned())
}

/// Warnings about feeds that are tied to a GTFS file which `timetable` does not contain.
pub fn ties_to_nothing(registry: &Registry, timetable: &Timetable) -> Vec<String> {
    let known: Vec<&str> = timetable.credits.iter().map(|credit| credit.feed.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let lost = registry.feeds().filter_map(|feed| {
        let name = feed.def.timetable.as_ref().filter(|name| timetable.feed(name).is_none())?;
        let id = &feed.def.id;
        Some(format!(
            "feed '{id}': timetable = '{name}' is none of the GTFS files that `journey build` was given ({known}): \
             nothing that it says of trips is believed"
        ))
    });
    let mut lost: Vec<String> = lost.collect();
    lost.sort();
    lost
}

/// The feeds that [`updates`] and [`crowding`] rest on.
pub fn feeds(live: &LiveMap, now: UtcMicros) -> BTreeSet<FeedId> {
    let is_fresh = |at: UtcMicros| at.plus_s(VEHICLE_HOLDS_S) >= now;
    let vehicles = live.all_vehicles();
    let on_trip = vehicles.filter(|v| v.trip_observed_at.is_some_and(is_fresh));
    live.trip_feeds(now).into_iter().chain(on_trip.flat_map(|v| v.feeds).flatten()).collect()
}

/// How full vehicles are, percent, by the timetable's id of the trip they are on and its service day;
/// of several vehicles on one run the newest.
pub type Crowding = HashMap<(String, Day), f32>;

/// See [`Crowding`].
pub fn crowding(live: &LiveMap, runs: Runs<'_>, now: UtcMicros) -> Crowding {
    let timetable = runs.timetable;
    let runs = self::runs(live, runs, now).into_iter();
    let day = |run: &Run| match &run.start_date {
        Some(date) => parse_day(date),
        None => timetable.nearest_day(*timetable.trips(&run.trip_id).first()?, now.0.div_euclid(1_000_000)),
    };
    runs.filter_map(|on| {
        let day = day(&on.run)?;
        Some(((on.run.trip_id, day), on.occupancy_pct?))
    })
    .collect()
}

#[cfg(test)]
mod tests;
