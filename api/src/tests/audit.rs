//! Who did what, and keys that are guessed: against a real database.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use domain::catalogue::Catalogue;
use serde_json::{Value, json};
use store::places::{Holds, Import, Missing};
use tokio_util::sync::CancellationToken;

use super::fixture::{Answer, NOW, contents, read};
use super::keys::Instance;
use crate::key_text;

async fn get_from(instance: &Instance, address: &str, path: &str, key: &str) -> Answer {
    let peer: SocketAddr = format!("{address}:4711").parse().unwrap();
    let request =
        Request::get(path).header("authorization", format!("Bearer {key}")).extension(ConnectInfo(peer));
    read(instance.county.send(request.body(Body::empty()).unwrap()).await).await
}

/// All items of the audit that this key sees, page by page.
async fn audit(instance: &Instance, key: &str, question: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = instance.get(&format!("/v1/audit?limit=2&cursor={cursor}{question}"), key).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let page = page.json();
        items.extend(page["items"].as_array().unwrap().clone());
        match page["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return items,
        }
    }
}

/// Imports what `change` makes of the county.
async fn import(instance: &Instance, holds: Holds, change: impl FnOnce(&mut Catalogue)) {
    let mut import = Import::begin(&instance.pool).await.unwrap();
    let mut catalogue = import.existing().clone();
    change(&mut catalogue);
    let report = import.apply(&catalogue, Missing::Keep, holds, NOW).await.unwrap();
    import.commit(&report, "command line").await.unwrap();
}

#[tokio::test]
async fn an_operator_sees_what_was_done_in_the_own_towns_and_an_admin_everything() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (admin, _) = instance.key("admin", &[], 1, None).await;
    let (telgte, of_telgte) = instance.key("operator", &["telgte"], 2, None).await;
    let (_, of_warendorf) = instance.key("planner", &["warendorf"], 3, None).await;
    let (planner, _) = instance.key("planner", &["telgte"], 4, None).await;
    assert!(store::keys::revoke(&instance.pool, of_warendorf).await.unwrap());
    let rename = |slug: &'static str, capacity: u32| {
        move |c: &mut Catalogue| {
            c.sites.iter_mut().filter(|s| s.municipality == slug).for_each(|s| s.capacity = capacity)
        }
    };
    import(&instance, Holds::FromNow, rename("telgte", 61)).await;
    import(&instance, Holds::Always, rename("telgte", 62)).await;
    import(&instance, Holds::FromNow, |c| {
        let row = |id: &str, bay: &str| domain::sensor::SensorRow {
            id: id.into(),
            feed: "feed-warendorf".into(),
            decoder: None,
            bay: Some(bay.into()),
            site: None,
            vehicle: None,
            direction: None,
            bound_from: None,
            bound_until: None,
            heartbeat_s: None,
            stale_after_s: None,
            threshold_mm: None,
        };
        c.sensors = vec![row("s-1", "w-kerb-5")];
    })
    .await;

    let listed = |items: &[Value]| -> Vec<String> {
        let of = |item: &Value| {
            format!("{} {}", item["action"].as_str().unwrap(), item["subject"].as_str().unwrap_or("-"))
        };
        items.iter().rev().map(of).collect()
    };
    let of_telgte = format!("key create key {of_telgte}");
    let seen = audit(&instance, &telgte, "").await;
    let planners = listed(&seen).remove(2);
    assert_eq!(
        listed(&seen),
        [
            "import -",
            &of_telgte,
            &planners,
            "import -",
            "change site t-station",
            "import -",
            "correct site t-station"
        ]
    );
    let [change, correct] = [&seen[2], &seen[0]];
    assert_eq!((&change["before"], &change["after"]), (&json!({"capacity": 60}), &json!({"capacity": 61})));
    assert_eq!((&correct["before"]["capacity"], &correct["after"]["capacity"]), (&json!(61), &json!(62)));
    assert_eq!(seen[1]["after"]["sites"], json!({"added": 0, "changed": 1}));
    for item in &seen {
        assert_eq!((&item["outcome"], &item["address"]), (&json!("done"), &Value::Null));
    }

    let all = audit(&instance, &admin, "").await;
    // The import of all towns is noted for the county, and for each town.
    assert_eq!(listed(&all).len(), listed(&seen).len() + 8);
    assert!(listed(&all).contains(&"bind sensor s-1".to_owned()));
    let revoked = audit(&instance, &admin, "&action=key%20revoke").await;
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0]["before"]["role"], "planner");
    let subject = audit(&instance, &admin, "&subject=site%20t-station&actor=command%20line").await;
    assert_eq!(subject.len(), 2);
    assert!(audit(&instance, &admin, "&to=2026-01-01T00:00:00Z").await.is_empty());
    assert_eq!(audit(&instance, &admin, "&from=2026-01-01T00:00:00Z").await.len(), all.len());
    assert!(!all.iter().any(|item| item.to_string().contains("hash")));
    assert_eq!(instance.get("/v1/audit", &planner).await.status, 403);
    assert_eq!(instance.county.get("/v1/audit").await.status, 401);
}

