//! The names that imports bring: municipalities and parking sites. Rebuilt when the places or the area have changed.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use domain::geo::LatLon;
use domain::{Municipality, MunicipalityId, Publish, Registry};
use journey::area::Area;
use parking_lot::Mutex;
use place_search::{Index, Kind, Kinds, Place, Reverse};

/// A site of the county lies in the town of what is next to it, metres.
const TOWN_WITHIN_M: f64 = 20_000.0;

/// Municipalities are as well known as the towns of the map.
const TOWN_RANK: u8 = 3;

/// See the module's description.
#[derive(Default)]
pub(crate) struct LiveNames {
    made: ArcSwapOption<Made>,
    making: Mutex<()>,
}

/// The index, and what it was made of.
pub(super) struct Made {
    registry: Weak<Registry>,
    area: Weak<Area>,
    pub index: Index,
}

impl LiveNames {
    /// The names of now.
    pub(super) fn of(&self, registry: &Arc<Registry>, area: Option<&Arc<Area>>) -> Arc<Made> {
        let current = || self.made.load_full().filter(|made| made.is_of(registry, area));
        if let Some(made) = current() {
            return made;
        }
        // One makes it, the others wait for it: some ten milliseconds after an import.
        let _making = self.making.lock();
        current().unwrap_or_else(|| {
            let index = index(registry, area.map(|area| &*area.names));
            let made = Arc::new(Made { registry: Arc::downgrade(registry), area: weak(area), index });
            self.made.store(Some(made.clone()));
            made
        })
    }
}

impl Made {
    fn is_of(&self, registry: &Arc<Registry>, area: Option<&Arc<Area>>) -> bool {
        self.registry.ptr_eq(&Arc::downgrade(registry)) && self.area.ptr_eq(&weak(area))
    }
}

/// What is replaced is not kept in memory for the names made of it.
fn weak(area: Option<&Arc<Area>>) -> Weak<Area> {
    area.map_or_else(Weak::new, Arc::downgrade)
}

fn index(registry: &Registry, mapped: Option<&Index>) -> Index {
    let mut places: Vec<Place> = registry
        .municipalities()
        .filter(|(_, town)| !town.is_county())
        .filter_map(|(id, town)| {
            let at = middle(registry, id, town, mapped)?;
            let place = Place::new(Kind::Town, &*town.slug, &*town.name, &*town.name, at);
            Some(Place { category: "municipality".into(), rank: TOWN_RANK, ..place })
        })
        .collect();
    let towns: Vec<(LatLon, String)> = places.iter().map(|town| (town.at, town.name.clone())).collect();
    let sites = registry.sites().filter(|site| site.def.publish != Publish::None);
    places.extend(sites.map(|site| {
        let (def, at) = (&site.def, site.def.position());
        let owner = registry.municipality(site.municipality);
        let own = owner.filter(|owner| !owner.is_county()).map(|owner| owner.name.clone());
        let town = own.or_else(|| town_near(mapped, at)).or_else(|| nearest(&towns, at));
        let town = town.or_else(|| Some(owner?.name.clone())).unwrap_or_default();
        let place = Place::new(Kind::Site, &*def.id, &*def.name, town, at);
        Place { category: def.kind.as_str().into(), ..place }
    }));
    // Whatever order the registry has: the same places give the same answers.
    places.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    Index::build(places, Vec::new())
}

/// Where a municipality is: as its files say, as the map says, else amid its sites.
fn middle(
    registry: &Registry,
    id: MunicipalityId,
    town: &Municipality,
    mapped: Option<&Index>,
) -> Option<LatLon> {
    let own = town.lat.zip(town.lon).and_then(|(lat, lon)| LatLon::new(lat, lon));
    own.or_else(|| mapped?.town_at(&town.name)).or_else(|| {
        let shown =
            registry.sites().filter(|site| site.municipality == id && site.def.publish != Publish::None);
        let (mut lat, mut lon, mut count) = (0.0, 0.0, 0.0);
        for at in shown.map(|site| site.def.position()) {
            (lat, lon, count) = (lat + at.lat, lon + at.lon, count + 1.0);
        }
        (count > 0.0).then(|| LatLon { lat: lat / count, lon: lon / count })
    })
}

fn town_near(mapped: Option<&Index>, at: LatLon) -> Option<String> {
    let around = Reverse { at, kinds: Kinds::ALL, limit: 1, within_m: TOWN_WITHIN_M };
    let town = mapped?.nearest(&around).first()?.town.to_owned();
    Some(town).filter(|town| !town.is_empty())
}

fn nearest(towns: &[(LatLon, String)], at: LatLon) -> Option<String> {
    let by_distance =
        |a: &&(LatLon, String), b: &&(LatLon, String)| a.0.distance_m(at).total_cmp(&b.0.distance_m(at));
    towns.iter().min_by(by_distance).map(|(_, name)| name.clone())
}
