//! `POST /v1/feeds/{id}/messages`: HTTP in. The ingest's decoders, queues and transactions take the messages in; this is
//! their door: the key before the body, the bounds of the body, the answer after the commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_ENCODING;
use axum::response::Response;
use domain::posted::{Intake, PostedHead, Refusal, RejectedPart, Taken};
use domain::{FeedId, Reason};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use crate::contract::{parameters, values, words};
use crate::http::answer;
use crate::http::auth::{Asker, Caller};
use crate::http::body::Unread;
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::hub::View;

/// Bytes of bodies that may be under way to one feed: two GTFS-Realtime messages of the largest size.
const ROOM_BYTES: usize = 16 << 20;

/// How long a request waits for room beside other bodies of its feed.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);

/// After how many seconds a client that found no room may try again.
const RETRY_AFTER_S: u64 = 2;

/// What takes in messages, and the room that bodies have in memory until then.
#[derive(Clone)]
pub struct Posting {
    intake: Option<Arc<dyn Intake>>,
    rooms: Arc<Mutex<HashMap<FeedId, Arc<Semaphore>>>>,
}

impl Posting {
    /// `None`: nothing is taken in.
    pub fn new(intake: Option<Arc<dyn Intake>>) -> Self {
        Posting { intake, rooms: Arc::default() }
    }

    /// Room for a body of `bytes` beside others of `feed`.
    async fn room(&self, feed: FeedId, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let room =
            self.rooms.lock().entry(feed).or_insert_with(|| Arc::new(Semaphore::new(ROOM_BYTES))).clone();
        let bytes = u32::try_from(bytes.min(ROOM_BYTES)).unwrap_or(u32::MAX);
        let permit = tokio::time::timeout(ROOM_PATIENCE, room.acquire_many_owned(bytes)).await;
        permit.ok().and_then(Result::ok).ok_or_else(|| Problem::over_quota(RETRY_AFTER_S))
    }
}

/// What became of a message, once it is stored.
#[derive(Serialize, ToSchema)]
pub struct TakenOut {
    /// Observations that were new; an event of a LoRaWAN device without one, such as a join, counts too.
    stored: usize,
    /// Observations that were stored before: what is sent again changes nothing.
    duplicates: usize,
    /// What was rejected, and kept in quarantine: at least one element for each reason, at most some ten.
    rejected: Vec<RejectedPartOut>,
    /// How many elements were rejected in all.
    rejected_elements: usize,
    /// Optional fields of a wrong type or value, without which something was stored.
    dropped_fields: Vec<String>,
    /// Fields that are known and not read: what they say comes from the imported files.
    ignored_fields: Vec<String>,
}

/// A rejected element.
#[derive(Serialize, ToSchema)]
pub struct RejectedPartOut {
    /// Why it was rejected.
    #[schema(value_type = words::RejectionReason)]
    reason: Reason,
    /// The device or place that it is about; null: none, or several.
    device: Option<String>,
    /// The field, its value, and what would be right.
    detail: String,
    /// What to do about it.
    remedy: String,
}

impl From<RejectedPart> for RejectedPartOut {
    fn from(RejectedPart { reason, device, detail, remedy }: RejectedPart) -> Self {
        RejectedPartOut { reason, device, detail, remedy }
    }
}

impl From<Taken> for TakenOut {
    fn from(taken: Taken) -> Self {
        TakenOut {
            stored: taken.stored,
            duplicates: taken.duplicates,
            rejected: taken.rejected.into_iter().map(RejectedPartOut::from).collect(),
            rejected_elements: taken.rejected_elements,
            dropped_fields: taken.dropped_fields,
            ignored_fields: taken.ignored_fields,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotServed => no_feed(),
            Refusal::Missing { parameter, remedy } => Problem::missing_parameter(parameter, remedy),
            Refusal::UnknownEncoding(encoding) => Problem::unknown_encoding(&encoding),
            Refusal::Throttled { retry_after_s } => Problem::over_quota(retry_after_s),
            Refusal::Unavailable(why) => Problem::unavailable(why),
        }
    }
}

/// The same for feeds of others and for those that do not exist.
fn no_feed() -> Problem {
    Problem::not_found(
        "This key may post to no feed of this id.",
        "Post to the feed that the key was made for (`key create --role feed --feed ID`); in feeds.toml it has push = true.",
    )
}

/// A message for a feed with `push = true`: its body as it would be over MQTT, plain or with `Content-Encoding: gzip`.
///
/// For ChirpStack's HTTP integration (`?event=up`), webhooks of The Things Stack and ParkAPI's clients, which may add a path
/// of their own (`/v1/feeds/{id}/messages/up`), counters and gateways. Answered once all of it, also what is rejected, is
/// stored. What is sent again, e.g. after a 503, is a duplicate. The key may be the password of Basic authentication.
#[utoipa::path(
    post,
    path = "/v1/feeds/{id}/messages",
    tag = "suppliers",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "Id of the feed in feeds.toml."), parameters::Posted),
    request_body(
        content = Vec<u8>,
        content_type = "application/octet-stream",
        description = "The message in the feed's format, JSON or protobuf; its Content-Type is not looked at.",
    ),
    responses(
        (status = 200, body = TakenOut),
        (status = 413, description = "The body is larger than the feed may send; the answer says how much that is."),
        (status = 415, description = "The body is packed in a way that is not known: gzip is."),
        (status = 429, description = "The feed, its municipality or the address sends more than it may, or too many keys from the address were not valid."),
    ),
)]
pub async fn messages(
    posting: State<Posting>,
    view: View,
    asker: Asker,
    id: PathId,
    query: RawQuery,
    body: Unread,
) -> Result<Response, Problem> {
    let caller = asker.poster().await?;
    post(&posting, &view, &asker, &caller, Address { feed: id.text()?, path: String::new() }, query, body)
        .await
}

/// The same with a path behind it.
pub async fn messages_at(
    posting: State<Posting>,
    view: View,
    asker: Asker,
    address: Result<Path<(String, String)>, PathRejection>,
    query: RawQuery,
    body: Unread,
) -> Result<Response, Problem> {
    let caller = asker.poster().await?;
    let Path((feed, path)) = address.map_err(|_| no_feed())?;
    post(&posting, &view, &asker, &caller, Address { feed, path }, query, body).await
}

/// Where a message is posted.
struct Address {
    feed: String,
    path: String,
}

async fn post(
    posting: &Posting,
    view: &View,
    asker: &Asker,
    caller: &Caller,
    Address { feed, path }: Address,
    query: RawQuery,
    body: Unread,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Posted::NAMES])?;
    let registry = view.registry();
    let feed = registry.feeds().find(|f| f.def.id == feed && caller.may_post_to(f.id)).ok_or_else(no_feed)?;
    let encoding = asker.headers.get(CONTENT_ENCODING);
    let head = PostedHead {
        feed: feed.id,
        address: asker.address,
        path,
        event: params.text("event").map(str::to_owned),
        topic: params.text("topic").map(str::to_owned),
        encoding: encoding.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
    };
    let intake =
        posting.intake.as_deref().ok_or_else(|| Problem::unavailable("Nothing is taken in here."))?;
    let limit = intake.limit(&head)?;
    let _room = posting.room(feed.id, limit).await?;
    let body = body.read_up_to(limit, caller).await?;
    let taken = intake.take(head, body).await?;
    match taken.exceeds {
        Some(limit) => Err(Problem::too_large(limit)),
        None => Ok(answer::private(&TakenOut::from(taken))),
    }
}
