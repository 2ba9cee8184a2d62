//! What a feed of The Things Stack missed is fetched from its Storage Integration: its MQTT server speaks QoS 0 only, so what it
//! publishes while nobody listens is lost.
//!
//! After each connection, also the first of a process, everything since the last receipt that is stored is asked for, less
//! an overlap, page by page. Messages go through the decoders as of the network's receipt, and what came live meanwhile is
//! a duplicate by its name. How far it came is stored: a restart goes on there.

mod pages;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use backon::{BackoffBuilder, ExponentialBuilder};
use domain::{Feed, FeedId, UtcMicros};
use store::Pool;
use tracing::{info, warn};
use url::Url;

use self::pages::{Next, Page};
use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::enqueue::Intake;
use crate::feed_meter::FeedMeter;
use crate::fetch::{Answer, Credentials, FetchRequest, Validators, on_a_thread};
use crate::message::Arrived;
use crate::mqtt::SecretFiles;
use crate::posted::message::tts_topic;
use crate::routing::RoutingTable;
use crate::session::Shared;

/// What lies so far before the last receipt is asked for again: the storage writes in batches, and clocks differ.
pub(crate) const OVERLAP_S: i64 = 600;

/// How far back a feed is asked for of which nothing was ever received.
pub(crate) const FIRST_REACH_S: i64 = 86_400;

/// After so long what was received around the connection is asked for again: the storage writes in batches.
const SETTLED_AFTER: Duration = Duration::from_secs(300);

/// Messages of a page.
const PAGE: usize = 500;

/// The largest answer, bytes: what is beyond is asked for as the next page.
const PAGE_BYTES: usize = 8 << 20;

/// Between two pages.
const PAGE_PAUSE: Duration = Duration::from_secs(1);

/// The most that a server may have us wait.
const MAX_PAUSE: Duration = Duration::from_secs(600);

/// Fills the gaps of one feed.
pub(crate) struct Filler {
    /// Of the one feed.
    pub routing: Arc<ArcSwap<RoutingTable>>,
    pub shared: Shared,
    pub pool: Pool,
    pub secrets: SecretFiles,
}

/// Why there is no page.
#[derive(Debug, PartialEq)]
struct Failure {
    /// For `/v1/feeds`: the key of feeds.toml, what is wrong, what to do.
    error: String,
    /// When the server wants to be asked again.
    retry_after: Option<Duration>,
}

/// Since when, and until when.
#[derive(Debug, Clone, Copy)]
struct Span {
    feed: FeedId,
    from: UtcMicros,
    until: UtcMicros,
}

impl Filler {
    /// For ever. `since`: when the last message was received of those that are stored, as noted at the start.
    pub async fn run(self, since: UtcMicros) {
        let accumulator = Accumulator::new(self.shared.ready.clone(), Arc::new(Acks::new(|_| true)));
        let mut since = Some(since);
        let Some(mut links) = self.route().map(|(_, meter)| meter.links()) else { return };
        loop {
            let Ok(link) = links.wait_for(|link| link.since.is_some()).await.map(|link| *link) else {
                return;
            };
            let (Some(connected_at), Some((feed, meter))) = (link.since, self.route()) else { return };
            let from = since.take().or(link.heard_before).unwrap_or(connected_at).plus_s(-OVERLAP_S);
            let from = until_stored(|| store::gaps::open(&self.pool, feed, from)).await;
            let now = (self.shared.clock)();
            if self.fill(Span { feed, from, until: now }, &accumulator).await {
                meter.filled();
                let connected_before = connected_at.plus_s(-OVERLAP_S);
                until_stored(|| store::gaps::fetched(&self.pool, feed, connected_before)).await;
                tokio::select! {
                    () = tokio::time::sleep(SETTLED_AFTER) => {}
                    // Connected again meanwhile: the next round asks from before that on.
                    _ = links.wait_for(|link| link.since.is_some_and(|since| since != connected_at)) => continue,
                }
                let settled = Span { feed, from: connected_before, until: now.plus_s(OVERLAP_S) };
                if self.fill(settled, &accumulator).await && links.borrow().since == Some(connected_at) {
                    until_stored(|| store::gaps::close(&self.pool, feed)).await;
                }
            }
            if links.wait_for(|link| link.since != Some(connected_at)).await.is_err() {
                return;
            }
        }
    }

    fn route(&self) -> Option<(FeedId, Arc<FeedMeter>)> {
        let routing = self.routing.load();
        routing.routes.first().map(|route| (route.feed.id, route.meter.clone()))
    }

