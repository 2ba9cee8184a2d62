//! How feeds are: their states with a history that a restart does not end, and what was learned of them.

use domain::feed_health::{self, Evidence, FeedHealth};
use domain::{Feed, FeedId, UtcMicros};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::{Instance, at, eventually, port_of, publish, town};

/// What `/v1/feeds` says of a feed, once it is as wanted.
async fn feed_that(
    instance: &Instance,
    key: &str,
    id: &str,
    what: &str,
    is: impl Fn(&Value) -> bool,
) -> Value {
    let is = &is;
    eventually(what, || async move {
        let feeds = instance.get_with("/v1/feeds", key).await;
        let feed = feeds["items"].as_array()?.iter().find(|feed| feed["id"] == id)?.clone();
        is(&feed).then_some(feed)
    })
    .await
}

/// The states of a feed's history.
async fn states(instance: &Instance, key: &str, id: &str) -> Vec<String> {
    let history = instance.get_with(&format!("/v1/feeds/{id}/history?days=1"), key).await;
    let items = history["items"].as_array().unwrap().clone();
    // Without gaps while it runs, and open at its end.
    for (before, after) in items.iter().zip(&items[1..]) {
        assert_eq!(before["until"], after["from"], "{history}");
    }
    assert_eq!(items.last().unwrap()["until"], Value::Null, "{history}");
    items.iter().map(|period| period["state"].as_str().unwrap().to_owned()).collect()
}

