//! Gateways and notices: who sees which, and delivering again.

use axum::http::{Request, StatusCode};
use domain::catalogue::Catalogue;
use domain::notice::{Notice, NoticeKind};
use serde_json::{Value, json};
use store::notices::{self, Attempted};
use store::places::{Holds, Import, Missing};
use store::writer::Batch;

use super::fixture::{NOW, contents, read};
use super::keys::{Instance, uplink};

/// A rule of each town.
async fn with_rules(instance: &Instance) {
    let rule = |town: &str| {
        serde_json::from_value(
            json!({ "id": format!("r-{town}"), "municipality": town, "on": [], "topic": "t" }),
        )
        .unwrap()
    };
    let new = Catalogue { notices: vec![rule("telgte"), rule("warendorf")], ..Catalogue::default() };
    let mut import = Import::begin(&instance.pool).await.unwrap();
    let report = import.apply(&new, Missing::Keep, Holds::FromNow, NOW).await.unwrap();
    import.commit(&report, "test").await.unwrap();
}

#[tokio::test]
async fn notices_are_shown_to_their_town_with_attempts_and_errors_and_delivered_again() {
    let Some(instance) = Instance::with(contents()).await else { return };
    with_rules(&instance).await;
    let mut conn = instance.pool.acquire().await.unwrap();
    for rule in notices::rules(&mut conn).await.unwrap() {
        for n in 0..3 {
            let notice = Notice {
                notice: rule.rule.id.clone(),
                municipality: rule.town.slug.clone(),
                kind: NoticeKind::Heartbeat,
                at: NOW.plus_s(n),
                sensors: Some(Default::default()),
                items: Vec::new(),
                text: Default::default(),
            };
            notices::append(&mut conn, &rule, notice.summarized(), None).await.unwrap();
        }
    }
    let due = notices::due(&mut conn, NOW.plus_s(10)).await.unwrap();
    assert_eq!(due.len(), 2, "of each rule the oldest");
    let dead = due.iter().find(|d| d.rule.0.municipality == "telgte").unwrap();
    let attempted = Attempted::Dead { error: "webhook: the receiver answered 500".to_owned() };
    notices::attempted(&mut conn, dead.delivery.seq, &attempted, NOW).await.unwrap();
    let id = &dead.delivery.id;

    let (installer, _) = instance.key("installer", &["telgte"], 1, None).await;
    let (operator, _) = instance.key("operator", &["warendorf"], 2, None).await;
    let (planner, _) = instance.key("planner", &["telgte"], 3, None).await;
    assert_eq!(instance.get("/v1/notices", &planner).await.status, StatusCode::FORBIDDEN);
    let items = |answer: Value| answer["items"].as_array().unwrap().clone();
    let all = items(instance.get("/v1/notices", &installer).await.json());
    assert!(all.len() == 3 && all.iter().all(|n| n["municipality"] == "telgte"), "{all:?}");
    let found = items(instance.get("/v1/notices?state=dead", &installer).await.json());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            &found[0]["id"],
            &found[0]["attempts"],
            &found[0]["last_error"],
            &found[0]["next_attempt"],
            &found[0]["target"]
        ),
        (&json!(id), &json!(1), &json!("webhook: the receiver answered 500"), &Value::Null, &json!("mqtt"))
    );
    let page = instance.get("/v1/notices?limit=2", &installer).await.json();
    let rest = format!("/v1/notices?limit=2&cursor={}", page["cursor"].as_str().unwrap());
    let rest = instance.get(&rest, &installer).await.json();
    assert_eq!((items(page).len(), items(rest.clone()).len(), &rest["cursor"]), (2, 1, &Value::Null));
    let problem = instance.get("/v1/notices?state=lost", &installer).await;
    assert_eq!(problem.status, StatusCode::BAD_REQUEST);
    assert!(
        problem.json()["remedy"].as_str().unwrap().contains("pending, delivered, dead"),
        "{}",
        problem.body
    );

    let retry = |key: &str, id: &str| {
        let request =
            Request::post(format!("/v1/notices/{id}/retry")).header("authorization", format!("Bearer {key}"));
        let answer = instance.county.send(request.body(axum::body::Body::empty()).unwrap());
        async move { read(answer.await).await }
    };
    assert_eq!(retry(&operator, id).await.status, StatusCode::NOT_FOUND, "of another town");
    assert_eq!(retry(&installer, "none").await.status, StatusCode::NOT_FOUND);
    let answer = retry(&installer, id).await;
    assert_eq!((answer.status, &answer.json()["state"]), (StatusCode::OK, &json!("pending")));
    let due = notices::due(&mut conn, domain::UtcMicros(i64::MAX)).await.unwrap();
    assert!(due.iter().any(|d| d.delivery.id == *id), "it is the oldest again");
}

#[tokio::test]
async fn gateways_are_those_of_the_town_s_own_sensors() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let by = |town, device, outcome, gateways: &[&str]| domain::Uplink {
        gateways: gateways.iter().map(|g| domain::uplink::Reception::at(*g)).collect(),
        ..uplink(&instance, town, device, 1, outcome)
    };
    let batch = Batch {
        uplinks: vec![
            by("warendorf", "70b3d57ed0051a01", "stored", &["a", "b"]),
            by("warendorf", "70b3d57ed0051a02", "stored", &["b"]),
            by("warendorf", "70b3d57ed0051a03", "rejected:unknown_sensor", &["made-up"]),
            by("telgte", "70b3d57ed0051a04", "stored", &["b", "c"]),
        ],
        ..Batch::default()
    };
    instance.write(&batch).await;
    let (installer, _) = instance.key("installer", &["warendorf"], 1, None).await;
    let (operator, _) = instance.key("operator", &["warendorf", "telgte"], 2, None).await;
    for (key, expected) in [(&installer, "a 1, b 2"), (&operator, "a 1, b 3, c 1")] {
        let answer = instance.get("/v1/gateways", key).await.json();
        let shown = |g: &Value| format!("{} {}", g["id"].as_str().unwrap(), g["sensors"]);
        let all: Vec<String> = answer["items"].as_array().unwrap().iter().map(shown).collect();
        assert_eq!(all.join(", "), expected);
    }
    let page = instance.get("/v1/gateways?limit=2", &operator).await.json();
    let rest = instance
        .get(&format!("/v1/gateways?cursor={}", page["cursor"].as_str().unwrap()), &operator)
        .await
        .json();
    assert_eq!((&rest["items"][0]["id"], &rest["cursor"]), (&json!("c"), &Value::Null));
}
