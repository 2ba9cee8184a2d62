//! Rows of `stop_times.txt` with windows: rides on demand.

use rustc_hash::{FxHashMap, FxHashSet};

use super::draft::Draft;
use super::locations::place;
use super::table::{Fault, Table, fault};
use super::times::parse_time;
use crate::timetable::areas::{AreaPlace, AreaRow, AreaTrip, Stretch};
use crate::timetable::patterns::Boarding;
use crate::timetable::{FeedProblems, NONE};

/// A draft of GTFS-Flex has the offsets of durations at each row, in minutes.
const DRAFT_OFFSET_S: f32 = 60.0;

/// The columns of a row, by what they are.
pub struct Columns {
    pub sequence: usize,
    pub stop: usize,
    pub zone: usize,
    pub group: usize,
    pub arrival: usize,
    pub departure: usize,
    pub pickup: usize,
    pub drop_off: usize,
    pub pickup_rule: usize,
    pub drop_off_rule: usize,
    pub window: [usize; 2],
    /// As a draft of GTFS-Flex spells them.
    pub misspelt: [usize; 2],
    pub mean: [usize; 2],
    pub safe: [usize; 2],
}

/// A row, and where it stands.
struct Row {
    sequence: u32,
    line: u64,
    row: AreaRow,
}

/// Rows with windows of one feed, and those with minutes of the same trips.
#[derive(Default)]
pub struct Windows {
    rows: FxHashMap<u32, Vec<Row>>,
    durations: FxHashMap<u32, [Option<Stretch>; 2]>,
    /// Trips of which a row cannot be used: all of their rides on demand are left out.
    faulty: FxHashSet<u32>,
}

impl Windows {
    /// Whether the present row is of a ride on demand.
    pub fn is_one(table: &Table<'_>, columns: &Columns, draft: &Draft) -> bool {
        let Columns { zone, group, window: [from, until], misspelt: [a, b], stop, .. } = *columns;
        [zone, group, from, until, a, b].iter().any(|column| !table.bytes(*column).is_empty())
            || (!draft.feed.areas.is_empty() && draft.feed.areas.contains_key(table.bytes(stop)))
    }

    /// Whether a trip has rows with windows.
    pub fn has(&self, trip: u32) -> bool {
        self.rows.contains_key(&trip) || self.faulty.contains(&trip)
    }

    /// Reads the present row, of a trip.
    pub fn read(
        &mut self,
        table: &Table<'_>,
        columns: &Columns,
        trip: u32,
        draft: &Draft,
        problems: &mut FeedProblems,
    ) {
        match row(table, columns, draft) {
            Ok(row) => {
                self.rows.entry(trip).or_default().push(row);
                let durations = self.durations.entry(trip).or_default();
                for (held, columns) in durations.iter_mut().zip([columns.mean, columns.safe]) {
                    *held = held.or_else(|| stretch(table, columns, DRAFT_OFFSET_S));
                }
            }
            Err(fault) => {
                self.faulty.insert(trip);
                table.read::<()>(problems, Err(fault.and("; the rides on demand of the trip are left out")));
            }
        }
    }

    /// Adds a stop with minutes of a trip.
    pub fn add_timed(&mut self, trip: u32, sequence: u32, row: AreaRow) {
        if let Some(rows) = self.rows.get_mut(&trip) {
            rows.push(Row { sequence, line: 0, row });
        }
    }

    /// Adds the trips to the draft.
    pub fn finish(self, file: &str, draft: &mut Draft, problems: &mut FeedProblems) {
        let Windows { rows, mut durations, faulty } = self;
        let mut all: Vec<(u32, Vec<Row>)> = rows.into_iter().collect();
        all.sort_unstable_by_key(|(trip, _)| *trip);
        for (number, mut rows) in all {
            if faulty.contains(&number) || draft.feed.unbookable.contains(&number) {
                continue;
            }
            rows.sort_by_key(|row| row.sequence);
            let trip = draft.feed.trip_list[number as usize];
            if let Some((line, field, value, reason)) = unusable(&rows) {
                let reason = format!("{reason}; the rides on demand of the trip are left out");
                let value = if value.is_empty() { draft.trip_ids.get(trip.id).to_owned() } else { value };
                problems.add(file, line, field, &value, reason);
                continue;
            }
            let own = draft.feed.durations.get(&number).copied().unwrap_or_default();
            let [mean, safe] = durations.remove(&number).unwrap_or_default();
            draft.areas.trips.push(AreaTrip {
                id: draft.trip_ids.get(trip.id).to_owned(),
                route: trip.route,
                service: trip.service,
                mean: own[0].or(mean).unwrap_or(Stretch::DRIVE),
                safe: own[1].or(safe).unwrap_or(Stretch::LONGEST),
                wheelchair: trip.wheelchair,
                rows: rows.into_iter().map(|row| row.row).collect(),
            });
        }
    }
}

