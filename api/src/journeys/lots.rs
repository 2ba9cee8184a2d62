//! Places to park, linked to the streets: imported sites, imported bays without a site (grouped by street), and car parks
//! that only OpenStreetMap has.

use std::collections::HashMap;
use std::sync::Arc;

use domain::geo::{Geometry, LatLon};
use domain::locality::Locality;
use domain::meter::Meter;
use domain::opening::Hours;
use domain::place::{Purpose as For, SiteKind};
use domain::{Bay, BayId, Publish, Registry, SiteId};
use journey::area::{Area, StopWalk, stops_around};
use journey::streets::parking::{Links, OsmParking, ParkingShape, Purpose, link_bay, link_osm, link_place};
use journey::streets::{Mode, Workspace};

/// A car park of the map this near to an imported site is taken to be that site, metres.
const SAME_PLACE_M: f64 = 80.0;

/// A place to park with its links to the streets.
pub(crate) struct Linked {
    pub at: LatLon,
    pub links: Links,
    /// Stops within a walk, of park-and-ride sites.
    pub stops: Vec<StopWalk>,
    /// The same in a wheelchair.
    pub wheelchair_stops: Vec<StopWalk>,
}

impl Linked {
    fn without_stops(at: LatLon, links: Links) -> Self {
        Linked { at, links, stops: Vec::new(), wheelchair_stops: Vec::new() }
    }
}

/// A car park that only the map has.
pub(crate) struct Mapped {
    /// Number in the streets' list of parking.
    pub number: usize,
    pub linked: Linked,
    pub hours: Option<Hours>,
}

/// See the module's description.
pub(crate) struct Lots {
    /// The places that are linked here.
    pub registry: Arc<Registry>,
    pub sites: HashMap<SiteId, Result<Linked, String>>,
    pub groups: Vec<Linked>,
    pub group_of: HashMap<BayId, usize>,
    pub mapped: Vec<Mapped>,
    pub park_ride: Vec<SiteId>,
    /// Sites for bicycles.
    pub bike_sites: Vec<SiteId>,
    /// What sites cost, where a tariff says it.
    pub meters: HashMap<SiteId, Meter>,
}

impl Lots {
    /// Links all places of `registry`.
    pub fn new(area: &Area, registry: &Arc<Registry>) -> Self {
        let mut workspace = Workspace::new();
        let mut lots = Lots {
            registry: registry.clone(),
            sites: HashMap::new(),
            groups: Vec::new(),
            group_of: HashMap::new(),
            mapped: Vec::new(),
            park_ride: Vec::new(),
            bike_sites: registry
                .sites()
                .filter(|site| site.def.purpose == For::Bike)
                .map(|site| site.id)
                .collect(),
            meters: meters(registry),
        };
        for site in registry.sites().filter(|site| site.def.purpose == For::Car) {
            let place = ParkingShape { purpose: Purpose::Car, outline: outline(&site.def.geometry) };
            let linked = match link_place(&area.network, &place) {
                Ok(links) => {
                    let at = site.def.position();
                    let mut linked = Linked::without_stops(at, links);
                    if site.def.kind == SiteKind::ParkAndRide {
                        let mut stops =
                            |access, doors: &[_]| stops_around(area, &mut workspace, access, at, doors);
                        linked.stops = stops(Mode::Foot, &linked.links.foot);
                        linked.wheelchair_stops = stops(Mode::Wheelchair, &linked.links.wheelchair);
                        lots.park_ride.push(site.id);
                    }
                    Ok(linked)
                }
                Err(unlinked) => Err(unlinked.reason),
            };
            lots.sites.insert(site.id, linked);
        }
        lots.group_bays(area);
        lots.add_mapped(area);
        lots
    }

    /// Visible bays without a site, by the edge at which they lie.
    fn group_bays(&mut self, area: &Area) {
        let mut by_edge: HashMap<u32, usize> = HashMap::new();
        let registry = self.registry.clone();
        let is_shown = |bay: &Bay| bay.site.is_none() && bay.publish() == Publish::Public;
        let mut lone: Vec<_> = registry.bays().filter(|bay| is_shown(&bay.def)).collect();
        lone.sort_by_key(|bay| bay.id);
        for bay in lone {
            let at = bay.def.position();
            let Ok(links) = link_bay(&area.network, at) else { continue };
            let Some(edge) = links.vehicle.first().map(|link| link.edge) else { continue };
            let group = *by_edge.entry(edge).or_insert(self.groups.len());
            if group == self.groups.len() {
                self.groups.push(Linked::without_stops(at, links));
            }
            self.group_of.insert(bay.id, group);
        }
    }

