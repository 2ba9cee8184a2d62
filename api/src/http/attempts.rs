//! Refused attempts: keys that are not valid, and requests that a key does not allow. An address with too many invalid
//! keys gets 429 instead of 401 and costs no more queries; a valid key is accepted from any address at any time.
//! Attempts are logged and audited, counted by their origin.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::time::Clock;
use domain::time::MICROS_PER_S;
use domain::{MunicipalityId, UtcMicros};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::json;
use store::audit::{Actor, AuditEvent, AuditOutcome};
use store::keys::{KeyHash, StoredKey};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::http::client::Tried;
use crate::http::event_counts::{EventCounts, REMEMBERED, Report};
use crate::http::problem::Problem;
use domain::address::network_of;

/// Burst of failures per address: a dashboard whose key has expired sends all its requests at once.
const AT_ONCE: f64 = 200.0;

/// Sustained failures per second and address.
const A_SECOND: f64 = 2.0;

/// How often due reports are written.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Longest age of the list of valid hashes that is consulted for addresses with too many failures.
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
    /// Notifies that a report is due.
    report_due: Notify,
    failures: Family<Answered, Counter>,
}

#[derive(Default)]
struct Inside {
    budgets: HashMap<IpAddr, Budget>,
    /// Attempts beyond those counted by origin.
    others: Budget,
    strangers: EventCounts<Cause, Origin>,
    /// Counted apart from strangers, so that no flood of guesses hides what known keys tried.
    keys: EventCounts<Cause, Origin>,
}

/// Failures of a network, less those that have expired.
#[derive(Clone, Copy, Default)]
struct Budget {
    used: f64,
    at: UtcMicros,
}

impl Budget {
    fn settle(&mut self, now: UtcMicros) {
        let passed_s = (now.0 - self.at.0).max(0) as f64 / MICROS_PER_S as f64;
        self.used = (self.used - passed_s * A_SECOND).max(0.0);
        self.at = now;
    }
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Cause {
    /// `None`: there was none, or one that never was valid.
    key: Option<RefusedKey>,
    /// What was requested; `None`: a stranger only read.
    route: Option<Arc<str>>,
    network: Option<IpAddr>,
}

/// A known key that did not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct RefusedKey {
    id: i32,
    /// Whether it is valid but of another role; else it is revoked or expired.
    is_valid: bool,
}

/// What else the audit says of an attempt.
#[derive(Debug, Clone, PartialEq, Default)]
struct Origin {
    /// The last one of the network.
    address: Option<IpAddr>,
    role: Option<String>,
    municipalities: Vec<MunicipalityId>,
}

impl Inside {
    fn budget(&mut self, address: IpAddr, now: UtcMicros) -> &mut Budget {
        let network = network_of(address);
        if self.budgets.len() >= REMEMBERED && !self.budgets.contains_key(&network) {
            self.forget(now);
        }
        let budget = if self.budgets.len() < REMEMBERED || self.budgets.contains_key(&network) {
            self.budgets.entry(network).or_default()
        } else {
            &mut self.others
        };
        budget.settle(now);
        budget
    }

    /// Drops networks whose failures have all expired.
    fn forget(&mut self, now: UtcMicros) {
        self.budgets.retain(|_, budget| {
            budget.settle(now);
            budget.used > 0.0
        });
    }
}

impl Attempts {
    /// Registers the metrics.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let r = registry.sub_registry_with_prefix("kv_http");
        r.register("key_failures", "Keys that were not valid, by the answer's status", self.failures.clone());
    }

    /// Notes an invalid key (`ended`: it was valid once) and returns the answer. Without an address nothing is limited.
    pub(crate) fn fail(&self, tried: &Tried, ended: Option<&StoredKey>, now: UtcMicros) -> Problem {
        match ended {
            Some(key) => self.note_key(tried, key, false, now),
            None => self.note_stranger(tried, now),
        }
        let beyond = tried.address.map_or(0.0, |address| {
            let mut inside = self.inside.lock();
            let budget = inside.budget(address, now);
            let beyond = budget.used + 1.0 - AT_ONCE;
            if beyond <= 0.0 {
                budget.used += 1.0;
            }
            beyond
        });
        let status = if beyond > 0.0 { 429 } else { 401 };
        self.failures.get_or_create(&Answered { status }).inc();
        if beyond > 0.0 {
            Problem::too_many_failures((beyond / A_SECOND).ceil() as u64)
        } else {
            Problem::key_needed()
        }
    }

    /// Notes a request without a valid key.
    pub(crate) fn note_stranger(&self, tried: &Tried, now: UtcMicros) {
        let route = tried.is_writing.then(|| tried.route.clone());
        let cause = Cause { key: None, route, network: tried.address.map(network_of) };
        self.note(cause, Origin { address: tried.address, ..Origin::default() }, 1, now);
    }

    /// Notes that `key` did not suffice: it is of another role (`is_valid`), or ended.
    pub(crate) fn note_key(&self, tried: &Tried, key: &StoredKey, is_valid: bool, now: UtcMicros) {
        let cause = Cause {
            key: Some(RefusedKey { id: key.id, is_valid }),
            route: Some(tried.route.clone()),
            network: tried.address.map(network_of),
        };
        let (role, municipalities) = (Some(key.role.clone()), key.municipalities.clone());
        self.note(cause, Origin { address: tried.address, role, municipalities }, 1, now);
    }

    fn note(&self, cause: Cause, origin: Origin, count: u64, now: UtcMicros) {
        let mut inside = self.inside.lock();
        let counts = if cause.key.is_some() { &mut inside.keys } else { &mut inside.strangers };
        if counts.add(cause, origin, count, now) {
            self.report_due.notify_one();
        }
    }

    /// Whether `address` has failed so often that only keys in the list of valid hashes are looked up.
    fn has_failed(&self, address: Option<IpAddr>, now: UtcMicros) -> bool {
        let Some(address) = address else { return false };
        let mut inside = self.inside.lock();
        let Inside { budgets, others, .. } = &mut *inside;
        let is_full = budgets.len() >= REMEMBERED;
        let budget = budgets.get_mut(&network_of(address)).or_else(|| is_full.then_some(others));
        budget.is_some_and(|budget| {
            budget.settle(now);
            budget.used + 1.0 > AT_ONCE
        })
    }

    /// Whether a key from `address` is looked up in the database.
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

    /// Logs and writes to the audit who tried what and how often, until `stop`: the first attempt of its kind at
    /// once, then once a minute.
    pub async fn report(self: Arc<Self>, pool: store::Pool, clock: Clock, stop: CancellationToken) {
        loop {
            let is_over = tokio::select! {
                () = stop.cancelled() => true,
                () = self.report_due.notified() => false,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let now = clock();
            let (strangers, keys) = {
                let mut inside = self.inside.lock();
                inside.forget(now);
                (inside.strangers.due(now, is_over), inside.keys.due(now, is_over))
            };
            let strangers = strangers.into_iter().map(|report| (of_stranger(&report), report));
            for ((actor, event), report) in
                strangers.chain(keys.into_iter().map(|report| (of_key(&report), report)))
            {
                let Err(error) = store::audit::note(&pool, &actor, event).await else { continue };
                warn!("that cannot be written to the audit, and is written with what follows: {error}");
                if let Some((cause, origin)) = report.cause {
                    self.note(cause, origin, report.count, now);
                }
            }
            if is_over {
                return;
            }
        }
    }
}

