//! Kinds of streets and paths, and their tags in OpenStreetMap.

/// Kind of a way. Earlier ones take precedence where two overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

impl Kind {
    pub(super) fn for_cars(self) -> bool {
        self < Kind::Pedestrian
    }

    /// Whether cars pass through: streets, not the ways of car parks.
    pub(super) fn is_street(self) -> bool {
        self < Kind::Driveway
    }

    /// Its tags, as [`super::pbf::tags`] reads them; `in_town` decides how fast one may drive.
    pub(super) fn tags(self, in_town: bool) -> &'static str {
        match self {
            Kind::Primary if in_town => "highway=primary maxspeed=50 sidewalk=both surface=asphalt lit=yes",
            Kind::Primary => "highway=primary maxspeed=100 surface=asphalt",
            Kind::Secondary if in_town => {
                "highway=secondary maxspeed=50 sidewalk=both surface=asphalt lit=yes"
            }
            Kind::Secondary => "highway=secondary maxspeed=100 surface=asphalt",
            Kind::Tertiary => "highway=tertiary maxspeed=50 sidewalk=both surface=asphalt lit=yes",
            Kind::Residential => {
                "highway=residential maxspeed=30 zone:maxspeed=DE:30 sidewalk=both surface=asphalt"
            }
            Kind::LivingStreet => "highway=living_street maxspeed=walk surface=paving_stones",
            Kind::Driveway => "highway=service surface=asphalt",
            Kind::Aisle => "highway=service service=parking_aisle surface=paving_stones",
            Kind::Pedestrian => "highway=pedestrian bicycle=yes surface=paving_stones",
            Kind::CyclePath => {
                "highway=path bicycle=designated foot=designated segregated=no surface=asphalt"
            }
            Kind::Footway => "highway=footway surface=paving_stones",
            Kind::Ramp => "highway=footway wheelchair=yes incline=6% surface=asphalt",
            Kind::Steps => "highway=steps step_count=24 wheelchair=no",
            Kind::Platform => "railway=platform public_transport=platform foot=yes wheelchair=yes",
        }
    }
}
