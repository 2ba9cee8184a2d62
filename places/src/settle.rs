//! Resolves what depends on other files: the spelling of device ids, the owner of vehicles, the places and days of
//! closures.

use std::collections::HashMap;
use std::mem;

use domain::catalogue::Catalogue;
use domain::place::{DevEui, Vehicle};
use domain::sensor::SensorRow;
use jiff::tz::TimeZone;

use crate::days::ClosureRow;
use crate::problem::Located;
use crate::read::PlaceFiles;
use crate::validate::View;

/// Settles `files`, to be called between [`crate::read`] and [`crate::validate`].
///
/// - Ids of sensors of LoRaWAN feeds become 16 lower-case hex digits; those of other feeds stay
///   as they are; where the feed is not known, the shape decides.
/// - A closure without kind is of the only place with that id; its plain dates become the
///   midnights of the place's town. What cannot be known stays open and `validate` refuses it.
/// - A vehicle without owner keeps the one it has, else belongs to the county, else to the only
///   municipality there is. Else it stays empty and `validate` refuses it.
pub fn settle(files: &mut PlaceFiles, known: &Catalogue) {
    let (mut sensors, mut vehicles) = (mem::take(&mut files.sensors), mem::take(&mut files.vehicles));
    let mut closures = mem::take(&mut files.closures);
    let view = View::new(files, known);
    sensors.iter_mut().for_each(|sensor| settle_sensor_id(&mut sensor.value, &view));
    settle_vehicle_owners(&mut vehicles, known, &view);
    closures.iter_mut().for_each(|closure| settle_closure(&mut closure.value, &view));
    (files.sensors, files.vehicles, files.closures) = (sensors, vehicles, closures);
}

fn settle_sensor_id(row: &mut SensorRow, view: &View) {
    if view.feeds.get(row.feed.as_str()).is_none_or(|feed| feed.format.is_lorawan())
        && let Ok(dev_eui) = row.id.parse::<DevEui>()
    {
        row.id = dev_eui.to_string();
    }
}

fn settle_vehicle_owners(vehicles: &mut [Located<Vehicle>], known: &Catalogue, view: &View) {
    let owners: HashMap<&str, &str> =
        known.vehicles.iter().map(|v| (v.id.as_str(), v.owner.as_str())).collect();
    let towns = || view.municipalities.values();
    let counties: Vec<&str> = towns().filter(|m| m.is_county()).map(|m| m.slug.as_str()).collect();
    let all: Vec<&str> = towns().map(|m| m.slug.as_str()).collect();
    let default = match (&counties[..], &all[..]) {
        ([only], _) | ([], [only]) => only,
        _ => "",
    };
    for vehicle in vehicles.iter_mut().map(|v| &mut v.value).filter(|v| v.owner.is_empty()) {
        vehicle.owner = owners.get(vehicle.id.as_str()).copied().unwrap_or(default).to_owned();
    }
}

fn settle_closure(row: &mut ClosureRow, view: &View) {
    row.kind = row.kind.or_else(|| match view.kinds_of(&row.place)[..] {
        [only] => Some(only),
        _ => None,
    });
    let Some(owner) = row.kind.and_then(|kind| view.owner_of(kind, &row.place)) else { return };
    let tz = view.municipalities.get(owner).and_then(|m| TimeZone::get(&m.tz).ok());
    let tz = tz.unwrap_or(TimeZone::UTC);
    row.from = row.from.settled(&tz);
    row.until = row.until.map(|until| until.settled(&tz));
}
