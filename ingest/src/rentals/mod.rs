//! Feeds of shared vehicles (`gbfs`): each file is fetched when it is due, and each system is stored as a whole when one of its
//! files brought something new.

mod due;
mod faults;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::feed::{RentalSettings, host_of, shown_address};
use domain::{Feed, UtcMicros};
use gbfs::{Dataset, Discovery, Entry, FileKind, Files, Options};
use store::Pool;
use tokio::time::Instant;
use tracing::{debug, warn};

use self::due::{DEFAULT_EVERY_S, Remote};
use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::fetch::{Answer, Credentials, FetchRequest, Validators, on_a_thread};
use crate::mqtt::SecretFiles;
use crate::routing::{Route, RoutingTable};
use crate::session::Shared;

/// Systems of one manifest that are fetched: each has files of its own.
const MAX_SYSTEMS: usize = 100;

/// Fetches the one feed of `routing`, for ever.
pub(crate) struct Poller {
    pub routing: Arc<ArcSwap<RoutingTable>>,
    pub shared: Shared,
    pub pool: Pool,
    pub secrets: SecretFiles,
}

/// A feed, as far as it is known.
struct Polled {
    /// The address of the feed; another one is another feed.
    url: String,
    entry: Remote,
    /// By the address of their `gbfs.json`.
    systems: BTreeMap<String, PolledSystem>,
    /// When one of its files was last there.
    reached: Option<Instant>,
    /// It is known which systems it has.
    is_located: bool,
    /// Systems that it no longer has are removed.
    is_cleared: bool,
}

/// One system of it.
#[derive(Default)]
struct PolledSystem {
    /// `None`: the entry of the feed is its `gbfs.json`.
    discovery: Option<Remote>,
    remotes: BTreeMap<FileKind, Remote>,
    files: Files,
    /// What was read is not stored yet.
    is_changed: bool,
}

/// One round over a feed.
struct Round<'a> {
    poller: &'a Poller,
    routing: &'a RoutingTable,
    route: &'a Route,
    accumulator: &'a Arc<Accumulator>,
    began: Instant,
    /// When a server answered last.
    reached: Option<Instant>,
}

impl Poller {
    /// See the type's description.
    pub async fn run(self) {
        let accumulator = Accumulator::new(self.shared.ready.clone(), Arc::new(Acks::new(|_| true)));
        let mut polled: Option<Polled> = None;
        let mut held: Option<Arc<RoutingTable>> = None;
        let mut is_failing = false;
        loop {
            let routing = self.routing.load_full();
            let Some(route) = routing.routes.first() else { return };
            let Some(url) = &route.feed.def.url else { return };
            let mut feed = polled.take().filter(|feed| feed.url == *url).unwrap_or_else(|| Polled::at(url));
            if held.as_ref().is_none_or(|held| !Arc::ptr_eq(held, &routing)) {
                // What is stored rests on settings that may have changed.
                feed.systems.values_mut().for_each(|system| system.is_changed = true);
                feed.is_cleared = false;
                feed.entry = Remote::new(url.clone());
            }
            let began = Instant::now();
            let mut round = Round {
                poller: &self,
                routing: &routing,
                route,
                accumulator: &accumulator,
                began,
                reached: None,
            };
            round.fetch(&mut feed).await;
            round.store(&mut feed).await;
            feed.reached = round.reached.or(feed.reached);
            let failure = feed.failure().map(|(since, reason)| (since, reason.to_owned()));
            match &failure {
                // The server is there; what one of its files lacks is said beside.
                None => route.meter.failed(None),
                Some((since, reason)) if feed.reached.is_some_and(|at| at >= *since) => {
                    route.meter.failed(Some(reason.clone()))
                }
                Some((_, reason)) => {
                    route.meter.disconnected(reason);
                    false
                }
            };
            if round.reached.is_some() {
                route.meter.reached((self.shared.clock)());
            }
            if let Some((_, reason)) = &failure
                && !is_failing
            {
                warn!("feed '{}' cannot be fetched: {reason}; trying again", route.feed.def.id);
            }
            is_failing = failure.is_some();
            accumulator.room().await;
            let next = feed.next_due();
            (polled, held) = (Some(feed), Some(routing));
            tokio::time::sleep_until(next).await;
        }
    }
}

impl Polled {
    fn at(url: &str) -> Self {
        let entry = Remote::new(url.to_owned());
        Polled {
            url: url.to_owned(),
            entry,
            systems: BTreeMap::new(),
            reached: None,
            is_located: false,
            is_cleared: false,
        }
    }

    fn remotes(&self) -> impl Iterator<Item = &Remote> {
        let of_systems = self.systems.values().flat_map(|s| s.discovery.iter().chain(s.remotes.values()));
        of_systems.chain([&self.entry])
    }

