//! Runs the sample county on a broker: `county mqtt://127.0.0.1:1883 [SECONDS [TRUTH-FILE]]`.

use std::sync::Arc;
use std::time::Duration;

use sensor_sim::{County, RunConfig, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "mqtt://127.0.0.1:1883".to_owned());
    let seconds = args.next().map(|s| s.parse()).transpose()?;
    let mut config = RunConfig::new(url, Arc::new(County::sample(1)));
    config.max_duration = seconds.map(Duration::from_secs);
    config.truth = args.next().map(Into::into);
    println!("{:?}", run(config, CancellationToken::new()).await?);
    Ok(())
}
