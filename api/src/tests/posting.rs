//! HTTP in: who may post what, how large it may be, and what the answer says.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::posted::{Intake, PostedHead, Refusal, RejectedPart, Taken, Taking};
use domain::{FeedId, Reason};
use futures_util::stream;
use parking_lot::Mutex;
use serde_json::json;
use store::keys::NewKey;
use testing::world::feed_id;

use super::fixture::{Answer, read, world};
use super::keys::Instance;

/// What stands in for the ingest: it notes what it is given, and gives the answers that the test has set.
struct Noted {
    answer: Mutex<Result<Taken, Refusal>>,
    taken: Mutex<Vec<(PostedHead, Vec<u8>)>>,
}

const LIMIT: usize = 100;

impl Intake for Noted {
    fn limit(&self, _: &PostedHead) -> Result<usize, Refusal> {
        Ok(LIMIT)
    }

    fn take(&self, head: PostedHead, body: Vec<u8>) -> Taking<'_> {
        let exceeds = (body.len() > LIMIT).then_some(LIMIT);
        self.taken.lock().push((head, body));
        let answer = self.answer.lock().clone().map(|taken| Taken { exceeds, ..taken });
        Box::pin(async move { answer })
    }
}

struct World {
    instance: Instance,
    intake: Arc<Noted>,
    /// Of the feed `feed-warendorf`.
    key: String,
    feed: FeedId,
}

impl World {
    /// `None` where PostgreSQL is not installed.
    async fn start() -> Option<World> {
        let mut world = world();
        for feed in &mut world.contents.feeds {
            feed.def.push = feed.def.id != "feed-kreis";
        }
        let mut instance = Instance::with(world.contents).await?;
        let intake = Arc::new(Noted { answer: Mutex::new(Ok(Taken::default())), taken: Mutex::default() });
        instance.county.take_in(intake.clone());
        let feed = feed_id(&instance.registry, "feed-warendorf");
        let secret = [77; 32];
        let towns = [instance.town("warendorf")];
        let new = NewKey { role: "feed", municipalities: &towns, feed: Some(feed), ..NewKey::default() };
        store::keys::create(&instance.pool, &crate::key_hash(&secret), &new).await.expect("a key");
        Some(World { instance, intake, key: crate::key_text(&secret), feed })
    }

    async fn post(&self, path: &str, authorization: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path).header("authorization", authorization);
        read(self.instance.county.send(request.body(body.into()).expect("a request")).await).await
    }

    async fn post_own(&self, body: impl Into<Body>) -> Answer {
        self.post("/v1/feeds/feed-warendorf/messages", &format!("Bearer {}", self.key), body).await
    }
}

/// Whoever reads of it has read before the key was looked at.
fn unread() -> Body {
    Body::from_stream(stream::once(async {
        panic!("the body was read");
        #[expect(unreachable_code, reason = "says what the stream would hold")]
        Ok::<Bytes, std::io::Error>(Bytes::new())
    }))
}

