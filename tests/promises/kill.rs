//! `kill -9` of the product, the broker and PostgreSQL under load, also by a supplier that repeats itself, and
//! connections that break with MQTT 3.1.1. A proxy between broker and
//! product is the witness: whatever the product acknowledged is stored, exactly once, whoever was
//! killed. Whatever the broker acknowledged to the publisher is stored too, unless the broker was
//! the one killed: what it keeps is its own promise.
//!
//! `KV_CRASH_ROUNDS=20 cargo test --test promises kill -- --nocapture` for many rounds.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Packet};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

use crate::support::{Instance, Mosquitto, at, eventually, free_port, postmaster, town};
use crate::witness::{Version, Witness};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Product,
    Broker,
    Database,
    Connection,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    victim: Victim,
    version: Version,
    /// Of the messages so many, percent, are published twice.
    duplicates_pct: u64,
    seed: u64,
}

/// What the publisher has under way at most.
const UNACKNOWLEDGED: usize = 100;

fn rounds() -> u32 {
    std::env::var("KV_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// Publishes numbered observations until stopped; returns how many, all of them acknowledged.
/// What got no ack before a connection broke is sent again: same content, same row. So are `duplicates_pct`
/// of all, for no reason.
async fn publish_until(port: u16, duplicates_pct: u64, stop: tokio_util::sync::CancellationToken) -> u64 {
    let mut options = MqttOptions::new(format!("crash-{}", free_port()), "127.0.0.1", port);
    options.set_clean_start(false).set_keep_alive(Duration::from_secs(5)).set_connect_properties(
        ConnectProperties { session_expiry_interval: Some(600), ..ConnectProperties::new() },
    );
    let (client, mut events) = AsyncClient::new(options, 4 * UNACKNOWLEDGED);
    let base = jiff::Timestamp::now();
    let send = |n: u64| {
        let at = base + jiff::SignedDuration::from_micros(n as i64);
        let state = if n.is_multiple_of(2) { "occupied" } else { "vacant" };
        let payload = format!(r#"{{"at":"{at}","state":"{state}","seq":{n}}}"#);
        client.try_publish("kv/1/alt/bay/a1", QoS::AtLeastOnce, false, payload).unwrap();
    };
    let mut published: u64 = 0;
    let mut unacknowledged: BTreeSet<u64> = BTreeSet::new();
    // Asked for and not sent, in order; sent, by packet id.
    let (mut asked, mut sent): (VecDeque<u64>, HashMap<u16, u64>) = Default::default();
    // What is asked for between two connections would come before what is asked for again.
    let mut is_connected = false;
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while !(stop.is_cancelled() && unacknowledged.is_empty()) {
        let event = {
            // Not to be cancelled: it may be connecting.
            let polling = events.poll();
            tokio::pin!(polling);
            loop {
                tokio::select! {
                    event = &mut polling => break event,
                    _ = tick.tick(), if is_connected && !stop.is_cancelled() => {
                        for _ in unacknowledged.len()..UNACKNOWLEDGED.min(unacknowledged.len() + 20) {
                            let copies = 1 + usize::from(published * 37 % 100 < duplicates_pct);
                            for n in std::iter::repeat_n(published, copies) {
                                send(n);
                                asked.push_back(n);
                            }
                            unacknowledged.insert(published);
                            published += 1;
                        }
                    }
                }
            }
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                is_connected = true;
                // The client forgets what waits when the broker forgot us.
                if !ack.session_present {
                    sent.clear();
                    asked = unacknowledged.iter().copied().collect();
                    asked.iter().copied().for_each(send);
                }
            }
            // Sent again under its old number when the session was kept.
            Ok(Event::Outgoing(Outgoing::Publish(id))) if !sent.contains_key(&id) => {
                sent.extend(asked.pop_front().map(|n| (id, n)));
            }
            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                if let Some(n) = sent.remove(&ack.pkid) {
                    unacknowledged.remove(&n);
                }
            }
            Ok(_) => {}
            Err(_) => {
                is_connected = false;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    published
}

/// The town's places; its native feed over a broker of this version.
fn places(instance: &Instance, witness: &Witness, version: Version) -> std::path::PathBuf {
    let folder = town(instance.dir.path());
    if version == Version::V311 {
        let file = folder.join("feeds.toml");
        let feeds = std::fs::read_to_string(&file).unwrap();
        let feeds = feeds.replace("topic = \"kv/1/alt/#\"", "topic = \"kv/1/alt/#\"\nbroker = \"old\"");
        let broker = format!("[[broker]]\nid = \"old\"\nurl = \"{}\"\nversion = \"3.1.1\"\n", witness.url());
        std::fs::write(file, broker + &feeds).unwrap();
    }
    folder
}

async fn nothing_is_lost_or_stored_twice(case: Case) {
    let Case { victim, version, duplicates_pct, seed } = case;
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut mosquitto = Mosquitto::start();
    let witness = Witness::between(mosquitto.port, version).await;
    let own = if version == Version::V311 { mosquitto.url() } else { witness.url() };
    let mut instance = Instance::serve(&["--mqtt-url", &own]).await;
    instance.import(&places(&instance, &witness, version));
    instance.subscribed().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let publisher = tokio::spawn(publish_until(mosquitto.port, duplicates_pct, stop.clone()));
    for round in 1..=rounds() {
        // Each kill under load: a database that never comes up is only waited for, ever longer.
        let before = witness.acknowledged_times();
        eventually("messages flow", || async { (witness.acknowledged_times() > before).then_some(()) }).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(200..1_200))).await;
        match victim {
            Victim::Product => {
                instance.kill().await;
                instance.restart().await;
            }
            Victim::Broker => mosquitto.kill_and_restart(),
            Victim::Connection => witness.cut(),
            Victim::Database => kill_postgresql(&instance).await,
        }
        eprintln!("{} round {round}", at(0));
    }
    // The last kill is over once messages flow again: none is published to a broker that has not
    // got our subscription back.
    let before = witness.acknowledged_times();
    eventually("messages flow again", || async { (witness.acknowledged_times() > before).then_some(()) })
        .await;
    stop.cancel();
    let published = publisher.await.unwrap();
    // Until the last message is through, whatever has to be delivered again.
    let stored = eventually("everything is stored", || async {
        let stored = stored(&instance).await?;
        let distinct: BTreeSet<u64> = stored.iter().copied().collect();
        let is_whole = victim == Victim::Broker || (0..published).all(|n| distinct.contains(&n));
        let is_kept = witness.acknowledged().is_subset(&distinct);
        (is_whole && is_kept && distinct.contains(&(published - 1))).then_some(stored)
    })
    .await;
    let distinct = stored.iter().copied().collect::<BTreeSet<u64>>().len();
    assert_eq!(stored.len(), distinct, "a row is stored twice");
    assert!(witness.faults().is_empty(), "{:#?}\n{}", witness.faults(), instance.log());
    eprintln!(
        "{case:?}: {published} published, {} deliveries ({} under an id in use), {} acknowledged by us, \
         {distinct} stored once, {} lost by the broker",
        witness.deliveries(),
        witness.reused_ids(),
        witness.acknowledged().len(),
        published - distinct as u64
    );
    instance.stop().await;
}

async fn kill_postgresql(instance: &Instance) {
    eventually("PostgreSQL runs and is killed", || async {
        let pid = postmaster(&instance.data())?;
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).ok()
    })
    .await;
}

/// Publisher and embedded broker, nothing between: what the publisher has an acknowledgement for it does not send
/// again, so it must be stored.
async fn nothing_acknowledged_by_the_embedded_broker_is_lost(victim: Victim, seed: u64) {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let mut instance = Instance::run(&["serve", "--http", "127.0.0.1:0", "--mqtt-listen", &listen]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let publisher = tokio::spawn(publish_until(port, 0, stop.clone()));
    let more_is_stored = async |instance: &Instance| {
        let before = eventually("the database answers", || stored(instance)).await.len();
        eventually("messages flow", || async {
            stored(instance).await.is_some_and(|now| now.len() > before).then_some(())
        })
        .await;
    };
    for _ in 1..=rounds() {
        more_is_stored(&instance).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(200..1_200))).await;
        if victim == Victim::Product {
            instance.kill().await;
            instance.restart().await;
        } else {
            kill_postgresql(&instance).await;
        }
    }
    more_is_stored(&instance).await;
    stop.cancel();
    let published = publisher.await.unwrap();
    let rows = eventually("the database answers", || stored(&instance)).await;
    let distinct: BTreeSet<u64> = rows.iter().copied().collect();
    let lost = (0..published).filter(|n| !distinct.contains(n)).count();
    eprintln!(
        "embedded broker, {victim:?} killed: {published} acknowledged, {} stored, {lost} lost",
        rows.len()
    );
    assert_eq!((lost, rows.len()), (0, distinct.len()), "lost; stored twice");
    instance.stop().await;
}

