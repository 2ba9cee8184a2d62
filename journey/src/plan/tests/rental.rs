//! Shared vehicles in itineraries, against a search by hand.

use domain::rental::{
    FormFactor, Geofencing, Localized, ReturnRule, Rule, Shape, Station, StationStatus, System, TypeIndex,
    Vehicle, VehicleType, Zone,
};
use proptest::prelude::*;

use super::*;
use crate::rental::{Forms, Linked, SpotNumber};
use crate::streets::{Budget, Link, Path};

/// What the planner adds, seconds: unlocking and returning; and what it takes a missing vehicle and dock to cost.
const HANDLING_S: f64 = 120.0;
const NO_VEHICLE_S: f64 = 600.0;
const NO_DOCK_S: f64 = 420.0;
/// Times of legs are whole seconds.
const ROUNDING_S: f64 = 4.0;

/// A station: where it is, and the chances of a vehicle and of a dock.
#[derive(Debug, Clone, Copy)]
struct Stop {
    at: LatLon,
    vehicle_p: Option<f64>,
    dock_p: Option<f64>,
}

/// A system as a search by hand sees it.
#[derive(Debug, Clone)]
struct Fleet {
    rule: ReturnRule,
    stations: Vec<Stop>,
    /// With their range in metres.
    vehicles: Vec<(LatLon, Option<f64>)>,
    /// Rows and columns of the town where one must not ride, and where no ride may end.
    no_ride: Option<[(f64, f64); 2]>,
    no_end: Option<[(f64, f64); 2]>,
}

fn rectangle([rows, columns]: [(f64, f64); 2]) -> Shape {
    let corners = [
        at(rows.0, columns.0),
        at(rows.0, columns.1),
        at(rows.1, columns.1),
        at(rows.1, columns.0),
        at(rows.0, columns.0),
    ];
    Shape::from(vec![vec![corners.map(|at| [at.lon, at.lat]).to_vec()]])
}

impl Fleet {
    fn stations(stations: &[Stop]) -> Self {
        Fleet {
            rule: ReturnRule::AnyStation,
            stations: stations.to_vec(),
            vehicles: Vec::new(),
            no_ride: None,
            no_end: None,
        }
    }

    fn free(vehicles: &[LatLon]) -> Self {
        let vehicles = vehicles.iter().map(|at| (*at, None)).collect();
        Fleet { rule: ReturnRule::FreeFloating, vehicles, ..Fleet::stations(&[]) }
    }

    fn system(&self) -> System {
        let name = |text: &str| Localized::new(vec![("en".into(), text.into())]).unwrap();
        let status = StationStatus {
            vehicles: Some(1),
            by_type: Vec::new(),
            docks: Some(1),
            docks_by_type: Vec::new(),
            is_installed: true,
            is_renting: true,
            is_returning: true,
            at: UtcMicros(0),
        };
        let station = |(number, stop): (usize, &Stop)| Station {
            id: format!("s{number}"),
            name: name("station"),
            at: stop.at,
            area: None,
            is_virtual: false,
            capacity: None,
            url: None,
            status: Some(status.clone()),
        };
        let vehicle = |(at, range_m): &(LatLon, Option<f64>)| Vehicle {
            at: *at,
            vehicle_type: TypeIndex(0),
            is_reserved: false,
            is_disabled: false,
            range_m: *range_m,
        };
        let zone = |sides, rule| Zone { shape: rectangle(sides), from: None, until: None, rules: vec![rule] };
        let no_ride = Rule { through: Some(false), ..Rule::default() };
        let no_end = Rule { end: Some(false), ..Rule::default() };
        let zones = self.no_ride.map(|sides| zone(sides, no_ride)).into_iter();
        let zones = zones.chain(self.no_end.map(|sides| zone(sides, no_end))).collect();
        System {
            id: "sharing".into(),
            name: name("Sharing"),
            operator: None,
            url: None,
            types: vec![VehicleType {
                form: FormFactor::Scooter,
                return_rule: Some(self.rule),
                ..VehicleType::bicycle()
            }],
            stations: self.stations.iter().enumerate().map(station).collect(),
            vehicles: self.vehicles.iter().map(vehicle).collect(),
            vehicles_at: UtcMicros(0),
            geofencing: Geofencing { zones, global_rules: Vec::new() },
            plans: Vec::new(),
        }
    }
}