#[tokio::test]
async fn the_audit_is_appended_to_and_only_addresses_are_forgotten() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (_, _) = instance.key("admin", &[], 1, None).await;
    sqlx::query("INSERT INTO audit (actor, action, address, at_utc) VALUES ('a', 'x', '192.0.2.1', now() - interval '91 days'), ('a', 'x', '192.0.2.2', now())")
        .execute(&instance.pool)
        .await
        .unwrap();
    for refused in [
        "UPDATE audit SET actor = 'me'",
        "UPDATE audit SET address = '192.0.2.9'",
        "UPDATE audit SET address = NULL, outcome = 'done', subject = 'y'",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ] {
        let error = sqlx::query(refused).execute(&instance.pool).await.expect_err(refused);
        assert!(error.to_string().contains("appended to"), "{refused}: {error}");
    }
    store::retention::enforce(&instance.pool, &Default::default(), store::retention::Trust::Given, |_| {})
        .await
        .unwrap();
    let kept: Vec<Option<String>> =
        sqlx::query_scalar("SELECT host(address) FROM audit WHERE action = 'x' ORDER BY at_utc")
            .fetch_all(&instance.pool)
            .await
            .unwrap();
    assert_eq!(kept, [None, Some("192.0.2.2".to_owned())]);
}

#[tokio::test]
async fn who_guesses_keys_waits_and_a_valid_key_does_not() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (operator, _) = instance.key("operator", &["telgte"], 5, None).await;
    let guess = |n: u32| format!("{n:064x}");
    let mut answers = [0, 0];
    for n in 0..300 {
        // Well-formed, mistyped, and no key at all.
        let key = [guess(n), format!("kvk_{}", guess(n)), "secret".into()][n as usize % 3].clone();
        let answer = get_from(&instance, "192.0.2.1", "/v1/feeds", &key).await;
        let is_limited = answer.status == 429;
        assert!(is_limited || answer.status == 401, "{}", answer.body);
        assert_eq!(is_limited, !answer.header("retry-after").is_empty());
        answers[usize::from(is_limited)] += 1;
    }
    assert_eq!(answers, [200, 100]);
    for key in [operator.clone(), key_text(&[5; 32])] {
        let answer = get_from(&instance, "192.0.2.1", "/v1/audit", &key).await;
        assert_eq!(answer.status, 200, "a valid key, as it was and as it is written: {}", answer.body);
    }
    // A key that is made now is in no list yet: it is a moment later.
    let (new, _) = instance.key("operator", &["telgte"], 6, None).await;
    assert_eq!(
        get_from(&instance, "192.0.2.2", "/v1/audit", &new).await.status,
        200,
        "from elsewhere at once"
    );
    assert_eq!(get_from(&instance, "192.0.2.2", "/v1/feeds", "secret").await.status, 401);

    let (admin, _) = instance.key("admin", &[], 7, None).await;
    reported(&instance).await;
    let mut failed: Vec<(String, i64)> = audit(&instance, &admin, "&action=authenticate")
        .await
        .iter()
        .inspect(|item| assert_eq!(item["outcome"], "refused"))
        .map(|i| (i["address"].as_str().unwrap().to_owned(), i["after"]["failures"].as_i64().unwrap()))
        .collect();
    failed.sort();
    assert_eq!(failed, [("192.0.2.1".to_owned(), 300), ("192.0.2.2".to_owned(), 1)]);
    assert!(audit(&instance, &operator, "&action=authenticate").await.is_empty(), "the county's alone");
    let metrics = instance.county.get("/metrics").await.body;
    assert!(metrics.contains("kv_http_key_failures_total{status=\"429\"} 100"), "{metrics}");
}

/// Has everything written to the audit that waits for it.
async fn reported(instance: &Instance) {
    let stop = CancellationToken::new();
    stop.cancel();
    let app = &instance.county.app;
    app.attempts.clone().report(instance.pool.clone(), app.clock.clone(), stop).await;
}

async fn post_from(instance: &Instance, address: &str, path: &str, key: Option<&str>) -> Answer {
    let peer: SocketAddr = format!("{address}:4711").parse().unwrap();
    let mut request = Request::post(path).extension(ConnectInfo(peer));
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    read(instance.county.send(request.body(Body::empty()).unwrap()).await).await
}

const REPLAY: &str = "/v1/rejections/replay?feed=feed-telgte";

