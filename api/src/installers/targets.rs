//! `GET /v1/binding-targets`: what a device could be bound to.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::response::Response;
use domain::geo::{Bbox, LatLon};
use domain::place::is_valid_at;
use domain::{MunicipalityId, Registry, Target, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::{parameters, words};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;
use crate::installers::sensors::is_called;

/// So far from all places nobody mounts sensors: the point is a mistake, metres.
const FAR_M: f64 = 20_000.0;

/// A place or vehicle that a device can be bound to.
#[derive(Serialize, ToSchema)]
pub struct BindingTargetOut {
    /// What it is.
    #[schema(value_type = words::TargetKind)]
    kind: &'static str,
    /// Its id in the files.
    id: String,
    /// Its name; of a vehicle what is written on it; null: none.
    name: Option<String>,
    /// Of a bay: the id of its site; null: it belongs to none.
    site: Option<String>,
    /// Latitude, decimal degrees (WGS 84); null: a vehicle moves.
    lat: Option<f64>,
    /// Longitude, decimal degrees (WGS 84); null: a vehicle moves.
    lon: Option<f64>,
    /// Distance from `near`, metres; null: `near` is not given, or it has no place.
    distance_m: Option<f64>,
    /// Id of the sensor that is bound to it now, of several the first one; null: none is.
    sensor: Option<String>,
}

/// One that may be answered: borrowed, since of many few are.
struct Candidate<'r> {
    kind: &'static str,
    target: Target,
    id: &'r str,
    name: Option<&'r str>,
    site: Option<&'r str>,
    position: Option<LatLon>,
}

/// Its place in the list.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    /// From `near`; `u64::MAX`: it has no place.
    distance_dm: u64,
    kind: Cow<'a, str>,
    id: Cow<'a, str>,
}

impl Rank<'_> {
    fn of_cursor(cursor: &str) -> Option<Self> {
        let mut parts = cursor.splitn(3, ' ');
        let mut next = || parts.next().map(str::to_owned);
        let (distance_dm, kind, id) = (next()?.parse().ok()?, next()?.into(), next()?.into());
        Some(Rank { distance_dm, kind, id })
    }
}

impl<'r> Candidate<'r> {
    fn rank(&self, near: Option<LatLon>) -> Rank<'r> {
        let distance_dm = near.map_or(0, |near| {
            self.position.map_or(u64::MAX, |at| (at.distance_m(near) * 10.0).round() as u64)
        });
        Rank { distance_dm, kind: self.kind.into(), id: self.id.into() }
    }
}

/// Bays, sites and vehicles of the key's municipalities that are in use, with the sensor that is bound to them: nearest
/// first with `near`, else in the order of kinds and ids. Also those that the public does not see.
#[utoipa::path(
    get,
    path = "/v1/binding-targets",
    tag = "installers",
    security(("key" = [])),
    params(parameters::BindingTargets, parameters::Paging),
    responses((status = 200, body = List<BindingTargetOut>)),
)]
pub async fn binding_targets(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer]).await?;
    let params = query.params(&[parameters::BindingTargets::NAMES, parameters::Paging::NAMES])?;
    let near = params.lat_lon("near")?;
    let wanted = params.text("q").map(str::to_lowercase);
    let is_unbound_only = params.one::<bool>("unbound", "true, false")?.unwrap_or(false);
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let cursor = params.cursor()?;
    let after = cursor.as_deref().map(|c| Rank::of_cursor(c).ok_or_else(|| Problem::bad_cursor("cursor", c)));
    let after = after.transpose()?;

    let registry = view.registry();
    let towns = caller.municipalities(&registry);
    if let Some(near) = near {
        check_area(near, candidates(&registry, &towns, view.now).filter_map(|c| c.position))?;
    }
    let bound = bound(&registry, view.now);
    let mut found: Vec<(Rank<'_>, Candidate<'_>)> = candidates(&registry, &towns, view.now)
        .filter(|c| !is_unbound_only || !bound.contains_key(&c.target))
        .filter(|c| wanted.as_ref().is_none_or(|wanted| is_called(&registry, c.target, wanted)))
        .map(|c| (c.rank(near), c))
        .filter(|(rank, _)| after.as_ref().is_none_or(|after| rank > after))
        .collect();
    let has_more = found.len() > limit;
    if has_more {
        found.select_nth_unstable_by(limit, |(a, _), (b, _)| a.cmp(b));
        found.truncate(limit);
    }
    found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let last = found.last().filter(|_| has_more);
    let cursor = last.map(|(r, _)| cursor_after(&format!("{} {} {}", r.distance_dm, r.kind, r.id)));
    let item = |(rank, c): (Rank<'_>, Candidate<'_>)| BindingTargetOut {
        kind: c.kind,
        id: c.id.to_owned(),
        name: c.name.map(str::to_owned),
        site: c.site.map(str::to_owned),
        lat: c.position.map(|at| at.lat),
        lon: c.position.map(|at| at.lon),
        distance_m: near.and(c.position).map(|_| rank.distance_dm as f64 / 10.0),
        sensor: bound.get(&c.target).map(|key| (*key).to_owned()),
    };
    Ok(answer::private(&List { items: found.into_iter().map(item).collect(), cursor }))
}

/// Checks that the point is not far from all places.
fn check_area(near: LatLon, mut places: impl Iterator<Item = LatLon>) -> Result<(), Problem> {
    let Some(first) = places.next() else { return Ok(()) };
    let bounds = places.fold(Bbox::of(first), Bbox::extended);
    if bounds.touches(near.around(FAR_M)) {
        return Ok(());
    }
    Err(Problem::outside_area("near", near, "place of this key's municipalities", "They reach", Some(bounds)))
}

/// The first sensor that is bound to each target now.
fn bound(registry: &Registry, now: UtcMicros) -> HashMap<Target, &str> {
    let mut bound: HashMap<Target, &str> = HashMap::new();
    for sensor in registry.sensors() {
        if let Some(target) = sensor.binding_at(now).and_then(|b| b.target) {
            let held = bound.entry(target).or_insert(&sensor.key);
            *held = (*held).min(&sensor.key);
        }
    }
    bound
}

/// What of `towns` is in use at `now`.
fn candidates<'r>(
    registry: &'r Registry,
    towns: &'r [MunicipalityId],
    now: UtcMicros,
) -> impl Iterator<Item = Candidate<'r>> {
    let bays = registry.bays().filter(|e| towns.contains(&e.municipality));
    let bays = bays.filter(move |e| is_valid_at(e.def.valid_from, e.def.valid_until, now));
    let bays = bays.map(|e| Candidate {
        kind: "bay",
        target: Target::Bay(e.id),
        id: &e.def.id,
        name: None,
        site: e.def.site.as_deref(),
        position: Some(e.def.position()),
    });
    let sites = registry.sites().filter(|e| towns.contains(&e.municipality));
    let sites = sites.filter(move |e| is_valid_at(e.def.valid_from, e.def.valid_until, now));
    let sites = sites.map(|e| Candidate {
        kind: "site",
        target: Target::Site(e.id),
        id: &e.def.id,
        name: Some(&e.def.name),
        site: None,
        position: Some(e.def.position()),
    });
    let vehicles = registry.vehicles().filter(|e| towns.contains(&e.municipality));
    let vehicles = vehicles.map(|e| Candidate {
        kind: "vehicle",
        target: Target::Vehicle(e.id),
        id: &e.def.id,
        name: e.def.label.as_deref(),
        site: None,
        position: None,
    });
    bays.chain(sites).chain(vehicles)
}
