//! Answers for planners in JSON have a bound on their rows, all by one rule: what fits is answered, whatever the filters.

use axum::http::StatusCode;
use domain::observation::{DoorCount, PassengerCount, VehicleFix};
use serde_json::Value;
use store::derive::Deriver;
use store::writer::Batch;
use testing::observed::{self, dated};

use super::fixture::{Answer, BUS, NOW, contents};
use super::keys::Instance;

/// Buses of Warendorf for nine days: stops that are passed, and passengers.
async fn instance() -> Option<Instance> {
    let instance = Instance::with(contents()).await?;
    let mut batch = Batch::default();
    for n in 0..60i64 {
        let at = NOW.plus_s(-n * 12_000);
        let (route, stop) = (format!("R{}", n % 3), format!("stop-{}", n % 4));
        let fix = VehicleFix {
            trip_id: Some(format!("trip-{n}")),
            route_id: Some(route),
            stop_id: Some(stop.clone()),
            delay_s: Some(60 * (n % 7) as i32),
            ..VehicleFix::default()
        };
        let provenance = instance.provenance("warendorf", at);
        batch.vehicles.extend(dated([observed::vehicle(provenance, BUS, fix)]));
        let count = PassengerCount {
            trip_id: Some(format!("trip-{n}")),
            stop_id: Some(stop),
            doors: vec![DoorCount { door: "1".into(), entries: 2, exits: 1 }],
            ..observed::passengers(provenance, BUS)
        };
        batch.passengers.extend(dated([PassengerCount { digest: count.digest_of(), ..count }]));
    }
    instance.write(&batch).await;
    derive(&instance).await;
    Some(instance)
}

async fn derive(instance: &Instance) {
    let mut deriver = Deriver::connect(&instance.url, NOW).await.expect("a database").expect("alone");
    while !deriver.step(NOW).await.expect("a step").is_idle() {}
}

const TABLES: [(&str, &[&str], &[&str]); 4] = [
    ("occupancy", &["15m", "1d", "1w", "hour_of_week", "all"], &["bay", "municipality"]),
    ("stays", &[""], &["bay", "municipality"]),
    ("punctuality", &["1h", "1w", "hour_of_week"], &["route,stop", "municipality"]),
    ("ridership", &["1h", "1w", "hour_of_week"], &["route,stop", "municipality"]),
];

fn questions() -> Vec<String> {
    let mut questions = Vec::new();
    for (table, buckets, groups) in TABLES {
        for bucket in buckets {
            for group in groups {
                for filter in ["", "&days=mo-fr&hours=22:00-02:00"] {
                    // Of parking each bay and quarter of an hour is a row.
                    let from = if table == "occupancy" { 21 } else { 14 };
                    let bucket = if bucket.is_empty() { String::new() } else { format!("&bucket={bucket}") };
                    questions.push(format!(
                        "/v1/{table}?municipality=warendorf&from=2026-11-{from}T10:30:00Z&to=2026-11-24\
                         {bucket}&group_by={group}{filter}"
                    ));
                }
            }
        }
    }
    questions
}

fn items(answer: &Answer, question: &str) -> usize {
    assert_eq!(answer.status, StatusCode::OK, "{question}: {}", answer.body);
    answer.json()["items"].as_array().expect("items").len()
}

#[tokio::test]
async fn every_planners_table_has_one_bound_and_refuses_nothing_that_fits() {
    let Some(mut instance) = instance().await else { return };
    let (planner, _) = instance.key("planner", &["warendorf"], 1, None).await;
    let mut refused = std::collections::BTreeSet::new();
    for question in questions() {
        instance.county.bound_json_rows(crate::MAX_JSON_ROWS);
        let rows = items(&instance.get(&question, &planner).await, &question);
        instance.county.bound_json_rows(rows as i64);
        assert_eq!(items(&instance.get(&question, &planner).await, &question), rows, "{question}: it fits");
        if rows == 0 {
            continue;
        }
        instance.county.bound_json_rows(rows as i64 - 1);
        let answer = instance.get(&question, &planner).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{question}: {rows} rows");
        let problem: Value = answer.json();
        let field = problem["field"].as_str().unwrap();
        assert!(["bucket", "group_by"].contains(&field), "{problem}");
        assert!(problem["remedy"].as_str().unwrap().contains("format=parquet"), "{problem}");
        let answer = instance.get(&format!("{question}&format=csv"), &planner).await;
        assert_eq!((answer.status, answer.body.lines().count()), (StatusCode::OK, rows + 1), "{question}");
        refused.insert(question.split('?').next().unwrap().to_owned());
    }
    assert_eq!(refused.len(), TABLES.len(), "{refused:?}");
}

/// Two months of quarters of an hour are too much, an hour of their holidays is not.
#[tokio::test]
async fn filters_count_in_what_an_answer_would_have() {
    let Some(mut instance) = Instance::with(contents()).await else { return };
    instance.county.bound_json_rows(5_000);
    derive(&instance).await;
    let (planner, _) = instance.key("planner", &["warendorf"], 1, None).await;
    let question =
        "/v1/occupancy?municipality=warendorf&from=2026-10-01&to=2026-11-23&bucket=15m&group_by=bay";
    let answer = instance.get(question, &planner).await;
    assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::BAD_REQUEST, &"bucket".into()));
    let answer = instance.get(&format!("{question}&days=holiday&hours=08:00-09:00"), &planner).await;
    assert!(items(&answer, question) > 0);
}
