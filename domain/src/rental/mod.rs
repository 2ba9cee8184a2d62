//! Shared vehicles: bicycles, scooters, cars that are rented at a station or where they stand.
//!
//! One model of what operators publish as GBFS of whichever version (`kreisverkehr-gbfs` reads it). A vehicle has no id here:
//! ids change after each rental, and whoever kept them could follow riders. Source of the terms: MobilityData/gbfs, `gbfs.md`.

mod geofencing;
mod price;

use serde::{Deserialize, Serialize};

pub use geofencing::{Geofencing, Permissions, Rule, Zone};
pub use price::{Plan, Segment};

use crate::geo::LatLon;
pub use crate::geo::shape::{MAX_POINTS, Shape};
use crate::lang::Lang;
use crate::place::wire_enum;
use crate::time::UtcMicros;

/// How old a state may be before it is unknown, where the feed says nothing: seconds. GBFS asks operators for no older ones.
pub const DEFAULT_STALE_AFTER_S: u32 = 300;

wire_enum! {
    /// What one rides; GBFS's `form_factor` without the posture on a scooter.
    FormFactor {
        Bicycle = "bicycle", CargoBicycle = "cargo_bicycle", Scooter = "scooter", Moped = "moped", Car = "car",
        /// Also a form that the specification does not know.
        Other = "other",
    }
}

wire_enum! {
    /// What moves it, by GBFS's `propulsion_type`.
    Propulsion {
        Human = "human", ElectricAssist = "electric_assist", Electric = "electric", Combustion = "combustion",
        CombustionDiesel = "combustion_diesel", Hybrid = "hybrid", PlugInHybrid = "plug_in_hybrid",
        HydrogenFuelCell = "hydrogen_fuel_cell",
    }
}

wire_enum! {
    /// Where a vehicle may be returned, by GBFS's `return_constraint`.
    ReturnRule {
        /// Anywhere that geofencing allows.
        FreeFloating = "free_floating",
        /// At the station that it was taken from.
        RoundtripStation = "roundtrip_station",
        /// At any station of the system.
        AnyStation = "any_station",
        /// At any station, and anywhere that geofencing allows.
        Hybrid = "hybrid",
    }
}

/// A text in the languages that the operator writes; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Localized(Vec<(String, String)>);

impl Localized {
    /// From pairs of language (BCP 47) and text; `None`: there is none.
    pub fn new(texts: Vec<(String, String)>) -> Option<Self> {
        (!texts.is_empty()).then_some(Localized(texts))
    }

    /// The text in this language, else in English, else in the operator's first.
    pub fn in_lang(&self, lang: Lang) -> &str {
        let of = |wanted: &str| {
            let is_wanted =
                |language: &str| language.split('-').next().is_some_and(|l| l.eq_ignore_ascii_case(wanted));
            self.0.iter().find(|(language, _)| is_wanted(language))
        };
        let wanted = match lang {
            Lang::De => "de",
            Lang::En => "en",
        };
        of(wanted).or_else(|| of("en")).or(self.0.first()).map_or("", |(_, text)| text)
    }
}

/// Which [`VehicleType`] of [`System::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TypeIndex(pub u16);

/// A kind of vehicle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VehicleType {
    /// The operator's id; empty where the system has no types.
    pub id: String,
    /// What one rides.
    pub form: FormFactor,
    /// What moves it; `None`: not known.
    pub propulsion: Option<Propulsion>,
    /// With a full battery or tank, metres.
    pub max_range_m: Option<f64>,
    /// Where it may be returned; `None`: the operator does not say.
    pub return_rule: Option<ReturnRule>,
    /// How the operator calls it.
    pub name: Option<Localized>,
    /// Id of the [`Plan`] that holds where the vehicle names none.
    pub plan: Option<String>,
}

impl VehicleType {
    /// A plain bicycle: what a system without vehicle types rents.
    pub fn bicycle() -> Self {
        VehicleType {
            id: String::new(),
            form: FormFactor::Bicycle,
            propulsion: Some(Propulsion::Human),
            max_range_m: None,
            return_rule: None,
            name: None,
            plan: None,
        }
    }
}

