//! Where shared vehicles may be ridden and left.
//!
//! Source: MobilityData/gbfs, `gbfs.md`, geofencing_zones: of colliding rules of one zone the earlier holds; overlapping zones
//! have the combined rules of all, of which the earlier holds as well; what no rule of a zone says is as `global_rules` have it,
//! and what these do not say is allowed. Two rules collide in a field that both state.

use serde::{Deserialize, Serialize};

use super::{Shape, TypeIndex};
use crate::geo::LatLon;
use crate::time::UtcMicros;

/// The rules of a system, in the operator's order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Geofencing {
    /// The earlier one holds.
    pub zones: Vec<Zone>,
    /// What holds where no zone says otherwise (GBFS 3.0).
    pub global_rules: Vec<Rule>,
}

/// An area with rules of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Where they hold.
    pub shape: Shape,
    /// From when on they hold; `None`: since ever.
    pub from: Option<UtcMicros>,
    /// Until when; `None`: for ever.
    pub until: Option<UtcMicros>,
    /// The earlier one holds.
    pub rules: Vec<Rule>,
}

/// What vehicles may do; `None`: the rule does not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// For which types; `None`: for all.
    pub types: Option<Vec<TypeIndex>>,
    /// Begin a ride.
    pub start: Option<bool>,
    /// End a ride.
    pub end: Option<bool>,
    /// Pass through during a ride.
    pub through: Option<bool>,
    /// Go no faster, km/h.
    pub speed_kmh: Option<u16>,
    /// End a ride at stations only.
    pub station_parking: Option<bool>,
}

/// What a vehicle may do at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// Begin a ride.
    pub start: bool,
    /// End a ride.
    pub end: bool,
    /// Pass through during a ride.
    pub through: bool,
    /// Go no faster, km/h; `None`: nothing is said.
    pub speed_kmh: Option<u16>,
    /// End a ride at stations only.
    pub station_parking: bool,
}

impl Zone {
    fn holds_at(&self, when: UtcMicros) -> bool {
        self.from.is_none_or(|from| when >= from) && self.until.is_none_or(|until| when < until)
    }
}

impl Rule {
    fn is_for(&self, vehicle_type: TypeIndex) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&vehicle_type))
    }
}

impl Geofencing {
    /// What a vehicle of this type may do where no zone is.
    pub fn elsewhere(&self, vehicle_type: TypeIndex) -> Permissions {
        permissions(self.global_rules.iter(), vehicle_type)
    }

    /// Whether rules hold at times only.
    pub fn changes(&self) -> bool {
        self.zones.iter().any(|zone| zone.from.is_some() || zone.until.is_some())
    }

    /// What a vehicle of this type may do at `at`, without regard to stations.
    pub fn at(&self, at: LatLon, vehicle_type: TypeIndex, when: UtcMicros) -> Permissions {
        let zones = self.zones.iter().filter(|zone| zone.holds_at(when) && zone.shape.holds(at));
        let rules = zones.flat_map(|zone| &zone.rules).chain(&self.global_rules);
        permissions(rules, vehicle_type)
    }

    /// Whether there is any rule.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty() && self.global_rules.is_empty()
    }
}

