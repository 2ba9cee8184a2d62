//! HTTP in: suppliers post instead of publishing, in all formats, and get their answer after the commit; also when the
//! database or the product is killed meanwhile, and where HTTP and MQTT are served by two processes.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{Rng, SeedableRng};
use sensor_sim::encode::gtfs_rt::{
    FeedEntity, Position, StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, VehicleDescriptor,
    VehiclePosition, full_dataset,
};
use serde_json::{Value, json};

use crate::support::{Instance, at, chirpstack, eventually, free_port, postmaster, town};

/// The test's town with a feed of each format that is posted to.
fn places(instance: &Instance) -> PathBuf {
    let folder = town(instance.dir.path());
    let mut feeds = std::fs::read_to_string(folder.join("feeds.toml")).unwrap();
    for (id, municipality, format) in [
        ("cs-http", "neudorf", "chirpstack"),
        ("tts-http", "neudorf", "tts"),
        ("own-http", "altdorf", "native"),
        ("bus-http", "kreis", "hfp"),
        ("rt-http", "kreis", "gtfs-rt"),
        ("park-http", "altdorf", "parkapi-v3"),
    ] {
        feeds.push_str(&format!(
            "\n[[feed]]\nid = \"{id}\"\nmunicipality = \"{municipality}\"\nformat = \"{format}\"\npush = true\n"
        ));
    }
    std::fs::write(folder.join("feeds.toml"), feeds).unwrap();
    std::fs::write(
        folder.join("vehicles.csv"),
        "id,owner,label\nbus-1,kreis,Bus 1\n0018-01029,kreis,Bus 2\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("sensors.csv"),
        "id,feed,decoder,bay\n70B3D57ED0000001,cs-http,bosch-tps110,n1\n70B3D57ED0000002,tts-http,bosch-tps110,n2\n",
    )
    .unwrap();
    folder
}

fn key_of(instance: &Instance, feed: &str) -> String {
    let (ok, key, err) = instance.command(&["key", "create", "--role", "feed", "--feed", feed]);
    assert!(ok, "{err}");
    key.trim().to_owned()
}

/// A supplier: its feed and its key.
#[derive(Clone)]
struct Supplier {
    address: String,
    authorization: String,
    is_packed: bool,
}

impl Supplier {
    fn new(instance: &Instance, feed: &str) -> Supplier {
        Supplier {
            address: format!("{}/v1/feeds/{feed}/messages", instance.text("http")),
            authorization: format!("Bearer {}", key_of(instance, feed)),
            is_packed: false,
        }
    }

    /// Status and answer; `None`: the server is not there.
    async fn try_post(&self, rest: &str, body: &[u8]) -> Option<(u16, Value)> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(body).unwrap();
        let body = if self.is_packed { packed.finish().unwrap() } else { body.to_vec() };
        let mut request = ureq::http::Request::post(format!("{}{rest}", self.address))
            .header("authorization", &self.authorization);
        if self.is_packed {
            request = request.header("content-encoding", "gzip");
        }
        let request = request.body(body).unwrap();
        let asked = tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(Duration::from_secs(20)))
                .build()
                .into();
            let mut answer = agent.run(request)?;
            let body = answer.body_mut().read_to_vec()?;
            Ok::<_, ureq::Error>((
                answer.status().as_u16(),
                serde_json::from_slice(&body).unwrap_or(Value::Null),
            ))
        });
        asked.await.unwrap().ok()
    }

    async fn post(&self, rest: &str, body: &[u8]) -> (u16, Value) {
        self.try_post(rest, body).await.expect("an answer")
    }

    /// What was stored, repeated and rejected, of a message that was taken in.
    async fn taken(&self, rest: &str, body: &[u8]) -> (u64, u64, u64) {
        let (status, answer) = self.post(rest, body).await;
        assert_eq!(status, 200, "{answer}");
        let of = |name: &str| answer[name].as_u64().unwrap();
        (of("stored"), of("duplicates"), of("rejected_elements"))
    }
}

