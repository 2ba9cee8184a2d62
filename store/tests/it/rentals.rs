//! Shared vehicles in the database: replaced as a whole, and what stations counted kept.

use domain::rental::{Geofencing, Localized, Station, StationStatus, System, VehicleType};
use domain::{FeedId, LatLon, UtcMicros};
use store::rentals::{keep, load, replace, versions};
use testing::World;

use crate::support::Database;

const AT: UtcMicros = UtcMicros(1_795_348_800_000_000);

fn system(id: &str, vehicles: Option<u32>, at: UtcMicros) -> System {
    let name = || Localized::new(vec![("de".into(), "Rad".into())]).unwrap();
    let status = StationStatus {
        vehicles,
        by_type: vec![],
        docks: Some(4),
        docks_by_type: vec![],
        is_installed: true,
        is_renting: true,
        is_returning: true,
        at,
    };
    let station = Station {
        id: "bahnhof".into(),
        name: name(),
        at: LatLon { lat: 52.28, lon: 7.44 },
        area: None,
        is_virtual: false,
        capacity: None,
        url: None,
        status: Some(status),
    };
    System {
        id: id.into(),
        name: name(),
        operator: None,
        url: None,
        types: vec![VehicleType::bicycle()],
        stations: vec![station],
        vehicles: vec![],
        vehicles_at: at,
        geofencing: Geofencing::default(),
        plans: vec![],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_is_replaced_as_a_whole_and_its_counts_are_kept_where_they_changed() {
    let db = Database::start().await;
    testing::world::import(&World::town("a").feed("rad").contents, &db.pool).await;
    let feed = FeedId(db.scalar("SELECT id FROM feed").await);
    let put = |id: &'static str, vehicles, at: UtcMicros| {
        let (pool, municipality) = (db.pool.clone(), db.municipality);
        async move { replace(&pool, feed, municipality, &system(id, vehicles, at), at).await.unwrap() }
    };
    for (vehicles, after_s) in [
        (Some(3), 0),
        // The same, at the same time and a minute later.
        (Some(3), 0),
        (Some(3), 60),
        (Some(2), 120),
        // An old file that comes late says nothing new.
        (Some(9), 60),
        (None, 180),
        // Nothing has changed for a quarter of an hour.
        (None, 180 + 899),
        (None, 180 + 900),
    ] {
        put("rad", vehicles, AT.plus_s(after_s)).await;
    }
    let kept: Vec<(i64, Option<i32>)> = db
        .rows("SELECT (extract(epoch FROM observed_at))::bigint, vehicles FROM rental_count ORDER BY observed_at")
        .await;
    let at = |after_s| AT.plus_s(after_s).0 / 1_000_000;
    assert_eq!(kept, [(at(0), Some(3)), (at(120), Some(2)), (at(180), None), (at(1_080), None)]);

    put("other", Some(1), AT).await;
    let before = versions(&db.pool).await.unwrap();
    put("other", Some(1), AT.plus_s(1)).await;
    let after = versions(&db.pool).await.unwrap();
    let key = |id: &str| (feed, id.to_owned());
    assert_eq!(before[&key("rad")], after[&key("rad")]);
    assert_ne!(before[&key("other")], after[&key("other")]);
    let (version, held) = load(&db.pool, &key("other")).await.unwrap().unwrap();
    assert_eq!((version, held), (after[&key("other")], system("other", Some(1), AT.plus_s(1))));
    keep(&db.pool, feed, &["other".into()]).await.unwrap();
    assert_eq!(load(&db.pool, &key("rad")).await.unwrap(), None);
    assert_eq!(versions(&db.pool).await.unwrap().len(), 1);
}
