//! (g) What judging the health of devices costs: CPU per message with and without it, by turns; and how long the state of all
//! devices takes to be stored and read.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use domain::UtcMicros;
use private_pg::PrivatePg;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::{Value, json};
use store::health::Watcher;

use super::cpu;
use super::setup::{Mosquitto, Product, import_load, metric, size};

/// Runs of each kind, with and without.
const RUNS: u32 = 5;
/// A device changes so often, seconds: no sensor that wavers.
const EVERY_S: i64 = 2_400;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Lorawan,
    Native,
}

pub async fn run() -> Result<Value> {
    let (messages, devices) = (size("KV_BENCH_MESSAGES", 100_000), size("KV_BENCH_BAYS", 10_000));
    let mut answer = json!({ "part": "health", "messages": messages, "devices": devices });
    for kind in [Kind::Lorawan, Kind::Native] {
        answer[format!("{kind:?}").to_lowercase()] = cost(kind, messages, devices).await?;
    }
    answer["state"] = state(size("KV_BENCH_SENSORS", 50_000)).await?;
    Ok(answer)
}

/// Adds a LoRaWAN feed with a sensor for each bay.
fn add_sensors(places: &Path, sensors: u32) -> Result<()> {
    let feeds = places.join("feeds.toml");
    let text = std::fs::read_to_string(&feeds)?;
    let lora = "[[feed]]\nid = \"lora\"\nmunicipality = \"loadtown\"\nformat = \"chirpstack\"\n\
                topic = \"application/+/device/+/event/+\"\n";
    let town = text.lines().find_map(|l| l.strip_prefix("municipality = ")).context("a municipality")?;
    std::fs::write(&feeds, text.clone() + &lora.replace("\"loadtown\"", town))?;
    let rows = (1..=sensors).map(|n| format!("{n:016x},lora,bosch-tps110,load-{n:06}\n"));
    let rows: String = ["id,feed,decoder,bay\n".to_owned()].into_iter().chain(rows).collect();
    Ok(std::fs::write(places.join("sensors.csv"), rows)?)
}

