//! Figures of runs: each run is balanced as a whole, then its stops are added to their groups.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use domain::UtcMicros;
use domain::ridership::{Balanced, Counted, balance};
use jiff::tz::TimeZone;
use store::transit_history::{Group, Passengers, RideEvent, Window};

use super::RidershipRow;
use crate::planners::planning::SeenBy;
use crate::planners::transit::{Credits, Gather, Names, Town};

/// The public sees no figures of fewer runs: they could be traced to single passengers.
pub const MIN_RUNS: i64 = 3;

/// Why a group's figures are withheld.
pub const TOO_FEW: &str = "too_few_runs";

/// Gathers the runs of one municipality. Groups are put out as soon as no later service day can add to
/// them, so that no more of them are held than a day (or week) has.
pub struct Runs {
    municipality: Arc<str>,
    name: Arc<str>,
    zone: TimeZone,
    names: Names,
    seen_by: SeenBy,
    window: Window,
    credits: Credits,
    groups: BTreeMap<Group, Sums>,
    /// What is known of one trip on one service day.
    trip: Vec<RideEvent>,
    /// Numbers trips and runs, to count each once in a group.
    number: u64,
}

/// The sums of a group so far.
#[derive(Default)]
struct Sums {
    runs: i64,
    last_run: u64,
    observed_trips: i64,
    counted_trips: i64,
    last_trip: u64,
    stops: i64,
    counted_on: i64,
    counted_off: i64,
    boardings: i64,
    alightings: i64,
    corrected: i64,
    load: i64,
    load_max: i64,
    reported_stops: i64,
    reported_load: i64,
}

/// One stop of a run: what its vehicle counted there, in one message or in several.
struct Stop {
    group: Group,
    is_wanted: bool,
    counted: Counted,
    on_board: Option<i32>,
}

impl Runs {
    /// Of one municipality, with nothing gathered yet.
    pub fn new(town: Town, names: Names, credits: Credits) -> Self {
        Runs {
            municipality: town.slug,
            name: town.name,
            zone: town.zone,
            names,
            seen_by: town.seen_by,
            window: town.window,
            credits,
            groups: BTreeMap::new(),
            trip: Vec::new(),
            number: 0,
        }
    }

    /// Adds the trip that is complete now.
    fn add_trip(&mut self) {
        let events = std::mem::take(&mut self.trip);
        let route = events.iter().rev().find_map(|e| e.group.route.clone());
        let named = |e: &RideEvent| Group { route: route.clone(), ..e.group.clone() };
        let counts: Vec<(&RideEvent, Passengers)> =
            events.iter().filter_map(|e| Some((e, e.passengers?))).collect();
        self.number += 1;
        let (trip, is_counted) = (self.number, !counts.is_empty());
        for event in events.iter().filter(|e| e.is_wanted) {
            let Some(sums) = self.sums(named(event)) else { continue };
            if std::mem::replace(&mut sums.last_trip, trip) != trip {
                sums.observed_trips += 1;
                sums.counted_trips += i64::from(is_counted);
            }
            self.credits.note(event.feed);
        }
        for run in counts.chunk_by(|(_, a), (_, b)| (a.vehicle, a.run) == (b.vehicle, b.run)) {
            self.number += 1;
            let run_number = self.number;
            let stops = stops(run, named);
            let counted: Vec<Counted> = stops.iter().map(|s| s.counted).collect();
            for (stop, balanced) in stops.into_iter().zip(balance(&counted)).filter(|(s, _)| s.is_wanted) {
                let Some(sums) = self.sums(stop.group) else { continue };
                sums.add(run_number, stop.counted, balanced, stop.on_board);
            }
        }
    }

    /// The sums of the group that `of` belongs to; `None`: it is not asked for.
    fn sums(&mut self, of: Group) -> Option<&mut Sums> {
        let window = &self.window;
        let is_asked = |asked: &Option<String>, is: &Option<String>| asked.is_none() || asked == is;
        if !is_asked(&window.route, &of.route) || !is_asked(&window.stop, &of.stop) {
            return None;
        }
        let group = Group {
            route: of.route.filter(|_| window.by_route),
            stop: of.stop.filter(|_| window.by_stop),
            ..of
        };
        Some(self.groups.entry(group).or_default())
    }

    /// Puts out the groups of buckets before `bucket`.
    fn put_out_before(&mut self, bucket: UtcMicros, out: &mut VecDeque<RidershipRow>) {
        while let Some(first) = self.groups.first_entry() {
            if first.key().bucket >= Some(bucket) {
                return;
            }
            let (group, sums) = first.remove_entry();
            out.push_back(self.row(group, &sums));
        }
    }