/// Whatever a key was refused is in the audit of its towns: what it does not allow, and what was tried with it after it
/// ended. Those without a key are there with what they would have changed.
#[tokio::test]
async fn what_was_refused_is_in_the_audit_with_who_tried_what() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (admin, _) = instance.key("admin", &[], 1, None).await;
    let (telgte, operator) = instance.key("operator", &["telgte"], 2, None).await;
    let (warendorf, _) = instance.key("operator", &["warendorf"], 3, None).await;
    let (planner, planner_id) = instance.key("planner", &["telgte"], 4, None).await;
    let (revoked, revoked_id) = instance.key("installer", &["telgte"], 5, None).await;
    assert!(store::keys::revoke(&instance.pool, revoked_id).await.unwrap());
    let wrong = "ab".repeat(32);

    for _ in 0..3 {
        assert_eq!(post_from(&instance, "192.0.2.1", REPLAY, Some(&planner)).await.status, 403);
        assert_eq!(post_from(&instance, "192.0.2.2", REPLAY, Some(&revoked)).await.status, 401);
    }
    for path in ["/v1/audit", "/v1/sensors/x/binding", "/v1/admin/x"] {
        assert_eq!(get_from(&instance, "192.0.2.1", path, &planner).await.status, 403, "{path}");
    }
    for path in [
        "/v1/occupancy?municipality=warendorf&from=2026-11-01&to=2026-11-02&bucket=1d",
        "/v1/ridership?from=2026-11-01&to=2026-11-02",
        "/v1/forecast/quality",
    ] {
        assert_eq!(get_from(&instance, "192.0.2.9", path, &telgte).await.status, 403, "{path}");
    }
    // What is not there for a key is not refused: it looks like nothing.
    assert_eq!(get_from(&instance, "192.0.2.1", "/v1/sites/none", &planner).await.status, 404);
    for key in [Some(&*wrong), None] {
        assert_eq!(post_from(&instance, "192.0.2.3", REPLAY, key).await.status, 401);
        assert_eq!(post_from(&instance, "192.0.2.3", "/v1/sensors/x/binding", key).await.status, 401);
    }
    // Who only looks at what needs a key is no attempt.
    assert_eq!(
        read(instance.county.send(Request::get("/v1/audit").body(Body::empty()).unwrap()).await).await.status,
        401
    );
    reported(&instance).await;

    let listed = |items: &[Value]| -> Vec<String> {
        let mut rows: Vec<String> = items
            .iter()
            .filter(|item| item["outcome"] == "refused")
            .map(|i| {
                let text = |name: &str| i[name].as_str().unwrap_or("-").to_owned();
                let [actor, role, action] = ["actor", "role", "action"].map(text);
                let [subject, address] = ["subject", "address"].map(text);
                assert_eq!(i["before"], Value::Null);
                format!("{actor} {role} {action} {subject} {address} {}", i["after"]["failures"])
            })
            .collect();
        rows.sort();
        rows
    };
    let key = |id: i32, rest: &str| format!("key {id} {rest}");
    let mut of_telgte = vec![
        key(operator, "operator authorize GET /v1/forecast/quality 192.0.2.9 1"),
        key(operator, "operator authorize GET /v1/occupancy 192.0.2.9 1"),
        key(operator, "operator authorize GET /v1/ridership 192.0.2.9 1"),
        key(planner_id, "planner authorize GET /v1/admin/{*rest} 192.0.2.1 1"),
        key(planner_id, "planner authorize GET /v1/audit 192.0.2.1 1"),
        key(planner_id, "planner authorize GET /v1/sensors/{id}/binding 192.0.2.1 1"),
        key(planner_id, "planner authorize POST /v1/rejections/replay 192.0.2.1 3"),
        key(revoked_id, "installer authenticate POST /v1/rejections/replay 192.0.2.2 3"),
    ];
    of_telgte.sort();
    assert_eq!(listed(&audit(&instance, &telgte, "").await), of_telgte);
    assert_eq!(listed(&audit(&instance, &warendorf, "").await), [] as [&str; 0], "another town's keys");
    let mut all = of_telgte;
    all.push("public - authenticate POST /v1/rejections/replay 192.0.2.3 2".into());
    all.push("public - authenticate POST /v1/sensors/{id}/binding 192.0.2.3 2".into());
    assert_eq!(listed(&audit(&instance, &admin, "").await), all);
    let stored: Vec<String> = sqlx::query_scalar("SELECT row_to_json(audit)::text FROM audit")
        .fetch_all(&instance.pool)
        .await
        .unwrap();
    let stored = stored.concat();
    for secret in [&planner, &revoked, &wrong, &admin] {
        assert!(!stored.contains(&secret[..8]), "no part of a key: {stored}");
    }
}

