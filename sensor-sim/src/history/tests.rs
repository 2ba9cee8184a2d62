use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::*;
use crate::test_broker::{Behaviour, TestBroker};
use crate::world::Cause;

const DAY_S: i64 = 86_400;

fn config(url: &str, bays: u32, days: i64) -> HistoryConfig {
    HistoryConfig {
        mqtt_url: url.to_owned(),
        bays,
        seed: 1,
        until: "2026-11-23T00:00:00.5Z".parse().unwrap(),
        span: SignedDuration::from_secs(days * DAY_S),
        faults: Faults::default(),
        truth: None,
        watch_url: None,
    }
}

fn past(bays: u32, days: i64) -> Past {
    let start: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    let clock = ZoneClock::new(&zone(town::TZ), start, start + SignedDuration::from_secs(days * DAY_S));
    Past::new(7, bays, clock, days * DAY_S)
}

#[test]
fn the_past_is_in_order_and_never_silent_for_longer_than_promised() {
    let mut last_at_s = 0;
    let mut bays: HashMap<u32, (i64, bool)> = HashMap::new();
    for statement in past(100, 14) {
        assert!(statement.at_s >= last_at_s);
        last_at_s = statement.at_s;
        match bays.insert(statement.bay, (statement.at_s, statement.occupied)) {
            None => assert_eq!((statement.cause, statement.at_s), (Cause::Start, 0)),
            Some((at_s, occupied)) => {
                assert!(statement.at_s > at_s, "one statement of a bay in a second");
                assert!(statement.at_s - at_s <= town::HEARTBEAT_S);
                assert_eq!(statement.occupied != occupied, statement.cause == Cause::Change);
            }
        }
    }
    assert_eq!(bays.len(), 100);
    assert!(bays.values().all(|(at_s, _)| 14 * DAY_S - at_s <= town::HEARTBEAT_S));
}

#[test]
fn weeks_are_plausible() {
    // Ten sites: each use once.
    let (bays, days) = (500, 21);
    let mut statements = 0;
    let mut occupied_s: BTreeMap<(u32, u8, i64), i64> = BTreeMap::new();
    let mut since: HashMap<u32, (i64, bool)> = HashMap::new();
    for statement in past(bays, days) {
        statements += 1;
        if let Some((at_s, true)) = since.insert(statement.bay, (statement.at_s, statement.occupied)) {
            // By the hour in which it began: enough to distinguish noon from night.
            let local_s = at_s + 3_600;
            let key = (statement.bay / 50 % 10, (local_s / DAY_S % 7) as u8, local_s % DAY_S / 3_600);
            *occupied_s.entry(key).or_default() += statement.at_s - at_s;
        }
    }
    let a_day = f64::from(statements) / f64::from(bays) / days as f64;
    assert!((14.0..18.0).contains(&a_day), "{a_day} statements a bay and day");
    let sum = |use_of: u32, days: std::ops::Range<u8>, hours: std::ops::Range<i64>| -> i64 {
        let wanted = |(u, d, h): &(u32, u8, i64)| *u == use_of && days.contains(d) && hours.contains(h);
        occupied_s.iter().filter(|(key, _)| wanted(key)).map(|(_, s)| s).sum()
    };
    assert!(sum(0, 0..5, 10..16) > 3 * sum(0, 0..5, 0..6), "the centre is full by day");
    assert!(sum(5, 0..1, 6..12) > 3 * sum(5, 6..7, 6..12), "commuters come on Mondays, not on Sundays");
    assert!(sum(8, 0..5, 17..24) > sum(8, 0..5, 8..14), "residents come home");
}

#[test]
fn the_files_name_every_bay_and_its_site() {
    let dir = tempfile::tempdir().unwrap();
    write_files(dir.path(), 120, 425).unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let [sites, bays]: [Value; 2] =
        ["sites.geojson", "bays.geojson"].map(|n| serde_json::from_str(&read(n)).unwrap());
    let capacities: Vec<_> =
        sites["features"].as_array().unwrap().iter().map(|f| f["properties"]["capacity"].as_u64()).collect();
    assert_eq!(capacities, [Some(50), Some(50), Some(20)]);
    let last = &bays["features"][119]["properties"];
    assert_eq!((&last["id"], &last["site"]), (&"history-000120".into(), &"history-site-0003".into()));
    let feeds: toml::Table = read("feeds.toml").parse().unwrap();
    assert_eq!(feeds["feed"][0]["max_age"].as_str(), Some("425d"));
}