    fn row(&self, group: Group, sums: &Sums) -> RidershipRow {
        let withheld = self.seen_by == SeenBy::Public && (1..MIN_RUNS).contains(&sums.runs);
        let has_figures = !withheld && sums.runs > 0;
        let reported = |n: i64| has_figures.then_some(n);
        let share = |part: i64, of: i64| (!withheld && of > 0).then(|| part as f64 / of as f64);
        RidershipRow {
            municipality: self.municipality.clone(),
            municipality_name: self.name.clone(),
            route_name: self.names.route(group.route.as_deref()),
            stop_name: self.names.stop(group.stop.as_deref()),
            zone: self.zone.clone(),
            route_id: group.route,
            stop_id: group.stop,
            bucket: group.bucket,
            weekday: group.weekday.map(i64::from),
            hour: group.hour.map(i64::from),
            withheld,
            reason: withheld.then_some(TOO_FEW),
            detail: withheld.then_some("Figures of fewer runs are not for the public."),
            min_runs: withheld.then_some(MIN_RUNS),
            runs: (!withheld).then_some(sums.runs),
            coverage: share(sums.counted_trips, sums.observed_trips),
            boardings: reported(sums.counted_on),
            alightings: reported(sums.counted_off),
            boardings_balanced: reported(sums.boardings),
            alightings_balanced: reported(sums.alightings),
            load_mean: share(sums.load, sums.stops),
            load_max: reported(sums.load_max),
            on_board_mean: share(sums.reported_load, sums.reported_stops),
            drift_share: share(sums.corrected, sums.counted_on + sums.counted_off),
        }
    }
}

impl Gather for Runs {
    type In = RideEvent;
    type Out = RidershipRow;

    fn take(&mut self, event: RideEvent, out: &mut VecDeque<RidershipRow>) {
        if self.trip.last().is_some_and(|last| (last.day, &last.trip_id) != (event.day, &event.trip_id)) {
            self.add_trip();
            if let Some(bucket) = event.first_bucket {
                self.put_out_before(bucket, out);
            }
        }
        self.trip.push(event);
    }

    fn end(&mut self, out: &mut VecDeque<RidershipRow>) {
        self.add_trip();
        for (group, sums) in std::mem::take(&mut self.groups) {
            out.push_back(self.row(group, &sums));
        }
    }
}

impl Sums {
    fn add(&mut self, run: u64, counted: Counted, balanced: Balanced, on_board: Option<i32>) {
        if std::mem::replace(&mut self.last_run, run) != run {
            self.runs += 1;
        }
        self.stops += 1;
        self.counted_on += i64::from(counted.entries);
        self.counted_off += i64::from(counted.exits);
        self.boardings += i64::from(balanced.boardings);
        self.alightings += i64::from(balanced.alightings);
        self.corrected += i64::from(balanced.corrected(counted));
        self.load += i64::from(balanced.load);
        self.load_max = self.load_max.max(balanced.load.into());
        if let Some(on_board) = on_board {
            self.reported_stops += 1;
            self.reported_load += i64::from(on_board);
        }
    }
}

/// The stops of a run: counts of one stop that follow one another are one.
fn stops(run: &[(&RideEvent, Passengers)], named: impl Fn(&RideEvent) -> Group) -> Vec<Stop> {
    let is_same = |a: &RideEvent, b: &RideEvent| a.group.stop.is_some() && a.group.stop == b.group.stop;
    let stop = |counts: &[(&RideEvent, Passengers)]| {
        let (last, _) = counts.last()?;
        let sum = |f: fn(&Passengers) -> i32| counts.iter().map(|(_, p)| f(p).max(0).unsigned_abs()).sum();
        Some(Stop {
            group: named(last),
            is_wanted: last.is_wanted,
            counted: Counted { entries: sum(|p| p.entries), exits: sum(|p| p.exits) },
            on_board: counts.iter().rev().find_map(|(_, p)| p.on_board),
        })
    };
    run.chunk_by(|(a, _), (b, _)| is_same(a, b)).filter_map(stop).collect()
}

#[cfg(test)]
mod tests {
    use domain::VehicleId;
    use domain::occupancy::Bucket;
    use domain::{FeedId, MunicipalityId};

    use super::*;

    fn runs(window: Window, seen_by: SeenBy) -> Runs {
        let town = Town { slug: "n".into(), name: "N".into(), zone: TimeZone::UTC, seen_by, window };
        Runs::new(town, Names::default(), Credits::default())
    }

