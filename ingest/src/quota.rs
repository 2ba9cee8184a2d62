//! Rate limits of feeds and towns: above it a publisher waits for its acknowledgement, and nothing is lost.
//!
//! The generic cell rate algorithm (ITU-T I.371): over messages and over bytes, each with a burst of a part of a second,
//! and over rejected messages, with a burst of an hour. That a message is rejected shows once it is decoded, so the one after
//! it waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use domain::address::network_of;
use domain::{Feed, FeedId};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use parking_lot::Mutex;
use serde::Serialize;

/// A burst is at most what may come in this part of a second: a whole second's at once would hold up everybody's commits.
const BURSTS_PER_S: u32 = 8;

/// What a byte that is rejected costs beside its arrival: it is kept whole, and deleted again.
const BYTES_OF_REJECTED: u32 = 4;

/// How much may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Messages a second.
    pub messages_per_s: NonZeroU32,
    /// Bytes of payload a second.
    pub bytes_per_s: NonZeroU32,
    /// Messages of which something was rejected.
    pub rejections_per_h: NonZeroU32,
}

impl Limits {
    /// Those of `feed`, where it has its own.
    fn of(feed: &Feed, usual: Limits) -> Limits {
        let own = |of_feed: Option<u32>, usual| of_feed.and_then(NonZeroU32::new).unwrap_or(usual);
        Limits {
            messages_per_s: own(feed.max_messages_per_s, usual.messages_per_s),
            bytes_per_s: own(feed.max_bytes_per_s, usual.bytes_per_s),
            rejections_per_h: own(feed.max_rejections_per_h, usual.rejections_per_h),
        }
    }
}

/// What feeds and towns may send unless `feeds.toml` says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct DefaultLimits {
    /// Each feed.
    pub feed: Limits,
    /// All feeds of one town together.
    pub town: Limits,
}

/// As the command line has it.
impl Default for DefaultLimits {
    fn default() -> Self {
        let limits = |messages_per_s, bytes_per_s, rejections_per_h| {
            let [messages_per_s, bytes_per_s, rejections_per_h] =
                [messages_per_s, bytes_per_s, rejections_per_h]
                    .map(|number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN));
            Limits { messages_per_s, bytes_per_s, rejections_per_h }
        };
        DefaultLimits {
            feed: limits(20_000, 20_000_000, 1_000_000),
            town: limits(40_000, 40_000_000, 2_000_000),
        }
    }
}

/// Limits that are kept by waiting.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    messages: DefaultDirectRateLimiter,
    bytes: DefaultDirectRateLimiter,
    burst_bytes: NonZeroU32,
    rejections: DefaultDirectRateLimiter,
    /// What was rejected, in bytes that the next message waits for.
    owed_bytes: AtomicU32,
    /// More was rejected than may be: the next message waits.
    is_over: AtomicBool,
}

impl Pace {
    /// Nothing is used up.
    pub fn new(limits: Limits) -> Arc<Self> {
        let burst =
            |per_s: NonZeroU32| NonZeroU32::new(per_s.get() / BURSTS_PER_S).unwrap_or(NonZeroU32::MIN);
        let paced = |per_s| RateLimiter::direct(governor::Quota::per_second(per_s).allow_burst(burst(per_s)));
        Arc::new(Pace {
            limits,
            messages: paced(limits.messages_per_s),
            bytes: paced(limits.bytes_per_s),
            burst_bytes: burst(limits.bytes_per_s),
            rejections: RateLimiter::direct(governor::Quota::per_hour(limits.rejections_per_h)),
            owed_bytes: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
        })
    }

