use super::{DUELMEN, LUEDINGHAUSEN, county, east, read};
use crate::{Index, Kind, Kinds, Reverse};

fn around(at: domain::geo::LatLon, kinds: Kinds, limit: usize) -> Vec<(String, i64)> {
    let index = county();
    let hits = index.nearest(&Reverse { at, kinds, limit, within_m: 2_000.0 });
    hits.iter().map(|hit| (read(hit), hit.distance_m.unwrap().round() as i64)).collect()
}

#[test]
fn the_nearest_come_first_each_once() {
    let found = around(east(DUELMEN, 361.0), Kinds::ALL, 6);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..2], ["address Münsterstraße 4a, Dülmen", "street Münsterstraße, Dülmen"]);
    assert!(found.is_sorted_by_key(|(_, distance_m)| *distance_m), "{found:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("street Mün")).count(), 1);
    assert_eq!(found[0].1, 1);
}

#[test]
fn kinds_limits_and_the_radius_hold() {
    let towns = [Kind::Town].into_iter().collect();
    assert_eq!(
        around(east(LUEDINGHAUSEN, 500.0), towns, 8),
        [("town Lüdinghausen, Lüdinghausen".to_owned(), 500)]
    );
    assert!(around(east(LUEDINGHAUSEN, -5_000.0), Kinds::ALL, 8).is_empty());
    assert_eq!(around(DUELMEN, Kinds::ALL, 3).len(), 3);
    let none = Reverse { at: DUELMEN, kinds: Kinds::ALL, limit: 8, within_m: 1e9 };
    assert!(Index::default().nearest(&none).is_empty());
    assert!(county().nearest(&Reverse { limit: 0, ..none }).is_empty());
}
