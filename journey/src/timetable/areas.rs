//! Rides on demand: zones and groups of stops that vehicles serve in windows of time (GTFS-Flex).

use std::sync::OnceLock;

use domain::geo::LatLon;
use domain::geo::shape::Shape;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::shapes::PointE6;
use super::{Boarding, Permission, StopIx};
use crate::streets::BoxIndex;
use crate::streets::osm::Coord;

/// What vehicles serve on demand, and when.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Areas {
    /// Zones on the map, of `locations.geojson`.
    pub zones: Vec<Zone>,
    /// Groups of stops.
    pub groups: Vec<Group>,
    /// Trips with rows that have windows.
    pub trips: Vec<AreaTrip>,
    #[serde(skip)]
    index: OnceLock<Index>,
}

/// A zone on the map.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Zone {
    /// As its feed has it.
    pub id: String,
    /// For riders; may be empty.
    pub name: String,
    /// Where it is.
    pub shape: Shape,
    /// The stops in it.
    pub stops: Vec<StopIx>,
}

/// A group of stops.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// As its feed has it.
    pub id: String,
    /// For riders; may be empty.
    pub name: String,
    /// Its stops.
    pub stops: Vec<StopIx>,
}

/// A trip on demand: from any of its rows to any later one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AreaTrip {
    /// As its feed has it.
    pub id: String,
    /// Number in [`super::Timetable::routes`].
    pub route: u32,
    /// Number in [`super::Timetable::services`].
    pub service: u32,
    /// How long a ride takes on average.
    pub mean: Stretch,
    /// How long a ride takes at the longest, in 95 of 100 cases.
    pub safe: Stretch,
    /// Whether wheelchairs can board.
    pub wheelchair: Permission,
    /// In the order of `stop_sequence`.
    pub rows: Vec<AreaRow>,
}

/// How much longer than a drive a ride takes: others get on and off on the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// Times the drive.
    pub factor: f32,
    /// Added to it, seconds.
    pub offset_s: f32,
}

/// A place where a trip picks riders up or sets them down, some time in a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AreaRow {
    /// Where.
    pub place: AreaPlace,
    /// Begin of the window, seconds after the service day began.
    pub start_s: i32,
    /// End of the window, included.
    pub end_s: i32,
    /// How one gets on.
    pub pickup: Boarding,
    /// How one gets off.
    pub drop_off: Boarding,
    /// Number in [`super::Timetable::booking_rules`] for getting on, else [`super::NONE`].
    pub pickup_rule: u32,
    /// The same for getting off.
    pub drop_off_rule: u32,
    /// Whether it is a stop with minutes: arrival and departure are its window. Rides between two of these are in the timetable.
    pub is_timed: bool,
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AreaPlace {
    /// Anywhere in one of [`Areas::zones`].
    Zone(u32),
    /// At the stops of one of [`Areas::groups`].
    Group(u32),
    /// At a stop.
    Stop(StopIx),
}

/// A row by its trip in [`Areas::trips`] and its number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowAt {
    /// Of the trip.
    pub trip: u32,
    /// In the trip.
    pub row: u16,
}

/// Rows by where they are.
#[derive(Debug, Clone, Default)]
struct Index {
    zones: BoxIndex,
    by_zone: FxHashMap<u32, Vec<RowAt>>,
    by_stop: FxHashMap<StopIx, Vec<RowAt>>,
}

impl Stretch {
    /// The drive itself.
    pub const DRIVE: Stretch = Stretch { factor: 1.0, offset_s: 0.0 };
    /// The longest ride where a feed has none (own estimate: a detour for others, and a wait for them).
    pub const LONGEST: Stretch = Stretch { factor: 1.5, offset_s: 600.0 };

    /// Seconds of a ride over a drive of `drive_s` seconds.
    pub fn seconds(self, drive_s: f64) -> i32 {
        let seconds = f64::from(self.factor) * drive_s + f64::from(self.offset_s);
        seconds.ceil().clamp(0.0, f64::from(i32::MAX / 8)) as i32
    }
}

impl AreaRow {
    /// Whether one can get on.
    pub fn can_board(&self) -> bool {
        self.pickup != Boarding::None
    }

    /// Whether one can get off.
    pub fn can_alight(&self) -> bool {
        self.drop_off != Boarding::None
    }
}

impl AreaTrip {
    /// How long a ride takes over a drive of `drive_s` seconds: expected, and at the longest.
    pub fn duration_s(&self, drive_s: f64) -> (i32, i32) {
        let longest_s = self.safe.seconds(drive_s);
        (self.mean.seconds(drive_s).min(longest_s), longest_s)
    }
}

impl Areas {
    /// Whether nothing runs on demand.
    pub fn is_empty(&self) -> bool {
        self.trips.is_empty()
    }

    /// A row.
    pub fn row(&self, at: RowAt) -> &AreaRow {
        &self.trips[at.trip as usize].rows[usize::from(at.row)]
    }

    /// The rows whose zone holds a position.
    pub fn rows_at(&self, at: LatLon) -> Vec<RowAt> {
        let index = self.index();
        let zones = index.zones.around(at, 0.0).filter(|zone| self.zones[*zone as usize].shape.holds(at));
        let mut rows: Vec<RowAt> =
            zones.flat_map(|zone| index.by_zone.get(&zone).into_iter().flatten().copied()).collect();
        rows.sort_unstable();
        rows
    }

