//! (c) From the intended send time to the change event on `/v1/changes`, at 2,000 and 10,000
//! messages a second, open loop.

use anyhow::Result;
use sensor_sim::load::{LoadConfig, run as load};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::setup::{Mosquitto, Product, import_load, size};

pub async fn run() -> Result<Value> {
    let bays = size("KV_BENCH_BAYS", 10_000);
    let mut parts = Vec::new();
    for broker in ["mosquitto", "embedded"] {
        let dir = tempfile::tempdir()?;
        let mosquitto = Mosquitto::start(dir.path())?;
        let (data, url) = (dir.path().join("data").to_string_lossy().into_owned(), mosquitto.url());
        let mut args =
            vec!["serve", "--data-dir", &data, "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"];
        if broker == "mosquitto" {
            args.extend(["--mqtt-url", &url]);
        }
        let product = Product::start(&args).await?;
        import_load(dir.path(), bays, &["--data-dir", &data])?;
        let mqtt_url = if broker == "mosquitto" { url.clone() } else { product.text("mqtt") };
        for rate in [2_000.0, 10_000.0] {
            let config = LoadConfig {
                rate_per_s: rate,
                bays,
                duration_s: 15.0,
                watch_url: Some(product.text("http")),
                ..LoadConfig::new(&mqtt_url)
            };
            let report = load(config, CancellationToken::new()).await?;
            parts.push(json!({ "broker": broker, "rate_per_s": rate, "report": report }));
        }
        product.stop().await?;
    }
    Ok(json!({ "part": "seen", "runs": parts }))
}
