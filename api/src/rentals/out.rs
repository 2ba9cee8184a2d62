//! Stations and vehicles as they are answered.

use domain::registry::Entry;
use domain::rental::{
    FormFactor, Permissions, Propulsion, ReturnRule, Station, StationStatus, System, TypeIndex, Vehicle,
    is_stale,
};
use domain::{Feed, FeedId, Lang, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::Held;
use super::chance::Chances;
use crate::contract::words;
use crate::http::wire::whole;

/// A station of shared vehicles.
#[derive(Serialize, ToSchema)]
pub struct StationOut<'a> {
    /// Id of the station, as its operator has it.
    id: &'a str,
    /// Name of the station.
    name: &'a str,
    /// Id of the system, as its operator has it.
    system: &'a str,
    /// Name of the system.
    system_name: &'a str,
    /// Who runs it; null: the operator does not say.
    operator: Option<&'a str>,
    /// Slug of the municipality whose feed it comes from.
    municipality: &'a str,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// Distance as the crow flies, metres; null: no point was asked about.
    distance_m: Option<i64>,
    /// Whether it is a place without installations.
    is_virtual: bool,
    /// Docks or parking places; null: not known.
    capacity: Option<u32>,
    /// Vehicles that can be taken, of all types; null: not known.
    vehicles: Option<u32>,
    /// Docks or parking places that a vehicle can be returned to; null: not known, or not limited.
    docks: Option<u32>,
    /// Whether vehicles can be taken now; null: not known.
    is_renting: Option<bool>,
    /// Whether vehicles can be returned now; null: not known.
    is_returning: Option<bool>,
    /// What is rented here, each type once.
    types: Vec<RentalTypeOut<'a>>,
    /// Chance of a vehicle of any type at `arrive_at`, 0 to 1; null: not known.
    vehicle_chance: Option<f64>,
    /// Chance of a dock or parking place for any type at `arrive_at`, 0 to 1; null: not known.
    dock_chance: Option<f64>,
    /// When the operator knew of it; null: it says nothing of this station.
    observed_at: Option<UtcMicros>,
    /// Seconds since then; null: never.
    age_s: Option<i64>,
    /// Whether that is too long ago to say anything of now.
    stale: bool,
    /// Where one rents, for people; null: the operator names no address.
    url: Option<&'a str>,
    /// Whom to name; null: nobody asks for it.
    attribution: Option<&'a str>,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    licence: Option<&'a str>,
    #[serde(skip)]
    pub feed: FeedId,
}

/// A type of vehicles at a station.
#[derive(Serialize, ToSchema)]
pub struct RentalTypeOut<'a> {
    /// How the operator calls it; null: it does not say.
    name: Option<&'a str>,
    /// What one rides.
    #[schema(value_type = words::RentalForm)]
    form: FormFactor,
    /// What moves it; null: not known.
    #[schema(value_type = Option<words::Propulsion>)]
    propulsion: Option<Propulsion>,
    /// Where it may be returned.
    #[schema(value_type = words::ReturnRule)]
    return_rule: ReturnRule,
    /// With a full battery or tank, metres; null: not known, or not limited.
    max_range_m: Option<i64>,
    /// Vehicles of it that can be taken; null: not known, or the operator does not count types.
    vehicles: Option<u32>,
    /// Docks that take it; null: not known, not limited, or the operator does not count types.
    docks: Option<u32>,
}

/// A shared vehicle that stands at no station.
#[derive(Serialize, ToSchema)]
pub struct FreeVehicleOut<'a> {
    /// Id of the system, as its operator has it.
    system: &'a str,
    /// Name of the system.
    system_name: &'a str,
    /// Who runs it; null: the operator does not say.
    operator: Option<&'a str>,
    /// Slug of the municipality whose feed it comes from.
    municipality: &'a str,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// Distance as the crow flies, metres; null: no point was asked about.
    distance_m: Option<i64>,
    /// What one rides.
    #[schema(value_type = words::RentalForm)]
    form: FormFactor,
    /// What moves it; null: not known.
    #[schema(value_type = Option<words::Propulsion>)]
    propulsion: Option<Propulsion>,
    /// How far it goes with what is in its battery or tank, metres; null: not known, or not limited.
    range_m: Option<i64>,
    /// Where it may be returned.
    #[schema(value_type = words::ReturnRule)]
    return_rule: ReturnRule,
    /// Whether a ride may begin here.
    can_start_here: bool,
    /// When the operator knew of it.
    observed_at: UtcMicros,
    /// Seconds since then.
    age_s: i64,
    /// Whether that is too long ago to say that it still stands here.
    stale: bool,
    /// Where one rents, for people; null: the operator names no address.
    url: Option<&'a str>,
    /// Whom to name; null: nobody asks for it.
    attribution: Option<&'a str>,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    licence: Option<&'a str>,
    #[serde(skip)]
    pub feed: FeedId,
}

/// A system, and how it is shown.
pub struct Context<'a> {
    pub held: &'a Held,
    pub feed: &'a Entry<FeedId, Feed>,
    pub lang: Lang,
    pub now: UtcMicros,
}

