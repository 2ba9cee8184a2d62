//! `kreisverkehr feed`, and what it shares with `capture` and `replay`.

pub mod check;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use domain::Broker;
use feed_check::County;
use ingest::mqtt::{Login, SecretFiles};
use rand::Rng;

/// The county's files, where they are given.
///
/// # Errors
/// They cannot be read, or contradict each other.
pub fn county(places: Option<&Path>) -> Result<Option<County>> {
    let Some(places) = places else { return Ok(None) };
    let county = County::read(&[PathBuf::from(places)], ingest::now_utc());
    county.map(Some).with_context(|| format!("--places {} cannot be used", places.display()))
}

/// How to reach a broker for a visit, under a name that nobody else has: two visits must not end each other.
///
/// # Errors
/// The address is not one of MQTT, or holds a password: others of the machine see the command line.
pub fn login(broker: &Broker) -> Result<Login> {
    ensure!(
        !broker.url.contains('@'),
        "--url: take user and password out of the address; give --username and --password-file"
    );
    let id = format!("kreisverkehr-visit-{:08x}", rand::rng().random::<u32>());
    let broker = Broker { client_id: None, ..broker.clone() };
    Ok(Login::from_broker(&broker, &id, &SecretFiles::default())?)
}