/// The `seq` of every row.
async fn stored(instance: &Instance) -> Option<Vec<u64>> {
    let pool = store::connect(&instance.text("database_url")).await.ok()?;
    let rows: Result<Vec<i64>, _> =
        sqlx::query_scalar("SELECT seq FROM bay_observation").fetch_all(&pool).await;
    pool.close().await;
    rows.ok().map(|rows| rows.into_iter().map(|seq| seq as u64).collect())
}

fn case(victim: Victim, seed: u64) -> Case {
    Case { victim, version: Version::V5, duplicates_pct: 0, seed }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_product() {
    nothing_is_lost_or_stored_twice(case(Victim::Product, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_broker() {
    nothing_is_lost_or_stored_twice(case(Victim::Broker, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_postgresql() {
    nothing_is_lost_or_stored_twice(case(Victim::Database, 3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_product_while_the_supplier_repeats_itself() {
    nothing_is_lost_or_stored_twice(Case { duplicates_pct: 30, ..case(Victim::Product, 4) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_connections_of_mqtt_3_1_1() {
    nothing_is_lost_or_stored_twice(Case { version: Version::V311, ..case(Victim::Connection, 5) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_product_with_its_embedded_broker() {
    nothing_acknowledged_by_the_embedded_broker_is_lost(Victim::Product, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_postgresql_behind_the_embedded_broker() {
    nothing_acknowledged_by_the_embedded_broker_is_lost(Victim::Database, 7).await;
}
