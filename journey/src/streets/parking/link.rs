//! Links between parking places and streets: for the vehicle that arrives and the person who walks on.

use std::cmp::Ordering;

use domain::geo::LatLon;
use serde::{Deserialize, Serialize};

use super::outline::Outline;
use super::{OsmParking, Purpose, Unlinked};
use crate::streets::osm::Coord;
use crate::streets::{Link, Mode, Network};

/// Largest distance between a parking place and its street, metres.
const STREET_LIMIT_M: f64 = 150.0;
/// An entrance belongs to the parking place whose outline is so near, metres (entrances are mapped
/// on the kerb or at the ramp's gate).
const ENTRANCE_NEAR_M: f64 = 10.0;
/// Entrances of garages that are mapped as a point, metres.
const ENTRANCE_NEAR_POINT_M: f64 = 60.0;
/// How far an entrance may be from its street, metres.
const ENTRANCE_STREET_M: f64 = 30.0;
/// A place takes the entrances of an OpenStreetMap parking so near, metres.
const SAME_PLACE_M: f64 = 60.0;
/// Corners of an outline whose nearest street is searched: enough for any shape of lot.
const LOOKOUTS: usize = 24;
/// No corner of private parking is farther from where a street leaves it, metres.
const PRIVATE_REACH_M: f64 = 300.0;
/// Links of one kind that are kept: the gates of the largest car parks.
const MAX_LINKS: usize = 8;

/// A parking place to be linked to the streets.
#[derive(Debug, Clone)]
pub struct ParkingShape {
    /// What is parked.
    pub purpose: Purpose,
    /// A point, or a ring whose first point is its last one.
    pub outline: Vec<LatLon>,
}

/// Basis of the links of vehicles, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkedBy {
    /// A mapped entrance.
    Entrance,
    /// A street or aisle that goes into the place.
    StreetInside,
    /// The nearest street.
    NearestStreet,
}

/// Where a parking place meets the streets; never empty, the best link first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Links {
    /// Where the car (the bicycle) arrives and departs.
    pub vehicle: Vec<Link>,
    /// Links for pedestrians.
    pub foot: Vec<Link>,
    /// Links for wheelchairs; may be empty.
    pub wheelchair: Vec<Link>,
    /// What the links of vehicles stand on.
    pub by: LinkedBy,
}

/// Links a parking place of OpenStreetMap to the streets.
///
/// # Errors
/// It is not open to the public, or no street leads there: with the reason.
pub fn link_osm(network: &Network, parking: &OsmParking) -> Result<Links, Unlinked> {
    if !parking.is_public() {
        let access = parking.access.as_deref().unwrap_or_default();
        return Err(Unlinked { reason: format!("it is not open to the public (access={access})") });
    }
    link_mapped(network, parking)
}

/// Links an imported place to the streets: by the entrances of the OpenStreetMap parking that it is
/// (or lies next to), else by its own shape.
///
/// # Errors
/// No street leads there: with the reason.
pub fn link_place(network: &Network, place: &ParkingShape) -> Result<Links, Unlinked> {
    let points: Vec<Coord> = place.outline.iter().map(|point| Coord::from(*point)).collect();
    let outline = Outline::new(&points)?;
    let middle = Coord::from(outline.middle);
    let is_like_it = |parking: &OsmParking| parking.purpose == place.purpose && parking.is_public();
    let same = nearby(network, middle, NEIGHBOURHOOD_M, is_like_it)
        .map(|(outline, parking)| (outline.distance_m(middle), parking))
        .filter(|(distance_m, _)| *distance_m <= SAME_PLACE_M)
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let linked = same.and_then(|(_, parking)| link_mapped(network, parking).ok());
    linked.map_or_else(|| link_shape(network, outline, place.purpose, &[]), Ok)
}

