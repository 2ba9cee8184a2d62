//! Resolves what depends on other files: the spelling of device ids, the owner of vehicles, the places and days of
//! closures.

use std::collections::HashMap;

use domain::feed::FeedFormat;
use domain::place::{DevEui, Municipality};
use jiff::tz::TimeZone;

use crate::read::PlaceFiles;
use crate::validate::View;
use domain::catalogue::Catalogue;

/// Settles `files`, to be called between [`crate::read`] and [`crate::validate`].
///
/// - Ids of sensors of LoRaWAN feeds become 16 lower-case hex digits; those of other feeds stay
///   as they are; where the feed is not known, the shape decides.
/// - A closure without kind is of the only place with that id; its plain dates become the
///   midnights of the place's town. What cannot be known stays open and `validate` refuses it.
/// - A vehicle without owner keeps the one it has, else belongs to the county, else to the only
///   municipality there is. Else it stays empty and `validate` refuses it.
pub fn settle(files: &mut PlaceFiles, known: &Catalogue) {
    settle_sensor_ids(files, known);
    settle_vehicle_owners(files, known);
    settle_closures(files, known);
}

fn settle_sensor_ids(files: &mut PlaceFiles, known: &Catalogue) {
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

fn settle_vehicle_owners(files: &mut PlaceFiles, known: &Catalogue) {
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

fn settle_closures(files: &mut PlaceFiles, known: &Catalogue) {
    let mut rows = std::mem::take(&mut files.closures);
    let view = View::new(files, known);
    for row in rows.iter_mut().map(|row| &mut row.value) {
        row.kind = row.kind.or_else(|| match view.kinds_of(&row.place)[..] {
            [only] => Some(only),
            _ => None,
        });
        let Some(owner) = row.kind.and_then(|kind| view.owner_of(kind, &row.place)) else { continue };
        let tz = view.municipalities.get(owner).and_then(|m| TimeZone::get(&m.tz).ok());
        let tz = tz.unwrap_or(TimeZone::UTC);
        row.from = row.from.settled(&tz);
        row.until = row.until.map(|until| until.settled(&tz));
    }
    files.closures = rows;
}