#[tokio::test]
async fn only_the_key_of_a_feed_posts_to_it_and_no_body_is_read_before() {
    let Some(world) = World::start().await else { return };
    let (installer, _) = world.instance.key("installer", &["warendorf"], 1, None).await;
    let own = format!("Bearer {}", world.key);
    for (path, authorization, status) in [
        ("feed-warendorf/messages", "", 401),
        ("feed-warendorf/messages", "Bearer nonsense", 401),
        ("feed-warendorf/messages/up", "Basic YTpi", 401),
        ("feed-warendorf/messages", &format!("Bearer {installer}"), 403),
        ("feed-telgte/messages", &own, 404),
        ("feed-kreis/messages", &own, 404),
        ("nowhere/messages", &own, 404),
        ("nowhere/messages/%FF", &own, 404),
    ] {
        let answer = world.post(&format!("/v1/feeds/{path}"), authorization, unread()).await;
        assert_eq!(answer.status, status, "{path} {authorization}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let other = world.post("/v1/feeds/feed-telgte/messages", &own, "").await;
    let none = world.post("/v1/feeds/nowhere/messages", &own, "").await;
    assert_eq!(other.body, none.body, "a feed of others answers like one that does not exist");
    assert!(world.intake.taken.lock().is_empty());

    // And to nothing else, but for its own rejections.
    for path in ["/v1/sensors", "/v1/audit", "/v1/occupancy"] {
        assert_eq!(world.instance.get(path, &world.key).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let feeds = world.instance.get("/v1/feeds", &world.key).await.json();
    assert!(feeds["items"][0].get("messages_1h").is_none(), "as the public sees it: {feeds}");
}

#[tokio::test]
async fn what_is_posted_reaches_the_ingest_as_it_is() {
    let Some(world) = World::start().await else { return };
    *world.intake.answer.lock() = Ok(Taken {
        stored: 2,
        duplicates: 1,
        rejected: vec![RejectedPart {
            reason: Reason::UnknownPlace,
            device: Some("b".into()),
            detail: "bay: 'b' is not in bays.geojson".into(),
            remedy: "Add it.".into(),
        }],
        rejected_elements: 1,
        dropped_fields: vec!["seq".into()],
        ignored_fields: vec!["lat".into()],
        exceeds: None,
    });
    let basic = format!("Basic {}", STANDARD.encode(format!("source:{}", world.key)));
    let path = "/v1/feeds/feed-warendorf/messages/api/admin/v1/generic/json?topic=bay/b&event=up";
    let request = Request::post(path).header("authorization", basic).header("content-encoding", "gzip");
    let request = request.body(Body::from("packed")).expect("a request");
    let answer = read(world.instance.county.send(request).await).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.json(),
        json!({ "stored": 2, "duplicates": 1, "rejected": [{ "reason": "unknown_place", "device": "b",
            "detail": "bay: 'b' is not in bays.geojson", "remedy": "Add it." }], "rejected_elements": 1,
            "dropped_fields": ["seq"], "ignored_fields": ["lat"] })
    );
    let head = PostedHead {
        feed: world.feed,
        address: None,
        path: "api/admin/v1/generic/json".into(),
        event: Some("up".into()),
        topic: Some("bay/b".into()),
        encoding: Some("gzip".into()),
    };
    assert_eq!(*world.intake.taken.lock(), [(head, b"packed".to_vec())]);
}

#[tokio::test]
async fn each_refusal_has_its_status_and_says_when_to_come_again() {
    let Some(world) = World::start().await else { return };
    let missing = Refusal::Missing { parameter: "event", remedy: "Add it.".into() };
    for (refusal, status, retry_after) in [
        (missing, 400, ""),
        (Refusal::NotServed, 404, ""),
        (Refusal::UnknownEncoding("br".into()), 415, ""),
        (Refusal::Throttled { retry_after_s: 2 }, 429, "2"),
        (Refusal::Unavailable("The disk has no room for more."), 503, "5"),
    ] {
        *world.intake.answer.lock() = Err(refusal.clone());
        let answer = world.post_own("{}").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (status, retry_after),
            "{refusal:?}"
        );
        assert!(!answer.json()["remedy"].as_str().unwrap_or_default().is_empty(), "{}", answer.body);
    }
}

#[tokio::test]
async fn of_a_body_that_is_too_large_no_more_is_read_than_shows_it() {
    let Some(world) = World::start().await else { return };
    assert_eq!(world.post_own("x".repeat(LIMIT)).await.status, 200);
    // It never ends.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 64])));
    let answer = tokio::time::timeout(Duration::from_secs(5), world.post_own(Body::from_stream(endless)));
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("100 bytes"), "{}", answer.body);
    let sizes: Vec<usize> = world.intake.taken.lock().iter().map(|(_, body)| body.len()).collect();
    assert_eq!(sizes, [LIMIT, LIMIT + 1], "the head is for the quarantine");
}
