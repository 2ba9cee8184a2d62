//! Taxis to call: whose rides they take, and what answers say of them.

use std::sync::Arc;

use domain::geo::LatLon;
use domain::opening::Hours;
use domain::place::Municipality;
use domain::taxi::Taxi;
use domain::{Registry, UtcMicros};
use journey::plan::{self, LostTaxi, NoTaxi};
use journey::timetable::Permission;
use place_search::{Index, Kinds, Reverse, folded};
use serde::Serialize;
use utoipa::ToSchema;

use super::ends::at;
use super::rejected::RejectedOut;

/// What is next to a point lies in the same town, metres.
const SAME_TOWN_M: f64 = 2_000.0;
/// The nearest town of ours is no farther off, metres: else the point lies elsewhere.
const TOWN_WITHIN_M: f64 = 20_000.0;

/// The taxis of a registry, ready to be asked for.
pub(crate) struct Taxis {
    registry: Arc<Registry>,
    /// Hours by the taxi's number.
    hours: Vec<Option<Hours>>,
}

impl Taxis {
    /// Those of `registry`. Hours that cannot be read are unknown.
    pub fn new(registry: &Arc<Registry>) -> Self {
        let hours = |taxi: &Taxi| {
            let town = registry.municipality_id(&taxi.municipality)?;
            let read = Hours::parse(taxi.hours.as_deref()?, registry.locality(town));
            let failed = |problem: &_| {
                tracing::error!("taxis.csv: id '{}': its hours are ignored: {problem}", taxi.id);
            };
            read.inspect_err(failed).ok()
        };
        Taxis { registry: registry.clone(), hours: registry.taxis().iter().map(hours).collect() }
    }

    /// A taxi by its number.
    pub fn get(&self, number: usize) -> &Taxi {
        &self.registry.taxis()[number]
    }

    /// Whether a taxi drives at a time; `None`: not known.
    fn is_open(&self, number: usize, at: UtcMicros) -> Option<bool> {
        self.hours[number].as_ref()?.is_open_at(at)
    }

    /// Those that take rides from `origin`: of its municipality, and of the county.
    pub fn at(&self, origin: LatLon, mapped: &Index) -> Vec<plan::Taxi<'_>> {
        let taxis = self.registry.taxis();
        let town = if taxis.is_empty() { None } else { self.town_at(origin, mapped) };
        let Some(town) = town else { return Vec::new() };
        let is_of_town = |taxi: &Taxi| {
            let owner = self.registry.municipality_id(&taxi.municipality);
            owner.and_then(|id| self.registry.municipality(id)).is_some_and(|owner| owner.may_name(town))
        };
        let numbered = taxis.iter().zip(&self.hours).enumerate();
        let of_town = numbered.filter(|(_, (taxi, _))| is_of_town(taxi));
        let all = of_town.map(|(id, (taxi, hours))| plan::Taxi {
            id,
            hours: hours.as_ref(),
            wheelchair: match taxi.wheelchair {
                Some(true) => Permission::Possible,
                Some(false) => Permission::Impossible,
                None => Permission::Unknown,
            },
        });
        all.collect()
    }

    /// The municipality that a point lies in: as the map says, else the nearest.
    fn town_at(&self, at: LatLon, mapped: &Index) -> Option<&Municipality> {
        let towns = || self.registry.municipalities().filter(|(_, town)| !town.is_county());
        let around = Reverse { at, kinds: Kinds::ALL, limit: 1, within_m: SAME_TOWN_M };
        let name = mapped.nearest(&around).first().map(|hit| folded(hit.town));
        let named = name.and_then(|name| towns().find(|(_, town)| folded(&town.name) == name));
        let near = || {
            let position = |town: &Municipality| LatLon::new(town.lat?, town.lon?);
            let own = towns().filter_map(|(_, town)| Some((position(town)?, town)));
            let sites = self.registry.sites().filter_map(|site| {
                let town = self.registry.municipality(site.municipality).filter(|town| !town.is_county())?;
                Some((site.def.position(), town))
            });
            let by_distance = own.chain(sites).map(|(place, town)| (place.distance_m(at), town));
            let nearest =
                by_distance.min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.slug.cmp(&b.1.slug)));
            nearest.filter(|(distance_m, _)| *distance_m <= TOWN_WITHIN_M).map(|(_, town)| town)
        };
        named.map(|(_, town)| town).or_else(near)
    }
}

