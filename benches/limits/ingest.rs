//! (a) Single-observation messages through mosquitto at QoS 1 to durable rows, against a bare
//! subscriber of the same messages: both sessions are filled first, then drained one by one.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::{Value, json};

use super::setup::{Mosquitto, Product, import_load, metric, size, subscribed};
use super::{bare, cpu};

pub async fn run() -> Result<Value> {
    let messages = size("KV_BENCH_MESSAGES", 300_000);
    let bays = size("KV_BENCH_BAYS", 10_000);
    let dir = tempfile::tempdir()?;
    let mosquitto = Mosquitto::start(dir.path())?;
    let data = dir.path().join("data");
    let data_arg = data.to_string_lossy().into_owned();
    let database = ["--data-dir", &data_arg];
    let url = mosquitto.url();
    let args = ["ingest", "--data-dir", &data_arg, "--mqtt-url", &url, "--ops-http", "127.0.0.1:0"];

    // Both sessions exist before anything is published.
    let product = Product::start(&args).await?;
    import_load(dir.path(), bays, &database)?;
    wait_subscribed(&product).await?;
    product.stop().await?;
    bare_run(&mosquitto, 0)?;
    publish(mosquitto.port, messages, bays).await?;

    let broker_before = cpu::seconds(mosquitto.pid());
    let (bare_s, bare_cpu_s) = bare_run(&mosquitto, messages)?;
    let broker_bare_s = cpu::seconds(mosquitto.pid()) - broker_before;

    let broker_before = cpu::seconds(mosquitto.pid());
    let product = Product::start(&args).await?;
    let postmaster = cpu::postmaster(&data);
    let (base, ingest_before, db_before) =
        (product.text("http"), cpu::seconds(product.pid()), cpu::postgres_seconds(postmaster));
    let began = Instant::now();
    while metric(&base, "kv_ingest_observations_stored_total").await? < f64::from(messages) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ingest_s = began.elapsed().as_secs_f64();
    let ingest_cpu_s = cpu::seconds(product.pid()) - ingest_before;
    let db_cpu_s = cpu::postgres_seconds(postmaster) - db_before;
    let broker_ingest_s = cpu::seconds(mosquitto.pid()) - broker_before;
    product.stop().await?;

    let n = f64::from(messages);
    let us = |s: f64| (s / n * 1e7).round() / 10.0;
    Ok(json!({
        "part": "ingest", "messages": messages, "bays": bays,
        "bare_per_s": (n / bare_s).round(), "rows_per_s": (n / ingest_s).round(),
        "ratio": ((bare_s / ingest_s) * 1000.0).round() / 1000.0,
        "cpu_us_per_message": {
            "bare": us(bare_cpu_s), "ingest": us(ingest_cpu_s), "database": us(db_cpu_s),
            "broker_to_bare": us(broker_bare_s), "broker_to_ingest": us(broker_ingest_s),
        },
        "cpu_ratio_ingest_to_bare": ((ingest_cpu_s / bare_cpu_s) * 100.0).round() / 100.0,
    }))
}

fn bare_run(mosquitto: &Mosquitto, n: u32) -> Result<(f64, f64)> {
    let out = Command::new(std::env::current_exe()?)
        .args([bare::ARG, &mosquitto.port.to_string(), "bare", &n.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut numbers = text.split_whitespace().filter_map(|t| t.parse::<f64>().ok());
    Ok((numbers.next().context("the bare subscriber failed")?, numbers.next().unwrap_or(0.0)))
}

async fn wait_subscribed(product: &Product) -> Result<()> {
    let base = product.text("http");
    subscribed(&base).await?;
    Ok(())
}

/// Publishes as fast as the broker takes it.
pub async fn publish(port: u16, messages: u32, bays: u32) -> Result<()> {
    let mut options = MqttOptions::new("bench-publisher", "127.0.0.1", port);
    options.set_outgoing_inflight_upper_limit(1_000);
    let (client, mut events) = AsyncClient::new(options, 10_000);
    let start = jiff::Timestamp::now();
    let sender = tokio::spawn(async move {
        for i in 0..messages {
            let bay = i % bays + 1;
            let at = start + jiff::SignedDuration::from_micros(i64::from(i));
            let state = if (i / bays).is_multiple_of(2) { "occupied" } else { "vacant" };
            let payload = format!(r#"{{"at":"{at}","state":"{state}","seq":{i}}}"#);
            client.publish(format!("kv/1/load/bay/load-{bay:06}"), QoS::AtLeastOnce, false, payload).await?;
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
