//! A simulated past arrives whole.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{BIN, Instance, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_past_is_stored_whole_and_is_what_the_truth_says() {
    let instance = Instance::serve(&[]).await;
    let folder = instance.dir.path().join("past");
    let past = ["simulate", "--history", "6d", "--bays", "100", "--until", "2026-11-01T00:00:00Z"];
    let simulate = |more: &[&str]| {
        let done = std::process::Command::new(BIN).args(past).args(more).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    simulate(&["--write-places", &folder.to_string_lossy()]);
    instance.import(&folder);
    // Sent at once: the feed may not be subscribed yet.
    let truth = instance.dir.path().join("truth.jsonl");
    let url = (instance.text("mqtt"), instance.text("http"));
    let faults = ["--delay-s", "172800", "--double", "0.1"];
    simulate(
        &[&["--mqtt-url", &url.0, "--watch", &url.1, "--truth", &truth.to_string_lossy()], &faults[..]]
            .concat(),
    );
    let truth = std::fs::read_to_string(truth).unwrap();
    let lines: Vec<Value> = truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let changes = lines.iter().filter(|line| line["what"] == "change");
    let happened: BTreeMap<(String, String), String> =
        changes.map(|line| ((text(line, "id"), text(line, "at")), text(line, "state"))).collect();
    assert!(happened.len() > 1_000);

    // All is received; the last of it may not be committed yet.
    let pool = instance.pool().await;
    eventually("what is stored is what happened", || async {
        let stored: Vec<(String, String, String)> = sqlx::query_as(
            r#"SELECT bay, to_char(observed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), state FROM (
                   SELECT *, lag(state) OVER (PARTITION BY bay ORDER BY observed_at) AS before
                   FROM v_bay_observation) AS o
               WHERE state IS DISTINCT FROM before"#,
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let stored = stored.into_iter().map(|(bay, at, state)| ((bay, at), state));
        (stored.collect::<BTreeMap<_, _>>() == happened).then_some(())
    })
    .await;
    pool.close().await;
    instance.stop().await;
}
