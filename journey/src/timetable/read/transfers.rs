//! `transfers.txt`, and what follows from it.

use domain::LatLon;
use rustc_hash::FxHashMap;

use super::draft::{Draft, DraftStops, Transfer};
use super::links::Link;
use super::rules::{Rule, Vehicles};
use super::source::Source;
use super::table::Table;
use super::{Options, ReadError};
use crate::timetable::{DEFAULT_CHANGE_S, FeedProblems, NO_CHANGE, NONE, StopIx};

/// Longest plausible change time, seconds.
const MAX_CHANGE_S: i32 = 86_400;
/// Most platforms of a station between which footpaths are made; their number grows with the square.
const MAX_PLATFORMS: usize = 200;

/// Reads the rows; to be called before the stop times, which depend on what single trips may do.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    const FROM: usize = 0;
    const TO: usize = 1;
    const TYPE: usize = 2;
    const TIME: usize = 3;
    const ROUTES: [usize; 2] = [4, 5];
    const TRIPS: [usize; 2] = [6, 7];
    let columns = [
        "from_stop_id",
        "to_stop_id",
        "transfer_type",
        "min_transfer_time",
        "from_route_id",
        "to_route_id",
        "from_trip_id",
        "to_trip_id",
    ];
    let Some(mut table) = Table::open(source, "transfers.txt", 2, columns)? else { return Ok(()) };
    let platforms = platforms_of(&draft.stops);
    'rows: while table.next()? {
        let mut vehicles = [Vehicles::default(); 2];
        for (column, side) in
            ROUTES.into_iter().zip(&mut vehicles).filter(|(c, _)| !table.bytes(*c).is_empty())
        {
            side.route = draft.feed.routes.get(table.bytes(column)).copied();
            if side.route.is_none() {
                table.fault(problems, column, "there is no such route");
                continue 'rows;
            }
        }
        for (column, side) in
            TRIPS.into_iter().zip(&mut vehicles).filter(|(c, _)| !table.bytes(*c).is_empty())
        {
            let trip = draft.feed.trips.get(table.bytes(column));
            side.trip = trip.map(|trip| draft.feed.trip_list[*trip as usize].id);
            if side.trip.is_none() {
                table.fault(problems, column, "there is no such trip");
                continue 'rows;
            }
        }
        if let kind @ (b"4" | b"5") = table.bytes(TYPE) {
            let stays = kind == b"4";
            match (vehicles[0].trip, vehicles[1].trip) {
                (Some(from), Some(to)) => draft.links.push(Link { from, to, stays, line: table.line() }),
                (from, _) => {
                    let column = TRIPS[usize::from(from.is_some())];
                    table.fault(problems, column, "staying seated is from one trip to another: name both");
                }
            }
            continue;
        }
        let stop = |column: usize| draft.feed.stops.get(table.bytes(column)).copied();
        let (Some(from), Some(to)) = (stop(FROM), stop(TO)) else {
            table.fault(problems, if stop(FROM).is_none() { FROM } else { TO }, "there is no such stop");
            continue;
        };
        let minimum = table.bytes(TIME);
        let minimum = match table.number::<i32>(TIME) {
            Some(seconds) if (0..=MAX_CHANGE_S).contains(&seconds) => Some(seconds),
            None if minimum.is_empty() => None,
            _ => {
                table.fault(problems, TIME, "it is not a number of seconds within a day");
                continue;
            }
        };
        let seconds = match table.bytes(TYPE) {
            b"" | b"0" | b"2" => Some(minimum.unwrap_or_else(|| default_s(&draft.stops, from, to))),
            b"1" => Some(0),
            b"3" => None,
            _ => {
                table.fault(problems, TYPE, "it is none of 0 to 5");
                continue;
            }
        };
        if vehicles == [Vehicles::default(); 2] {
            draft.transfers.push(Transfer { from, to, seconds });
            continue;
        }
        let of = |stop: StopIx| platforms.get(&stop).map_or(&[][..], Vec::as_slice);
        if of(from).len() * of(to).len() > MAX_PLATFORMS * MAX_PLATFORMS {
            table.fault(problems, FROM, "the stations have too many platforms; the row is left out");
            continue;
        }
        let rule = Rule { from: (from, vehicles[0]), to: (to, vehicles[1]), seconds };
        draft.rules.add(rule, [of(from), of(to)]);
    }
    Ok(())
}

