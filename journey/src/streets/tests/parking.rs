//! Parking places and their links.

use domain::geo::LatLon;

use super::super::Coord;
use super::super::parking::{LinkedBy, ParkingShape, Purpose, link_bay, link_osm, link_place};
use super::Town;

const STREET: &[(&str, &str)] = &[("highway", "residential")];
const LOT: &[(&str, &str)] = &[("amenity", "parking")];

/// A street along row 0 and a lot with corners 12, 14, 34, 32 north of it.
fn lot(extra: &[(&str, &str)]) -> Town {
    let tags = [LOT, extra].concat();
    let mut town = Town::new().way(&[0, 1, 2, 3, 4, 5], STREET).way(&[12, 14, 34, 32, 12], &tags);
    // 23 is the middle of the lot; this one lies on its southern side.
    town.data.nodes.insert(100, Coord { lat: 486_000_000 + 9000, lon: 88_000_000 + 3 * 13_600 });
    town
}

#[test]
fn an_aisle_leads_into_the_lot() {
    let aisle: &[(&str, &str)] = &[("highway", "service"), ("service", "parking_aisle")];
    let network = lot(&[]).way(&[3, 13, 23], aisle).build();
    let links = link_osm(&network, &network.streets().parking[0]).unwrap();
    assert_eq!(links.by, LinkedBy::StreetInside);
    assert!(links.vehicle[0].gap_m < 1.0, "{links:?}");
}

#[test]
fn a_mapped_entrance_wins() {
    let aisle: &[(&str, &str)] = &[("highway", "service")];
    let network = lot(&[]).way(&[3, 100, 23], aisle).node(100, &[("amenity", "parking_entrance")]).build();
    let links = link_osm(&network, &network.streets().parking[0]).unwrap();
    assert_eq!(links.by, LinkedBy::Entrance);
    assert!(links.vehicle[0].at.distance_m(Coord { lat: 486_009_000, lon: 88_040_800 }) < 1.0);
}

#[test]
fn else_the_nearest_road_and_the_nearest_path_count() {
    let network = lot(&[]).way(&[35, 45], &[("highway", "footway")]).way(&[5, 15, 25, 35], STREET).build();
    let links = link_osm(&network, &network.streets().parking[0]).unwrap();
    assert_eq!(links.by, LinkedBy::NearestStreet);
    assert!(links.vehicle[0].gap_m > 50.0 && links.vehicle[0].main);
    assert!(!links.foot.is_empty());
}

#[test]
fn what_cannot_be_linked_has_a_reason() {
    let private = lot(&[("access", "private")]).build();
    let why = link_osm(&private, &private.streets().parking[0]).unwrap_err();
    assert_eq!(why.reason, "it is not open to the public (access=private)");

    let far = Town::new().way(&[0, 1], STREET).way(&[77, 78, 88, 87, 77], LOT).build();
    let why = link_osm(&far, &far.streets().parking[0]).unwrap_err();
    assert_eq!(why.reason, "no street for cars within 150 m");

    let drive: &[(&str, &str)] = &[("highway", "service"), ("access", "private")];
    let enclosed =
        Town::new().way(&[0, 1], STREET).way(&[1, 11, 77], drive).way(&[77, 78, 88, 87, 77], LOT).build();
    let why = link_osm(&enclosed, &enclosed.streets().parking[0]).unwrap_err();
    assert_eq!(why.reason, "its only street for cars is private");

    let footway: &[(&str, &str)] = &[("highway", "footway")];
    let walk_only =
        Town::new().way(&[0, 1], STREET).way(&[77, 67], footway).way(&[77, 78, 88, 87, 77], LOT).build();
    assert!(link_osm(&walk_only, &walk_only.streets().parking[0]).is_err());
}