impl Stocks for Fleet {
    fn vehicle(&self, _: usize, spot: SpotNumber, _: TypeIndex, _: i64) -> Option<f64> {
        match spot {
            SpotNumber::Station(station) => self.stations[station as usize].vehicle_p,
            SpotNumber::Vehicle(_) => Some(1.0),
        }
    }

    fn dock(&self, _: usize, station: u32, _: TypeIndex, _: i64) -> Option<f64> {
        self.stations[station as usize].dock_p
    }

    fn is_stale(&self, _: usize) -> bool {
        false
    }

    fn now(&self) -> UtcMicros {
        UtcMicros(0)
    }
}

static TOWN: LazyLock<Arc<Area>> = LazyLock::new(|| Arc::new(town()));

fn linked(fleet: &Fleet) -> Linked {
    Linked::new(&TOWN, &mut Workspace::new(), Arc::new(fleet.system()), None, UtcMicros(0))
}

fn planned(
    fleet: &Fleet,
    linked: &Linked,
    [from, to]: [LatLon; 2],
    when: When,
    max_walk_m: f64,
) -> PlanResult {
    let rentals = Rentals { systems: &[linked], forms: Forms::ALL, stocks: fleet };
    let ask = ask(&[], when, Modes::RENTAL, &certain);
    let request = Request { from, to, max_walk_m, rentals: Some(rentals), ..ask };
    Planner::new(TOWN.clone()).plan(&request, None).unwrap()
}

fn snap(mode: Mode, at: LatLon) -> Link {
    TOWN.network.snap(mode, at, 100.0, 1)[0]
}

/// The way over the streets, with the gaps between them and the ends.
fn walk_s(from: LatLon, to: LatLon, limit_m: f64, gaps: [bool; 2]) -> Option<f64> {
    let (a, b) = (snap(Mode::Foot, from), snap(Mode::Foot, to));
    let path = TOWN.network.route(&mut Workspace::new(), Mode::Foot, a, &b, Budget::NONE).path(&b)?;
    let mps = crate::streets::WALK_KMH / 3.6;
    let gap = |link: &Link, counts: bool| if counts { f64::from(link.gap_m) / mps } else { 0.0 };
    let seconds = path.duration_s + gap(&a, gaps[0]) + gap(&b, gaps[1]);
    (path.duration_s <= limit_m / mps).then_some(seconds)
}

fn ride(linked: &Linked, from: LatLon, to: LatLon) -> Option<Path> {
    let (a, b) = (snap(Mode::Bike, from), snap(Mode::Bike, to));
    let closed = linked.fleet(TypeIndex(0)).unwrap().closed.as_ref();
    let budget = Budget { closed, ..Budget::NONE };
    TOWN.network.route(&mut Workspace::new(), Mode::Bike, a, &b, budget).path(&b)
}

fn risk(p: Option<f64>, cost_s: f64) -> Option<f64> {
    p.is_none_or(|p| p >= 0.2).then(|| (1.0 - p.unwrap_or(0.5)) * cost_s)
}

/// Where vehicles are taken: the position, the risk in seconds, the range.
fn spots(fleet: &Fleet) -> Vec<(LatLon, f64, Option<f64>)> {
    let stations = fleet.stations.iter().filter_map(|s| Some((s.at, risk(s.vehicle_p, NO_VEHICLE_S)?, None)));
    stations.chain(fleet.vehicles.iter().map(|(at, range_m)| (*at, 0.0, *range_m))).collect()
}

/// The least seconds with the risks, from a vehicle near the origin to the destination.
fn best_by_hand(fleet: &Fleet, linked: &Linked, [from, to]: [LatLon; 2], limit_m: f64) -> Option<f64> {
    let ends = fleet.stations.iter().filter_map(|station| {
        let walk_s = walk_s(station.at, to, limit_m, [false, true])?;
        Some((station.at, walk_s + risk(station.dock_p, NO_DOCK_S)?))
    });
    let ends: Vec<(LatLon, f64)> = match fleet.rule {
        ReturnRule::AnyStation => ends.collect(),
        // From its street on the vehicle is pushed.
        _ => vec![(to, f64::from(snap(Mode::Bike, to).gap_m) / (crate::streets::WALK_KMH / 3.6))],
    };
    let ways = spots(fleet).into_iter().filter_map(|(spot, risk_s, range_m)| {
        let walk_s = walk_s(from, spot, limit_m, [true, false])?;
        let rides = ends.iter().filter(|(end, _)| *end != spot).filter_map(|(end, after_s)| {
            let ride = ride(linked, spot, *end)?;
            let is_in_range = range_m.is_none_or(|range_m| ride.distance_m <= range_m);
            is_in_range.then_some(walk_s + risk_s + HANDLING_S + ride.duration_s + after_s)
        });
        rides.reduce(f64::min)
    });
    ways.reduce(f64::min)
}