    /// What cannot be fetched since when, of several the newest.
    fn failure(&self) -> Option<(Instant, &str)> {
        let failing = self.remotes().filter_map(|remote| remote.failing.as_ref());
        failing.max_by_key(|(since, _)| *since).map(|(since, reason)| (*since, reason.as_str()))
    }

    /// When the next file is to be fetched; at the earliest in a second, so that a feed that errs costs little.
    fn next_due(&self) -> Instant {
        let next = self.remotes().map(|remote| remote.due).min().unwrap_or(self.entry.due);
        next.max(Instant::now() + Duration::from_secs(1))
    }

    /// Takes over what a manifest lists.
    fn list(&mut self, datasets: Vec<Dataset>, settings: &RentalSettings) {
        let wanted =
            datasets.into_iter().filter(|dataset| settings.takes(&dataset.system_id)).take(MAX_SYSTEMS);
        let wanted: Vec<String> = wanted.map(|dataset| dataset.url).collect();
        self.systems.retain(|url, _| wanted.contains(url));
        for url in wanted {
            let new =
                || PolledSystem { discovery: Some(Remote::new(url.clone())), ..PolledSystem::default() };
            self.systems.entry(url.clone()).or_insert_with(new);
        }
    }
}

impl PolledSystem {
    /// Takes over where its files are. One that is no longer there says nothing any more.
    fn locate(&mut self, discovery: Discovery) {
        let PolledSystem { remotes, files, is_changed, .. } = self;
        remotes.retain(|kind, _| {
            let stays = discovery.files.iter().any(|(file, _)| file == kind);
            if !stays {
                files.forget(*kind);
                *is_changed = true;
            }
            stays
        });
        for (kind, url) in discovery.files {
            if remotes.get(&kind).is_none_or(|remote| remote.url != url) {
                remotes.insert(kind, Remote::new(url));
            }
        }
    }
}

