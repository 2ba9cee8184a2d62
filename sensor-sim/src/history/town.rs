//! The town of the past: sites of fifty bays, each with its own demand.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::county::Frame;
use crate::demand::{Demand, Usage};

/// Slug of the town.
pub const MUNICIPALITY: &str = "historytown";
/// Id of its one feed.
pub const FEED: &str = "history";
/// The town's zone.
pub(super) const TZ: &str = "Europe/Berlin";

/// The longest silence of a bay, seconds.
pub(super) const HEARTBEAT_S: i64 = 3 * 3_600;

const BAYS_PER_SITE: u32 = 50;
/// Sites in a row of the map, and metres between two sites and two bays.
const SITES_IN_ROW: u32 = 10;
const SITE_M: f64 = 150.0;
const BAY_M: (f64, f64) = (2.5, 11.0);
const BAYS_IN_ROW: u32 = 25;
/// Zones A, B and so on take turns every ten sites.
const ZONES: u32 = 5;

/// How the sites are used, in turns, with their kind. Together about sixteen statements a bay and day,
/// heartbeats included.
const USES: [(Demand, &str); 10] = [
    (Demand::Centre, "on_street"),
    (Demand::Garage, "car_park"),
    (Demand::Centre, "lot"),
    (Demand::AllDay, "lot"),
    (Demand::Centre, "on_street"),
    (Demand::ParkAndRide, "park_and_ride"),
    (Demand::Evening, "lot"),
    (Demand::Centre, "lot"),
    (Demand::Resident, "on_street"),
    (Demand::Garage, "underground"),
];

/// The site of a bay; both count from 0.
fn site_of(bay: u32) -> u32 {
    bay / BAYS_PER_SITE
}

/// How a bay is used.
pub(super) fn usage_of(bay: u32) -> Usage {
    let site = site_of(bay);
    let busy = 0.8 + 0.05 * f64::from(site / USES.len() as u32 % 8);
    Usage { demand: USES[site as usize % USES.len()].0, busy }
}

/// `history-000001` for the first bay.
pub(super) fn bay_id(bay: u32) -> String {
    format!("{FEED}-{:06}", bay + 1)
}

fn site_id(site: u32) -> String {
    format!("{FEED}-site-{:04}", site + 1)
}

/// The audience of a bay, and the limit of stays there.
fn rule_of(bay: u32) -> (Option<&'static str>, Option<u32>) {
    match bay % BAYS_PER_SITE {
        0 | 1 => (Some("disabled"), None),
        2 | 3 => (Some("charging"), Some(240)),
        _ if USES[site_of(bay) as usize % USES.len()].0 == Demand::Centre => (None, Some(120)),
        _ => (None, None),
    }
}

/// Writes `municipalities.csv`, `sites.geojson`, `bays.geojson` and `feeds.toml` for `bays` bays into
/// `dir`, which is created when missing. The feed accepts what is `max_age_days` old.
///
/// # Errors
/// The folder or a file cannot be written; the message names the folder.
pub fn write_files(dir: &Path, bays: u32, max_age_days: u64) -> io::Result<()> {
    let write = || -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let town = format!(
            "slug,name,ags,lat,lon,tz,public_planning\n{MUNICIPALITY},Historytown,05998002,51.7,7.0,{TZ},true\n"
        );
        fs::write(dir.join("municipalities.csv"), town)?;
        let feed = format!(
            "[[feed]]\nid = \"{FEED}\"\nmunicipality = \"{MUNICIPALITY}\"\nformat = \"native\"\n\
             topic = \"kv/1/{FEED}/#\"\nmax_age = \"{max_age_days}d\"\nheartbeat_s = {HEARTBEAT_S}\n\
             licence = \"CC0-1.0\"\nattribution = \"Historytown\"\ncontact = \"past@historytown.example\"\n"
        );
        fs::write(dir.join("feeds.toml"), feed)?;
        let frame = Frame::new(51.7, 7.0, 0.0);
        let corner =
            |site: u32| (f64::from(site % SITES_IN_ROW) * SITE_M, f64::from(site / SITES_IN_ROW) * SITE_M);
        let sites = (0..bays.div_ceil(BAYS_PER_SITE)).map(|site| {
            let (x, y) = corner(site);
            let (_, kind) = USES[site as usize % USES.len()];
            let capacity = BAYS_PER_SITE.min(bays - site * BAYS_PER_SITE);
            let properties = json!({
                "id": site_id(site), "municipality": MUNICIPALITY, "name": format!("Site {}", site + 1),
                "kind": kind, "capacity": capacity, "zone": zone_of(site),
            });
            feature(properties, frame.at(x, y))
        });
        fs::write(dir.join("sites.geojson"), collection(sites))?;
        let bays = (0..bays).map(|bay| {
            let (site, place) = (site_of(bay), bay % BAYS_PER_SITE);
            let (x, y) = corner(site);
            let (column, row) = (place % BAYS_IN_ROW, place / BAYS_IN_ROW);
            let (restriction, max_stay_min) = rule_of(bay);
            let properties = json!({
                "id": bay_id(bay), "municipality": MUNICIPALITY, "site": site_id(site), "zone": zone_of(site),
                "restriction": restriction, "max_stay_min": max_stay_min,
            });
            feature(properties, frame.at(x + f64::from(column) * BAY_M.0, y + f64::from(row) * BAY_M.1))
        });
        fs::write(dir.join("bays.geojson"), collection(bays))
    };
    write().map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", dir.display())))
}

fn zone_of(site: u32) -> String {
    let letter = b'A' + (site / USES.len() as u32 % ZONES) as u8;
    char::from(letter).to_string()
}

fn feature(properties: Value, position: [f64; 2]) -> String {
    let point = json!({"type": "Point", "coordinates": position});
    json!({"type": "Feature", "properties": properties, "geometry": point}).to_string()
}

fn collection(features: impl Iterator<Item = String>) -> String {
    let features: Vec<String> = features.collect();
    format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n", features.join(",\n"))
}