/// Each stop itself, with its platforms where it is a station.
pub fn platforms_of(stops: &DraftStops) -> FxHashMap<StopIx, Vec<StopIx>> {
    let mut platforms: FxHashMap<StopIx, Vec<StopIx>> =
        (0..stops.points.len() as StopIx).map(|stop| (stop, vec![stop])).collect();
    for (stop, parent) in stops.parents.iter().enumerate().filter(|(_, parent)| **parent != NONE) {
        platforms.entry(*parent).or_default().push(stop as StopIx);
    }
    platforms
}

/// What a recommended change takes when the feed does not say: the default on the spot, else the
/// walk in an estimated time.
fn default_s(stops: &DraftStops, from: StopIx, to: StopIx) -> i32 {
    if from == to { DEFAULT_CHANGE_S } else { walk_s(stops, from, to) }
}

fn walk_s(stops: &DraftStops, from: StopIx, to: StopIx) -> i32 {
    let point = |stop: StopIx| {
        let (lat, lon) = stops.points[stop as usize];
        LatLon { lat: f64::from(lat) / 1e6, lon: f64::from(lon) / 1e6 }
    };
    point(from).walk_s(point(to)).ceil().min(f64::from(MAX_CHANGE_S)) as i32
}

/// Change times by stop, and footpaths between stops.
pub struct Changes {
    pub change_s: Vec<i32>,
    pub paths: Vec<(StopIx, StopIx, i32)>,
    /// Between different stops: no change is possible, whatever the walk.
    pub forbidden: Vec<(StopIx, StopIx)>,
}

/// Computes all changes. A row about a station holds for all its platforms that no row of their
/// own speaks of. Of several rows about the same two stops the quickest holds, and a forbidding
/// one before all others.
pub fn changes(draft: &Draft, options: Options, problems: &mut FeedProblems) -> Changes {
    let stops = &draft.stops;
    let mut children: FxHashMap<StopIx, Vec<StopIx>> = FxHashMap::default();
    for (stop, parent) in stops.parents.iter().enumerate().filter(|(_, parent)| **parent != NONE) {
        children.entry(*parent).or_default().push(stop as StopIx);
    }
    let mut own: FxHashMap<(StopIx, StopIx), Option<i32>> = FxHashMap::default();
    let mut by_station: FxHashMap<(StopIx, StopIx), Option<i32>> = FxHashMap::default();
    for row in &draft.transfers {
        merge(&mut own, row.from, row.to, row.seconds);
        let (from, to) = (children.get(&row.from), children.get(&row.to));
        if from.is_none() && to.is_none() {
            continue;
        }
        let itself = |stop: &StopIx| vec![*stop];
        let (from, to) = (
            from.cloned().unwrap_or_else(|| itself(&row.from)),
            to.cloned().unwrap_or_else(|| itself(&row.to)),
        );
        if from.len() * to.len() > MAX_PLATFORMS * MAX_PLATFORMS {
            problems.add(
                stops.ids.get(row.from),
                0,
                "",
                "",
                "a transfer between stations with too many platforms is left out",
            );
            continue;
        }
        for a in &from {
            for b in &to {
                merge(&mut by_station, *a, *b, row.seconds);
            }
        }
    }
    if options.station_changes {
        for (station, platforms) in &children {
            if platforms.len() > MAX_PLATFORMS {
                let reason =
                    format!("it has more than {MAX_PLATFORMS} platforms; no ways are made between them");
                problems.add(stops.ids.get(*station), 0, "", "", reason);
                continue;
            }
            for a in platforms {
                for b in platforms.iter().filter(|b| *b != a) {
                    let seconds = walk_s(stops, *a, *b).max(DEFAULT_CHANGE_S);
                    by_station.entry((*a, *b)).or_insert(Some(seconds));
                }
            }
        }
    }
    for (pair, seconds) in by_station {
        own.entry(pair).or_insert(seconds);
    }
    let mut change_s = vec![DEFAULT_CHANGE_S; stops.points.len()];
    let (mut paths, mut forbidden) = (Vec::new(), Vec::new());
    for ((from, to), seconds) in own {
        match seconds {
            _ if from == to => change_s[from as usize] = seconds.unwrap_or(NO_CHANGE),
            Some(seconds) => paths.push((from, to, seconds)),
            None => forbidden.push((from, to)),
        }
    }
    Changes { change_s, paths, forbidden }
}

fn merge(
    into: &mut FxHashMap<(StopIx, StopIx), Option<i32>>,
    from: StopIx,
    to: StopIx,
    seconds: Option<i32>,
) {
    // `None` is less than any number: it holds.
    into.entry((from, to)).and_modify(|held| *held = (*held).min(seconds)).or_insert(seconds);
}