impl Round<'_> {
    fn def(&self) -> &Feed {
        &self.route.feed.def
    }

    /// Fetches all that is due.
    async fn fetch(&mut self, feed: &mut Polled) {
        if let Some(body) = self.new_body(&mut feed.entry).await {
            let entry = self.entry(&body, &mut feed.entry);
            feed.is_located |= entry.is_some();
            match entry {
                None => {}
                Some(Entry::Manifest(datasets)) => feed.list(datasets, &self.route.feed.def.rental),
                Some(Entry::Discovery(discovery)) => {
                    feed.systems.retain(|url, _| *url == feed.url);
                    feed.systems.entry(feed.url.clone()).or_default().locate(discovery);
                }
            }
        }
        for system in feed.systems.values_mut() {
            self.fetch_system(system).await;
        }
    }

    async fn fetch_system(&mut self, system: &mut PolledSystem) {
        if let Some(remote) = &mut system.discovery
            && let Some(body) = self.new_body(remote).await
            && let Some(Entry::Discovery(discovery)) = self.entry(&body, remote)
        {
            system.locate(discovery);
        }
        let mut is_lost = false;
        // In the order in which they refer to each other.
        for (kind, remote) in &mut system.remotes {
            let Some(body) = self.new_body(remote).await else { continue };
            let options = self.options();
            let mut files = std::mem::take(&mut system.files);
            let kind = *kind;
            let reading = tokio::task::spawn_blocking(move || {
                let read = files.read(kind, &body, &options);
                (files, read)
            });
            // It fails when the process ends, or by a fault of ours.
            let Ok((files, read)) = reading.await else {
                warn!("feed '{}': a file made the program panic; please report it", self.def().id);
                is_lost = true;
                break;
            };
            system.files = files;
            system.is_changed |= read.version.is_some();
            remote.holds_for(read.ttl_s, self.def().every_s);
            self.note(&remote.url, &read.faults, options.now);
        }
        if is_lost {
            // All of it is sent again.
            system.remotes.values_mut().for_each(|remote| remote.held = Validators::default());
        }
    }

    fn entry(&mut self, body: &[u8], remote: &mut Remote) -> Option<Entry> {
        let options = self.options();
        let (entry, faults) = gbfs::entry(body, &options);
        let ttl_s = match &entry {
            Some(Entry::Discovery(discovery)) => discovery.ttl_s,
            _ => None,
        };
        remote.holds_for(ttl_s, self.def().every_s);
        self.note(&remote.url, &faults, options.now);
        entry
    }

    fn options(&self) -> Options {
        Options { now: (self.poller.shared.clock)(), area: self.def().area }
    }

    /// The content of a file that is due and has changed.
    async fn new_body(&mut self, remote: &mut Remote) -> Option<Vec<u8>> {
        if remote.due > Instant::now() {
            return None;
        }
        let every = Duration::from_secs(self.def().every_s.unwrap_or(DEFAULT_EVERY_S).into());
        remote.due = Instant::now() + every;
        let limit = self.def().max_message_bytes(false);
        match self.ask(remote, limit).await {
            Ok(Answer { status: 304, .. }) => {
                self.reached = Some(Instant::now());
                remote.failing = None;
                remote.holds_as_before();
                None
            }
            Ok(Answer { status: 200..300, cut: None, body, validators, certificate_until, .. }) => {
                self.reached = Some(Instant::now());
                remote.failing = None;
                let meter = &self.route.meter;
                meter.certified_until(certificate_until);
                let now = (self.poller.shared.clock)();
                meter.message(1, 1, now, None);
                if body.len() > limit {
                    self.note_too_large(&remote.url, limit, now);
                    return None;
                }
                remote.held = validators;
                Some(body)
            }
            Ok(Answer { status: 200..300, cut: Some(reason), .. }) => {
                self.fail(remote, reason);
                None
            }
            Ok(Answer { status, retry_after, .. }) => {
                let pause = retry_after.unwrap_or_default().min(due::LONGEST);
                remote.due = Instant::now() + every.max(pause);
                self.fail(remote, format!("http status: {status}"));
                None
            }
            Err(reason) => {
                self.fail(remote, reason);
                None
            }
        }
    }

    fn fail(&self, remote: &mut Remote, reason: String) {
        let is_entry = self.def().url.as_ref() == Some(&remote.url);
        let reason = if is_entry { reason } else { format!("{}: {reason}", shown_address(&remote.url)) };
        let since = remote.failing.as_ref().map_or(self.began, |(since, _)| *since);
        remote.failing = Some((since, reason));
    }

    async fn ask(&self, remote: &Remote, limit: usize) -> Result<Answer, String> {
        let def = self.def();
        // Where the feed's own address leads to others, these are given no keys, and lead to no private network.
        let is_own = is_same_server(def.url.as_deref().unwrap_or_default(), &remote.url);
        let named = if is_own { def.credentials.clone() } else { Default::default() };
        let (url, held, files) = (remote.url.clone(), remote.held.clone(), self.poller.secrets.clone());
        let allow_private = def.allow_private && is_own;
        let ask = move || {
            let credentials = Credentials::read(&named, &files)?;
            FetchRequest { url, allow_private, limit, credentials, held }.answer()
        };
        on_a_thread("fetch", ask).await
    }

    /// Stores the systems that have changed, and removes those that are no longer there.
    async fn store(&mut self, feed: &mut Polled) {
        let route = self.route;
        let (id, town, settings) = (route.feed.id, route.feed.municipality, &route.feed.def.rental);
        let mut ids: Vec<String> = Vec::new();
        let mut are_known = true;
        for (url, system) in &mut feed.systems {
            let is_read = !system.remotes.contains_key(&FileKind::VehicleTypes) || system.files.knows_types();
            let Some((joined, faults)) = system.files.system().filter(|_| is_read) else {
                are_known = false;
                continue;
            };
            if !settings.takes(&joined.id) {
                continue;
            }
            ids.push(joined.id.clone());
            if !std::mem::take(&mut system.is_changed) {
                continue;
            }
            let now = (self.poller.shared.clock)();
            self.note(url, &faults, now);
            let joined = settings.applied(joined);
            feed.is_cleared = false;
            if let Err(error) = store::rentals::replace(&self.poller.pool, id, town, &joined, now).await {
                // Not logged louder: the writers report an unavailable database.
                debug!("feed '{}': system '{}' is not stored yet: {error}", route.feed.def.id, joined.id);
                system.is_changed = true;
            }
        }
        // Only once all are known: what was stored before a restart stays until then.
        if are_known && feed.is_located && !feed.is_cleared {
            feed.is_cleared = store::rentals::keep(&self.poller.pool, id, &ids).await.is_ok();
        }
    }

    fn note(&self, url: &str, found: &gbfs::Faults, at: UtcMicros) {
        faults::note(self.accumulator, self.routing, self.route, url, found, at);
    }

    fn note_too_large(&self, url: &str, limit: usize, at: UtcMicros) {
        faults::note_too_large(self.accumulator, self.routing, self.route, url, limit, at);
    }
}

/// Whether both addresses are of one server, asked in the same way.
fn is_same_server(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        (scheme.to_ascii_lowercase(), host_of(url).to_ascii_lowercase(), authority.to_ascii_lowercase())
    };
    origin(a) == origin(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_for_the_server_of_the_feed_alone() {
        let feed = "https://o.example:8443/gbfs.json?key=s3cret";
        for (url, is_same) in [
            ("https://o.example:8443/de/station_status", true),
            ("HTTPS://O.example:8443", true),
            ("http://o.example:8443/x", false),
            ("https://o.example/x", false),
            ("https://o.example:8443@evil.example/x", false),
            ("https://o.example.evil.example:8443/x", false),
            ("o.example:8443", false),
        ] {
            assert_eq!(is_same_server(feed, url), is_same, "{url}");
        }
    }
}
