use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::date;

use super::*;
use crate::StartClock;
use crate::clock::WorldClock;
use crate::clock::zone;
use crate::message::Claim;
use crate::senders::Senders;
use crate::world::{Event, World};

type Row = HashMap<String, String>;

/// The archive as a reader finds it: tables by name.
struct Feed(HashMap<String, Vec<Row>>);

impl Feed {
    fn of(county: &County, today: Date) -> Self {
        let mut zip = zip::ZipArchive::new(Cursor::new(county.gtfs(today).unwrap())).unwrap();
        let mut tables = HashMap::new();
        for number in 0..zip.len() {
            let mut file = zip.by_index(number).unwrap();
            if !file.name().ends_with(".txt") {
                continue;
            }
            let mut text = Vec::new();
            file.read_to_end(&mut text).unwrap();
            let rows = csv::Reader::from_reader(text.as_slice()).deserialize().map(Result::unwrap).collect();
            tables.insert(file.name().to_owned(), rows);
        }
        Self(tables)
    }

    fn rows(&self, name: &str) -> &[Row] {
        &self.0[name]
    }

    /// A table by its key, which is unique.
    fn by(&self, name: &str, key: &str) -> HashMap<&str, &Row> {
        let by: HashMap<&str, &Row> = self.rows(name).iter().map(|row| (row[key].as_str(), row)).collect();
        assert_eq!(by.len(), self.rows(name).len(), "{key} in {name} is unique");
        by
    }

    /// The services that run on a date, by the rules of GTFS.
    fn services(&self, day: Date) -> HashSet<&str> {
        let weekday = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
            [day.weekday().to_monday_zero_offset() as usize];
        let text = date_of(day);
        let valid = |row: &&Row| row["start_date"] <= text && text <= row["end_date"] && row[weekday] == "1";
        let mut services: HashSet<&str> =
            self.rows("calendar.txt").iter().filter(valid).map(|row| row["service_id"].as_str()).collect();
        for row in self.rows("calendar_dates.txt").iter().filter(|row| row["date"] == text) {
            match row["exception_type"].as_str() {
                "1" => services.insert(&row["service_id"]),
                _ => services.remove(row["service_id"].as_str()),
            };
        }
        services
    }
}

fn seconds(text: &str) -> i64 {
    text.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap())
}

#[test]
fn the_tables_fit_together() {
    let feed = Feed::of(&County::sample(1), date(2026, 12, 22));
    let (stops, routes) = (feed.by("stops.txt", "stop_id"), feed.by("routes.txt", "route_id"));
    let (agencies, services) = (feed.by("agency.txt", "agency_id"), feed.by("calendar.txt", "service_id"));
    let trips = feed.by("trips.txt", "trip_id");
    let shapes: HashSet<&str> = feed.rows("shapes.txt").iter().map(|row| row["shape_id"].as_str()).collect();
    assert!(routes.values().all(|row| agencies.contains_key(row["agency_id"].as_str())));
    for stop in stops.values().filter(|row| !row["parent_station"].is_empty()) {
        assert_eq!(stops[stop["parent_station"].as_str()]["location_type"], "1");
    }
    for trip in trips.values() {
        assert!(routes.contains_key(trip["route_id"].as_str()));
        assert!(shapes.contains(trip["shape_id"].as_str()) || trip["route_id"] == "HM");
        assert!(services.contains_key(trip["service_id"].as_str()));
    }
    for row in feed.rows("transfers.txt") {
        assert!(["from_stop_id", "to_stop_id"].iter().all(|key| stops.contains_key(row[*key].as_str())));
    }
    let mut before: Option<&Row> = None;
    let mut seen = HashSet::new();
    let on_demand = feed.rows("stop_times.txt").iter().filter(|row| !row["location_id"].is_empty());
    seen.extend(on_demand.map(|row| row["trip_id"].as_str()));
    for row in feed.rows("stop_times.txt").iter().filter(|row| row["location_id"].is_empty()) {
        assert_eq!(stops[row["stop_id"].as_str()]["location_type"], "0");
        seen.insert(row["trip_id"].as_str());
        assert!(seconds(&row["arrival_time"]) <= seconds(&row["departure_time"]));
        if let Some(before) = before.filter(|before| before["trip_id"] == row["trip_id"]) {
            assert!(seconds(&before["departure_time"]) < seconds(&row["arrival_time"]), "{row:?}");
            let number = |row: &Row| row["stop_sequence"].parse::<u32>().unwrap();
            assert_eq!(number(before) + 1, number(row));
        }
        before = Some(row);
    }
    assert_eq!(seen.len(), trips.len(), "every trip has stop times");
    assert!(feed.rows("stop_times.txt").iter().any(|row| seconds(&row["arrival_time"]) > 25 * 3_600));
}

