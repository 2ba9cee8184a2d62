//! `transfers.txt`, and what follows from it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::draft::{Draft, DraftStops, Link, Transfer};
use super::rules::{Rule, Side, Vehicles};
use super::source::Source;
use super::table::{Fault, Ids, Table, fault};
use super::{Options, ReadError};
use crate::rows::Rows;
use crate::timetable::footpaths::Path;
use crate::timetable::pathways::{Way, Ways};
use crate::timetable::{DEFAULT_CHANGE_S, FeedProblems, NO_CHANGE, StopIx};

/// Longest plausible change time, seconds.
const MAX_CHANGE_S: i32 = 86_400;
/// Most platforms of a station between which footpaths are made; their number grows with the square.
const MAX_PLATFORMS: usize = 200;

const HEADER: &str = "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_route_id,to_route_id,from_trip_id,to_trip_id";

/// Reads the rows; to be called before the stop times, which depend on what single trips may do.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let Some(mut table) = Table::open(source, "transfers.txt", 2, HEADER)? else { return Ok(()) };
    let children = draft.stops.children();
    while table.next()? {
        let row = row(&table, draft, &children);
        table.read(problems, row);
    }
    Ok(())
}

fn row(table: &Table<'_>, draft: &mut Draft, children: &Rows<StopIx>) -> Result<(), Fault> {
    let [from_stop, to_stop, kind, time, from_route, to_route, from_trip, to_trip] = table.columns();
    let known = |column: usize, ids: &Ids, what: &str| match table.bytes(column) {
        b"" => Ok(None),
        _ => table.id(column, ids, what).map(Some),
    };
    let route = |column| known(column, &draft.feed.routes, "route");
    let trip = |column| {
        let number = known(column, &draft.feed.trips, "trip")?;
        Ok(number.map(|number| draft.feed.trip_list[number as usize].id))
    };
    let routes = [route(from_route)?, route(to_route)?];
    let trips = [trip(from_trip)?, trip(to_trip)?];
    if let kind @ (b"4" | b"5") = table.bytes(kind) {
        let [Some(from), Some(to)] = trips else {
            let column = if trips[0].is_some() { to_trip } else { from_trip };
            return Err(fault(column, "staying seated is from one trip to another: name both"));
        };
        draft.links.push(Link { from, to, stays: kind == b"4", line: table.line() });
        return Ok(());
    }
    let stop = |column| table.id(column, &draft.feed.stops, "stop");
    let (from, to) = (stop(from_stop)?, stop(to_stop)?);
    let minimum = match table.number::<i32>(time) {
        Some(seconds) if (0..=MAX_CHANGE_S).contains(&seconds) => Some(seconds),
        None if table.bytes(time).is_empty() => None,
        _ => return Err(fault(time, "it is not a number of seconds within a day")),
    };
    let seconds = match table.bytes(kind) {
        b"" | b"0" | b"2" => Some(minimum.unwrap_or_else(|| default_s(&draft.stops, from, to))),
        b"1" => Some(0),
        b"3" => None,
        _ => return Err(fault(kind, "it is none of 0 to 5")),
    };
    let side = |stop, at: usize| Side { stop, vehicles: Vehicles { route: routes[at], trip: trips[at] } };
    let (from, to) = (side(from, 0), side(to, 1));
    if from.vehicles.are_all() && to.vehicles.are_all() {
        let is_estimate = minimum.is_none() && matches!(table.bytes(kind), b"" | b"0" | b"2");
        draft.transfers.push(Transfer { from: from.stop, to: to.stop, seconds, is_estimate });
        return Ok(());
    }
    if from.stops(children).count() * to.stops(children).count() > MAX_PLATFORMS * MAX_PLATFORMS {
        return Err(fault(from_stop, "the stations have too many platforms; the row is left out"));
    }
    draft.rules.add(Rule { from, to, seconds }, children);
    Ok(())
}

/// What a recommended change takes when the feed does not say: the default on the spot, else the
/// walk in an estimated time.
fn default_s(stops: &DraftStops, from: StopIx, to: StopIx) -> i32 {
    if from == to { DEFAULT_CHANGE_S } else { walk_s(stops, from, to) }
}

fn walk_s(stops: &DraftStops, from: StopIx, to: StopIx) -> i32 {
    let [from, to] = [from, to].map(|stop| stops.points[stop as usize].degrees());
    from.walk_s(to).ceil().min(f64::from(MAX_CHANGE_S)) as i32
}

/// Change times by stop, and footpaths between stops.
pub struct Changes {
    pub change_s: Vec<i32>,
    pub paths: Vec<Path>,
    /// The same in a wheelchair.
    pub wheelchair: Vec<Path>,
    /// Between different stops: no change is possible, whatever the walk.
    pub forbidden: Vec<(StopIx, StopIx)>,
}

