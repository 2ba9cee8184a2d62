//! `frequencies.txt`.

use rustc_hash::FxHashMap;

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::Table;
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
    const TRIP: usize = 0;
    const START: usize = 1;
    const END: usize = 2;
    const HEADWAY: usize = 3;
    let columns = ["trip_id", "start_time", "end_time", "headway_secs"];
    let mut frequencies = Frequencies::default();
    let Some(mut table) = Table::open(source, "frequencies.txt", columns.len(), columns)? else {
        return Ok(frequencies);
    };
    let mut left = MAX_RUNS;
    while table.next()? {
        let Some(trip) = draft.feed.trips.get(table.bytes(TRIP)) else {
            table.fault(problems, TRIP, "there is no such trip");
            continue;
        };
        let (start, end) = (parse_time(table.bytes(START)), parse_time(table.bytes(END)));
        let (Some(start), Some(end)) = (start, end) else {
            table.fault(problems, if start.is_none() { START } else { END }, "it is not a time HH:MM:SS");
            continue;
        };
        let Some(headway) = table.number::<i32>(HEADWAY).filter(|s| *s > 0) else {
            table.fault(problems, HEADWAY, "it is not a number of seconds above 0");
            continue;
        };
        let runs = (start..end).step_by(headway as usize);
        if runs.len() > left {
            table.fault(problems, HEADWAY, format!("the feed's frequencies make more than {MAX_RUNS} runs"));
            continue;
        }
        left -= runs.len();
        frequencies.entry(*trip).or_default().extend(runs);
    }
    Ok(frequencies)
}
