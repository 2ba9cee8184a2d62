//! Which events a client wants.

use domain::{Bbox, LatLon, MunicipalityId, SiteId};

/// Kind of thing an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bay,
    Site,
    Vehicle,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Bay, Kind::Site, Kind::Vehicle];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Bay => "bay",
            Kind::Site => "site",
            Kind::Vehicle => "vehicle",
        }
    }
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
    pub fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Bay => self.bays,
            Kind::Site => self.sites,
            Kind::Vehicle => self.vehicles,
        }
    }

    pub fn admits(&self, topic: &Topic) -> bool {
        self.wants(topic.kind)
            && self.municipality.is_none_or(|m| topic.municipality == Some(m))
            && self.site.is_none_or(|s| topic.site == Some(s))
            && self.bbox.is_none_or(|bbox| topic.position.is_some_and(|p| bbox.contains(p)))
    }
}
