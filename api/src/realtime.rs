//! What feeds and vehicles say of trips, in the timetable's words: for the overlay of a journey.
//!
//! A feed's update says more than a vehicle (each stop, what is skipped or cancelled), so vehicles
//! are asked only about trips that no update speaks of. A vehicle names its trip as the timetable
//! does, or as the HFP decoder makes its names: route, direction, operating day and start, such as
//! `540_1_20261124_19:08`.

use std::collections::{BTreeSet, HashMap};

use domain::live::{LiveMap, VehicleView};
use domain::observation::VehicleFix;
use domain::{FeedId, TripUpdate, UtcMicros};
use journey::overlay::nearest_day;
use journey::timetable::services::{Day, parse_day};
use journey::timetable::{Timetable, TripIx};

/// So long after it was last heard a vehicle's delay and crowding hold, seconds: vehicles speak at
/// least once a minute, and after five stops or so a delay is another one.
const VEHICLE_HOLDS_S: i64 = 300;

const MINUTES_PER_DAY: i32 = 1_440;

/// Trips by route and start, to find those that a vehicle names so. Build it once per timetable.
#[derive(Debug, Default)]
pub struct Starts(HashMap<String, HashMap<i32, Vec<TripIx>>>);

impl Starts {
    /// Indexes the trips of `timetable`.
    pub fn new(timetable: &Timetable) -> Self {
        let mut starts = Starts::default();
        for trip in 0..timetable.patterns.trips() as TripIx {
            let Some(route) = timetable.route(trip) else { continue };
            let minute = (timetable.first_departure(trip) / 60).rem_euclid(MINUTES_PER_DAY);
            let of_route = match starts.0.get_mut(&route.id) {
                Some(of_route) => of_route,
                None => starts.0.entry(route.id.clone()).or_default(),
            };
            of_route.entry(minute).or_default().push(trip);
        }
        starts
    }

    /// The trip that was meant by `name` at `observed_at`, and its operating day. A start is a time
    /// of day: of a trip at 0:30 and one at 24:30 the nearer one is meant. `None` where two trips
    /// fit equally well: a delay on the wrong one is worse than none.
    fn find<'n>(
        &self,
        timetable: &Timetable,
        name: &'n str,
        observed_at: UtcMicros,
    ) -> Option<(TripIx, &'n str)> {
        let mut parts = name.rsplitn(4, '_');
        let (start, date, direction, route) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (hour, minute) = start.split_once(':')?;
        let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
        let minute = (i32::from(hour) * 60 + i32::from(minute)) % MINUTES_PER_DAY;
        let (day, direction) = (parse_day(date)?, direction.parse::<u8>().ok()?);
        let since_day_began_s = observed_at.age_s(UtcMicros::EPOCH) - timetable.day_begins_at(day);
        let distance_s =
            |trip: TripIx| (i64::from(timetable.first_departure(trip)) - since_day_began_s).abs();
        let fits = |trip: &TripIx| {
            let is_that_way = |own: Option<u8>| own.is_none_or(|own| own == direction);
            timetable.trips.get(*trip as usize).is_some_and(|t| is_that_way(t.direction))
                && timetable.runs_on(*trip, day)
        };
        let candidates = self.0.get(route)?.get(&minute)?;
        let mut fitting: Vec<TripIx> = candidates.iter().copied().filter(fits).collect();
        fitting.sort_by_key(|trip| distance_s(*trip));
        match fitting[..] {
            [first, second, ..] if distance_s(first) == distance_s(second) => None,
            [first, ..] => Some((first, date)),
            [] => None,
        }
    }
}

/// A run of a trip, as updates name it.
struct Run {
    trip_id: String,
    start_date: Option<String>,
    start_time: Option<String>,
}

impl Run {
    /// The run that a vehicle is on; `None` when it is none of the timetable's, or not clear which.
    fn of(fix: &VehicleFix, observed_at: UtcMicros, timetable: &Timetable, starts: &Starts) -> Option<Run> {
        let name = fix.trip_id.as_deref()?;
        match timetable.trips(name) {
            [_] => Some(Run { trip_id: name.into(), start_date: fix.start_date.clone(), start_time: None }),
            // The runs of a trip with a frequency: a vehicle does not say which.
            [_, _, ..] => None,
            [] => {
                let (trip, date) = starts.find(timetable, name, observed_at)?;
                let trip_id = timetable.trip_id(trip).to_owned();
                let is_one_of_several = timetable.trips(&trip_id).len() > 1;
                let start_time = is_one_of_several.then(|| clock(timetable.first_departure(trip)));
                Some(Run { trip_id, start_date: Some(date.to_owned()), start_time })
            }
        }
    }

