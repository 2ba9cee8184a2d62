//! `stop_times.txt`.

use super::ReadError;
use super::draft::Draft;
use super::frequencies::Frequencies;
use super::interpolate::{Known, fill};
use super::source::Source;
use super::table::{Fault, Table, fault};
use super::times::parse_time;
use super::windows::{Columns, Windows};
use crate::timetable::areas::{AreaPlace, AreaRow};
use crate::timetable::booking::StopBooking;
use crate::timetable::patterns::{Boarding, MAX_TRIP_STOPS, PatternStop, StopTime};
use crate::timetable::shapes::NOWHERE;
use crate::timetable::{FeedProblems, NONE};
use domain::LatLon;

/// From `location_id` on they are of rides on demand, see `windows.rs`. `start_pickup_dropoff_window` and its end are the names
/// of a draft of GTFS-Flex that feeds still use.
const HEADER: &str = "trip_id,stop_sequence,stop_id,arrival_time,departure_time,pickup_type,drop_off_type,\
    shape_dist_traveled,stop_headsign,pickup_booking_rule_id,drop_off_booking_rule_id,location_id,location_group_id,start_pickup_drop_off_window,\
    end_pickup_drop_off_window,start_pickup_dropoff_window,end_pickup_dropoff_window,mean_duration_factor,mean_duration_offset,\
    safe_duration_factor,safe_duration_offset";
const COLUMNS: usize = 21;
/// Stop times of all feeds: their numbers are 32 bit.
const MAX_STOP_TIMES: usize = u32::MAX as usize;
/// Stands for a time that is blank.
const BLANK: i32 = -1;
/// A row, as small as can be: a large feed has millions.
#[derive(Clone, Copy)]
struct Row {
    trip: u32,
    sequence: u32,
    stop: PatternStop,
    arrival: i32,
    departure: i32,
    /// NaN when blank.
    travelled: f32,
    /// Text number, else [`NONE`].
    headsign: u32,
    /// Number of its pair of booking rules, else [`NONE`].
    booking: u32,
    line: u32,
}

/// Reads the times and groups the trips into patterns.
pub fn read(
    source: &mut Source,
    draft: &mut Draft,
    frequencies: &Frequencies,
    problems: &mut FeedProblems,
) -> Result<(), ReadError> {
    let mut table = Table::open_required(source, "stop_times.txt", 2, HEADER)?;
    let [trip, _, stop, _, _, _, _, _, _, _, _, zone, group, ..] = table.columns::<COLUMNS>();
    if ![stop, zone, group].iter().any(|column| table.has(*column)) {
        return Err(ReadError::Column { file: table.file, column: "stop_id" });
    }
    let columns = demand(&table);
    for (name, found) in table.misspelt(&columns.misspelt) {
        let reason = format!("there is no such column; did you mean `{name}`? It is not read");
        problems.add(&table.file, 1, name, found, reason);
    }
    let mut windows = Windows::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut last: (Box<[u8]>, Option<u32>) = (Box::default(), None);
    while table.next()? {
        if *last.0 != *table.bytes(trip) {
            last = (table.bytes(trip).into(), draft.feed.trips.get(table.bytes(trip)).copied());
        }
        if let Some(trip) = last.1.filter(|_| Windows::is_one(&table, &columns, draft)) {
            windows.read(&table, &columns, trip, draft, problems);
            continue;
        }
        let row = row(&table, last.1, draft, problems);
        rows.extend(table.read(problems, row));
        if rows.len() > MAX_STOP_TIMES {
            return Err(ReadError::TooMany { file: table.file, what: "stop times", max: MAX_STOP_TIMES });
        }
    }
    if !rows.is_sorted_by_key(|row| (row.trip, row.sequence)) {
        rows.sort_by_key(|row| (row.trip, row.sequence));
    }
    let mut trips =
        Trips { file: &table.file, windows, known: Vec::new(), rows: Vec::new(), times: Vec::new() };
    for rows in rows.chunk_by(|a, b| a.trip == b.trip) {
        trips.add(rows, draft, frequencies, problems);
    }
    trips.windows.finish(trips.file, draft, problems);
    Ok(())
}

