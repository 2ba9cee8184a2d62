use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::*;
use crate::test_broker::{Behaviour, TestBroker};

/// Runs the county until `enough` messages have come, then stops it as a user would.
async fn run_for(
    broker: &mut TestBroker,
    cfg: RunConfig,
    enough: usize,
) -> (Summary, Vec<(String, bytes::Bytes)>) {
    let cancel = CancellationToken::new();
    let running = tokio::spawn(run(cfg, cancel.clone()));
    let mut received = Vec::new();
    while received.len() < enough {
        received.push(broker.received.recv().await.unwrap());
    }
    cancel.cancel();
    let summary = running.await.unwrap().unwrap();
    received.extend(broker.so_far());
    (summary, received)
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_bay_reports_and_the_truth_has_it() {
    let mut broker = TestBroker::start(Behaviour::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let county = Arc::new(County::sample(1));
    let truth = dir.path().join("truth.jsonl");
    let mut cfg = RunConfig::new(&broker.url, Arc::clone(&county));
    cfg.truth = Some(truth.clone());
    // Quick enough that the batches of the first second are out within a test.
    cfg.speed = 20.0;
    let (summary, received) = run_for(&mut broker, cfg, 3_000).await;
    assert_eq!(summary.acknowledged, summary.sent);
    assert_eq!(received.len() as u64, summary.sent);

    let lines = lines(&truth);
    let of = |what: &str| lines.iter().filter(|l| l["what"] == what).collect::<Vec<_>>();
    let first: HashMap<&str, &Value> = of("change")
        .into_iter()
        .filter(|l| l["kind"] == "bay" && l["cause"] == "start")
        .map(|l| (l["id"].as_str().unwrap(), l))
        .collect();
    assert_eq!(first.len(), county.bays.len());
    let sent = of("sent");
    assert_eq!(sent.len() as u64, summary.sent);
    let mut reported: HashSet<&str> = HashSet::new();
    for statement in sent.iter().flat_map(|l| l["says"].as_array().unwrap()).filter(|s| s["kind"] == "bay") {
        let id = statement["id"].as_str().unwrap();
        if reported.insert(id) {
            assert_eq!(statement["state"], first[id]["state"], "{id}");
            assert_eq!(statement["at"], first[id]["at"], "{id}");
        }
    }
    assert_eq!(reported.len(), county.bays.len());

    // How long each bay was occupied until the end follows from the changes alone.
    let end = lines.last().unwrap();
    assert_eq!(end["what"], "end");
    let at = |line: &Value| line["at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let mut states: HashMap<&str, &Value> = HashMap::new();
    for change in of("change").into_iter().filter(|l| l["kind"] == "bay") {
        let before = states.insert(change["id"].as_str().unwrap(), change);
        assert!(before.is_none_or(|b| b["state"] != change["state"] && at(b) < at(change)), "{change}");
        assert!(at(change) <= at(end), "{change}");
    }
}

#[tokio::test]
async fn lost_and_duplicated_messages_are_on_record() {
    let mut broker = TestBroker::start(Behaviour::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let truth = dir.path().join("truth.jsonl");
    let mut cfg = RunConfig::new(&broker.url, Arc::new(County::sample(1)));
    cfg.truth = Some(truth.clone());
    cfg.faults = Faults { loss: 0.2, double: 0.2, ..Faults::default() };
    let (summary, received) = run_for(&mut broker, cfg, 1_200).await;
    let lines = lines(&truth);
    let sent: Vec<&Value> = lines.iter().filter(|l| l["what"] == "sent").collect();
    let lost = sent.iter().filter(|l| l["sent"].is_null()).count() as u64;
    assert!(lost > 100);
    assert_eq!((lost, sent.len() as u64 - lost), (summary.lost, summary.sent));
    let by_topic = |topics: Vec<&str>| {
        let mut counts: HashMap<String, usize> = HashMap::new();
        topics.into_iter().for_each(|t| *counts.entry(t.to_owned()).or_default() += 1);
        counts
    };
    let on_record = sent.iter().filter(|l| !l["sent"].is_null()).map(|l| l["topic"].as_str().unwrap());
    assert_eq!(by_topic(on_record.collect()), by_topic(received.iter().map(|r| r.0.as_str()).collect()));
}

#[tokio::test]
async fn a_run_ends_by_itself_and_without_a_broker() {
    let mut cfg = RunConfig::new("mqtt://127.0.0.1:1", Arc::new(County::sample(1)));
    cfg.max_duration = Some(Duration::from_millis(300));
    let summary = run(cfg, CancellationToken::new()).await.unwrap();
    assert_eq!(summary.acknowledged, 0);
}

#[tokio::test]
async fn mistakes_are_named() {
    let county = Arc::new(County::sample(1));
    let error = |cfg: RunConfig| async { run(cfg, CancellationToken::new()).await.unwrap_err().to_string() };
    assert!(error(RunConfig::new("tcp://x", Arc::clone(&county))).await.contains("mqtt://"));
    let mut cfg = RunConfig::new("mqtt://x", Arc::clone(&county));
    cfg.speed = 0.0;
    assert!(error(cfg).await.contains("speed 0"));
    let mut cfg = RunConfig::new("mqtt://x", county);
    cfg.truth = Some("/nonexistent/truth.jsonl".into());
    assert!(error(cfg).await.contains("/nonexistent/truth.jsonl"));
}
