//! The health of devices by the change log: each message counts once, whatever ends and starts again in between.

use std::sync::Arc;

use domain::health::{DeviceKey, Event, Message};
use domain::ids::SensorId;
use domain::{BayState, FeedFormat, Reason, Registry, RejectedElement, Rejection, Uplink, UtcMicros};
use store::changes::prune;
use store::health::Watcher;
use store::writer::{Batch, Writer};
use testing::World;
use testing::observed::{self, dated};
use testing::world::feed_id;

use crate::support::Database;

/// 2026-06-01, a Monday.
const T0: i64 = 1_780_272_000;

fn at(s: i64) -> UtcMicros {
    UtcMicros::from_unix_s(T0 + s)
}

/// A site of four bays: two with sensors, one that a feed names, and a counted site.
struct Lot {
    database: Database,
    registry: Arc<Registry>,
}

/// A row of a reason: whose, about which bay, what, since when, whether it holds, whether it hides.
type ReasonRow = (i32, Option<i32>, String, i64, bool, bool);

impl Lot {
    async fn build() -> Lot {
        let database = Database::start().await;
        let world = World::town("n")
            .feed("lora")
            .with_feed(|feed| (feed.format, feed.heartbeat_s) = (FeedFormat::Chirpstack, Some(3_600)))
            .feed("native")
            .site("lot", 4)
            .bays(4)
            .site("house", 50)
            .sensor("s1", "lora", "lot-1")
            .sensor("s2", "lora", "lot-2");
        let registry = testing::world::import(&world.contents, &database.pool).await;
        Lot { database, registry }
    }

    async fn watcher(&self, now: UtcMicros) -> Watcher {
        // The lock of a connection that was dropped goes when the server notices.
        loop {
            let watcher = Watcher::connect(&self.database.url, self.registry.clone(), now).await.unwrap();
            match watcher {
                Some(watcher) => return watcher,
                None => tokio::task::yield_now().await,
            }
        }
    }

    fn sensor(&self, key: &str) -> SensorId {
        self.registry.sensor_by_key(key).unwrap().id
    }