/// The columns of rides on demand.
fn demand(table: &Table<'_>) -> Columns {
    let [_, sequence, stop, arrival, departure, pickup, drop_off, _, _, rules @ ..] =
        table.columns::<COLUMNS>();
    let [pickup_rule, drop_off_rule, zone, group, from, until, misspelt_from, misspelt_until, durations @ ..] =
        rules;
    let [mean, mean_offset, safe, safe_offset] = durations;
    Columns {
        sequence,
        stop,
        zone,
        group,
        arrival,
        departure,
        pickup,
        drop_off,
        pickup_rule,
        drop_off_rule,
        window: [from, until],
        misspelt: [misspelt_from, misspelt_until],
        mean: [mean, mean_offset],
        safe: [safe, safe_offset],
    }
}

fn row(
    table: &Table<'_>,
    number: Option<u32>,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> Result<Row, Fault> {
    let [trip, sequence, stop, arrival, departure, pickup, drop_off, travelled, headsign, rules @ ..] =
        table.columns::<COLUMNS>();
    let [pickup_rule, drop_off_rule, ..] = rules;
    let number = number.ok_or_else(|| fault(trip, "there is no such trip"))?;
    let stop = table.id(stop, &draft.feed.stops, "stop")?;
    let sequence = table.number(sequence).ok_or_else(|| fault(sequence, "it is not a whole number"))?;
    let time = |column| match table.bytes(column) {
        b"" => Ok(None),
        _ => table.choice(column, parse_time, "it is not a time HH:MM:SS within a week").map(Some),
    };
    let (arrives, departs) = (time(arrival)?, time(departure)?);
    // One of the two alone stands for both.
    let [arrives, departs] = [arrives.or(departs), departs.or(arrives)].map(|s| s.unwrap_or(BLANK));
    if departs < arrives {
        return Err(fault(departure, "it is before the arrival"));
    }
    let [pickup, drop_off] = [pickup, drop_off].map(|column| {
        Boarding::parse(table.bytes(column)).unwrap_or_else(|| {
            table.fault(problems, column, "it is none of 0 to 3; the row is read as 0");
            Boarding::Scheduled
        })
    });
    let booking = StopBooking {
        pickup: booking_rule(table, pickup_rule, number, draft, problems),
        drop_off: booking_rule(table, drop_off_rule, number, draft, problems),
    };
    let is_own = !table.bytes(headsign).is_empty();
    Ok(Row {
        trip: number,
        sequence,
        stop: PatternStop::new(stop, pickup, drop_off),
        arrival: arrives,
        departure: departs,
        travelled: table.number(travelled).unwrap_or(f32::NAN),
        headsign: if is_own { draft.headsigns.insert_full(table.text(headsign)).0 as u32 } else { NONE },
        booking: if booking == StopBooking::NONE {
            NONE
        } else {
            draft.booking_pairs.insert_full(booking).0 as u32
        },
        line: u32::try_from(table.line()).unwrap_or(u32::MAX),
    })
}

/// The number of the rule that a field names, else [`NONE`]. Of a trip with a rule that there is not nobody knows how to book
/// it: it is left out.
fn booking_rule(
    table: &Table<'_>,
    column: usize,
    trip: u32,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> u32 {
    if table.bytes(column).is_empty() {
        return NONE;
    }
    draft.feed.booking_rules.get(table.bytes(column)).copied().unwrap_or_else(|| {
        draft.feed.unbookable.insert(trip);
        let reason = "booking_rules.txt has no such rule that can be used; the trip is left out";
        table.fault(problems, column, reason);
        NONE
    })
}

impl Row {
    /// As a place to get on or off of rides on demand.
    fn on_demand(&self, time: StopTime, draft: &Draft) -> AreaRow {
        let rules =
            draft.booking_pairs.get_index(self.booking as usize).copied().unwrap_or(StopBooking::NONE);
        AreaRow {
            place: AreaPlace::Stop(self.stop.stop()),
            start_s: time.arrival,
            end_s: time.departure,
            pickup: self.stop.pickup(),
            drop_off: self.stop.drop_off(),
            pickup_rule: rules.pickup,
            drop_off_rule: rules.drop_off,
            is_timed: true,
        }
    }
}

/// Puts trips together; its lists are used again from trip to trip.
struct Trips<'a> {
    file: &'a str,
    /// What runs on demand.
    windows: Windows,
    /// The usable rows of the trip, and what is known of their times.
    rows: Vec<Row>,
    known: Vec<Known>,
    times: Vec<StopTime>,
}

impl Trips<'_> {
    fn add(
        &mut self,
        rows: &[Row],
        draft: &mut Draft,
        frequencies: &Frequencies,
        problems: &mut FeedProblems,
    ) {
        let number = rows[0].trip;
        if draft.feed.unbookable.contains(&number) {
            return;
        }
        self.collect(rows, draft, problems);
        let mut trip = draft.feed.trip_list[number as usize];
        let count = self.rows.len();
        if !(2..=MAX_TRIP_STOPS).contains(&count) {
            if let ([row], true) = (self.rows.as_slice(), self.windows.has(number)) {
                // Riders get on or off there, and in an area at their other end.
                let time = StopTime { arrival: row.arrival, departure: row.departure };
                self.windows.add_timed(number, row.sequence, row.on_demand(time, draft));
                return;
            }
            let reason = format!("the trip has {count} usable stops; 2 to {MAX_TRIP_STOPS} are needed");
            let (line, id) = (u64::from(rows[0].line), draft.trip_ids.get(trip.id));
            problems.add(self.file, line, "trip_id", id, reason);
            return;
        }
        let mut node = |row: &Row| row.stop.at(draft.rules.node(row.stop.stop(), trip.id, trip.route));
        let stops: Vec<PatternStop> = self.rows.iter().map(&mut node).collect();
        trip.sequence =
            draft.sequences.insert_full(self.rows.iter().map(|row| row.sequence).collect()).0 as u32;
        if self.rows.iter().any(|row| row.headsign != NONE) {
            let own = |row: &Row| if row.headsign == NONE { trip.headsign } else { row.headsign };
            trip.stop_headsigns =
                draft.stop_headsigns.insert_full(self.rows.iter().map(own).collect()).0 as u32;
        }
        if self.rows.iter().any(|row| row.booking != NONE) {
            let pair = |row: &Row| draft.booking_pairs.get_index(row.booking as usize).copied();
            let rules = self.rows.iter().map(|row| pair(row).unwrap_or(StopBooking::NONE)).collect();
            trip.bookings = draft.stop_bookings.insert_full(rules).0 as u32;
        }
        fill(&self.known, &mut self.times);
        if self.windows.has(number) {
            for (row, time) in self.rows.iter().zip(&self.times) {
                self.windows.add_timed(number, row.sequence, row.on_demand(*time, draft));
            }
        }
        let first = self.times[0].departure;
        for start in frequencies.get(&number).map_or(std::slice::from_ref(&first), Vec::as_slice) {
            let times: Vec<StopTime> = self.times.iter().map(|time| time.later(start - first)).collect();
            draft.grouping.add(draft.runs.len() as u32, &stops, &times);
            draft.runs.push(trip);
        }
    }

    /// Takes over the usable rows of a trip.
    fn collect(&mut self, rows: &[Row], draft: &Draft, problems: &mut FeedProblems) {
        self.known.clear();
        self.rows.clear();
        let mut fault = |row: &Row, column: &'static str, value: &str, reason: &str| {
            problems.add(self.file, u64::from(row.line), column, value, reason);
        };
        let timed = |row: &Row| row.arrival != BLANK;
        let first = rows.iter().position(timed).unwrap_or(rows.len());
        let last = rows.iter().rposition(timed).unwrap_or(0);
        let (mut latest, mut straight_m, mut place): (i32, f64, Option<LatLon>) = (0, 0.0, None);
        for (at, row) in rows.iter().enumerate() {
            if at < first || at > last {
                let reason = "a stop without a time at the begin or end of a trip cannot be interpolated";
                fault(row, "arrival_time", "", reason);
                continue;
            }
            if self.rows.last().is_some_and(|last| last.sequence == row.sequence) {
                fault(row, "stop_sequence", &row.sequence.to_string(), "the trip has it already");
                continue;
            }
            if timed(row) && row.arrival < latest {
                let reason = "(seconds) it is before the departure from the stop ahead";
                fault(row, "arrival_time", &row.arrival.to_string(), reason);
                continue;
            }
            latest = latest.max(row.departure);
            let point = draft.stops.points[row.stop.stop() as usize];
            if point != NOWHERE {
                straight_m += place.map_or(0.0, |before| before.distance_m(point.degrees()));
                place = Some(point.degrees());
            }
            let time = StopTime { arrival: row.arrival, departure: row.departure };
            self.known.push(Known {
                time: timed(row).then_some(time),
                travelled: (!row.travelled.is_nan()).then_some(row.travelled),
                straight_m,
            });
            self.rows.push(*row);
        }
        // A last row that was skipped may leave blank ones behind it.
        while self.known.last().is_some_and(|k| k.time.is_none()) {
            self.known.pop();
            self.rows.pop();
        }
    }
}