#[test]
fn rides_on_demand_have_two_rows_with_a_window_and_a_rule() {
    let county = County::sample(1);
    let feed = Feed::of(&county, date(2026, 12, 22));
    let rows = feed.rows("stop_times.txt").iter().filter(|row| !row["location_id"].is_empty());
    let shown: Vec<String> = rows
        .map(|row| {
            let [from, until] = ["start", "end"].map(|end| &row[&format!("{end}_pickup_drop_off_window")]);
            format!("{} {} {from}-{until} {}", row["trip_id"], row["stop_sequence"], row["pickup_type"])
        })
        .collect();
    let of = |service: &str, window: &str| [1, 2].map(|n| format!("HM-{service} {n} {window} 2"));
    let expected =
        [of("mo-fr", "18:00:00-24:00:00"), of("sa", "08:00:00-25:00:00"), of("su", "08:00:00-23:00:00")];
    assert_eq!(shown, expected.concat());
    let rules = feed.by("booking_rules.txt", "booking_rule_id");
    assert_eq!(rules["an-hour-before"]["prior_notice_duration_min"], "60");

    // Stations and villages of the town lie inside, the county town does not.
    let text = on_demand::locations(&county).unwrap();
    let areas: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(areas["features"][0]["id"], "heide-mobil");
    let ring = areas["features"][0]["geometry"]["coordinates"][0].as_array().unwrap();
    let ring: Vec<[f64; 2]> = ring.iter().map(|p| [0, 1].map(|i| p[i].as_f64().unwrap())).collect();
    let is_inside = |name: &str| {
        let stop = county.stops.iter().find(|stop| stop.name == name).unwrap();
        let crossings = ring.windows(2).filter(|pair| {
            let [a, b] = [pair[0], pair[1]];
            let is_beside = (a[1] > stop.lat) != (b[1] > stop.lat);
            is_beside && stop.lon < a[0] + (stop.lat - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        });
        crossings.count() % 2 == 1
    };
    for name in ["Bergheide, Bahnhof", "Bergheide, Dorfplatz", "Bergheide, Naturpark", "Heidberg"] {
        assert!(is_inside(name), "{name}");
    }
    assert!(!is_inside("Steverstadt, Markt"));
}

#[test]
fn holidays_are_sundays() {
    let feed = Feed::of(&County::sample(1), date(2026, 12, 22));
    assert_eq!(feed.services(date(2026, 12, 19)), HashSet::from(["sa", "night"]));
    assert_eq!(feed.services(date(2026, 12, 24)), HashSet::from(["mo-fr", "night"]));
    assert_eq!(feed.services(date(2026, 12, 25)), HashSet::from(["su", "night"]));
    assert_eq!(feed.services(date(2026, 12, 26)), HashSet::from(["su", "night"]));
    assert_eq!(feed.services(date(2027, 2, 20)), HashSet::from(["sa", "night"]));
    assert!(feed.services(date(2027, 2, 21)).is_empty() && feed.services(date(2026, 12, 18)).is_empty());
}

/// The position of a trip along its shape, `seconds` after its day began.
fn place(feed: &Feed, trip: &Row, times: &[&Row], at_s: f64) -> [f64; 2] {
    let number = |row: &Row, key: &str| row[key].parse::<f64>().unwrap();
    let mut along_m = number(times[times.len() - 1], "shape_dist_traveled");
    if at_s <= seconds(&times[0]["departure_time"]) as f64 {
        along_m = 0.0;
    }
    for pair in times.windows(2) {
        let (left, reached) = (seconds(&pair[0]["departure_time"]), seconds(&pair[1]["arrival_time"]));
        if (left as f64..=reached as f64).contains(&at_s) {
            let share = (at_s - left as f64) / (reached - left) as f64;
            let [from, to] = [pair[0], pair[1]].map(|row| number(row, "shape_dist_traveled"));
            along_m = from + share * (to - from);
        } else if at_s > reached as f64 && at_s < seconds(&pair[1]["departure_time"]) as f64 {
            along_m = number(pair[1], "shape_dist_traveled");
        }
    }
    let shape: Vec<&Row> =
        feed.rows("shapes.txt").iter().filter(|row| row["shape_id"] == trip["shape_id"]).collect();
    let after = shape.iter().position(|row| number(row, "shape_dist_traveled") >= along_m);
    let after = after.unwrap_or(shape.len() - 1).max(1);
    let point = |row: &Row| [number(row, "shape_pt_lon"), number(row, "shape_pt_lat")];
    let [a, b] = [shape[after - 1], shape[after]];
    let [from, to] = [a, b].map(|row| number(row, "shape_dist_traveled"));
    let share = ((along_m - from) / (to - from)).clamp(0.0, 1.0);
    [0, 1].map(|axis| point(a)[axis] + share * (point(b)[axis] - point(a)[axis]))
}

/// Runs the county's vehicles for a while; every position must be where the timetable says.
fn vehicles_keep_the_timetable(start: &str, minutes: i64) -> usize {
    let mut county = County::sample(1);
    county.sites.iter_mut().for_each(|site| site.counted = None);
    (county.bays, county.sensors) = (Vec::new(), Vec::new());
    let county = Arc::new(county);
    let start: Timestamp = start.parse().unwrap();
    let feed = Feed::of(&county, start.to_zoned_datetime(zone(county.tz)).date());
    let trips = feed.by("trips.txt", "trip_id");
    let mut times: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in feed.rows("stop_times.txt") {
        times.entry(row["trip_id"].as_str()).or_default().push(row);
    }
    let mut world = World::new(Arc::clone(&county), 1, WorldClock::new(start, StartClock::BUSY, 1.0));
    let mut senders = Senders::new(Arc::clone(&county), 1);
    let (mut compared, mut last_minute) = (0, HashMap::<String, i64>::new());
    loop {
        let (at, event) = world.next_event();
        if at.as_second() > start.as_second() + minutes * 60 {
            return compared;
        }
        let Event::Vehicle(report) = &event else { continue };
        let messages = senders.messages(at, at, &event);
        let services = feed.services(report.trip.date);
        for statement in messages.iter().flat_map(|message| &message.statements) {
            let Claim::Position { lat, lon, delay_s, trip_id } = &statement.claim else { continue };
            // One position of each vehicle in a minute is enough to look at.
            if last_minute.insert(statement.id.clone(), at.as_second() / 60) == Some(at.as_second() / 60) {
                continue;
            }
            let trip = trips[trip_id.as_str()];
            let times = &times[trip_id.as_str()];
            let vehicle = county.vehicles.iter().find(|v| v.id == statement.id).unwrap();
            assert_eq!(county.lines[vehicle.line].id, trip["route_id"]);
            if county.vehicles[report.vehicle].id == statement.id {
                assert!(services.contains(trip["service_id"].as_str()), "{trip_id} on {}", report.trip.date);
                assert_eq!(trip_id, &county.timetable.trips[report.trip.planned].id);
                let day = super::super::timetable::day_begins(county.tz, report.trip.date);
                let at_s =
                    (statement.at.as_microsecond() - day.as_microsecond()) as f64 / 1e6 - f64::from(*delay_s);
                let away_m = distance_m(place(&feed, trip, times, at_s), [*lon, *lat]);
                assert!(away_m < 300.0, "{} is {away_m} m from its place, {trip_id} {delay_s}", statement.id);
                compared += 1;
            }
        }
    }
}

#[test]
fn vehicles_are_where_the_timetable_and_their_delay_put_them() {
    assert!(vehicles_keep_the_timetable("2026-11-24T09:14:27Z", 45) > 750);
    // Over midnight, on a holiday; and over the hour that the night in October has twice.
    assert!(vehicles_keep_the_timetable("2026-12-25T22:10:00Z", 30) > 100);
    assert!(vehicles_keep_the_timetable("2026-10-25T00:20:00Z", 45) > 150);
}