/// A GTFS-Realtime feed with one vehicle and one trip.
fn gtfs_rt(vehicle: &str) -> Vec<u8> {
    let at_s = jiff::Timestamp::now().as_second() as u64;
    let position = VehiclePosition {
        vehicle: Some(VehicleDescriptor { id: Some(vehicle.into()), ..VehicleDescriptor::default() }),
        position: Some(Position { latitude: 51.9, longitude: 7.2, ..Position::default() }),
        timestamp: Some(at_s),
        ..VehiclePosition::default()
    };
    let stop = StopTimeUpdate {
        arrival: Some(StopTimeEvent { delay: Some(60), ..StopTimeEvent::default() }),
        stop_sequence: Some(1),
        ..StopTimeUpdate::default()
    };
    let update = TripUpdate {
        trip: TripDescriptor { trip_id: Some("t1".into()), ..TripDescriptor::default() },
        timestamp: Some(at_s),
        stop_time_update: vec![stop],
        ..TripUpdate::default()
    };
    let entities = vec![
        FeedEntity { id: "1".into(), vehicle: Some(position), ..FeedEntity::default() },
        FeedEntity { id: "2".into(), trip_update: Some(update), ..FeedEntity::default() },
    ];
    full_dataset(at_s, entities).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_is_taken_in_once_and_shown() {
    let instance = Instance::serve(&[]).await;
    instance.import(&places(&instance));
    let admin = instance.admin_key();
    eventually("the feeds are served", || async {
        let feeds = instance.get_with("/v1/feeds", &admin).await;
        let is_served = |id: &str| {
            let feed = feeds["items"].as_array().unwrap().iter().find(|f| f["id"] == id);
            feed.is_some_and(|f| f["push"] == true && f["connected_since"].is_string())
        };
        ["cs-http", "tts-http", "own-http", "bus-http", "rt-http", "park-http"]
            .iter()
            .all(|id| is_served(id))
            .then_some(())
    })
    .await;

    let (_, up) = chirpstack("70b3d57ed0000001", 1, 1, "AQ==");
    let chirpstack_ = Supplier::new(&instance, "cs-http");
    assert_eq!(chirpstack_.taken("?event=up", &up).await, (1, 0, 0));
    assert_eq!(chirpstack_.taken("?event=up", &up).await, (0, 1, 0), "again");
    let join =
        json!({ "deduplicationId": "j-1", "time": at(-1), "deviceInfo": { "devEui": "70b3d57ed0000001" } });
    assert_eq!(chirpstack_.taken("?event=join", join.to_string().as_bytes()).await, (1, 0, 0));
    assert_eq!(chirpstack_.taken("?event=join", join.to_string().as_bytes()).await, (0, 1, 0), "again");

    let uplink = json!({
        "end_device_ids": { "device_id": "eui-70b3d57ed0000002", "dev_eui": "70B3D57ED0000002",
            "application_ids": { "application_id": "app" } },
        "uplink_message": { "session_key_id": "s", "f_port": 1, "f_cnt": 7, "frm_payload": "AQ==", "received_at": at(-1) }
    });
    let tts = Supplier::new(&instance, "tts-http");
    // The console's authentication is Basic, and each kind of message may have a path.
    let key = tts.authorization.strip_prefix("Bearer ").unwrap().to_owned();
    let tts = Supplier { authorization: format!("Basic {}", STANDARD.encode(format!("kv:{key}"))), ..tts };
    assert_eq!(tts.taken("/uplink-message", uplink.to_string().as_bytes()).await, (1, 0, 0));
    assert_eq!(tts.taken("", uplink.to_string().as_bytes()).await, (0, 1, 0), "again");

    let own = Supplier::new(&instance, "own-http");
    let bay = json!({ "at": at(-5), "state": "occupied" });
    assert_eq!(own.taken("?topic=bay/a1", bay.to_string().as_bytes()).await, (1, 0, 0));
    let batch = json!([
        { "topic": "bay/a1", "at": bay["at"], "state": "occupied" },
        { "topic": "bay/a2", "at": at(-4), "state": "vacant" },
        { "topic": "bay/nowhere", "at": at(-4), "state": "vacant" },
        { "topic": "bay/n1", "at": at(-4), "state": "vacant" },
        { "topic": "bay/a3", "at": at(-4), "state": "full" },
    ]);
    let own = Supplier { is_packed: true, ..own };
    let (status, answer) = own.post("?topic=batch", batch.to_string().as_bytes()).await;
    assert_eq!((status, &answer["stored"], &answer["duplicates"]), (200, &json!(1), &json!(1)), "{answer}");
    let rejected: Vec<(&str, &str)> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["reason"].as_str().unwrap(), r["device"].as_str().unwrap()))
        .collect();
    assert_eq!(
        rejected.iter().copied().collect::<BTreeSet<_>>(),
        [("malformed", "a3"), ("unknown_place", "n1"), ("unknown_place", "nowhere"),].into()
    );
    assert!(answer["rejected"].as_array().unwrap().iter().all(|r| r["remedy"].as_str().unwrap().len() > 10));
    // As from a broker: kept, with the payload, unpacked.
    let kept = instance.get_with("/v1/rejections?feed=own-http", &admin).await["items"][0].clone();
    assert_eq!((&kept["topic"], &kept["count"]), (&json!("kv/1/own-http/batch"), &json!(3)));
    let payload = STANDARD.decode(kept["payload_base64"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), batch);

    let bus = Supplier::new(&instance, "bus-http");
    let vp = json!({ "VP": { "tst": at(-2), "lat": 51.9, "long": 7.2, "dl": -60 } }).to_string();
    let on = "?topic=/hfp/v2/journey/ongoing/vp/bus/0018/01029/5520/1/x/17:35/1/5/60;24/28/65/93";
    assert_eq!(bus.taken(on, vp.as_bytes()).await, (1, 0, 0));
    assert_eq!(bus.taken(on, vp.as_bytes()).await, (0, 1, 0), "again");

    let realtime = Supplier::new(&instance, "rt-http");
    let feed = gtfs_rt("bus-1");
    assert_eq!(realtime.taken("", &feed).await, (2, 0, 0));
    assert_eq!(realtime.taken("", &feed).await, (0, 2, 0), "again");

    let parkapi = Supplier::new(&instance, "park-http");
    let site = json!({ "items": [
        { "uid": "garage", "name": "Garage", "capacity": 100, "realtime_free_capacity": 37, "realtime_data_updated_at": at(-3) },
        { "uid": "a3", "realtime_status": "TAKEN", "realtime_data_updated_at": at(-3) },
        { "uid": "elsewhere", "realtime_free_capacity": 1, "realtime_data_updated_at": at(-3) },
    ]});
    // The path that ParkAPI's own push client appends.
    let (status, answer) = parkapi.post("/api/admin/v1/generic/json", site.to_string().as_bytes()).await;
    assert_eq!((status, &answer["stored"]), (200, &json!(2)), "{answer}");
    assert_eq!(answer["ignored_fields"], json!(["capacity", "name"]));
    assert_eq!(answer["rejected"][0]["device"], "elsewhere");

    for (path, field, expected) in [
        ("/v1/bays/n1", "state", json!("occupied")),
        ("/v1/bays/n2", "state", json!("occupied")),
        ("/v1/bays/a2", "state", json!("vacant")),
        ("/v1/bays/a3", "state", json!("occupied")),
        ("/v1/sites/garage", "vacant", json!(37)),
    ] {
        let shown = || async { (instance.get(path).await.1[field] == expected).then_some(()) };
        eventually(&format!("{path} has {field} {expected}"), shown).await;
    }
    let vehicles =
        || async { (instance.get("/v1/vehicles").await.1["items"].as_array()?.len() == 2).then_some(()) };
    eventually("both buses are shown", vehicles).await;

    // Refused without a trace in any other feed.
    let (status, answer) = own.post("", b"{}").await;
    assert_eq!((status, &answer["field"]), (400, &json!("topic")), "{answer}");
    let stranger = Supplier { address: own.address.replace("own-http", "cs-http"), ..own.clone() };
    assert_eq!(stranger.post("?event=up", &up).await.0, 404);
    let plain = Supplier { is_packed: false, ..own.clone() };
    let (status, answer) = plain.post("?topic=bay/a1", &vec![b' '; 70_000]).await;
    assert_eq!(status, 413, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("65536"), "{answer}");
    let large = instance.get_with("/v1/rejections?feed=own-http&reason=too_large", &admin).await;
    assert_eq!(large["items"].as_array().unwrap().len(), 1);
    let counted = || async {
        let feeds = instance.get_with("/v1/feeds", &admin).await;
        let feed = feeds["items"].as_array()?.iter().find(|f| f["id"] == "own-http")?.clone();
        (feed["messages_1h"] == 3 && feed["rejected_1h"]["unknown_place"] == 2 && feed["qos0_share"] == 0.0)
            .then_some(())
    };
    eventually("/v1/feeds has its figures", counted).await;

    // Its key sees what of the feed was rejected, and nothing of other feeds.
    let own_key = own.authorization.strip_prefix("Bearer ").unwrap();
    let groups = instance.get_with("/v1/rejections/summary", own_key).await["items"].clone();
    let of_feed = instance.get_with("/v1/rejections/summary?feed=own-http", &admin).await["items"].clone();
    assert_eq!(groups, of_feed);
    assert_eq!(groups.as_array().unwrap().len(), 2, "{groups}");
    let unknown = groups.as_array().unwrap().iter().find(|g| g["reason"] == "unknown_place").unwrap();
    assert_eq!((&unknown["feed"], &unknown["messages"]), (&json!("own-http"), &json!(1)));
    assert_eq!((&unknown["elements"], &unknown["kept"]), (&json!(3), &json!(1)), "{unknown}");
    assert!(unknown["remedy"].as_str().is_some_and(|text| !text.is_empty()));
    let listed = instance.get_with("/v1/rejections", own_key).await["items"].clone();
    assert!(listed.as_array().unwrap().iter().all(|r| r["feed"] == "own-http"), "{listed}");
    let path = "/v1/rejections/replay?feed=cs-http&dry_run";
    assert_eq!(instance.post(path, own_key, "").await.0, 403);
    let (status, trial) =
        instance.post("/v1/rejections/replay?reason=unknown_place&dry_run", own_key, "").await;
    assert_eq!((status, &trial["replayed"]), (200, &json!(1)), "{trial}");
    assert_eq!(trial["reasons"], json!({ "unknown_place": 1 }));

    // Once the cause is gone, a replay takes the rest in.
    let (status, replayed) =
        instance.post("/v1/rejections/replay?feed=own-http&reason=unknown_place", &admin, "").await;
    assert_eq!((status, &replayed["rejected"]), (200, &json!(1)), "{replayed}");

    // A key is shown without itself, and ends at once.
    let (_, list, _) = instance.command(&["key", "list"]);
    let row = list.lines().find(|line| line.contains("own-http")).unwrap();
    assert!(row.contains("\tfeed\taltdorf\town-http\t"), "{row}");
    let id = row.split('\t').next().unwrap();
    assert!(instance.command(&["key", "revoke", id]).0);
    assert_eq!(own.post("?topic=bay/a1", b"{}").await.0, 401);
    for wrong in [
        &["--feed", "alt"][..],
        &["--feed", "nowhere"],
        &[],
        &["--feed", "own-http", "--municipality", "altdorf"],
    ] {
        let args = [&["key", "create", "--role", "feed"], wrong].concat();
        let (ok, out, err) = instance.command(&args);
        assert!(
            !ok && out.is_empty() && err.contains("--feed") || err.contains("--municipality"),
            "{wrong:?}: {err}"
        );
    }
    instance.stop().await;
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Product,
    Database,
}

