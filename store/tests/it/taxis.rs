//! Taxis, in the database.

use crate::support::Database;
use domain::UtcMicros;
use domain::catalogue::Catalogue;
use domain::taxi::Taxi;
use store::places::{Holds, Import, ImportCounts, Missing, catalogue, registry};
use testing::World;

fn taxi(id: &str, municipality: &str) -> Taxi {
    Taxi {
        id: id.into(),
        municipality: municipality.into(),
        name: format!("Taxi {id}"),
        phone: "115".into(),
        hours: Some("24/7".into()),
        wheelchair: None,
    }
}

/// Added, changed, unchanged, removed.
async fn import(db: &Database, taxis: Option<Vec<Taxi>>) -> [usize; 4] {
    let mut import = Import::begin(&db.pool).await.unwrap();
    let new = Catalogue { taxis, ..Catalogue::default() };
    let report = import.apply(&new, Missing::Keep, Holds::FromNow, UtcMicros::EPOCH).await.unwrap();
    let ImportCounts { added, changed, unchanged, removed, .. } = report.taxis;
    assert_eq!(report.is_unchanged(), added + changed + removed == 0);
    import.commit(&report, "test").await.unwrap();
    [added, changed, unchanged, removed]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaces_the_taxis_of_the_municipalities_that_it_names() {
    let db = Database::start().await;
    testing::world::import(&World::town("a").site("p", 9).and_town("b").contents, &db.pool).await;
    let stored = async || {
        let mut conn = db.pool.acquire().await.unwrap();
        let taxis = catalogue(&mut conn).await.unwrap().taxis.unwrap();
        assert_eq!(**registry(&mut conn).await.unwrap().taxis(), *taxis);
        taxis
    };
    let [a1, a2, b1] = [("1", "a"), ("2", "a"), ("3", "b")].map(|(id, town)| taxi(id, town));
    let all = vec![a2.clone(), b1.clone(), a1.clone()];
    assert_eq!(import(&db, Some(all.clone())).await, [3, 0, 0, 0]);
    assert_eq!(stored().await, all, "in the order of the file");
    assert_eq!(import(&db, Some(all)).await, [0, 0, 3, 0]);
    assert_eq!(import(&db, None).await, [0; 4]);
    let closed = Taxi { hours: Some("off".into()), ..a1 };
    assert_eq!(import(&db, Some(vec![closed.clone(), taxi("4", "a")])).await, [1, 1, 0, 1]);
    assert_eq!(stored().await, [b1.clone(), closed.clone(), taxi("4", "a")]);
    assert_eq!(import(&db, Some(Vec::new())).await, [0; 4], "it names no municipality");
    assert_eq!(stored().await.len(), 3);
    let removed: Vec<(String, i32)> =
        sqlx::query_as("SELECT subject, cardinality(municipalities) FROM audit WHERE action = 'remove'")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    assert_eq!(removed, [("taxi 2".to_owned(), 1)]);
}