/// Why rows make no trip: line, field, value (else the trip), reason.
fn unusable(rows: &[Row]) -> Option<(u64, &'static str, String, &'static str)> {
    let line = |rows: &[Row]| rows.iter().map(|row| row.line).find(|line| *line > 0).unwrap_or(0);
    if let [only] = rows {
        let reason = match only.row.place {
            AreaPlace::Stop(_) => {
                "it is the only row of the trip: a ride needs one to get on and a later one to get off"
            }
            _ => {
                "it is the only row of the trip: a ride within one zone or group needs two, with the same id"
            }
        };
        return Some((only.line, "trip_id", String::new(), reason));
    }
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].sequence == pair[1].sequence) {
        let reason = "the trip has it already";
        return Some((pair[0].line.max(pair[1].line), "stop_sequence", pair[0].sequence.to_string(), reason));
    }
    for (number, b) in rows.iter().enumerate() {
        let like = rows[..number].iter().filter(|a| is_like(&a.row, &b.row));
        let like: Vec<&Row> = like.collect();
        // Two rows that are alike are how a ride within one zone is written.
        let is_pair =
            matches!(like.as_slice(), [a] if (a.row.start_s, a.row.end_s) == (b.row.start_s, b.row.end_s));
        if !like.is_empty() && !is_pair {
            let reason = "the window overlaps that of another row of the trip with the same place and type: make it one window, or set pickup_type or drop_off_type to 1 where it is not served";
            let clock = |s: i32| format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60);
            return Some((b.line, "start_pickup_drop_off_window", clock(b.row.start_s), reason));
        }
    }
    let is_ride = |(number, on): (usize, &Row)| {
        let later = &rows[number + 1..];
        on.row.can_board()
            && later.iter().any(|off| off.row.can_alight() && !(on.row.is_timed && off.row.is_timed))
    };
    if !rows.iter().enumerate().any(is_ride) {
        let reason = "no row to get on is followed by one to get off (pickup_type, drop_off_type 1)";
        return Some((line(rows), "trip_id", String::new(), reason));
    }
    None
}

/// Whether two rows are of the same place and type, at the same time.
fn is_like(a: &AreaRow, b: &AreaRow) -> bool {
    let is_same_type = (a.can_board() && b.can_board() && a.pickup == b.pickup)
        || (a.can_alight() && b.can_alight() && a.drop_off == b.drop_off);
    !a.is_timed
        && !b.is_timed
        && a.place == b.place
        && is_same_type
        && a.start_s < b.end_s
        && b.start_s < a.end_s
}

fn row(table: &Table<'_>, columns: &Columns, draft: &Draft) -> Result<Row, Fault> {
    let is_given = |column: &usize| !table.bytes(*column).is_empty();
    if let Some(column) = columns.misspelt.iter().find(|column| is_given(column)) {
        let right = if *column == columns.misspelt[0] { "start" } else { "end" };
        return Err(fault(
            *column,
            format!("there is no such column; did you mean `{right}_pickup_drop_off_window`?"),
        ));
    }
    let place = place(table, [columns.stop, columns.zone, columns.group], draft)?;
    let sequence = table.number(columns.sequence);
    let sequence = sequence.ok_or_else(|| fault(columns.sequence, "it is not a whole number"))?;
    if let Some(column) = [columns.arrival, columns.departure].iter().find(|column| is_given(column)) {
        return Err(fault(*column, "a row has a window or a time, not both: leave out one of them"));
    }
    let window = columns.window.map(|column| {
        if !is_given(&column) {
            return Err(fault(column, "it is missing; a row on demand needs begin and end of its window"));
        }
        table.choice(column, parse_time, "it is not a time HH:MM:SS within a week")
    });
    let [start_s, end_s] = window;
    let (start_s, end_s) = (start_s?, end_s?);
    if end_s < start_s {
        return Err(fault(columns.window[1], "it is before the begin of the window"));
    }
    let boarding = |column: usize, refused: &[Boarding], name: &str| {
        let reason = || {
            fault(
                column,
                format!("with a window {name}: set 2 where it must be booked, 1 where it is not possible"),
            )
        };
        match table.bytes(column) {
            // Nothing runs by itself in a window.
            b"" => Ok(Boarding::Book),
            text => Boarding::parse(text).filter(|kind| !refused.contains(kind)).ok_or_else(reason),
        }
    };
    let pickup =
        boarding(columns.pickup, &[Boarding::Scheduled, Boarding::AskDriver], "pickup_type is 1 or 2")?;
    let drop_off = boarding(columns.drop_off, &[Boarding::Scheduled], "drop_off_type is 1, 2 or 3")?;
    let rule = |column: usize| {
        if !is_given(&column) {
            return Ok(NONE);
        }
        let known = draft.feed.booking_rules.get(table.bytes(column)).copied();
        known.ok_or_else(|| fault(column, "booking_rules.txt has no such rule that can be used"))
    };
    Ok(Row {
        sequence,
        line: table.line(),
        row: AreaRow {
            place,
            start_s,
            end_s,
            pickup,
            drop_off,
            pickup_rule: rule(columns.pickup_rule)?,
            drop_off_rule: rule(columns.drop_off_rule)?,
            is_timed: false,
        },
    })
}

/// Factor and offset, which is in units of `offset_s` seconds; `None`: neither is given, or they are not above 0.
pub fn stretch(table: &Table<'_>, [factor, offset]: [usize; 2], offset_s: f32) -> Option<Stretch> {
    let number =
        |column: usize| table.number::<f32>(column).filter(|number| number.is_finite() && *number >= 0.0);
    let (factor, offset) = (number(factor), number(offset));
    (factor.is_some() || offset.is_some())
        .then(|| Stretch { factor: factor.unwrap_or(1.0), offset_s: offset.unwrap_or(0.0) * offset_s })
}
