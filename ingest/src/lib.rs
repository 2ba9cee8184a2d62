//! Feeds to observations: MQTT sessions, decoding, checking, batching, storing, acknowledging.
//!
//! A message is acknowledged only after its transaction has committed. The path of one message is
//! one function: [`receive::receive`].

#![warn(missing_docs)]

pub mod accumulator;
pub mod acks;
mod alerts;
mod branches;
mod certificate;
mod check;
pub mod decode;
mod enqueue;
mod feed_health;
mod feed_meter;
mod feed_status;
pub mod fetch;
mod frames;
pub mod inlet;
mod lanes;
pub mod message;
pub mod metrics;
pub mod mqtt;
mod notice_metrics;
mod notices;
mod pending;
mod plausible;
mod poll;
pub mod posted;
pub mod quota;
mod rebinding;
pub mod receive;
mod rejected;
mod rentals;
mod replay;
pub mod routing;
pub mod service;
pub mod session;
pub mod sessions;
mod storage;
mod subscriptions;
mod tally;
pub mod trips;
mod writers;

use domain::UtcMicros;

/// The present instant, by the system's clock.
pub fn now_utc() -> UtcMicros {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UtcMicros(since_epoch.map_or(0, |d| d.as_micros() as i64))
}
