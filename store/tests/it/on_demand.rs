//! Rules for lines that run on request, in the database.

use crate::support::Database;
use domain::UtcMicros;
use domain::booking::{Notice, OnDemandKind, OnDemandLine, Opens, RelativeTo, Terms};
use domain::catalogue::Catalogue;
use store::places::{Holds, Import, ImportCounts, Missing, catalogue, registry};
use testing::World;

fn rule(municipality: Option<&str>, route: &str) -> OnDemandLine {
    OnDemandLine {
        municipality: municipality.map(Into::into),
        route: route.into(),
        kind: OnDemandKind::TaxiBus,
        agency: None,
        direction: None,
        hours: None,
        terms: Terms {
            notice: Notice::Before { at_least_s: 1_800 },
            opens: Opens::Always,
            relative_to: RelativeTo::Boarding,
        },
        desk: domain::booking::Desk { surcharge_eur: Some(0.8), ..Default::default() },
        to_door_m: None,
        wheelchair: None,
        wheelchair_notice_min: None,
        bikes: None,
        valid_from: None,
        valid_until: None,
        source: None,
    }
}

async fn with_towns() -> Database {
    let db = Database::start().await;
    let towns = World::town("a").site("p", 9).and_town("b");
    testing::world::import(&towns.contents, &db.pool).await;
    db
}

/// Added, changed, unchanged, removed.
async fn import(db: &Database, rules: Option<Vec<OnDemandLine>>, missing: Missing) -> [usize; 4] {
    let mut import = Import::begin(&db.pool).await.unwrap();
    let new = Catalogue { on_demand: rules, ..Catalogue::default() };
    let report = import.apply(&new, missing, Holds::FromNow, UtcMicros::EPOCH).await.unwrap();
    let ImportCounts { added, changed, unchanged, removed, .. } = report.on_demand;
    assert_eq!(report.is_unchanged(), added + changed + removed == 0);
    import.commit(&report, "test").await.unwrap();
    [added, changed, unchanged, removed]
}

async fn stored(db: &Database) -> Vec<OnDemandLine> {
    let mut conn = db.pool.acquire().await.unwrap();
    let rules = catalogue(&mut conn).await.unwrap().on_demand.unwrap();
    assert_eq!(**registry(&mut conn).await.unwrap().on_demand(), *rules);
    rules
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaces_the_rules_of_whom_it_names() {
    let db = with_towns().await;
    let [t1, t2] = ["T1", "T2"].map(|route| rule(None, route));
    let [a1, a2] = ["T1", "T2"].map(|route| rule(Some("a"), route));
    let b1 = rule(Some("b"), "T1");
    let keep = Missing::Keep;
    let all = vec![t1.clone(), b1.clone(), a2.clone(), a1.clone()];
    assert_eq!(import(&db, Some(all.clone()), keep).await, [4, 0, 0, 0]);
    let ordered = [b1.clone(), a2.clone(), a1.clone(), t1.clone()];
    assert_eq!(stored(&db).await, ordered, "municipalities before the county, then as in the file");
    assert_eq!(import(&db, Some(all), keep).await, [0, 0, 4, 0]);
    assert_eq!(import(&db, Some(stored(&db).await), keep).await, [0, 0, 4, 0], "an export changes nothing");
    assert_eq!(import(&db, None, Missing::Close).await, [0, 0, 0, 0], "other files say nothing of it");

    // Another order is another meaning.
    assert_eq!(import(&db, Some(vec![a1.clone(), a2.clone()]), keep).await, [0, 2, 0, 0]);
    assert_eq!(stored(&db).await, [b1.clone(), a1.clone(), a2.clone(), t1.clone()]);
    let longer = OnDemandLine { bikes: Some(false), ..a2 };
    assert_eq!(import(&db, Some(vec![longer.clone()]), keep).await, [0, 1, 0, 1], "replaced rows go");
    assert_eq!(stored(&db).await, [b1.clone(), longer.clone(), t1]);
    assert_eq!(import(&db, Some(vec![t2.clone()]), keep).await, [1, 0, 0, 1]);
    assert_eq!(stored(&db).await, [b1.clone(), longer.clone(), t2]);
    assert_eq!(import(&db, Some(Vec::new()), keep).await, [0, 0, 0, 1], "an empty file is the county's");
    assert_eq!(stored(&db).await, [b1, longer]);
    assert_eq!(import(&db, Some(Vec::new()), keep).await, [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_says_which_rules_came_changed_and_went() {
    let db = with_towns().await;
    let [county, town] = [None, Some("a")].map(|municipality| rule(municipality, "T1"));
    import(&db, Some(vec![county.clone(), town.clone()]), Missing::Keep).await;
    let cheaper = OnDemandLine { desk: Default::default(), ..county };
    import(&db, Some(vec![cheaper, rule(Some("a"), "T2")]), Missing::Keep).await;
    let events: Vec<(String, String, i32, serde_json::Value)> = sqlx::query_as(
        "SELECT action, subject, cardinality(municipalities), before FROM audit WHERE action IN ('change', 'remove')
         ORDER BY id",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let [changed, removed] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&*changed.0, &*changed.1, changed.2), ("change", "on_demand T1", 0));
    assert_eq!(changed.3["desk"]["surcharge_eur"], 0.8);
    assert_eq!((&*removed.0, &*removed.1, removed.2), ("remove", "on_demand a T1", 1));
    assert_eq!(removed.3["route"], "T1");
    let counts: serde_json::Value = sqlx::query_scalar(
        "SELECT after -> 'on_demand' FROM audit WHERE action = 'import' ORDER BY id DESC LIMIT 1",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(counts, serde_json::json!({"added": 1, "changed": 1, "removed": 1}));
}
