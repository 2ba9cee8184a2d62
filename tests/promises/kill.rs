//! `kill -9` of the ingest, the broker and PostgreSQL under load: everything that a publisher
//! was promised by the broker is stored exactly once. The broker keeps its sessions on disk, so
//! what it acknowledged it delivers; what we acknowledged must then be in the database.
//!
//! `KV_CRASH_ROUNDS=20 cargo test --test promises kill -- --nocapture` for many rounds.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

use crate::support::{Instance, Mosquitto, at, eventually, free_port, postmaster, town};

#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Product,
    Broker,
    Database,
}

fn rounds() -> u32 {
    std::env::var("KV_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// Publishes numbered observations until told to stop; returns how many the broker acknowledged.
/// A publish that got no ack before a connection broke is sent again: same content, same row.
async fn publish_until(port: u16, stop: tokio_util::sync::CancellationToken) -> u64 {
    let mut options = MqttOptions::new(format!("crash-{}", free_port()), "127.0.0.1", port);
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(600))
        .set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = AsyncClient::new(options, 100);
    let base = jiff::Timestamp::now();
    let sender = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut n: u64 = 0;
            while !stop.is_cancelled() {
                let at = base + jiff::SignedDuration::from_micros(n as i64);
                let state = if n.is_multiple_of(2) { "occupied" } else { "vacant" };
                let payload = format!(r#"{{"at":"{at}","state":"{state}","seq":{n}}}"#);
                if client.publish("kv/1/alt/bay/a1", QoS::AtLeastOnce, false, payload).await.is_err() {
                    break;
                }
                n += 1;
                if n.is_multiple_of(20) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            n
        }
    });
    let mut acked: u64 = 0;
    let mut sent = None;
    let mut sender = Some(sender);
    loop {
        if stop.is_cancelled()
            && let Some(task) = sender.take_if(|t| t.is_finished())
        {
            sent = Some(task.await.unwrap());
        }
        if sent.is_some_and(|sent| acked >= sent) {
            return acked;
        }
        match tokio::time::timeout(Duration::from_millis(500), events.poll()).await {
            Ok(Ok(Event::Incoming(Packet::PubAck(_)))) => acked += 1,
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn nothing_is_lost_or_doubled(victim: Victim, seed: u64) {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut mosquitto = Mosquitto::start();
    let mut instance = Instance::serve(&["--mqtt-url", &mosquitto.url()]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let publisher = tokio::spawn(publish_until(mosquitto.port, stop.clone()));
    for round in 1..=rounds() {
        tokio::time::sleep(Duration::from_millis(random.random_range(200..1_200))).await;
        match victim {
            Victim::Product => {
                instance.kill().await;
                instance.restart().await;
            }
            Victim::Broker => mosquitto.kill_and_restart(),
            Victim::Database => {
                let pid = eventually("PostgreSQL runs", || async { postmaster(&instance.data()) }).await;
                nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
            }
        }
        eprintln!("{} round {round}", at(0));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.cancel();
    let acked = publisher.await.unwrap();
    let last = i64::try_from(acked).unwrap();
    let (rows, distinct) = eventually("everything acknowledged is stored", || async {
        let pool = store::connect(&instance.text("database_url")).await.ok()?;
        let counts: Result<(i64, i64), _> =
            sqlx::query_as("SELECT count(*), count(DISTINCT seq) FROM bay_observation")
                .fetch_one(&pool)
                .await;
        pool.close().await;
        counts.ok().filter(|(_, distinct)| victim == Victim::Broker || *distinct >= last)
    })
    .await;
    assert_eq!(rows, distinct, "a row is doubled");
    if victim != Victim::Broker {
        assert_eq!(distinct, last, "a row is lost");
    }
    eprintln!("{acked} acknowledged, {distinct} stored, {} doubled", rows - distinct);
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_product() {
    nothing_is_lost_or_doubled(Victim::Product, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_broker() {
    nothing_is_lost_or_doubled(Victim::Broker, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_postgresql() {
    nothing_is_lost_or_doubled(Victim::Database, 3).await;
}
