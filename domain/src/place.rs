//! Places as the files define them: municipalities, sites, bays, vehicles.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::fee::Fee;
use crate::geo::{Geometry, LatLon};
use crate::time::UtcMicros;

/// Declares an enum with its wire names: `as_str`, `FromStr`, `ALL`, serde.
#[macro_export]
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[doc = concat!("Written `", $text, "`.")] #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The name on the wire and in the files.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// All wire names, for error texts: `a, b, c`.
            pub fn choices() -> String {
                Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", ")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::place::UnknownName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text)
                    .ok_or_else(|| $crate::place::UnknownName { value: text.to_owned(), choices: Self::choices() })
            }
        }
    };
}
pub(crate) use wire_enum;

/// A name that is not in a closed list; the message says which are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is not one of: {choices}")]
pub struct UnknownName {
    /// What was given.
    pub value: String,
    /// What may be given: `a, b, c`.
    pub choices: String,
}

wire_enum! {
    /// What kind of parking site it is.
    SiteKind {
        OnStreet = "on_street", Lot = "lot", CarPark = "car_park",
        Underground = "underground", ParkAndRide = "park_and_ride",
    }
}

wire_enum! {
    /// What kind of place an id belongs to: both may have the same one.
    PlaceKind { Site = "site", Bay = "bay" }
}

wire_enum! {
    /// What is parked there.
    Purpose { Car = "car", Bike = "bike" }
}

wire_enum! {
    /// For whom a space is reserved.
    Audience {
        Disabled = "disabled", AssignedDisabled = "assigned_disabled", Charging = "charging",
        Resident = "resident", Women = "women", Family = "family", Delivery = "delivery",
        Taxi = "taxi", Carsharing = "carsharing",
    }
}

impl Audience {
    /// Spaces that belong to persons: never offered to a driver, whatever `for=` says, and their
    /// own state is not shown unless the place says otherwise.
    pub const fn is_personal(self) -> bool {
        matches!(self, Audience::Resident | Audience::AssignedDisabled)
    }
}

wire_enum! {
    /// What the public may see of a place.
    Publish {
        /// Its own state is shown.
        Public = "public",
        /// A bay counts in its site, its own state is not shown.
        SiteOnly = "site_only",
        /// Nothing is shown, and it counts nowhere.
        None = "none",
    }
}

/// A town, or the county itself (then `ags` has five digits).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Municipality {
    /// Its short name in the files and the API.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// Official key: 5-digit Kreis, 8-digit AGS or 12-digit ARS.
    pub ags: String,
    /// Latitude of its middle, WGS 84 degrees.
    pub lat: Option<f64>,
    /// Longitude of its middle, WGS 84 degrees.
    pub lon: Option<f64>,
    /// IANA zone, used only where people read.
    pub tz: String,
    /// Whether planners' figures are open to all.
    pub public_planning: bool,
}

impl Municipality {
    /// Whether this is a county.
    pub fn is_county(&self) -> bool {
        self.ags.len() == 5
    }

    /// Whether feeds of this municipality may name places of `owner`: of its own, and a county's
    /// feeds of those of the municipalities whose keys begin with its own.
    ///
    /// The only implementation of this rule.
    pub fn may_name(&self, owner: &Municipality) -> bool {
        self.slug == owner.slug || (self.is_county() && owner.ags.starts_with(&self.ags))
    }
}

/// Spaces reserved for an audience, at certain hours, for a limited stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// For whom; `None`: it limits the stay of everyone.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// How many spaces; `None`: of a site all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// When it holds (OSM opening-hours syntax); outside these hours it does not. Absent = always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// How long one may stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_stay_min: Option<u32>,
}

/// A car park, a lot, a stretch of kerb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Its name in the files and the API.
    pub id: String,
    /// Slug of the municipality that owns it.
    pub municipality: String,
    /// What people call it.
    pub name: String,
    /// What is built there.
    pub kind: SiteKind,
    /// All its spaces.
    pub capacity: u32,
    /// What is parked there.
    pub purpose: Purpose,
    /// A name that several places share.
    pub zone: Option<String>,
    /// In OSM's syntax; `None`: it is open always.
    pub opening_hours: Option<String>,
    /// What it costs; `None`: not known.
    pub fee: Option<Fee>,
    /// The highest vehicle that fits in.
    pub max_height_m: Option<f64>,
    /// For whom spaces are reserved, and for how long one may stay.
    #[serde(default)]
    pub restrictions: Vec<Restriction>,
    /// What the public may see.
    pub publish: Publish,
    /// It is no place before; `None`: it always was one.
    pub valid_from: Option<UtcMicros>,
    /// It is no place from then on; `None`: no end is known.
    pub valid_until: Option<UtcMicros>,
    /// Where it is.
    pub geometry: Geometry,
}

impl Site {
    /// Where it is: its point, or the middle of its area.
    pub fn position(&self) -> LatLon {
        self.geometry.center()
    }

    /// Spaces reserved for `audience`, as the site's definition says.
    pub fn capacity_for(&self, audience: Audience) -> Option<u32> {
        self.restrictions.iter().find(|r| r.audience == Some(audience)).and_then(|r| r.capacity)
    }
}