/// Links a single space for a car to the streets: by the open lot it lies in, else by the nearest
/// street. A garage next to it, or below it, is another place.
///
/// # Errors
/// No street leads there: with the reason.
pub fn link_bay(network: &Network, at: LatLon) -> Result<Links, Unlinked> {
    let middle = Coord::from(at);
    let is_open = |parking: &OsmParking| parking.is_public() && !parking.is_roofed();
    let around = nearby(network, middle, NEIGHBOURHOOD_M, is_open)
        .filter(|(outline, _)| outline.contains(middle))
        .min_by(|a, b| a.0.radius_m().total_cmp(&b.0.radius_m()));
    if let Some(links) = around.and_then(|(_, parking)| link_mapped(network, parking).ok()) {
        return Ok(links);
    }
    let finder = Finder::new(network, Outline::new(&[middle])?, &[]);
    let found = |mode| match finder.nearest(mode) {
        links if links.is_empty() => Err(finder.why_not(mode)),
        links => Ok(links),
    };
    Ok(Links {
        vehicle: found(Mode::Car)?,
        foot: found(Mode::Foot)?,
        wheelchair: finder.nearest(Mode::Wheelchair),
        by: LinkedBy::NearestStreet,
    })
}

/// Parking of the map of which the first corner lies so near to a point.
fn nearby(
    network: &Network,
    middle: Coord,
    within_m: f64,
    is_wanted: impl Fn(&OsmParking) -> bool,
) -> impl Iterator<Item = (Outline, &OsmParking)> {
    /// Wider than the rounding of positions.
    const MARGIN_M: f64 = 1.0;
    let near = network.parking_near(middle.degrees(), within_m + MARGIN_M).into_iter();
    near.map(|number| &network.streets().parking[number as usize])
        .filter(move |parking| {
            let is_near = |at: &Coord| at.distance_m(middle) < within_m;
            parking.outline.first().is_some_and(is_near) && is_wanted(parking)
        })
        .filter_map(|parking| Some((Outline::new(&parking.outline).ok()?, parking)))
}

/// No parking place is so large that its first corner is farther away from a place on it, metres.
const NEIGHBOURHOOD_M: f64 = 2000.0;

fn link_mapped(network: &Network, parking: &OsmParking) -> Result<Links, Unlinked> {
    link_shape(network, Outline::new(&parking.outline)?, parking.purpose, &parking.entrances)
}

fn link_shape(
    network: &Network,
    outline: Outline,
    purpose: Purpose,
    tied_entrances: &[u32],
) -> Result<Links, Unlinked> {
    let vehicle_mode = match purpose {
        Purpose::Car => Mode::Car,
        Purpose::Bike => Mode::Bike,
    };
    let finder = Finder::new(network, outline, tied_entrances);
    let links = |mode| finder.links(mode).ok_or_else(|| finder.why_not(mode));
    let (vehicle, by) = links(vehicle_mode)?;
    let (foot, _) = links(Mode::Foot)?;
    let wheelchair = finder.links(Mode::Wheelchair).map_or_else(Vec::new, |(links, _)| links);
    Ok(Links { vehicle, foot, wheelchair, by })
}

struct Finder<'a> {
    network: &'a Network,
    outline: Outline,
    tied_entrances: &'a [u32],
    /// Other people's parking around: its gates and aisles lead to no other place.
    private: Vec<Outline>,
}

impl<'a> Finder<'a> {
    fn new(network: &'a Network, outline: Outline, tied_entrances: &'a [u32]) -> Self {
        let within_m = outline.radius_m() + STREET_LIMIT_M + PRIVATE_REACH_M;
        let private = nearby(network, outline.middle.into(), within_m, |parking| !parking.is_public());
        let private = private.map(|(outline, _)| outline).collect();
        Finder { network, outline, tied_entrances, private }
    }

    fn is_private(&self, at: Coord, within_m: f64) -> bool {
        self.private.iter().any(|private| private.distance_m(at) <= within_m)
    }

    /// The best links of a mode. Islands of the network count only where nothing else is found.
    fn links(&self, mode: Mode) -> Option<(Vec<Link>, LinkedBy)> {
        let all = [
            (self.at_entrances(mode), LinkedBy::Entrance),
            (self.inside(mode), LinkedBy::StreetInside),
            (self.nearest(mode), LinkedBy::NearestStreet),
        ];
        let first = |main: bool| {
            all.iter().find_map(|(links, by)| {
                let links: Vec<Link> =
                    links.iter().filter(|link| link.main || !main).take(MAX_LINKS).copied().collect();
                (!links.is_empty()).then_some((links, *by))
            })
        };
        first(true).or_else(|| first(false))
    }

