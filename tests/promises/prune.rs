//! `prune` reports what would be dropped, and drops it.

use serde_json::Value;

use crate::support::Instance;

#[tokio::test(flavor = "multi_thread")]
async fn prune_says_what_would_go_and_then_drops_it() {
    // The instance's own retention shall leave it to us.
    let keep = ["--keep-rejections-days", "4000", "--keep-positions-days", "4000"];
    let instance = Instance::serve(&[&["--timescaledb", "false"], &keep[..]].concat()).await;
    let pool = instance.pool().await;
    for sql in [
        "CREATE TABLE vehicle_position_20260101 PARTITION OF vehicle_position FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-01-02 00:00+00')",
        "INSERT INTO rejection (municipality, feed, reason, topic, received_at, detail, payload, qos)
         VALUES (1, 1, 'malformed', 't', now() - interval '20 days', '', '', 1)",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let due = |args: &[&str]| {
        let (ok, out, err) = instance.command(&[&["prune", "--json"], args].concat());
        assert!(ok, "{err}");
        let due: Vec<Value> = serde_json::from_str(&out).unwrap();
        due.iter().map(|d| (d["class"].clone(), d["what"].clone(), d["rows"].clone())).collect::<Vec<_>>()
    };
    let row = |class: &str, what: &str, rows: u64| (class.into(), what.into(), rows.into());
    let both =
        vec![row("vehicle_positions", "vehicle_position_20260101", 0), row("rejections", "rejection", 1)];
    assert_eq!(due(&["--dry-run"]), both);
    assert_eq!(due(&["--dry-run", "--keep-rejections-days", "30"]), both[..1]);
    let (_, table, _) = instance.command(&["prune", "--dry-run"]);
    assert!(table.contains("would go") && table.contains("vehicle_position_20260101"), "{table}");
    assert_eq!(due(&[]), both);
    assert_eq!(due(&["--dry-run"]), []);
    pool.close().await;
    instance.stop().await;
}
