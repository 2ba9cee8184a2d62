//! Sends the past: applies faults to statements, and sends them in batches at the pace of the receiver.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use indicatif::ProgressBar;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::pace::Pace;
use super::past::{BayStatement, Past};
use super::{FEED, HistoryConfig, HistorySummary, town};
use crate::agenda::Agenda;
use crate::encode::native::{self, Bay, Element, Observation};
use crate::faults::{Sending, Wire};
use crate::message::{Claim, Message, Statement, state_name};
use crate::mqtt::Outbound;
use crate::progress;
use crate::truth::Truth;

/// Statements in a message: some 45 kB, well below the 1 MiB that a batch may have.
const BATCH: usize = 500;
/// Messages without an acknowledgement of the broker.
const IN_FLIGHT: usize = 64;
/// Interval of log lines where there is no progress bar.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// The past being sent.
pub(super) struct PastSender {
    start: Timestamp,
    ids: Vec<String>,
    wire: Wire,
    held_back: Agenda<i64, BayStatement>,
    elements: Vec<Element>,
    truth: Truth,
    window: Arc<Semaphore>,
    outbox: mpsc::Sender<Outbound<OwnedSemaphorePermit>>,
    pace: Option<Pace>,
    bar: ProgressBar,
    logged_at: Instant,
    summary: HistorySummary,
}

impl PastSender {
    pub(super) fn new(
        cfg: &HistoryConfig,
        start: Timestamp,
        truth: Truth,
        outbox: mpsc::Sender<Outbound<OwnedSemaphorePermit>>,
        pace: Option<Pace>,
    ) -> Self {
        PastSender {
            start,
            ids: (0..cfg.bays).map(town::bay_id).collect(),
            wire: Wire::new(cfg.faults, cfg.seed),
            held_back: Agenda::new(),
            elements: Vec::with_capacity(BATCH),
            truth,
            window: Arc::new(Semaphore::new(IN_FLIGHT)),
            outbox,
            pace,
            bar: progress::bar(
                cfg.span.as_secs().max(0) as u64,
                "{elapsed_precise} [{wide_bar}] {msg}, {eta} left",
            ),
            logged_at: Instant::now(),
            summary: HistorySummary::default(),
        }
    }

    /// Sends it to the end.
    pub(super) async fn send_all(&mut self, past: Past, until_s: i64) -> std::io::Result<()> {
        if let Some(pace) = &mut self.pace {
            pace.ready().await;
        }
        for statement in past {
            self.release(statement.at_s).await;
            let at = self.at(statement.at_s);
            self.truth.bay(&self.ids[statement.bay as usize], at, statement.occupied, statement.cause)?;
            let fate = self.wire.fate();
            let Some(wait_s) = fate.wait_s else {
                self.lose(statement, at, fate.faults)?;
                continue;
            };
            let copy_s = fate.copy_after_s.map(|after_s| wait_s + after_s);
            for wait_s in std::iter::once(wait_s).chain(copy_s) {
                self.held_back.plan(statement.at_s + wait_s as i64, statement);
            }
        }
        self.release(i64::MAX).await;
        self.send().await;
        if let Some(pace) = &mut self.pace {
            while !pace.arrived(self.summary.messages).await {
                tracing::info!("waiting for the last messages to arrive");
            }
        }
        self.truth.end(self.at(until_s))
    }

    /// Stops sending.
    pub(super) fn finish(mut self) -> std::io::Result<HistorySummary> {
        self.bar.finish_and_clear();
        self.truth.flush()?;
        Ok(self.summary)
    }

    /// Sends statements that are due by `until_s`.
    async fn release(&mut self, until_s: i64) {
        while let Some((due_s, BayStatement { bay, at_s, occupied, .. })) = self.held_back.next_until(until_s)
        {
            let topic = format!("bay/{}", self.ids[bay as usize]);
            let bay = Bay { at: self.at(at_s), state: state_name(occupied), seq: None };
            self.elements.push(Element { topic, observation: Observation::Bay(bay) });
            if self.elements.len() == BATCH {
                self.send().await;
                self.progress(due_s);
            }
        }
    }

    async fn send(&mut self) {
        if self.elements.is_empty() {
            return;
        }
        if let Some(pace) = &mut self.pace {
            pace.admit(self.summary.messages).await;
        }
        let (topic, payload) = native::batch(FEED, &self.elements);
        let statements = self.elements.len() as u64;
        self.elements.clear();
        loop {
            // Released by the acknowledgement, with the message. Nobody closes the semaphore.
            let Ok(permit) = Arc::clone(&self.window).acquire_owned().await else { return };
            let message = Outbound { topic: topic.clone(), payload: payload.clone(), tag: permit };
            if self.outbox.send(message).await.is_err() {
                return;
            }
            // The first one is repeated until it arrives: a feed that was just imported may not be
            // subscribed yet. A duplicate changes nothing.
            let has_begun = match &mut self.pace {
                Some(pace) if self.summary.messages == 0 => pace.arrived(1).await,
                _ => true,
            };
            if has_begun {
                break;
            }
            tracing::info!("the feed '{FEED}' does not listen yet");
        }
        self.summary.messages += 1;
        self.summary.statements += statements;
    }

    fn lose(
        &mut self,
        statement: BayStatement,
        at: Timestamp,
        faults: Vec<&'static str>,
    ) -> std::io::Result<()> {
        self.summary.lost += 1;
        let id = &self.ids[statement.bay as usize];
        let topic = format!("bay/{id}");
        let claim = Claim::Bay { state: state_name(statement.occupied), sensor: None };
        let statements = vec![Statement::new("bay", id, at, claim)];
        let message = Message { topic, payload: Bytes::new(), intended_utc: at, statements };
        self.truth.sent(&Sending { message, at: None, faults }, None)
    }

    fn progress(&mut self, at_s: i64) {
        self.bar.set_position(at_s.max(0) as u64);
        let took_s = self.bar.elapsed().as_secs_f64().max(0.001);
        let rate = self.summary.statements as f64 / took_s;
        let now = self.at(at_s).strftime("%Y-%m-%d").to_string();
        let message = format!("{now}, {} statements, {rate:.0}/s", self.summary.statements);
        if self.bar.is_hidden() && self.logged_at.elapsed() >= LOG_EVERY {
            self.logged_at = Instant::now();
            tracing::info!(eta_s = self.bar.eta().as_secs(), "{message}");
        }
        self.bar.set_message(message);
    }

    fn at(&self, elapsed_s: i64) -> Timestamp {
        Timestamp::from_second(self.start.as_second().saturating_add(elapsed_s)).unwrap_or(Timestamp::MAX)
    }
}