/// A taxi to call.
#[derive(Serialize, ToSchema)]
pub struct TaxiOut<'a> {
    /// Id of the taxi, as in `taxis.csv`.
    id: &'a str,
    /// What people call it.
    name: &'a str,
    /// Number to call.
    phone: &'a str,
    /// When it drives, as opening hours of OpenStreetMap; null: not known.
    hours: Option<&'a str>,
    /// Whether it drives when the ride begins; null: not known.
    open: Option<bool>,
    /// Whether it drives at `book_at`, or now; null: not known.
    open_now: Option<bool>,
    /// Whether it takes wheelchairs; null: not known.
    wheelchair: Option<bool>,
}

impl<'a> TaxiOut<'a> {
    /// For a ride that begins at `start`, seconds since 1970, and is ordered at `book_at`.
    pub fn new(taxis: &'a Taxis, number: usize, start: i64, book_at: UtcMicros) -> Self {
        let Taxi { id, name, phone, hours, wheelchair, .. } = taxis.get(number);
        TaxiOut {
            id,
            name,
            phone,
            hours: hours.as_deref(),
            open: taxis.is_open(number, at(start)),
            open_now: taxis.is_open(number, book_at),
            wheelchair: *wheelchair,
        }
    }
}

impl<'a> RejectedOut<'a> {
    /// A taxi that was asked for and is not offered.
    pub fn taxi(taxis: &'a Taxis, lost: &LostTaxi) -> Self {
        let taxi = taxis.get(lost.id);
        let (reason, detail) = match lost.why {
            NoTaxi::NotInService => ("not_in_service", "the taxi does not drive at that time"),
            NoTaxi::WheelchairUnknown => {
                ("wheelchair_unknown", "nothing says whether the taxi takes wheelchairs")
            }
        };
        RejectedOut {
            kind: "taxi",
            id: &taxi.id,
            name: Some(&taxi.name),
            reason,
            detail,
            phone: Some(&taxi.phone),
            ..RejectedOut::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::MunicipalityId;
    use domain::registry::Contents;

    use super::*;

    fn municipality(slug: &str, ags: &str, lat: Option<f64>) -> Municipality {
        Municipality {
            slug: slug.into(),
            name: slug.to_uppercase(),
            ags: ags.into(),
            lat,
            lon: lat.map(|_| 7.0),
            tz: "Europe/Berlin".into(),
            public_planning: false,
        }
    }

    #[test]
    fn rides_are_taken_by_the_taxis_of_the_town_and_of_its_county() {
        let taxi = |id: &str, municipality: &str| Taxi {
            id: id.into(),
            municipality: municipality.into(),
            name: id.into(),
            phone: "115".into(),
            hours: Some("Mo-Su 22:00-06:00".into()),
            wheelchair: None,
        };
        let towns = [("a", "05558001", Some(52.0)), ("b", "05558002", Some(52.1)), ("k", "05558", None)];
        let registry = Arc::new(Registry::new(Contents {
            municipalities: (1..)
                .zip(towns)
                .map(|(id, (slug, ags, lat))| (MunicipalityId(id), municipality(slug, ags, lat)))
                .collect(),
            taxis: vec![taxi("of-b", "b"), taxi("of-k", "k"), taxi("of-a", "a")],
            ..Contents::default()
        }));
        let taxis = Taxis::new(&registry);
        let at = |lat: f64| {
            let found = taxis.at(LatLon { lat, lon: 7.0 }, &Index::default());
            found.iter().map(|taxi| taxis.get(taxi.id).id.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(at(52.01), ["of-k", "of-a"]);
        assert_eq!(at(52.09), ["of-b", "of-k"]);
        assert_eq!(at(53.0), [""; 0], "farther off than any town of ours");
        // 23:30 in Berlin, and noon.
        let out = TaxiOut::new(&taxis, 0, 1_795_559_400, UtcMicros::parse("2026-11-24T11:00:00Z").unwrap());
        assert_eq!((out.id, out.open, out.open_now), ("of-b", Some(true), Some(false)));
    }
}