async fn cost(kind: Kind, messages: u32, devices: u32) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let mosquitto = Mosquitto::start(dir.path())?;
    let data = dir.path().join("data");
    let (data_arg, url) = (data.to_string_lossy().into_owned(), mosquitto.url());
    let args = |health| {
        [
            "ingest",
            "--data-dir",
            &data_arg,
            "--mqtt-url",
            &url,
            "--ops-http",
            "127.0.0.1:0",
            "--health",
            health,
        ]
    };
    let product = Product::start(&args("true")).await?;
    let places = import_load(dir.path(), devices, &["--data-dir", &data_arg])?;
    if kind == Kind::Lorawan {
        add_sensors(&places, devices)?;
        super::setup::command(&["import", "--data-dir", &data_arg, &places.to_string_lossy()])?;
    }
    let feeds = if kind == Kind::Lorawan { 2.0 } else { 1.0 };
    while metric(&product.text("http"), "kv_ingest_subscriptions").await? < feeds {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    product.stop().await?;
    let rounds = messages / devices;
    let mut us: [Vec<f64>; 2] = Default::default();
    for run in 0..2 * RUNS {
        let health = run % 2 == 0;
        publish(&mosquitto, kind, run * rounds, rounds, devices).await?;
        let product = Product::start(&args(if health { "true" } else { "false" })).await?;
        let postmaster = cpu::postmaster(&data);
        let used = || cpu::seconds(product.pid()) + cpu::postgres_seconds(postmaster);
        let before = used();
        let base = product.text("http");
        let is_done = async || {
            let n = f64::from(rounds * devices);
            let is_heard = !health || metric(&base, "kv_health_heard_total").await? >= n;
            let is_stored = metric(&base, "kv_ingest_observations_stored_total").await? >= n;
            anyhow::Ok(is_heard && is_stored && metric(&base, "kv_derive_waiting").await? == 0.0)
        };
        while !is_done().await? {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        us[usize::from(health)].push((used() - before) / f64::from(rounds * devices) * 1e6);
        product.stop().await?;
    }
    let [without, with] = us.map(|mut us| {
        us.sort_by(f64::total_cmp);
        us
    });
    let (off, on) = (without[without.len() / 2], with[with.len() / 2]);
    let tenth = |us: f64| (us * 10.0).round() / 10.0;
    Ok(json!({
        "cpu_us_without": tenth(off), "cpu_us_with": tenth(on), "ratio": ((on / off) * 1000.0).round() / 1000.0,
        "all_without": without.into_iter().map(tenth).collect::<Vec<_>>(),
        "all_with": with.into_iter().map(tenth).collect::<Vec<_>>(),
    }))
}

/// Messages of all devices, by turns, from a day ago on.
async fn publish(mosquitto: &Mosquitto, kind: Kind, first: u32, rounds: u32, devices: u32) -> Result<()> {
    let mut options = MqttOptions::new("bench-publisher", "127.0.0.1", mosquitto.port);
    options.set_outgoing_inflight_upper_limit(1_000);
    let (client, mut events) = AsyncClient::new(options, 10_000);
    let end = jiff::Timestamp::now();
    let sender = tokio::spawn(async move {
        for n in 0..rounds * devices {
            let (round, device) = (n / devices, n % devices + 1);
            let before_s = i64::from(rounds - round) * EVERY_S - i64::from(device % 600);
            let at = end - jiff::SignedDuration::from_secs(before_s);
            let (count, is_occupied) = (first + round, round.is_multiple_of(2));
            let (topic, payload) = match kind {
                Kind::Native => {
                    let state = if is_occupied { "occupied" } else { "vacant" };
                    let payload = format!(r#"{{"at":"{at}","state":"{state}","seq":{count}}}"#);
                    (format!("kv/1/load/bay/load-{device:06}"), payload)
                }
                Kind::Lorawan => {
                    let data = if is_occupied { "AQ==" } else { "AA==" };
                    let payload = json!({
                        "deduplicationId": format!("{device}-{count}"), "time": at.to_string(), "fCnt": count, "fPort": 1,
                        "deviceInfo": {"devEui": format!("{device:016x}"), "applicationName": "parking"}, "data": data,
                        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5}],
                        "txInfo": {"frequency": 868_100_000, "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 9}}},
                    });
                    (format!("application/a/device/{device:016x}/event/up"), payload.to_string())
                }
            };
            client.publish(topic, QoS::AtLeastOnce, false, payload).await?;
        }
        anyhow::Ok(client)
    });
    let mut acked = 0;
    while acked < rounds * devices {
        if let Event::Incoming(Packet::PubAck(_)) = events.poll().await? {
            acked += 1;
        }
    }
    sender.await??;
    Ok(())
}

/// Storing the state of all devices, and a start that reads it.
async fn state(sensors: u32) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let pg = PrivatePg::start(&dir.path().join("pg")).await?;
    let pool = store::connect(&pg.url()).await?;
    store::migrate::migrate(&pool, false).await?;
    let places = import_load(dir.path(), sensors, &["--database-url", &pg.url()])?;
    add_sensors(&places, sensors)?;
    super::setup::command(&["import", "--database-url", &pg.url(), &places.to_string_lossy()])?;
    let registry = std::sync::Arc::new(store::places::registry(&mut *pool.acquire().await?).await?);
    let now = UtcMicros::from(jiff::Timestamp::now());
    let began = Instant::now();
    let resident = || evaluate::resident_mib(std::process::id()).unwrap_or_default();
    let before_mib = resident();
    let mut watcher =
        Watcher::connect(&pg.url(), registry.clone(), now).await?.context("no other watcher")?;
    while watcher.step(&registry, now).await?.unknown > 0 {
        let kept = watcher.kept(now).await?;
        watcher.read(&kept.devices, &[]);
    }
    let first_s = began.elapsed().as_secs_f64();
    let watched_mib = resident() - before_mib;
    let began = Instant::now();
    watcher.save(now).await?;
    let saved_s = began.elapsed().as_secs_f64();
    drop(watcher);
    let began = Instant::now();
    let watcher = loop {
        if let Some(watcher) = Watcher::connect(&pg.url(), registry.clone(), now).await? {
            break watcher;
        }
    };
    let restarted_s = began.elapsed().as_secs_f64();
    let hundredth = |n: f64| (n * 100.0).round() / 100.0;
    let devices = watcher.devices();
    pool.close().await;
    pg.stop().await?;
    Ok(json!({
        "devices": devices, "first_start_s": hundredth(first_s), "save_s": hundredth(saved_s),
        "restart_s": hundredth(restarted_s), "kib_per_device": hundredth(watched_mib * 1024.0 / devices as f64),
    }))
}
