//! Webhooks that are away, slow or broken.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::receiver::{Mood, Received, Receiver};
use super::*;

impl Town {
    /// So many notices for each rule, one a minute.
    async fn make(&self, count: i32, from: UtcMicros) {
        for n in 1..=count {
            let at = from.plus_s(60 * i64::from(n));
            self.record(&[self.reason(n, "stuck", at)], at).await;
            self.look(at).await;
            self.look(at.plus_s(900)).await;
        }
    }
}

fn assert_signed(received: &Received) {
    let signature = received.header("Kv-Signature").strip_prefix("sha256=").unwrap();
    let bytes: Vec<u8> = (0..signature.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&signature[i..i + 2], 16).unwrap())
        .collect();
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(&received.body);
    mac.verify_slice(&bytes).unwrap();
    let body = received.json();
    assert_eq!(body["id"], received.header("Kv-Notice-Id"));
    assert_eq!(body["sent_at"], received.header("Kv-Timestamp"));
}

/// The ids of sensors in the order in which notices of them came.
fn sensors(receiver: &Receiver) -> Vec<String> {
    let id = |r: &Received| r.json()["items"][0]["subject"]["id"].as_str().unwrap().to_owned();
    receiver.taken.lock().iter().map(id).collect()
}

#[tokio::test]
async fn a_webhook_that_was_down_for_a_day_gets_all_in_order_and_holds_up_no_other() {
    let (town, down, well) = (Town::new().await, Receiver::start(), Receiver::start());
    let rules = [("down", &down), ("well", &well)]
        .map(|(id, r)| town.rule(id, json!({ "webhook": r.url, "on": ["stuck"] })));
    // After the daily notice.
    town.rules(&rules, noon()).await;
    down.be(Mood::Answers(503));
    let courier = town.courier();
    let expected: Vec<String> = (1..=12).map(|n| format!("s{n:03}")).collect();
    town.make(12, noon()).await;
    let mut pending = Vec::new();
    for minute in 30..24 * 60 {
        town.deliver(&courier, noon().plus_s(60 * minute)).await;
        if minute == 30 {
            assert_eq!(sensors(&well), expected, "at once, while the other one is down");
        }
        if minute % 300 == 0 {
            pending.push(notices::counts(&mut town.pool.acquire().await.unwrap()).await.unwrap());
        }
    }
    assert!(
        pending.iter().all(|counts| *counts == [("webhook".to_owned(), "pending".to_owned(), 12)]),
        "{pending:?}"
    );
    assert!((60..200).contains(&*down.asked.lock()), "{} attempts", down.asked.lock());
    let head = town.notices().await.into_iter().find(|n| n.attempts > 1).unwrap();
    assert_eq!(head.error.as_deref(), Some("webhook: the receiver answered 503; see its own log"));

    down.be(Mood::Answers(200));
    town.deliver(&courier, noon().plus_s(86_400 + 1_200)).await;
    assert_eq!(sensors(&down), expected);
    for received in down.taken.lock().iter().chain(well.taken.lock().iter()) {
        assert_signed(received);
    }
    let delivered = town.notices().await;
    assert!(
        delivered.len() == 24 && delivered.iter().all(|n| n.state == "delivered" && n.delivered_at.is_some())
    );
    assert!(town.deliver(&courier, noon().plus_s(2 * 86_400)).await.is_empty(), "nothing comes twice");
}

#[tokio::test]
async fn a_receiver_that_hangs_breaks_or_sends_on_has_not_received() {
    let (town, receiver) = (Town::new().await, Receiver::start());
    town.rules(&[town.rule("ops", json!({ "webhook": receiver.url }))], noon()).await;
    town.make(1, noon()).await;
    let courier = town.courier();
    let mut now = noon().plus_s(3_600);
    for (mood, error) in [
        (Mood::Hangs, "in time"),
        (Mood::Breaks, ""),
        (Mood::Answers(500), "answered 500"),
        (Mood::Answers(401), "secret_file"),
        (Mood::Redirects, "not followed"),
    ] {
        receiver.be(mood);
        let attempted = town.deliver(&courier, now).await;
        let [Attempted::Again { error: said, next_attempt }] = &attempted[..] else {
            panic!("{mood:?}: {attempted:?}")
        };
        assert!(said.contains(error), "{mood:?}: {said}");
        assert!(*next_attempt > now);
        now = *next_attempt;
    }
    std::fs::remove_file(town.secrets.path().join("key")).unwrap();
    let attempted = town.deliver(&courier, now).await;
    assert!(
        matches!(&attempted[..], [Attempted::Again { error, .. }] if error.contains("secret_file")),
        "{attempted:?}"
    );
    std::fs::write(town.secrets.path().join("key"), KEY).unwrap();
    receiver.be(Mood::Answers(204));
    assert_eq!(town.deliver(&courier, now.plus_s(3_600)).await, [Attempted::Delivered]);
    let received = receiver.taken.lock();
    assert_signed(&received[0]);
    assert_eq!((received.len(), &received[0].json()["attempt"]), (1, &json!(7)));
}

