//! `station_status`: what stations offer now.

use domain::Reason;
use domain::UtcMicros;
use domain::mistake::{Mistake, Remedy};
use std::collections::HashMap;

use crate::envelope::Envelope;
use crate::fault::Effect;
use crate::json::{self, Context, Element, Reading};
use crate::positions::dated;
use crate::version::Version;

/// What a station says, with types by their ids.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    pub station: String,
    /// Where in the file.
    pub path: String,
    pub vehicles: Option<u32>,
    pub by_type: Vec<(String, u32)>,
    pub docks: Option<u32>,
    pub docks_by_type: Vec<(Vec<String>, u32)>,
    pub is_installed: bool,
    pub is_renting: bool,
    pub is_returning: bool,
    pub at: UtcMicros,
}

/// Of states of one station the latest holds, of equally late ones that which stands last.
pub(crate) fn read(ctx: &mut Context<'_>, envelope: &Envelope<'_>) -> Vec<Status> {
    let mut statuses: Vec<Status> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    ctx.each_element(&envelope.data, ["stations"; 2], |ctx, element| {
        let Some(status) = status(ctx, &element, envelope.updated_at) else { return };
        let Some(&held) = index.get(&status.station) else {
            index.insert(status.station.clone(), statuses.len());
            return statuses.push(status);
        };
        let mistake = Mistake::LatestHolds(status.station.as_str().into());
        ctx.fault(
            &element.at("station_id"),
            Effect::Element,
            Reason::Implausible,
            mistake,
            Some(Remedy::EachIdOnce),
        );
        if status.at >= statuses[held].at {
            statuses[held] = status;
        }
    });
    statuses
}

/// `None`: it names no station, or does not say whether it rents and takes back.
fn status(ctx: &mut Context<'_>, element: &Element<'_>, updated_at: UtcMicros) -> Option<Status> {
    let station = element.required(ctx, "station_id", json::id)?;
    let is_renting = element.required(ctx, "is_renting", json::flag)?;
    let is_returning = element.required(ctx, "is_returning", json::flag)?;
    // What rents and takes back is there.
    let is_installed =
        element.optional(ctx, "is_installed", json::flag).unwrap_or(is_renting || is_returning);
    let vehicles = element.renamed(ctx, "num_vehicles_available", "num_bikes_available");
    let vehicles = element.optional(ctx, vehicles, json::count);
    let docks = element.optional(ctx, "num_docks_available", json::count);
    let by_type = counted(ctx, element, "vehicle_types_available", "vehicle_type_id", json::id);
    let docks_by_type = counted(ctx, element, "vehicle_docks_available", "vehicle_type_ids", json::ids);
    let reported = element.optional(ctx, "last_reported", json::instant);
    let at = dated(ctx, &element.at("last_reported"), reported, updated_at);
    // Who counts each type has counted all.
    let counted_all = || by_type.iter().map(|(_, count)| *count).reduce(u32::saturating_add);
    let vehicles = match element.value("num_vehicles_available").or(element.value("num_bikes_available")) {
        Some(_) => vehicles,
        None => counted_all(),
    };
    let path = element.path.clone();
    Some(Status {
        station,
        path,
        vehicles,
        by_type,
        docks,
        docks_by_type,
        is_installed,
        is_renting,
        is_returning,
        at,
    })
}

/// Counts with what they count. One of them that is wrong makes all unknown: what is missing is not zero.
fn counted<'a, T>(
    ctx: &mut Context<'_>,
    element: &Element<'a>,
    list: &str,
    of: &str,
    read: impl Fn(&'a serde_json::Value, Version) -> Reading<T> + Copy,
) -> Vec<(T, u32)> {
    let objects = element.objects(ctx, list);
    let all = objects.len();
    let count = |object: Element<'a>| {
        Some((object.required(ctx, of, read)?, object.required(ctx, "count", json::count)?))
    };
    let counted: Vec<(T, u32)> = objects.into_iter().filter_map(count).collect();
    if counted.len() == all { counted } else { Vec::new() }
}
