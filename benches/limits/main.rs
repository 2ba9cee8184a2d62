//! How near the product comes to the physical limits: ratios within one run.
//!
//! `cargo bench --profile demo --bench limits` (all), or with the names of parts:
//! `-- ingest batches seen parking memory journeys health search`. Needs mosquitto and PostgreSQL. Prints one JSON
//! object per part; `KV_BENCH_MESSAGES` and `KV_BENCH_BAYS` change the size.

mod bare;
mod batches;
mod cpu;
mod health;
mod ingest;
mod journeys;
mod memory;
mod parking;
mod search;
mod seen;
mod setup;

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if args.first().is_some_and(|a| a == bare::ARG) {
        return bare::run(&args[1..]).await;
    }
    let wants = |part: &str| args.is_empty() || args.iter().any(|a| a == part);
    if wants("ingest") {
        println!("{}", ingest::run().await?);
    }
    if wants("batches") {
        println!("{}", batches::run().await?);
    }
    if wants("seen") {
        println!("{}", seen::run().await?);
    }
    if wants("parking") {
        println!("{}", parking::run().await?);
    }
    if wants("memory") {
        println!("{}", memory::run().await?);
    }
    if wants("health") {
        println!("{}", health::run().await?);
    }
    if wants("search") {
        println!("{}", search::run().await?);
    }
    if wants("journeys") {
        println!("{}", journeys::run().await?);
    }
    Ok(())
}