    fn is_meant_by(&self, update: &TripUpdate) -> bool {
        let may_be = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        self.trip_id == update.trip_id
            && may_be(&self.start_date, &update.start_date)
            && may_be(&self.start_time, &update.start_time)
    }
}

/// `HH:MM:SS`, beyond 24 h too.
fn clock(seconds: i32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// What a vehicle says of the run that it is on, as far as it said so lately.
struct OnRun {
    run: Run,
    delay_s: Option<i32>,
    occupancy_pct: Option<f32>,
}

/// The runs that vehicles are on, the newest word last. Vehicles tell trip, delay and crowding in one
/// message or in several, so each has its own age: one that is silent about its trip has ended it.
fn runs(live: &LiveMap, timetable: &Timetable, starts: &Starts, now: UtcMicros) -> Vec<OnRun> {
    let is_fresh = |at: &UtcMicros| at.plus_s(VEHICLE_HOLDS_S) >= now;
    let vehicles = live.vehicle_positions().filter_map(|(id, _)| live.vehicle(id));
    let mut heard: Vec<(UtcMicros, VehicleView)> =
        vehicles.filter_map(|v| Some((v.trip_observed_at.filter(is_fresh)?, v))).collect();
    heard.sort_unstable_by_key(|(at, v)| (*at, v.id));
    let on_run = |(at, v): (UtcMicros, VehicleView)| {
        Some(OnRun {
            run: Run::of(&v.fix, at, timetable, starts)?,
            delay_s: v.fix.delay_s.filter(|_| v.delay_observed_at.as_ref().is_some_and(is_fresh)),
            occupancy_pct: v
                .fix
                .occupancy_pct
                .filter(|_| v.occupancy_observed_at.as_ref().is_some_and(is_fresh)),
        })
    };
    heard.into_iter().filter_map(on_run).collect()
}

/// What is known of trips at `now`: what feeds say of them, and for the others how late their
/// vehicles are. Of several updates of one run the last is the newest.
pub fn updates(live: &LiveMap, timetable: &Timetable, starts: &Starts, now: UtcMicros) -> Vec<TripUpdate> {
    let mut updates: Vec<TripUpdate> = live.trip_updates(now).into_iter().cloned().collect();
    let mut by_trip: HashMap<&str, Vec<&TripUpdate>> = HashMap::new();
    for update in updates.iter().filter(|update| update.says_something()) {
        by_trip.entry(&update.trip_id).or_default().push(update);
    }
    let by_vehicles =
        runs(live, timetable, starts, now).into_iter().filter_map(|OnRun { run, delay_s, .. }| {
            let delay_s = delay_s?;
            let of_trip = by_trip.get(run.trip_id.as_str());
            if of_trip.is_some_and(|updates| updates.iter().any(|update| run.is_meant_by(update))) {
                return None;
            }
            let Run { trip_id, start_date, start_time } = run;
            Some(TripUpdate {
                trip_id,
                start_date,
                start_time,
                delay_s: Some(delay_s),
                ..TripUpdate::default()
            })
        });
    let by_vehicles: Vec<TripUpdate> = by_vehicles.collect();
    updates.extend(by_vehicles);
    updates
}

/// The feeds that [`updates`] and [`crowding`] rest on.
pub fn feeds(live: &LiveMap, now: UtcMicros) -> BTreeSet<FeedId> {
    let is_fresh = |at: UtcMicros| at.plus_s(VEHICLE_HOLDS_S) >= now;
    let vehicles = live.vehicle_positions().filter_map(|(id, _)| live.vehicle(id));
    let on_trip = vehicles.filter(|v| v.trip_observed_at.is_some_and(is_fresh));
    live.trip_feeds(now).into_iter().chain(on_trip.flat_map(|v| v.feeds).flatten()).collect()
}

/// How full vehicles are, percent, by the timetable's id of the trip they are on and its service day;
/// of several vehicles on one run the newest.
pub type Crowding = HashMap<(String, Day), f32>;

/// See [`Crowding`].
pub fn crowding(live: &LiveMap, timetable: &Timetable, starts: &Starts, now: UtcMicros) -> Crowding {
    let runs = runs(live, timetable, starts, now).into_iter();
    let day = |run: &Run| match &run.start_date {
        Some(date) => parse_day(date),
        None => nearest_day(timetable, *timetable.trips(&run.trip_id).first()?, now.0.div_euclid(1_000_000)),
    };
    runs.filter_map(|on| {
        let day = day(&on.run)?;
        Some(((on.run.trip_id, day), on.occupancy_pct?))
    })
    .collect()
}

#[cfg(test)]
mod tests;
