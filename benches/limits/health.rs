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

/// What is sent in a run.
#[derive(Debug, Clone, Copy)]
struct Load {
    kind: Kind,
    messages: u32,
    devices: u32,
    /// Messages each second; 0: as fast as they are taken.
    rate: u32,
}

pub async fn run() -> Result<Value> {
    let (messages, devices) = (size("KV_BENCH_MESSAGES", 100_000), size("KV_BENCH_BAYS", 10_000));
    let rate = size("KV_BENCH_RATE", 0);
    let mut answer = json!({ "part": "health", "messages": messages, "devices": devices, "rate": rate });
    for kind in [Kind::Lorawan, Kind::Native] {
        let load = Load { kind, messages, devices, rate };
        answer[format!("{kind:?}").to_lowercase()] = cost(load).await?;
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

/// Each run goes on where the one before ended: what devices send is a day and a half without a fault.
async fn cost(load: Load) -> Result<Value> {
    let Load { kind, messages, devices, .. } = load;
    let dir = tempfile::tempdir()?;
    let mosquitto = Mosquitto::start(dir.path())?;
    let data = dir.path().join("data");
    let pg = PrivatePg::start(&dir.path().join("pg")).await?;
    let postmaster = pg.postmaster_pid().context("no PostgreSQL")? as u32;
    let pool = store::connect(&pg.url()).await?;
    store::migrate::migrate(&pool, false).await?;
    // It comes when it likes, and would be counted to whichever run it meets.
    sqlx::query("ALTER SYSTEM SET autovacuum = off").execute(&pool).await?;
    sqlx::query("SELECT pg_reload_conf()").execute(&pool).await?;
    let places = import_load(dir.path(), devices, &["--database-url", &pg.url()])?;
    if kind == Kind::Lorawan {
        add_sensors(&places, devices)?;
        super::setup::command(&["import", "--database-url", &pg.url(), &places.to_string_lossy()])?;
    }
    // A device of which nothing is known costs the reading of its kept messages, once.
    store_state(&pool, &pg.url()).await?;
    let (data_dir, url, broker) = (data.to_string_lossy(), pg.url(), mosquitto.url());
    let feeds = if kind == Kind::Lorawan { 2.0 } else { 1.0 };
    let n = f64::from(messages);
    let mut us: [Vec<f64>; 2] = Default::default();
    let mut reasons = 0.0;
    // One run more than is measured: the first makes the devices known.
    for run in 0..=2 * RUNS {
        let health = run % 2 == 0;
        let on = if health { "true" } else { "false" };
        let args = ["ingest", "--data-dir", &data_dir, "--database-url", &url, "--mqtt-url", &broker];
        let product =
            Product::start(&[&args[..], &["--ops-http", "127.0.0.1:0", "--health", on]].concat()).await?;
        let base = product.text("http");
        let value = async |name| metric(&base, name).await;
        let known = if health && (kind == Kind::Lorawan || run > 0) { f64::from(devices) } else { 0.0 };
        while value("kv_ingest_subscriptions").await? < feeds || value("kv_health_devices").await? < known {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let used = || [cpu::seconds(product.pid()), cpu::postgres_seconds(postmaster)];
        let before = used();
        publish(&mosquitto, load, run * messages).await?;
        while value("kv_ingest_observations_stored_total").await? < n
            || value("kv_derive_waiting").await? > 0.0
            || health && value("kv_health_heard_total").await? < n
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let [own, postgres] = std::array::from_fn(|at| (used()[at] - before[at]) / n * 1e6);
        eprintln!("run {run}, health {health}: {own:.1} us + PostgreSQL {postgres:.1} us");
        if run > 0 {
            us[usize::from(health)].push(own + postgres);
        }
        reasons += value("kv_health_reasons_total").await?;
        product.stop().await?;
        // Otherwise the next start reads again what came since the state was stored last.
        if health {
            store_state(&pool, &pg.url()).await?;
        }
    }
    pool.close().await;
    pg.stop().await?;
    let [without, with] = us.map(|mut us| {
        us.sort_by(f64::total_cmp);
        us
    });
    let (off, on) = (without[without.len() / 2], with[with.len() / 2]);
    let tenth = |us: f64| (us * 10.0).round() / 10.0;
    Ok(json!({
        "cpu_us_without": tenth(off), "cpu_us_with": tenth(on), "ratio": ((on / off) * 1000.0).round() / 1000.0,
        "all_without": without.into_iter().map(tenth).collect::<Vec<_>>(),
        "all_with": with.into_iter().map(tenth).collect::<Vec<_>>(), "reasons": reasons,
    }))
}

/// Brings the stored state up to date.
async fn store_state(pool: &store::Pool, url: &str) -> Result<()> {
    let registry = std::sync::Arc::new(store::places::registry(&mut *pool.acquire().await?).await?);
    let now = UtcMicros::from(jiff::Timestamp::now());
    let mut watcher = Watcher::connect(url, registry.clone(), now).await?.context("no other watcher")?;
    catch_up(&mut watcher, &registry, now).await?;
    Ok(watcher.save(now).await?)
}

/// Judges what is new. Of devices that are unknown nothing is kept.
async fn catch_up(
    watcher: &mut Watcher,
    registry: &std::sync::Arc<domain::Registry>,
    now: UtcMicros,
) -> Result<()> {
    loop {
        let step = watcher.step(registry, now).await?;
        if step.unknown > 0 {
            let kept = watcher.kept(now).await?;
            watcher.read(&kept.devices, &[]);
        } else if !step.is_behind {
            return Ok(());
        }
    }
}

/// Messages of all devices, by turns, from the `first` of all runs on.
async fn publish(mosquitto: &Mosquitto, load: Load, first: u32) -> Result<()> {
    let Load { kind, messages, devices, rate } = load;
    let mut options = MqttOptions::new("bench-publisher", "127.0.0.1", mosquitto.port);
    options.set_outgoing_inflight_upper_limit(1_000);
    let (client, mut events) = AsyncClient::new(options, 10_000);
    let end = jiff::Timestamp::now();
    let last_round = (2 * RUNS + 1) * messages / devices;
    let sender = tokio::spawn(async move {
        let began = tokio::time::Instant::now();
        for n in 0..messages {
            if rate > 0 {
                tokio::time::sleep_until(began + Duration::from_secs(1) * n / rate).await;
            }
            let (round, device) = ((first + n) / devices, (first + n) % devices + 1);
            let before_s = i64::from(last_round - round.min(last_round)) * EVERY_S - i64::from(device % 600);
            let at = end - jiff::SignedDuration::from_secs(before_s);
            let (count, is_occupied) = (round, round.is_multiple_of(2));
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
    while acked < messages {
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
    catch_up(&mut watcher, &registry, now).await?;
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
