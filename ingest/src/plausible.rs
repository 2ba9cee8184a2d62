//! Plausibility of numbers about a place.

use domain::observation::{CountValue, DoorCount};
use domain::{Reason, Registry, SiteId, Target, VehicleId};

use crate::decode::{Content, Dropped, Fault};

/// `occupied` up to this share of the capacity is kept: a site does not go dark over one car.
const MAX_OVER_CAPACITY: f64 = 1.10;

/// The most people on a vehicle, as a multiple of its places. Counters drift, below
/// zero too; a negative number read as unsigned is far beyond.
const MAX_OVER_PLACES: i32 = 3;

/// People on board of a vehicle whose seats and standing places are not known.
const MAX_ON_BOARD: i32 = 400;

/// People through one door at one stop, each way.
const MAX_THROUGH_DOOR: i32 = 250;

/// The plausible part of `content` about `target`.
///
/// # Errors
/// The content is implausible, or nothing is left.
pub fn checked<'a>(
    registry: &Registry,
    target: Target,
    content: Content<'a>,
    dropped: &mut Vec<Dropped>,
) -> Result<Content<'a>, Fault> {
    match (target, content) {
        (Target::Site(site), Content::Count { value, audience, status, capacity, source }) => {
            let capacity = count(registry, site, (value, audience, status.is_some(), capacity), dropped)?;
            Ok(Content::Count { value, audience, status, capacity, source })
        }
        (Target::Vehicle(vehicle), Content::Passengers { stop_id, trip_id, doors, on_board, source }) => {
            let (doors, on_board) = passengers(registry, vehicle, doors, on_board, dropped)?;
            Ok(Content::Passengers { stop_id, trip_id, doors, on_board, source })
        }
        (_, content) => Ok(content),
    }
}

/// Checks a site's count; returns the capacity that it states, if that can be true.
fn count(
    registry: &Registry,
    site: SiteId,
    (value, audience, has_status, capacity): (CountValue, Option<domain::Audience>, bool, Option<i32>),
    dropped: &mut Vec<Dropped>,
) -> Result<Option<i32>, Fault> {
    let Some(site) = registry.site(site) else { return Ok(capacity) };
    let registered = match audience {
        None => Some(site.def.capacity),
        Some(audience) => site.def.capacity_for(audience),
    };
    // Nothing to compare with: the files do not say how many spaces this audience has.
    let Some(registered) = registered else { return Ok(capacity) };
    let over = |capacity: f64| (capacity * MAX_OVER_CAPACITY).floor() as i32;
    let implausible = |what: String| Fault::new(Reason::Implausible, what);
    let stated = match capacity {
        Some(stated) if stated > over(registered.into()) => {
            if value == CountValue::None && !has_status {
                let what =
                    format!("capacity: {stated} is more than 110 % of the {registered} in sites.geojson");
                return Err(implausible(what));
            }
            dropped.push(Dropped { field: "capacity".into(), reason: Reason::Implausible });
            None
        }
        stated => stated,
    };
    let capacity = stated.unwrap_or(i32::try_from(registered).unwrap_or(i32::MAX));
    match value {
        CountValue::Occupied(n) if n > over(capacity.into()) => {
            Err(implausible(format!("occupied: {n} is more than 110 % of the capacity of {capacity}")))
        }
        CountValue::Vacant(n) if n > capacity => {
            Err(implausible(format!("vacant: {n} is more than the capacity of {capacity}")))
        }
        _ => Ok(stated),
    }
}

/// Doors and people on board that can be true.
fn passengers(
    registry: &Registry,
    vehicle: VehicleId,
    doors: Vec<DoorCount>,
    on_board: Option<i32>,
    dropped: &mut Vec<Dropped>,
) -> Result<(Vec<DoorCount>, Option<i32>), Fault> {
    let most = most_on_board(registry, vehicle);
    let is_possible = |n: &i32| (-most..=most).contains(n);
    let kept = on_board.filter(is_possible);
    let stated_doors = doors.len();
    let through = |n: i32| (0..=MAX_THROUGH_DOOR).contains(&n);
    let doors: Vec<DoorCount> =
        doors.into_iter().filter(|d| through(d.entries) && through(d.exits)).collect();
    if let (None, Some(n), true) = (kept, on_board, doors.is_empty()) {
        let what = format!("on_board: {n} is more than this vehicle can hold ({most} are believed)");
        return Err(Fault::new(Reason::Implausible, what).remedy(
            "Is it a negative number that was written without its sign? Else enter seats and standing in vehicles.csv.",
        ));
    }
    if kept.is_none() && doors.is_empty() && stated_doors > 0 {
        let what = format!("doors: more than {MAX_THROUGH_DOOR} people went through one at one stop");
        return Err(Fault::new(Reason::Implausible, what));
    }
    let implausible = |field: &str| Dropped { field: field.to_owned(), reason: Reason::Implausible };
    dropped.extend((kept != on_board).then(|| implausible("on_board")));
    dropped.extend((doors.len() < stated_doors).then(|| implausible("doors")));
    Ok((doors, kept))
}

fn most_on_board(registry: &Registry, vehicle: VehicleId) -> i32 {
    let def = registry.vehicle(vehicle).map(|v| &v.def);
    let places = def.and_then(|v| match (v.seats, v.standing) {
        (None, None) => None,
        (seats, standing) => Some(seats.unwrap_or(0).saturating_add(standing.unwrap_or(0))),
    });
    let places = places.and_then(|n| i32::try_from(n).ok()).filter(|n| *n > 0);
    places.map_or(MAX_ON_BOARD, |n| n.saturating_mul(MAX_OVER_PLACES))
}
