//! The timetable: several GTFS feeds as immutable flat arrays.

pub mod areas;
pub mod booking;
pub(crate) mod day_trips;
pub(crate) mod footpaths;
pub(crate) mod grouping;
pub(crate) mod in_seat;
pub(crate) mod pathways;
pub(crate) mod patterns;
mod problem;
pub mod read;
pub mod services;
pub(crate) mod shapes;
pub mod starts;
pub(crate) mod variants;
mod zones;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use fares::GtfsFares;
use serde::{Deserialize, Serialize};

use self::areas::Areas;
use self::booking::{BookingRule, StopBooking};
use self::footpaths::Footpaths;
use self::in_seat::InSeat;
use self::pathways::Ways;
use self::patterns::{Passing, Patterns};
use self::services::{Day, Service};
use self::shapes::{PointE6, Shapes};
use self::starts::Starts;

use self::variants::Variants;
use crate::strings::{Strings, find};
use domain::LatLon;
use domain::geo::shape::Shape;

pub use self::patterns::Boarding;
pub use self::problem::{FeedProblem, FeedProblems};
pub use self::read::{Options, ReadError, read};
pub use self::zones::ZoneIx;

/// Number of a stop.
pub type StopIx = u32;
/// Number of a trip in the timetable's patterns.
pub type TripIx = u32;

/// Number of a GTFS file: index into [`Timetable::credits`].
pub type FeedIx = u16;

/// A file that is not in the timetable.
pub const NO_FEED: FeedIx = u16::MAX;

/// No stop, no route.
pub const NONE: u32 = u32::MAX;

/// Default change time at a stop, seconds.
pub const DEFAULT_CHANGE_S: i32 = 120;

/// Change time of a stop without changes (`transfer_type` 3 from the stop to itself), seconds: above any horizon of a
/// search.
pub const NO_CHANGE: i32 = i32::MAX / 4;

/// Whether wheelchairs, or bicycles, may be taken to a stop or on a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Permission {
    /// The feed does not say.
    #[default]
    Unknown,
    /// They may.
    Possible,
    /// They may not.
    Impossible,
}

/// Who travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Anybody on foot.
    #[default]
    Foot,
    /// Someone in a wheelchair, on trips that take wheelchairs, or of which that is not known.
    WheelchairOrUnknown,
    /// Someone in a wheelchair, on trips that are known to take wheelchairs.
    Wheelchair,
    /// Someone on foot with a bicycle, on trips that are known to take bicycles.
    WithBike,
}

impl Access {
    /// Whether it is someone in a wheelchair.
    pub fn is_wheelchair(self) -> bool {
        matches!(self, Access::Wheelchair | Access::WheelchairOrUnknown)
    }

    /// Whether a vehicle may be used, by what is known of wheelchairs in it.
    pub(crate) fn permits(self, wheelchair: Permission) -> bool {
        match self {
            Access::Foot | Access::WithBike => true,
            Access::WheelchairOrUnknown => wheelchair != Permission::Impossible,
            Access::Wheelchair => wheelchair == Permission::Possible,
        }
    }

    /// Whether a trip may be used.
    pub(crate) fn permits_trip(self, trip: &Trip) -> bool {
        self.permits(trip.wheelchair) && (self != Access::WithBike || trip.bikes == Permission::Possible)
    }
}

/// Stops, stations and entrances; parallel arrays by [`StopIx`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Stops {
    /// Ids as in their feed, with `feed:` before where two feeds use the same.
    pub ids: Strings,
    /// Names for riders.
    pub names: Strings,
    /// Platform codes; mostly empty.
    pub platforms: Strings,
    /// Positions.
    pub points: Vec<PointE6>,
    /// The station a platform belongs to, else [`NONE`].
    pub parents: Vec<StopIx>,
    /// Whether wheelchairs can board there.
    pub wheelchair: Vec<Permission>,
    /// Order of the ids, for finding.
    pub(crate) by_id: Vec<u32>,
}

impl Permission {
    /// `None`: the feed does not say.
    pub fn known(self) -> Option<bool> {
        (self != Permission::Unknown).then_some(self == Permission::Possible)
    }
}

impl Stops {
    /// Where a stop is.
    pub fn point(&self, stop: StopIx) -> LatLon {
        self.points[stop as usize].degrees()
    }
}

/// Who runs it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Agency {
    /// Id in its feed.
    pub id: String,
    /// Name for riders.
    pub name: String,
    /// Its web site.
    pub url: String,
}

