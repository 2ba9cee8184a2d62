//! Keys that were not valid: how many from where. Whoever sends too many is answered 429 in place of 401, and
//! costs the database nothing any more; a valid key is taken from any address at any time.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::UtcMicros;
use domain::time::MICROS_PER_S;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::json;
use store::audit::{Actor, Deed, Outcome};
use store::keys::KeyHash;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::client::network_of;
use crate::problem::Problem;

/// Failures that an address may have at once: a screen whose key has expired asks for all its parts.
const AT_ONCE: f64 = 200.0;

/// Failures a second that it may have for good.
const A_SECOND: f64 = 2.0;

/// Addresses that are remembered one by one, some 100 bytes each; what others do is counted together.
const SOURCES: usize = 4_096;

/// How often at most one address is logged and written to the audit, seconds.
const REPORTED_EVERY_S: i64 = 60;

/// Addresses that are written in that time; what others did is one row.
const REPORTED_AT_ONCE: usize = 20;

/// How often what is due is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How old the list of valid keys may be by which those are asked for whose address has failed too often.
const LIST_AGE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    status: u16,
}

/// See the module's description.
#[derive(Default)]
pub struct Attempts {
    inside: Mutex<Inside>,
    /// Hashes of the valid keys, and when they were read.
    valid: tokio::sync::Mutex<Option<(Instant, HashSet<KeyHash>)>>,
    /// An address failed of which nothing was reported lately.
    news: Notify,
    failures: Family<Answered, Counter>,
}

#[derive(Default)]
struct Inside {
    sources: HashMap<IpAddr, Source>,
    /// Those that were too many.
    others: Source,
    /// When the present minute of reports began, and how many there were.
    reports: (UtcMicros, usize),
}

#[derive(Clone, Copy, Default)]
struct Source {
    /// The last address of the network; `None`: several.
    address: Option<IpAddr>,
    /// Failures that it has used up, less those that time gave back.
    used: f64,
    at: UtcMicros,
    unreported: u64,
    reported_at: Option<UtcMicros>,
}

impl Source {
    fn settle(&mut self, now: UtcMicros) {
        let passed_s = (now.0 - self.at.0).max(0) as f64 / MICROS_PER_S as f64;
        self.used = (self.used - passed_s * A_SECOND).max(0.0);
        self.at = now;
    }

    fn is_due(&self, now: UtcMicros) -> bool {
        self.unreported > 0 && self.reported_at.is_none_or(|at| now >= at.plus_s(REPORTED_EVERY_S))
    }
}

/// What one address did since the report before.
#[derive(Debug, PartialEq)]
struct Report {
    /// `None`: several.
    address: Option<IpAddr>,
    failures: u64,
}

impl Inside {
    fn source(&mut self, address: IpAddr, now: UtcMicros) -> &mut Source {
        let network = network_of(address);
        if !self.sources.contains_key(&network) && self.sources.len() >= SOURCES {
            self.forget(now);
        }
        let source = if self.sources.len() < SOURCES || self.sources.contains_key(&network) {
            let source = self.sources.entry(network).or_default();
            source.address = Some(address);
            source
        } else {
            &mut self.others
        };
        source.settle(now);
        source
    }

    /// Forgets those who have nothing used up and nothing to be reported.
    fn forget(&mut self, now: UtcMicros) {
        self.sources.retain(|_, source| {
            source.settle(now);
            let is_reported = source.reported_at.is_some_and(|at| now < at.plus_s(REPORTED_EVERY_S));
            source.used > 0.0 || source.unreported > 0 || is_reported
        });
    }

    /// What is to be reported now; with `all`, whatever there is.
    fn due(&mut self, now: UtcMicros, all: bool) -> Vec<Report> {
        if now >= self.reports.0.plus_s(REPORTED_EVERY_S) {
            self.reports = (now, 0);
        }
        let mut due = Vec::new();
        for source in self.sources.values_mut().filter(|s| s.unreported > 0 && (all || s.is_due(now))) {
            if self.reports.1 >= REPORTED_AT_ONCE {
                self.others.unreported += source.unreported;
            } else {
                due.push(Report { address: source.address, failures: source.unreported });
                self.reports.1 += 1;
            }
            (source.unreported, source.reported_at) = (0, Some(now));
        }
        if self.others.unreported > 0 && (all || self.others.is_due(now)) {
            due.push(Report { address: None, failures: self.others.unreported });
            (self.others.unreported, self.others.reported_at) = (0, Some(now));
        }
        self.forget(now);
        due
    }
}