impl<'a> Context<'a> {
    fn system(&self) -> &'a System {
        &self.held.system
    }

    fn is_stale(&self, at: UtcMicros) -> bool {
        is_stale(at, self.now, self.feed.def.rental.stale_after_s())
    }

    fn operator(&self) -> Option<&'a str> {
        self.system().operator.as_ref().map(|operator| operator.in_lang(self.lang))
    }

    /// Which types are rented at a station.
    fn rented(&self, station: &Station) -> impl Iterator<Item = TypeIndex> {
        let counted =
            station.status.as_ref().map(|status| &status.by_type).filter(|by_type| !by_type.is_empty());
        let all = (0..self.system().types.len() as u16).map(TypeIndex);
        all.filter(move |index| counted.is_none_or(|by_type| by_type.iter().any(|(t, _)| t == index)))
    }

    /// What one rides that is taken at a station.
    pub fn forms(&self, station: &Station) -> impl Iterator<Item = FormFactor> {
        self.rented(station).filter_map(|index| Some(self.system().vehicle_type(index)?.form))
    }

    /// What one rides; `None`: its type is in no file.
    pub fn form(&self, vehicle: &Vehicle) -> Option<FormFactor> {
        Some(self.system().vehicle_type(vehicle.vehicle_type)?.form)
    }

    /// A station with those of its types that `takes` wants.
    pub fn station(
        &self,
        station: &'a Station,
        distance_m: Option<f64>,
        takes: impl Fn(FormFactor) -> bool,
        chances: Chances,
    ) -> StationOut<'a> {
        let (system, def) = (self.system(), &self.feed.def);
        let status = station.status.as_ref();
        let known = status.filter(|status| !self.is_stale(status.at));
        let types = self.rented(station).filter_map(|index| self.rental_type(index, known));
        let types = types.filter(|out| takes(out.form)).collect();
        StationOut {
            id: &station.id,
            name: station.name.in_lang(self.lang),
            system: &system.id,
            system_name: system.name.in_lang(self.lang),
            operator: self.operator(),
            municipality: &def.municipality,
            lat: station.at.lat,
            lon: station.at.lon,
            distance_m: distance_m.map(whole),
            is_virtual: station.is_virtual,
            capacity: station.capacity,
            vehicles: known.and_then(StationStatus::rentable),
            docks: known.and_then(StationStatus::returnable),
            is_renting: known.map(|status| status.is_installed && status.is_renting),
            is_returning: known.map(StationStatus::takes_back),
            types,
            vehicle_chance: chances.vehicle.map(to_thousandth),
            dock_chance: chances.dock.map(to_thousandth),
            observed_at: status.map(|status| status.at),
            age_s: status.map(|status| self.now.age_s(status.at)),
            stale: status.is_some_and(|status| self.is_stale(status.at)),
            url: station.url.as_deref().or(system.url.as_deref()),
            attribution: def.attribution.as_deref(),
            licence: def.licence.as_deref(),
            feed: self.feed.id,
        }
    }

    fn rental_type(&self, index: TypeIndex, known: Option<&'a StationStatus>) -> Option<RentalTypeOut<'a>> {
        let vehicle_type = self.system().vehicle_type(index)?;
        // Of a station that counts no types the only one has all.
        let counted = |is_counted: fn(&StationStatus) -> bool| {
            known.filter(|status| is_counted(status) || self.system().types.len() == 1)
        };
        let vehicles =
            counted(|status| !status.by_type.is_empty()).and_then(|status| status.rentable_of(index));
        let docks =
            counted(|status| !status.docks_by_type.is_empty()).and_then(|status| status.docks_of(index));
        Some(RentalTypeOut {
            name: vehicle_type.name.as_ref().map(|name| name.in_lang(self.lang)),
            form: vehicle_type.form,
            propulsion: vehicle_type.propulsion,
            return_rule: self.system().return_rule(index),
            max_range_m: vehicle_type.max_range_m.map(whole),
            vehicles,
            docks,
        })
    }

    /// A vehicle; `None`: its type is in no file.
    pub fn vehicle(&self, vehicle: &Vehicle, distance_m: Option<f64>) -> Option<FreeVehicleOut<'a>> {
        let (system, def) = (self.system(), &self.feed.def);
        let vehicle_type = system.vehicle_type(vehicle.vehicle_type)?;
        let Permissions { start, .. } = system.permissions(vehicle.at, vehicle.vehicle_type, self.now);
        Some(FreeVehicleOut {
            system: &system.id,
            system_name: system.name.in_lang(self.lang),
            operator: self.operator(),
            municipality: &def.municipality,
            lat: vehicle.at.lat,
            lon: vehicle.at.lon,
            distance_m: distance_m.map(whole),
            form: vehicle_type.form,
            propulsion: vehicle_type.propulsion,
            range_m: vehicle.range_m.map(whole),
            return_rule: system.return_rule(vehicle.vehicle_type),
            can_start_here: start,
            observed_at: system.vehicles_at,
            age_s: self.now.age_s(system.vehicles_at),
            stale: self.is_stale(system.vehicles_at),
            url: system.url.as_deref(),
            attribution: def.attribution.as_deref(),
            licence: def.licence.as_deref(),
            feed: self.feed.id,
        })
    }
}

/// A chance as it is shown.
fn to_thousandth(p: f64) -> f64 {
    (p * 1000.0).round() / 1000.0
}
