//! (e) Resident memory of `serve` with the sample county, and with 100,000 bays.

use anyhow::Result;
use serde_json::{Value, json};

use super::ingest::publish;
use super::setup::{Product, command, import_load, metric, subscribed};

pub async fn run() -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let county = {
        let data = dir.path().join("county").to_string_lossy().into_owned();
        let places = dir.path().join("places").to_string_lossy().into_owned();
        let product = serve(&data).await?;
        command(&["simulate", "--write-places", &places])?;
        command(&["import", "--data-dir", &data, &places])?;
        command(&["simulate", "--mqtt-url", &product.text("mqtt"), "--duration-s", "20"])?;
        let resident = evaluate::resident_mib(product.pid()).unwrap_or_default();
        product.stop().await?;
        resident
    };
    let large = {
        let data = dir.path().join("large").to_string_lossy().into_owned();
        let product = serve(&data).await?;
        import_load(dir.path(), 100_000, &["--data-dir", &data])?;
        subscribed(&product.text("http")).await?;
        let port = product.text("mqtt").rsplit(':').next().and_then(|p| p.parse().ok()).unwrap_or(0);
        publish(port, 100_000, 100_000).await?;
        while metric(&product.text("http"), "kv_ingest_observations_stored_total").await? < 100_000.0 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let resident = evaluate::resident_mib(product.pid()).unwrap_or_default();
        product.stop().await?;
        resident
    };
    Ok(json!({
        "part": "memory", "sample_county_mib": county.round(), "bays_100000_mib": large.round(),
    }))
}

async fn serve(data: &str) -> Result<Product> {
    Product::start(&["serve", "--data-dir", data, "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"])
        .await
}
