//! HTTP in: which message a request is, when it is answered, and what holds it up.

use std::io::Write;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::posted::{Intake, PostedHead, Refusal, Taken};
use domain::{Feed, FeedFormat, FeedId, Reason};
use futures_util::FutureExt;
use ingest::accumulator::Accumulator;
use ingest::message::Message;
use ingest::posted::PostedInlet;
use ingest::posted::message::read;
use ingest::quota::{Addresses, DefaultLimits, Limits, OfAddress};
use ingest::receive::receive;
use ingest::routing::RoutingTable;
use ingest::session::Shared;
use ingest::trips::TripMemory;
use serde_json::json;
use store::writer::Batch;
use tokio::sync::watch;

use crate::county::{EUI, NOW, now, shared, tts_up, world};

fn head(feed: FeedId) -> PostedHead {
    PostedHead { feed, address: None, path: String::new(), event: None, topic: None, encoding: None }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// The feed of the town that has this id, posted to.
fn pushed(id: &str) -> Feed {
    let feed = world().contents.feeds.into_iter().find(|f| f.def.id == id).unwrap().def;
    Feed { push: true, topic: String::new(), ..feed }
}

fn topic_of(feed: &Feed, head: &PostedHead, body: &[u8]) -> Result<String, Refusal> {
    read(feed, head, body.to_vec()).map(|posted| posted.topic)
}

#[test]
fn a_request_is_the_message_that_it_would_be_over_mqtt() {
    let any = head(FeedId(1));
    let of = |event: &str| PostedHead { event: Some(event.into()), ..any.clone() };
    let on = |topic: &str| PostedHead { topic: Some(topic.into()), ..any.clone() };
    let at = |path: &str| PostedHead { path: path.into(), ..any.clone() };
    let chirpstack = pushed("chirpstack");
    let up = json!({ "deviceInfo": { "applicationId": "a-b", "devEui": "70B3D57ED0000001" } }).to_string();
    for (body, expected) in [
        (up.as_str(), "application/a-b/device/70b3d57ed0000001/event/up"),
        ("{}", "application/-/device//event/up"),
        ("\u{1}protobuf", "application/-/device//event/up"),
        (
            r#"{"deviceInfo":{"applicationId":"a/+/#","devEui":"70b3d57ed0000001"}}"#,
            "application/-/device/70b3d57ed0000001/event/up",
        ),
    ] {
        assert_eq!(topic_of(&chirpstack, &of("up"), body.as_bytes()).unwrap(), expected);
    }
    assert!(matches!(topic_of(&chirpstack, &any, b"{}"), Err(Refusal::Missing { parameter: "event", .. })));

    let tts = pushed("tts");
    let with = |kind: &str| {
        json!({ "end_device_ids": { "device_id": "d1", "application_ids": { "application_id": "app" } }, kind: {} })
            .to_string()
    };
    for (kind, event) in [
        ("uplink_message", "up"),
        ("join_accept", "join"),
        ("downlink_queue_invalidated", "down/invalidated"),
    ] {
        // Whatever path the console was given.
        let topic = topic_of(&tts, &at("lora/hooks"), with(kind).as_bytes()).unwrap();
        assert_eq!(topic, format!("v3/app/devices/d1/{event}"));
    }
    assert_eq!(topic_of(&tts, &at("join"), b"{").unwrap(), "v3/-/devices//join");
    let nameless =
        json!({ "end_device_ids": { "dev_eui": "70B3D57ED0000004" }, "uplink_message": {} }).to_string();
    assert_eq!(topic_of(&tts, &any, nameless.as_bytes()).unwrap(), "v3/-/devices/eui-70b3d57ed0000004/up");

    let native = pushed("native");
    for topic in ["bay/17", "/bay/17", "kv/1/native/bay/17"] {
        assert_eq!(topic_of(&native, &on(topic), b"{}").unwrap(), "kv/1/native/bay/17");
    }
    assert!(matches!(topic_of(&native, &any, b"{}"), Err(Refusal::Missing { parameter: "topic", .. })));
    let hfp = pushed("hfp");
    assert_eq!(topic_of(&hfp, &on("hfp/v2/journey/x"), b"{}").unwrap(), "/hfp/v2/journey/x");
    assert!(matches!(topic_of(&hfp, &any, b"{}"), Err(Refusal::Missing { parameter: "topic", .. })));
    assert_eq!(topic_of(&pushed("gtfs"), &any, b"{}").unwrap(), "messages");
}

#[test]
fn a_packed_body_is_unpacked_as_far_as_it_may_be_large() {
    let native = pushed("native");
    let packed = |encoding: &str| PostedHead {
        topic: Some("bay/17".into()),
        encoding: Some(encoding.into()),
        ..head(FeedId(1))
    };
    let payload =
        |encoding: &str, body: &[u8]| read(&native, &packed(encoding), body.to_vec()).map(|p| p.payload);
    assert_eq!(payload("gzip", &gzip(b"{}")).unwrap(), &b"{}"[..]);
    assert_eq!(payload("X-GZIP", &gzip(b"{}")).unwrap(), &b"{}"[..]);
    assert_eq!(payload("identity", b"{}").unwrap(), &b"{}"[..]);
    assert_eq!(payload("br", b"{}"), Err(Refusal::UnknownEncoding("br".into())));
    // A thousandth of what it becomes.
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert_eq!(payload("gzip", &bomb[..65_000]).unwrap().len(), (64 << 10) + 1);
    assert_eq!(payload("gzip", &bomb).unwrap().len(), (64 << 10) + 1);
    // What cannot be unpacked goes to quarantine as it came.
    let cut = &gzip(b"{\"at\":1}")[..12];
    assert_eq!(payload("gzip", cut).unwrap(), cut);
}

/// Receives a request of one of the town's feeds, which is posted to.
fn take(id: &str, request: PostedHead, body: &[u8]) -> Batch {
    let mut world = world();
    let feed = world.contents.feeds.iter_mut().find(|f| f.def.id == id).unwrap();
    feed.def = pushed(id);
    let registry = world.registry();
    let feed = registry.feeds().find(|f| f.def.id == id).unwrap();
    let posted = read(&feed.def, &request, body.to_vec()).unwrap();
    let received_at = now().plus_s(10);
    let message = Message { topic: &posted.topic, payload: &posted.payload, qos: 1, received_at };
    let mut batch = Batch::default();
    receive(&registry, feed, message, &TripMemory::default(), &mut batch);
    batch
}

#[test]
fn network_servers_messages_are_read_as_over_mqtt_and_stay_without_a_device_where_they_name_none() {
    let up = PostedHead { event: Some("up".into()), ..head(FeedId(1)) };
    let body = json!({ "deduplicationId": "d", "time": NOW, "deviceInfo": { "devEui": EUI }, "fPort": 1, "data": "AQ==" });
    let batch = take("chirpstack", up.clone(), body.to_string().as_bytes());
    assert_eq!((batch.bays.len(), batch.uplinks.len(), batch.rejections.len()), (1, 1, 0));
    let batch = take("tts", head(FeedId(1)), tts_up().to_string().as_bytes());
    assert_eq!((batch.bays.len(), batch.uplinks.len(), batch.rejections.len()), (1, 1, 0));

    for (feed, head) in [("chirpstack", up.clone()), ("tts", head(FeedId(1)))] {
        for body in [&b"{"[..], b"{}", b"\xff\x00"] {
            let batch = take(feed, head.clone(), body);
            assert!(batch.uplinks.is_empty(), "{feed}: a device without a name");
            let [rejection] = &batch.rejections[..] else { panic!("{batch:?}") };
            assert_eq!((rejection.reason, &rejection.devices[..]), (Reason::Malformed, &[][..]), "{feed}");
        }
    }
    // Where the device is known, it is found under it.
    let wrong = json!({ "deviceInfo": { "devEui": EUI }, "fPort": 1, "data": "?" }).to_string();
    let batch = take("chirpstack", up.clone(), wrong.as_bytes());
    assert_eq!((&*batch.uplinks[0].device, &batch.rejections[0].devices[..]), (EUI, &[EUI.to_owned()][..]));
    let unknown = PostedHead { event: Some("nonsense".into()), ..up };
    assert_eq!(
        take("chirpstack", unknown, body.to_string().as_bytes()).rejections[0].reason,
        Reason::UnknownTopic
    );
    // Kept is no more than of a message over MQTT.
    let large = PostedHead { topic: Some("bay/b1".into()), ..head(FeedId(1)) };
    let batch = take("native", large, &vec![b' '; (64 << 10) + 1]);
    assert_eq!(batch.rejections[0].reason, Reason::TooLarge);
    assert_eq!(batch.rejections[0].detail, "payload: more than 65536 bytes; this feed may send 65536");
    assert_eq!(batch.rejections[0].payload.len(), domain::rejection::TOO_LARGE_HEAD_BYTES);
}

struct Inlet {
    inlet: Arc<PostedInlet>,
    shared: Shared,
    ready: async_channel::Receiver<Arc<Accumulator>>,
    may_store: watch::Sender<bool>,
    feeds: [FeedId; 2],
}

fn limits(messages_per_s: u32) -> Limits {
    let [messages_per_s, bytes_per_s, rejections_per_h] =
        [messages_per_s, 1_000_000_000, 1_000_000_000].map(|n| NonZeroU32::new(n).unwrap());
    Limits { messages_per_s, bytes_per_s, rejections_per_h }
}

impl Inlet {
    /// The feeds `quick` and `slow`, which may send one message a second; an address may send `of_address`.
    fn new(of_address: u32) -> Self {
        let (shared, ready) =
            shared(DefaultLimits { feed: limits(1_000_000_000), town: limits(1_000_000_000) });
        let (may_store, room) = watch::channel(true);
        let of_address = OfAddress { limits: limits(of_address), holds_on_this_machine: false };
        let inlet = PostedInlet::new(Addresses::new(of_address), room);
        let town = testing::World::town("town")
            .feed("quick")
            .with_feed(|feed| (feed.push, feed.format) = (true, FeedFormat::Native))
            .feed("slow")
            .with_feed(|feed| (feed.push, feed.max_messages_per_s) = (true, Some(1)))
            .feed("subscribed");
        let feeds = [0, 1].map(|n| town.contents.feeds[n].id);
        let routing = RoutingTable::posted(town.registry(), &shared.metrics, &shared.quotas);
        inlet.arrange(routing, &shared);
        Inlet { inlet, shared, ready, may_store, feeds }
    }

    async fn post(&self, feed: FeedId, from: Option<IpAddr>) -> Result<Taken, Refusal> {
        let head = PostedHead { topic: Some("bay/b".into()), address: from, ..head(feed) };
        self.inlet.take(head, b"{}".to_vec()).await
    }

    /// What a writer does with what waits.
    async fn store_next(&self) {
        let accumulator = self.ready.recv().await.unwrap();
        while let Some(batch) = accumulator.take() {
            assert!(!batch.pending.batch.rejections.is_empty(), "the message is in it");
            accumulator.stored(batch.size, batch.acks);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_after_the_commit_and_not_without_it() {
    let world = Inlet::new(1_000);
    let [quick, _] = world.feeds;
    let mut asked = Box::pin(world.post(quick, None));
    assert_eq!((&mut asked).now_or_never(), None);
    let (answer, ()) = tokio::join!(asked, world.store_next());
    let taken = answer.unwrap();
    assert_eq!((taken.stored, taken.duplicates, taken.rejected_elements), (0, 0, 1));
    assert_eq!(taken.rejected[0].reason, Reason::Malformed);
    // Nobody stores: after its patience a client gets that answer. Time is not waited for here.
    assert!(matches!(world.post(quick, None).await, Err(Refusal::Unavailable(_))));
    world.store_next().await;
    // A client that hangs up has sent all of its message.
    assert_eq!(world.post(quick, None).now_or_never(), None);
    world.store_next().await;
}

#[tokio::test(start_paused = true)]
async fn who_sends_too_much_is_told_when_to_come_again_and_others_are_not_held_up() {
    let world = Inlet::new(1);
    let [quick, slow] = world.feeds;
    let address: IpAddr = [192, 0, 2, 1].into();
    let answered = async |feed, from| {
        tokio::select! {
            answer = world.post(feed, from) => answer.map(|_| ()),
            () = async { loop { world.store_next().await } } => unreachable!(),
        }
    };
    assert_eq!(answered(slow, None).await, Ok(()));
    let throttled = answered(slow, None).await;
    assert_eq!(throttled, Err(Refusal::Throttled { retry_after_s: 2 }));
    assert_eq!(answered(quick, Some(address)).await, Ok(()));
    assert!(matches!(answered(quick, Some(address)).await, Err(Refusal::Throttled { .. })));
    assert_eq!(answered(quick, Some([192, 0, 2, 2].into())).await, Ok(()));
    assert_eq!(answered(quick, Some([127, 0, 0, 1].into())).await, Ok(()));
    assert_eq!(answered(quick, Some([127, 0, 0, 1].into())).await, Ok(()));
}

#[tokio::test]
async fn nothing_is_read_that_cannot_be_stored() {
    let world = Inlet::new(1_000);
    let [quick, _] = world.feeds;
    let request = PostedHead { topic: Some("bay/b".into()), ..head(quick) };
    for (topic, bytes) in [("bay/b", 64 << 10), ("batch", 1 << 20)] {
        let request = PostedHead { topic: Some(topic.into()), ..head(quick) };
        assert_eq!(ingest::posted::message::limit(&pushed("native"), &request), Ok(bytes));
    }
    assert_eq!(
        world.inlet.limit(&PostedHead { feed: FeedId(3), ..request.clone() }),
        Err(Refusal::NotServed)
    );
    world.may_store.send_replace(false);
    assert!(matches!(world.inlet.limit(&request), Err(Refusal::Unavailable(why)) if why.contains("room")));
    world.may_store.send_replace(true);
    // Until the first batch is stored it is not known whether there is a database.
    assert!(
        matches!(world.inlet.limit(&request), Err(Refusal::Unavailable(why)) if why.contains("database"))
    );
    // A stop waits for what is on its way.
    let asked = tokio::spawn({
        let inlet = world.inlet.clone();
        let request = request.clone();
        async move { inlet.take(request, b"{}".to_vec()).await }
    });
    let accumulator = world.ready.recv().await.unwrap();
    let closed = tokio::spawn({
        let inlet = world.inlet.clone();
        async move { inlet.close().await }
    });
    while let Some(batch) = accumulator.take() {
        accumulator.stored(batch.size, batch.acks);
    }
    tokio::time::timeout(Duration::from_secs(3), closed).await.unwrap().unwrap();
    assert!(asked.await.unwrap().is_ok());
    assert!(matches!(world.inlet.take(request, b"{}".to_vec()).await, Err(Refusal::Unavailable(_))));
    drop(world.shared);
}
