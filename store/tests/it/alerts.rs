//! Service alerts, stored and read back.

use domain::alert::{Alert, AlertObservation, AlertReport, AlertSet, Cause, Effect, Severity, Texts};
use domain::live::{Change, LiveMap};
use domain::{FeedId, Registry, UtcMicros};
use store::retention::{Retention, Trust, enforce};
use store::writer::{Batch, Bounds};
use testing::observed;

use crate::support::Database;

fn alert(id: &str) -> Alert {
    Alert {
        id: id.into(),
        periods: Vec::new(),
        about: Vec::new(),
        header: Texts(vec![(Some("de".into()), "Straße gesperrt".into())]),
        text: Texts::default(),
        url: Texts::default(),
        cause: Cause::Construction,
        effect: Effect::Detour,
        severity: Severity::Warning,
    }
}

fn stated(db: &Database, feed: i32, topic: &str, ids: &[&str], at: UtcMicros) -> AlertObservation {
    let set = AlertSet { topic: topic.into(), share: 3, alerts: ids.iter().map(|id| alert(id)).collect() };
    let provenance = observed::provenance(db.municipality, FeedId(feed), at);
    let report = AlertReport { confirmed_at: at, digest: set.digest_of(), set: Box::new(set) };
    AlertObservation { provenance, report }
}

/// Ids of the alerts that a process finds that starts now.
async fn held(db: &Database, now: UtcMicros) -> Vec<String> {
    let states = store::live::load(&db.pool).await.unwrap().states;
    let mut map = LiveMap::new(std::sync::Arc::default(), now);
    map.apply(states.into_iter().filter(|change| matches!(change, Change::Alerts { .. })), now);
    map.alerts(now).into_iter().map(|held| held.alert.id.clone()).collect()
}

#[tokio::test]
async fn the_newest_statement_of_a_topic_holds_and_is_what_followers_get() {
    let db = Database::start().await;
    let mut writer = db.writer().await;
    let now = db.now().await;
    let alerts = vec![
        stated(&db, 1, "a", &["x", "y"], now.plus_s(-10)),
        stated(&db, 1, "a", &["y"], now.plus_s(-20)),
        stated(&db, 1, "b", &["z"], now.plus_s(-30)),
    ];
    let first = Batch { alerts, ..Batch::default() };
    let written = writer.write(&first, &Registry::default(), now).await.unwrap();
    assert_eq!((written.new, written.committed.changes.len()), (2, 2));
    assert_eq!(held(&db, now).await, ["x", "y", "z"]);
    // Withdrawn by a later statement; an earlier one that comes late changes nothing.
    for (ids, age_s) in [(&[][..], 5), (&["late"][..], 15)] {
        let alerts = vec![stated(&db, 1, "a", ids, now.plus_s(-age_s))];
        writer.write(&Batch { alerts, ..Batch::default() }, &Registry::default(), now).await.unwrap();
        assert_eq!(held(&db, now).await, ["z"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_topics_push_out_one_another_and_go_in_the_end() {
    let db = Database::start().await;
    let mut writer =
        db.writer().await.within(Bounds { alert_rows: 100, alert_bytes: 8_000, ..Bounds::default() });
    let now = db.now().await;
    let old = now.plus_s(-15 * 86_400);
    let of_other = Batch { alerts: vec![stated(&db, 2, "t", &["x"], old)], ..Batch::default() };
    writer.write(&of_other, &Registry::default(), now).await.unwrap();
    for round in 0..4 {
        let topic = |n: i64| stated(&db, 1, &format!("{round}-{n}"), &["x"], old.plus_s(round));
        let batch = Batch { alerts: (0..60).map(topic).collect(), ..Batch::default() };
        writer.write(&batch, &Registry::default(), now).await.unwrap();
        let (rows, bytes, others): (i64, i64, i64) = db
            .row(
                "SELECT count(*) FILTER (WHERE feed = 1),
                     coalesce(sum(pg_column_size(body)) FILTER (WHERE feed = 1), 0)::bigint,
                     count(*) FILTER (WHERE feed = 2) FROM alert_state",
            )
            .await;
        assert!(rows <= 100 && bytes <= 8_000, "{rows} rows, {bytes} bytes");
        assert_eq!(others, 1);
    }
    enforce(&db.pool, &Retention::default(), Trust::Given, |_| {}).await.unwrap();
    assert_eq!(db.scalar::<i64>("SELECT count(*) FROM alert_state").await, 0);
}