#[test]
fn an_imported_site_takes_the_entrances_of_the_place_it_is() {
    let aisle: &[(&str, &str)] = &[("highway", "service")];
    let network = lot(&[]).way(&[3, 100, 23], aisle).node(100, &[("amenity", "parking_entrance")]).build();
    let site =
        |lat: f64, lon: f64| ParkingShape { purpose: Purpose::Car, outline: vec![LatLon { lat, lon }] };
    let beside = link_place(&network, &site(48.6 + 3.3 * 9e-4, 8.8 + 3.0 * 13.6e-4)).unwrap();
    assert_eq!(beside.by, LinkedBy::Entrance);
    let elsewhere = link_place(&network, &site(48.6 - 4e-4, 8.8 + 3.0 * 13.6e-4)).unwrap();
    assert_eq!(elsewhere.by, LinkedBy::NearestStreet);
    let nowhere = ParkingShape { purpose: Purpose::Car, outline: Vec::new() };
    assert_eq!(link_place(&network, &nowhere).unwrap_err().reason, "it has no position");
}

#[test]
fn tags_are_kept() {
    let network = lot(&[
        ("name", "Am Markt"),
        ("capacity", "120"),
        ("capacity:disabled", "4"),
        ("maxheight", "2.1 m"),
        ("parking", "underground"),
        ("park_ride", "yes"),
        ("fee", "yes"),
    ])
    .build();
    let parking = &network.streets().parking[0];
    assert_eq!((parking.name.as_deref(), parking.capacity), (Some("Am Markt"), Some(120)));
    assert_eq!((parking.capacity_disabled, parking.max_height_m), (Some(4), Some(2.1)));
    assert!(parking.park_and_ride && parking.fee.as_deref() == Some("yes"));
}

fn bay_at(row: f64, column: f64) -> LatLon {
    LatLon { lat: 48.6 + row * 9e-4, lon: 8.8 + column * 13.6e-4 }
}

#[test]
fn a_bay_on_the_street_is_not_reached_through_other_peoples_parking() {
    let aisle: &[(&str, &str)] = &[("highway", "service"), ("service", "parking_aisle")];
    // On the street of row 0, below the lot's southern side at row 1, nearer to the aisle's end.
    let beside = bay_at(0.6, 3.0);
    for private in [&[("access", "private")][..], &[("access", "residents"), ("parking", "underground")]] {
        let network =
            lot(private).way(&[3, 100, 23], aisle).node(100, &[("amenity", "parking_entrance")]).build();
        for place in [
            link_bay(&network, beside).unwrap(),
            link_place(&network, &ParkingShape { purpose: Purpose::Car, outline: vec![beside] }).unwrap(),
        ] {
            assert_eq!(place.by, LinkedBy::NearestStreet);
        }
        // Above the garage or in the private lot itself the aisle is nearest, and not the way.
        let links = link_bay(&network, bay_at(1.3, 3.0)).unwrap();
        assert!(links.vehicle.iter().all(|link| link.at.degrees().lat <= 48.6 + 9.01e-4), "{links:?}");
    }
}

#[test]
fn a_bay_belongs_to_the_open_lot_around_it_and_to_no_garage() {
    let aisle: &[(&str, &str)] = &[("highway", "service"), ("service", "parking_aisle")];
    let town = |extra| lot(extra).way(&[3, 100, 23], aisle).node(100, &[("amenity", "parking_entrance")]);
    let inside = bay_at(2.0, 2.6);
    let open = town(&[]).build();
    assert_eq!(link_bay(&open, inside).unwrap().by, LinkedBy::Entrance);
    assert_eq!(link_bay(&open, bay_at(0.6, 3.0)).unwrap().by, LinkedBy::NearestStreet);
    let below = town(&[("parking", "underground")]).build();
    assert_eq!(link_bay(&below, inside).unwrap().by, LinkedBy::NearestStreet);
}

#[test]
fn a_longest_stay_is_read_in_every_unit() {
    for (text, minutes) in [
        ("2 hours", Some(120.0)),
        ("2h", Some(120.0)),
        ("1,5 h", Some(90.0)),
        ("30", Some(30.0)),
        ("90 min", Some(90.0)),
        ("1 day", Some(1440.0)),
        ("01:30", Some(90.0)),
        ("no", None),
        ("load-unload", None),
        ("0", None),
    ] {
        let network = lot(&[("maxstay", text)]).build();
        assert_eq!(network.streets().parking[0].max_stay_min, minutes, "{text}");
    }
}
