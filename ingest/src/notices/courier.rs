//! Delivers one notice, and says what follows from how that ended.

use std::sync::Arc;
use std::time::Duration;

use domain::notice::{NoticeRule, Target};
use domain::{Registry, UtcMicros};
use store::notices::{Attempted, DueNotice};
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64;

use super::payload::Payload;
use super::{mail, publish, webhook};
use crate::sessions::BrokerAccess;

/// The first pause after a failure, seconds; each further one is twice as long.
const FIRST_PAUSE_S: i64 = 10;

/// The longest pause, seconds: what is back gets its notices soon.
const LONGEST_PAUSE_S: i64 = 900;

/// Pauses are up to a fifth longer: receivers that failed together are not asked together.
const JITTER: f64 = 0.2;

/// From connecting to the receiver's answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module's description.
pub(super) struct Courier {
    brokers: BrokerAccess,
    registry: watch::Receiver<Arc<Registry>>,
    /// How long a receiver has for its answer.
    pub(super) patience: Duration,
}

impl Courier {
    pub(super) fn new(brokers: BrokerAccess, registry: watch::Receiver<Arc<Registry>>) -> Self {
        Courier { brokers, registry, patience: PATIENCE }
    }

    /// Delivers what is due at `now`.
    pub(super) async fn attempt(&self, due: &DueNotice, now: UtcMicros) -> Attempted {
        let delivery = &due.delivery;
        let payload = Payload {
            id: &delivery.id,
            sent_at: now,
            attempt: delivery.attempts + 1,
            notice: &delivery.body.0,
        };
        match self.deliver(&due.rule.0, &payload).await {
            Ok(()) => Attempted::Delivered,
            Err(error) => {
                let next_attempt = now.plus_s(pause_s(delivery.attempts, &delivery.id));
                if now >= delivery.expires_at {
                    Attempted::Dead { error }
                } else {
                    Attempted::Again { error, next_attempt: next_attempt.min(delivery.expires_at) }
                }
            }
        }
    }

    async fn deliver(&self, rule: &NoticeRule, payload: &Payload<'_>) -> Result<(), String> {
        let files = &self.brokers.secret_files;
        match rule.target() {
            Some(Target::Webhook { url, secret_file, allow_private }) => {
                let receiver = webhook::Receiver { url, secret_file, allow_private, patience: self.patience };
                receiver.post(payload, files).await
            }
            Some(Target::Mqtt { broker, topic }) => {
                let registry = self.registry.borrow().clone();
                Box::pin(publish::publish(
                    &self.brokers,
                    &registry,
                    broker,
                    topic,
                    payload.json()?,
                    self.patience,
                ))
                .await
            }
            Some(Target::Smtp(smtp)) => {
                Box::pin(mail::send(smtp, rule.lang, payload, files, self.patience)).await
            }
            None => Err("its rule names no receiver; correct notices.toml and import it".to_owned()),
        }
    }
}

/// How long to wait after so many failures before.
fn pause_s(failures: i32, id: &str) -> i64 {
    let doublings = failures.clamp(0, 20) as u32;
    let pause_s = FIRST_PAUSE_S.saturating_mul(1 << doublings).min(LONGEST_PAUSE_S);
    let spread = xxh3_64(format!("{id} {failures}").as_bytes()) as f64 / u64::MAX as f64;
    pause_s + (pause_s as f64 * JITTER * spread) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let of = |failures| pause_s(failures, "a");
        assert!((10..=12).contains(&of(0)) && (20..=24).contains(&of(1)) && (640..=768).contains(&of(6)));
        for failures in [7, 20, 500, i32::MAX] {
            assert!((900..=1_080).contains(&of(failures)), "{failures}");
        }
        let all: std::collections::BTreeSet<i64> = (0..50).map(|n| pause_s(9, &n.to_string())).collect();
        assert!(all.len() > 25, "{all:?}");
    }
}