    fn window(bucket: Bucket) -> Window {
        Window {
            municipality: MunicipalityId(1),
            tz: "UTC".into(),
            from: UtcMicros(0),
            until: UtcMicros(1_000),
            bucket,
            route: None,
            stop: None,
            by_route: true,
            by_stop: true,
            days: None,
            minutes: None,
        }
    }

    fn event(day: i32, trip: &str, bucket: i64, stop: &str, passengers: Option<Passengers>) -> RideEvent {
        RideEvent {
            day,
            trip_id: trip.into(),
            first_bucket: Some(UtcMicros(i64::from(day) * 100)),
            group: Group {
                bucket: Some(UtcMicros(bucket)),
                route: passengers.is_none().then(|| "9".into()),
                stop: Some(stop.into()),
                ..Group::default()
            },
            is_wanted: true,
            feed: FeedId(1),
            passengers,
        }
    }

    fn counted(vehicle: i32, entries: i32, exits: i32) -> Option<Passengers> {
        Some(Passengers { vehicle: VehicleId(vehicle), run: 1, entries, exits, on_board: None })
    }

    fn gather(mut runs: Runs, events: Vec<RideEvent>) -> Vec<RidershipRow> {
        let mut out = VecDeque::new();
        events.into_iter().for_each(|e| runs.take(e, &mut out));
        runs.end(&mut out);
        out.into()
    }

    #[test]
    fn a_group_is_put_out_when_no_later_day_can_add_to_it() {
        let mut runs = runs(window(Bucket::Day), SeenBy::Planner);
        let mut out = VecDeque::new();
        runs.take(event(1, "a", 100, "s", counted(1, 2, 2)), &mut out);
        // After midnight, and before the next service day begins.
        runs.take(event(1, "b", 200, "s", counted(1, 1, 1)), &mut out);
        assert!(out.is_empty());
        runs.take(event(2, "a", 200, "s", counted(1, 4, 4)), &mut out);
        assert_eq!(out.len(), 1);
        runs.take(event(3, "a", 300, "s", counted(1, 5, 5)), &mut out);
        let boardings: Vec<_> = out.iter().map(|r| (r.bucket, r.boardings)).collect();
        assert_eq!(boardings, [(Some(UtcMicros(100)), Some(2)), (Some(UtcMicros(200)), Some(5))]);
        runs.end(&mut out);
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn counts_of_one_stop_are_one_and_unwanted_stops_balance_the_run() {
        let mut before = event(1, "a", 100, "s0", counted(1, 6, 0));
        before.is_wanted = false;
        let events = vec![
            before,
            event(1, "a", 100, "s1", counted(1, 2, 1)),
            event(1, "a", 100, "s1", counted(1, 0, 3)),
            event(1, "a", 100, "s2", counted(1, 0, 4)),
            event(1, "a", 100, "s1", None),
            event(1, "b", 100, "s1", None),
        ];
        let rows = gather(runs(window(Bucket::Day), SeenBy::Planner), events);
        let listed: Vec<_> = rows
            .iter()
            .map(|r| {
                (r.stop_id.as_deref().unwrap(), r.runs, r.boardings, r.alightings, r.load_mean, r.coverage)
            })
            .collect();
        assert_eq!(
            listed,
            [
                ("s1", Some(1), Some(2), Some(4), Some(4.0), Some(0.5)),
                ("s2", Some(1), Some(0), Some(4), Some(0.0), Some(1.0)),
            ]
        );
        assert!(rows.iter().all(|r| r.route_id.as_deref() == Some("9")));
    }

    #[test]
    fn few_runs_are_withheld_from_the_public_only() {
        let events = |n: i32| (0..n).map(|v| event(1, "a", 100, "s", counted(v, 1, 1))).collect::<Vec<_>>();
        let of = |n, seen_by| gather(runs(window(Bucket::Day), seen_by), events(n)).remove(0);
        let hidden = of(2, SeenBy::Public);
        assert_eq!((hidden.withheld, hidden.reason, hidden.min_runs), (true, Some("too_few_runs"), Some(3)));
        assert!(
            hidden.detail.is_some() && hidden.route_id.is_none() && hidden.stop_id.as_deref() == Some("s")
        );
        assert_eq!(
            (hidden.runs, hidden.boardings, hidden.load_mean, hidden.drift_share),
            (None, None, None, None)
        );
        assert_eq!((hidden.coverage, hidden.load_max, hidden.boardings_balanced), (None, None, None));
        let shown = of(3, SeenBy::Public);
        assert_eq!((shown.withheld, shown.runs, shown.boardings), (false, Some(3), Some(3)));
        assert_eq!(of(2, SeenBy::Planner).boardings, Some(2));
    }
}