/// One space for one vehicle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bay {
    /// Its name in the files and the API.
    pub id: String,
    /// Slug of the municipality that owns it.
    pub municipality: String,
    /// Id of its site, if it belongs to one.
    pub site: Option<String>,
    /// A name that several places share.
    pub zone: Option<String>,
    /// For whom it is reserved, and for how long one may stay.
    #[serde(default)]
    pub restrictions: Vec<Restriction>,
    /// How long everyone may stay.
    pub max_stay_min: Option<u32>,
    /// As the file says; see [`Bay::publish`] for the rule that holds.
    pub publish: Option<Publish>,
    /// It is no place before; `None`: it always was one.
    pub valid_from: Option<UtcMicros>,
    /// It is no place from then on; `None`: no end is known.
    pub valid_until: Option<UtcMicros>,
    /// Where it is.
    pub geometry: Geometry,
}

impl Bay {
    /// Where it is: its point, or the middle of its area.
    pub fn position(&self) -> LatLon {
        self.geometry.center()
    }

    /// What the public may see: as the file says, else `site_only` for spaces that belong to
    /// persons, else `public`.
    pub fn publish(&self) -> Publish {
        self.publish.unwrap_or_else(|| {
            let personal = self.restrictions.iter().any(|r| r.audience.is_some_and(Audience::is_personal));
            if personal { Publish::SiteOnly } else { Publish::Public }
        })
    }
}

/// Whether `now` lies in `[from, until)`; an absent end is open.
pub fn is_valid_at(from: Option<UtcMicros>, until: Option<UtcMicros>, now: UtcMicros) -> bool {
    from.is_none_or(|f| f <= now) && until.is_none_or(|u| now < u)
}

/// A bus, a train, a shared car.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vehicle {
    /// Its name in the files and the API.
    pub id: String,
    /// Slug of the municipality that owns it.
    pub owner: String,
    /// Who runs it.
    pub operator: Option<String>,
    /// What stands on it.
    pub label: Option<String>,
    /// Seats.
    pub seats: Option<u32>,
    /// Places to stand.
    pub standing: Option<u32>,
}

/// A device's EUI-64 in one spelling: 16 lower-case hex digits.
///
/// Accepts `70-B3-D5-...`, `70:b3:...`, `70B3D5...`, with or without spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DevEui(pub u64);

impl FromStr for DevEui {
    type Err = NotADevEui;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        // The Things Stack names devices `eui-...`, programmers write `0x...`.
        let text = match text.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("eui-") => &text[4..],
            _ => text.strip_prefix("0x").unwrap_or(text),
        };
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':' | ' ' | '.')).collect();
        let is_eui = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let value = is_eui.then(|| u64::from_str_radix(&digits, 16).ok());
        value.flatten().map(DevEui).ok_or(NotADevEui)
    }
}

impl fmt::Display for DevEui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text is not a DevEUI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a DevEUI: 16 hexadecimal digits are needed")]
pub struct NotADevEui;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_eui_has_one_spelling() {
        for text in [
            "70-B3-D5-7E-D0-05-1A-2B",
            "70b3d57ed0051a2b",
            "70:B3:D5:7E:D0:05:1A:2B",
            " 70B3D57ED0051A2B ",
            "eui-70b3d57ed0051a2b",
            "EUI-70B3D57ED0051A2B",
            "0x70b3d57ed0051a2b",
        ] {
            assert_eq!(text.parse::<DevEui>().unwrap().to_string(), "70b3d57ed0051a2b");
        }
        assert!("1.8E+15".parse::<DevEui>().is_err());
        for wrong in ["70b3d57ed0051a2", "eui-eui-70b3d57ed0051a2b", "ä-70b3d57ed0051a2b", "eui-"] {
            assert!(wrong.parse::<DevEui>().is_err(), "{wrong}");
        }
    }

    fn of_key(slug: &str, ags: &str) -> Municipality {
        let name = slug.to_uppercase();
        let tz = "Europe/Berlin".to_owned();
        Municipality {
            slug: slug.into(),
            name,
            ags: ags.into(),
            lat: None,
            lon: None,
            tz,
            public_planning: false,
        }
    }

    #[test]
    fn a_county_speaks_of_its_own_towns_and_a_town_of_itself() {
        let all = [
            of_key("coesfeld", "05558"),
            of_key("nottuln", "05558032"),
            of_key("billerbeck", "055580008008"),
            of_key("borken", "05554"),
            of_key("gescher", "05554020"),
            // Its key holds the digits of a county, not at the beginning.
            of_key("elsewhere", "10555805"),
        ];
        let may: Vec<(&str, &str)> = all
            .iter()
            .flat_map(|speaker| all.iter().map(move |owner| (speaker, owner)))
            .filter(|(speaker, owner)| speaker.slug != owner.slug && speaker.may_name(owner))
            .map(|(speaker, owner)| (&*speaker.slug, &*owner.slug))
            .collect();
        assert_eq!(may, [("coesfeld", "nottuln"), ("coesfeld", "billerbeck"), ("borken", "gescher")]);
        assert!(all.iter().all(|m| m.may_name(m)));
    }

    #[test]
    fn unknown_names_list_the_choices() {
        let e = "parkhaus".parse::<SiteKind>().unwrap_err();
        assert_eq!(
            e.to_string(),
            "'parkhaus' is not one of: on_street, lot, car_park, underground, park_and_ride"
        );
    }
}
