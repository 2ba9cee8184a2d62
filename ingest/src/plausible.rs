//! Plausibility of numbers about a place.

use domain::mistake::{Mistake, Remedy};
use domain::observation::{CountValue, DoorCount};
use domain::{Reason, Registry, Target, VehicleId};

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

/// Leaves the plausible part of `content` about `target`; what goes is noted in `dropped`.
///
/// # Errors
/// The content is implausible, or nothing is left.
pub fn check(
    registry: &Registry,
    target: Target,
    content: &mut Content,
    dropped: &mut Vec<Dropped>,
) -> Result<(), Fault> {
    match (target, content) {
        (Target::Site(site), Content::Count { value, audience, status, capacity, .. }) => {
            let Some(site) = registry.site(site) else { return Ok(()) };
            let registered = match audience {
                None => Some(site.def.capacity),
                Some(audience) => site.def.capacity_for(*audience),
            };
            // Else nothing to compare with: the files do not say how many spaces this audience has.
            if let Some(registered) = registered {
                let is_alone = *value == CountValue::None && status.is_none();
                *capacity = count(registered, *value, is_alone, *capacity, dropped)?;
            }
        }
        (Target::Vehicle(vehicle), Content::Passengers { doors, on_board, .. }) => {
            passengers(most_on_board(registry, vehicle), doors, on_board, dropped)?;
        }
        _ => {}
    }
    Ok(())
}

/// Checks a count of a site, or of the spaces for one audience in it, of which there are `registered`; returns the
/// capacity that it states, if that can be true. `is_alone`: it states nothing else.
fn count(
    registered: u32,
    value: CountValue,
    is_alone: bool,
    capacity: Option<i32>,
    dropped: &mut Vec<Dropped>,
) -> Result<Option<i32>, Fault> {
    let over = |capacity: f64| (capacity * MAX_OVER_CAPACITY).floor() as i32;
    let implausible = |field, mistake| Fault::new(Reason::Implausible, field, mistake);
    let stated = match capacity {
        Some(stated) if stated > over(registered.into()) => {
            if is_alone {
                return Err(implausible("capacity", Mistake::CapacityAbove(stated, registered)));
            }
            dropped.push(Dropped { field: "capacity".into(), reason: Reason::Implausible });
            None
        }
        stated => stated,
    };
    let capacity = stated.unwrap_or(i32::try_from(registered).unwrap_or(i32::MAX));
    match value {
        CountValue::Occupied(n) if n > over(capacity.into()) => {
            Err(implausible("occupied", Mistake::OccupiedAbove(n, capacity)))
        }
        CountValue::Vacant(n) if n > capacity => {
            Err(implausible("vacant", Mistake::VacantAbove(n, capacity)))
        }
        _ => Ok(stated),
    }
}

/// Leaves what can be true of the doors, and of the people on board, who are `most` at most.
fn passengers(
    most: i32,
    doors: &mut Vec<DoorCount>,
    on_board: &mut Option<i32>,
    dropped: &mut Vec<Dropped>,
) -> Result<(), Fault> {
    let stated = std::mem::replace(on_board, on_board.filter(|n| (-most..=most).contains(n)));
    let stated_doors = doors.len();
    let through = |n: i32| (0..=MAX_THROUGH_DOOR).contains(&n);
    doors.retain(|d| through(d.entries) && through(d.exits));
    if let (None, Some(n), true) = (*on_board, stated, doors.is_empty()) {
        let mistake = Mistake::OnBoardAbove(n, most);
        return Err(Fault::new(Reason::Implausible, "on_board", mistake).remedy(Remedy::SignOfNumber));
    }
    if on_board.is_none() && doors.is_empty() && stated_doors > 0 {
        return Err(Fault::new(Reason::Implausible, "doors", Mistake::ThroughDoor(MAX_THROUGH_DOOR)));
    }
    let implausible = |field: &str| Dropped { field: field.to_owned(), reason: Reason::Implausible };
    dropped.extend((*on_board != stated).then(|| implausible("on_board")));
    dropped.extend((doors.len() < stated_doors).then(|| implausible("doors")));
    Ok(())
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
