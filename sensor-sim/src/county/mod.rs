//! The sample county: what exists, who reports it, and over which feed.
//!
//! Everything is plain data; the same value is written as the ordinary input files
//! ([`County::write_files`]) and brought to life ([`crate::world::World`]). Places refer to each
//! other by index into the county's own lists.

mod days;
mod files;
mod gtfs;
mod holidays;
mod layout;
mod lines;
mod lines_table;
mod sample;
mod sites_table;
mod streets;
pub mod timetable;
mod towns_table;

pub(crate) use layout::{Frame, distance_m};
pub use lines::{Leg, Line, Mode, Stop};
pub use timetable::Timetable;

use crate::demand::Demand;
use crate::encode::Device;

/// A county with everything in it.
#[derive(Debug, Clone)]
pub struct County {
    /// Its seed.
    pub seed: u64,
    /// IANA zone of its towns.
    pub tz: &'static str,
    /// The county itself first, then its towns.
    pub municipalities: Vec<Municipality>,
    pub feeds: Vec<Feed>,
    pub sites: Vec<Site>,
    pub bays: Vec<Bay>,
    pub sensors: Vec<Sensor>,
    pub vehicles: Vec<Vehicle>,
    pub stops: Vec<Stop>,
    pub lines: Vec<Line>,
    /// The timetable: vehicles keep to it, and it is written as GTFS.
    pub timetable: Timetable,
}

/// A town, or the county itself.
#[derive(Debug, Clone)]
pub struct Municipality {
    pub slug: &'static str,
    pub name: &'static str,
    /// 5-digit key of the county, 8-digit AGS of a town.
    pub ags: &'static str,
    pub lat: f64,
    pub lon: f64,
    pub public_planning: bool,
}

/// Location of a place: `[lon, lat]`, WGS 84.
#[derive(Debug, Clone, PartialEq)]
pub enum Geometry {
    Point([f64; 2]),
    /// One closed outline.
    Polygon(Vec<[f64; 2]>),
}

impl Geometry {
    /// A point inside: the point itself, or the mean of the corners, `[lon, lat]`.
    pub fn center(&self) -> [f64; 2] {
        match self {
            Geometry::Point(p) => *p,
            Geometry::Polygon(outline) => {
                let corners = &outline[..outline.len().saturating_sub(1).max(1)];
                let n = corners.len() as f64;
                [0, 1].map(|axis| corners.iter().map(|c| c[axis]).sum::<f64>() / n)
            }
        }
    }
}

/// Spaces reserved for an audience, or for a limited time.
#[derive(Debug, Clone, PartialEq)]
pub struct Restriction {
    /// `disabled`, `charging`, `resident`, ...; `None` = everyone.
    pub audience: Option<&'static str>,
    pub capacity: Option<u32>,
    /// OSM opening-hours syntax; `None` = always.
    pub hours: Option<&'static str>,
    pub max_stay_min: Option<u32>,
}

/// A car park, a lot or a stretch of kerb.
#[derive(Debug, Clone)]
pub struct Site {
    pub id: String,
    /// Index into [`County::municipalities`].
    pub municipality: usize,
    pub name: &'static str,
    /// `on_street`, `lot`, `car_park`, `underground` or `park_and_ride`.
    pub kind: &'static str,
    pub capacity: u32,
    /// `car` or `bike`.
    pub purpose: &'static str,
    pub zone: Option<&'static str>,
    pub opening_hours: Option<&'static str>,
    /// Hours of the day in which it lets vehicles in, Monday to Saturday; `None` = always open.
    pub open: Option<(u8, u8)>,
    /// German and English.
    pub fee: Option<(&'static str, &'static str)>,
    pub max_height_m: Option<f64>,
    pub restrictions: Vec<Restriction>,
    /// `None` = public.
    pub publish: Option<&'static str>,
    pub geometry: Geometry,
    /// How it is counted; `None` = by its bays.
    pub counted: Option<Counted>,
}

/// A site that counts vehicles instead of watching bays.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Index into [`County::feeds`].
    pub feed: usize,
    pub style: CountStyle,
    pub demand: Demand,
    /// Scales the demand: 1.0 = as the kind of place usually has.
    pub busy: f64,
}

/// What a counted site reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountStyle {
    /// Its occupied spaces after every passage.
    Occupied,
    /// Its vacant spaces after every passage.
    Vacant,
    /// Entries and exits by gate, and the occupied spaces now and then.
    Gates,
}

/// One space for one vehicle.
#[derive(Debug, Clone)]
pub struct Bay {
    pub id: String,
    /// Index into [`County::municipalities`].
    pub municipality: usize,
    /// Index into [`County::sites`].
    pub site: Option<usize>,
    pub zone: Option<&'static str>,
    pub restrictions: Vec<Restriction>,
    pub max_stay_min: Option<u32>,
    /// `None` = the product's own rule.
    pub publish: Option<&'static str>,
    pub geometry: Geometry,
    pub source: BaySource,
    pub demand: Demand,
    /// Scales the demand: 1.0 = as the kind of place usually has.
    pub busy: f64,
}

/// Who reports a bay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaySource {
    /// A native feed names the bay itself (index into [`County::feeds`]).
    Native(usize),
    /// A LoRaWAN device (index into [`County::sensors`]).
    Sensor(usize),
}

/// A LoRaWAN device.
#[derive(Debug, Clone)]
pub struct Sensor {
    /// DevEUI, 16 lower-case hex digits.
    pub dev_eui: String,
    /// Index into [`County::feeds`].
    pub feed: usize,
    pub device: Device,
    /// The bay it watches; `None` = in the cupboard, waiting.
    pub bay: Option<usize>,
    pub heartbeat_s: u32,
    /// Distance below which a bay counts as occupied (distance sensors), mm.
    pub threshold_mm: Option<u32>,
}

/// A bus or a train.
#[derive(Debug, Clone)]
pub struct Vehicle {
    pub id: String,
    /// Index into [`County::feeds`].
    pub feed: usize,
    pub operator: &'static str,
    pub label: String,
    pub seats: u32,
    pub standing: u32,
    /// Index into [`County::lines`].
    pub line: usize,
    /// Its place among the vehicles of the line: 0 departs first in the morning.
    pub block: usize,
}

/// The wire format of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Native,
    Chirpstack,
    Tts,
    Hfp,
    GtfsRt,
}

impl Format {
    /// Its name in `feeds.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Native => "native",
            Format::Chirpstack => "chirpstack",
            Format::Tts => "tts",
            Format::Hfp => "hfp",
            Format::GtfsRt => "gtfs-rt",
        }
    }
}

/// One stream from one supplier.
#[derive(Debug, Clone)]
pub struct Feed {
    pub id: String,
    /// Index into [`County::municipalities`].
    pub municipality: usize,
    pub format: Format,
    /// Topic filter as the product subscribes to it.
    pub topic: String,
    /// ChirpStack: the application's UUID. The Things Stack: `application@tenant`. Else empty.
    pub application: String,
    /// The longest silence of its native bays and sites, seconds.
    pub heartbeat_s: Option<u32>,
    /// Whether its observations are collected and sent as one native `batch`.
    pub batch: bool,
    pub attribution: String,
    pub contact: String,
    /// `[west, south, east, north]`.
    pub area: Option<[f64; 4]>,
}
