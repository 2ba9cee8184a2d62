//! Bad input is data: each kind has its reason, and messages after it still arrive.

use crate::support::{Instance, at, chirpstack, eventually, port_of, publish, town};

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_has_its_reason_and_stops_nothing() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let now = at(0);
    let bay = |feed: &str, bay: &str, body: String| (format!("kv/1/{feed}/bay/{bay}"), body.into_bytes());
    let ok = |state: &str| format!(r#"{{"at":"{now}","state":"{state}"}}"#);
    let site = |body: String| ("kv/1/alt/site/garage".to_owned(), body.into_bytes());
    let cases: Vec<(&str, (String, Vec<u8>))> = vec![
        ("malformed", bay("alt", "a1", "{".into())),
        ("malformed", bay("alt", "a1", String::new())),
        ("malformed", bay("alt", "a1", r#"{"state":"vacant"}"#.into())),
        ("malformed", bay("alt", "a1", format!(r#"{{"at":"{now}","state":"free"}}"#))),
        ("malformed", bay("alt", "a1", format!(r#"{{"at":"{now}","state":1}}"#))),
        ("malformed", bay("alt", "a1", r#"{"at":"yesterday","state":"vacant"}"#.into())),
        ("malformed", bay("alt", "a1", "[".repeat(10_000))),
        ("malformed", ("kv/1/alt/bay/a1".into(), vec![0xff, 0xfe, 0x00])),
        ("malformed", site(format!(r#"{{"at":"{now}","occupied":1,"vacant":2}}"#))),
        ("malformed", site(format!(r#"{{"at":"{now}","occupied":1,"for":"a\u0000b"}}"#))),
        ("too_large", bay("alt", "a1", " ".repeat(70_000))),
        ("too_large", ("kv/1/alt/batch".into(), vec![b' '; 1_100_000])),
        ("unknown_topic", ("kv/1/alt/door/a1".into(), ok("vacant").into_bytes())),
        ("unknown_place", bay("alt", "nowhere", ok("vacant"))),
        ("unknown_place", bay("alt", "n1", ok("vacant"))),
        ("clock_ahead", bay("alt", "a1", format!(r#"{{"at":"{}","state":"vacant"}}"#, at(400)))),
        ("too_old", bay("alt", "a1", format!(r#"{{"at":"{}","state":"vacant"}}"#, at(-40 * 86_400)))),
        ("implausible", site(format!(r#"{{"at":"{now}","occupied":111}}"#))),
        ("implausible", site(format!(r#"{{"at":"{now}","vacant":101}}"#))),
        ("implausible", site(format!(r#"{{"at":"{now}","occupied":-1}}"#))),
        (
            "implausible",
            (
                "kv/1/county/vehicle/bus-1".into(),
                format!(r#"{{"at":"{now}","lat":91,"lon":7}}"#).into_bytes(),
            ),
        ),
        (
            "implausible",
            ("kv/1/county/vehicle/bus-1".into(), format!(r#"{{"at":"{now}","lat":0,"lon":0}}"#).into_bytes()),
        ),
        ("unknown_sensor", chirpstack("70b3d57ed00000ff", 1, 1, "AQ==")),
        ("unbound_sensor", chirpstack("70b3d57ed0000002", 2, 1, "AQ==")),
        ("unsupported_device", chirpstack("70b3d57ed0000003", 3, 1, "AQ==")),
        ("malformed", chirpstack("70b3d57ed0000001", 4, 1, "AQID")),
    ];
    let port = port_of(&instance.text("mqtt"));
    let mut messages: Vec<(String, Vec<u8>)> = Vec::new();
    for (n, (_, message)) in (0..).zip(&cases) {
        messages.push(message.clone());
        // And right after it a good one, of the same feed where that has one.
        messages.push(match message.0.starts_with("application/") {
            true => chirpstack("70b3d57ed0000001", 100 + n, 1, "AQ=="),
            false => bay("alt", "a2", format!(r#"{{"at":"{now}","state":"vacant","seq":{n}}}"#)),
        });
    }
    // Within what a site tolerates, and from a feed that may: all these are accepted.
    messages.push(site(format!(r#"{{"at":"{now}","occupied":110}}"#)));
    messages.push(bay("county", "n2", ok("occupied")));
    messages.push(bay("alt", "a1", ok("occupied")));
    publish(port, messages).await;

    let pool = instance.pool().await;
    eventually("the good messages are stored", || async {
        let n: (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM bay_observation), (SELECT count(*) FROM site_count)",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        (n == (2 + cases.len() as i64, 1)).then_some(())
    })
    .await;
    let reasons: Vec<(String, String)> = eventually("every bad one is kept", || async {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT reason, detail FROM rejection ORDER BY id")
            .fetch_all(&pool)
            .await
            .unwrap();
        (rows.len() >= cases.len()).then_some(rows)
    })
    .await;
    let mut wanted: Vec<&str> = cases.iter().map(|(reason, _)| *reason).collect();
    let mut found: Vec<&str> = reasons.iter().map(|(reason, _)| reason.as_str()).collect();
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted, "{reasons:#?}");
    assert!(reasons.iter().all(|(_, detail)| !detail.is_empty()));
    let (_, garage) = instance.get("/v1/sites/garage").await;
    assert_eq!(
        (&garage["vacant"], &garage["flags"]),
        (&serde_json::json!(0), &serde_json::json!(["over_capacity"]))
    );
    // What asks for a key learns nothing without one.
    for path in ["/v1/rejections", "/v1/sensors", "/v1/sensors/70b3d57ed0000001/messages"] {
        assert_eq!(instance.get(path).await.0, 401, "{path}");
    }
    pool.close().await;
    instance.stop().await;
}