fn bay(n: usize, payload: &str) -> (String, Vec<u8>) {
    (format!("kv/1/alt/bay/a{n}"), payload.replace('@', &at(-5)).into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_never_then_ok_then_rejecting_and_a_restart_forgets_nothing() {
    let mut instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let key = instance.admin_key();
    let is = |state: &'static str| move |feed: &Value| feed["state"] == state;
    let never = feed_that(&instance, &key, "alt", "nothing came yet", is("never")).await;
    assert!(never["state_since"].is_string() && never["usual_messages_1h"].is_null(), "{never}");
    assert_eq!((&never["quiet"], &never["reasons"]), (&json!([]), &json!([])));
    assert_eq!(never["places_expected"], 0);

    let port = port_of(&instance.text("mqtt"));
    publish(port, vec![bay(1, r#"{"at":"@","state":"vacant"}"#)]).await;
    let ok = feed_that(&instance, &key, "alt", "a message makes it ok", is("ok")).await;
    assert_eq!((&ok["places_expected"], &ok["places_fresh"]), (&json!(1), &json!(1)), "{ok}");
    assert_eq!(states(&instance, &key, "alt").await, ["never", "ok"]);

    publish(port, (1..4).map(|n| bay(n, "{")).collect()).await;
    let counted = |feed: &Value| feed["messages_1h"] == 4;
    feed_that(&instance, &key, "alt", "all are counted", counted).await;
    let before = instance.get_with("/v1/feeds/alt/history", &key).await;
    instance.end().await;
    instance.restart().await;
    instance.subscribed().await;
    let again = feed_that(&instance, &key, "alt", "it is ok again", is("ok")).await;
    assert_eq!(again["state_since"], ok["state_since"], "a short restart is no change");
    assert_eq!(instance.get_with("/v1/feeds/alt/history", &key).await, before);

    // Strangers and other roles see no history, other towns no feed of this one.
    assert_eq!(instance.get("/v1/feeds/alt/history").await.0, 401);
    let new = ["key", "create", "--role", "operator", "--municipality", "neudorf"];
    let (_, other, _) = instance.command(&new);
    let other = other.trim();
    assert_eq!(instance.ask("GET", "/v1/feeds/alt/history", Some(other), "").await.0, 404);
    assert_eq!(instance.ask("GET", "/v1/feeds/nothing/history", Some(&key), "").await.0, 404);
    assert_eq!(instance.ask("GET", "/v1/feeds/alt/history?days=0", Some(&key), "").await.0, 400);
    instance.stop().await;
}

/// Four days of a feed until `now`, with a message of a bay and one of a site each half minute; the site fell quiet and the
/// battery went two hours ago.
fn learned(feed: &Feed, now: UtcMicros) -> Value {
    let began = now.plus_s(-4 * 86_400);
    let mut health = FeedHealth::new(None, None, None, began);
    let branch = |topic: &'static str| feed_health::branch(feed, topic);
    for n in 1..=4 * 2_880_i64 {
        let at = began.plus_s(30 * n);
        let is_before = at < now.plus_s(-7_200);
        health.message(branch("kv/1/alt/bay/a1"), at);
        if is_before {
            health.message(branch("kv/1/alt/site/garage"), at);
        }
        if n % 10 == 0 {
            let message = if is_before {
                json!({ "at": "x", "state": "vacant", "battery_v": 3.6 })
            } else {
                json!({ "at": "x", "state": "vacant" })
            };
            health.sample("bay", &message, at);
        }
        let evidence = Evidence { connected_since: Some(began), ..Evidence::default() };
        health.tick(feed, evidence, &TimeZone::UTC, at);
    }
    health.stored().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_in_days_finds_a_quiet_site_and_a_field_that_went() {
    let mut instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let key = instance.admin_key();
    let pool = instance.pool().await;
    let registry = store::places::registry(&mut pool.acquire().await.unwrap()).await.unwrap();
    let (id, feed): (FeedId, Feed) =
        registry.feeds().find(|f| f.def.id == "alt").map(|f| (f.id, f.def.clone())).unwrap();
    pool.close().await;
    // Killed: what the running process has learned would replace it.
    instance.kill().await;
    instance.restart().await;
    let pool = instance.pool().await;
    let now = ingest::now_utc();
    let learned = learned(&feed, now);
    let site_heard = now.plus_s(-7_200);
    store::feed_health::keep(&pool, &[(id, learned)], now).await.unwrap();
    pool.close().await;
    instance.kill().await;
    instance.restart().await;
    instance.subscribed().await;

    let has_quiet = |feed: &Value| feed["quiet"].as_array().is_some_and(|quiet| !quiet.is_empty());
    let feed = feed_that(&instance, &key, "alt", "the site is quiet", has_quiet).await;
    let [quiet] = &feed["quiet"].as_array().unwrap()[..] else { panic!("{feed}") };
    assert_eq!(quiet["topic"], "kv/1/alt/site/garage");
    let last: jiff::Timestamp = quiet["last_message"].as_str().unwrap().parse().unwrap();
    assert!((last.as_microsecond() - site_heard.0).abs() < 60_000_000, "{quiet}");
    assert!((25.0..40.0).contains(&quiet["usual_interval_s"].as_f64().unwrap()), "{quiet}");
    assert_eq!(feed["usual_messages_1h"], 240.0);
    let [went] = &feed["reasons"].as_array().unwrap()[..] else { panic!("{feed}") };
    assert_eq!((&went["code"], &went["value"]), (&json!("schema_drift"), &json!("bay: battery_v")));
    assert_eq!((&went["change"], &went["types"]), (&json!("went"), &json!("number")), "{went}");

    // Each is worth one notice.
    let pool = instance.pool().await;
    let mut reasons: Vec<(String, String)> =
        sqlx::query_as("SELECT code, topic FROM feed_reason WHERE feed = $1")
            .bind(id.0)
            .fetch_all(&pool)
            .await
            .unwrap();
    reasons.sort();
    let quiet = ("silent".to_owned(), "kv/1/alt/site/garage".to_owned());
    assert_eq!(reasons, [("schema_drift".to_owned(), String::new()), quiet]);

    // It speaks again, and two thousand others with it.
    let port = port_of(&instance.text("mqtt"));
    let mut messages = vec![(
        "kv/1/alt/site/garage".to_owned(),
        format!(r#"{{"at":"{}","occupied":3}}"#, at(-1)).into_bytes(),
    )];
    messages.extend((0..2_000).map(|n| (format!("kv/1/alt/site/made-up-{n}"), b"[".to_vec())));
    publish(port, messages).await;
    feed_that(&instance, &key, "alt", "nothing is quiet", |feed| feed["quiet"] == json!([])).await;
    pool.close().await;
    // What was learned is stored at the end, and stays within its bounds.
    instance.end().await;
    instance.restart().await;
    let pool = instance.pool().await;
    let (bytes, branches, kept): (i32, i64, String) = sqlx::query_as(
        "SELECT octet_length(learned::text), (SELECT count(*) FROM jsonb_object_keys(learned->'branches')), stored_at::text
         FROM feed_learned WHERE feed = $1",
    )
    .bind(id.0)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(branches, feed_health::MAX_BRANCHES as i64, "{bytes} {kept}");
    assert!(bytes < 600_000, "{bytes}");
    pool.close().await;
    instance.stop().await;
}
