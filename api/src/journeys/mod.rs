//! Journeys from A to B: the data they rest on, and the routes that use it.

mod again;
mod alerts;
mod answer;
mod area;
mod bike_parking;
mod booking;
mod breaks;
mod chance;
mod co2;
mod ends;
mod fare;
mod fill;
mod id;
mod leg;
mod lots;
mod metrics;
mod notes;
mod page;
mod place;
mod query;
mod realtime;
mod rejected;
mod rental;
mod rentals;
mod search;
mod steps;
mod stops;
mod taxis;
mod trips;
pub mod vehicles;
mod walk;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use domain::availability::Evidence;
use domain::geo::Bbox;
use domain::live::{LiveMap, Offer, PlaceRef};
use domain::{FeedId, Registry, UtcMicros};
use jiff::civil::Date;
use journey::area::Area;
use journey::booking::Bookings;
use journey::booking::hints;
use journey::overlay::{Overlay, Runs};
use journey::plan::Planner;
use journey::prices;
use journey::timetable::services::date_of;
use parking_lot::{Mutex, RwLock};

use crate::forecasts::Forecasts;
use crate::http::permits::{self, Permits};
use crate::http::problem::Problem;
use crate::http::wire::{Source, Sources, timetable_sources};
use crate::hub::LiveHub;
use crate::rentals::Rentals;
pub use alerts::__path_alerts;
use alerts::Current;
pub(crate) use alerts::alerts;
pub use area::__path_on_demand;
pub(crate) use area::on_demand;
use booking::bookings;
use realtime::Crowding;
pub use realtime::ties_to_nothing;
use rentals::LinkedRentals;

pub use again::__path_journey;
pub(crate) use again::journey;
pub(crate) use chance::ChanceOut;
pub use fill::Filling;
use lots::Lots;
pub use lots::unlinked_sites;
use metrics::{AlertMetrics, TimetableMetrics, TripMetrics};
pub use search::__path_journeys;
pub(crate) use search::journeys;
pub use stops::{__path_departures, __path_stops};
pub(crate) use stops::{departures, stops};
use taxis::Taxis;
pub use trips::__path_trip;
pub(crate) use trips::trip;

/// From how many days before its end on a timetable ends soon.
const ENDS_SOON_DAYS: i32 = 14;

/// Journeys that are planned at the same time: more would only compete for the processor. Also the number of
/// workspaces that are kept.
pub const PLANNED_AT_ONCE: usize = 4;

/// What answers about vacant spaces rest on.
#[derive(Clone)]
pub(crate) struct Inputs {
    pub hub: Arc<LiveHub>,
    pub journeys: Arc<Journeys>,
    pub forecasts: Arc<Forecasts>,
    pub rentals: Arc<Rentals>,
}

impl Inputs {
    /// What is known of an offered place.
    pub fn evidence(&self, live: &LiveMap, offer: &Offer, now: UtcMicros) -> Evidence {
        let filling_per_s = match offer.place {
            PlaceRef::Site(site) => self.journeys.filling_per_s(site),
            PlaceRef::Bay(_) => 0.0,
        };
        Evidence::of(live, offer, filling_per_s, now)
    }
}

/// What journeys rest on. Each part is replaced as a whole; no search waits for it.
#[derive(Default)]
pub struct Journeys {
    loaded: ArcSwapOption<Loaded>,
    filling: RwLock<Filling>,
    trips: TripMetrics,
    alerts: AlertMetrics,
    timetables: TimetableMetrics,
}

/// An area and what depends on it.
pub(crate) struct Loaded {
    pub area: Arc<Area>,
    pub bounds: Option<Bbox>,
    pub lots: ArcSwap<Lots>,
    pub realtime: ArcSwap<Realtime>,
    pub bookings: ArcSwap<Bookings>,
    pub rentals: ArcSwap<LinkedRentals>,
    pub taxis: ArcSwap<Taxis>,
    planners: Mutex<Vec<Planner>>,
    pub permits: Permits,
}

/// Real-time data, replaced as a whole.
#[derive(Default)]
pub(crate) struct Realtime {
    pub overlay: Option<Overlay>,
    /// How full the vehicles of trips are, percent, by trip id.
    pub crowding: Crowding,
    /// The feeds behind it.
    pub feeds: BTreeSet<FeedId>,
    /// Service alerts.
    pub alerts: Current,
}

impl Journeys {
    /// Replaces the area and links the places to it. Slow: some 50 us per place.
    pub fn replace_area(&self, area: Arc<Area>, registry: &Arc<Registry>) {
        warn_of_ties(&area, registry);
        let lots = Lots::new(&area, registry);
        let loaded = Loaded {
            bounds: area.bounds(),
            bookings: ArcSwap::from_pointee(bookings(&area.timetable, registry)),
            taxis: ArcSwap::from_pointee(Taxis::new(registry)),
            area,
            lots: ArcSwap::from_pointee(lots),
            rentals: ArcSwap::default(),
            realtime: ArcSwap::default(),
            planners: Mutex::default(),
            permits: Permits::new(PLANNED_AT_ONCE, permits::PATIENCE, "Too many journeys are being planned."),
        };
        self.loaded.store(Some(Arc::new(loaded)));
    }

