//! The sample county: what exists, who reports it, and over which feed.
//!
//! Everything is plain data; the same value is written as the ordinary input files
//! ([`County::write_files`]) and brought to life ([`crate::world::World`]). Places refer to each
//! other by index into the county's own lists.

mod days;
mod files;
mod gtfs;
mod holidays;
mod lanes;
mod layout;
mod lines;
mod lines_table;
mod rentals;
mod sample;
mod sites_table;
mod streets;
pub(crate) mod timetable;
mod towns_table;
mod watched;

pub(crate) use layout::{Frame, distance_m};
pub(crate) use lines::{Leg, Line, Mode, Stop};
pub(crate) use rentals::{Ban, BannedArea, Counts, Kind, Rentals, Role, Station};
pub(crate) use timetable::Timetable;

use serde::{Serialize, Serializer};

use crate::demand::Usage;
use crate::encode::Device;

/// The feed of the county's control centre: alerts and cancelled runs of all operators.
pub(crate) const CONTROL_CENTRE: &str = "control-centre";

/// A county with everything in it.
#[derive(Debug, Clone)]
pub struct County {
    /// Its seed.
    pub(crate) seed: u64,
    /// IANA zone of its towns.
    pub(crate) tz: &'static str,
    /// The county itself first, then its towns.
    pub(crate) municipalities: Vec<Municipality>,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) sites: Vec<Site>,
    pub(crate) bays: Vec<Bay>,
    pub(crate) sensors: Vec<Sensor>,
    /// Radars in the gates of counted sites; empty unless asked for ([`County::with_lanes`]).
    pub(crate) lanes: Vec<Lane>,
    pub(crate) vehicles: Vec<Vehicle>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) lines: Vec<Line>,
    /// The timetable: vehicles keep to it, and it is written as GTFS.
    pub(crate) timetable: Timetable,
    /// Shared vehicles.
    pub(crate) rentals: Rentals,
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

/// Location of a place: `[lon, lat]`, WGS 84. Its JSON is GeoJSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "coordinates")]
pub(crate) enum Geometry {
    Point([f64; 2]),
    /// One closed outline.
    Polygon(#[serde(serialize_with = "rings")] Vec<[f64; 2]>),
}

/// GeoJSON's polygons are lists of rings: the outline, and holes.
fn rings<S: Serializer>(outline: &[[f64; 2]], serializer: S) -> Result<S::Ok, S::Error> {
    [outline].serialize(serializer)
}

impl Geometry {
    /// A point inside: the point itself, or the mean of the corners, `[lon, lat]`.
    pub(crate) fn center(&self) -> [f64; 2] {
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
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Restriction {
    /// `disabled`, `charging`, `resident`, ...; `None` = everyone.
    #[serde(rename = "for")]
    pub(crate) audience: Option<&'static str>,
    pub(crate) capacity: Option<u32>,
    /// OSM opening-hours syntax; `None` = always.
    pub(crate) hours: Option<&'static str>,
    pub(crate) max_stay_min: Option<u32>,
}

/// What a space costs, in German and English, and the tariff behind it.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Fee {
    pub(crate) de: &'static str,
    pub(crate) en: &'static str,
    pub(crate) charge: &'static str,
    pub(crate) day_max_eur: Option<u32>,
    pub(crate) hours: Option<&'static str>,
}

/// A car park, a lot or a stretch of kerb.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Site {
    #[serde(skip)]
    pub(crate) id: String,
    /// Index into [`County::municipalities`].
    #[serde(skip)]
    pub(crate) municipality: usize,
    pub(crate) name: &'static str,
    /// `on_street`, `lot`, `car_park`, `underground` or `park_and_ride`.
    pub(crate) kind: &'static str,
    pub(crate) capacity: u32,
    /// `car` or `bike`.
    pub(crate) purpose: &'static str,
    pub(crate) zone: Option<&'static str>,
    pub(crate) opening_hours: Option<&'static str>,
    /// Hours of the day in which it lets vehicles in, Monday to Saturday; `None` = always open.
    #[serde(skip)]
    pub(crate) open: Option<(u8, u8)>,
    pub(crate) fee: Option<Fee>,
    pub(crate) max_height_m: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) restrictions: Vec<Restriction>,
    /// `None` = public.
    pub(crate) publish: Option<&'static str>,
    #[serde(skip)]
    pub(crate) geometry: Geometry,
    /// How it is counted; `None` = by its bays.
    #[serde(skip)]
    pub(crate) counted: Option<Counted>,
}

