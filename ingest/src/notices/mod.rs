//! Notices: finds what is worth one and delivers it, in one process of all that use the database.
//!
//! What is found and what is to be delivered are rows of one transaction ([`lookout`]); a notice is delivered until its receiver
//! has it ([`courier`]). So a restart loses nothing and repeats at most what was on its way, under the same id.

mod courier;
mod lookout;
mod mail;
mod payload;
mod publish;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Registry;
use domain::time::Clock;
use store::notices::{self, Attempted, Notifier};
use store::pool::ConnectOptions;
use store::{Connection, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::courier::Courier;
use crate::notice_metrics::NoticeMetrics;
use crate::sessions::BrokerAccess;

/// How often causes are looked for: reasons must hold for minutes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often notices that are due are delivered.
const DELIVER_EVERY: Duration = Duration::from_secs(1);

/// How long after a failure, or while another process notifies.
const RETRY: Duration = Duration::from_secs(5);

/// How long deliveries under way have at the end: what is recorded is not delivered twice.
const END: Duration = Duration::from_millis(500);

/// What notices need.
pub(crate) struct Context {
    pub database: ConnectOptions,
    pub brokers: BrokerAccess,
    /// The places as they are.
    pub registry: watch::Receiver<Arc<Registry>>,
    pub clock: Clock,
    pub metrics: Arc<NoticeMetrics>,
}

/// An attempt to deliver that has ended.
struct Ended {
    seq: i64,
    rule: String,
    attempted: Attempted,
}

struct Desk {
    courier: Arc<Courier>,
    clock: Clock,
    metrics: Arc<NoticeMetrics>,
    under_way: JoinSet<Ended>,
    /// Rules whose oldest notice is under way, or has ended and is not recorded: their next one waits.
    busy: BTreeMap<String, Option<Ended>>,
}

/// Notifies until cancelled.
pub(crate) async fn run(context: Context, cancel: CancellationToken) {
    let Context { database, brokers, registry, clock, metrics } = context;
    let courier = Arc::new(Courier::new(brokers, registry));
    let (under_way, busy) = (JoinSet::new(), BTreeMap::new());
    let mut desk = Desk { courier, clock, metrics, under_way, busy };
    let (mut notifier, mut is_failing) = (None, false);
    loop {
        let worked = cancel.run_until_cancelled(async {
            notifier = Notifier::become_it(&database).await?;
            match &mut notifier {
                Some(notifier) => desk.work(notifier.connection(), &mut is_failing).await,
                None => Ok(()),
            }
        });
        match worked.await {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) if !std::mem::replace(&mut is_failing, true) => {
                warn!("notices wait: {error}");
            }
            Some(Err(_)) => {}
        }
        // Another process may have it meanwhile.
        notifier = None;
        if cancel.run_until_cancelled(tokio::time::sleep(RETRY)).await.is_none() {
            break;
        }
    }
    if let Some(mut notifier) = notifier {
        let _ = tokio::time::timeout(END, desk.finish(notifier.connection())).await;
    }
}

impl Desk {
    /// Finds and delivers until the database fails.
    async fn work(&mut self, conn: &mut Connection, is_failing: &mut bool) -> Result<(), StoreError> {
        let (mut look, mut deliver) =
            (tokio::time::interval(LOOK_EVERY), tokio::time::interval(DELIVER_EVERY));
        loop {
            tokio::select! {
                _ = look.tick() => {
                    lookout::look(conn, (self.clock)()).await?;
                    self.metrics.waiting(&notices::counts(conn).await?);
                }
                _ = deliver.tick() => self.start_due(conn).await?,
                Some(ended) = self.under_way.join_next() => {
                    self.ended(ended);
                    self.record(conn).await?;
                    self.start_due(conn).await?;
                }
            }
            if std::mem::replace(is_failing, false) {
                info!("notices are found and delivered again");
            }
        }
    }

    /// Starts delivering what is due; one notice of each rule at a time, so that their order holds and none waits for
    /// another's receiver.
    async fn start_due(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        self.record(conn).await?;
        if self.under_way.is_empty() {
            self.busy.clear();
        }
        for due in notices::due(conn, (self.clock)()).await? {
            let rule = due.rule.0.id.clone();
            if self.busy.contains_key(&rule) {
                continue;
            }
            self.busy.insert(rule.clone(), None);
            let (courier, clock, metrics) = (self.courier.clone(), self.clock.clone(), self.metrics.clone());
            self.under_way.spawn(async move {
                let seq = due.delivery.seq;
                let attempted = courier.attempt(&due, (clock)()).await;
                metrics.attempted(&due, &attempted);
                Ended { seq, rule, attempted }
            });
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(ended) => {
                self.busy.insert(ended.rule.clone(), Some(ended));
            }
            // It is started again once nothing is under way: which one it was is not known.
            Err(error) => error!("delivering a notice failed: {error}"),
        }
    }

    /// Records the attempts that have ended; those that cannot be recorded now are kept.
    async fn record(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        let now = (self.clock)();
        for ended in self.busy.values().flatten() {
            notices::attempted(conn, ended.seq, &ended.attempted, now).await?;
        }
        self.busy.retain(|_, ended| ended.is_none());
        Ok(())
    }

    /// Waits for what is under way and records it.
    async fn finish(&mut self, conn: &mut Connection) {
        while let Some(ended) = self.under_way.join_next().await {
            self.ended(ended);
            let _ = self.record(conn).await;
        }
    }
}
