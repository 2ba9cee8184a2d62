//! Stops: stations, and what belongs to none.

use place_search::{Kind, Place};

use super::towns::Towns;
use crate::timetable::shapes::NOWHERE;
use crate::timetable::{NONE, StopIx, Timetable};

/// Stations and stops without one, where vehicles stop.
pub(super) fn of(timetable: &Timetable, towns: &Towns) -> Vec<Place> {
    let stops = &timetable.stops;
    let all = 0..timetable.stop_count() as StopIx;
    let root = |stop: StopIx| match stops.parents[stop as usize] {
        NONE => stop,
        parent => parent,
    };
    let mut roots: Vec<StopIx> = all.filter(|stop| timetable.is_used(*stop)).map(root).collect();
    roots.sort_unstable();
    roots.dedup();
    roots.retain(|stop| stops.points[*stop as usize] != NOWHERE);
    let place = |stop: StopIx| {
        let at = stops.point(stop);
        Place::new(Kind::Stop, stops.ids.get(stop), stops.names.get(stop), towns.of(at, None), at)
    };
    roots.into_iter().map(place).collect()
}
