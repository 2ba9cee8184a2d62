//! Lines that run on request, as counties and towns list them: few timetables say so.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Desk, Terms};
use crate::place::wire_enum;

wire_enum! {
    /// Kind of an offer that runs on request.
    OnDemandKind {
        /// A timed line, driven by a taxi when someone has booked.
        TaxiBus = "taxibus",
        /// A taxi that several share (Anruf-Sammel-Taxi).
        Ast = "ast",
        /// A bus that is called.
        RufBus = "rufbus",
        /// A bus that volunteers drive.
        BuergerBus = "buergerbus",
    }
}

/// A rule for lines of the timetable that run on request; it overrides what the timetable has of booking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnDemandLine {
    /// Slug of the municipality that states it; `None`: the county.
    pub municipality: Option<String>,
    /// Short names of lines, `*` for any characters: `T*`.
    pub route: String,
    /// What runs.
    pub kind: OnDemandKind,
    /// Only lines of the agency with this id or name.
    pub agency: Option<String>,
    /// Only trips in this direction (GTFS's `direction_id`).
    pub direction: Option<u8>,
    /// Only trips that leave their first stop in these hours, in OpenStreetMap's syntax of opening hours.
    pub hours: Option<String>,
    /// When it can be booked.
    pub terms: Terms,
    /// With whom.
    pub desk: Desk,
    /// So far from a stop riders are set down at their door, metres.
    pub to_door_m: Option<u32>,
    /// Whether wheelchairs are taken along.
    pub wheelchair: Option<bool>,
    /// Notice for rides with a wheelchair, minutes, where it is longer.
    pub wheelchair_notice_min: Option<u32>,
    /// Whether bicycles are taken along.
    pub bikes: Option<bool>,
    /// First service day on which it holds.
    pub valid_from: Option<Date>,
    /// Last service day on which it holds.
    pub valid_until: Option<Date>,
    /// Where this is stated.
    pub source: Option<String>,
}

/// Which rides a rule is about. Of two rules of one municipality with the same one, the second never counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope<'a> {
    municipality: Option<&'a str>,
    route: &'a str,
    agency: Option<&'a str>,
    direction: Option<u8>,
    hours: Option<&'a str>,
    valid_from: Option<Date>,
    valid_until: Option<Date>,
}

impl fmt::Display for Scope<'_> {
    /// `T58`, `coesfeld T* direction 1 from 2026-12-13`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.municipality.map_or(Ok(()), |slug| write!(f, "{slug} "))?;
        f.write_str(self.route)?;
        self.agency.map_or(Ok(()), |agency| write!(f, " of {agency}"))?;
        self.direction.map_or(Ok(()), |direction| write!(f, " direction {direction}"))?;
        self.hours.map_or(Ok(()), |hours| write!(f, " at {hours}"))?;
        self.valid_from.map_or(Ok(()), |day| write!(f, " from {day}"))?;
        self.valid_until.map_or(Ok(()), |day| write!(f, " until {day}"))
    }
}

impl OnDemandLine {
    /// Which rides it is about.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            municipality: self.municipality.as_deref(),
            route: &self.route,
            agency: self.agency.as_deref(),
            direction: self.direction,
            hours: self.hours.as_deref(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }
    }

    /// Whether it is about lines with this short name. Case does not matter.
    pub fn names(&self, short_name: &str) -> bool {
        is_like(&short_name.to_lowercase(), &self.route.to_lowercase())
    }

    /// Whether it holds on a service day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_until.is_none_or(|until| day <= until)
    }
}

/// Whether `text` is as `pattern`, in which `*` stands for any characters.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(before) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place will do: what is left can only be longer.
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_pattern_has_stars() {
        for (pattern, text, expected) in [
            ("t58", "t58", true),
            ("t58", "t580", false),
            ("t*", "t", true),
            ("t*", "t58", true),
            ("t*", "rt58", false),
            ("*", "", true),
            ("*taxi", "nachttaxi", true),
            ("*a*b", "xaxb", true),
            ("*a*b", "xbxa", false),
            ("a*a", "a", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{pattern} {text}");
        }
    }
}
