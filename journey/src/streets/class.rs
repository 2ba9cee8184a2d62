//! Modes of travel, and the kinds of streets.

use serde::{Deserialize, Serialize};

use super::osm::Tags;

/// A way of moving on streets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// On foot.
    Foot,
    /// On a bicycle.
    Bike,
    /// In a car.
    Car,
    /// In a wheelchair.
    Wheelchair,
}

impl Mode {
    /// All modes, in the order of their numbers.
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
    /// `motorway`, `motorway_link`.
    Motorway,
    /// `trunk`, `trunk_link`.
    Trunk,
    /// `primary`, `primary_link`.
    Primary,
    /// `secondary`, `secondary_link`.
    Secondary,
    /// `tertiary`, `tertiary_link`.
    Tertiary,
    /// `unclassified`, `road`.
    Unclassified,
    /// `residential`.
    Residential,
    /// `living_street`.
    LivingStreet,
    /// `service`, but for [`Class::Aisle`].
    Service,
    /// The aisle of a car park, a driveway.
    Aisle,
    /// `track`.
    Track,
    /// `pedestrian`.
    Pedestrian,
    /// `cycleway`.
    Cycleway,
    /// `path`, `bridleway`.
    Path,
    /// `footway`, a platform, a lift, a pier.
    Footway,
    /// `steps`.
    Steps,
    /// `route=ferry`.
    Ferry,
}

impl Class {
    /// `None` where nothing can be used: planned, under construction, no street at all.
    pub(super) fn of(tags: &Tags) -> Option<Class> {
        let Some(highway) = tags.get("highway") else {
            let walkways = [("railway", "platform"), ("public_transport", "platform"), ("man_made", "pier")];
            let is_walkway = walkways.iter().any(|(key, value)| tags.is(key, value));
            let footway = is_walkway.then_some(Class::Footway);
            return if tags.is("route", "ferry") { Some(Class::Ferry) } else { footway };
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
    /// Asphalt, paving stones.
    Smooth,
    /// Setts, compacted gravel.
    Fair,
    /// Gravel, earth, grass.
    Rough,
    /// Sand, mud, rock.
    Bad,
}

/// Values of `surface`.
const SURFACES: [(Surface, &str); 4] = [
    (
        Surface::Smooth,
        "asphalt concrete paved paving_stones concrete:plates chipseal metal wood concrete:lanes tartan",
    ),
    (
        Surface::Fair,
        "sett cobblestone compacted fine_gravel bricks unhewn_cobblestone cobblestone:flattened metal_grid grass_paver brick",
    ),
    (Surface::Rough, "gravel unpaved ground dirt earth grass pebblestone woodchips"),
    (Surface::Bad, "sand mud rock stepping_stones"),
];

impl Surface {
    pub(super) fn of(tags: &Tags, class: Class) -> Surface {
        let tagged = tags.get("surface").and_then(|value| tagged(&SURFACES, value));
        tagged.unwrap_or_else(|| match (tags.get("tracktype"), class) {
            (Some("grade1"), _) => Surface::Smooth,
            (Some("grade2"), _) => Surface::Fair,
            (Some("grade3" | "grade4"), _) => Surface::Rough,
            (Some("grade5"), _) => Surface::Bad,
            (_, Class::Track | Class::Path) => Surface::Rough,
            _ => Surface::Smooth,
        })
    }
}

/// What a tag's value means, by lists of values with blanks between them.
pub(super) fn tagged<T: Copy>(meanings: &[(T, &str)], value: &str) -> Option<T> {
    meanings.iter().find(|(_, values)| values.split(' ').any(|one| one == value)).map(|(meaning, _)| *meaning)
}