/// The statements of a run by bay and time, and how often each; and the lines of its truth.
async fn sent(
    mut cfg: HistoryConfig,
    broker: &mut TestBroker,
) -> (HistorySummary, BTreeMap<(String, String), u32>, Vec<Value>) {
    let dir = tempfile::tempdir().unwrap();
    let truth = dir.path().join("truth.jsonl");
    cfg.truth = Some(truth.clone());
    let summary = run(cfg, CancellationToken::new()).await.unwrap();
    let mut times = BTreeMap::new();
    for (topic, payload) in broker.so_far() {
        assert_eq!(topic, "kv/1/history/batch");
        for element in serde_json::from_slice::<Vec<Value>>(&payload).unwrap() {
            let bay = element["topic"].as_str().unwrap().strip_prefix("bay/").unwrap().to_owned();
            *times.entry((bay, element["at"].as_str().unwrap().to_owned())).or_default() += 1;
        }
    }
    let lines = std::fs::read_to_string(&truth).unwrap();
    (summary, times, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test]
async fn everything_is_sent_and_the_truth_says_what_happened() {
    let mut broker = TestBroker::start(Behaviour::default()).await;
    let (summary, times, lines) = sent(config(&broker.url, 60, 5), &mut broker).await;
    assert_eq!(summary.acknowledged, summary.messages);
    assert_eq!(summary.statements, times.len() as u64, "each once");
    let changes: Vec<&Value> = lines.iter().filter(|l| l["what"] == "change").collect();
    for line in &changes {
        let key = (line["id"].as_str().unwrap().to_owned(), line["at"].as_str().unwrap().to_owned());
        assert!(times.contains_key(&key), "{key:?}");
    }
    assert_eq!(changes.iter().filter(|l| l["cause"] == "start").count(), 60);
    assert_eq!(changes[0]["at"], "2026-11-18T00:00:00Z");
    assert_eq!(lines.last().unwrap()["what"], "end");
    assert_eq!(lines.last().unwrap()["at"], "2026-11-23T00:00:00Z");
    assert_eq!(lines.len(), changes.len() + 1);
}

#[tokio::test]
async fn faults_befall_single_statements() {
    let mut broker = TestBroker::start(Behaviour::default()).await;
    let (whole, all, _) = sent(config(&broker.url, 60, 5), &mut broker).await;
    let faults = Faults { loss: 0.1, double: 0.2, delay_s: 2.0 * DAY_S as f64, ..Faults::default() };
    let (summary, times, lines) =
        sent(HistoryConfig { faults, ..config(&broker.url, 60, 5) }, &mut broker).await;
    let lost: Vec<&Value> = lines.iter().filter(|l| l["what"] == "sent").collect();
    assert_eq!((lost.len() as u64, times.len() as u64), (summary.lost, whole.statements - summary.lost));
    for line in lost {
        let statement = &line["says"][0];
        let key =
            (statement["id"].as_str().unwrap().to_owned(), statement["at"].as_str().unwrap().to_owned());
        assert!(all.contains_key(&key) && !times.contains_key(&key) && line["sent"].is_null());
    }
    let share = |n: u64| n as f64 / whole.statements as f64;
    assert!((0.07..0.13).contains(&share(summary.lost)), "{summary:?}");
    let duplicated = times.values().filter(|n| **n == 2).count() as u64;
    assert!((0.14..0.22).contains(&share(duplicated)), "{duplicated}");
    assert_eq!(summary.statements, times.values().map(|n| u64::from(*n)).sum::<u64>());
}

#[tokio::test]
async fn mistakes_are_named() {
    let error = |change: fn(&mut HistoryConfig)| async move {
        let mut cfg = config("mqtt://127.0.0.1:1", 10, 1);
        change(&mut cfg);
        run(cfg, CancellationToken::new()).await.unwrap_err().to_string()
    };
    assert!(error(|c| c.bays = 0).await.contains("bays is 0"));
    assert!(error(|c| c.span = SignedDuration::from_hours(24 * 4_000)).await.contains("at most ten years"));
    assert!(error(|c| c.faults.stuck = 0.5).await.contains("a past knows no others"));
    assert!(error(|c| c.watch_url = Some("https://x".into())).await.contains("'https://x'"));
}
