//! The schedule of observations, fixed before the first message goes out.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::files::{FEED, bay_id};
use super::{LoadConfig, Unseen, lock};
use crate::clock::later;
use crate::encode::native::{self, Bay, Element, Observation};
use crate::message::state_name;
use crate::mqtt::Outbound;

/// A message in flight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    /// `None` while warming up.
    pub(super) intended: Option<Instant>,
    pub(super) observations: u32,
}

/// The figures of a sender in the measured time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sent {
    pub(super) messages: u64,
    pub(super) observations: u64,
    /// The most a message went out after its intended time, microseconds.
    pub(super) most_behind_us: u64,
}

impl std::ops::AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.observations += other.observations;
        self.most_behind_us = self.most_behind_us.max(other.most_behind_us);
    }
}

/// The plan of one run. Message `n` carries the observations `n * batch ..`, observation `i` is
/// about bay `i % bays` and flips it.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    bays: u64,
    batch: u64,
    connections: u64,
    messages: u64,
    warmup_messages: u64,
    every: Duration,
    start: Instant,
    start_utc: Timestamp,
}

impl Schedule {
    pub(super) fn new(cfg: &LoadConfig, start_utc: Timestamp, start: Instant) -> Self {
        let message_rate = cfg.rate_per_s / f64::from(cfg.batch);
        let count = |s: f64| (s * message_rate).round() as u64;
        Self {
            bays: u64::from(cfg.bays),
            batch: u64::from(cfg.batch),
            connections: u64::from(cfg.connections),
            warmup_messages: count(cfg.warmup_s),
            messages: count(cfg.warmup_s) + count(cfg.duration_s).max(1),
            every: Duration::from_secs_f64(1.0 / message_rate),
            start,
            start_utc,
        }
    }

    pub(super) fn observations(&self) -> u64 {
        self.messages * self.batch
    }

    /// Seconds since the measured time began.
    pub(super) fn measured_s(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.start + self.offset(self.warmup_messages)).as_secs_f64()
    }

    /// From the start to the intended time of a message.
    fn offset(&self, message: u64) -> Duration {
        Duration::from_nanos((self.every.as_nanos() * u128::from(message)).min(u128::from(u64::MAX)) as u64)
    }

    /// Sends the share of one connection, each message when it is due.
    pub(super) async fn send(
        self,
        connection: u64,
        outbox: mpsc::Sender<Outbound<Tag>>,
        watched: Option<Unseen>,
        bar: ProgressBar,
        stop: CancellationToken,
    ) -> Sent {
        let mut sent = Sent::default();
        let mut message = connection;
        while message < self.messages {
            let offset = self.offset(message);
            let intended = self.start + offset;
            if intended > Instant::now() {
                tokio::select! {
                    () = tokio::time::sleep_until(intended.into()) => {}
                    () = stop.cancelled() => break,
                }
            } else if stop.is_cancelled() {
                break;
            }
            let is_measured = message >= self.warmup_messages;
            let (topic, payload) =
                self.payload(message, offset, intended, is_measured.then_some(watched.as_ref()).flatten());
            let tag = Tag { intended: is_measured.then_some(intended), observations: self.batch as u32 };
            if outbox.send(Outbound { topic, payload, tag }).await.is_err() {
                break;
            }
            if is_measured {
                sent += Sent {
                    messages: 1,
                    observations: self.batch,
                    most_behind_us: intended.elapsed().as_micros() as u64,
                };
            }
            bar.inc(self.batch);
            message += self.connections;
        }
        sent
    }

    fn payload(
        &self,
        message: u64,
        offset: Duration,
        intended: Instant,
        watched: Option<&Unseen>,
    ) -> (String, bytes::Bytes) {
        let offset_us = offset.as_micros() as i64;
        let at = later(self.start_utc, SignedDuration::from_micros(offset_us));
        // What is sent is what is looked for: cut to whole microseconds first.
        let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        let first = message * self.batch;
        let elements: Vec<Element> = (first..first + self.batch)
            .map(|observation| {
                let bay = (observation % self.bays) as u32 + 1;
                let state = state_name((observation / self.bays).is_multiple_of(2));
                if let Some(unseen) = watched {
                    lock(unseen).insert((bay, at.as_microsecond()), intended);
                }
                let observation = Observation::Bay(Bay { at, state, seq: None });
                Element { topic: format!("bay/{}", bay_id(bay)), observation }
            })
            .collect();
        match elements.as_slice() {
            [single] => native::single(FEED, single),
            many => native::batch(FEED, many),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bays_take_turns_and_alternate() {
        let mut cfg = LoadConfig::new("mqtt://localhost");
        (cfg.bays, cfg.rate_per_s, cfg.duration_s, cfg.warmup_s) = (3, 10.0, 1.0, 0.5);
        let start: Timestamp = "2026-11-22T12:00:00.1234567Z".parse().unwrap();
        let schedule = Schedule::new(&cfg, start, Instant::now());
        assert_eq!((schedule.messages, schedule.warmup_messages), (15, 5));
        let unseen = Unseen::default();
        let sent_states: Vec<(String, serde_json::Value)> = (0..15)
            .map(|n| {
                let (topic, payload) = schedule.payload(n, schedule.offset(n), schedule.start, Some(&unseen));
                (topic, serde_json::from_slice(&payload).unwrap())
            })
            .collect();
        assert_eq!(sent_states[0].0, "kv/1/load/bay/load-000001");
        assert_eq!(sent_states[0].1["at"], "2026-11-22T12:00:00.123456Z");
        assert_eq!(sent_states[5].1["at"], "2026-11-22T12:00:00.623456Z");
        let states: Vec<_> = sent_states.iter().step_by(3).map(|s| s.1["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["occupied", "vacant", "occupied", "vacant", "occupied"]);
        assert_eq!(lock(&unseen).len(), 15);
    }

    #[test]
    fn a_batch_holds_each_bay_once() {
        let mut cfg = LoadConfig::new("mqtt://localhost");
        (cfg.bays, cfg.batch, cfg.rate_per_s) = (50, 20, 1_000.0);
        let schedule = Schedule::new(&cfg, Timestamp::now(), Instant::now());
        assert_eq!(schedule.every, Duration::from_millis(20));
        let (topic, payload) = schedule.payload(2, Duration::ZERO, schedule.start, None);
        assert_eq!(topic, "kv/1/load/batch");
        let elements: Vec<serde_json::Value> = serde_json::from_slice(&payload).unwrap();
        assert_eq!((elements.len(), &elements[10]["topic"]), (20, &"bay/load-000001".into()));
    }
}
