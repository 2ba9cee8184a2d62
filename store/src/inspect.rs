//! Queries for installers and operators: devices, their messages, rejections, feeds.
//!
//! Every query is restricted to the municipalities that the caller may see.

mod devices;
mod messages;
mod natives;
mod payloads;
mod reasons;
mod rejections;

use domain::{FeedId, MunicipalityId, UtcMicros};
use sqlx::FromRow;

pub use self::devices::{Device, DeviceFilter, DeviceOrder, Search, devices};
pub use self::messages::{DeviceMessage, MessageCursor, messages, messages_of};
pub use self::natives::{NativeFilter, NativeOrder, NativePlace, native_places};
pub use self::payloads::{Payload, payloads};
pub use self::reasons::{LastingReason, lasting_reasons};
pub use self::rejections::{Rejected, RejectedFilter, RejectedGroup, rejections, rejections_by_reason};
use crate::{Pool, Result, Ts};

/// How much of a stored payload is shown, bytes: any message of a single device, and the head of a batch.
pub const SHOWN_BYTES: i32 = 64 << 10;

/// The most bytes of supplier data on a page; a larger single row is a page of its own.
const PAGE_BYTES: i64 = 4 << 20;

fn numbers(municipalities: &[MunicipalityId]) -> Vec<i32> {
    municipalities.iter().map(|m| m.0).collect()
}

/// The state of a feed, as its ingest last stored it.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct FeedStatus {
    /// Which feed.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// When its ingest stored it.
    #[sqlx(try_from = "Ts")]
    pub updated_at: UtcMicros,
    /// What the ingest knows of it, as JSON.
    pub status: serde_json::Value,
}

/// The states of the feeds of some municipalities.
///
/// # Errors
/// The database is not available.
pub async fn feed_statuses(pool: &Pool, municipalities: &[MunicipalityId]) -> Result<Vec<FeedStatus>> {
    Ok(sqlx::query_as(
        "SELECT s.feed, s.updated_at, s.status
         FROM feed_status s JOIN feed f ON f.id = s.feed
         WHERE f.municipality = ANY($1)",
    )
    .bind(numbers(municipalities))
    .fetch_all(pool)
    .await?)
}
