//! Will there be a vehicle at a station, or a dock, when somebody arrives?

use super::{Offered, StationModel};
use crate::availability::{Evidence, MOST, Spaces, Supply, predict};
use crate::forecast::STEP_S;
use crate::place::SiteKind;
use crate::rental::{Station, StationStatus, TypeIndex, is_stale};
use crate::time::Times;

/// Chances below it are not looked at more closely.
const NEGLIGIBLE: f64 = 0.01;

/// The chances at an arrival, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Chances {
    /// Of a vehicle; `None`: not known.
    pub vehicle: Option<f64>,
    /// Of a dock; `None`: not known.
    pub dock: Option<f64>,
}

/// The chances of a vehicle and of a dock at `times.arrive`, of a type where one is given and the operator counts it.
///
/// What the station says holds as of now; older than `stale_after_s` it says nothing. Where nothing is rented, or nothing taken back,
/// the chance is 0. `model`: what was learned of the system. Of a station that it does not know what is there now fades as at a parking
/// site, and says nothing after three hours.
pub fn chances(
    model: Option<&StationModel>,
    station: &Station,
    vehicle_type: Option<TypeIndex>,
    stale_after_s: u32,
    times: Times,
) -> Chances {
    let status = station.status.as_ref().filter(|status| !is_stale(status.at, times.now, stale_after_s));
    let Some(status) = status else { return Chances::default() };
    let asked = Asked { model, station, times };
    let vehicle = if status.is_installed && status.is_renting {
        let wanted = vehicle_type.map_or(status.vehicles, |index| status.rentable_of(index));
        wanted.and_then(|wanted| asked.chance(Offered::Vehicle, wanted, status.vehicles))
    } else {
        Some(0.0)
    };
    let dock = if status.takes_back() {
        match vehicle_type.map_or(status.docks, |index| status.docks_of(index)) {
            Some(wanted) => asked.chance(Offered::Dock, wanted, status.docks),
            // Not limited.
            None => Some(1.0),
        }
    } else {
        Some(0.0)
    };
    Chances { vehicle, dock }
}

struct Asked<'a> {
    model: Option<&'a StationModel>,
    station: &'a Station,
    times: Times,
}

impl Asked<'_> {
    /// Of one of the `wanted` that are there now among `all`.
    fn chance(&self, offered: Offered, wanted: u32, all: Option<u32>) -> Option<f64> {
        let Asked { model, station, times } = *self;
        let now = f64::from(u8::from(wanted > 0));
        if times.arrive <= times.now {
            return Some(now);
        }
        let all = all.unwrap_or(0).max(wanted);
        // Up to the first horizon of the forecast: vehicles come and go one by one, so the chance changes evenly with time.
        let first = Times { arrive: times.arrive.max(times.now.plus_s(STEP_S)), ..times };
        if let Some(forecast) = model.and_then(|model| model.forecast(&station.id, offered, first, all)) {
            let part = (times.arrive.seconds_since(times.now) / STEP_S as f64).min(1.0);
            let then = one_of(wanted, all, |n| forecast.at_least(n));
            return Some((now + part * (then - now)).min(MOST));
        }
        let counted =
            |status: &StationStatus| status.vehicles.unwrap_or(0).saturating_add(status.docks.unwrap_or(0));
        let capacity = station.capacity.or(station.status.as_ref().map(counted)).unwrap_or(0);
        let capacity = capacity.max(wanted).max(1);
        let supply = Some(Supply::Count { vacant: wanted, capacity });
        let spaces = Spaces { supply, capacity, known_at: times.now };
        predict(&Evidence::of_spaces(SiteKind::Lot, spaces), None, times).p()
    }
}