/// Attribution of a feed: GTFS's `feed_info.txt`, else `attributions.txt`, else the agencies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Credit {
    /// The feed's file name without its ending.
    pub feed: String,
    /// Whom to name.
    pub attribution: Option<String>,
    /// GTFS has no field for it: it may be given when the area is built.
    pub licence: Option<String>,
}

/// GTFS's extended `route_type` of self-drive vehicles, as which offers of shared cars are published (a practice of Amarillo,
/// the exchange of German carpools).
const CARPOOL: u16 = 1551;

/// A line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Route {
    /// Id in its feed.
    pub id: String,
    /// Name on the vehicle; may be empty.
    pub short_name: String,
    /// Name in full; may be empty.
    pub long_name: String,
    /// GTFS's `route_type`, basic or extended.
    pub kind: u16,
    /// Web page about it; may be empty.
    pub url: String,
    /// RRGGBB.
    pub color: Option<u32>,
    /// Colour of text on it, RRGGBB.
    pub text_color: Option<u32>,
    /// Index into [`Timetable::agencies`], else [`NONE`].
    pub agency: u32,
    /// Which file it is of.
    pub feed: FeedIx,
    /// Its agency's.
    pub zone: ZoneIx,
}

impl Route {
    /// Whether it is the drive of somebody who takes others along.
    pub fn is_carpool(&self) -> bool {
        self.kind == CARPOOL
    }
}

/// Data of a trip that searches do not need.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Trip {
    /// Text number in [`Timetable::trip_ids`]; runs of one trip with a frequency share it.
    pub id: u32,
    /// Index into [`Timetable::routes`].
    pub route: u32,
    /// Index into [`Timetable::services`].
    pub service: u32,
    /// Text number in [`Timetable::headsigns`].
    pub headsign: u32,
    /// Number in [`Timetable::stop_headsigns`], else [`NONE`].
    pub stop_headsigns: u32,
    /// Number in [`Timetable::stop_bookings`], else [`NONE`].
    pub bookings: u32,
    /// Number in [`Timetable::shapes`], else none.
    pub shape: u32,
    /// Number in [`Timetable::sequences`].
    pub sequence: u32,
    /// GTFS's `direction_id`, 0 or 1.
    pub direction: Option<u8>,
    /// Name for riders, e.g. the number of a train: text number in [`Timetable::headsigns`]; may be empty.
    pub short_name: u32,
    /// Whether wheelchairs can board.
    pub wheelchair: Permission,
    /// Whether bicycles are taken along.
    pub bikes: Permission,
}

/// Several feeds in one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timetable {
    /// Zones that times are in (IANA names); the first is that of the timetable as a whole.
    pub zones: Vec<String>,
    /// Agencies of all feeds.
    pub agencies: Vec<Agency>,
    /// One for each feed.
    pub credits: Vec<Credit>,
    /// Lines of all feeds.
    pub routes: Vec<Route>,
    /// The days on which trips run.
    pub services: Vec<Service>,
    /// Stops, stations and entrances.
    pub stops: Stops,
    /// How long changing at one node (see `variants`) takes, seconds.
    pub change_s: Vec<i32>,
    /// Footpaths between stops; may be replaced by footpaths over streets.
    pub footpaths: Footpaths,
    /// The same for wheelchair users, over streets and pathways that they can use; `None`: without either those for
    /// pedestrians are used.
    pub wheelchair_footpaths: Option<Footpaths>,
    /// What pathways say, until the footpaths over streets are made.
    #[serde(skip)]
    pub(crate) ways: Ways,
    /// Pairs of stops between which the feed says that one may not change (`transfer_type` 3), sorted.
    pub no_changes: Vec<(StopIx, StopIx)>,
    /// Where changes hold for single lines and trips: the stops in `patterns`, `change_s` and the
    /// footpaths are nodes of it, stops and variants of stops.
    pub variants: Variants,
    /// Which trips riders stay seated into.
    pub in_seat: InSeat,
    /// Stops and times of the trips.
    pub patterns: Patterns,
    /// By [`TripIx`], in the order of `patterns`.
    pub trips: Vec<Trip>,
    /// Ids of trips.
    pub trip_ids: Strings,
    /// Headsigns and short names of trips, each once.
    pub headsigns: Strings,
    /// Headsigns (text numbers) of the stops of trips that change theirs on the way, each list once.
    pub stop_headsigns: Vec<Box<[u32]>>,
    /// How rides that run on request are booked.
    pub booking_rules: Vec<BookingRule>,
    /// Rules at the stops of trips that have some, each list once.
    pub stop_bookings: Vec<Box<[StopBooking]>>,
    /// What runs on demand.
    pub areas: Areas,
    /// What rides cost, as the feeds have it.
    pub fares: GtfsFares,
    /// Courses of vehicles.
    pub shapes: Shapes,
    /// `stop_sequence` of the stops of trips, each list once.
    pub sequences: Vec<Box<[u32]>>,
    /// Trip numbers in the order of their ids.
    pub(crate) trips_by_id: Vec<TripIx>,
    /// Latest time of any trip, seconds after its day began: how far back a search must look.
    pub last_time_s: i32,
    /// Made when it is first used.
    #[serde(skip)]
    pub(crate) starts: OnceLock<Starts>,
}