/// What an operator rents in one area, as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// The operator's id of it.
    pub id: String,
    /// How it is called.
    pub name: Localized,
    /// Who runs it.
    pub operator: Option<Localized>,
    /// Where one rents, for people.
    pub url: Option<String>,
    /// Never empty; a system without vehicle types has plain bicycles.
    pub types: Vec<VehicleType>,
    /// In the operator's order, each id once.
    pub stations: Vec<Station>,
    /// Vehicles that stand at no station.
    pub vehicles: Vec<Vehicle>,
    /// When the operator knew of [`System::vehicles`].
    pub vehicles_at: UtcMicros,
    /// Where one may ride and end a ride.
    pub geofencing: Geofencing,
    /// What it costs.
    pub plans: Vec<Plan>,
}

/// Where vehicles are taken and returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Station {
    /// The operator's id of it.
    pub id: String,
    /// How it is called.
    pub name: Localized,
    /// Where it is.
    pub at: LatLon,
    /// Where vehicles may stand that belong to it; `None`: at the position.
    pub area: Option<Shape>,
    /// Whether it is a place without installations.
    pub is_virtual: bool,
    /// Docks or parking places; `None`: not known.
    pub capacity: Option<u32>,
    /// Where one rents at this station, for people.
    pub url: Option<String>,
    /// `None`: the operator says nothing of it now.
    pub status: Option<StationStatus>,
}

/// What a station offers now, as the operator knew at [`StationStatus::at`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationStatus {
    /// Vehicles that can be taken; `None`: not known.
    pub vehicles: Option<u32>,
    /// The same by type, where the operator counts each type; a type that is missing is not there.
    pub by_type: Vec<(TypeIndex, u32)>,
    /// Docks or parking places that a vehicle can be returned to; `None`: not known, or not limited.
    pub docks: Option<u32>,
    /// The same by the types that fit, where the operator counts them so.
    pub docks_by_type: Vec<(Vec<TypeIndex>, u32)>,
    /// Whether it is in the street now.
    pub is_installed: bool,
    /// Whether vehicles can be taken.
    pub is_renting: bool,
    /// Whether vehicles can be returned.
    pub is_returning: bool,
    /// When that was so.
    pub at: UtcMicros,
}

/// A vehicle that stands at no station.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Vehicle {
    /// Where it stands.
    pub at: LatLon,
    /// What it is.
    pub vehicle_type: TypeIndex,
    /// Whether somebody has reserved it.
    pub is_reserved: bool,
    /// Whether it cannot be ridden.
    pub is_disabled: bool,
    /// How far it goes with what is in the battery or tank, metres; `None`: not known, or not limited.
    pub range_m: Option<f64>,
}

impl Vehicle {
    /// Whether it can be taken.
    pub fn is_usable(&self) -> bool {
        !self.is_reserved && !self.is_disabled
    }
}

/// Whether a state of `at` is too old at `now` to say anything: more than `stale_after_s` seconds.
pub fn is_stale(at: UtcMicros, now: UtcMicros, stale_after_s: u32) -> bool {
    now > at.plus_s(stale_after_s.into())
}

impl StationStatus {
    /// Vehicles that can be taken: 0 where nothing is rented.
    pub fn rentable(&self) -> Option<u32> {
        if self.is_installed && self.is_renting { self.vehicles } else { Some(0) }
    }

    /// Vehicles of this type that can be taken.
    pub fn rentable_of(&self, vehicle_type: TypeIndex) -> Option<u32> {
        if self.by_type.is_empty() || self.rentable() == Some(0) {
            return self.rentable();
        }
        let of_type = self.by_type.iter().filter(|(t, _)| *t == vehicle_type);
        Some(of_type.map(|(_, count)| *count).sum())
    }

    /// Whether vehicles can be returned.
    pub fn takes_back(&self) -> bool {
        self.is_installed && self.is_returning
    }

    /// Docks that some vehicle can be returned to: 0 where nothing is taken back.
    pub fn returnable(&self) -> Option<u32> {
        if self.takes_back() { self.docks } else { Some(0) }
    }

