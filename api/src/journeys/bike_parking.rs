//! Where a bicycle is left at a stop.

use domain::LatLon;
use journey::plan::{End, Itinerary, Leg, Modes, StreetLeg};
use journey::streets::parking::{OsmParking, Purpose};
use journey::streets::{Mode, Network};
use serde::Serialize;
use utoipa::ToSchema;

use super::lots::{Lots, middle};
use super::writer::Writer;
use crate::http::wire::whole;

/// Farther from the stop than this nobody leaves a bicycle for it, metres (own estimate).
const NEAR_STOP_M: f64 = 120.0;

/// A place to park bicycles.
#[derive(Serialize, ToSchema)]
pub struct BikeParkingOut<'a> {
    /// Id of the site, or of the object of OpenStreetMap.
    id: &'a str,
    /// Its name; null: none.
    name: Option<&'a str>,
    /// Spaces; null: not known.
    capacity: Option<u32>,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// Distance from the stop as the crow flies, metres.
    distance_m: i64,
}

impl<'a> Writer<'_, 'a> {
    /// Where a bicycle is left at the end of a leg; `None`: it is not, or no place is known.
    pub fn bike_parking(&self, itinerary: &Itinerary, leg: &Leg) -> Option<BikeParkingOut<'a>> {
        let Leg::Street(StreetLeg { mode: Mode::Bike, to: End::Stop(stop), rental: None, .. }) = leg else {
            return None;
        };
        let area = &self.rides.loaded.area;
        let is_left = itinerary.modes == Modes::BIKE_RIDE;
        is_left.then(|| near(self.result.lots, &area.network, area.timetable.stops.point(*stop)))?
    }
}

/// The nearest place for bicycles at a stop: a site of the county, else one of the map.
fn near<'a>(lots: &'a Lots, network: &'a Network, stop: LatLon) -> Option<BikeParkingOut<'a>> {
    let registry = &lots.registry;
    let sites = lots.bike_sites.iter().filter_map(|id| registry.site(*id)).map(|site| &site.def);
    let sites = sites.map(|site| BikeParkingOut {
        name: Some(site.name.as_str()).filter(|name| !name.is_empty()),
        capacity: Some(site.capacity),
        ..of(&site.id, site.position(), stop)
    });
    let mapped = || {
        let near = network.parking_near(stop, NEAR_STOP_M).into_iter();
        let all = near.map(|number| &network.streets().parking[number as usize]);
        let usable = all.filter(|p: &&OsmParking| p.purpose == Purpose::Bike && p.is_public());
        nearest(usable.map(|parking| BikeParkingOut {
            name: parking.name.as_deref(),
            capacity: parking.capacity,
            ..of(&parking.id, middle(parking), stop)
        }))
    };
    nearest(sites).or_else(mapped)
}

fn of(id: &str, at: LatLon, stop: LatLon) -> BikeParkingOut<'_> {
    let LatLon { lat, lon } = at;
    BikeParkingOut { id, name: None, capacity: None, lat, lon, distance_m: whole(at.distance_m(stop)) }
}

fn nearest<'a>(all: impl Iterator<Item = BikeParkingOut<'a>>) -> Option<BikeParkingOut<'a>> {
    all.filter(|one| one.distance_m as f64 <= NEAR_STOP_M).min_by_key(|one| one.distance_m)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use domain::geo::Geometry;
    use domain::place::Purpose as For;
    use journey::area::Area;
    use journey::streets::osm::{Coord, OsmData, OsmWay, Tags};
    use testing::World;

    use super::*;

    fn east(metres: f64) -> LatLon {
        LatLon { lat: 51.95, lon: 7.17 + metres / 68_500.0 }
    }

    /// Racks on the map at 0, 100 (private) and 300 m, and one of the county at 500 m, where the map has one too.
    fn county() -> (Area, Lots) {
        let mut data = OsmData::default();
        data.nodes.extend([(1, Coord::from(east(-50.0))), (2, Coord::from(east(800.0)))]);
        let street = Tags::new([("highway", "residential")]);
        data.ways.push(OsmWay { id: 9, nodes: vec![1, 2], tags: street });
        let racks = [(11, 0.0, "yes"), (12, 100.0, "private"), (13, 300.0, "yes"), (14, 510.0, "yes")];
        for (node, metres, access) in racks {
            data.nodes.insert(node, Coord::from(east(metres)));
            let tags = [("amenity", "bicycle_parking"), ("capacity", "12"), ("access", access)];
            data.node_tags.insert(node, Tags::new(tags));
        }
        let feeds: [&Path; 0] = [];
        let area = Area::of(data, &feeds, &mut |_| ()).expect("streets").0;
        let at = east(500.0);
        let world = World::town("telgte").site("rad", 40).with_site(|site| {
            site.purpose = For::Bike;
            site.geometry = Geometry::Point([at.lon, at.lat]);
        });
        let registry = world.registry();
        let lots = Lots::new(&area, &registry);
        (area, lots)
    }

    #[test]
    fn a_bicycle_is_left_at_the_nearest_rack_that_is_for_everybody() {
        let (area, lots) = county();
        let found = |metres: f64| {
            let one = near(&lots, &area.network, east(metres))?;
            Some((one.id.to_owned(), one.capacity, one.distance_m))
        };
        let rack = |id: &str, capacity, distance_m| Some((id.to_owned(), Some(capacity), distance_m));
        assert_eq!(found(10.0), rack("node/11", 12, 10));
        // The private one is nearer.
        assert_eq!(found(90.0), rack("node/11", 12, 90));
        assert_eq!(found(240.0), rack("node/13", 12, 60));
        assert_eq!(found(160.0), None);
        // What the county knows comes before the map.
        assert_eq!(found(520.0), rack("rad", 40, 20));
    }
}