    /// Registers the metrics of trips.
    pub(crate) fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        self.trips.register(registry);
        self.alerts.register(registry);
        self.timetables.register(registry);
    }

    /// Counts the days that each timetable has left, as of `now`; returns those that end soon, with their last day.
    pub fn count_days_left(&self, now: UtcMicros) -> Vec<(String, Date)> {
        let Some(area) = self.timetable() else { return Vec::new() };
        let timetable = &area.timetable;
        let today = timetable.day_at(now.0.div_euclid(1_000_000));
        let last_days = timetable.last_days();
        let left = last_days.iter().filter_map(|(feed, last)| {
            Some((timetable.credits.get(usize::from(*feed))?.feed.as_str(), *last - today, *last))
        });
        self.timetables.set(left.clone().map(|(feed, days, _)| (feed, days)));
        left.filter(|(_, days, _)| *days <= ENDS_SOON_DAYS)
            .filter_map(|(feed, _, last)| Some((feed.to_owned(), date_of(last)?)))
            .collect()
    }

    /// The checksum of the area that is loaded.
    pub fn checksum(&self) -> Option<String> {
        self.loaded.load().as_ref().map(|loaded| loaded.area.checksum.clone())
    }

    /// The area that is loaded, for its timetable.
    pub(crate) fn timetable(&self) -> Option<Arc<Area>> {
        Some(self.loaded.load().as_ref()?.area.clone())
    }

    /// Links the places again after an import. Returns how many are linked and how many are not; `None`: they have not
    /// changed.
    pub fn link_places(&self, registry: &Arc<Registry>) -> Option<(usize, usize)> {
        let loaded = self.loaded.load_full()?;
        if Arc::ptr_eq(&loaded.lots.load().registry, registry) {
            return None;
        }
        warn_of_ties(&loaded.area, registry);
        let lots = Lots::new(&loaded.area, registry);
        let counts = lots.counts();
        loaded.bookings.store(Arc::new(bookings(&loaded.area.timetable, registry)));
        loaded.taxis.store(Arc::new(Taxis::new(registry)));
        loaded.lots.store(Arc::new(lots));
        Some(counts)
    }

    /// Ties shared vehicles to the streets that were replaced since.
    pub fn link_rentals(&self, rentals: &Rentals, now: UtcMicros) {
        let (Some(loaded), held) = (self.loaded.load_full(), rentals.systems()) else { return };
        let before = loaded.rentals.load();
        if !before.is_of(&held) {
            loaded.rentals.store(Arc::new(before.updated(&loaded.area, held, now)));
        }
    }

    /// Recomputes the real-time overlay from live state.
    pub fn take_in_realtime(&self, live: &LiveMap, now: UtcMicros) {
        let Some(loaded) = self.loaded.load_full() else { return };
        let timetable = &loaded.area.timetable;
        let updates = realtime::updates(live, timetable, now);
        let seconds = now.0.div_euclid(1_000_000);
        let by_feed = updates.iter().map(|(feed, update)| (*feed, update));
        let overlay = (!updates.is_empty()).then(|| Overlay::of_feeds(timetable, by_feed, seconds));
        self.trips.set(&overlay.as_ref().map(|overlay| overlay.report).unwrap_or_default());
        let runs = Runs { timetable, overlay: overlay.as_ref() };
        let crowding = realtime::crowding(live, runs, now);
        let alerts = loaded.realtime.load().alerts.follow(live, timetable, now);
        self.alerts.set(alerts.alerts());
        let feeds = realtime::feeds(live, now);
        loaded.realtime.store(Arc::new(Realtime { overlay, crowding, feeds, alerts }));
    }

    /// Samples how full places are, to learn how fast they fill: call it several times a minute.
    pub fn sample(&self, live: &LiveMap, now: UtcMicros) {
        self.filling.write().sample(live, now);
    }

    pub(crate) fn loaded(&self) -> Option<Arc<Loaded>> {
        self.loaded.load_full()
    }

    pub(crate) fn filling_per_s(&self, site: domain::SiteId) -> f64 {
        self.filling.read().per_s(site)
    }
}

fn warn_of_ties(area: &Area, registry: &Registry) {
    let ties = realtime::ties_to_nothing(registry, &area.timetable);
    let lines = hints::unmatched(registry.on_demand(), &area.timetable);
    let stops = hints::unserved(registry.on_demand_areas(), &area.timetable);
    let fares = prices::unmatched(registry.fares(), registry.on_demand_areas(), &area.timetable);
    for sentence in ties.into_iter().chain(lines).chain(stops).chain(fares) {
        tracing::warn!("{sentence}");
    }
}

impl Loaded {
    /// The sources of answers about rides: the timetable's feeds, and those of real time.
    pub fn ride_sources<'a>(&'a self, realtime: &Realtime, registry: &'a Registry) -> Vec<Source<'a>> {
        let mut live = Sources::default();
        realtime.feeds.iter().for_each(|feed| live.note(Some(*feed)));
        let mut sources = live.of(registry);
        sources.extend(timetable_sources(&self.area.timetable));
        sources
    }

    /// Runs `work` with a workspace of its own.
    pub fn with_planner<R>(&self, work: impl FnOnce(&mut Planner) -> R) -> R {
        let mut planner = self.planners.lock().pop().unwrap_or_else(|| Planner::new(self.area.clone()));
        let result = work(&mut planner);
        let mut idle = self.planners.lock();
        if idle.len() < PLANNED_AT_ONCE {
            idle.push(planner);
        }
        result
    }
}

/// The problem that no area is loaded.
pub fn nothing_loaded() -> Problem {
    Problem::unavailable("No streets are loaded.")
        .remedy("The operator runs `kreisverkehr journey build --osm FILE.osm.pbf --gtfs FILE.zip` once.")
}
