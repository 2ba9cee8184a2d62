//! How a feed is doing, as it is stored for `/v1/feeds`.

use std::collections::BTreeMap;

use domain::UtcMicros;
use domain::feed_health::{FeedReason, FeedState, Quiet};
use serde::Serialize;

use crate::quota::Limits;

/// A span of which messages may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Receipt of the last message before it.
    pub from: UtcMicros,
    /// When the feed was connected again.
    pub until: UtcMicros,
}

/// The state of a feed, as it is stored for whoever asks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedStatus {
    /// Since when its subscription holds; `None`: it does not.
    pub connected_since: Option<UtcMicros>,
    /// Receipt of its last message.
    pub last_message_at: Option<UtcMicros>,
    /// Messages of the last hour.
    pub messages_1h: u64,
    /// Of these, how many had to wait.
    pub throttled_1h: u64,
    /// What it may send.
    pub limits: Option<Limits>,
    /// Rejections and duplicates of the last hour, by reason.
    pub rejected_1h: BTreeMap<String, u64>,
    /// Median delay between observation and receipt, seconds.
    pub delay_p50_s: Option<f32>,
    /// Share of its messages that came with QoS 0, 0 to 1.
    pub qos0_share: Option<f64>,
    /// The last span of which messages may be missing.
    pub gap: Option<Gap>,
    /// Why there is no connection; else what is wrong with fetching what is missing, and what to do.
    pub error: Option<String>,
    /// Until when the certificates of its connection are valid, the earliest.
    pub certificate_until: Option<UtcMicros>,
    /// How it is; `None`: not known yet.
    pub state: Option<FeedState>,
    /// Since when.
    pub state_since: Option<UtcMicros>,
    /// Messages that are usual in the hour until now.
    pub usual_messages_1h: Option<f64>,
    /// Branches of its topics that are quiet while others speak.
    pub quiet: Vec<Quiet>,
    /// What is wrong with it.
    pub reasons: Vec<FeedReason>,
}
