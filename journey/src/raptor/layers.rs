//! The layers of a search: the timetable on several days, and the overlay's changes.

use crate::bits;
use crate::overlay::{ChangedDay, Overlay};
use crate::raptor::Query;
use crate::timetable::day_trips::DayTrips;
use crate::timetable::in_seat::InSeat;
use crate::timetable::patterns::{PatternTrip, Patterns};
use crate::timetable::services::Day;
use crate::timetable::{Access, Timetable, TripIx, ZoneIx};

/// Days that a workspace caches: a search looks at three or four of each zone, and two dates may alternate.
const CACHED_DAYS: usize = 24;

/// The trips of the days that were searched last.
#[derive(Debug, Default)]
pub struct DayCache {
    days: Vec<((Day, ZoneIx, Access), DayTrips)>,
}

impl DayCache {
    /// Makes sure that all days of `query` are there.
    pub fn prepare(&mut self, timetable: &Timetable, overlay: Option<&Overlay>, query: &Query<'_>) {
        if self.days.len() > CACHED_DAYS * timetable.zones.len() {
            self.days.clear();
        }
        for (day, zone) in zoned_days(timetable, overlay, query) {
            if self.get(day, zone, query.access).is_none() {
                let services: Vec<bool> = timetable.services.iter().map(|s| s.runs_on(day)).collect();
                let trips = DayTrips::new(&timetable.patterns, |trip| {
                    let trip = &timetable.trips[trip];
                    services[trip.service as usize]
                        && (timetable.zones.len() == 1 || timetable.routes[trip.route as usize].zone == zone)
                        && query.access.permits_trip(trip)
                });
                self.days.push(((day, zone, query.access), trips));
            }
        }
    }

    /// The trips of a prepared day whose times are in a zone.
    fn get(&self, day: Day, zone: ZoneIx, access: Access) -> Option<&DayTrips> {
        self.days.iter().find(|(key, _)| *key == (day, zone, access)).map(|(_, trips)| trips)
    }
}

/// The days of a query, of each zone.
fn zoned_days(
    timetable: &Timetable,
    overlay: Option<&Overlay>,
    query: &Query<'_>,
) -> impl Iterator<Item = (Day, ZoneIx)> + use<> {
    let zones = 0..timetable.zones.len() as ZoneIx;
    query.days(timetable, overlay).flat_map(move |day| zones.clone().map(move |zone| (day, zone)))
}

/// Patterns with the days on which they are searched.
pub struct Network<'a> {
    pub patterns: &'a Patterns,
    pub layers: Vec<Layer<'a>>,
    /// What real time has changed on the one day of this network; `None`: it is the timetable.
    pub changed: Option<&'a ChangedDay>,
}

impl Network<'_> {
    /// Which run one of this network is: the timetable's, or one of the overlay's own.
    pub fn trip(&self, own: u32) -> TripIx {
        self.changed.and_then(|day| day.trip(own)).unwrap_or(own)
    }

    /// A trip of the timetable by its number in this network.
    pub fn own(&self, trip: TripIx) -> Option<u32> {
        self.changed.map_or(Some(trip), |day| day.own(trip))
    }

    /// The trip that a run of this network is, if it continues as another (`back`: if another continues as it): only those
    /// with the timetable's stops do.
    pub fn goes_on(&self, in_seat: &InSeat, own: u32, back: bool) -> Option<TripIx> {
        let trip = self.trip(own);
        (self.own(trip).is_some() && in_seat.any(trip, back)).then_some(trip)
    }
}

/// Patterns on one day, by the clock of one zone.
pub struct Layer<'a> {
    pub day: Day,
    zone: ZoneIx,
    /// Begin of this day, seconds after the begin of the day that was asked for.
    pub shift: i32,
    pub trips: &'a DayTrips,
    /// Trips that real time has taken out.
    pub removed: &'a [u64],
}

impl Layer<'_> {
    /// Whether a trip runs, and is to be looked for here.
    pub fn runs(&self, own: usize) -> bool {
        bits::has(&self.trips.running, own) && !bits::has(self.removed, own)
    }

    /// What real time has changed of the timetable in this layer.
    pub fn changes<'o>(&self, overlay: Option<&'o Overlay>) -> Option<&'o ChangedDay> {
        overlay?.of(self.day, self.zone)
    }
}

/// Numbers of a network in a search, and of a layer in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LayerIx {
    pub network: u8,
    pub layer: u8,
}

/// A trip of a network on the day of a layer. Times are seconds after the begin of the day that was asked for.
#[derive(Clone, Copy)]
pub struct DatedTrip<'a> {
    pub network: &'a Network<'a>,
    pub layer: &'a Layer<'a>,
    pub times: PatternTrip<'a>,
}

impl<'a> DatedTrip<'a> {
    /// The trip with that number on the layer `at`.
    pub fn new(networks: &'a [Network<'a>], at: LayerIx, own: u32) -> Self {
        let network = &networks[usize::from(at.network)];
        let layer = &network.layers[usize::from(at.layer)];
        DatedTrip { network, layer, times: network.patterns.trip(own) }
    }

    /// Arrival at the stop at `position`, seconds of the search.
    pub fn arrival(&self, position: usize) -> i32 {
        self.times.arrival(position) + self.layer.shift
    }

    /// Departure from the stop at `position`, seconds of the search.
    pub fn departure(&self, position: usize) -> i32 {
        self.times.departure(position) + self.layer.shift
    }
}

/// Collects the layers to search, the timetable's first, then those of the overlay's days. `nothing` is a mask without
/// any trip.
pub fn networks<'a>(
    timetable: &'a Timetable,
    overlay: Option<&'a Overlay>,
    cache: &'a DayCache,
    nothing: &'a [u64],
    query: &Query<'_>,
) -> Vec<Network<'a>> {
    let begins = timetable.day_begins_at(query.day);
    let shift = |day: Day, zone: ZoneIx| (timetable.day_begins_in(zone, day) - begins) as i32;
    let layers = zoned_days(timetable, overlay, query).filter_map(|(day, zone)| {
        let trips = cache.get(day, zone, query.access).filter(|trips| trips.any)?;
        let changed = overlay.and_then(|overlay| overlay.of(day, zone));
        let removed = changed.map_or(nothing, |day| day.removed(query.as_planned));
        Some(Layer { day, zone, shift: shift(day, zone), trips, removed })
    });
    let mut networks =
        vec![Network { patterns: &timetable.patterns, layers: layers.collect(), changed: None }];
    let days = query.days(timetable, overlay);
    for changed in overlay.into_iter().flat_map(Overlay::days).filter(|d| days.contains(&d.day)) {
        let trips = changed.trips_for(query.access);
        if trips.any {
            let (day, zone) = (changed.day, changed.zone);
            let layer = Layer { day, zone, shift: shift(day, zone), trips, removed: &changed.none };
            networks.push(Network {
                patterns: &changed.patterns,
                layers: vec![layer],
                changed: Some(changed),
            });
        }
    }
    networks
}
