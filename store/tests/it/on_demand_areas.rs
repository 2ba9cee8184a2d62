//! Areas in which vehicles come on demand, in the database.

use crate::support::Database;
use domain::UtcMicros;
use domain::booking::OnDemandArea;
use domain::catalogue::Catalogue;
use store::places::{Holds, Import, ImportCounts, Missing, catalogue, registry};
use testing::World;

fn area(municipality: &str, id: &str) -> OnDemandArea {
    serde_json::from_value(serde_json::json!({
        "id": id, "municipality": municipality, "name": "Bürgerbus", "kind": "buergerbus", "hours": "Mo-Fr 08:00-18:00",
        "stops": [], "detour_factor": 1.5, "offset_s": 600,
        "terms": {"notice": {"Before": {"at_least_s": 1_800}}, "opens": "Always", "relative_to": "boarding"},
        "desk": {"phone": "0251 1"}, "shape": [[[[7.1, 51.9], [7.2, 51.9], [7.2, 52.0], [7.1, 51.9]]]],
    }))
    .unwrap()
}

/// Added, changed, unchanged, removed.
async fn import(db: &Database, areas: Option<Vec<OnDemandArea>>) -> [usize; 4] {
    let mut import = Import::begin(&db.pool).await.unwrap();
    let new = Catalogue { on_demand_areas: areas, ..Catalogue::default() };
    let report = import.apply(&new, Missing::Keep, Holds::FromNow, UtcMicros::EPOCH).await.unwrap();
    let ImportCounts { added, changed, unchanged, removed, .. } = report.on_demand_areas;
    assert_eq!(report.is_unchanged(), added + changed + removed == 0);
    import.commit(&report, "test").await.unwrap();
    [added, changed, unchanged, removed]
}

async fn stored(db: &Database) -> Vec<OnDemandArea> {
    let mut conn = db.pool.acquire().await.unwrap();
    let areas = catalogue(&mut conn).await.unwrap().on_demand_areas.unwrap();
    assert_eq!(**registry(&mut conn).await.unwrap().on_demand_areas(), *areas);
    areas
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaces_the_areas_of_whom_it_names() {
    let db = Database::start().await;
    let towns = World::town("a").site("p", 9).and_town("b");
    testing::world::import(&towns.contents, &db.pool).await;
    let [a1, a2, b1] = [("a", "a1"), ("a", "a2"), ("b", "b1")].map(|(town, id)| area(town, id));
    let all = vec![b1.clone(), a2.clone(), a1.clone()];
    assert_eq!(import(&db, Some(all.clone())).await, [3, 0, 0, 0]);
    assert_eq!(stored(&db).await, [a1.clone(), a2.clone(), b1.clone()]);
    assert_eq!(import(&db, Some(all)).await, [0, 0, 3, 0]);
    assert_eq!(import(&db, None).await, [0, 0, 0, 0], "other files say nothing of it");
    let longer = OnDemandArea { hours: "24/7".into(), ..a2 };
    assert_eq!(import(&db, Some(vec![longer.clone()])).await, [0, 1, 0, 1], "replaced areas go");
    assert_eq!(stored(&db).await, [longer.clone(), b1.clone()]);

    let events: Vec<(String, String, i32)> = sqlx::query_as(
        "SELECT action, subject, cardinality(municipalities) FROM audit WHERE action IN ('change', 'remove') ORDER BY id",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let expected = [("change", "on_demand_area a2", 1), ("remove", "on_demand_area a1", 1)];
    assert_eq!(
        events,
        expected.map(|(action, subject, towns)| (action.to_owned(), subject.to_owned(), towns))
    );

    assert_eq!(import(&db, Some(Vec::new())).await, [0, 0, 0, 2], "a file without any holds for all");
    assert_eq!(stored(&db).await, []);
    assert_eq!(import(&db, Some(Vec::new())).await, [0, 0, 0, 0]);
}