/// Several clients post numbered observations one after the other, and send again what was not answered with 200. What was
/// answered is stored, and nothing twice.
async fn nothing_answered_is_lost(victim: Victim, seed: u64) {
    const CLIENTS: u64 = 4;
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let http = format!("127.0.0.1:{}", free_port());
    let mut instance = Instance::run(&["serve", "--http", &http, "--mqtt-listen", "127.0.0.1:0"]).await;
    instance.import(&places(&instance));
    let supplier = Supplier::new(&instance, "own-http");
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let base = jiff::Timestamp::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (supplier, stop, answered) = (supplier.clone(), stop.clone(), answered.clone());
            tokio::spawn(async move {
                let (mut own, mut unavailable) = (Vec::new(), 0_u64);
                let mut n = client;
                while !stop.load(Ordering::Relaxed) {
                    let at = base + jiff::SignedDuration::from_micros(n as i64);
                    let body = json!({ "at": at.to_string(), "state": "occupied", "seq": n }).to_string();
                    match supplier.try_post("?topic=bay/a1", body.as_bytes()).await {
                        Some((200, answer)) => {
                            assert_eq!(
                                answer["stored"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap(),
                                1
                            );
                            answered.fetch_add(1, Ordering::Relaxed);
                            own.push(n);
                            n += CLIENTS;
                        }
                        // Sent again.
                        Some((503, _)) => unavailable += 1,
                        Some(other) => panic!("{other:?}"),
                        None => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                }
                (own, unavailable)
            })
        })
        .collect();
    let more = async || {
        let before = answered.load(Ordering::Relaxed);
        eventually("messages are answered", || async {
            (answered.load(Ordering::Relaxed) > before + 20).then_some(())
        })
        .await;
    };
    for _ in 0..2 {
        more().await;
        tokio::time::sleep(Duration::from_millis(random.random_range(100..600))).await;
        if victim == Victim::Product {
            instance.kill().await;
            instance.restart().await;
        } else {
            let pid = eventually("PostgreSQL runs", || async { postmaster(&instance.data()) }).await;
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    }
    more().await;
    stop.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut unavailable) = (BTreeSet::new(), 0);
    for client in clients {
        let (own, refused) = client.await.unwrap();
        acknowledged.extend(own);
        unavailable += refused;
    }
    let pool = instance.pool().await;
    let rows: Vec<i64> =
        sqlx::query_scalar("SELECT seq FROM bay_observation").fetch_all(&pool).await.unwrap();
    let stored: BTreeSet<u64> = rows.iter().map(|seq| *seq as u64).collect();
    eprintln!(
        "HTTP in, {victim:?} killed: {} answered with 200, {unavailable} with 503, {} stored",
        acknowledged.len(),
        rows.len()
    );
    assert_eq!(rows.len(), stored.len(), "stored twice");
    let lost: Vec<&u64> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answered_is_lost_when_the_product_is_killed() {
    nothing_answered_is_lost(Victim::Product, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answered_is_lost_when_postgresql_is_killed() {
    nothing_answered_is_lost(Victim::Database, 2).await;
}

/// A database that takes nothing and refuses nothing: no 200 is sent, and once it goes on the message is stored once.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stands_still_gets_nobody_an_answer_before_the_commit() {
    use nix::sys::signal::{Signal, kill};
    let instance = Instance::serve(&[]).await;
    instance.import(&places(&instance));
    let supplier = Supplier::new(&instance, "own-http");
    let message = |n: i64| json!({ "at": at(-60 + n), "state": "vacant", "seq": n }).to_string();
    assert_eq!(supplier.taken("?topic=bay/a1", message(0).as_bytes()).await, (1, 0, 0));
    let pid = postmaster(&instance.data()).unwrap();
    let backends: Vec<i32> = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap()
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    let all = || backends.iter().map(|pid| nix::unistd::Pid::from_raw(*pid)).chain([pid]);
    for pid in all() {
        let _ = kill(pid, Signal::SIGSTOP);
    }
    let first = message(1);
    // The key cannot be looked at, or the message not be stored: either way nothing is promised.
    let answer = supplier.try_post("?topic=bay/a1", first.as_bytes()).await;
    for pid in all() {
        let _ = kill(pid, Signal::SIGCONT);
    }
    assert!(answer.as_ref().is_none_or(|(status, _)| *status == 503), "{answer:?}");
    let (stored, duplicates, _) = eventually("the message is taken in", || async {
        let (status, answer) = supplier.try_post("?topic=bay/a1", first.as_bytes()).await?;
        (status == 200).then(|| {
            (
                answer["stored"].as_u64().unwrap(),
                answer["duplicates"].as_u64().unwrap(),
                answer["rejected"].clone(),
            )
        })
    })
    .await;
    assert_eq!(stored + duplicates, 1);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM bay_observation")
        .fetch_one(&instance.pool().await)
        .await
        .unwrap();
    assert_eq!(rows, 2);
    instance.stop().await;
}

/// HTTP in one process, brokers in another: the one that is posted to stores.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_without_an_ingest_beside_it_takes_messages_in() {
    let all = Instance::serve(&[]).await;
    all.import(&places(&all));
    let url = all.text("database_url");
    let api = Instance::run(&[
        "api",
        "--http",
        "127.0.0.1:0",
        "--database-url",
        &url,
        "--feed-messages-per-s",
        "1",
    ])
    .await;
    let supplier = Supplier::new(&all, "own-http");
    let own = supplier.address.replace(&all.text("http"), &api.text("http"));
    let supplier = Supplier { address: own, ..supplier };
    let message = |n: i64| json!({ "at": at(-60 + n), "state": "occupied", "seq": n }).to_string();
    assert_eq!(supplier.taken("?topic=bay/a1", message(0).as_bytes()).await, (1, 0, 0));
    for instance in [&all, &api] {
        let shown = || async { (instance.get("/v1/bays/a1").await.1["state"] == "occupied").then_some(()) };
        eventually("both show it", shown).await;
    }
    // Four at once: one a second may come, and nobody waits longer than two.
    let asked: Vec<_> = (1..=6)
        .map(|n| {
            let (supplier, body) = (supplier.clone(), message(n));
            tokio::spawn(async move { supplier.post("?topic=bay/a1", body.as_bytes()).await.0 })
        })
        .collect();
    let mut statuses = Vec::new();
    for asked in asked {
        statuses.push(asked.await.unwrap());
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    api.stop().await;
    all.stop().await;
}
