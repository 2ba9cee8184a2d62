//! A row that the database refuses for good costs its message and nothing else: the others are stored in few
//! transactions, and the message can be replayed.

use crate::support::{Instance, at, chirpstack, eventually, port_of, publish, town};

const REFUSE: &str = "
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.battery_v BETWEEN 13 AND 14 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;
        RETURN new;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON bay_observation FOR EACH ROW EXECUTE FUNCTION refuse();
    CREATE FUNCTION refuse_uplink() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.f_cnt = 13 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;
        RETURN new;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON uplink FOR EACH ROW EXECUTE FUNCTION refuse_uplink();";

#[tokio::test(flavor = "multi_thread")]
async fn costs_its_own_message_only() {
    const MESSAGES: i64 = 3_000;
    const AT_FAULT: [i64; 2] = [700, 2_100];
    let instance = Instance::serve(&["--timescaledb", "false"]).await;
    instance.import(&town(instance.dir.path()));
    let pool = instance.pool().await;
    sqlx::raw_sql(REFUSE).execute(&pool).await.unwrap();
    let broker = port_of(&instance.text("mqtt"));
    let message = |n: i64| {
        let battery_v = if AT_FAULT.contains(&n) { 13.5 } else { 3.5 };
        let payload = format!(r#"{{"at":"{}","state":"occupied","seq":{n},"battery_v":{battery_v}}}"#, at(0));
        ("kv/1/alt/bay/a1".to_owned(), payload.into_bytes())
    };
    let mut messages: Vec<_> = (0..MESSAGES).map(message).collect();
    messages.push(chirpstack("70b3d57ed0000001", 13, 1, "AQ=="));
    publish(broker, messages).await;
    let count = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap() };
    eventually("all others are stored", || async {
        let stored = count("SELECT count(*) FROM bay_observation WHERE battery_v = 3.5").await;
        (stored == MESSAGES - AT_FAULT.len() as i64).then_some(())
    })
    .await;
    eventually("those at fault are kept", || async {
        (count("SELECT count(*) FROM rejection").await == 1 + AT_FAULT.len() as i64).then_some(())
    })
    .await;
    // One transaction for each row would be thousands.
    let transactions = count("SELECT count(*) FROM change").await;
    assert!(transactions < MESSAGES / 4, "{transactions}");

    sqlx::raw_sql("DROP TRIGGER refuse ON bay_observation; DROP TRIGGER refuse ON uplink")
        .execute(&pool)
        .await
        .unwrap();
    let key = instance.admin_key();
    let (status, answer) = instance.post("/v1/rejections/replay?reason=malformed", &key, "").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(count("SELECT count(*) FROM rejection").await, 0, "{answer}");
    assert_eq!(count("SELECT count(*) FROM bay_observation WHERE battery_v = 13.5").await, 2);
    assert_eq!(count("SELECT count(*) FROM uplink WHERE f_cnt = 13 AND outcome = 'stored'").await, 1);
    pool.close().await;
    instance.stop().await;
}