/// Gates of a counted site; each counts both directions.
pub(crate) const GATES: u8 = 2;

/// A site that counts vehicles instead of watching bays.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    /// Index into [`County::feeds`].
    pub(crate) feed: usize,
    pub(crate) style: CountStyle,
    pub(crate) usage: Usage,
}

/// What a counted site reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountStyle {
    /// Its occupied spaces after every passage.
    Occupied,
    /// Its vacant spaces after every passage.
    Vacant,
    /// Entries and exits by gate, and the occupied spaces now and then.
    Gates,
}

/// One space for one vehicle.
#[derive(Debug, Clone)]
pub(crate) struct Bay {
    pub(crate) id: String,
    /// Index into [`County::municipalities`].
    pub(crate) municipality: usize,
    /// Index into [`County::sites`].
    pub(crate) site: Option<usize>,
    pub(crate) zone: Option<&'static str>,
    pub(crate) restrictions: Vec<Restriction>,
    pub(crate) max_stay_min: Option<u32>,
    /// `None` = the product's own rule.
    pub(crate) publish: Option<&'static str>,
    pub(crate) geometry: Geometry,
    pub(crate) source: BaySource,
    pub(crate) usage: Usage,
}

/// Who reports a bay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaySource {
    /// A native feed names the bay itself (index into [`County::feeds`]).
    Native(usize),
    /// A LoRaWAN device (index into [`County::sensors`]).
    Sensor(usize),
}

/// A LoRaWAN device.
#[derive(Debug, Clone)]
pub(crate) struct Sensor {
    /// DevEUI, 16 lower-case hex digits.
    pub(crate) dev_eui: String,
    /// Index into [`County::feeds`].
    pub(crate) feed: usize,
    pub(crate) device: Device,
    /// The bay it watches; `None` = in the cupboard, waiting.
    pub(crate) bay: Option<usize>,
}

/// A LoRaWAN device that counts who passes a gate.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    /// DevEUI, 16 lower-case hex digits.
    pub(crate) dev_eui: String,
    /// Index into [`County::feeds`].
    pub(crate) feed: usize,
    /// Index into [`County::sites`].
    pub(crate) site: usize,
    /// Number of the gate, from 1.
    pub(crate) gate: u8,
}

impl Lane {
    /// Whether those who drive in pass it from left to right: every other one is mounted on the other side of the lane.
    pub(crate) fn is_entry_to_right(&self) -> bool {
        self.gate % 2 == 1
    }
}

/// A bus or a train.
#[derive(Debug, Clone)]
pub(crate) struct Vehicle {
    pub(crate) id: String,
    /// Index into [`County::feeds`].
    pub(crate) feed: usize,
    pub(crate) operator: &'static str,
    pub(crate) label: String,
    pub(crate) seats: u32,
    pub(crate) standing: u32,
    /// Index into [`County::lines`].
    pub(crate) line: usize,
    /// Its place among the vehicles of the line: 0 departs first in the morning.
    pub(crate) block: usize,
}

/// The wire format of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    Native,
    Chirpstack,
    Tts,
    Hfp,
    GtfsRt,
}

/// One stream from one supplier.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Feed {
    #[serde(skip)]
    pub(crate) id: String,
    /// Index into [`County::municipalities`].
    #[serde(skip)]
    pub(crate) municipality: usize,
    pub(crate) format: Format,
    /// Topic filter as the product subscribes to it.
    pub(crate) topic: String,
    /// ChirpStack: the application's UUID. The Things Stack: `application@tenant`. Else empty.
    #[serde(skip)]
    pub(crate) application: String,
    /// The longest silence of its native bays and sites, seconds.
    pub(crate) heartbeat_s: Option<u32>,
    /// Whether its observations are collected and sent as one native `batch`.
    #[serde(skip)]
    pub(crate) batch: bool,
    /// `[west, south, east, north]`.
    pub(crate) area: Option<[f64; 4]>,
    pub(crate) licence: &'static str,
    pub(crate) attribution: String,
    pub(crate) contact: String,
}
