//! `vehicle_status`, before 3.0 `free_bike_status`: vehicles that stand at no station. Their ids are not read.

use domain::LatLon;
use serde_json::Value;

use crate::Options;
use crate::envelope::Envelope;
use crate::json::{self, Context, Element, Reading};
use crate::positions::{position, remove_swapped};
use crate::read::types::range_m;
use crate::version::Version;

/// A vehicle, with its type by its id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vehicle {
    pub at: LatLon,
    /// Where in the file.
    pub path: String,
    pub vehicle_type: Option<String>,
    pub is_reserved: bool,
    pub is_disabled: bool,
    pub range_m: Option<f64>,
    /// What is in the battery or tank, 0 to 1.
    pub charge: Option<f64>,
}

pub(crate) fn read(ctx: &mut Context<'_>, envelope: &Envelope<'_>, options: &Options) -> Vec<Vehicle> {
    let mut vehicles: Vec<Vehicle> = Vec::new();
    ctx.each_element(&envelope.data, ["vehicles", "bikes"], |ctx, element| {
        vehicles.extend(vehicle(ctx, &element, options));
    });
    remove_swapped(ctx, &mut vehicles, |vehicle| (vehicle.at, &vehicle.path));
    vehicles
}

fn vehicle(ctx: &mut Context<'_>, element: &Element<'_>, options: &Options) -> Option<Vehicle> {
    let is_at_station = element.value("station_id").is_some();
    let _ = element.optional(ctx, "station_id", json::id);
    // Where the others are: those at a station are counted there.
    let at = if is_at_station { None } else { Some(position(ctx, element, options)?) };
    // Whoever does not say that a vehicle is free does not offer it.
    let is_reserved = element.required(ctx, "is_reserved", json::flag)?;
    let is_disabled = element.required(ctx, "is_disabled", json::flag)?;
    let vehicle_type = element.optional(ctx, "vehicle_type_id", json::id);
    let range_m = element.optional(ctx, "current_range_meters", range_m);
    let charge = element.optional(ctx, "current_fuel_percent", share);
    // Judged, and not used: a vehicle that stands reports seldom, and is there all the same.
    let _ = element.optional(ctx, "last_reported", json::instant);
    Some(Vehicle {
        at: at?,
        path: element.path.clone(),
        vehicle_type,
        is_reserved,
        is_disabled,
        range_m,
        charge,
    })
}

fn share(value: &Value, version: Version) -> Reading<f64> {
    json::number_in(value, version, 0.0..=1.0)
}
