//! Areas in which vehicles come on demand, as counties and towns draw them: offers without a timetable stand in none.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Desk, OnDemandKind, Terms};
use crate::geo::LatLon;
use crate::geo::shape::Shape;

/// An area in which a vehicle comes on demand, from anywhere in it to anywhere, or from stop to stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnDemandArea {
    /// Its id, of all municipalities one.
    pub id: String,
    /// Slug of the municipality that states it.
    pub municipality: String,
    /// For riders.
    pub name: String,
    /// What runs.
    pub kind: OnDemandKind,
    /// When riders are picked up, in OpenStreetMap's syntax of opening hours. They may be set down later.
    pub hours: String,
    /// Who runs it.
    pub agency: Option<String>,
    /// Ids of the stops that it serves; none: it comes anywhere in the area.
    pub stops: Vec<String>,
    /// How long a ride takes at the longest: so many times the drive, and `offset_s`. As in GTFS-Flex (`safe_duration_factor`).
    pub detour_factor: f64,
    /// Added to it, seconds (`safe_duration_offset`).
    pub offset_s: u32,
    /// When it can be booked.
    pub terms: Terms,
    /// With whom.
    pub desk: Desk,
    /// Whether wheelchairs are taken along.
    pub wheelchair: Option<bool>,
    /// Notice for rides with a wheelchair, minutes, where it is longer.
    pub wheelchair_notice_min: Option<u32>,
    /// Whether bicycles are taken along.
    pub bikes: Option<bool>,
    /// First day on which it runs.
    pub valid_from: Option<Date>,
    /// Last day on which it runs.
    pub valid_until: Option<Date>,
    /// Where this is stated.
    pub source: Option<String>,
    /// Where it is.
    pub shape: Shape,
}

impl OnDemandArea {
    /// Whether it runs on a service day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_until.is_none_or(|until| day <= until)
    }

    /// The middle of the box around it.
    pub fn position(&self) -> Option<LatLon> {
        let bounds = self.shape.bounds()?;
        let lat = f64::midpoint(bounds.south, bounds.north);
        Some(LatLon { lat, lon: f64::midpoint(bounds.west, bounds.east) })
    }
}
