//! Kinds of streets and paths, and their tags in OpenStreetMap.

/// Kind of a way. Earlier ones take precedence where two overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Between towns.
    Primary,
    Secondary,
    /// Through a town and around its centre.
    Tertiary,
    Residential,
    LivingStreet,
    /// To a car park, or to a bay in a yard.
    Driveway,
    /// Between the bays of a car park.
    Aisle,
    /// Streets without cars.
    Pedestrian,
    /// Along a country road, shared by bicycles and people on foot.
    CyclePath,
    Footway,
    /// A footway that wheelchairs can use although it climbs.
    Ramp,
    Steps,
    Platform,
}

type Tags = &'static [(&'static str, &'static str)];

impl Kind {
    pub(super) fn for_cars(self) -> bool {
        self < Kind::Pedestrian
    }

    /// Whether cars pass through: streets, not the ways of car parks.
    pub(super) fn is_street(self) -> bool {
        self < Kind::Driveway
    }

    /// Its tags; `in_town` decides how fast one may drive.
    pub(super) fn tags(self, in_town: bool) -> Tags {
        match (self, in_town) {
            (Kind::Primary, false) => &[("highway", "primary"), ("maxspeed", "100"), ("surface", "asphalt")],
            (Kind::Primary, true) => &[
                ("highway", "primary"),
                ("maxspeed", "50"),
                ("sidewalk", "both"),
                ("surface", "asphalt"),
                ("lit", "yes"),
            ],
            (Kind::Secondary, false) => {
                &[("highway", "secondary"), ("maxspeed", "100"), ("surface", "asphalt")]
            }
            (Kind::Secondary, true) => &[
                ("highway", "secondary"),
                ("maxspeed", "50"),
                ("sidewalk", "both"),
                ("surface", "asphalt"),
                ("lit", "yes"),
            ],
            (Kind::Tertiary, _) => &[
                ("highway", "tertiary"),
                ("maxspeed", "50"),
                ("sidewalk", "both"),
                ("surface", "asphalt"),
                ("lit", "yes"),
            ],
            (Kind::Residential, _) => &[
                ("highway", "residential"),
                ("maxspeed", "30"),
                ("zone:maxspeed", "DE:30"),
                ("sidewalk", "both"),
                ("surface", "asphalt"),
            ],
            (Kind::LivingStreet, _) => {
                &[("highway", "living_street"), ("maxspeed", "walk"), ("surface", "paving_stones")]
            }
            (Kind::Driveway, _) => &[("highway", "service"), ("surface", "asphalt")],
            (Kind::Aisle, _) => {
                &[("highway", "service"), ("service", "parking_aisle"), ("surface", "paving_stones")]
            }
            (Kind::Pedestrian, _) => {
                &[("highway", "pedestrian"), ("bicycle", "yes"), ("surface", "paving_stones")]
            }
            (Kind::CyclePath, _) => &[
                ("highway", "path"),
                ("bicycle", "designated"),
                ("foot", "designated"),
                ("segregated", "no"),
                ("surface", "asphalt"),
            ],
            (Kind::Footway, _) => &[("highway", "footway"), ("surface", "paving_stones")],
            (Kind::Ramp, _) => {
                &[("highway", "footway"), ("wheelchair", "yes"), ("incline", "6%"), ("surface", "asphalt")]
            }
            (Kind::Steps, _) => &[("highway", "steps"), ("step_count", "24"), ("wheelchair", "no")],
            (Kind::Platform, _) => &[
                ("railway", "platform"),
                ("public_transport", "platform"),
                ("foot", "yes"),
                ("wheelchair", "yes"),
            ],
        }
    }
}
