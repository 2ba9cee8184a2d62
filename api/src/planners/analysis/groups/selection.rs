//! Which places, sites and sums belong to an answer.

use domain::{BayId, Publish, Registry, SiteId};
use store::analysis::{Scope, ScopeKind};

use super::{Labels, Town};
use crate::planners::analysis::query::{GroupBy, Places};

/// The site of a bay as it is now.
pub fn site_of(bay: BayId, registry: &Registry) -> Option<SiteId> {
    registry.site_by_key(registry.bay(bay)?.def.site.as_deref()?).map(|site| site.id)
}

fn zone_of(bay: BayId, registry: &Registry) -> Option<&str> {
    let own = registry.bay(bay)?.def.zone.as_deref();
    own.or_else(|| registry.site(site_of(bay, registry)?)?.def.zone.as_deref())
}

/// Bays that are groups of their own, in the order of their ids.
pub fn bays_of(town: &Town<'_>, places: &Places, registry: &Registry) -> Vec<BayId> {
    let is_in = |bay: BayId| match places {
        Places::Bay(id) => bay == *id,
        Places::Site(site) => site_of(bay, registry) == Some(*site),
        Places::Zone(zone) => zone_of(bay, registry) == Some(zone),
        Places::Municipality => true,
        Places::Bbox(bbox) => registry.bay(bay).is_some_and(|b| bbox.contains(b.def.position())),
    };
    let is_seen = |bay: BayId| {
        // Unpublished places count nowhere, nor do the bays of such a site.
        let of_site = site_of(bay, registry).and_then(|site| registry.site(site));
        if of_site.is_some_and(|site| site.def.publish == Publish::None) {
            return false;
        }
        registry.bay(bay).is_some_and(|b| b.def.publish() == Publish::Public)
    };
    let mut bays: Vec<BayId> =
        town.timelines.bays.keys().copied().filter(|bay| is_in(*bay) && is_seen(*bay)).collect();
    bays.retain(|bay| town.wants_bay(*bay, registry));
    bays.sort_by_key(|bay| registry.bay(*bay).map(|b| b.def.id.clone()));
    bays
}

/// Whether a site is one of the requested places.
pub fn is_site_in(site: SiteId, places: &Places, registry: &Registry) -> bool {
    let Some(def) = registry.site(site).map(|s| &s.def) else { return false };
    match places {
        _ if def.publish == Publish::None => false,
        Places::Bay(_) => false,
        Places::Site(id) => *id == site,
        Places::Zone(zone) => def.zone.as_deref() == Some(zone),
        Places::Municipality => true,
        Places::Bbox(bbox) => bbox.contains(def.position()),
    }
}

/// Whether figures of `scope` belong to the answer.
pub fn is_selected(
    scope: &Scope,
    town: &Town<'_>,
    places: &Places,
    by: Option<GroupBy>,
    registry: &Registry,
) -> bool {
    let by_restriction = by == Some(GroupBy::Restriction);
    if scope.key.audience.is_some() != by_restriction || !town.wants(scope) {
        return false;
    }
    let kind = match (places, by) {
        (_, Some(GroupBy::Site)) | (Places::Site(_), _) => ScopeKind::Site,
        (_, Some(GroupBy::Zone)) | (Places::Zone(_), _) => ScopeKind::Zone,
        _ => ScopeKind::Municipality,
    };
    if scope.key.kind != kind {
        return false;
    }
    match kind {
        ScopeKind::Municipality => true,
        ScopeKind::Zone => match places {
            Places::Zone(zone) => scope.key.zone.as_ref() == Some(zone),
            _ => true,
        },
        ScopeKind::Site => scope.key.site.is_some_and(|site| {
            // A count takes precedence over the bays.
            is_site_in(site, places, registry) && scope.key.is_counted == town.is_counted(site)
        }),
    }
}

/// Labels of a scope in the answer.
pub fn labels(
    scope: &Scope,
    town: &Town<'_>,
    places: &Places,
    by: Option<GroupBy>,
    registry: &Registry,
) -> Labels {
    let mut labels = town.labels();
    if by == Some(GroupBy::Restriction) {
        labels.restriction.clone_from(&scope.key.audience);
    }
    match (by, places) {
        (Some(GroupBy::Site), _) | (_, Places::Site(_)) => {
            let site = scope.key.site.and_then(|site| Some(&registry.site(site)?.def));
            labels.site = site.map(|def| def.id.clone());
            labels.site_name = site.map(|def| def.name.clone());
        }
        (Some(GroupBy::Zone), _) | (_, Places::Zone(_)) => labels.zone.clone_from(&scope.key.zone),
        _ => {}
    }
    labels
}