    /// Fetches and stores a span; whether all of it came.
    async fn fill(&self, span: Span, accumulator: &Arc<Accumulator>) -> bool {
        let mut after = span.from;
        let mut pauses = backoff();
        let mut messages = 0;
        loop {
            let routing = self.routing.load_full();
            let Some(route) = routing.routes.first() else { return false };
            let answer = self.ask(&route.feed.def, after, span.until).await;
            let (pause, next) = match &answer {
                Ok(answer) => {
                    let body = String::from_utf8_lossy(&answer.body);
                    let page = pages::read(&body, answer.cut.is_none() && answer.body.len() <= PAGE_BYTES);
                    messages += page.messages.len();
                    self.take(&page, &routing, accumulator).await;
                    let next = page.next(after, PAGE);
                    let is_stuck = matches!(&next, Next::From(at) if *at == after);
                    if is_stuck {
                        let why = page.error.as_deref().unwrap_or("it ends in the middle of a line");
                        let error =
                            format!("storage_url: the storage's answer cannot be read: {why}; trying again");
                        route.meter.failed(Some(error));
                        (pauses.next().unwrap_or(MAX_PAUSE), next)
                    } else {
                        pauses = backoff();
                        route.meter.failed(None);
                        (PAGE_PAUSE, next)
                    }
                }
                Err(failure) => {
                    if route.meter.failed(Some(failure.error.clone())) {
                        warn!("feed '{}': {}", route.feed.def.id, failure.error);
                    }
                    let pause = failure.retry_after.or_else(|| pauses.next()).unwrap_or(MAX_PAUSE);
                    (pause.min(MAX_PAUSE), Next::From(after))
                }
            };
            match next {
                Next::Done => {
                    info!(
                        "feed '{}': {messages} messages since {} came from its storage",
                        route.feed.def.id, span.from
                    );
                    return true;
                }
                Next::Stuck(error) => {
                    warn!("feed '{}': {error}", route.feed.def.id);
                    route.meter.failed(Some(error));
                    return false;
                }
                Next::From(at) if at > after => {
                    after = at;
                    let fetched = at.plus_s(-OVERLAP_S);
                    until_stored(|| store::gaps::fetched(&self.pool, span.feed, fetched)).await;
                }
                Next::From(_) => {}
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Stores the messages of a page.
    async fn take(&self, page: &Page<'_>, routing: &Arc<RoutingTable>, accumulator: &Arc<Accumulator>) {
        let now = (self.shared.clock)();
        for message in &page.messages {
            let arrived = Arrived {
                topic: tts_topic(message.json.as_bytes(), "up").into(),
                payload: message.json.to_owned().into(),
                qos: 1,
                received_at: message.network_at.map_or(now, |at| at.min(now)),
            };
            let intake = Intake {
                routing,
                index: 0,
                trips: &self.shared.trips,
                accumulator,
                tally: None,
                counted_at: Some(now),
            };
            let decoded = intake.decode_large(&arrived).await;
            if !intake.enqueue(arrived, decoded, accumulator.acks.owe(0)).has_room {
                accumulator.room().await;
            }
        }
        accumulator.acks.settled().await;
    }

    async fn ask(&self, feed: &Feed, after: UtcMicros, before: UtcMicros) -> Result<Answer, Failure> {
        let failure = |error: String| Failure { error, retry_after: None };
        let url = address(feed).map_err(failure)?;
        let file = feed.storage_token_file.as_deref().unwrap_or_default();
        let token = self.secrets.read(Path::new(file));
        let token = token.map_err(|e| failure(format!("storage_token_file: {file} cannot be read: {e}")))?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let (url, allow_private) = (page_address(url, after, before), feed.allow_private);
        let ask = move || {
            let credentials = Credentials::of_a_storage(&token)?;
            FetchRequest { url, allow_private, limit: PAGE_BYTES, credentials, held: Validators::default() }
                .answer()
        };
        let answer = on_a_thread("fetch", ask).await;
        let answer =
            answer.map_err(|error| failure(format!("the storage cannot be asked: {error}; trying again")))?;
        match refused(answer.status, file) {
            None => Ok(answer),
            Some(error) => Err(Failure { error, retry_after: answer.retry_after }),
        }
    }
}

/// Tries until the database answers.
async fn until_stored<T, F: Future<Output = store::Result<T>>>(attempt: impl Fn() -> F) -> T {
    loop {
        match attempt().await {
            Ok(done) => return done,
            // The writers report an unavailable database.
            Err(_) => tokio::time::sleep(crate::writers::RETRY).await,
        }
    }
}

fn backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(MAX_PAUSE / 2)
        .without_max_times()
        .with_jitter()
        .build()
}

/// What a status other than success means, and what to do.
fn refused(status: u16, file: &str) -> Option<String> {
    match status {
        200..300 => None,
        401 | 403 => Some(format!(
            "storage_token_file: the storage refuses the token ({status}): it has expired, or may not read application \
             traffic. Make another API key in the console of The Things Stack and write it into {file}: the file is read \
             for each question"
        )),
        404 => Some(
            "storage_url: there is no storage at this address (404): enable the Storage Integration of the application, or \
             correct the address"
                .to_owned(),
        ),
        429 => Some("storage_url: the storage wants to be asked less often (429); going on later".to_owned()),
        status => Some(format!("storage_url: the storage answers with status {status}; trying again")),
    }
}

/// The address of the application's stored uplinks: `storage_url` as it stands, or completed by the application that the
/// topic names.
fn address(feed: &Feed) -> Result<Url, String> {
    let given = feed.storage_url.as_deref().unwrap_or_default();
    let mut url = Url::parse(given).map_err(|e| format!("storage_url: it is not a web address: {e}"))?;
    let path = url.path().trim_end_matches('/').to_owned();
    if path.ends_with("/uplink_message") {
        return Ok(url);
    }
    if path.contains("/applications/") {
        url.set_path(&format!("{path}/packages/storage/uplink_message"));
        return Ok(url);
    }
    let application =
        feed.topic.split('/').nth(1).and_then(|level| level.split('@').next()).unwrap_or_default();
    let base = path.strip_suffix("/api/v3").unwrap_or(&path);
    url.set_path(&format!("{base}/api/v3/as/applications/{application}/packages/storage/uplink_message"));
    Ok(url)
}

fn page_address(mut url: Url, after: UtcMicros, before: UtcMicros) -> String {
    url.query_pairs_mut()
        .append_pair("limit", &PAGE.to_string())
        .append_pair("after", &after.to_string())
        .append_pair("before", &before.to_string())
        .append_pair("order", "received_at");
    url.into()
}