impl Timetable {
    /// A timetable without any trip.
    pub fn empty() -> Self {
        read::nothing()
    }

    /// Footpaths between stops, for pedestrians or wheelchair users.
    pub fn footpaths_for(&self, wheelchair: bool) -> &Footpaths {
        self.wheelchair_footpaths.as_ref().filter(|_| wheelchair).unwrap_or(&self.footpaths)
    }

    /// The stop with this id.
    pub fn stop(&self, id: &str) -> Option<StopIx> {
        find(&self.stops.by_id, |stop| self.stops.ids.get(stop), id).first().copied()
    }

    /// Which patterns pass a stop, and where; whichever lines have changes of their own there.
    pub fn passing(&self, stop: StopIx) -> impl Iterator<Item = &Passing> + '_ {
        self.variants.nodes_of(stop).flat_map(|node| self.patterns.passing(node))
    }

    /// Whether vehicles stop there.
    pub(crate) fn is_served(&self, stop: StopIx) -> bool {
        self.passing(stop).next().is_some()
    }

    /// Whether all that runs on demand refers to what there is.
    pub(crate) fn has_sound_areas(&self) -> bool {
        let (stops, routes) = (self.stop_count(), self.routes.len());
        self.areas.is_sound(stops, routes, self.services.len(), self.booking_rules.len())
    }

    /// Whether vehicles stop there, by minutes or on demand.
    pub(crate) fn is_used(&self, stop: StopIx) -> bool {
        self.is_served(stop) || self.areas.serves(stop)
    }

    /// How many stops.
    pub fn stop_count(&self) -> usize {
        self.stops.points.len()
    }

    /// The stops in a shape.
    pub(crate) fn stops_within(&self, shape: &Shape) -> Vec<StopIx> {
        areas::within(shape, &self.stops.points)
    }

    /// The stop itself, and the platforms of a station.
    pub fn platforms(&self, stop: StopIx) -> impl Iterator<Item = StopIx> + '_ {
        let children = self.stops.parents.iter().enumerate().filter(move |(_, p)| **p == stop);
        std::iter::once(stop).chain(children.map(|(at, _)| at as StopIx))
    }

    /// Whether a stop is `station`, or one of its platforms.
    pub fn is_platform_of(&self, stop: StopIx, station: Option<StopIx>) -> bool {
        station.is_some_and(|station| station == stop || self.stops.parents[stop as usize] == station)
    }

    /// The file of this name, with its ending or without.
    pub fn feed(&self, name: &str) -> Option<FeedIx> {
        let stem = name.strip_suffix(".zip").unwrap_or(name);
        let at = self.credits.iter().position(|credit| credit.feed == stem || credit.feed == name)?;
        Some(at as FeedIx)
    }

    /// Whether a trip is of a file; `None`: of whichever.
    pub fn is_of(&self, trip: TripIx, feed: Option<FeedIx>) -> bool {
        feed.is_none_or(|feed| self.route(trip).is_some_and(|route| route.feed == feed))
    }

    /// The trips with this id in a file; without a file those of [`Timetable::trips`].
    pub fn trips_of(&self, id: &str, feed: Option<FeedIx>) -> &[TripIx] {
        let own = self.trips(id);
        let Some(feed) = feed else { return own };
        if own.first().is_some_and(|trip| self.is_of(*trip, Some(feed))) {
            return own;
        }
        let name = self.credits.get(usize::from(feed)).map_or("", |credit| &credit.feed);
        // With several files an id that more than one has carries its file's name before it.
        let trips = self.trips(&format!("{name}:{id}"));
        if trips.first().is_some_and(|trip| self.is_of(*trip, Some(feed))) { trips } else { &[] }
    }

    /// The stop with this id in a file; without a file that of [`Timetable::stop`].
    pub fn stop_of(&self, id: &str, feed: Option<FeedIx>) -> Option<StopIx> {
        let name = feed.and_then(|feed| self.credits.get(usize::from(feed)));
        let own = name.and_then(|credit| self.stop(&format!("{}:{id}", credit.feed)));
        own.or_else(|| self.stop(id))
    }

    /// The trips with this id: several for a trip with a frequency.
    pub fn trips(&self, id: &str) -> &[TripIx] {
        find(&self.trips_by_id, |trip| self.trip_ids.get(self.trips[trip as usize].id), id)
    }

    /// The id of a trip as its feed has it.
    pub fn trip_id(&self, trip: TripIx) -> &str {
        self.trips.get(trip as usize).map_or("", |t| self.trip_ids.get(t.id))
    }

    /// Name of a trip for riders; may be empty.
    pub fn trip_short_name(&self, trip: TripIx) -> &str {
        self.trips.get(trip as usize).map_or("", |t| self.headsigns.get(t.short_name))
    }

    /// Headsign of a trip; may be empty.
    pub fn headsign(&self, trip: TripIx) -> &str {
        self.trips.get(trip as usize).map_or("", |t| self.headsigns.get(t.headsign))
    }

    /// Headsign of a trip when it leaves the stop at `position`; may be empty.
    pub fn headsign_at(&self, trip: TripIx, position: usize) -> &str {
        let list = self.trips.get(trip as usize).map_or(NONE, |t| t.stop_headsigns);
        let own = self.stop_headsigns.get(list as usize).and_then(|list| list.get(position));
        own.map_or_else(|| self.headsign(trip), |text| self.headsigns.get(*text))
    }

    /// The line of a trip.
    pub fn route(&self, trip: TripIx) -> Option<&Route> {
        self.routes.get(self.trips.get(trip as usize)?.route as usize)
    }

    /// Scheduled departure of a trip from its first stop, seconds after its day began.
    pub fn first_departure(&self, trip: TripIx) -> i32 {
        self.patterns.trip(trip).departure(0)
    }

    /// Trips by line and start.
    fn starts(&self) -> &Starts {
        self.starts.get_or_init(|| Starts::new(self))
    }

    /// Whether a trip runs on a day by the timetable.
    pub fn runs_on(&self, trip: TripIx, day: Day) -> bool {
        let service = self.trips.get(trip as usize).and_then(|t| self.services.get(t.service as usize));
        service.is_some_and(|s| s.runs_on(day))
    }

    /// The service day of the run of a trip that is under way at `now` (seconds since 1970), or else
    /// nearest to it: after midnight often the day before.
    pub fn nearest_day(&self, trip: TripIx, now: i64) -> Option<Day> {
        let zone = self.zone_of(trip);
        let today = self.day_in(zone, now);
        let times = self.patterns.trip(trip);
        let (first, last) = (times.departure(0), times.arrival(times.last()));
        let away_s = |day: &Day| {
            let since_begin = now - self.day_begins_in(zone, *day);
            let away_s = (i64::from(first) - since_begin).max(since_begin - i64::from(last)).max(0);
            (away_s, (day - today).abs())
        };
        // A trip may last for days.
        let days = today - 1 - last.div_euclid(86_400)..=today + 1;
        days.filter(|day| self.runs_on(trip, *day)).min_by_key(away_s)
    }

    /// First and last day with service; `None` when nothing ever runs.
    pub fn span(&self) -> Option<(Day, Day)> {
        services::span_of(&self.services)
    }

    /// The last day on which anything of each file runs; without the files of which nothing ever does.
    pub fn last_days(&self) -> BTreeMap<FeedIx, Day> {
        let timed = self.trips.iter().map(|trip| (trip.route, trip.service));
        let on_demand = self.areas.trips.iter().map(|trip| (trip.route, trip.service));
        let used: BTreeSet<(u32, u32)> = timed.chain(on_demand).collect();
        let mut last = BTreeMap::new();
        for (route, service) in used {
            let feed = self.routes.get(route as usize).map(|route| route.feed);
            let span = self.services.get(service as usize).and_then(Service::span);
            if let Some((feed, (_, until))) = feed.zip(span) {
                last.entry(feed).and_modify(|day: &mut Day| *day = (*day).max(until)).or_insert(until);
            }
        }
        last
    }

    /// The course of a trip between two of its stops, by their positions.
    pub fn geometry(&self, trip: TripIx, from: usize, to: usize) -> Vec<PointE6> {
        let Some(meta) = self.trips.get(trip as usize) else { return Vec::new() };
        let stops = self.patterns.trip(trip).pattern.stops;
        let Some(part) = stops.get(from..=to) else { return Vec::new() };
        let points = part.iter().map(|s| self.stops.points[self.variants.stop(s.stop()) as usize]);
        let points: Vec<PointE6> = points.filter(|point| *point != shapes::NOWHERE).collect();
        shapes::along(self.shapes.points(meta.shape), &points)
    }
}
