//! Profile of a way from its tags: access by direction, speed and class.

use serde::{Deserialize, Serialize};

use super::access::{self, Directions};
use super::class::{Class, Modes, Surface};
use super::maxspeed;
use super::osm::Tags;

/// What all edges of one way have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Profile {
    /// The kind of street.
    pub class: Class,
    /// Its ground.
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
    /// Whether it is part of a roundabout.
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
    pub(super) fn of(tags: &Tags, length_m: f64) -> Option<Profile> {
        let class = Class::of(tags)?;
        let area = tags.is("area", "yes") && tags.get("highway").is_some();
        if area && !matches!(class, Class::Pedestrian | Class::Footway | Class::Path) {
            return None;
        }
        let Directions { forward, backward, no_through, private } = access::of(tags, class);
        if forward | backward | private == 0 {
            return None;
        }
        let (speed_dkmh, signed_speed) = maxspeed::of(tags, class, length_m);
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
            cycle_lane: access::CYCLEWAYS.iter().any(|key| {
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
    pub(crate) fn modes(&self, reverse: bool) -> Modes {
        if reverse { self.backward } else { self.forward }
    }
}