#[tokio::test]
async fn what_was_sent_and_not_recorded_comes_again_under_the_same_id() {
    let (town, receiver) = (Town::new().await, Receiver::start());
    town.rules(&[town.rule("ops", json!({ "webhook": receiver.url }))], noon()).await;
    town.make(1, noon()).await;
    let now = noon().plus_s(3_600);
    // The process ends here.
    let due = notices::due(&mut town.pool.acquire().await.unwrap(), now).await.unwrap();
    assert_eq!(town.courier().attempt(&due[0], now).await, Attempted::Delivered);
    assert_eq!(town.deliver(&town.courier(), now.plus_s(60)).await, [Attempted::Delivered]);
    let received = receiver.taken.lock();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("Kv-Notice-Id"), received[1].header("Kv-Notice-Id"));
    assert_eq!(received[0].json()["items"], received[1].json()["items"]);
}

#[tokio::test]
async fn what_nobody_takes_for_five_days_is_given_up_visibly_and_can_be_sent_again() {
    let (town, receiver) = (Town::new().await, Receiver::start());
    town.rules(&[town.rule("ops", json!({ "webhook": receiver.url, "on": ["stuck"] }))], noon()).await;
    town.make(2, noon()).await;
    receiver.be(Mood::Answers(500));
    let courier = town.courier();
    for hour in 1..=125 {
        town.deliver(&courier, noon().plus_s(3_600 * hour)).await;
    }
    let dead = town.notices().await;
    assert!(dead.iter().all(|n| n.state == "dead" && n.error.is_some()), "{dead:?}");
    receiver.be(Mood::Answers(200));
    let now = noon().plus_s(126 * 3_600);
    assert!(town.deliver(&courier, now).await.is_empty());
    let actor = store::audit::Actor::local("test");
    let retry = |towns: Vec<MunicipalityId>| {
        let (pool, id, actor) = (&town.pool, &dead[1].id, &actor);
        async move { notices::retry(pool, &towns, id, actor, now).await.unwrap() }
    };
    assert_eq!(retry(vec![MunicipalityId(99)]).await, notices::Retried::Unknown);
    assert!(
        matches!(retry(vec![town.municipality]).await, notices::Retried::Known(n) if n.state == "pending")
    );
    assert_eq!(town.deliver(&courier, now).await, [Attempted::Delivered]);
    assert_eq!(sensors(&receiver), ["s002"]);
    assert!(
        matches!(retry(vec![town.municipality]).await, notices::Retried::Known(n) if n.state == "delivered")
    );
}

#[tokio::test]
async fn one_process_notifies_and_another_takes_over() {
    let town = Town::new().await;
    let options = town.pool.connect_options();
    let one = notices::Notifier::become_it(&options).await.unwrap().unwrap();
    assert!(notices::Notifier::become_it(&options).await.unwrap().is_none());
    drop(one);
    let taken_over = async {
        while notices::Notifier::become_it(&options).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), taken_over).await.unwrap();
}

/// What OPERATING gives people to copy.
#[tokio::test]
async fn the_receiver_of_the_documentation_takes_what_is_signed_and_nothing_else() {
    let text = include_str!("../../../../docs/OPERATING.md");
    let script = text.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let town = Town::new().await;
    let (path, key) = (town.secrets.path().join("receiver.py"), town.secrets.path().join("key"));
    std::fs::write(&path, script).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let python = tokio::process::Command::new("python3")
        .arg(path)
        .arg(&key)
        .arg(port.to_string())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut python) = python else {
        eprintln!("SKIPPED: python3 is not installed, the receiver of OPERATING is not tried");
        return;
    };
    let listens = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listens).await.unwrap();

    let now = crate::now_utc();
    let rule = town.rule("ops", json!({ "webhook": format!("http://127.0.0.1:{port}/"), "on": ["stuck"] }));
    town.rules(&[rule], now.plus_s(-2_000)).await;
    town.record(&[town.reason(1, "stuck", now)], now.plus_s(-1_800)).await;
    town.look(now.plus_s(-60)).await;
    let mut courier = town.courier();
    courier.patience = Duration::from_secs(10);
    std::fs::write(&key, "another key").unwrap();
    let refused = town.deliver(&courier, now).await;
    assert!(matches!(&refused[..], [Attempted::Again { error, .. }] if error.contains("401")), "{refused:?}");
    std::fs::write(&key, KEY).unwrap();
    let due = notices::due(&mut town.pool.acquire().await.unwrap(), now.plus_s(60)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(courier.attempt(&due[0], crate::now_utc()).await, Attempted::Delivered);
    }
    let recorded = courier.attempt(&due[0], now.plus_s(-3_600)).await;
    assert!(matches!(&recorded, Attempted::Again { error, .. } if error.contains("400")), "{recorded:?}");
    python.start_kill().unwrap();
    let printed = python.wait_with_output().await.unwrap().stdout;
    let printed = String::from_utf8(printed).unwrap();
    assert!(
        printed.starts_with("Sensor s001: reports no change any more") && printed.lines().count() == 1,
        "{printed}"
    );
}