fn refused(action: &'static str, failures: u64) -> AuditEvent {
    AuditEvent {
        action,
        after: Some(json!({ "failures": failures })),
        outcome: AuditOutcome::Refused,
        ..AuditEvent::default()
    }
}

fn of_stranger(report: &Report<Cause, Origin>) -> (Actor, AuditEvent) {
    let address = report.cause.as_ref().and_then(|(_, origin)| origin.address);
    let route = report.cause.as_ref().and_then(|(cause, _)| cause.route.as_deref());
    let (failures, source) = (report.count, address.map_or("several networks".to_owned(), about));
    warn!(route, "{failures} requests without a valid key came from {source}");
    let event = AuditEvent { subject: route.map(str::to_owned), ..refused("authenticate", failures) };
    (Actor { name: "public".to_owned(), role: None, address }, event)
}

fn of_key(report: &Report<Cause, Origin>) -> (Actor, AuditEvent) {
    let failures = report.count;
    let Some((Cause { key: Some(key), route, .. }, origin)) = &report.cause else {
        warn!("{failures} requests with several keys were refused");
        let actor = Actor { name: "several keys".to_owned(), ..Actor::default() };
        return (actor, refused("authorize", failures));
    };
    let (action, why) = match key.is_valid {
        true => ("authorize", "its role or municipality does not cover this"),
        false => ("authenticate", "it was revoked or has expired"),
    };
    warn!(route = route.as_deref(), "{failures} requests with key {} were refused: {why}", key.id);
    let event = AuditEvent {
        subject: route.as_deref().map(str::to_owned),
        municipalities: origin.municipalities.clone(),
        ..refused(action, failures)
    };
    let name = format!("key {}", key.id);
    (Actor { name, role: origin.role.clone(), address: origin.address }, event)
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

    fn tried(address: Option<IpAddr>) -> Tried {
        Tried { address, route: "GET /v1/feeds".into(), is_writing: false }
    }

    fn status(attempts: &Attempts, n: u32, now: UtcMicros) -> u16 {
        attempts.fail(&tried(Some(address(n))), None, now).into_response().status().as_u16()
    }

    #[test]
    fn who_fails_too_often_waits_and_others_do_not() {
        let attempts = Attempts::default();
        for _ in 0..AT_ONCE as u32 {
            assert_eq!(status(&attempts, 1, NOW), 401);
        }
        let refused = attempts.fail(&tried(Some(address(1))), None, NOW).into_response();
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["retry-after"]),
            (429, &"1".parse().unwrap())
        );
        assert!(attempts.has_failed(Some(address(1)), NOW) && !attempts.has_failed(Some(address(2)), NOW));
        assert_eq!(status(&attempts, 2, NOW), 401);
        assert_eq!(status(&attempts, 1, NOW.plus_s(1)), 401);
        let answer = attempts.fail(&tried(None), None, NOW).into_response();
        assert_eq!(answer.status(), 401, "not over a network");
    }

    #[test]
    fn a_flood_is_remembered_within_bounds() {
        let attempts = Attempts::default();
        for n in 0..2 * REMEMBERED as u32 {
            status(&attempts, n, NOW);
        }
        let mut inside = attempts.inside.lock();
        assert_eq!(inside.budgets.len(), REMEMBERED);
        inside.forget(NOW.plus_s(3_600));
        assert!(inside.budgets.is_empty(), "nobody is remembered for longer than it counts");
    }

    #[test]
    fn logs_name_networks() {
        assert_eq!(about(address(7)), "192.0.2.0/24");
        assert_eq!(about("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }
}
