//! Corrections rewrite the version in force, and nothing else.

use crate::support::Database;
use domain::UtcMicros;
use domain::catalogue::Catalogue;
use domain::place::{Bay, PlaceKind, Site};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::types::Json;
use store::Ts;
use store::places::{Holds, Import, ImportReport, Missing, catalogue};
use testing::World;

fn at(day: u32) -> UtcMicros {
    UtcMicros::parse(&format!("2026-03-{day:02}T00:00:00Z")).unwrap()
}

/// A definition, with some of its properties replaced.
fn changed<T: Serialize + DeserializeOwned>(def: &T, more: Value) -> T {
    let mut def = serde_json::to_value(def).unwrap();
    def.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(def).unwrap()
}

fn site(id: &str, capacity: u32, more: Value) -> Site {
    changed(&World::town("n").site(id, capacity).contents.sites[0].def, more)
}

fn bay(id: &str, more: Value) -> Bay {
    changed(&World::town("n").bay_in("s", id).contents.bays[0].def, more)
}

async fn import(
    db: &Database,
    sites: Vec<Site>,
    bays: Vec<Bay>,
    (missing, holds): (Missing, Holds),
    day: u32,
) -> ImportReport {
    let mut import = Import::begin(&db.pool).await.unwrap();
    let new = Catalogue { sites, bays, ..Catalogue::default() };
    let report = import.apply(&new, missing, holds, at(day)).await.unwrap();
    import.commit(&report, "test").await.unwrap();
    report
}

const NEW: (Missing, Holds) = (Missing::Keep, Holds::FromNow);
const CORRECT: (Missing, Holds) = (Missing::Keep, Holds::Always);

/// A place's versions: when each begins and ends, and a property.
async fn versions(
    db: &Database,
    id: &str,
    property: &str,
) -> Vec<(Option<UtcMicros>, Option<UtcMicros>, Value)> {
    let rows: Vec<(Option<Ts>, Option<Ts>, Json<Value>)> = sqlx::query_as(
        "SELECT nullif(v.from_utc, '-infinity'), v.until_utc, coalesce(v.def -> $2, 'null')
         FROM place_version v JOIN place p ON p.id = v.place WHERE p.key = $1 ORDER BY v.from_utc",
    )
    .bind(id)
    .bind(property)
    .fetch_all(&db.pool)
    .await
    .unwrap();
    rows.into_iter().map(|(from, until, value)| (from.map(|t| t.0), until.map(|t| t.0), value.0)).collect()
}

