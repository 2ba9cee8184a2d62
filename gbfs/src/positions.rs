//! Where stations and vehicles are, and whether that can be.

use domain::LatLon;
use domain::mistake::{Mistake, Remedy};
use domain::{Reason, UtcMicros};

use crate::Options;
use crate::fault::Effect;
use crate::json::{self, Context, Element};

/// A system is smaller than this, metres: who is farther from its middle, and would not be with latitude and longitude swapped,
/// has them swapped.
const SYSTEM_M: f64 = 1_000_000.0;

/// Fewer have no middle.
const MIN_FOR_MIDDLE: usize = 3;

/// The position of an element; `None`: it has none that can be, and the fault is noted.
pub(crate) fn position(ctx: &mut Context<'_>, element: &Element<'_>, options: &Options) -> Option<LatLon> {
    let lat = element.required(ctx, "lat", json::number)?;
    let lon = element.required(ctx, "lon", json::number)?;
    let path = [element.at("lat"), "lon".to_owned()].join(", ");
    let mut refuse = |mistake, remedy| {
        ctx.fault(&path, Effect::Element, Reason::Implausible, mistake, remedy);
        None
    };
    let Some(at) = LatLon::new(lat, lon) else {
        return refuse(Mistake::NotOnEarth(lat, lon), Some(Remedy::Swapped));
    };
    if lat == 0.0 && lon == 0.0 {
        return refuse(Mistake::NoFix, None);
    }
    match options.area {
        Some(area) if !area.contains(at) => {
            let is_swapped = swapped(at).is_some_and(|at| area.contains(at));
            refuse(Mistake::OutsideArea(lat, lon), is_swapped.then_some(Remedy::Swapped))
        }
        _ => Some(at),
    }
}

fn swapped(at: LatLon) -> Option<LatLon> {
    LatLon::new(at.lon, at.lat)
}

/// Removes those of `elements` whose latitude and longitude are swapped. `at`: where each is, and how it is called in faults.
pub(crate) fn remove_swapped<T>(
    ctx: &mut Context<'_>,
    elements: &mut Vec<T>,
    at: impl Fn(&T) -> (LatLon, &str),
) {
    if elements.len() < MIN_FOR_MIDDLE {
        return;
    }
    let median = |coordinate: fn(LatLon) -> f64| {
        let mut all: Vec<f64> = elements.iter().map(|element| coordinate(at(element).0)).collect();
        let middle = all.len() / 2;
        *all.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    let middle = LatLon { lat: median(|at| at.lat), lon: median(|at| at.lon) };
    elements.retain(|element| {
        let (position, path) = at(element);
        let is_near = |at: LatLon| at.distance_m(middle) <= SYSTEM_M;
        let keeps = is_near(position) || !swapped(position).is_some_and(is_near);
        if !keeps {
            let mistake = Mistake::OutsideArea(position.lat, position.lon);
            ctx.fault(path, Effect::Element, Reason::Implausible, mistake, Some(Remedy::Swapped));
        }
        keeps
    });
}

/// When something was so that the operator dates `stated`: at the file's time where it does not say, or its clock is ahead.
pub(crate) fn dated(
    ctx: &mut Context<'_>,
    path: &str,
    stated: Option<UtcMicros>,
    updated_at: UtcMicros,
) -> UtcMicros {
    stated.and_then(|at| ctx.not_ahead(path, at)).unwrap_or(updated_at)
}