    /// Docks that take a vehicle of this type: 0 where nothing is taken back, `None` where it is not known how many.
    pub fn docks_of(&self, vehicle_type: TypeIndex) -> Option<u32> {
        if !self.takes_back() {
            return Some(0);
        }
        if self.docks_by_type.is_empty() {
            return self.docks;
        }
        let fitting = self.docks_by_type.iter().filter(|(types, _)| types.contains(&vehicle_type));
        Some(fitting.map(|(_, count)| *count).fold(0, u32::saturating_add))
    }
}

impl System {
    /// The type of this index.
    pub fn vehicle_type(&self, index: TypeIndex) -> Option<&VehicleType> {
        self.types.get(usize::from(index.0))
    }

    /// How vehicles of a type are returned: as the operator says, else at any station where there are some, else anywhere.
    pub fn return_rule(&self, index: TypeIndex) -> ReturnRule {
        let stated = self.vehicle_type(index).and_then(|t| t.return_rule);
        let usual = if self.stations.is_empty() { ReturnRule::FreeFloating } else { ReturnRule::AnyStation };
        stated.unwrap_or(usual)
    }

    /// What a vehicle of this type may do at a position: by the geofencing, over which the area of a station holds.
    pub fn permissions(&self, at: LatLon, index: TypeIndex, when: UtcMicros) -> Permissions {
        let zones = self.geofencing.at(at, index, when);
        let is_at_station = self.stations.iter().any(|s| s.area.as_ref().is_some_and(|area| area.holds(at)));
        if is_at_station { Permissions { start: true, end: true, ..zones } } else { zones }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UtcMicros = UtcMicros(1_795_348_800_000_000);

    #[test]
    fn a_state_is_unknown_from_the_second_after_its_span() {
        assert!(!is_stale(AT, AT.plus_s(300), DEFAULT_STALE_AFTER_S));
        assert!(is_stale(AT, AT.plus_s(301), DEFAULT_STALE_AFTER_S));
        assert!(!is_stale(AT.plus_s(60), AT, DEFAULT_STALE_AFTER_S));
    }

    #[test]
    fn a_text_is_given_in_the_language_or_the_nearest() {
        let pair = |(l, t): (&str, &str)| (l.to_owned(), t.to_owned());
        let text =
            |pairs: &[(&str, &str)]| Localized::new(pairs.iter().copied().map(pair).collect()).unwrap();
        let all = text(&[("fr", "vélo"), ("en-GB", "bike"), ("de", "Rad")]);
        assert_eq!((all.in_lang(Lang::De), all.in_lang(Lang::En)), ("Rad", "bike"));
        let french = text(&[("fr", "vélo")]);
        assert_eq!((french.in_lang(Lang::De), french.in_lang(Lang::En)), ("vélo", "vélo"));
        assert_eq!(Localized::new(vec![]), None);
    }

    #[test]
    fn a_station_gives_what_it_rents_and_takes_what_it_returns() {
        let [a, b] = [TypeIndex(0), TypeIndex(1)];
        let status = StationStatus {
            vehicles: Some(5),
            by_type: vec![(a, 3), (b, 2)],
            docks: Some(4),
            docks_by_type: vec![(vec![a, b], 3), (vec![b], 1)],
            is_installed: true,
            is_renting: true,
            is_returning: true,
            at: AT,
        };
        assert_eq!(
            (status.rentable(), status.rentable_of(b), status.rentable_of(TypeIndex(2))),
            (Some(5), Some(2), Some(0))
        );
        assert_eq!((status.docks_of(a), status.docks_of(b)), (Some(3), Some(4)));
        let closed = StationStatus { is_renting: false, is_returning: false, ..status.clone() };
        assert_eq!(
            (closed.rentable(), closed.rentable_of(a), closed.docks_of(a)),
            (Some(0), Some(0), Some(0))
        );
        let silent =
            StationStatus { vehicles: None, by_type: vec![], docks: None, docks_by_type: vec![], ..status };
        assert_eq!((silent.rentable_of(a), silent.docks_of(a)), (None, None), "unknown is not zero");
    }
}