    /// Public car parks of the map that are no imported site.
    fn add_mapped(&mut self, area: &Area) {
        let sites: Vec<LatLon> = self.registry.sites().map(|site| site.def.position()).collect();
        // They belong to no municipality: the holidays of the nearest one apply.
        let towns: Vec<(LatLon, Arc<Locality>)> = (self.registry.municipalities())
            .filter_map(|(id, town)| {
                let position = LatLon::new(town.lat?, town.lon?)?;
                Some((position, self.registry.locality(id).clone()))
            })
            .collect();
        let nowhere =
            Arc::new(Locality::new(area.timetable.zones.first().map_or("UTC", |zone| zone), "", []));
        for (number, parking) in area.network.streets().parking.iter().enumerate() {
            if parking.purpose != Purpose::Car || parking.name.is_none() && parking.capacity.is_none() {
                continue;
            }
            let at = middle(parking);
            let near = at.around(SAME_PLACE_M);
            if sites.iter().any(|site| near.contains(*site) && site.distance_m(at) < SAME_PLACE_M) {
                continue;
            }
            if let Ok(links) = link_osm(&area.network, parking) {
                let town = towns.iter().min_by(|a, b| a.0.distance_m(at).total_cmp(&b.0.distance_m(at)));
                let locality = town.map_or(&nowhere, |(_, locality)| locality).at(at);
                let hours = parking.opening_hours.as_deref();
                let hours = hours.and_then(|text| Hours::parse(text, &locality).ok());
                self.mapped.push(Mapped { number, linked: Linked::without_stops(at, links), hours });
            }
        }
    }

    /// How many sites are linked, and how many are not.
    pub fn counts(&self) -> (usize, usize) {
        let linked = self.sites.values().filter(|site| site.is_ok()).count();
        (linked, self.sites.len() - linked)
    }
}

/// The tariffs of sites. One whose hours cannot be read is unknown.
fn meters(registry: &Registry) -> HashMap<SiteId, Meter> {
    let tariffs = registry.sites().filter_map(|site| Some((site, site.def.fee.as_ref()?.tariff.as_ref()?)));
    let meters = tariffs.filter_map(|(site, tariff)| {
        let locality = registry.locality(site.municipality).at(site.def.position());
        let failed = |problem: &_| {
            tracing::error!("sites.geojson: id '{}': its tariff is ignored: {problem}", site.def.id);
        };
        Some((site.id, Meter::new(tariff, &locality).inspect_err(failed).ok()?))
    });
    meters.collect()
}

/// Sites without a link to the streets, by id, with the reason.
pub fn unlinked_sites(area: &Area, registry: &Registry) -> Vec<(String, String)> {
    let sites = registry.sites().filter(|site| site.def.purpose == For::Car);
    let unlinked = sites.filter_map(|site| {
        let place = ParkingShape { purpose: Purpose::Car, outline: outline(&site.def.geometry) };
        Some((site.def.id.clone(), link_place(&area.network, &place).err()?.reason))
    });
    let mut unlinked: Vec<(String, String)> = unlinked.collect();
    unlinked.sort_unstable();
    unlinked
}

fn outline(geometry: &Geometry) -> Vec<LatLon> {
    let point = |p: &[f64; 2]| LatLon { lat: p[1], lon: p[0] };
    match geometry {
        Geometry::Point(p) => vec![point(p)],
        Geometry::Polygon(rings) => {
            rings.first().map_or_else(Vec::new, |ring| ring.iter().map(point).collect())
        }
    }
}

pub fn middle(parking: &OsmParking) -> LatLon {
    let points = parking.outline.iter().map(|at| at.degrees());
    let n = parking.outline.len().max(1) as f64;
    let (lat, lon) = points.fold((0.0, 0.0), |sum, p| (sum.0 + p.lat / n, sum.1 + p.lon / n));
    LatLon { lat, lon }
}
