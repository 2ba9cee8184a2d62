//! Known files, by their names.

use std::path::Path;

/// A kind of file that [`crate::read`] understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Municipalities.
    Municipalities,
    /// Sites.
    Sites,
    /// Bays.
    Bays,
    /// Sensors.
    Sensors,
    /// Vehicles.
    Vehicles,
    /// Brokers and feeds.
    Feeds,
    /// Notices.
    Notices,
    /// Closures.
    Closures,
    /// Calendar.
    Calendar,
    /// Lines that run on request.
    OnDemand,
    /// Areas in which vehicles come on demand.
    OnDemandAreas,
    /// What rides cost.
    Fares,
    /// Taxis to call.
    Taxis,
    /// A GTFS `.zip`: recognised, read elsewhere.
    Gtfs,
    /// An OpenStreetMap extract: recognised, read elsewhere.
    Osm,
}

impl FileKind {
    /// The kinds that this crate reads and writes, with their file names.
    pub const NAMED: [(FileKind, &'static str); 13] = [
        (FileKind::Municipalities, "municipalities.csv"),
        (FileKind::Sites, "sites.geojson"),
        (FileKind::Bays, "bays.geojson"),
        (FileKind::Sensors, "sensors.csv"),
        (FileKind::Vehicles, "vehicles.csv"),
        (FileKind::Feeds, "feeds.toml"),
        (FileKind::Closures, "closures.csv"),
        (FileKind::Calendar, "calendar.csv"),
        (FileKind::OnDemand, "on_demand.csv"),
        (FileKind::OnDemandAreas, "on_demand_areas.geojson"),
        (FileKind::Fares, "fares.toml"),
        (FileKind::Taxis, "taxis.csv"),
        (FileKind::Notices, "notices.toml"),
    ];

    /// The kind of a file with this name, `None` when it is not known.
    pub fn of(path: &Path) -> Option<FileKind> {
        let name = path.file_name()?.to_str()?;
        if name.ends_with(".osm.pbf") {
            return Some(FileKind::Osm);
        }
        if name.ends_with(".zip") {
            return Some(FileKind::Gtfs);
        }
        Self::NAMED.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// All known names, for error texts.
    pub fn known_names() -> String {
        let named: Vec<_> = Self::NAMED.iter().map(|(_, name)| *name).collect();
        format!("{}, a GTFS *.zip, an *.osm.pbf", named.join(", "))
    }
}
