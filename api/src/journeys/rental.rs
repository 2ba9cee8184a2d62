//! Rides with shared vehicles, and those that cannot be made, as they are answered.

use domain::Lang;
use domain::rental::{FormFactor, Localized, Propulsion, ReturnRule, Station, System};
use domain::{LatLon, UtcMicros};
use journey::plan::{LostRental, NoRental, Rented, StreetLeg};
use journey::rental::SpotNumber;
use serde::Serialize;
use utoipa::ToSchema;

use super::ends::EndOut;
use super::rejected::RejectedOut;
use super::rentals::Stock;
use super::writer::Writer;
use crate::contract::words;
use crate::http::wire::whole;

/// A ride with a shared vehicle.
#[derive(Serialize, ToSchema)]
pub struct RentalOut<'a> {
    /// Id of the system, as its operator has it.
    system: &'a str,
    /// Name of the system.
    system_name: &'a str,
    /// Who runs it; null: the operator does not say.
    operator: Option<&'a str>,
    /// Station where the vehicle is taken; null: it stands at none.
    station_from: Option<RentalStationOut<'a>>,
    /// Station where it is returned; null: at none.
    station_to: Option<RentalStationOut<'a>>,
    /// What one rides.
    #[schema(value_type = words::RentalForm)]
    form: FormFactor,
    /// What moves it; null: not known.
    #[schema(value_type = Option<words::Propulsion>)]
    propulsion: Option<Propulsion>,
    /// Where it may be returned.
    #[schema(value_type = words::ReturnRule)]
    return_rule: ReturnRule,
    /// How far it goes, metres: with what is in its battery or tank where that is known, else with a full one; null: not known, or not limited.
    range_m: Option<i64>,
    /// Chance that it is there, 0 to 1; null: not known.
    vehicle_chance: Option<f64>,
    /// Chance of a dock, 0 to 1; null: not known, or none is needed.
    dock_chance: Option<f64>,
    /// What the ride costs by its operator's pricing plan, euros; null: not known.
    price_eur: Option<f64>,
    /// Where one rents, for people; null: the operator names no address.
    url: Option<&'a str>,
    /// When the operator knew of the vehicle; null: it says nothing of the station.
    observed_at: Option<UtcMicros>,
    /// Whether that is too long ago to say anything of now.
    stale: bool,
}

/// A station of shared vehicles at the end of a ride.
#[derive(Serialize, ToSchema)]
struct RentalStationOut<'a> {
    /// Id of the station, as its operator has it.
    id: &'a str,
    /// Name of the station.
    name: &'a str,
}

impl<'a> Stock<'a> {
    fn system(&self, number: usize) -> &'a System {
        &self.systems[number].held.system
    }

    /// The station of a spot, if it is one.
    pub fn station(&self, system: usize, spot: SpotNumber) -> Option<&'a Station> {
        let SpotNumber::Station(station) = spot else { return None };
        self.system(system).stations.get(station as usize)
    }

    /// Where a vehicle is taken or returned.
    pub fn end(&self, system: usize, spot: SpotNumber, lang: Lang) -> EndOut<'a> {
        let LatLon { lat, lon } = self.systems[system].linked.spot(spot).at;
        let station = self.station(system, spot);
        EndOut {
            kind: "rental",
            id: station.map(|station| station.id.as_str()),
            name: station.map(|station| station.name.in_lang(lang)),
            lat,
            lon,
            ..EndOut::default()
        }
    }

    /// What a ride costs by the plan of its type; `None`: it has none, or one in another currency.
    pub fn price_eur(&self, rented: &Rented, duration_s: f64, distance_m: f64) -> Option<f64> {
        let system = self.system(rented.system);
        let plan = system.vehicle_type(rented.vehicle_type)?.plan.as_ref()?;
        system.plans.iter().find(|own| own.id == *plan)?.price_eur(duration_s, distance_m)
    }

    /// Of whom a ride is rented.
    pub fn name(&self, system: usize, lang: Lang) -> &'a str {
        self.system(system).name.in_lang(lang)
    }
}