/// What rules allow together, of which the earlier holds.
fn permissions<'a>(rules: impl Iterator<Item = &'a Rule>, vehicle_type: TypeIndex) -> Permissions {
    let mut held = Rule::default();
    for rule in rules.filter(|rule| rule.is_for(vehicle_type)) {
        held.start = held.start.or(rule.start);
        held.end = held.end.or(rule.end);
        held.through = held.through.or(rule.through);
        held.speed_kmh = held.speed_kmh.or(rule.speed_kmh);
        held.station_parking = held.station_parking.or(rule.station_parking);
    }
    Permissions {
        start: held.start.unwrap_or(true),
        end: held.end.unwrap_or(true),
        through: held.through.unwrap_or(true),
        speed_kmh: held.speed_kmh,
        station_parking: held.station_parking.unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHEN: UtcMicros = UtcMicros(1_795_348_800_000_000);
    const RIDDEN: TypeIndex = TypeIndex(1);

    fn square(west: i8, south: i8, side: i8) -> Shape {
        let corner = |x: i8, y: i8| [7.0 + f64::from(x) / 10.0, 52.0 + f64::from(y) / 10.0];
        let (east, north) = (west + side, south + side);
        let ring = [(west, south), (east, south), (east, north), (west, north), (west, south)];
        Shape::from(vec![vec![ring.map(|(x, y)| corner(x, y)).to_vec()]])
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let flag = || proptest::option::of(any::<bool>());
        let types = proptest::option::of(prop::collection::vec((0..3_u16).prop_map(TypeIndex), 1..3));
        (types, flag(), flag(), flag(), proptest::option::of(5..25_u16), flag()).prop_map(
            |(types, start, end, through, speed_kmh, station_parking)| Rule {
                types,
                start,
                end,
                through,
                speed_kmh,
                station_parking,
            },
        )
    }

    fn zone() -> impl Strategy<Value = Zone> {
        let hour = || proptest::option::of((-2..3_i64).prop_map(|h| WHEN.plus_s(h * 3_600)));
        let square = (-4..4_i8, -4..4_i8, 1..6_i8).prop_map(|(x, y, side)| square(x, y, side));
        (square, hour(), hour(), prop::collection::vec(rule(), 0..4))
            .prop_map(|(shape, from, until, rules)| Zone { shape, from, until, rules })
    }

    /// The first statement of a field in the order of the file, found by going through the file for each field.
    fn first<T: Copy>(geofencing: &Geofencing, at: LatLon, field: impl Fn(&Rule) -> Option<T>) -> Option<T> {
        for zone in &geofencing.zones {
            let inside = zone.shape.polygons().iter().any(|rings| {
                let (lons, lats): (Vec<f64>, Vec<f64>) = rings[0].iter().map(|[lon, lat]| (lon, lat)).unzip();
                let between = |all: &[f64], x| all.iter().any(|v| *v < x) && all.iter().any(|v| *v > x);
                between(&lons, at.lon) && between(&lats, at.lat)
            });
            if !inside
                || zone.from.is_some_and(|from| from > WHEN)
                || zone.until.is_some_and(|until| until <= WHEN)
            {
                continue;
            }
            for rule in &zone.rules {
                if (rule.types.is_none() || rule.types.as_ref().unwrap().contains(&RIDDEN))
                    && field(rule).is_some()
                {
                    return field(rule);
                }
            }
        }
        let global = |rule: &&Rule| rule.types.is_none() || rule.types.as_ref().unwrap().contains(&RIDDEN);
        geofencing.global_rules.iter().filter(global).find_map(field)
    }

    proptest! {
        #[test]
        fn the_first_rule_that_says_something_holds(
            zones in prop::collection::vec(zone(), 0..6),
            global_rules in prop::collection::vec(rule(), 0..3),
            x in -50..50_i8, y in -50..50_i8,
        ) {
            // Between the edges of the squares.
            let at = LatLon { lat: 52.003 + f64::from(y) / 100.0, lon: 7.003 + f64::from(x) / 100.0 };
            let geofencing = Geofencing { zones, global_rules };
            let expected = Permissions {
                start: first(&geofencing, at, |r| r.start).unwrap_or(true),
                end: first(&geofencing, at, |r| r.end).unwrap_or(true),
                through: first(&geofencing, at, |r| r.through).unwrap_or(true),
                speed_kmh: first(&geofencing, at, |r| r.speed_kmh),
                station_parking: first(&geofencing, at, |r| r.station_parking).unwrap_or(false),
            };
            prop_assert_eq!(geofencing.at(at, RIDDEN, WHEN), expected);
        }
    }

    #[test]
    fn earlier_zones_hold_over_later_ones_and_these_over_global_rules() {
        let no = |through| Rule { through: Some(through), ..Rule::default() };
        let zone =
            |side, rule| Zone { shape: square(0, 0, side), from: None, until: None, rules: vec![rule] };
        let geofencing =
            Geofencing { zones: vec![zone(1, no(true)), zone(3, no(false))], global_rules: vec![no(true)] };
        let through = |lat, lon| geofencing.at(LatLon { lat, lon }, RIDDEN, WHEN).through;
        assert!(through(52.05, 7.05), "the earlier polygon");
        assert!(!through(52.2, 7.2), "the later one");
        assert!(through(52.5, 7.5), "the global rule");
        let reversed =
            Geofencing { zones: geofencing.zones.iter().rev().cloned().collect(), ..geofencing.clone() };
        assert!(!reversed.at(LatLon { lat: 52.05, lon: 7.05 }, RIDDEN, WHEN).through);
    }
}
