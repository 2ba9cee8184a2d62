//! Where one gets on near the origin, and off near the destination.

use rustc_hash::FxHashMap;

use super::super::places::stops_in;
use super::super::street::snapped;
use super::super::{End, Planning, Which};
use crate::areas::Asked;
use crate::streets::{Link, Mode};
use crate::timetable::areas::RowAt;

/// A place of a row near an end of the journey.
#[derive(Debug, Clone, Copy)]
pub struct Mouth {
    /// Of which trip.
    pub row: RowAt,
    /// The end itself, where its zone holds it; else the nearest of its stops.
    pub at: End,
    /// The walk between it and the end, seconds.
    pub walk_s: i32,
    /// Where the vehicle stops.
    pub link: Link,
}

impl Planning<'_, '_> {
    /// The places to get on (off) near the origin (destination): of each row one.
    pub(super) fn mouths(&self, asked: &Asked<'_>, which: Which) -> Vec<Mouth> {
        let (area, request, feet) = (self.area, self.request, self.feet);
        let areas = asked.areas();
        let (point, tree, door) = match which {
            Which::From => (request.from, &feet.from, End::Origin),
            Which::To => (request.to, &feet.to, End::Destination),
        };
        let is_of_use = |row: &RowAt| {
            let own = areas.row(*row);
            let is_right = if which == Which::From { own.can_board() } else { own.can_alight() };
            let trip = &areas.trips[row.trip as usize];
            let is_chosen = request.chosen.is_none_or(|all| all.iter().any(|one| one.trip_id == trip.id));
            is_right && is_chosen && request.access.permits(trip.wheelchair)
        };
        let mut mouths: Vec<Mouth> = Vec::new();
        if let Some(snapped) = snapped(area, request, Mode::Car, which) {
            let rows = areas.rows_at(point).into_iter().filter(is_of_use);
            mouths.extend(rows.map(|row| Mouth { row, at: door, walk_s: 0, link: snapped.link }));
        }
        let cars = area.stops.of(Mode::Car);
        let mut nearest: FxHashMap<RowAt, Mouth> = FxHashMap::default();
        for (stop, walk_s) in
            stops_in(area, request.foot(), point, request.max_walk_m, |link| tree.seconds(link))
        {
            let Some(link) = cars[stop as usize] else { continue };
            for row in areas.rows_of_stop(stop).iter().copied().filter(is_of_use) {
                let mouth = Mouth { row, at: End::Stop(stop), walk_s, link };
                let held = nearest.entry(row).or_insert(mouth);
                if walk_s < held.walk_s {
                    *held = mouth;
                }
            }
        }
        let mut nearest: Vec<Mouth> = nearest.into_values().collect();
        nearest.sort_unstable_by_key(|mouth| mouth.row);
        mouths.extend(nearest);
        mouths
    }
}
