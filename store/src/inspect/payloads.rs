//! What a device has sent, for those who try decoders on it.

use domain::MunicipalityId;
use sqlx::FromRow;

use super::numbers;
use crate::{Pool, Result};

/// A payload of a device's own.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Payload {
    /// LoRaWAN port.
    pub f_port: i32,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// The newest payloads of a device, newest first. What is the network's own (port 0 and those above 223) is none.
///
/// # Errors
/// The database is not available.
pub async fn payloads(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    device: &str,
    limit: usize,
) -> Result<Vec<Payload>> {
    Ok(sqlx::query_as(
        "SELECT u.f_port, u.payload FROM unnest($1::int[]) AS town (id) CROSS JOIN LATERAL (
             SELECT f_port, payload, received_at FROM uplink
             WHERE municipality = town.id AND device = $2 AND event = 'up' AND copy = 0 AND f_port BETWEEN 1 AND 223
               AND octet_length(payload) > 0
             ORDER BY received_at DESC LIMIT $3) u
         ORDER BY u.received_at DESC LIMIT $3",
    )
    .bind(numbers(municipalities))
    .bind(device)
    .bind(limit as i64)
    .fetch_all(pool)
    .await?)
}
