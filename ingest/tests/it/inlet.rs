//! The embedded broker's way in: one feed's flood holds up its own publishers and nobody else's, and nothing is
//! acknowledged before it is stored.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use ingest::accumulator::{Accumulator, MAX_WAITING_BYTES};
use ingest::inlet::{Admission, Inlet};
use ingest::quota::{DefaultLimits, Limits};
use ingest::routing::RoutingTable;
use ingest::session::Shared;

use crate::county::shared;

struct World {
    inlet: Arc<Inlet>,
    shared: Shared,
    ready: async_channel::Receiver<Arc<Accumulator>>,
    acknowledged: Arc<AtomicUsize>,
}

impl World {
    /// The feeds `slow` and `quick`.
    fn new() -> Self {
        let (inlet, _) = Inlet::new();
        // Only what `arrange` sets of a feed holds it up.
        let [messages_per_s, bytes_per_s, rejections_per_h] = [NonZeroU32::new(1_000_000_000).unwrap(); 3];
        let unlimited = Limits { messages_per_s, bytes_per_s, rejections_per_h };
        let (shared, ready) = shared(DefaultLimits { feed: unlimited, town: unlimited });
        let world = World { inlet, shared, ready, acknowledged: Arc::default() };
        world.arrange(&["slow", "quick"]);
        world
    }

    /// Only these feeds: `slow` may send one message a second, `faulty` have two rejections an hour.
    fn arrange(&self, feeds: &[&str]) {
        let mut town = testing::World::town("town")
            .feed("quick")
            .feed("slow")
            .with_feed(|feed| feed.max_messages_per_s = Some(1))
            .feed("faulty")
            .with_feed(|feed| feed.max_rejections_per_h = Some(2));
        town.contents.feeds.retain(|feed| feeds.contains(&feed.def.id.as_str()));
        let routing = RoutingTable::new(town.registry(), None, &self.shared.metrics, &self.shared.quotas);
        self.inlet.arrange(routing, &self.shared);
    }

    async fn take(&self, topic: &str, payload: Bytes) -> Admission {
        let acknowledged = self.acknowledged.clone();
        let on_stored = Box::new(move || {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        });
        self.inlet.take(topic, payload, 1, on_stored).await
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    fn store_all(&self) {
        while let Ok(accumulator) = self.ready.try_recv() {
            while let Some(batch) = accumulator.take() {
                accumulator.stored(batch.size, batch.acks);
            }
        }
    }
}

#[tokio::test]
async fn above_its_quota_a_feed_waits_and_others_do_not() {
    let world = World::new();
    assert_eq!(world.take("kv/1/slow/bay/a", Bytes::new()).await, Admission::Rejected);
    assert_eq!(world.take("kv/1/slow/bay/a", Bytes::new()).now_or_never(), None);
    assert_eq!(world.take("kv/1/quick/bay/a", Bytes::new()).now_or_never(), Some(Admission::Rejected));
    assert_eq!(world.take("read/by/nobody", Bytes::new()).now_or_never(), Some(Admission::Unread));
    assert_eq!(world.acknowledged(), 0);
    world.store_all();
    assert_eq!(world.acknowledged(), 2);
}

#[tokio::test]
async fn a_feed_of_which_too_much_is_rejected_waits_and_others_do_not() {
    let world = World::new();
    world.arrange(&["faulty", "quick"]);
    let take = |topic, payload: &'static str| world.take(topic, Bytes::from(payload)).now_or_never();
    for _ in 0..3 {
        assert_eq!(take("kv/1/faulty/bay/a", "nonsense"), Some(Admission::Rejected));
    }
    assert_eq!(take("kv/1/faulty/bay/a", "nonsense"), None);
    assert_eq!(take("kv/1/quick/bay/a", "nonsense"), Some(Admission::Rejected));
    world.store_all();
    assert_eq!(world.acknowledged(), 4);
}

#[tokio::test]
async fn what_waits_for_the_database_is_bounded_in_bytes_for_each_feed() {
    let world = World::new();
    let garbage = Bytes::from(vec![b'x'; 15_000]);
    let mut accepted = 0;
    while world.take("kv/1/quick/bay/a", garbage.clone()).now_or_never().is_some() {
        accepted += 1;
        assert!(accepted * garbage.len() < 2 * MAX_WAITING_BYTES, "nothing holds it up");
    }
    assert!((accepted - 1) * garbage.len() < MAX_WAITING_BYTES);
    assert_eq!(world.take("kv/1/slow/bay/a", Bytes::new()).now_or_never(), Some(Admission::Rejected));
    world.store_all();
    assert_eq!(world.acknowledged(), accepted + 1);
    assert_eq!(world.take("kv/1/quick/bay/a", garbage).now_or_never(), Some(Admission::Rejected));
}

#[tokio::test]
async fn a_queue_outlives_an_import_and_what_is_taken_in_after_the_end_waits() {
    let world = World::new();
    assert_eq!(world.take("kv/1/quick/bay/a", Bytes::new()).await, Admission::Rejected);
    world.arrange(&["quick"]);
    assert_eq!(world.take("kv/1/slow/bay/a", Bytes::new()).now_or_never(), Some(Admission::Unread));
    world.store_all();
    assert_eq!(world.acknowledged(), 1);
    world.inlet.close().await;
    assert_eq!(world.take("kv/1/quick/bay/a", Bytes::new()).now_or_never(), None);
}
