//! What the files leave open and only the whole can tell: the spelling of device ids, the owner
//! of vehicles.

use std::collections::HashMap;

use domain::feed::FeedFormat;
use domain::place::{DevEui, Municipality};

use crate::existing::Existing;
use crate::read::PlaceFiles;

/// Settles `files`, to be called between [`crate::read`] and [`crate::validate`].
///
/// - Ids of sensors of LoRaWAN feeds become 16 lower-case hex digits; those of other feeds stay
///   as they are; where the feed is not known, the shape decides.
/// - A vehicle without owner keeps the one it has, else belongs to the county, else to the only
///   municipality there is. Where none of these tells, it stays empty and `validate` refuses it.
pub fn settle(files: &mut PlaceFiles, known: &Existing) {
    settle_sensor_ids(files, known);
    settle_vehicle_owners(files, known);
}

fn settle_sensor_ids(files: &mut PlaceFiles, known: &Existing) {
    let from_files = files.feeds.iter().map(|feed| &feed.value);
    let formats: HashMap<&str, FeedFormat> =
        known.feeds.iter().chain(from_files).map(|feed| (feed.id.as_str(), feed.format)).collect();
    for row in files.sensors.iter_mut().map(|row| &mut row.value) {
        if formats.get(row.feed.as_str()).is_none_or(|format| format.is_lorawan())
            && let Ok(dev_eui) = row.id.parse::<DevEui>()
        {
            row.id = dev_eui.to_string();
        }
    }
}

fn settle_vehicle_owners(files: &mut PlaceFiles, known: &Existing) {
    let owners: HashMap<&str, &str> =
        known.vehicles.iter().map(|v| (v.id.as_str(), v.owner.as_str())).collect();
    let after: HashMap<&str, &Municipality> = known
        .municipalities
        .iter()
        .chain(files.municipalities.iter().map(|m| &m.value))
        .map(|m| (m.slug.as_str(), m))
        .collect();
    let counties: Vec<&str> = after.values().filter(|m| m.is_county()).map(|m| m.slug.as_str()).collect();
    let all: Vec<&str> = after.keys().copied().collect();
    let default = match (&counties[..], &all[..]) {
        ([only], _) | ([], [only]) => only,
        _ => "",
    };
    for vehicle in files.vehicles.iter_mut().map(|v| &mut v.value).filter(|v| v.owner.is_empty()) {
        vehicle.owner = owners.get(vehicle.id.as_str()).copied().unwrap_or(default).to_owned();
    }
}
