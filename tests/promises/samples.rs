//! Published payloads of real suppliers, sent unchanged to a county that accepts old times: each ends in rows or in a
//! reason.

use std::path::{Path, PathBuf};

use crate::support::{Instance, eventually, port_of, publish};

type Messages = Vec<(String, Vec<u8>)>;

/// Rows of everything that a message can become.
const ROWS: &str = "SELECT (SELECT count(*) FROM bay_observation) + (SELECT count(*) FROM vehicle_position)
    + (SELECT count(*) FROM passenger_count) + (SELECT count(*) FROM uplink) + (SELECT count(*) FROM rejection)";

fn places(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("municipalities.csv", "slug,name,ags\nkreis,Kreis,05999\n");
    write(
        "bays.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"bay","municipality":"kreis"},"geometry":{"type":"Point","coordinates":[7.2,51.9]}}]}"#,
    );
    write("vehicles.csv", "id,owner\n0018-01029,kreis\n");
    write("sensors.csv", "id,feed,decoder,bay\n1000000000000001,chirpstack,bosch-tps110,bay\n");
    let feeds = [
        ("chirpstack", "chirpstack", "application/#"),
        ("tts", "tts", "v3/#"),
        ("hfp", "hfp", "/hfp/v2/#"),
        ("rt", "gtfs-rt", "rt/poa"),
    ];
    let feeds = feeds.map(|(id, format, topic)| {
        format!("[[feed]]\nid = \"{id}\"\nmunicipality = \"kreis\"\nformat = \"{format}\"\ntopic = \"{topic}\"\nmax_age = \"20y\"\n")
    });
    write("feeds.toml", &feeds.join("\n"));
}

/// What to send of each file; lines of a dump are a time, a topic and a payload.
fn samples(formats: &Path) -> Vec<(&'static str, Messages)> {
    let read = |path: &str| std::fs::read(formats.join(path)).unwrap();
    let device = |event: &str| format!("application/a/device/1000000000000001/event/{event}");
    let dump = |path: &str| -> Messages {
        let text = String::from_utf8(read(path)).unwrap();
        let line = |line: &str| {
            let (_, rest) = line.split_once(' ')?;
            let (topic, payload) = rest.split_once(" {")?;
            Some((topic.to_owned(), format!("{{{payload}").into_bytes()))
        };
        text.lines().filter_map(line).collect()
    };
    let mut samples = vec![
        ("chirpstack_v4/up_bosch_parking.json", device("up")),
        ("chirpstack_v4/up_docs.json", device("up")),
        ("chirpstack_v4/join.json", device("join")),
        ("chirpstack_v4/status.json", device("status")),
        ("chirpstack_v4/log.json", device("log")),
        ("chirpstack_v4/ack.json", device("ack")),
        ("chirpstack_v4/location.json", device("location")),
        ("tts_v3/up.json", "v3/app1@tenant/devices/dev1/up".to_owned()),
        ("tts_v3/join.json", "v3/app1@tenant/devices/dev1/join".to_owned()),
    ]
    .into_iter()
    .map(|(path, topic)| (path, vec![(topic, read(path))]))
    .collect::<Vec<_>>();
    for path in ["hfp/hfp_dump_excerpt.txt", "apc/hsl_partial_apc_dump.txt"] {
        samples.push((path, dump(path)));
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn each_published_payload_ends_in_rows_or_in_a_reason() {
    let formats = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/formats");
    if !formats.exists() {
        eprintln!("SKIPPED: no published payloads at {}", formats.display());
        return;
    }
    let instance = Instance::serve(&["--ops-http", "127.0.0.1:0"]).await;
    let folder = instance.dir.path().join("places");
    places(&folder);
    instance.import(&folder);
    instance.subscriptions(4).await;
    let pool = instance.pool().await;
    let rows = || async { sqlx::query_scalar::<_, i64>(ROWS).fetch_one(&pool).await.unwrap() };
    for (path, messages) in samples(&formats) {
        assert!(!messages.is_empty(), "{path}");
        let before = rows().await;
        publish(port_of(&instance.text("mqtt")), messages).await;
        let n = eventually(path, || async { Some(rows().await - before).filter(|n| *n > 0) }).await;
        eprintln!("{path}: {n} rows or reasons");
    }

    let has = |what: &'static str, query: &'static str, n: i64| {
        let pool = &pool;
        eventually(what, move || async move {
            let found: i64 = sqlx::query_scalar(query).fetch_one(pool).await.unwrap();
            (found >= n).then_some(found)
        })
    };
    has("positions by HFP", "SELECT count(*) FROM vehicle_position", 1).await;
    has("counts by APC", "SELECT count(*) FROM passenger_count", 1).await;
    // Nothing but trip updates: no fault is found in them, only in what comes after.
    let trips = std::fs::read(formats.join("../data/reference/rt_poa.pb")).unwrap();
    let to_feed = |payload: Vec<u8>| ("rt/poa".to_owned(), payload);
    publish(port_of(&instance.text("mqtt")), vec![to_feed(trips), to_feed(b"garbage".to_vec())]).await;
    instance.counted(r#"kv_ingest_messages_total{feed="rt"} 2"#).await;
    let faults = "SELECT count(*) FROM rejection WHERE topic = 'rt/poa'";
    assert_eq!(has("the garbage is rejected", faults, 1).await, 1);
    assert_eq!(has("trip updates", "SELECT count(*) FROM trip_state", 1_496).await, 1_496);
    // A start-up frame of 2023 reports vacant: too old to count, and listed all the same.
    let (_, bay) = instance.get("/v1/bays/bay").await;
    assert_eq!(
        (&bay["state"], &bay["last_state"], &bay["stale"]),
        (&"unknown".into(), &"vacant".into(), &true.into())
    );
    pool.close().await;
    instance.stop().await;
}