/// The chance of one of the `wanted` among `all`, where `at_least` is that of so many of all: which ones go is chance
/// (hypergeometric distribution), and one more than there are now may be of any type.
fn one_of(wanted: u32, all: u32, at_least: impl Fn(u32) -> f64) -> f64 {
    // The chance that none of the wanted is among `n` that are left.
    let (mut none, mut n, mut p) = (1.0, 0, 0.0);
    while n < all && none > NEGLIGIBLE {
        let less = none * f64::from((all - n).saturating_sub(wanted)) / f64::from(all - n);
        n += 1;
        p += (none - less) * at_least(n);
        none = less;
    }
    if none > 0.0 { p + none * at_least(n + 1) } else { p }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::forecast::{Calendar, SAMPLE_S};
    use crate::geo::LatLon;
    use crate::rental::{DEFAULT_STALE_AFTER_S, Localized};
    use crate::stations::StationCount;
    use crate::time::UtcMicros;

    /// Monday, 2024-01-08T00:00:00+01:00.
    pub(in crate::stations) const BEGIN: UtcMicros = UtcMicros(1_704_668_400_000_000);

    pub(in crate::stations) fn station(vehicles: u32, docks: Option<u32>, at: UtcMicros) -> Station {
        let status = StationStatus {
            vehicles: Some(vehicles),
            by_type: vec![],
            docks,
            docks_by_type: vec![],
            is_installed: true,
            is_renting: true,
            is_returning: true,
            at,
        };
        Station {
            id: "s".into(),
            name: Localized::new(vec![("de".into(), "Bahnhof".into())]).unwrap(),
            at: LatLon { lat: 52.0, lon: 7.6 },
            area: None,
            is_virtual: false,
            capacity: None,
            url: None,
            status: Some(status),
        }
    }

    pub(in crate::stations) fn after(
        model: Option<&StationModel>,
        station: &Station,
        now: UtcMicros,
        minutes: i64,
    ) -> Chances {
        let times = Times { now, arrive: now.plus_s(minutes * 60) };
        chances(model, station, None, DEFAULT_STALE_AFTER_S, times)
    }

    #[test]
    fn what_the_station_says_fades_where_nothing_was_learned() {
        let chance = |vehicles, minutes| {
            after(None, &station(vehicles, Some(6 - vehicles), BEGIN), BEGIN, minutes).vehicle
        };
        assert_eq!((chance(0, 0), chance(2, 0)), (Some(0.0), Some(1.0)));
        for minutes in [5, 30, 120] {
            let [none, two] = [0, 2].map(|vehicles| chance(vehicles, minutes).unwrap());
            assert!(0.0 < none && none < two && two < 1.0, "{minutes} min: {none} {two}");
        }
        assert_eq!(chance(2, 200), None);
    }

    #[test]
    fn an_old_state_is_unknown_and_who_rents_nothing_has_none() {
        let chances = |station: &Station, age_s| after(None, station, BEGIN.plus_s(age_s), 10);
        assert!(chances(&station(3, Some(2), BEGIN), 300).dock.is_some());
        assert_eq!(chances(&station(3, Some(2), BEGIN), 301), Chances::default());
        assert_eq!(chances(&Station { status: None, ..station(3, None, BEGIN) }, 0), Chances::default());
        let with = |change: fn(&mut StationStatus)| {
            let mut station = station(3, None, BEGIN);
            station.status.iter_mut().for_each(change);
            let Chances { vehicle, dock } = chances(&station, 0);
            (vehicle.map(|p| p > 0.0), dock)
        };
        assert_eq!(with(|_| ()), (Some(true), Some(1.0)), "docks are not limited");
        assert_eq!(with(|status| status.is_renting = false), (Some(false), Some(1.0)));
        assert_eq!(with(|status| status.is_returning = false), (Some(true), Some(0.0)));
        assert_eq!(with(|status| status.is_installed = false), (Some(false), Some(0.0)));
        assert_eq!(with(|status| status.vehicles = None), (None, Some(1.0)));
    }

    #[test]
    fn which_vehicles_go_is_chance() {
        // Of four two are left for certain.
        let two = |n| f64::from(u8::from(n <= 2));
        let chance = |wanted, all| (one_of(wanted, all, two) * 1e6).round() / 1e6;
        assert_eq!((chance(4, 4), chance(1, 4), chance(2, 4), chance(0, 4)), (1.0, 0.5, 0.833_333, 0.0));
        assert_eq!((chance(0, 0), chance(1, 1), chance(2, 2)), (1.0, 1.0, 1.0));
    }

    /// Empty from 8 to 18, else two vehicles; every day.
    fn count(at: UtcMicros) -> StationCount {
        let hour = (at.0 - BEGIN.0) / 3_600_000_000 % 24;
        let vehicles = if (8..18).contains(&hour) { 0 } else { 2 };
        StationCount { station: "s".into(), at, vehicles: Some(vehicles), docks: Some(2 - vehicles) }
    }

    fn learned(days: i64) -> (StationModel, UtcMicros) {
        let until = BEGIN.plus_s(days * 86_400);
        let counts: Vec<_> =
            (0..=days * 86_400 / SAMPLE_S).map(|i| count(BEGIN.plus_s(i * SAMPLE_S))).collect();
        let mut model = StationModel::new(Calendar::new("Europe/Berlin", None));
        model.learn(&counts, BEGIN.plus_s(-1), until, 900);
        (model, until)
    }

    #[test]
    fn what_was_learned_of_a_station_holds_there_alone() {
        let (model, now) = learned(16);
        // Midnight: two are there, in ten hours none.
        let at = |minutes| after(Some(&model), &station(2, Some(0), now), now, minutes);
        assert_eq!(at(0), Chances { vehicle: Some(1.0), dock: Some(0.0) });
        let [soon, late] = [10, 600].map(at);
        assert!(soon.vehicle > Some(0.9) && soon.dock < Some(0.1), "{soon:?}");
        assert!(late.vehicle < Some(0.2) && late.dock > Some(0.8), "{late:?}");
        let other = Station { id: "t".into(), ..station(2, Some(0), now) };
        assert_eq!(after(Some(&model), &other, now, 10), after(None, &other, now, 10));
        // Days with nothing are no fault of the station.
        let more: Vec<_> =
            (1..=72).map(|hour| StationCount { at: now.plus_s(hour * 3_600), ..count(now) }).collect();
        let (mut still, mut none) = (model.clone(), model.clone());
        let until = now.plus_s(72 * 3_600);
        still.learn(&more, now, until, 3_600);
        let empty: Vec<_> =
            more.into_iter().map(|c| StationCount { vehicles: Some(0), docks: Some(2), ..c }).collect();
        none.learn(&empty, now, until, 3_600);
        for model in [&still, &none] {
            let times = Times { now: until, arrive: until.plus_s(600) };
            assert!(model.forecast("s", Offered::Vehicle, times, 1).is_some());
        }
    }

    #[test]
    fn a_station_that_vanished_is_forgotten_after_eight_weeks() {
        let (mut model, now) = learned(8);
        let other =
            |days: i64| StationCount { station: "t".into(), at: now.plus_s(days * 86_400), ..count(now) };
        let mut stations = |days| {
            let from = model.at().unwrap();
            model.learn(&[other(days)], from.max(other(days).at.plus_s(-SAMPLE_S)), other(days).at, 900);
            model.stations()
        };
        assert_eq!((stations(1), stations(56), stations(57)), (2, 2, 1));
        let times = Times { now, arrive: now.plus_s(600) };
        assert!(model.forecast("s", Offered::Vehicle, times, 1).is_none());
    }
}
