//! What rides cost, in the database.

use crate::support::Database;
use domain::UtcMicros;
use domain::catalogue::Catalogue;
use domain::fare::{Euros, Fare, FareKind, FareList, Pass};
use jiff::civil::date;
use store::places::{Holds, Import, ImportCounts, Missing, catalogue, registry};

fn fare(id: &str, cents: i64) -> Fare {
    Fare {
        id: id.into(),
        name: None,
        kind: FareKind::CrowFly,
        valid_from: date(2026, 1, 1),
        valid_until: Some(date(2026, 12, 31)),
        source: "sample".into(),
        agencies: vec!["RVM".into()],
        routes: Vec::new(),
        base_eur: Some(Euros::cents(cents)),
        per_started_km_eur: Euros::exact(0.2675),
        cap_24h_eur: None,
        child_factor: domain::fare::Factor::exact(0.5),
    }
}

fn pass(id: &str) -> Pass {
    Pass {
        id: id.into(),
        name: Some("Karte".into()),
        price_eur: Euros::cents(6_300),
        valid_from: date(2026, 1, 1),
        valid_until: None,
        source: "sample".into(),
        route_types: vec![3],
        agencies_except: Vec::new(),
    }
}

/// Added, changed, unchanged, removed.
async fn import(db: &Database, fares: Option<FareList>) -> [usize; 4] {
    let mut import = Import::begin(&db.pool).await.unwrap();
    let new = Catalogue { fares, ..Catalogue::default() };
    let report = import.apply(&new, Missing::Keep, Holds::FromNow, UtcMicros::EPOCH).await.unwrap();
    let ImportCounts { added, changed, unchanged, removed, .. } = report.fares;
    assert_eq!(report.is_unchanged(), added + changed + removed == 0);
    import.commit(&report, "test").await.unwrap();
    [added, changed, unchanged, removed]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaces_all_fares_and_passes() {
    let db = Database::start().await;
    let first = FareList { fares: vec![fare("b", 140), fare("a", 100)], passes: vec![pass("p")] };
    assert_eq!(import(&db, Some(first.clone())).await, [3, 0, 0, 0]);
    let stored = async || {
        let mut conn = db.pool.acquire().await.unwrap();
        let list = catalogue(&mut conn).await.unwrap().fares.unwrap();
        assert_eq!(**registry(&mut conn).await.unwrap().fares(), list);
        list
    };
    assert_eq!(stored().await, first, "in the order of the file");
    assert_eq!(import(&db, Some(first.clone())).await, [0, 0, 3, 0]);
    assert_eq!(import(&db, None).await, [0; 4]);
    let second = FareList { fares: vec![fare("a", 110), fare("c", 1)], passes: vec![pass("p")] };
    assert_eq!(import(&db, Some(second.clone())).await, [1, 1, 1, 1]);
    assert_eq!(stored().await, second);
    assert_eq!(import(&db, Some(FareList::default())).await, [0, 0, 0, 3]);
    assert_eq!(stored().await, FareList::default());
}