/// What the audit says was corrected: the property before and after.
async fn audited(db: &Database, id: &str, property: &str) -> Vec<(Value, Value)> {
    let rows: Vec<(Json<Value>, Json<Value>)> = sqlx::query_as(
        "SELECT before -> $2, after -> $2 FROM audit
         WHERE action = 'correct' AND split_part(subject, ' ', 2) = $1 ORDER BY id",
    )
    .bind(id)
    .bind(property)
    .fetch_all(&db.pool)
    .await
    .unwrap();
    rows.into_iter().map(|(before, after)| (before.0, after.0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_in_force_is_rewritten_from_its_own_beginning() {
    let db = Database::start().await;
    let zone = |zone: &str| json!({"zone": zone});
    import(&db, vec![site("s", 100, zone("a"))], vec![bay("b", json!({}))], NEW, 1).await;
    import(&db, vec![site("s", 100, zone("b"))], vec![], NEW, 10).await;

    // Another property's versions stay what they were.
    let report = import(&db, vec![site("s", 80, zone("b"))], vec![], CORRECT, 20).await;
    let expected = [(None, Some(at(10)), json!(100)), (Some(at(10)), None, json!(80))];
    assert_eq!(versions(&db, "s", "capacity").await, expected);
    assert_eq!(versions(&db, "s", "zone").await.iter().map(|v| &v.2).collect::<Vec<_>>(), ["a", "b"]);
    let [correction] = &report.corrections[..] else { panic!("{report:?}") };
    assert_eq!((correction.kind, &*correction.id, correction.from), (PlaceKind::Site, "s", Some(at(10))));
    let changes: Vec<_> = correction.changes().collect();
    assert_eq!(changes, [("capacity", &json!(100), &json!(80))]);
    assert_eq!(correction.figures(), ["occupancy", "coverage", "forecast"]);

    // Once more, and once too often.
    import(&db, vec![site("s", 90, zone("b"))], vec![], CORRECT, 21).await;
    let again = import(&db, vec![site("s", 90, zone("b"))], vec![], CORRECT, 22).await;
    assert!(again.is_unchanged() && again.corrections.is_empty());
    assert_eq!(versions(&db, "s", "capacity").await[1].2, json!(90));
    let both = [(json!(100), json!(80)), (json!(80), json!(90))];
    assert_eq!(audited(&db, "s", "capacity").await, both);

    // What has one version only is what it is from the beginning; what is new begins as ever.
    let bays = vec![bay("b", json!({"max_stay_min": 30})), bay("c", json!({}))];
    let report = import(&db, vec![], bays, CORRECT, 23).await;
    assert_eq!((report.bays.added, report.bays.changed, report.corrections.len()), (1, 1, 1));
    assert_eq!((report.corrections[0].from, report.corrections[0].figures()), (None, vec!["overstays"]));
    assert_eq!(versions(&db, "b", "max_stay_min").await, [(None, None, json!(30))]);
    assert_eq!(versions(&db, "c", "id").await, [(None, None, json!("c"))]);

    // It is valid from a day that was mistyped.
    let from = |day: u32| vec![site("later", 5, json!({"valid_from": at(day)}))];
    import(&db, from(5), vec![], NEW, 1).await;
    let report = import(&db, from(2), vec![], CORRECT, 23).await;
    assert_eq!(report.corrections[0].from, None);
    assert_eq!(versions(&db, "later", "valid_from").await, [(Some(at(5)), None, json!(at(2)))]);

    // An import that is no correction begins a version, as ever.
    import(&db, vec![site("s", 70, zone("b"))], vec![], NEW, 25).await;
    let capacities: Vec<Value> = versions(&db, "s", "capacity").await.into_iter().map(|v| v.2).collect();
    assert_eq!(capacities, [100, 90, 70]);
    let towns: i64 = db.scalar("SELECT count(*) FROM forecast_again").await;
    assert_eq!(towns, 1, "its forecast is learned again");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_place_that_ended_the_last_version_that_was_valid_is_rewritten() {
    let db = Database::start().await;
    let both = |capacity| vec![site("gone", capacity, json!({})), site("s", 9, json!({}))];
    import(&db, both(100), vec![], NEW, 1).await;
    import(&db, both(100)[1..].to_vec(), vec![], (Missing::Close, Holds::FromNow), 10).await;
    let ended = catalogue(&mut db.pool.acquire().await.unwrap()).await.unwrap().sites.remove(0);
    assert_eq!(ended.valid_until, Some(at(10)));

    let report = import(&db, vec![Site { capacity: 60, ..ended }], vec![], CORRECT, 20).await;
    let first = &report.corrections[0];
    assert_eq!((first.from, first.before["capacity"].clone()), (None, json!(100)));
    let expected = [(None, Some(at(10)), json!(60)), (Some(at(10)), None, json!(60))];
    assert_eq!(versions(&db, "gone", "capacity").await, expected);
    assert!(versions(&db, "gone", "valid_until").await.iter().all(|v| v.2 == json!(at(10))));

    // It should never have been closed.
    import(&db, both(60), vec![], CORRECT, 21).await;
    assert!(versions(&db, "gone", "valid_until").await.iter().all(|v| v.2.is_null()));
}

/// Since when each place is public that was not, by its id.
async fn public_since(db: &Database) -> Vec<(String, UtcMicros)> {
    let registry = store::places::registry(&mut db.pool.acquire().await.unwrap()).await.unwrap();
    let sites = registry.sites().map(|site| (site.def.id.clone(), registry.public_since(site.id)));
    let bays = registry.bays().map(|bay| (bay.def.id.clone(), registry.public_since(bay.id)));
    let mut since: Vec<_> = sites.chain(bays).filter_map(|(id, since)| Some((id, since?))).collect();
    since.sort();
    since
}

#[tokio::test]
async fn what_was_hidden_is_public_from_then_on_and_what_is_corrected_always_was() {
    let db = Database::start().await;
    let none = json!({"publish": "none"});
    let resident = json!({"restrictions": [{"for": "resident"}]});
    let bays = |hidden: &Value, moving: &str| {
        vec![
            bay("always", json!({})),
            bay("resident", hidden.clone()),
            bay("moving", json!({"site": moving})),
            bay("shown", json!({"publish": "public", "restrictions": [{"for": "resident"}]})),
        ]
    };
    let sites = |publish: &Value| vec![site("s", 9, json!({})), site("t", 9, publish.clone())];
    import(&db, sites(&none), bays(&resident, "t"), NEW, 1).await;
    assert_eq!(public_since(&db).await, []);
    // Another version, hidden like the one before.
    let still = json!({"restrictions": [{"for": "resident"}], "max_stay_min": 60});
    import(&db, vec![], bays(&still, "t"), NEW, 2).await;
    assert_eq!(public_since(&db).await, []);
    import(&db, vec![], bays(&json!({}), "s"), NEW, 3).await;
    let of =
        |ids: &[(&str, u32)]| ids.iter().map(|(id, day)| ((*id).to_owned(), at(*day))).collect::<Vec<_>>();
    assert_eq!(public_since(&db).await, of(&[("moving", 3), ("resident", 3)]));
    import(&db, sites(&json!({})), bays(&json!({}), "s"), NEW, 4).await;
    assert_eq!(public_since(&db).await, of(&[("moving", 3), ("resident", 3), ("t", 4)]));
    // What was never hidden but by mistake.
    import(&db, vec![], bays(&resident, "s"), NEW, 5).await;
    assert_eq!(public_since(&db).await, of(&[("moving", 3), ("t", 4)]));
    import(&db, vec![], bays(&json!({}), "s"), CORRECT, 6).await;
    assert_eq!(public_since(&db).await, of(&[("moving", 3), ("resident", 3), ("t", 4)]));
}
