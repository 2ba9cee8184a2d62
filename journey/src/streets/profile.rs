//! Profile of a way from its tags: access by direction, speed and class.

use serde::{Deserialize, Serialize};

use super::access::{self, Directions};
use super::maxspeed;
use super::osm::Tags;

/// A way of moving on streets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    Foot,
    Bike,
    Car,
    Wheelchair,
}

impl Mode {
    pub const ALL: [Mode; 4] = [Mode::Foot, Mode::Bike, Mode::Car, Mode::Wheelchair];

    /// Its bit in a [`Modes`] set.
    pub const fn bit(self) -> Modes {
        1 << self as u8
    }

    /// Its name in messages.
    pub fn people(self) -> &'static str {
        match self {
            Mode::Foot => "pedestrians",
            Mode::Bike => "bicycles",
            Mode::Car => "cars",
            Mode::Wheelchair => "wheelchairs",
        }
    }
}

/// A set of [`Mode`]s, one bit each.
pub type Modes = u8;

/// The kind of street; the order is that of importance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    Motorway,
    Trunk,
    Primary,
    Secondary,
    Tertiary,
    Unclassified,
    Residential,
    LivingStreet,
    Service,
    Aisle,
    Track,
    Pedestrian,
    Cycleway,
    Path,
    Footway,
    Steps,
    Ferry,
}

impl Class {
    /// `None` where nothing can be used: planned, under construction, no street at all.
    fn of(tags: &Tags) -> Option<Class> {
        let Some(highway) = tags.get("highway") else {
            return match () {
                () if tags.is("route", "ferry") => Some(Class::Ferry),
                () if tags.is("railway", "platform")
                    || tags.is("public_transport", "platform")
                    || tags.is("man_made", "pier") =>
                {
                    Some(Class::Footway)
                }
                () => None,
            };
        };
        Some(match highway {
            "motorway" | "motorway_link" => Class::Motorway,
            "trunk" | "trunk_link" => Class::Trunk,
            "primary" | "primary_link" => Class::Primary,
            "secondary" | "secondary_link" => Class::Secondary,
            "tertiary" | "tertiary_link" => Class::Tertiary,
            "unclassified" | "road" => Class::Unclassified,
            "residential" | "residential_link" => Class::Residential,
            "living_street" => Class::LivingStreet,
            "service" | "services" | "rest_area" => match tags.get("service") {
                Some("parking_aisle" | "driveway" | "drive-through" | "emergency_access") => Class::Aisle,
                _ => Class::Service,
            },
            "track" => Class::Track,
            "pedestrian" => Class::Pedestrian,
            "cycleway" => Class::Cycleway,
            "path" | "bridleway" => Class::Path,
            "footway" | "platform" | "corridor" | "crossing" | "elevator" => Class::Footway,
            "steps" => Class::Steps,
            _ => return None,
        })
    }
}

/// How well wheels roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Surface {
    Smooth,
    /// Setts, compacted gravel.
    Fair,
    /// Gravel, earth, grass.
    Rough,
    /// Sand, mud, rock.
    Bad,
}

impl Surface {
    fn of(tags: &Tags, class: Class) -> Surface {
        match tags.get("surface") {
            Some(
                "asphalt" | "concrete" | "paved" | "paving_stones" | "concrete:plates" | "chipseal" | "metal"
                | "wood" | "concrete:lanes" | "tartan",
            ) => Surface::Smooth,
            Some(
                "sett"
                | "cobblestone"
                | "compacted"
                | "fine_gravel"
                | "bricks"
                | "unhewn_cobblestone"
                | "cobblestone:flattened"
                | "metal_grid"
                | "grass_paver"
                | "brick",
            ) => Surface::Fair,
            Some(
                "gravel" | "unpaved" | "ground" | "dirt" | "earth" | "grass" | "pebblestone" | "woodchips",
            ) => Surface::Rough,
            Some("sand" | "mud" | "rock" | "stepping_stones") => Surface::Bad,
            _ => match (tags.get("tracktype"), class) {
                (Some("grade1"), _) => Surface::Smooth,
                (Some("grade2"), _) => Surface::Fair,
                (Some("grade3" | "grade4"), _) => Surface::Rough,
                (Some("grade5"), _) => Surface::Bad,
                (_, Class::Track | Class::Path) => Surface::Rough,
                _ => Surface::Smooth,
            },
        }
    }
}

/// What all edges of one way have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Profile {
    pub class: Class,
    pub surface: Surface,
    /// Who may go in the direction of the way.
    pub forward: Modes,
    /// Who may go against it.
    pub backward: Modes,
    /// Who may only come to or leave a place on it, not pass through.
    pub no_through: Modes,
    /// For whom it is private: only who lives there or visits them may use it ([`Self::no_through`]).
    pub private: Modes,
    /// Speed of cars (of all modes, on a ferry) forward and backward, 0.1 km/h: signposted or usual for the class, not
    /// yet the speed reached.
    pub speed_dkmh: [u16; 2],
    /// Whether the speed stands on a sign.
    pub signed_speed: bool,
    pub roundabout: bool,
    /// Ramp or slip road.
    pub link: bool,
    /// Cyclists have a lane or track of their own.
    pub cycle_lane: bool,
    /// Where cyclists must walk.
    pub dismount: bool,
    /// An area: people walk along its outline.
    pub area: bool,
    /// Nothing stands along it: a motorway, a tunnel, a bridge, another layer.
    pub apart: bool,
}

impl Profile {
    /// Reads a way's tags; `length_m` of the whole way is for ferries whose duration is known.
    /// `None` if nobody may ever use it.
    pub fn of(tags: &Tags, length_m: f64) -> Option<Profile> {
        let class = Class::of(tags)?;
        let area = tags.is("area", "yes") && tags.get("highway").is_some();
        if area && !matches!(class, Class::Pedestrian | Class::Footway | Class::Path) {
            return None;
        }
        let Directions { forward, backward, no_through, private } = access::of(tags, class);
        if forward | backward | private == 0 {
            return None;
        }
        let (speed_dkmh, signed_speed) = match class {
            Class::Ferry => ([maxspeed::ferry_dkmh(tags, length_m); 2], true),
            _ => maxspeed::of(tags, class),
        };
        Some(Profile {
            class,
            surface: Surface::of(tags, class),
            forward,
            backward,
            no_through,
            private,
            speed_dkmh,
            signed_speed,
            roundabout: matches!(tags.get("junction"), Some("roundabout" | "circular")),
            link: tags.get("highway").is_some_and(|highway| highway.ends_with("_link")),
            cycle_lane: ["cycleway", "cycleway:both", "cycleway:right", "cycleway:left"].iter().any(|key| {
                matches!(tags.get(key), Some("lane" | "track" | "opposite_lane" | "opposite_track"))
            }),
            dismount: tags.is("bicycle", "dismount") || class == Class::Steps,
            area,
            apart: class == Class::Motorway
                || tags.is("motorroad", "yes")
                || tags.get("tunnel").is_some_and(|value| !matches!(value, "no" | "building_passage"))
                || tags.get("bridge").is_some_and(|value| value != "no")
                || tags.get("layer").is_some_and(|value| value != "0"),
        })
    }

    /// Who may go in a direction of travel (`reverse`: against the way).
    pub fn modes(&self, reverse: bool) -> Modes {
        if reverse { self.backward } else { self.forward }
    }
}
