//! Makes a load: `load mqtt://127.0.0.1:1883 RATE_PER_S [SECONDS [BATCH [WATCH_URL]]]`.

use sensor_sim::load::{LoadConfig, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "mqtt://127.0.0.1:1883".to_owned());
    let mut config = LoadConfig::new(url);
    let mut number = || args.next().map(|text| text.parse::<f64>()).transpose();
    config.rate_per_s = number()?.unwrap_or(config.rate_per_s);
    config.duration_s = number()?.unwrap_or(config.duration_s);
    config.batch = number()?.unwrap_or(1.0) as u32;
    config.warmup_s = 1.0;
    config.watch_url = args.next();
    println!("{}", serde_json::to_string_pretty(&run(config, CancellationToken::new()).await?)?);
    Ok(())
}