    fn at_entrances(&self, mode: Mode) -> Vec<Link> {
        let near_m = if self.outline.radius_m() > 0.0 { ENTRANCE_NEAR_M } else { ENTRANCE_NEAR_POINT_M };
        let entrances = &self.network.streets().parking_entrances;
        let vehicle = matches!(mode, Mode::Car | Mode::Bike);
        let mut links: Vec<Link> = (entrances.iter().enumerate())
            .filter(|(_, entrance)| if vehicle { entrance.vehicles } else { entrance.people })
            .filter(|(number, entrance)| {
                self.tied_entrances.contains(&(*number as u32))
                    || self.outline.distance_m(entrance.at) <= near_m
                        && !self.is_private(entrance.at, ENTRANCE_NEAR_M)
            })
            .filter_map(|(_, entrance)| self.public(mode, entrance.at.degrees(), ENTRANCE_STREET_M))
            .collect();
        links.sort_by(|a, b| a.gap_m.total_cmp(&b.gap_m));
        links.dedup_by_key(|link| (link.edge, link.along_dm));
        links
    }

    /// Streets that go into the place, at the points nearest to its middle.
    fn inside(&self, mode: Mode) -> Vec<Link> {
        let streets = self.network.streets();
        let radius_m = self.outline.radius_m();
        let mut links: Vec<Link> = self
            .network
            .edges_near(mode, self.outline.middle, radius_m)
            .filter(|link| self.usable(link.edge, mode))
            .filter(|link| self.outline.is_entered_by(streets.points(link.edge)))
            .collect();
        links.sort_by(|a, b| a.gap_m.total_cmp(&b.gap_m).then(a.edge.cmp(&b.edge)));
        links
    }

    fn nearest(&self, mode: Mode) -> Vec<Link> {
        let near = self.outline.lookouts(LOOKOUTS).filter_map(|from| {
            let link = self.public(mode, from, STREET_LIMIT_M)?;
            if self.is_private(link.at, 0.0) { self.beyond_private(mode, from) } else { Some(link) }
        });
        near.min_by(by_network_and_gap).into_iter().collect()
    }

    /// The nearest street that is not private.
    fn public(&self, mode: Mode, from: LatLon, limit_m: f64) -> Option<Link> {
        self.network.snap(mode, from, limit_m, usize::MAX).into_iter().find(|link| !link.private)
    }

    /// The nearest street but for those of private parking.
    fn beyond_private(&self, mode: Mode, from: LatLon) -> Option<Link> {
        (self.network.edges_near(mode, from, STREET_LIMIT_M))
            .filter(|link| f64::from(link.gap_m) <= STREET_LIMIT_M && self.usable(link.edge, mode))
            .filter(|link| !self.is_private(link.at, 0.0))
            .min_by(by_network_and_gap)
    }

    fn usable(&self, edge: u32, mode: Mode) -> bool {
        let profile = self.network.streets().profile(edge);
        (profile.forward | profile.backward) & !profile.private & mode.bit() != 0
    }

    fn why_not(&self, mode: Mode) -> Unlinked {
        let people = mode.people();
        let reach_m = self.outline.radius_m() + STREET_LIMIT_M;
        let private = (self.network.edges_near(mode, self.outline.middle, reach_m))
            .filter(|link| self.outline.distance_m(link.at) <= STREET_LIMIT_M)
            .any(|link| self.network.streets().profile(link.edge).private & mode.bit() != 0);
        let reason = match private {
            true => format!("its only street for {people} is private"),
            false => format!("no street for {people} within {STREET_LIMIT_M} m"),
        };
        Unlinked { reason }
    }
}

/// Those of large networks first, then the nearest.
fn by_network_and_gap(a: &Link, b: &Link) -> Ordering {
    b.main.cmp(&a.main).then(a.gap_m.total_cmp(&b.gap_m))
}
