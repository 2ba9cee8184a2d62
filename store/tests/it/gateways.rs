//! Gateways are known by the sensors that they hear, and are bounded; rules of notices end with what waits for them.

use domain::catalogue::Catalogue;
use domain::notice::{Notice, NoticeKind};
use domain::uplink::Reception;
use domain::{FeedId, Registry, Uplink, UtcMicros};
use serde_json::json;
use store::notices;
use store::places::{Holds, Import, Missing};
use store::writer::Batch;

use crate::support::Database;

#[tokio::test(flavor = "multi_thread")]
async fn of_each_sensor_the_newest_sixteen_gateways_are_kept_and_none_that_nobody_is_heard_by() {
    let db = Database::start().await;
    let now = db.now().await;
    let mut writer = db.writer().await;
    let heard = |n: i64, device: &str, gateways: Vec<String>, is_stranger| Uplink {
        gateways: gateways
            .into_iter()
            .map(|gateway| Reception { gateway, rssi_dbm: Some(-100.0 + n as f32), snr_db: None })
            .collect(),
        is_stranger,
        ..testing::observed::uplink(db.municipality, FeedId(1), device, now.plus_s(n - 1_000))
    };
    for n in 0..40 {
        let uplinks = vec![
            heard(n, "own", vec![format!("g{n:02}"), String::new(), "x".repeat(65)], false),
            heard(n, &format!("made-up-{n}"), vec![format!("h{n:02}")], true),
        ];
        let batch = Batch { uplinks, ..Batch::default() };
        writer.write(&batch, &Registry::default(), now).await.unwrap();
        // Delivered again, it counts once.
        writer.write(&batch, &Registry::default(), now).await.unwrap();
    }
    let kept: Vec<String> = (24..40).map(|n| format!("g{n:02}")).collect();
    assert_eq!(db.scalars::<String>("SELECT gateway FROM gateway_link ORDER BY gateway").await, kept);
    assert_eq!(db.scalars::<String>("SELECT id FROM gateway ORDER BY id").await, kept);
    assert_eq!(db.scalar::<f64>("SELECT max(messages) FROM gateway_link").await, 1.0);
    // Each with how loud its newest message was, those that heard it last first.
    let heard_by = store::gateways::of_devices(&db.pool, &[(db.municipality, "own")]).await.unwrap();
    let loudness = |n: usize| (heard_by[n].2.id.as_str(), heard_by[n].2.rssi_dbm, heard_by[n].2.last_heard);
    assert_eq!((heard_by.len(), loudness(0)), (16, ("g39", Some(-61.0), now.plus_s(-961))));
    let older = |n: i64, rssi_dbm| Uplink {
        gateways: vec![Reception { gateway: "g39".into(), rssi_dbm, snr_db: Some(1.0) }],
        ..testing::observed::uplink(db.municipality, FeedId(1), "own", now.plus_s(n))
    };
    let uplinks = vec![older(-970, Some(-1.0)), older(-960, Some(-62.0)), older(-965, Some(-2.0))];
    writer.write(&Batch { uplinks, ..Batch::default() }, &Registry::default(), now).await.unwrap();
    let heard_by = store::gateways::of_devices(&db.pool, &[(db.municipality, "own")]).await.unwrap();
    assert_eq!((heard_by[0].2.rssi_dbm, heard_by[0].2.snr_db), (Some(-62.0), Some(1.0)));
    // A message of an unknown device shows that a known gateway lives.
    let batch = Batch { uplinks: vec![heard(500, "stranger", vec!["g30".into()], true)], ..Batch::default() };
    writer.write(&batch, &Registry::default(), now).await.unwrap();
    let last_heard = store::gateways::page(&db.pool, &[db.municipality], Some("g29"), 1).await.unwrap();
    assert_eq!((last_heard[0].id.as_str(), last_heard[0].last_heard), ("g30", now.plus_s(-500)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_missing_stays_and_is_listed_or_ends_with_what_waits_for_it() {
    let db = Database::start().await;
    let rule = |id: &str| {
        serde_json::from_value(json!({ "id": id, "municipality": "n", "on": [], "topic": "t" })).unwrap()
    };
    let import = async |ids: &[&str], missing| {
        let new = Catalogue { notices: ids.iter().map(|id| rule(id)).collect(), ..Catalogue::default() };
        let mut import = Import::begin(&db.pool).await.unwrap();
        let report = import.apply(&new, missing, Holds::FromNow, UtcMicros::EPOCH).await.unwrap();
        import.commit(&report, "test").await.unwrap();
        report.notices
    };
    assert_eq!(import(&["a", "b"], Missing::Keep).await.added, 2);
    let mut conn = db.pool.acquire().await.unwrap();
    let rules = notices::rules(&mut conn).await.unwrap();
    for rule in &rules {
        let notice = Notice {
            notice: rule.rule.id.clone(),
            municipality: "n".into(),
            kind: NoticeKind::Heartbeat,
            at: UtcMicros::EPOCH,
            sensors: None,
            items: Vec::new(),
            text: Default::default(),
        };
        notices::append(&mut conn, rule, notice, None).await.unwrap();
    }
    let kept = import(&["a"], Missing::Keep).await;
    assert_eq!((kept.unchanged, kept.missing), (1, vec!["b".to_owned()]));
    assert_eq!(notices::due(&mut conn, UtcMicros(1)).await.unwrap().len(), 2);
    import(&["a"], Missing::Close).await;
    let (all, _) = notices::page(&db.pool, &[db.municipality], None, None, 10).await.unwrap();
    let states: Vec<_> = all.iter().map(|n| (n.body.0.notice.as_str(), n.state.as_str())).collect();
    assert_eq!(states, [("b", "dead"), ("a", "pending")]);
    assert!(all[0].error.as_deref().unwrap().contains("notices.toml"));
    let audited = db.scalar::<i64>("SELECT count(*) FROM audit WHERE action = 'import'").await;
    assert_eq!(audited, 3);
}
