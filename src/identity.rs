//! The MQTT client id of this instance, under which brokers keep its sessions.

use std::path::Path;

use anyhow::{Context, Result};

const FILE: &str = "mqtt-client-id";

/// Reads the id, or creates a permanent one.
///
/// # Errors
/// The data directory cannot be written.
pub fn client_id(data_dir: &Path) -> Result<String> {
    let path = data_dir.join(FILE);
    if let Ok(id) = std::fs::read_to_string(&path)
        && !id.trim().is_empty()
    {
        return Ok(id.trim().to_owned());
    }
    let id = format!("kreisverkehr-{:012x}", rand::random::<u64>() >> 16);
    std::fs::write(&path, &id).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(id)
}