impl<'a> Writer<'_, 'a> {
    /// The shared vehicle of a leg.
    pub fn rented(&self, leg: &StreetLeg, rented: &Rented) -> RentalOut<'a> {
        let (stock, lang) = (self.result.stock, self.result.query.lang);
        let system = stock.system(rented.system);
        let vehicle_type = system.vehicle_type(rented.vehicle_type);
        let station =
            |station: &'a Station| RentalStationOut { id: &station.id, name: station.name.in_lang(lang) };
        let from = stock.station(rented.system, rented.from);
        let to = rented.to.and_then(|to| stock.station(rented.system, SpotNumber::Station(to)));
        let observed_at = match rented.from {
            SpotNumber::Vehicle(_) => Some(system.vehicles_at),
            SpotNumber::Station(_) => from.and_then(|from| Some(from.status.as_ref()?.at)),
        };
        RentalOut {
            system: &system.id,
            system_name: system.name.in_lang(lang),
            operator: system.operator.as_ref().map(|operator: &Localized| operator.in_lang(lang)),
            station_from: from.map(station),
            station_to: to.map(station),
            form: vehicle_type.map_or(FormFactor::Other, |t| t.form),
            propulsion: vehicle_type.and_then(|t| t.propulsion),
            return_rule: system.return_rule(rented.vehicle_type),
            range_m: rented.range_m.map(whole),
            vehicle_chance: rented.vehicle_p.map(rounded),
            dock_chance: rented.dock_p.map(rounded),
            price_eur: stock.price_eur(rented, (leg.end - leg.start) as f64, leg.distance_m),
            url: from.and_then(|from| from.url.as_deref()).or(system.url.as_deref()),
            observed_at,
            stale: observed_at.is_some_and(|at| stock.is_too_old(rented.system, at)),
        }
    }

    /// Shared vehicles that cannot be used.
    pub fn lost_rental(&self, lost: &LostRental) -> RejectedOut<'a> {
        let (stock, lang) = (self.result.stock, self.result.query.lang);
        let system = stock.system(lost.system);
        let (reason, detail) = why(lost.why, lang);
        RejectedOut {
            kind: "rental",
            id: &system.id,
            name: Some(system.name.in_lang(lang)),
            reason,
            detail,
            from: lost.spot.map(|spot| stock.end(lost.system, spot, lang)),
            ..RejectedOut::default()
        }
    }
}

/// To the thousandth.
fn rounded(p: f64) -> f64 {
    (p * 1_000.0).round() / 1_000.0
}

/// The reason and its sentence.
fn why(why: NoRental, lang: Lang) -> (&'static str, &'static str) {
    let (reason, en, de) = match why {
        NoRental::NoVehicle => (
            "no_vehicle",
            "probably no vehicle is there when you come",
            "wenn Sie kommen, ist dort wahrscheinlich kein Fahrzeug",
        ),
        NoRental::Stale => (
            "stale",
            "the operator has not reported for some time where its vehicles stand",
            "der Anbieter hat länger nicht gemeldet, wo seine Fahrzeuge stehen",
        ),
        NoRental::NoDock => (
            "no_dock",
            "probably no dock is free near your destination when you come",
            "wenn Sie ankommen, ist in der Nähe Ihres Ziels wahrscheinlich kein Platz zur Rückgabe frei",
        ),
        NoRental::Range => (
            "range",
            "the ride is longer than what is left in the battery or tank",
            "die Fahrt ist weiter, als Akku oder Tank reichen",
        ),
        NoRental::NoRideZone => (
            "no_ride_zone",
            "no way leads there on which the vehicle may be ridden",
            "dorthin führt kein Weg, auf dem das Fahrzeug fahren darf",
        ),
        NoRental::NoReturnZone => (
            "no_return_zone",
            "the vehicle must not be left near your destination",
            "in der Nähe Ihres Ziels darf das Fahrzeug nicht abgestellt werden",
        ),
        NoRental::RoundTrip => (
            "round_trip",
            "the vehicle must be brought back to where it was taken",
            "das Fahrzeug muss dorthin zurück, wo es abgeholt wurde",
        ),
    };
    (reason, if lang == Lang::De { de } else { en })
}
