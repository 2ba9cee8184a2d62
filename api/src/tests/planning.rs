//! Who sees planners' figures, and what they say.

use axum::http::StatusCode;
use domain::observation::VehicleFix;
use serde_json::{Value, json};
use store::writer::Batch;
use testing::observed::{self, dated};

use super::fixture::{Answer, BUS, NOW, contents};
use super::keys::Instance;

const PERIOD: &str = "from=2026-11-23&to=2026-11-24";

/// Two towns' buses pass stops; Telgte's figures are for everybody.
async fn instance() -> Option<Instance> {
    let mut contents = contents();
    contents.municipalities[1].1.public_planning = true;
    let instance = Instance::with(contents).await?;
    let observed = |town: &str, trip: &str, stop: &str, minutes: i64, delay_s: i32| {
        let fix = VehicleFix {
            trip_id: Some(trip.into()),
            route_id: Some("R11".into()),
            stop_id: Some(stop.into()),
            delay_s: Some(delay_s),
            ..VehicleFix::default()
        };
        observed::vehicle(instance.provenance(town, NOW.plus_s(60 * minutes)), BUS, fix)
    };
    let vehicles = dated([
        observed("warendorf", "w1", "markt", 0, -90),
        observed("warendorf", "w1", "bahnhof", 5, 0),
        observed("warendorf", "w2", "markt", 60, 360),
        observed("telgte", "t1", "kirche", 10, 120),
    ]);
    instance.write(&Batch { vehicles, ..Batch::default() }).await;
    Some(instance)
}

fn towns(answer: &Answer) -> Vec<(String, i64)> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let row = |i: &Value| {
        (i["municipality"].as_str().unwrap_or_default().to_owned(), i["n"].as_i64().unwrap_or(-1))
    };
    answer.json()["items"].as_array().expect("items").iter().map(row).collect()
}

#[tokio::test]
async fn figures_are_for_planners_of_the_town_or_for_all_where_it_says_so() {
    let Some(instance) = instance().await else { return };
    let all = format!("/v1/punctuality?{PERIOD}");
    let of = |town: &str| format!("{all}&municipality={town}");
    let (planner, _) = instance.key("planner", &["warendorf"], 1, None).await;
    let (installer, _) = instance.key("installer", &["warendorf"], 2, None).await;
    let (admin, _) = instance.key("admin", &[], 3, None).await;
    let row = |town: &str, n| (town.to_owned(), n);

    assert_eq!(towns(&instance.county.get(&all).await), [row("telgte", 1)]);
    assert_eq!(towns(&instance.county.get(&of("telgte")).await), [row("telgte", 1)]);
    assert_eq!(instance.county.get(&of("warendorf")).await.status, StatusCode::UNAUTHORIZED);

    assert_eq!(towns(&instance.get(&all, &planner).await), [row("telgte", 1), row("warendorf", 3)]);
    assert_eq!(towns(&instance.get(&of("warendorf"), &planner).await), [row("warendorf", 3)]);
    assert_eq!(towns(&instance.get(&of("telgte"), &planner).await), [row("telgte", 1)]);
    assert_eq!(instance.get(&of("kreis"), &planner).await.status, StatusCode::FORBIDDEN);

    assert_eq!(towns(&instance.get(&all, &installer).await), [row("telgte", 1)]);
    assert_eq!(instance.get(&of("warendorf"), &installer).await.status, StatusCode::FORBIDDEN);
    assert_eq!(towns(&instance.get(&all, &admin).await), [row("telgte", 1), row("warendorf", 3)]);
    assert_eq!(instance.get(&all, &"ab".repeat(32)).await.status, StatusCode::UNAUTHORIZED);

    // What a key opened is kept nowhere.
    assert_eq!(instance.get(&all, &planner).await.header("cache-control"), "no-store");
    assert_eq!(instance.county.get(&all).await.header("cache-control"), "public, no-cache");

    for (query, field) in [
        ("to=2026-11-24", "from"),
        ("from=2026-11-24&to=2026-11-23", "to"),
        ("from=2026-11-23&to=2026-11-24&bucket=1m", "bucket"),
        ("from=2026-11-23&to=2026-11-24&group_by=driver", "group_by"),
        ("from=2026-11-23&to=2026-11-24&days=never", "days"),
        ("from=2026-11-23&to=2026-11-24&hours=9-18", "hours"),
        ("from=2026-11-23&to=2026-11-24&format=xml", "format"),
        ("from=2026-11-23&to=2026-11-24&municipality=atlantis", "municipality"),
        ("from=2026-11-23&to=2026-11-24&line=1", "line"),
    ] {
        let answer = instance.get(&format!("/v1/punctuality?{query}"), &planner).await;
        assert_eq!(
            (answer.status, &answer.json()["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{query}"
        );
    }

    let rows =
        instance.get(&format!("{}&group_by=route,stop&bucket=1h", of("warendorf")), &planner).await.json();
    insta::assert_json_snapshot!("punctuality", rows);
    instance.pool.close().await;
}
