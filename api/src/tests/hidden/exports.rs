//! History as files: what hidden bays say that do not count changes no byte of them.

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::inclusion::MIN_HIDDEN_BAYS;
use domain::{BayId, SiteId};
use testing::Numbers;

use super::figures::{Town, questions};
use super::world::{World, worlds};

/// Each with the figures of hours and of hours of the week now and then.
const FORMATS: [&str; 4] = ["&format=json", "&format=csv", "&format=csv&locale=de", "&format=parquet"];

async fn answer(town: &Town, question: &str, key: Option<&str>) -> String {
    let mut request = Request::get(question);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let response = town.instance.county.send(request.body(Body::empty()).expect("a request")).await;
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
    format!("{} {:?} {:?}", parts.status, parts.headers, bytes)
}

/// A question with one of the formats, for one of those who may ask, in one of the buckets.
fn asked(numbers: &mut Numbers, question: &str) -> (String, bool) {
    let format = FORMATS[numbers.below(FORMATS.len() as u64) as usize];
    let bucket = ["all", "1h", "hour_of_week", "1d"][numbers.below(4) as usize];
    let question = question.replace("bucket=all", &format!("bucket={bucket}"));
    (format!("{question}{format}"), numbers.below(2) == 0)
}

#[tokio::test]
async fn hidden_bays_that_do_not_count_change_no_byte_of_any_table() {
    for seed in 0..worlds(2) {
        let seed = 5 * seed + 2;
        let silent = |world: &World, bay| world.hidden().contains(&bay) && !world.counting().contains(&bay);
        let Some(with_hidden) = Town::of(seed, |_, _| true).await else { return };
        let Some(without_hidden) = Town::of(seed, |world, bay| !silent(world, bay)).await else { return };
        let mut numbers = Numbers(seed);
        let mut with_rows = 0;
        for question in questions(&with_hidden.world) {
            let (question, is_planner) = asked(&mut numbers, &question);
            let key = |town: &Town| is_planner.then(|| town.planner.clone());
            let first = answer(&with_hidden, &question, key(&with_hidden).as_deref()).await;
            let second = answer(&without_hidden, &question, key(&without_hidden).as_deref()).await;
            assert_eq!(first, second, "town {seed}: {question}");
            with_rows += usize::from(first.starts_with("200"));
        }
        assert!(with_rows > 50, "{with_rows} answers");
        for town in [with_hidden, without_hidden] {
            town.instance.pool.close().await;
        }
    }
}

/// The bays that count hidden in a site, the first `n` of each.
fn first_of_crowds(world: &World, n: usize) -> BTreeSet<BayId> {
    let counting = world.counting();
    let of_site = |site: &SiteId| {
        let bays = world.contents.bays.iter().filter(|bay| counting.contains(&bay.id));
        let of_site = bays.filter(|bay| world.site_of(&bay.def).is_some_and(|s| s.id == *site));
        of_site.map(|bay| bay.id).take(n).collect::<Vec<_>>()
    };
    world.contents.sites.iter().map(|site| site.id).collect::<Vec<_>>().iter().flat_map(of_site).collect()
}

/// While four of a crowd speak nobody sees it; while five do, all see it.
#[tokio::test]
async fn what_few_of_a_crowd_say_changes_no_byte_of_any_table() {
    const SEED: u64 = 1;
    let later = |n: usize| move |world: &World, bay: BayId| first_of_crowds(world, n).contains(&bay);
    let mut answers: Vec<Vec<(String, String)>> = Vec::new();
    for n in [0, MIN_HIDDEN_BAYS as usize - 1, MIN_HIDDEN_BAYS as usize] {
        let Some(town) = Town::with_later(SEED, |_, _| true, later(n)).await else { return };
        assert!(!first_of_crowds(&town.world, 1).is_empty(), "there is a crowd");
        let mut of_town = Vec::new();
        for (i, question) in questions(&town.world).into_iter().enumerate() {
            let bucket = ["all", "1h", "15m", "hour_of_week"][i / 2 % 4];
            let question = question.replace("bucket=all", &format!("bucket={bucket}"));
            let key = (i % 3 == 0).then_some(town.planner.as_str());
            of_town.push((question.clone(), answer(&town, &question, key).await));
        }
        answers.push(of_town);
        town.instance.pool.close().await;
    }
    for (none, four) in answers[0].iter().zip(&answers[1]) {
        assert_eq!(none, four);
    }
    let others = answers[0].iter().zip(&answers[2]).filter(|(none, five)| none != five);
    assert!(others.count() > 10, "five of a crowd are seen");
}

/// A file says what JSON says: withheld figures are empty in each.
#[tokio::test]
async fn files_say_no_more_than_json() {
    let Some(town) = Town::of(1, |_, _| true).await else { return };
    let mut compared = 0;
    for question in questions(&town.world).into_iter().filter(|question| question.contains("group_by")) {
        let json = town.instance.county.get(&question).await;
        let csv = town.instance.county.get(&format!("{question}&format=csv")).await;
        assert_eq!(json.status, csv.status, "{question}");
        if json.status != 200 {
            continue;
        }
        let json = json.json();
        let rows = json["items"].as_array().expect("rows");
        let mut csv = csv::Reader::from_reader(csv.body.as_bytes());
        let names = csv.headers().expect("a head").clone();
        let records: Vec<csv::StringRecord> = csv.records().map(|record| record.expect("a row")).collect();
        assert_eq!(records.len(), rows.len(), "{question}");
        for (row, record) in rows.iter().zip(&records) {
            for (name, cell) in names.iter().zip(record) {
                let value = match name.strip_prefix("histogram_") {
                    Some(class) => &row["histogram"][class],
                    None => &row[name],
                };
                let is_same = match value {
                    serde_json::Value::Null => cell.is_empty(),
                    serde_json::Value::String(text) => cell == text,
                    serde_json::Value::Bool(is) => cell == is.to_string(),
                    number => cell.parse::<f64>().ok() == number.as_f64(),
                };
                assert!(is_same, "{question}: {name} is {cell} and {value}");
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared}");
}
