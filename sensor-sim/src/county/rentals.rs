//! A system of shared vehicles: its stations, vehicles that belong to none, and where they may not be ridden or left. All of it is
//! invented.

use rand::Rng;

use super::layout::Frame;
use super::towns_table::{COUNTY_TOWN, MUNICIPALITIES};
use super::{County, Geometry, Municipality};

/// What is rented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scooter,
    Bicycle,
    CargoBicycle,
}

impl Kind {
    /// In the order of [`Counts`].
    pub(crate) const ALL: [Kind; 3] = [Kind::Scooter, Kind::Bicycle, Kind::CargoBicycle];

    /// Its `vehicle_type_id`.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Kind::Scooter => "scooter",
            Kind::Bicycle => "bicycle",
            Kind::CargoBicycle => "cargo-bicycle",
        }
    }
}

/// Vehicles of each kind.
pub(crate) type Counts = [u32; 3];

/// What people do around a station: it decides when they leave it, and when they go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// They live there.
    Home,
    /// They come and go by train.
    Hub,
    /// They work there, or run errands.
    Work,
    /// They go there in their free time.
    Leisure,
}

/// A station.
#[derive(Debug, Clone)]
pub(crate) struct Station {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    /// Docks.
    pub(crate) capacity: u32,
    pub(crate) role: Role,
    /// What stands there at the start.
    pub(crate) first: Counts,
}

/// What an area forbids to scooters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ban {
    /// To be ridden.
    Ride,
    /// To be left.
    Parking,
}

/// An area, of which the operator's map knows.
#[derive(Debug, Clone)]
pub(crate) struct BannedArea {
    pub(crate) name: &'static str,
    pub(crate) ban: Ban,
    /// Its town (index into the municipalities), and its edges: metres west, south, east, north of the town's centre.
    town: usize,
    edges_m: [f64; 4],
}

/// Where a scooter may stand that belongs to no station: metres around the centre of its town.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    town: usize,
    radius_m: f64,
}

/// The whole system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rentals {
    pub(crate) stations: Vec<Station>,
    /// A scooter each.
    pub(crate) free: Vec<Reach>,
    pub(crate) areas: Vec<BannedArea>,
    /// Where its GBFS is asked for; `None`: nowhere, and it has no feed.
    pub(crate) url: Option<String>,
}

/// Id, name, town, metres east and north of its centre, docks, role, what stands there at the start.
type StationRow = (&'static str, &'static str, usize, f64, f64, u32, Role, Counts);

#[rustfmt::skip]
const STATIONS: &[StationRow] = &[
    ("st-bahnhof",      "Steverstadt Bahnhof",          1,  -600.0,  -230.0, 12, Role::Hub,     [4, 3, 0]),
    ("st-markt",        "Steverstadt Markt",            1,   230.0,  -170.0,  8, Role::Work,    [2, 2, 1]),
    ("st-klinikum",     "Steverstadt Klinikum",         1,  1110.0,   570.0,  6, Role::Work,    [2, 1, 0]),
    ("st-gewerbepark",  "Steverstadt Gewerbepark West", 1, -1630.0,   -70.0,  6, Role::Work,    [1, 2, 0]),
    ("st-nordring",     "Steverstadt Nordring",         1,   140.0,  1450.0,  8, Role::Home,    [3, 2, 0]),
    ("st-gartenviertel","Steverstadt Gartenviertel",    1,   600.0,   400.0,  8, Role::Home,    [3, 2, 0]),
    ("westerrode",      "Westerrode Dorfplatz",         1, -5190.0, -3290.0,  6, Role::Home,    [2, 2, 0]),
    ("ho-bahnhof",      "Holtkirchen Bahnhof",          2,  -570.0,  -240.0, 10, Role::Hub,     [3, 2, 0]),
    ("ho-kirchplatz",   "Holtkirchen Kirchplatz",       2,    30.0,    20.0,  6, Role::Home,    [2, 2, 0]),
    ("be-bahnhof",      "Bergheide Bahnhof",            4,  -570.0,  -240.0,  8, Role::Hub,     [2, 2, 0]),
    ("be-dorfplatz",    "Bergheide Dorfplatz",          4,    20.0,    20.0,  6, Role::Home,    [2, 1, 1]),
    ("be-naturpark",    "Bergheide Naturpark",          4,  1370.0,  -860.0,  4, Role::Leisure, [1, 1, 0]),
];

/// How many scooters without a station, in which town, and how far from its centre they go, metres.
const FREE: [(usize, usize, f64); 3] = [(14, COUNTY_TOWN, 1_200.0), (3, 2, 700.0), (3, 4, 700.0)];

const AREAS: [BannedArea; 2] = [
    BannedArea {
        name: "Fußgängerzone",
        ban: Ban::Ride,
        town: COUNTY_TOWN,
        edges_m: [-150.0, -110.0, 150.0, 110.0],
    },
    BannedArea {
        name: "Schlosspark",
        ban: Ban::Parking,
        town: COUNTY_TOWN,
        edges_m: [330.0, -430.0, 620.0, -200.0],
    },
];

impl County {
    /// With a feed of the shared vehicles, whose GBFS is asked for below this address, which has no slash at its end. A county without
    /// it has the vehicles, and no feed of them.
    #[must_use]
    pub fn with_rentals_at(mut self, base: &str) -> County {
        self.rentals.url = Some(format!("{base}/gbfs.json"));
        self
    }
}

impl Rentals {
    /// The sample county's.
    pub(super) fn sample() -> Self {
        let station = |&(id, name, town, east_m, north_m, capacity, role, first): &StationRow| {
            let [lon, lat] = frame(&MUNICIPALITIES[town]).at(east_m, north_m);
            Station { id, name, lat, lon, capacity, role, first }
        };
        let reach = |(n, town, radius_m)| std::iter::repeat_n(Reach { town, radius_m }, n);
        Self {
            stations: STATIONS.iter().map(station).collect(),
            free: FREE.into_iter().flat_map(reach).collect(),
            areas: AREAS.to_vec(),
            url: None,
        }
    }

    /// A place where a scooter of this reach may be left, `[lon, lat]`.
    pub(crate) fn somewhere(&self, reach: Reach, rng: &mut impl Rng) -> [f64; 2] {
        let mut draw = || rng.random_range(-reach.radius_m..reach.radius_m);
        let mut at = [draw(), draw()];
        while self.areas.iter().any(|area| area.town == reach.town && area.holds(at)) {
            at = [draw(), draw()];
        }
        frame(&MUNICIPALITIES[reach.town]).at(at[0], at[1])
    }
}

impl BannedArea {
    /// Whether a point lies inside, metres east and north of the town's centre.
    fn holds(&self, [east_m, north_m]: [f64; 2]) -> bool {
        let [west, south, east, north] = self.edges_m;
        (west..=east).contains(&east_m) && (south..=north).contains(&north_m)
    }

    /// Its outline.
    pub(crate) fn outline(&self) -> Geometry {
        let [west, south, east, north] = self.edges_m;
        frame(&MUNICIPALITIES[self.town]).rectangle(west, south, east - west, north - south)
    }
}

fn frame(town: &Municipality) -> Frame {
    Frame::new(town.lat, town.lon, 0.0)
}
