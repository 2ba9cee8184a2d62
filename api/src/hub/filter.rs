//! Which events a client wants.

use domain::registry::Entry;
use domain::{Bay, BayId, Bbox, LatLon, MunicipalityId, Registry, Site, SiteId, Vehicle, VehicleId};

domain::wire_enum! {
    /// Kind of thing an event is about.
    Kind { Bay = "bay", Site = "site", Vehicle = "vehicle" }
}

/// What an event is about, for filters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Topic {
    pub kind: Kind,
    pub municipality: Option<MunicipalityId>,
    /// The bay's site, or the site itself.
    pub site: Option<SiteId>,
    pub position: Option<LatLon>,
}

impl Topic {
    /// What is no longer known of.
    pub const fn unplaced(kind: Kind) -> Self {
        Topic { kind, municipality: None, site: None, position: None }
    }

    /// A bay.
    pub fn bay(registry: &Registry, entry: &Entry<BayId, Bay>) -> Self {
        Topic {
            kind: Kind::Bay,
            municipality: Some(entry.municipality),
            site: entry.def.site.as_deref().and_then(|key| registry.site_by_key(key)).map(|site| site.id),
            position: Some(entry.def.position()),
        }
    }

    /// A site.
    pub fn site(entry: &Entry<SiteId, Site>) -> Self {
        let position = Some(entry.def.position());
        Topic { kind: Kind::Site, municipality: Some(entry.municipality), site: Some(entry.id), position }
    }

    /// A vehicle at a position.
    pub fn vehicle(entry: &Entry<VehicleId, Vehicle>, position: Option<LatLon>) -> Self {
        Topic { kind: Kind::Vehicle, municipality: Some(entry.municipality), site: None, position }
    }
}

/// What a client subscribes to; all conditions hold at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filter {
    pub bays: bool,
    pub sites: bool,
    pub vehicles: bool,
    pub bbox: Option<Bbox>,
    pub municipality: Option<MunicipalityId>,
    pub site: Option<SiteId>,
}

impl Default for Filter {
    /// All bays and sites, no vehicles.
    fn default() -> Self {
        Filter { bays: true, sites: true, vehicles: false, bbox: None, municipality: None, site: None }
    }
}

impl Filter {
    /// Whether it subscribes to a kind.
    pub fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Bay => self.bays,
            Kind::Site => self.sites,
            Kind::Vehicle => self.vehicles,
        }
    }

    /// Whether it subscribes to events about this.
    pub fn admits(&self, topic: &Topic) -> bool {
        self.wants(topic.kind)
            && self.municipality.is_none_or(|m| topic.municipality == Some(m))
            && self.site.is_none_or(|s| topic.site == Some(s))
            && self.bbox.is_none_or(|bbox| topic.position.is_some_and(|p| bbox.contains(p)))
    }
}
