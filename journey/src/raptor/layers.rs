//! The layers of a search: the timetable on several days, and the overlay's changes.

use smallvec::SmallVec;

use super::Query;
use super::days::{DayCache, DayTrips};
use super::search::days_of;
use crate::overlay::{ChangedDay, Overlay};
use crate::timetable::in_seat::InSeat;
use crate::timetable::patterns::Patterns;
use crate::timetable::services::Day;
use crate::timetable::{Timetable, TripIx, ZoneIx};

/// Patterns with the days on which they are searched.
pub struct Network<'a> {
    pub patterns: &'a Patterns,
    pub layers: SmallVec<[Layer<'a>; 4]>,
    /// What real time has changed on the one day of this network; `None`: it is the timetable.
    pub changed: Option<&'a ChangedDay>,
}

impl Network<'_> {
    /// Which run one of this network is: the timetable's, or one of the overlay's own.
    pub fn trip(&self, own: u32) -> TripIx {
        self.changed.and_then(|day| day.trip(own)).unwrap_or(own)
    }

    /// Whether runs of this network continue as other trips: only those with the timetable's stops do.
    pub fn goes_on<const BACK: bool>(&self, in_seat: &InSeat, own: u32) -> Option<TripIx> {
        let trip = self.trip(own);
        let is_timetables = self.changed.is_none_or(|day| day.own(trip).is_some());
        (is_timetables && in_seat.any::<BACK>(trip)).then_some(trip)
    }
}

/// Patterns on one day, by the clock of one zone.
pub struct Layer<'a> {
    pub day: Day,
    pub zone: ZoneIx,
    /// Begin of this day, seconds after the begin of the day that was asked for.
    pub shift: i32,
    pub trips: &'a DayTrips,
    /// Trips that real time has taken out.
    pub removed: &'a [u64],
}

/// The timetable first, then the overlay's days.
pub type Networks<'a> = SmallVec<[Network<'a>; 4]>;

/// Collects the layers to search. `nothing` is a mask without any trip.
pub fn networks<'a>(
    timetable: &'a Timetable,
    overlay: Option<&'a Overlay>,
    cache: &'a DayCache,
    nothing: &'a [u64],
    query: &Query<'_>,
) -> Networks<'a> {
    let begins = timetable.day_begins_at(query.day);
    let shift = |day: Day, zone: ZoneIx| (timetable.day_begins_in(zone, day) - begins) as i32;
    let days = days_of(timetable, overlay, query);
    let zones = 0..timetable.zones.len() as ZoneIx;
    let zoned = days.clone().flat_map(|day| zones.clone().map(move |zone| (day, zone)));
    let layers = zoned.filter_map(|(day, zone)| {
        let trips = cache.get(day, zone, query.wheelchair).filter(|trips| trips.any)?;
        let removed = overlay.and_then(|o| o.removed(day, zone, query.as_planned)).unwrap_or(nothing);
        Some(Layer { day, zone, shift: shift(day, zone), trips, removed })
    });
    let mut networks = Networks::new();
    networks.push(Network { patterns: &timetable.patterns, layers: layers.collect(), changed: None });
    for changed in overlay.into_iter().flat_map(Overlay::days).filter(|d| days.contains(&d.day)) {
        let trips = if query.wheelchair { &changed.accessible } else { &changed.all };
        if trips.any {
            let (day, zone) = (changed.day, changed.zone);
            let layer = Layer { day, zone, shift: shift(day, zone), trips, removed: &changed.none };
            let layers = SmallVec::from_iter([layer]);
            networks.push(Network { patterns: &changed.patterns, layers, changed: Some(changed) });
        }
    }
    networks
}
