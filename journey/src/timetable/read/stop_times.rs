//! `stop_times.txt`.

use super::ReadError;
use super::draft::Draft;
use super::frequencies::Frequencies;
use super::interpolate::{Known, fill};
use super::source::Source;
use super::table::Table;
use super::times::parse_time;
use crate::timetable::patterns::{Boarding, MAX_TRIP_STOPS, PatternStop};
use crate::timetable::shapes::NOWHERE;
use crate::timetable::{FeedProblems, NONE};
use domain::LatLon;

const TRIP: usize = 0;
const SEQUENCE: usize = 1;
const STOP: usize = 2;
const ARRIVAL: usize = 3;
const DEPARTURE: usize = 4;
const PICKUP: usize = 5;
const DROP_OFF: usize = 6;
const TRAVELLED: usize = 7;
const HEADSIGN: usize = 8;
/// A place that is no stop: a zone or a group of stops.
const PLACES: [usize; 2] = [9, 10];
/// What only a row without minutes has: its place is a zone or group, or it is served some time in
/// a window. The last two are the names of a draft of GTFS-Flex that feeds still use.
const UNTIMED: [usize; 6] = [9, 10, 11, 12, 13, 14];
const COLUMNS: [&str; 15] = [
    "trip_id",
    "stop_sequence",
    "stop_id",
    "arrival_time",
    "departure_time",
    "pickup_type",
    "drop_off_type",
    "shape_dist_traveled",
    "stop_headsign",
    "location_id",
    "location_group_id",
    "start_pickup_drop_off_window",
    "end_pickup_drop_off_window",
    "start_pickup_dropoff_window",
    "end_pickup_dropoff_window",
];
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
    line: u32,
}

