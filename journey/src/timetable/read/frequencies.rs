//! `frequencies.txt`.

use rustc_hash::FxHashMap;

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::{Fault, Table, fault};
use super::times::parse_time;
use crate::timetable::FeedProblems;

/// Runs that one feed's frequencies may make: every 30 s round the clock on 300 lines. A headway
/// of a second on every trip of a large feed would fill the memory.
const MAX_RUNS: usize = 1_000_000;

/// First departures of the runs of a trip (number in the feed), seconds. With `exact_times` 0 the
/// vehicles keep a distance, no minute; a search needs minutes, and takes the same ones.
pub type Frequencies = FxHashMap<u32, Vec<i32>>;

/// Reads which trips run again and again.
pub fn read(
    source: &mut Source,
    draft: &Draft,
    problems: &mut FeedProblems,
) -> Result<Frequencies, ReadError> {
    let header = "trip_id,start_time,end_time,headway_secs";
    let mut frequencies = Frequencies::default();
    let Some(mut table) = Table::open(source, "frequencies.txt", 4, header)? else {
        return Ok(frequencies);
    };
    let mut left = MAX_RUNS;
    while table.next()? {
        let runs = runs(&table, draft, &mut left);
        if let Some((trip, runs)) = table.read(problems, runs) {
            frequencies.entry(trip).or_default().extend(runs);
        }
    }
    Ok(frequencies)
}

/// The trip, and when its runs begin; `left` runs may still be made.
fn runs(
    table: &Table<'_>,
    draft: &Draft,
    left: &mut usize,
) -> Result<(u32, impl Iterator<Item = i32> + use<>), Fault> {
    let [trip, start, end, headway] = table.columns();
    let number = table.id(trip, &draft.feed.trips, "trip")?;
    let time = |column| table.choice(column, parse_time, "it is not a time HH:MM:SS");
    let times = time(start)?..time(end)?;
    let Some(seconds) = table.number::<i32>(headway).filter(|s| *s > 0) else {
        return Err(fault(headway, "it is not a number of seconds above 0"));
    };
    let runs = times.step_by(seconds as usize);
    *left = left
        .checked_sub(runs.len())
        .ok_or_else(|| fault(headway, format!("the feed's frequencies make more than {MAX_RUNS} runs")))?;
    Ok((number, runs))
}