/// Seconds between two stops; `None`: no change is possible.
type Times = FxHashMap<(StopIx, StopIx), Option<i32>>;

/// Computes all changes. A row about a station holds for all its platforms that no row of their
/// own speaks of. Of several rows about the same two stops the quickest holds, and a forbidding
/// one before all others. Pathways hold before what would be estimated; a time of the feed's own for two platforms holds
/// before them, that of a station where it is longer.
pub fn changes(
    draft: &Draft,
    ways: &mut Ways,
    children: &Rows<StopIx>,
    options: Options,
    problems: &mut FeedProblems,
) -> Changes {
    let stops = &draft.stops;
    let (mut own, mut by_station) = (Times::default(), Times::default());
    let merge = |times: &mut Times, from, to, seconds| {
        // `None` is less than any number: it holds.
        let held = times.entry((from, to)).or_insert(seconds);
        *held = (*held).min(seconds);
    };
    let is_known = |from, to| ways.of(false, from, to).is_some();
    for Transfer { from, to, seconds, is_estimate } in &draft.transfers {
        let is_needless = |from, to| *is_estimate && is_known(from, to);
        if !is_needless(*from, *to) {
            merge(&mut own, *from, *to, *seconds);
        }
        let [froms, tos] = [from, to].map(|stop| children.get(*stop as usize));
        if froms.is_empty() && tos.is_empty() {
            continue;
        }
        let froms = if froms.is_empty() { std::slice::from_ref(from) } else { froms };
        let tos = if tos.is_empty() { std::slice::from_ref(to) } else { tos };
        if froms.len() * tos.len() > MAX_PLATFORMS * MAX_PLATFORMS {
            let reason = "a transfer between stations with too many platforms is left out";
            problems.note(stops.ids.get(*from), reason);
            continue;
        }
        for a in froms {
            let tos = tos.iter().filter(|b| !is_needless(*a, **b));
            tos.for_each(|b| merge(&mut by_station, *a, *b, *seconds));
        }
    }
    for station in (0..children.len()).filter(|_| options.station_changes) {
        let platforms = children.get(station);
        if platforms.len() > MAX_PLATFORMS {
            let reason = format!("it has more than {MAX_PLATFORMS} platforms; no ways are made between them");
            problems.note(stops.ids.get(station as StopIx), reason);
            continue;
        }
        for a in platforms {
            for b in platforms.iter().filter(|b| *b != a && !is_known(*a, **b)) {
                let seconds = walk_s(stops, *a, *b).max(DEFAULT_CHANGE_S);
                by_station.entry((*a, *b)).or_insert(Some(seconds));
            }
        }
    }
    let mut wheelchair = Vec::new();
    let pairs: FxHashSet<(StopIx, StopIx)> = ways.pairs().into_iter().collect();
    for pair in &pairs {
        let is_own = own.contains_key(pair);
        let stated = own.get(pair).copied().or_else(|| by_station.remove(pair));
        if stated == Some(None) {
            own.insert(*pair, None);
            continue;
        }
        let stated_s = stated.flatten().unwrap_or_default();
        let by = |way| path(stops, *pair, way, stated_s);
        wheelchair.extend(ways.of(true, pair.0, pair.1).and_then(by));
        if let Some(path) = ways.of(false, pair.0, pair.1).and_then(by).filter(|_| !is_own) {
            own.insert(*pair, Some(path.seconds));
        }
        ways.limit(*pair, stated_s, is_own);
    }
    for (pair, seconds) in by_station {
        own.entry(pair).or_insert(seconds);
    }
    let mut change_s = vec![DEFAULT_CHANGE_S; stops.points.len()];
    let (mut paths, mut forbidden) = (Vec::new(), Vec::new());
    for ((from, to), seconds) in own {
        let metres = match ways.of(false, from, to) {
            Some(Way::Inside { metres, .. }) => metres,
            _ => 0,
        };
        match seconds {
            _ if from == to => change_s[from as usize] = seconds.unwrap_or(NO_CHANGE),
            Some(seconds) => paths.push(Path { from, to, seconds, metres }),
            None => forbidden.push((from, to)),
        }
    }
    wheelchair.extend(paths.iter().filter(|path| !pairs.contains(&(path.from, path.to))));
    Changes { change_s, paths, wheelchair, forbidden }
}

/// The footpath by pathways, as long as the feed says at least; `None`: there is none.
fn path(stops: &DraftStops, (from, to): (StopIx, StopIx), way: Way, at_least_s: i32) -> Option<Path> {
    let (seconds, metres) = match way {
        Way::Inside { seconds, metres } => (seconds, metres),
        Way::Outside { seconds, .. } => (seconds + walk_s(stops, from, to).max(DEFAULT_CHANGE_S), 0),
        Way::Nowhere => return None,
    };
    Some(Path { from, to, seconds: seconds.max(at_least_s), metres })
}