    fn uplink(&self, device: &str, n: i64, s: i64, state: Option<BayState>) -> Uplink {
        let feed = feed_id(&self.registry, "lora");
        Uplink {
            f_cnt: Some(n),
            network_at: Some(at(s)),
            dedup_id: format!("{device}-{n}"),
            state,
            decoded: state.map(|state| format!(r#"{{"state":"{state}"}}"#)),
            ..observed::uplink(self.database.municipality, feed, device, at(s))
        }
    }

    /// A device that wavers every 20 s.
    fn wavering(&self, device: &str, from_s: i64) -> Vec<Uplink> {
        let state = |n: i64| Some(if n % 2 == 0 { BayState::Occupied } else { BayState::Vacant });
        (0..10).map(|n| self.uplink(device, n, from_s + n * 20, state(n))).collect()
    }

    async fn write(&self, writer: &mut Writer, batch: &Batch) {
        writer.write(batch, &self.registry, at(0)).await.unwrap();
    }

    async fn reasons(&self) -> Vec<ReasonRow> {
        self.database
            .rows(
                "SELECT source, place, code, extract(epoch FROM from_utc)::bigint, until_utc = 'infinity', hides
                 FROM health_reason ORDER BY source, code, from_utc",
            )
            .await
    }
}

/// Judges until nothing is left to read; how much it heard.
async fn settle(watcher: &mut Watcher, registry: &Arc<Registry>, now: UtcMicros) -> usize {
    let mut heard = 0;
    loop {
        let step = watcher.step(registry, now).await.unwrap();
        heard += step.heard;
        if step.unknown > 0 {
            let kept = watcher.kept(now).await.unwrap();
            let message = |kept: &store::health::KeptMessage| Message {
                received_at: kept.received_at,
                observed_at: kept.network_at(),
                event: Event::of(&kept.event).unwrap(),
                f_cnt: kept.f_cnt.map(|n| n as u32),
                state: kept.decoded.as_ref().and_then(|d| d["state"].as_str()?.parse().ok()),
                ..Message::default()
            };
            let uplinks = kept.uplinks.iter().map(|kept| (DeviceKey::sensor(kept.sensor), message(kept)));
            let messages: Vec<_> = uplinks.chain(kept.states).collect();
            watcher.read(&kept.devices, &messages);
        } else if !step.is_behind {
            return heard;
        }
    }
}

#[tokio::test]
async fn new_messages_are_heard_once_and_those_of_strangers_never() {
    let lot = Lot::build().await;
    let mut watcher = lot.watcher(at(0)).await;
    settle(&mut watcher, &lot.registry, at(0)).await;
    let bay = lot.registry.bay_by_key("lot-3").unwrap().id;
    let provenance =
        observed::provenance(lot.database.municipality, feed_id(&lot.registry, "native"), at(60));
    let site = lot.registry.site_by_key("house").unwrap().id;
    let stranger = Uplink { is_stranger: true, ..lot.uplink("s9", 1, 60, None) };
    let simulated = Uplink { event: "simulated", ..lot.uplink("s2", 1, 60, None) };
    let batch = Batch {
        uplinks: vec![lot.uplink("s1", 1, 60, None), lot.uplink("s1", 1, 60, None), stranger, simulated],
        bays: dated([observed::bay(provenance, bay, None, BayState::Vacant)]),
        sites: dated([observed::count(provenance, site, None, domain::observation::CountValue::Occupied(3))]),
        ..Batch::default()
    };
    let mut writer = lot.database.writer().await;
    lot.write(&mut writer, &batch).await;
    assert_eq!(settle(&mut watcher, &lot.registry, at(90)).await, 3);
    assert_eq!(watcher.devices(), 3);
    // The same once more, by a writer that does not expect copies: by one that does.
    for mut writer in [lot.database.writer().await, writer] {
        lot.write(&mut writer, &batch).await;
    }
    assert_eq!(settle(&mut watcher, &lot.registry, at(100)).await, 0);
    let mut off = lot.database.writer().await.noting_health(false);
    let later = Batch { uplinks: vec![lot.uplink("s1", 2, 70, None)], ..Batch::default() };
    lot.write(&mut off, &later).await;
    assert_eq!(settle(&mut watcher, &lot.registry, at(110)).await, 0);
}

#[tokio::test]
async fn a_reason_is_stored_hides_the_bay_and_ends_with_the_binding() {
    let lot = Lot::build().await;
    let mut watcher = lot.watcher(at(0)).await;
    settle(&mut watcher, &lot.registry, at(0)).await;
    let mut writer = lot.database.writer().await;
    let batch = Batch { uplinks: lot.wavering("s1", 3_600), ..Batch::default() };
    lot.write(&mut writer, &batch).await;
    settle(&mut watcher, &lot.registry, at(3_850)).await;
    let (sensor, bay) = (lot.sensor("s1"), lot.registry.bay_by_key("lot-1").unwrap().id);
    let [(source, place, code, since, true, true)] = &lot.reasons().await[..] else {
        panic!("{:?}", lot.reasons().await)
    };
    assert_eq!((*source, *place, &**code), (sensor.0, Some(bay.0), "flapping"));
    assert!((T0 + 3_600..T0 + 3_800).contains(since));
    let places = store::places::registry(&mut lot.database.pool.acquire().await.unwrap()).await.unwrap();
    assert!(places.is_distrusted(domain::ids::SourceKey(sensor.0), bay, at(3_700)));
    lot.database
        .execute(
            "UPDATE sensor_binding SET bay = (SELECT id FROM place WHERE key = 'lot-4') WHERE sensor = 1",
        )
        .await;
    let places =
        Arc::new(store::places::registry(&mut lot.database.pool.acquire().await.unwrap()).await.unwrap());
    settle(&mut watcher, &places, at(3_900)).await;
    assert!(lot.reasons().await.iter().all(|reason| !reason.4), "{:?}", lot.reasons().await);
}

/// Messages and restarts by turns; what is stored at the end. `ends`: after which messages the watcher ends, and whether it had
/// stored its state.
async fn story(ends: &[(usize, bool)]) -> Vec<ReasonRow> {
    let lot = Lot::build().await;
    let mut watcher = lot.watcher(at(0)).await;
    let mut writer = lot.database.writer().await;
    let mut messages = lot.wavering("s1", 3_600);
    messages.extend(lot.wavering("s2", 4_000));
    // Heartbeats, and then silence.
    messages.extend((10..16).map(|n| lot.uplink("s1", n, n * 3_600 - 28_000, None)));
    for (n, message) in messages.into_iter().enumerate() {
        let now = message.received_at.plus_s(1);
        lot.write(&mut writer, &Batch { uplinks: vec![message], ..Batch::default() }).await;
        settle(&mut watcher, &lot.registry, now).await;
        for (_, is_stored) in ends.iter().filter(|(after, _)| *after == n) {
            if *is_stored {
                watcher.save(now).await.unwrap();
            }
            drop(watcher);
            watcher = lot.watcher(now).await;
        }
    }
    for n in 0..100 {
        settle(&mut watcher, &lot.registry, at(30_000 + n * 600)).await;
    }
    lot.reasons().await
}

#[tokio::test]
async fn whoever_ends_in_the_middle_goes_on_as_if_nothing_had_been() {
    let whole = story(&[]).await;
    assert!(
        whole.iter().any(|reason| reason.2 == "flapping") && whole.iter().any(|reason| reason.2 == "silent")
    );
    for ends in
        [&[(4, false), (17, false)][..], &[(7, true), (8, false)], &[(12, true), (22, true), (23, false)]]
    {
        assert_eq!(story(ends).await, whole, "{ends:?}");
    }
}

#[tokio::test]
async fn what_was_not_stored_yet_stays_in_the_log_and_goes_once_it_is() {
    let lot = Lot::build().await;
    let mut watcher = lot.watcher(at(0)).await;
    let mut writer = lot.database.writer().await;
    lot.write(&mut writer, &Batch { uplinks: lot.wavering("s1", 60), ..Batch::default() }).await;
    lot.database
        .execute("INSERT INTO derive_position SELECT writer, max(seq) FROM change GROUP BY writer")
        .await;
    lot.database.execute("UPDATE change SET committed_at = now() - interval '3 hours'").await;
    settle(&mut watcher, &lot.registry, at(300)).await;
    let hour = std::time::Duration::from_secs(3_600);
    prune(&lot.database.pool, hour).await.unwrap();
    let logged = "SELECT count(*) FROM change WHERE heard IS NOT NULL";
    assert_eq!(lot.database.scalar::<i64>(logged).await, 1);
    watcher.save(at(300)).await.unwrap();
    prune(&lot.database.pool, hour).await.unwrap();
    assert_eq!(lot.database.scalar::<i64>(logged).await, 0);
    lot.write(&mut writer, &Batch { uplinks: lot.wavering("s2", 400), ..Batch::default() }).await;
    assert_eq!(settle(&mut watcher, &lot.registry, at(700)).await, 10);
}

#[tokio::test]
async fn what_nobody_judges_goes_after_hours_and_is_made_again_of_kept_messages() {
    let lot = Lot::build().await;
    let mut watcher = lot.watcher(at(0)).await;
    let mut writer = lot.database.writer().await;
    settle(&mut watcher, &lot.registry, at(0)).await;
    watcher.save(at(10)).await.unwrap();
    let write = async |writer: &mut Writer, uplinks: Vec<Uplink>| {
        for uplink in uplinks {
            lot.write(writer, &Batch { uplinks: vec![uplink], ..Batch::default() }).await;
        }
    };
    write(&mut writer, lot.wavering("s1", 3_600)).await;
    lot.database.execute("UPDATE change SET committed_at = now() - interval '8 hours'").await;
    write(&mut writer, lot.wavering("s2", 30_000)).await;
    let derived = "INSERT INTO derive_position SELECT writer, max(seq) FROM change GROUP BY writer ON CONFLICT DO NOTHING";
    lot.database.execute(derived).await;
    let logged = async || {
        store::health::pass_over(&lot.database.pool).await.unwrap();
        prune(&lot.database.pool, std::time::Duration::from_secs(3_600)).await.unwrap();
        lot.database.scalar::<i64>("SELECT count(*) FROM change WHERE heard IS NOT NULL").await
    };
    // As long as somebody is there it is kept, however long it takes.
    assert_eq!(logged().await, 20);
    drop(watcher);
    // The lock goes when the server notices.
    drop(lot.watcher(at(20)).await);
    while logged().await == 20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(logged().await, 10);
    assert_eq!(lot.database.scalar::<i64>("SELECT count(*) FROM health_state").await, 0);
    // Of an hour of messages nothing is passed over: a restart takes as long.
    let mut watcher = lot.watcher(at(30_300)).await;
    assert_eq!(watcher.step(&lot.registry, at(30_300)).await.unwrap().unknown, 2);
    settle(&mut watcher, &lot.registry, at(30_310)).await;
    let reasons = lot.reasons().await;
    let flapping = |key: &str| reasons.iter().any(|r| r.0 == lot.sensor(key).0 && r.2 == "flapping" && r.4);
    assert!(flapping("s1") && flapping("s2"), "{reasons:?}");
}

#[tokio::test]
async fn what_is_rejected_of_a_feed_is_heard_where_it_names_a_bay() {
    let lot = Lot::build().await;
    let mut watcher = lot.watcher(at(0)).await;
    settle(&mut watcher, &lot.registry, at(0)).await;
    let feed = feed_id(&lot.registry, "native");
    let bay = lot.registry.bay_by_key("lot-3").unwrap().id;
    let provenance = observed::provenance(lot.database.municipality, feed, at(60));
    let bays = dated([observed::bay(provenance, bay, None, BayState::Vacant)]);
    let rejected = |device: &str, reason, s| Rejection {
        devices: vec![device.to_owned()],
        ..observed::rejection(lot.database.municipality, feed, reason, at(s))
    };
    let mut writer = lot.database.writer().await;
    lot.write(&mut writer, &Batch { bays, ..Batch::default() }).await;
    let rejections = (0..3).flat_map(|n| {
        let unknown = rejected("lot-9", Reason::Malformed, 70 + n);
        let not_its_own = rejected("lot-3", Reason::UnknownPlace, 70 + n);
        [rejected("lot-3", Reason::Malformed, 70 + n), unknown, not_its_own]
    });
    lot.write(&mut writer, &Batch { rejections: rejections.collect(), ..Batch::default() }).await;
    // An element of a batch.
    let element =
        RejectedElement { reason: Reason::TooOld, device: Some("lot-3".into()), detail: "at: old".into() };
    let batch = Rejection { examples: vec![element], ..rejected("lot-4", Reason::Malformed, 80) };
    lot.write(&mut writer, &Batch { rejections: vec![batch], ..Batch::default() }).await;
    assert_eq!(settle(&mut watcher, &lot.registry, at(90)).await, 5);
    let [(source, place, code, since, true, false)] = &lot.reasons().await[..] else {
        panic!("{:?}", lot.reasons().await)
    };
    assert_eq!((*source, *place, &**code, *since), (-feed.0, Some(bay.0), "rejected", T0 + 70));
}

#[tokio::test]
async fn state_that_is_damaged_or_of_another_version_is_made_again_of_kept_messages() {
    for damage in
        ["UPDATE health_state SET body = set_byte(body, 3, 77)", "UPDATE health_state SET form = form + 1"]
    {
        let lot = Lot::build().await;
        let mut watcher = lot.watcher(at(0)).await;
        let mut writer = lot.database.writer().await;
        let uplinks = lot.wavering("s1", 3_600);
        lot.write(&mut writer, &Batch { uplinks, ..Batch::default() }).await;
        settle(&mut watcher, &lot.registry, at(3_850)).await;
        watcher.save(at(3_850)).await.unwrap();
        drop(watcher);
        let before = lot.reasons().await;
        assert_eq!(before.len(), 1);
        lot.database.execute(damage).await;
        let mut watcher = lot.watcher(at(3_900)).await;
        let step = watcher.step(&lot.registry, at(3_900)).await.unwrap();
        assert_eq!(step.unknown, 2, "{damage}");
        settle(&mut watcher, &lot.registry, at(3_950)).await;
        assert_eq!(lot.reasons().await, before, "{damage}");
    }
}

#[tokio::test]
async fn bays_that_a_feed_names_are_made_again_of_their_observations() {
    let lot = Lot::build().await;
    let mut watcher = lot.watcher(at(0)).await;
    settle(&mut watcher, &lot.registry, at(0)).await;
    let feed = feed_id(&lot.registry, "native");
    let [third, fourth] = ["lot-3", "lot-4"].map(|key| lot.registry.bay_by_key(key).unwrap().id);
    let stated = |bay, s: i64, n: i64| {
        let provenance = observed::provenance(lot.database.municipality, feed, at(s));
        let state = if n % 2 == 0 { BayState::Occupied } else { BayState::Vacant };
        observed::bay(provenance, bay, None, state)
    };
    let mut writer = lot.database.writer().await;
    for n in 0..10 {
        let bays = dated([stated(third, 3_600 + n * 20, n), stated(fourth, 3_600 + n * 600, 0)]);
        lot.write(&mut writer, &Batch { bays, ..Batch::default() }).await;
    }
    settle(&mut watcher, &lot.registry, at(9_100)).await;
    let before = lot.reasons().await;
    assert_eq!(before.iter().map(|r| (r.1, &*r.2)).collect::<Vec<_>>(), [(Some(third.0), "flapping")]);
    watcher.save(at(9_100)).await.unwrap();
    drop(watcher);
    lot.database.execute("DELETE FROM health_state").await;
    let mut watcher = lot.watcher(at(9_200)).await;
    // Two sensors, of which nothing is kept, and the two bays.
    assert_eq!(watcher.step(&lot.registry, at(9_200)).await.unwrap().unknown, 4);
    settle(&mut watcher, &lot.registry, at(9_300)).await;
    assert_eq!((watcher.devices(), lot.reasons().await), (4, before));
    // It goes on: the other one was heard until 9,000 s, and is silent since.
    for n in 16..540 {
        settle(&mut watcher, &lot.registry, at(n * 600)).await;
    }
    let reasons = lot.reasons().await;
    let silent = reasons.iter().find(|r| r.1 == Some(fourth.0) && r.2 == "silent");
    assert_eq!(silent.map(|r| r.3), Some(T0 + 9_000), "{reasons:?}");
}

#[tokio::test]
async fn one_watches_at_a_time() {
    let lot = Lot::build().await;
    let _watcher = lot.watcher(at(0)).await;
    let other = Watcher::connect(&lot.database.url, lot.registry.clone(), at(0)).await.unwrap();
    assert!(other.is_none());
}