impl Attempts {
    /// Registers what is measured.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let r = registry.sub_registry_with_prefix("kv_http");
        r.register("key_failures", "Keys that were not valid, by the answer's status", self.failures.clone());
    }

    /// Notes that a key from `address` was not valid; the answer. Without an address nothing is limited.
    pub(crate) fn fail(&self, address: Option<IpAddr>, now: UtcMicros) -> Problem {
        let Some(address) = address else { return Problem::key_needed() };
        let mut inside = self.inside.lock();
        let source = inside.source(address, now);
        source.unreported += 1;
        if source.is_due(now) {
            self.news.notify_one();
        }
        let beyond = source.used + 1.0 - AT_ONCE;
        if beyond <= 0.0 {
            source.used += 1.0;
        }
        drop(inside);
        let status = if beyond > 0.0 { 429 } else { 401 };
        self.failures.get_or_create(&Answered { status }).inc();
        if beyond > 0.0 {
            Problem::too_many_failures((beyond / A_SECOND).ceil() as u64)
        } else {
            Problem::key_needed()
        }
    }

    /// Whether `address` has failed so often that its keys are only asked for when they are in the list.
    fn has_failed(&self, address: Option<IpAddr>, now: UtcMicros) -> bool {
        let Some(address) = address else { return false };
        let mut inside = self.inside.lock();
        let Inside { sources, others, .. } = &mut *inside;
        let is_full = sources.len() >= SOURCES;
        let source = sources.get_mut(&network_of(address)).or_else(|| is_full.then_some(others));
        source.is_some_and(|source| {
            source.settle(now);
            source.used + 1.0 > AT_ONCE
        })
    }

    /// Whether the database is to be asked for a key from `address`.
    ///
    /// # Errors
    /// The database is not available.
    pub(crate) async fn is_worth_asking(
        &self,
        pool: &store::Pool,
        hash: &KeyHash,
        address: Option<IpAddr>,
        now: UtcMicros,
    ) -> Result<bool, store::StoreError> {
        if !self.has_failed(address, now) {
            return Ok(true);
        }
        let mut valid = self.valid.lock().await;
        let hashes = match valid.take() {
            Some((at, hashes)) if at.elapsed() < LIST_AGE => (at, hashes),
            _ => (Instant::now(), store::keys::hashes(pool).await?.into_iter().collect()),
        };
        Ok(valid.insert(hashes).1.contains(hash))
    }

    /// Logs and writes to the audit who failed and how often, until `stop`: the first failure of an address at
    /// once, then once a minute.
    pub async fn report(self: Arc<Self>, pool: store::Pool, clock: crate::Clock, stop: CancellationToken) {
        loop {
            let is_over = tokio::select! {
                () = stop.cancelled() => true,
                () = self.news.notified() => false,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let due = self.inside.lock().due(clock(), is_over);
            for report in due {
                self.note(&pool, report).await;
            }
            if is_over {
                return;
            }
        }
    }

    async fn note(&self, pool: &store::Pool, report: Report) {
        let Report { address, failures } = report;
        let source = address.map_or("several networks".to_owned(), about);
        warn!("{failures} invalid keys were sent from {source}");
        let deed = Deed {
            action: "authenticate",
            after: Some(json!({ "failures": failures })),
            outcome: Outcome::Refused,
            ..Deed::default()
        };
        let actor = Actor { name: "public".to_owned(), role: None, address };
        if let Err(error) = store::audit::note(pool, &actor, deed).await {
            warn!("that cannot be written to the audit: {error}");
        }
    }
}

/// A network without who in it: logs keep no addresses.
fn about(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    const NOW: UtcMicros = UtcMicros(1_795_435_200_000_000);

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0xc000_0200 + n))
    }

    fn status(attempts: &Attempts, n: u32, now: UtcMicros) -> u16 {
        attempts.fail(Some(address(n)), now).into_response().status().as_u16()
    }

    #[test]
    fn who_fails_too_often_waits_and_others_do_not() {
        let attempts = Attempts::default();
        for _ in 0..AT_ONCE as u32 {
            assert_eq!(status(&attempts, 1, NOW), 401);
        }
        let refused = attempts.fail(Some(address(1)), NOW).into_response();
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["retry-after"]),
            (429, &"1".parse().unwrap())
        );
        assert!(attempts.has_failed(Some(address(1)), NOW) && !attempts.has_failed(Some(address(2)), NOW));
        assert_eq!(status(&attempts, 2, NOW), 401);
        assert_eq!(status(&attempts, 1, NOW.plus_s(1)), 401);
        assert_eq!(attempts.fail(None, NOW).into_response().status(), 401, "not over a network");
    }

    #[test]
    fn a_flood_is_a_bounded_number_of_rows_and_none_is_lost() {
        let attempts = Attempts::default();
        for round in 0..3 {
            let now = NOW.plus_s(round * REPORTED_EVERY_S);
            for n in 0..50_000 {
                attempts.fail(Some(address(n % 10_000)), now);
            }
            let mut inside = attempts.inside.lock();
            assert!(inside.sources.len() <= SOURCES);
            let due = inside.due(now, false);
            assert!(due.len() <= REPORTED_AT_ONCE + 1, "{} rows", due.len());
            assert_eq!(due.iter().map(|report| report.failures).sum::<u64>(), 50_000);
            assert!(inside.due(now.plus_s(1), false).is_empty());
        }
        let mut inside = attempts.inside.lock();
        inside.due(NOW.plus_s(3_600), true);
        assert!(inside.sources.is_empty(), "nobody is remembered for longer than it counts");
    }

    #[test]
    fn logs_name_networks() {
        assert_eq!(about(address(7)), "192.0.2.0/24");
        assert_eq!(about("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }
}