/// However many guesses come to whatever addresses and by whatever methods: a bounded number of rows, in which none is
/// missing, and what a key tried meanwhile is a row of its own.
#[tokio::test]
async fn no_flood_fills_the_audit_or_hides_what_a_key_tried() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (admin, _) = instance.key("admin", &[], 1, None).await;
    let (planner, planner_id) = instance.key("planner", &["telgte"], 4, None).await;
    let mut sent = 0;
    for n in 0..120u32 {
        let address = format!("198.51.100.{n}");
        let path = ["/v1/rejections/replay", "/v1/sensors/7/binding", "/v1/admin/a/b"][n as usize % 3];
        for method in ["POST", "DELETE", "BREW", "BREW2"] {
            let peer: SocketAddr = format!("{address}:1").parse().unwrap();
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", format!("Bearer {n:064x}"))
                .extension(ConnectInfo(peer));
            assert_eq!(instance.county.send(request.body(Body::empty()).unwrap()).await.status(), 401);
            sent += 1;
        }
    }
    assert_eq!(post_from(&instance, "192.0.2.1", REPLAY, Some(&planner)).await.status, 403);
    reported(&instance).await;
    let refused = audit(&instance, &admin, "&action=authenticate").await;
    assert!(refused.len() <= 21, "{} rows", refused.len());
    let failures: i64 = refused.iter().map(|item| item["after"]["failures"].as_i64().unwrap()).sum();
    assert_eq!(failures, sent);
    for item in &refused {
        assert!(!item["subject"].as_str().unwrap_or_default().contains("BREW"), "the guesser's own words");
    }
    let of_key = audit(&instance, &admin, "&action=authorize").await;
    assert_eq!(of_key.len(), 1);
    assert_eq!(of_key[0]["actor"], format!("key {planner_id}"));
}

/// A replay that nobody takes up has not happened, and the audit says so.
#[tokio::test]
async fn a_replay_that_was_taken_back_is_refused() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (admin, _) = instance.key("admin", &[], 1, None).await;
    let actor = store::audit::Actor::local("key 9");
    let request =
        store::replays::ReplayRequest { municipalities: vec![instance.town("telgte")], ..Default::default() };
    let id = store::replays::ask(&instance.pool, &request, &actor).await.unwrap();
    assert!(store::replays::withdraw(&instance.pool, id, &actor).await.unwrap());
    assert!(!store::replays::withdraw(&instance.pool, id, &actor).await.unwrap(), "once");
    let noted = audit(&instance, &admin, "&action=replay").await;
    let outcomes: Vec<&Value> = noted.iter().map(|item| &item["outcome"]).collect();
    assert_eq!(outcomes, ["refused", "done"]);
    assert!(noted.iter().all(|item| item["subject"] == format!("replay {}", id.0)));
}

/// A key that never was, one that was revoked and one that has expired are the same to whoever sends them.
#[tokio::test]
async fn a_wrong_key_says_nothing_about_what_it_was() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (revoked, id) = instance.key("operator", &["telgte"], 8, None).await;
    let (expired, _) = instance.key("operator", &["telgte"], 9, Some(NOW.plus_s(-90_000))).await;
    sqlx::query("UPDATE api_key SET expires_at = now() - interval '1 day' WHERE expires_at IS NOT NULL")
        .execute(&instance.pool)
        .await
        .unwrap();
    store::keys::revoke(&instance.pool, id).await.unwrap();
    let never = "ab".repeat(32);
    let mistyped = format!("kvk_{never}00000000");
    let mut seen: Vec<(String, Vec<String>)> = Vec::new();
    for key in [revoked, expired, never, mistyped] {
        let answer = get_from(&instance, "192.0.2.1", "/v1/audit", &key).await;
        assert_eq!(answer.status, 401);
        seen.push((answer.body, answer.headers.keys().map(ToString::to_string).collect()));
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");
    let unused: i64 = sqlx::query_scalar("SELECT count(*) FROM api_key WHERE last_used_at IS NOT NULL")
        .fetch_one(&instance.pool)
        .await
        .unwrap();
    assert_eq!(unused, 0, "a wrong key writes nothing");
}

/// What cannot be a key is refused without asking the database.
#[tokio::test]
async fn a_mistyped_key_costs_the_database_nothing() {
    let url = "postgres://kv@127.0.0.1:1/kv";
    let pool = sqlx::postgres::PgPoolOptions::new()
        .acquire_timeout(std::time::Duration::from_millis(50))
        .connect_lazy_with(store::pool::options(url).unwrap());
    let county = super::fixture::County::from_registry(Default::default(), Some(pool));
    let ask = async |key: &str| {
        county.get_with("/v1/audit", &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16()
    };
    let mut mistyped = key_text(&[1; 32]);
    mistyped.replace_range(10..11, "f");
    assert_eq!(ask(&mistyped).await, 401);
    assert_eq!(ask("kvk_").await, 401);
    assert_eq!(ask(&key_text(&[1; 32])).await, 503, "the database is away");
}