/// Reads the times and groups the trips into patterns.
pub fn read(
    source: &mut Source,
    draft: &mut Draft,
    frequencies: &Frequencies,
    problems: &mut FeedProblems,
) -> Result<(), ReadError> {
    let feed = source.name.clone();
    let Some(mut table) = Table::open(source, "stop_times.txt", 2, COLUMNS)? else {
        return Err(ReadError::Missing { feed, file: "stop_times.txt" });
    };
    if !table.has(STOP) && !PLACES.iter().any(|column| table.has(*column)) {
        return Err(ReadError::Column { file: table.file, column: COLUMNS[STOP] });
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut last: (Box<[u8]>, Option<u32>) = (Box::default(), None);
    while table.next()? {
        if *last.0 != *table.bytes(TRIP) {
            last = (table.bytes(TRIP).into(), draft.feed.trips.get(table.bytes(TRIP)).copied());
        }
        let Some(trip) = last.1 else {
            table.fault(problems, TRIP, "there is no such trip");
            continue;
        };
        rows.extend(row(&table, trip, draft, problems));
        if rows.len() > MAX_STOP_TIMES {
            return Err(ReadError::TooMany { file: table.file, what: "stop times", max: MAX_STOP_TIMES });
        }
    }
    let file = table.file;
    if !rows.is_sorted_by_key(|row| (row.trip, row.sequence)) {
        rows.sort_by_key(|row| (row.trip, row.sequence));
    }
    let mut trips =
        Trips { file: &file, known: Vec::new(), stops: Vec::new(), headsigns: Vec::new(), times: Vec::new() };
    for rows in rows.chunk_by(|a, b| a.trip == b.trip) {
        trips.add(rows, draft, frequencies, problems);
    }
    Ok(())
}

fn row<const N: usize>(
    table: &Table<'_, N>,
    trip: u32,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> Option<Row> {
    if let Some(column) = UNTIMED.into_iter().find(|column| !table.bytes(*column).is_empty()) {
        table.fault(problems, column, "a ride somewhere in an area or some time in a window has no minute to plan with; the row is left out");
        return None;
    }
    let Some(stop) = draft.feed.stops.get(table.bytes(STOP)).copied() else {
        table.fault(problems, STOP, "there is no such stop");
        return None;
    };
    let Some(sequence) = table.number(SEQUENCE) else {
        table.fault(problems, SEQUENCE, "it is not a whole number");
        return None;
    };
    let mut times = [BLANK; 2];
    for column in [ARRIVAL, DEPARTURE] {
        let field = table.bytes(column);
        if !field.is_empty() {
            let Some(time) = parse_time(field) else {
                table.fault(problems, column, "it is not a time HH:MM:SS within a week");
                return None;
            };
            times[column - ARRIVAL] = time;
        }
    }
    // One of the two alone stands for both.
    let [arrival, departure] = [
        if times[0] == BLANK { times[1] } else { times[0] },
        if times[1] == BLANK { times[0] } else { times[1] },
    ];
    if departure < arrival {
        table.fault(problems, DEPARTURE, "it is before the arrival");
        return None;
    }
    let [pickup, drop_off] = [PICKUP, DROP_OFF].map(|column| {
        Boarding::parse(table.bytes(column)).unwrap_or_else(|| {
            table.fault(problems, column, "it is none of 0 to 3; the row is read as 0");
            Boarding::Scheduled
        })
    });
    let headsign = table.bytes(HEADSIGN);
    let headsign = if headsign.is_empty() { NONE } else { draft.headsign(table.text(HEADSIGN)) };
    Some(Row {
        trip,
        sequence,
        stop: PatternStop::new(stop, pickup, drop_off),
        arrival,
        departure,
        travelled: table.number(TRAVELLED).unwrap_or(f32::NAN),
        headsign,
        line: u32::try_from(table.line()).unwrap_or(u32::MAX),
    })
}

/// Puts trips together; its lists are used again from trip to trip.
struct Trips<'a> {
    file: &'a str,
    known: Vec<Known>,
    stops: Vec<PatternStop>,
    headsigns: Vec<u32>,
    times: Vec<(i32, i32)>,
}

impl Trips<'_> {
    fn add(
        &mut self,
        rows: &[Row],
        draft: &mut Draft,
        frequencies: &Frequencies,
        problems: &mut FeedProblems,
    ) {
        let sequences = self.collect(rows, draft, problems);
        let number = rows[0].trip;
        let mut trip = draft.feed.trip_list[number as usize];
        if sequences.len() < 2 || sequences.len() > MAX_TRIP_STOPS {
            let reason =
                format!("the trip has {} usable stops; 2 to {MAX_TRIP_STOPS} are needed", sequences.len());
            problems.add(
                self.file,
                u64::from(rows[0].line),
                COLUMNS[TRIP],
                draft.trip_ids.get(trip.id),
                reason,
            );
            return;
        }
        for stop in &mut self.stops {
            *stop = stop.at(draft.rules.node(stop.stop(), trip.id, trip.route));
        }
        trip.sequence = draft.sequences.number(sequences);
        if self.headsigns.iter().any(|headsign| *headsign != NONE) {
            let own = |headsign: &u32| if *headsign == NONE { trip.headsign } else { *headsign };
            trip.stop_headsigns = draft.stop_headsigns.number(self.headsigns.iter().map(own).collect());
        }
        fill(&self.known, &mut self.times);
        let Some(starts) = frequencies.get(&number) else {
            draft.grouping.add(draft.runs.len() as u32, &self.stops, &self.times);
            draft.runs.push(trip);
            return;
        };
        let first = self.times[0].1;
        for start in starts {
            let shift = start - first;
            let times: Vec<(i32, i32)> = self.times.iter().map(|(a, d)| (a + shift, d + shift)).collect();
            draft.grouping.add(draft.runs.len() as u32, &self.stops, &times);
            draft.runs.push(trip);
        }
    }

    /// Takes over the usable rows of a trip, and gives their sequence numbers.
    fn collect(&mut self, rows: &[Row], draft: &Draft, problems: &mut FeedProblems) -> Vec<u32> {
        self.known.clear();
        self.stops.clear();
        self.headsigns.clear();
        let mut sequences = Vec::with_capacity(rows.len());
        let mut fault = |row: &Row, column: usize, value: &str, reason: &str| {
            problems.add(self.file, u64::from(row.line), COLUMNS[column], value, reason);
        };
        let timed = |row: &Row| row.arrival != BLANK;
        let first = rows.iter().position(timed).unwrap_or(rows.len());
        let last = rows.iter().rposition(timed).unwrap_or(0);
        let (mut latest, mut straight_m, mut place): (i32, f64, Option<LatLon>) = (0, 0.0, None);
        for (at, row) in rows.iter().enumerate() {
            if at < first || at > last {
                fault(
                    row,
                    ARRIVAL,
                    "",
                    "a stop without a time at the begin or end of a trip cannot be interpolated",
                );
                continue;
            }
            if sequences.last() == Some(&row.sequence) {
                fault(row, SEQUENCE, &row.sequence.to_string(), "the trip has it already");
                continue;
            }
            if timed(row) && row.arrival < latest {
                fault(
                    row,
                    ARRIVAL,
                    &row.arrival.to_string(),
                    "(seconds) it is before the departure from the stop ahead",
                );
                continue;
            }
            latest = latest.max(row.departure);
            let (lat, lon) = draft.stops.points[row.stop.stop() as usize];
            let here = LatLon { lat: f64::from(lat) / 1e6, lon: f64::from(lon) / 1e6 };
            if (lat, lon) != NOWHERE {
                straight_m += place.map_or(0.0, |before| before.distance_m(here));
                place = Some(here);
            }
            self.known.push(Known {
                times: timed(row).then_some((row.arrival, row.departure)),
                travelled: (!row.travelled.is_nan()).then_some(row.travelled),
                straight_m,
            });
            self.stops.push(row.stop);
            self.headsigns.push(row.headsign);
            sequences.push(row.sequence);
        }
        // A last row that was skipped may leave blank ones behind it.
        while self.known.last().is_some_and(|k| k.times.is_none()) {
            self.known.pop();
            self.stops.pop();
            self.headsigns.pop();
            sequences.pop();
        }
        sequences
    }
}