    /// Counts a message of `bytes` of which something was rejected.
    pub fn rejected(&self, bytes: usize) {
        self.owe(u32::try_from(bytes).unwrap_or(u32::MAX).saturating_mul(BYTES_OF_REJECTED));
        if self.rejections.check().is_err() {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    fn owe(&self, bytes: u32) {
        let more = |held: u32| Some(held.saturating_add(bytes));
        let _ = self.owed_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Waits until a message of `bytes` may come; whether that took time. Who stops waiting leaves what is owed to the next.
    pub async fn admit(&self, bytes: usize) -> bool {
        let owed = self.owed_bytes.swap(0, Ordering::Relaxed);
        let left = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(owed);
        let mut owing = Owing { pace: self, owed, left };
        let mut waited = false;
        if self.messages.check().is_err() {
            waited = true;
            self.messages.until_ready().await;
        }
        // What is more than a burst comes as several.
        while let Some(part) = NonZeroU32::new(owing.left.min(self.burst_bytes.get())) {
            if !matches!(self.bytes.check_n(part), Ok(Ok(()))) {
                waited = true;
                let _ = self.bytes.until_n_ready(part).await;
            }
            owing.left -= part.get();
        }
        if self.is_over.load(Ordering::Relaxed) {
            waited = true;
            self.rejections.until_ready().await;
            self.is_over.store(false, Ordering::Relaxed);
        }
        waited
    }
}

/// The bytes that a message waits for. What was owed before it came stays so when nobody waits any more.
struct Owing<'a> {
    pace: &'a Pace,
    owed: u32,
    left: u32,
}

impl Drop for Owing<'_> {
    fn drop(&mut self) {
        let owed = self.left.min(self.owed);
        if owed > 0 {
            self.pace.owe(owed);
        }
    }
}

/// Quota per address.
#[derive(Debug, Clone, Copy)]
pub struct OfAddress {
    /// What comes from one address.
    pub limits: Limits,
    /// Otherwise clients of this machine have no quota.
    pub holds_on_this_machine: bool,
}

/// Addresses whose quota is remembered; all beyond share one.
const MAX_ADDRESSES: usize = 10_000;

/// After so long without a message all is replenished: rejections count by the hour.
const ADDRESS_IDLE: Duration = Duration::from_secs(3_600);

/// The quotas of addresses, of IPv6 those of networks.
#[derive(Debug)]
pub struct Addresses {
    of_address: OfAddress,
    paces: Mutex<HashMap<IpAddr, (Arc<Pace>, Instant)>>,
    others: Arc<Pace>,
}

impl Addresses {
    /// None is used up.
    pub fn new(of_address: OfAddress) -> Arc<Self> {
        let others = Pace::new(of_address.limits);
        Arc::new(Addresses { of_address, paces: Mutex::default(), others })
    }

    /// That of `address`; `None`: it has none.
    pub fn of(&self, address: IpAddr) -> Option<Arc<Pace>> {
        if address.is_loopback() && !self.of_address.holds_on_this_machine {
            return None;
        }
        let (network, now) = (network_of(address), Instant::now());
        let mut paces = self.paces.lock();
        if let Some((pace, used_at)) = paces.get_mut(&network) {
            *used_at = now;
            return Some(pace.clone());
        }
        if paces.len() >= MAX_ADDRESSES {
            let is_used = |pace: &Arc<Pace>| Arc::strong_count(pace) > 1;
            paces.retain(|_, (pace, at)| is_used(pace) || now.duration_since(*at) < ADDRESS_IDLE);
        }
        if paces.len() >= MAX_ADDRESSES {
            return Some(self.others.clone());
        }
        let pace = Pace::new(self.of_address.limits);
        paces.insert(network, (pace.clone(), now));
        Some(pace)
    }
}

/// What one feed may send, with all others of its town.
#[derive(Debug, Clone)]
pub struct Quota {
    feed: Arc<Pace>,
    town: Arc<Pace>,
}

impl Quota {
    /// Waits until a message of `bytes` may be accepted; whether that took time.
    pub async fn admit(&self, bytes: usize) -> bool {
        let by_feed = self.feed.admit(bytes).await;
        self.town.admit(bytes).await || by_feed
    }

    /// Counts a message of `bytes` of which something was rejected.
    pub fn rejected(&self, bytes: usize) {
        self.feed.rejected(bytes);
        self.town.rejected(bytes);
    }

    /// The feed's own.
    pub fn limits(&self) -> Limits {
        self.feed.limits
    }
}

/// The quotas of all feeds: they outlive an import.
#[derive(Debug)]
pub struct Quotas {
    usual: DefaultLimits,
    feeds: Mutex<HashMap<FeedId, Arc<Pace>>>,
    towns: Mutex<HashMap<String, Arc<Pace>>>,
}

impl Quotas {
    /// None is used up.
    pub fn new(usual: DefaultLimits) -> Self {
        Quotas { usual, feeds: Mutex::default(), towns: Mutex::default() }
    }

    /// That of the feed `def`, which is known as `id`.
    pub fn of(&self, id: FeedId, def: &Feed) -> Quota {
        let limits = Limits::of(def, self.usual.feed);
        let mut feeds = self.feeds.lock();
        let feed = feeds.entry(id).or_insert_with(|| Pace::new(limits));
        if feed.limits != limits {
            *feed = Pace::new(limits);
        }
        let mut towns = self.towns.lock();
        let town = towns.entry(def.municipality.clone()).or_insert_with(|| Pace::new(self.usual.town));
        Quota { feed: feed.clone(), town: town.clone() }
    }
}