fn p() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![1 => Just(None), 4 => (0.0..1.0f64).prop_map(Some)]
}

fn place() -> impl Strategy<Value = LatLon> {
    (0.1..8.9f64, 0.1..8.9f64).prop_map(|(row, column)| at(row, column))
}

fn sides() -> impl Strategy<Value = [(f64, f64); 2]> {
    (0.5..7.0f64, 1.0..5.0f64, 0.5..7.0f64, 0.3..2.5f64)
        .prop_map(|(row, high, column, wide)| [(row, row + high), (column, column + wide)])
}

fn fleet() -> impl Strategy<Value = Fleet> {
    let station = (place(), p(), p()).prop_map(|(at, vehicle_p, dock_p)| Stop { at, vehicle_p, dock_p });
    let stations = proptest::collection::vec(station, 0..16);
    let vehicle = (place(), proptest::option::weighted(0.3, 200.0..1_500.0f64));
    let vehicles = proptest::collection::vec(vehicle, 0..12);
    let no_ride = proptest::option::weighted(0.6, sides());
    (any::<bool>(), stations, vehicles, no_ride).prop_map(|(is_free, stations, vehicles, no_ride)| {
        match is_free {
            true => Fleet { rule: ReturnRule::FreeFloating, vehicles, no_ride, ..Fleet::stations(&[]) },
            false => Fleet { no_ride, ..Fleet::stations(&stations) },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_whole_way_costs_as_little_as_by_hand(fleet in fleet(), from in place(), to in place(), arrive: bool) {
        prop_assume!(from.distance_m(to) > 150.0);
        let linked = linked(&fleet);
        let may_end = |zone: &[(f64, f64); 2]| !rectangle(*zone).holds(to);
        prop_assume!(fleet.no_ride.as_ref().is_none_or(may_end));
        let noon = time(12 * 3600);
        let when = if arrive { When::ArriveBy(noon) } else { When::DepartAt(noon) };
        let plan = planned(&fleet, &linked, [from, to], when, 500.0);
        let direct = plan.itineraries.iter().filter(|one| !one.has_rides());
        let found = direct.map(|one| one.expected_end - one.start as f64).reduce(f64::min);
        let by_hand = best_by_hand(&fleet, &linked, [from, to], 500.0);
        // What takes longer than a ride by bus is left out.
        let rides = plan.itineraries.iter().any(Itinerary::has_rides);
        match (found, by_hand) {
            (Some(found), Some(by_hand)) => prop_assert!((found - by_hand).abs() < ROUNDING_S, "{found} {by_hand}"),
            (None, None) => {}
            (None, Some(_)) if rides => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

fn certain_station(row: f64, column: f64) -> Stop {
    Stop { at: at(row, column), vehicle_p: Some(1.0), dock_p: Some(1.0) }
}

const WEST: (f64, f64) = (4.2, 0.1);
const EAST: (f64, f64) = (4.2, 8.9);

fn ends() -> [LatLon; 2] {
    [at(WEST.0, WEST.1), at(EAST.0, EAST.1)]
}

fn why(plan: &PlanResult) -> Vec<NoRental> {
    plan.lost_rentals.iter().map(|lost| lost.why).collect()
}

#[test]
fn what_cannot_be_used_says_why() {
    // No bus runs any more.
    let after_the_last_bus = When::DepartAt(time(400 * 86_400));
    let ask = |fleet: &Fleet| planned(fleet, &linked(fleet), ends(), after_the_last_bus, 250.0);
    let (west, east) = (certain_station(4.0, 0.5), certain_station(4.0, 8.5));
    let usable = ask(&Fleet::stations(&[west, east]));
    assert!(usable.lost_rentals.is_empty() && usable.itineraries.len() == 1, "{usable:?}");
    let legs = &usable.itineraries[0].legs;
    assert_eq!(
        legs.iter().filter_map(Leg::rented).map(|r| (r.from, r.to)).collect::<Vec<_>>(),
        [(SpotNumber::Station(0), Some(1))]
    );

    let none = Stop { vehicle_p: Some(0.1), ..west };
    assert_eq!(why(&ask(&Fleet::stations(&[none, east]))), [NoRental::NoVehicle]);
    let full = Stop { dock_p: Some(0.0), ..east };
    assert_eq!(why(&ask(&Fleet::stations(&[west, full]))), [NoRental::NoDock]);
    let free = Fleet::free(&[at(4.0, 0.5)]);
    assert_eq!(ask(&free).itineraries.len(), 1);
    let empty = Fleet { vehicles: vec![(at(4.0, 0.5), Some(500.0))], ..free.clone() };
    assert_eq!(why(&ask(&empty)), [NoRental::Range]);
    let river = Fleet { no_ride: Some([(-2.0, 12.0), (4.2, 4.8)]), ..free.clone() };
    assert_eq!(why(&ask(&river)), [NoRental::NoRideZone]);
    let kept_out = Fleet { no_end: Some([(-2.0, 12.0), (4.5, 12.0)]), ..free.clone() };
    assert_eq!(why(&ask(&kept_out)), [NoRental::NoReturnZone]);
    let round = Fleet { rule: ReturnRule::RoundtripStation, ..Fleet::stations(&[west, east]) };
    assert_eq!(why(&ask(&round)), [NoRental::RoundTrip]);
}

#[test]
fn a_vehicle_is_left_where_it_may_be_near_the_destination() {
    let free = Fleet { no_end: Some([(3.0, 6.0), (8.5, 12.0)]), ..Fleet::free(&[at(4.0, 0.5)]) };
    let linked = linked(&free);
    let plan = planned(&free, &linked, ends(), When::DepartAt(time(400 * 86_400)), 250.0);
    let itinerary = &plan.itineraries[0];
    let Leg::Street(ride) = itinerary.legs.iter().find(|leg| leg.rented().is_some()).unwrap() else {
        panic!()
    };
    let End::Street(left) = ride.to else { panic!("{:?}", ride.to) };
    assert!(!rectangle(free.no_end.unwrap()).holds(left.degrees()));
    assert!(itinerary.walk_m() < 250.0 && left.degrees().distance_m(ends()[1]) < 150.0);
    assert_eq!(itinerary.end, itinerary.legs.last().unwrap().end());
}

/// The best arrival with a vehicle to `a` or `m` and the bus from there to `z`.
fn by_bus_by_hand(
    fleet: &Fleet,
    linked: &Linked,
    [from, to]: [LatLon; 2],
    start: i64,
    limit_m: f64,
) -> Option<i64> {
    let area = &TOWN;
    let stop = |id: &str| area.timetable.stop(id).unwrap();
    let at_stop = |id: &str| area.timetable.stops.point(stop(id));
    let last_s = walk_s(at_stop("z"), to, limit_m, [false, true])?;
    let boards = [("a", 0), ("m", 60)].into_iter().filter_map(|(id, after_s)| {
        let is_near = walk_s(at_stop(id), to, limit_m, [false, true]).is_some();
        // With the least cost; of equals the one that takes less.
        let mut ways: Vec<(f64, f64)> = Vec::new();
        for (spot, risk_s, _) in spots(fleet) {
            let Some(first_s) = walk_s(from, spot, limit_m, [true, false]) else { continue };
            if fleet.rule == ReturnRule::AnyStation {
                for station in &fleet.stations {
                    let Some(dock_s) = risk(station.dock_p, NO_DOCK_S) else { continue };
                    let spots = linked.around(station.at, 5.0);
                    let walks = spots.iter().flat_map(|spot| &linked.spot(*spot).stops);
                    let Some((_, last_s)) = walks.into_iter().find(|(near, _)| *near == stop(id)) else {
                        continue;
                    };
                    let Some(ride) = ride(linked, spot, station.at) else { continue };
                    let seconds = first_s + HANDLING_S + ride.duration_s + f64::from(*last_s);
                    ways.push((seconds + risk_s + dock_s, seconds));
                }
            } else if let Some(ride) = ride(linked, spot, at_stop(id)) {
                let seconds = first_s + HANDLING_S + ride.duration_s;
                ways.push((seconds + risk_s, seconds));
            }
        }
        let (cost_s, seconds) = ways.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        let on_foot = walk_s(from, at_stop(id), limit_m, [true, false]);
        if is_near || on_foot.is_some_and(|walk_s| cost_s >= walk_s) {
            return None;
        }
        let there = start + seconds.ceil() as i64;
        let first = time(8 * 3600);
        let runs = (0..20).map(|run| first + run * 1_800 + after_s);
        let departure = runs.into_iter().find(|departure| *departure >= there)?;
        Some(departure + (120 - after_s) + last_s.ceil() as i64)
    });
    boards.min()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_way_to_a_bus_arrives_as_early_as_by_hand(
        fleet in fleet(), row in 0.1..8.9f64, column in 0.1..5.0f64, start in 0i64..9 * 3600,
    ) {
        let (from, to) = (at(row, column), at(EAST.0, EAST.1));
        // No station from which one walks to the destination: it would be another way.
        let stations = fleet.stations.iter().filter(|s| s.at.lon < at(0.0, 5.5).lon).copied().collect();
        // Where the vehicle that costs least does not go so far, another one is not looked for.
        let vehicles = fleet.vehicles.iter().map(|(at, _)| (*at, None)).collect();
        let fleet = Fleet { no_end: Some([(-2.0, 12.0), (5.5, 12.0)]), stations, vehicles, ..fleet };
        let linked = linked(&fleet);
        let start = time(8 * 3600) + start;
        let plan = planned(&fleet, &linked, [from, to], When::DepartAt(start), 200.0);
        let found = plan.itineraries.iter().filter(|one| one.has_rides()).map(|one| one.end).min();
        let by_hand = by_bus_by_hand(&fleet, &linked, [from, to], start, 200.0);
        match (found, by_hand) {
            (Some(found), Some(by_hand)) => prop_assert!((found - by_hand).abs() <= 2, "{found} {by_hand}"),
            (found, by_hand) => prop_assert_eq!(found, by_hand),
        }
    }
}

#[test]
fn a_vehicle_waits_at_the_last_stop() {
    // The bus goes to the east; the destination is far to the north of it.
    let fleet = Fleet::stations(&[certain_station(4.0, 8.6), certain_station(8.9, 8.9)]);
    let linked = linked(&fleet);
    let to = at(9.0, 8.9);
    let plan = planned(&fleet, &linked, [ends()[0], to], When::DepartAt(time(8 * 3600 + 1_200)), 200.0);
    let itinerary = plan.itineraries.iter().find(|one| one.has_rides()).expect("a way by bus and scooter");
    let kinds: Vec<(bool, bool)> =
        itinerary.legs.iter().map(|leg| (matches!(leg, Leg::Ride(_)), leg.rented().is_some())).collect();
    let bus = kinds.iter().position(|(is_bus, _)| *is_bus).unwrap();
    let scooter = kinds.iter().position(|(_, is_rented)| *is_rented).unwrap();
    assert!(bus < scooter, "{kinds:?}");
    let legs = &itinerary.legs;
    assert!(legs.windows(2).all(|pair| pair[0].end() <= pair[1].start()), "{legs:?}");
    assert_eq!((itinerary.start, itinerary.end), (legs[0].start(), legs.last().unwrap().end()));
}

#[test]
fn what_stands_where_it_stood_is_linked_once() {
    let fleet = Fleet::free(&[at(4.0, 0.5), at(5.0, 0.5)]);
    let before = linked(&fleet);
    let moved = Fleet::free(&[at(4.0, 0.5), at(6.0, 0.5)]);
    let after =
        Linked::new(&TOWN, &mut Workspace::new(), Arc::new(moved.system()), Some(&before), UtcMicros(0));
    let spot = |linked: &Linked, number| std::ptr::from_ref(linked.spot(SpotNumber::Vehicle(number)));
    assert_eq!(spot(&before, 0), spot(&after, 0));
    assert_ne!(spot(&before, 1), spot(&after, 1));
    assert_eq!(after.spot(SpotNumber::Vehicle(1)).at, at(6.0, 0.5));
}
