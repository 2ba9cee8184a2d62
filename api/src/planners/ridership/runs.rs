//! Figures of runs: each run is balanced as a whole, then its stops are added to their groups.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use domain::UtcMicros;
use domain::ridership::{Balanced, Counted, balance};
use store::transit_history::{Group, Passengers, RideEvent};

use crate::http::table::Column;
use crate::planners::planning::SeenBy;
use crate::planners::transit::{self, Credits, Gather, Heading, Row};

/// The public sees no figures of fewer runs: they could be traced to single passengers.
pub const MIN_RUNS: i64 = 3;

/// Why a group's figures are withheld.
pub const TOO_FEW: &str = "too_few_runs";

/// Gathers the runs of one municipality. Groups are put out as soon as no later service day can add to
/// them, so that no more of them are held than a day (or week) has.
pub struct Runs {
    heading: Arc<Heading>,
    credits: Credits,
    groups: BTreeMap<Group, Sums>,
    /// What is known of one trip on one service day.
    trip: Vec<RideEvent>,
    /// Numbers trips and runs, to count each once in a group.
    number: u64,
}

/// The sums of a group, and whether they are withheld.
pub struct Ridership {
    is_withheld: bool,
    sums: Sums,
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
    pub fn new(heading: Arc<Heading>, credits: Credits) -> Self {
        Runs { heading, credits, groups: BTreeMap::new(), trip: Vec::new(), number: 0 }
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
        let window = &self.heading.town.window;
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
    fn put_out_before(&mut self, bucket: UtcMicros, out: &mut VecDeque<Row<Ridership>>) {
        while let Some(first) = self.groups.first_entry() {
            if first.key().bucket >= Some(bucket) {
                return;
            }
            let (group, sums) = first.remove_entry();
            out.push_back(self.row(group, sums));
        }
    }

    fn row(&self, group: Group, sums: Sums) -> Row<Ridership> {
        let is_public = self.heading.town.seen_by == SeenBy::Public;
        let is_withheld = is_public && (1..MIN_RUNS).contains(&sums.runs);
        Row { heading: self.heading.clone(), group, figures: Ridership { is_withheld, sums } }
    }
}

impl Ridership {
    fn published(&self) -> Option<&Sums> {
        (!self.is_withheld).then_some(&self.sums)
    }

    /// A number of passengers; `None`: nobody counted, or it is withheld.
    fn passengers(&self, of: fn(&Sums) -> i64) -> Option<i64> {
        self.published().filter(|sums| sums.runs > 0).map(of)
    }

    /// A part divided by the whole; `None`: there is no whole, or it is withheld.
    fn share(&self, of: fn(&Sums) -> [i64; 2]) -> Option<f64> {
        let [part, whole] = of(self.published()?);
        (whole > 0).then(|| part as f64 / whole as f64)
    }
}

/// The columns of the answer.
pub fn columns() -> Vec<Column<Row<Ridership>>> {
    let figures = [
        Column::boolean("withheld", |r: &Row<Ridership>| Some(r.figures.is_withheld)),
        Column::text("reason", |r| r.figures.is_withheld.then_some(TOO_FEW)),
        Column::integer("min_runs", |r| r.figures.is_withheld.then_some(MIN_RUNS)),
        Column::integer("runs", |r| Some(r.figures.published()?.runs)),
        Column::float("coverage", |r| r.figures.share(|s| [s.counted_trips, s.observed_trips])),
        Column::integer("boardings", |r| r.figures.passengers(|s| s.counted_on)),
        Column::integer("alightings", |r| r.figures.passengers(|s| s.counted_off)),
        Column::integer("boardings_balanced", |r| r.figures.passengers(|s| s.boardings)),
        Column::integer("alightings_balanced", |r| r.figures.passengers(|s| s.alightings)),
        Column::float("load_mean", |r| r.figures.share(|s| [s.load, s.stops])),
        Column::integer("load_max", |r| r.figures.passengers(|s| s.load_max)),
        Column::float("on_board_mean", |r| r.figures.share(|s| [s.reported_load, s.reported_stops])),
        Column::float("drift_share", |r| r.figures.share(|s| [s.corrected, s.counted_on + s.counted_off])),
    ];
    let detail = Column::text("detail", |r: &Row<Ridership>| {
        r.figures.is_withheld.then_some("Figures of fewer runs are not for the public.")
    });
    transit::columns(figures, Some(detail))
}

impl Gather for Runs {
    type In = RideEvent;
    type Out = Row<Ridership>;

    fn take(&mut self, event: RideEvent, out: &mut VecDeque<Row<Ridership>>) {
        if self.trip.last().is_some_and(|last| (last.day, &last.trip_id) != (event.day, &event.trip_id)) {
            self.add_trip();
            if let Some(bucket) = event.first_bucket {
                self.put_out_before(bucket, out);
            }
        }
        self.trip.push(event);
    }

    fn end(&mut self, out: &mut VecDeque<Row<Ridership>>) {
        self.add_trip();
        for (group, sums) in std::mem::take(&mut self.groups) {
            out.push_back(self.row(group, sums));
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
    use jiff::tz::TimeZone;
    use serde_json::{Value, json};
    use store::transit_history::Window;

    use super::*;
    use crate::http::table::shown;
    use crate::planners::transit::{Names, Town};

    fn runs(window: Window, seen_by: SeenBy) -> Runs {
        let town = Town { slug: "n".into(), name: "N".into(), zone: TimeZone::UTC, seen_by, window };
        Runs::new(Arc::new(Heading { town, names: Names::default() }), Credits::default())
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

    /// The rows, as they are answered.
    fn gather(mut runs: Runs, events: Vec<RideEvent>) -> Vec<Value> {
        let mut out = VecDeque::new();
        events.into_iter().for_each(|e| runs.take(e, &mut out));
        runs.end(&mut out);
        shown(columns(), out.make_contiguous())
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
        let boardings: Vec<_> =
            out.iter().map(|r| (r.group.bucket, r.figures.passengers(|s| s.counted_on))).collect();
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
        let names = ["stop_id", "runs", "boardings", "alightings", "load_mean", "coverage", "route_id"];
        let listed: Vec<Value> = rows.iter().map(|row| json!(names.map(|name| &row[name]))).collect();
        assert_eq!(listed, [json!(["s1", 1, 2, 4, 4.0, 0.5, "9"]), json!(["s2", 1, 0, 4, 0.0, 1.0, "9"])]);
    }

    #[test]
    fn few_runs_are_withheld_from_the_public_only() {
        let events = |n: i32| (0..n).map(|v| event(1, "a", 100, "s", counted(v, 1, 1))).collect::<Vec<_>>();
        let of = |n, seen_by| gather(runs(window(Bucket::Day), seen_by), events(n)).remove(0);
        let hidden = of(2, SeenBy::Public);
        let is = |row: &Value, names: &[&str]| json!(names.iter().map(|name| &row[name]).collect::<Vec<_>>());
        assert_eq!(is(&hidden, &["withheld", "reason", "min_runs"]), json!([true, "too_few_runs", 3]));
        assert!(hidden["detail"].is_string() && hidden["route_id"].is_null() && hidden["stop_id"] == "s");
        let figures =
            ["runs", "boardings", "load_mean", "drift_share", "coverage", "load_max", "boardings_balanced"];
        assert_eq!(is(&hidden, &figures), json!([null, null, null, null, null, null, null]));
        let shown = of(3, SeenBy::Public);
        assert_eq!(is(&shown, &["withheld", "runs", "boardings"]), json!([false, 3, 3]));
        assert_eq!(of(2, SeenBy::Planner)["boardings"], 2);
    }
}
