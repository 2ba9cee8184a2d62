use std::collections::HashSet;

use super::*;
use crate::test_broker::{Behaviour, TestBroker};

fn config(url: &str) -> LoadConfig {
    let mut cfg = LoadConfig::new(url);
    (cfg.rate_per_s, cfg.bays, cfg.connections, cfg.warmup_s, cfg.duration_s) = (2_000.0, 300, 3, 0.1, 0.5);
    cfg
}

#[tokio::test]
async fn the_measured_time_is_counted_and_reported() {
    let mut broker = TestBroker::start(Behaviour::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let mut cfg = config(&broker.url);
    cfg.report = Some(dir.path().join("report.json"));
    let report = run(cfg.clone(), CancellationToken::new()).await.unwrap();
    assert_eq!((report.messages, report.observations, report.acknowledged.count), (1_000, 1_000, 1_000));
    assert_eq!((report.errors, report.seen), (Errors::default(), None));
    assert!(report.acknowledged.p50_ms > 0.0 && report.acknowledged.p50_ms <= report.acknowledged.max_ms);
    let received = broker.so_far();
    assert_eq!(received.len(), 1_200);
    assert_eq!(received.iter().map(|r| &r.0).collect::<HashSet<_>>().len(), 300);
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(cfg.report.unwrap()).unwrap()).unwrap();
    assert_eq!(written["observations"], 1_000);
    assert!(written["acknowledged"]["p99_ms"].is_number());
}

#[tokio::test]
async fn batches_count_their_observations() {
    let broker = TestBroker::start(Behaviour::default()).await;
    let mut cfg = config(&broker.url);
    cfg.batch = 100;
    let report = run(cfg, CancellationToken::new()).await.unwrap();
    assert_eq!((report.messages, report.observations), (10, 1_000));
    assert_eq!((report.acknowledged.count, report.acknowledged_observations), (10, 1_000));
}

#[tokio::test]
async fn a_cancelled_load_reports_what_it_has() {
    let mut broker = TestBroker::start(Behaviour::default()).await;
    let mut cfg = config(&broker.url);
    cfg.duration_s = 3_600.0;
    let cancel = CancellationToken::new();
    let running = tokio::spawn(run(cfg, cancel.clone()));
    for _ in 0..500 {
        broker.received.recv().await.unwrap();
    }
    cancel.cancel();
    let report = running.await.unwrap().unwrap();
    assert!(report.observations >= 200 && report.observations < 100_000, "{report:?}");
    assert_eq!(report.errors.unacknowledged, 0);
}

#[tokio::test]
async fn mistakes_are_named() {
    let error = |change: fn(&mut LoadConfig)| async move {
        let mut cfg = config("mqtt://127.0.0.1:1");
        change(&mut cfg);
        run(cfg, CancellationToken::new()).await.unwrap_err().to_string()
    };
    assert!(error(|c| c.batch = 301).await.contains("batch is 301"));
    assert!(error(|c| c.rate_per_s = 0.0).await.contains("rate_per_s is 0"));
    assert!(error(|c| c.watch_url = Some("https://x".into())).await.contains("'https://x'"));
}
