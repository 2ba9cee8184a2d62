//! GBFS, versions 1 to 3.0, as operators of shared vehicles publish it, into [`domain::rental`].
//!
//! A feed is an entry ([`entry`]: `gbfs.json`, or a `manifest.json` of several) and the files that it names. [`Files`] takes them one
//! by one, each when it was fetched, and makes a [`domain::rental::System`] of what it has. What is wrong is data ([`Fault`]): it
//! costs a field, an element or a file, and the rest is taken. Types that are generated from the schema of each version
//! (`gbfs_types`) refuse a whole file for one wrong field, and say not which.
//!
//! Ids of vehicles are not read. Source: MobilityData/gbfs, `gbfs.md` of 1.1, 2.3 and 3.0.

#![warn(missing_docs)]

mod entry;
mod envelope;
mod fault;
mod feed;
mod json;
mod positions;
mod read;
mod version;

pub use entry::{Dataset, Discovery, Entry, entry};
pub use fault::{Effect, Fault, Faults};
pub use feed::{FileRead, Files};
pub use version::Version;

use std::fmt;

use domain::{Bbox, UtcMicros};

/// Elements that are read of a file of stations or vehicles: the largest systems have a third of them.
pub const MAX_ELEMENTS: usize = 30_000;

/// Which file of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `gbfs.json`
    Discovery,
    /// `manifest.json`
    Manifest,
    /// `system_information`
    SystemInformation,
    /// `vehicle_types`
    VehicleTypes,
    /// `station_information`
    StationInformation,
    /// `station_status`
    StationStatus,
    /// `vehicle_status`, before 3.0 `free_bike_status`
    VehicleStatus,
    /// `geofencing_zones`
    GeofencingZones,
    /// `system_pricing_plans`
    SystemPricingPlans,
}

impl FileKind {
    /// Those that make a system, in the order in which they are best read.
    pub const OF_A_SYSTEM: [FileKind; 7] = [
        FileKind::SystemInformation,
        FileKind::VehicleTypes,
        FileKind::StationInformation,
        FileKind::StationStatus,
        FileKind::VehicleStatus,
        FileKind::GeofencingZones,
        FileKind::SystemPricingPlans,
    ];

    /// As the newest version names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            FileKind::Discovery => "gbfs",
            FileKind::Manifest => "manifest",
            FileKind::SystemInformation => "system_information",
            FileKind::VehicleTypes => "vehicle_types",
            FileKind::StationInformation => "station_information",
            FileKind::StationStatus => "station_status",
            FileKind::VehicleStatus => "vehicle_status",
            FileKind::GeofencingZones => "geofencing_zones",
            FileKind::SystemPricingPlans => "system_pricing_plans",
        }
    }

    /// The file of a system that a feed of any version names so; `None`: one that is not read.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "free_bike_status" => Some(FileKind::VehicleStatus),
            _ => FileKind::OF_A_SYSTEM.into_iter().find(|file| file.as_str() == name),
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What files are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// When the file was received.
    pub now: UtcMicros,
    /// Positions outside are implausible; `None`: those that lie far from all others, and would not with latitude and longitude
    /// swapped.
    pub area: Option<Bbox>,
}
