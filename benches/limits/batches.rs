//! (b) Batches of 10,000 rows: what the whole transaction costs against bare COPY into the same
//! indexed table; and native `batch` payloads over MQTT against the same transactions fed from
//! memory. From memory also with a supplier that repeats some of its observations.

use std::time::{Duration, Instant};

use anyhow::Result;
use domain::ids::SourceKey;
use domain::observation::Provenance;
use domain::{BayObservation, BayState, UtcMicros};
use private_pg::PrivatePg;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::{Value, json};
use store::writer::{Batch, FLUSH_AFTER, Keyed, Writer};

use super::setup::{Mosquitto, Product, import_load, metric, size, subscribed};

const ROWS: u32 = 10_000;
const BATCHES: u32 = 300;
const PAYLOAD_ROWS: u32 = 1_000;
const DUPLICATES: [f64; 2] = [0.01, 0.5];

pub async fn run() -> Result<Value> {
    let bays = size("KV_BENCH_BAYS", 10_000);
    let dir = tempfile::tempdir()?;
    let memory = from_memory(dir.path(), bays, 0.0).await?;
    let mut with_duplicates = Vec::new();
    for share in DUPLICATES {
        let rate = from_memory(dir.path(), bays, share).await?;
        with_duplicates.push(json!({
            "duplicates": share, "rows_per_s": rate.round(), "ratio": (rate / memory * 1000.0).round() / 1000.0,
        }));
    }
    let mqtt = over_mqtt(dir.path(), bays).await?;
    Ok(json!({
        "part": "batches", "rows_per_s_from_memory": memory.round(), "rows_per_s_over_mqtt": mqtt.round(),
        "ratio": (mqtt / memory * 1000.0).round() / 1000.0, "from_memory_with_duplicates": with_duplicates,
    }))
}

/// Rows per second, of which the share `duplicates` was stored a batch before.
async fn from_memory(dir: &std::path::Path, bays: u32, duplicates: f64) -> Result<f64> {
    let data = dir.join(format!("memory-{duplicates}"));
    let pg = PrivatePg::start(&data).await?;
    let pool = store::connect(&pg.url()).await?;
    store::migrate::migrate(&pool, true).await?;
    import_load(dir, bays, &["--database-url", &pg.url()])?;
    let registry = store::places::registry(&mut *pool.acquire().await?).await?;
    let options = store::pool::options(&pg.url())?;
    let mut writers = Vec::new();
    for w in 0..2 {
        let mut batches: Vec<Batch> = (0..BATCHES / 2).map(|b| batch(&registry, bays, b * 2 + w)).collect();
        repeat(&mut batches, duplicates);
        writers.push((batches, Writer::connect(&options).await?));
    }
    let began = Instant::now();
    let registry = std::sync::Arc::new(registry);
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|(batches, mut writer)| {
            let registry = registry.clone();
            tokio::spawn(async move {
                for b in &batches {
                    writer.write(b, registry.as_ref(), UtcMicros(0)).await?;
                    if writer.deferred_for().is_some_and(|age| age >= FLUSH_AFTER) {
                        writer.flush().await?;
                    }
                }
                writer.flush().await
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let rate = f64::from(ROWS * BATCHES) / began.elapsed().as_secs_f64();
    pool.close().await;
    pg.stop().await?;
    std::fs::remove_dir_all(&data)?;
    Ok(rate)
}

/// Replaces the first rows of each batch, so that this share of it was in the batch before.
fn repeat(batches: &mut [Batch], share: f64) {
    let n = (f64::from(ROWS) * share) as usize;
    for i in (1..batches.len()).rev() {
        let (before, this) = batches.split_at_mut(i);
        let rows = before[i - 1].bays.len();
        this[0].bays[..n].clone_from_slice(&before[i - 1].bays[rows - n..]);
    }
}

/// Starts well after the rows of the other part, so that none is a double.
const OFFSET_S: i64 = 3_600;

fn batch(registry: &domain::Registry, bays: u32, number: u32) -> Batch {
    let feed = registry.feeds().next().map(|f| f.id).unwrap_or(domain::FeedId(1));
    let now = UtcMicros::from(jiff_now()).plus_s(-OFFSET_S);
    let rows = (0..ROWS).filter_map(|i| {
        let n = number * ROWS + i;
        let bay = registry.bay_by_key(&format!("load-{:06}", n % bays + 1))?;
        let state = if (n / bays).is_multiple_of(2) { BayState::Occupied } else { BayState::Vacant };
        let seq = Some(i64::from(n));
        Some(Keyed {
            idempotency_key: None,
            observation: BayObservation {
                provenance: Provenance {
                    municipality: bay.municipality,
                    feed,
                    sensor: None,
                    received_at: now,
                    clock_corrected: false,
                },
                bay: bay.id,
                observed_at: UtcMicros(now.0 + i64::from(n)),
                digest: BayObservation::digest_of(SourceKey::of(feed, None), seq, state),
                state,
                seq,
                battery_v: None,
                rssi_dbm: None,
                temperature_c: None,
            },
        })
    });
    Batch { bays: rows.collect(), ..Batch::default() }
}

fn jiff_now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

async fn over_mqtt(dir: &std::path::Path, bays: u32) -> Result<f64> {
    let mosquitto = Mosquitto::start(dir)?;
    let data = dir.join("data2").to_string_lossy().into_owned();
    let url = mosquitto.url();
    let args = ["ingest", "--data-dir", &data, "--mqtt-url", &url, "--ops-http", "127.0.0.1:0"];
    let product = Product::start(&args).await?;
    import_load(dir, bays, &["--data-dir", &data])?;
    let base = product.text("http");
    subscribed(&base).await?;
    product.stop().await?;
    let rows = ROWS * BATCHES;
    publish_batches(mosquitto.port, rows, bays).await?;
    let product = Product::start(&args).await?;
    let base = product.text("http");
    let began = Instant::now();
    while metric(&base, "kv_ingest_observations_stored_total").await? < f64::from(rows) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rate = f64::from(rows) / began.elapsed().as_secs_f64();
    product.stop().await?;
    Ok(rate)
}

async fn publish_batches(port: u16, rows: u32, bays: u32) -> Result<()> {
    let mut options = MqttOptions::new("bench-batches", "127.0.0.1", port);
    options.set_outgoing_inflight_upper_limit(100);
    let (client, mut events) = AsyncClient::new(options, 100);
    let start = jiff_now();
    let messages = rows / PAYLOAD_ROWS;
    let sender = tokio::spawn(async move {
        for m in 0..messages {
            let elements: Vec<String> = (0..PAYLOAD_ROWS)
                .map(|i| {
                    let n = m * PAYLOAD_ROWS + i;
                    let at = start + jiff::SignedDuration::from_micros(i64::from(n));
                    let state = if (n / bays).is_multiple_of(2) { "occupied" } else { "vacant" };
                    format!(
                        r#"{{"topic":"bay/load-{:06}","at":"{at}","state":"{state}","seq":{n}}}"#,
                        n % bays + 1
                    )
                })
                .collect();
            let payload = format!("[{}]", elements.join(","));
            client.publish("kv/1/load/batch", QoS::AtLeastOnce, false, payload).await?;
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