    /// The rows at a stop: its own, and those of its groups.
    pub fn rows_of_stop(&self, stop: StopIx) -> &[RowAt] {
        self.index().by_stop.get(&stop).map_or(&[], Vec::as_slice)
    }

    /// The stops at which a row picks up or sets down.
    pub fn stops(&self, place: AreaPlace) -> &[StopIx] {
        match place {
            AreaPlace::Zone(zone) => &self.zones[zone as usize].stops,
            AreaPlace::Group(group) => &self.groups[group as usize].stops,
            AreaPlace::Stop(_) => &[],
        }
    }

    /// Id of a zone or group; `None` of a stop.
    pub fn id(&self, place: AreaPlace) -> Option<&str> {
        match place {
            AreaPlace::Zone(zone) => Some(&self.zones[zone as usize].id),
            AreaPlace::Group(group) => Some(&self.groups[group as usize].id),
            AreaPlace::Stop(_) => None,
        }
    }

    /// Name of a zone or group; may be empty.
    pub fn name(&self, place: AreaPlace) -> &str {
        match place {
            AreaPlace::Zone(zone) => &self.zones[zone as usize].name,
            AreaPlace::Group(group) => &self.groups[group as usize].name,
            AreaPlace::Stop(_) => "",
        }
    }

    /// Whether a vehicle on demand comes to a stop itself, not only to the zone around it.
    pub(crate) fn serves(&self, stop: StopIx) -> bool {
        !self.rows_of_stop(stop).is_empty()
    }

    /// Whether all numbers are of something: a stored file may be damaged.
    pub(crate) fn is_sound(&self, stops: usize, routes: usize, services: usize, rules: usize) -> bool {
        let are_stops = |list: &[StopIx]| list.iter().all(|stop| (*stop as usize) < stops);
        let is_rule = |rule: u32| rule == super::NONE || (rule as usize) < rules;
        let is_place = |place: AreaPlace| match place {
            AreaPlace::Zone(zone) => (zone as usize) < self.zones.len(),
            AreaPlace::Group(group) => (group as usize) < self.groups.len(),
            AreaPlace::Stop(stop) => (stop as usize) < stops,
        };
        let is_row =
            |row: &AreaRow| is_place(row.place) && is_rule(row.pickup_rule) && is_rule(row.drop_off_rule);
        self.zones.iter().all(|zone| are_stops(&zone.stops))
            && self.groups.iter().all(|group| are_stops(&group.stops))
            && self.trips.iter().all(|trip| {
                (trip.route as usize) < routes
                    && (trip.service as usize) < services
                    && trip.rows.iter().all(is_row)
            })
    }

    /// These, then more: numbers of zones and groups in `trips` are those that they have then.
    pub(crate) fn with(&self, zones: Vec<Zone>, groups: Vec<Group>, trips: Vec<AreaTrip>) -> Areas {
        Areas {
            zones: [self.zones.as_slice(), &zones].concat(),
            groups: [self.groups.as_slice(), &groups].concat(),
            trips: [self.trips.as_slice(), &trips].concat(),
            index: OnceLock::new(),
        }
    }

    /// Gives all stops their final numbers, and finds those in zones.
    pub(super) fn renumber(&mut self, order: &[StopIx], points: &[PointE6]) {
        let number = |stop: &mut StopIx| *stop = order[*stop as usize];
        self.groups.iter_mut().flat_map(|group| &mut group.stops).for_each(number);
        for row in self.trips.iter_mut().flat_map(|trip| &mut trip.rows) {
            if let AreaPlace::Stop(stop) = &mut row.place {
                number(stop);
            }
        }
        for zone in &mut self.zones {
            zone.stops = within(&zone.shape, points);
        }
        self.index = OnceLock::new();
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let mut index = Index::default();
            for (trip, own) in (0..).zip(&self.trips) {
                for (row, AreaRow { place, .. }) in (0..).zip(&own.rows) {
                    let at = RowAt { trip, row };
                    match place {
                        AreaPlace::Zone(zone) => index.by_zone.entry(*zone).or_default().push(at),
                        AreaPlace::Stop(stop) => index.by_stop.entry(*stop).or_default().push(at),
                        AreaPlace::Group(group) => {
                            for stop in &self.groups[*group as usize].stops {
                                index.by_stop.entry(*stop).or_default().push(at);
                            }
                        }
                    }
                }
            }
            let corners = |zone: &Zone| {
                let bounds = zone.shape.bounds();
                bounds.map(|b| {
                    [(b.south, b.west), (b.north, b.east)].map(|(lat, lon)| Coord::from_degrees(lat, lon))
                })
            };
            let boxes = (0..)
                .zip(&self.zones)
                .filter_map(|(number, zone)| Some((number, corners(zone)?.into_iter())));
            index.zones = BoxIndex::new(boxes);
            index
        })
    }
}

/// The points in a shape, by their numbers.
pub(super) fn within(shape: &Shape, points: &[PointE6]) -> Vec<StopIx> {
    let is_in = |point: &PointE6| *point != super::shapes::NOWHERE && shape.holds(point.degrees());
    (0..).zip(points).filter(|(_, point)| is_in(point)).map(|(stop, _)| stop).collect()
}
