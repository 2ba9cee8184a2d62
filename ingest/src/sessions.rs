//! The MQTT sessions of one ingest, kept in line with the brokers and feeds that are known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::Registry;
use store::Pool;
use store::ingest_process::{self, Lacking};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::inlet::Inlet;
use crate::mqtt::{Login, LoginError};
use crate::plan::Plan;
use crate::session::{Ended, Session, Shared};
use crate::subscriptions::Standing;

/// Where the feeds that name no broker are.
#[derive(Clone)]
pub enum OwnBroker {
    Given(Login),
    Embedded(Arc<Inlet>),
    /// Only those of `feeds.toml`.
    None,
}

/// See the module's description.
pub struct Sessions {
    pool: Pool,
    shared: Shared,
    own_broker: OwnBroker,
    /// Names our sessions at the brokers.
    client_id: String,
    /// By the broker that feeds name; `None` is the instance's own.
    running: HashMap<Option<String>, Session>,
    /// Those that say good-bye.
    leaving: JoinSet<()>,
    /// What brokers may hold for us from plans of earlier processes, by the broker's name.
    former: BTreeMap<String, BTreeSet<String>>,
    /// Brokers whose session could not be started, and why.
    refused: Lacking,
}

impl Sessions {
    /// None runs yet.
    pub fn new(pool: Pool, shared: Shared, own_broker: OwnBroker, client_id: String) -> Self {
        let (running, leaving) = (HashMap::new(), JoinSet::new());
        let (former, refused) = (BTreeMap::new(), Lacking::new());
        Sessions { pool, shared, own_broker, client_id, running, leaving, former, refused }
    }

    /// Learns what brokers may still hold for us.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn recall(&mut self) -> Result<(), store::StoreError> {
        for (broker, filter) in ingest_process::subscriptions(&self.pool, &self.client_id).await? {
            self.former.entry(broker).or_default().insert(filter);
        }
        Ok(())
    }

    /// Brings the sessions in line with the brokers and feeds of `registry`. One broker that cannot be
    /// used disturbs no other.
    pub async fn arrange(&mut self, registry: &Arc<Registry>) {
        self.refused.clear();
        if let OwnBroker::Embedded(inlet) = &self.own_broker {
            inlet.arrange(self.plan(registry, None), &self.shared);
        }
        let mut keys: BTreeSet<Option<String>> =
            registry.feeds().filter(|f| f.def.is_subscribed()).map(|f| f.def.broker.clone()).collect();
        // Those that no feed names any more are still asked to end what they hold.
        keys.extend(self.running.keys().cloned());
        keys.extend(self.former.keys().filter_map(|name| self.key_of(name, registry)));
        for key in keys {
            if let Err(refused) = self.arrange_one(&key, registry).await {
                error!("{refused}; its feeds are not served");
                self.refused.insert(refused.broker.clone(), refused.to_string());
            }
        }
    }

    /// Under which key the broker `name` is known now, if it is.
    fn key_of(&self, name: &str, registry: &Registry) -> Option<Option<String>> {
        if matches!(&self.own_broker, OwnBroker::Given(own) if own.broker == name) {
            return Some(None);
        }
        registry.brokers().iter().any(|b| b.id == name).then(|| Some(name.to_owned()))
    }

    async fn arrange_one(
        &mut self,
        key: &Option<String>,
        registry: &Arc<Registry>,
    ) -> Result<(), LoginError> {
        let login = match key {
            None => match &self.own_broker {
                OwnBroker::Given(own) => own.clone(),
                OwnBroker::Embedded(_) => return Ok(()),
                OwnBroker::None => {
                    warn!("some feeds name no broker, and there is none of our own: give --mqtt-url");
                    return Ok(());
                }
            },
            Some(id) => match registry.brokers().iter().find(|b| b.id == *id) {
                Some(broker) => Login::from_broker(broker, &format!("{}-{id}", self.client_id))?,
                None => return Ok(()),
            },
        };
        let plan = self.plan(registry, key.as_deref());
        let filters: Vec<String> = plan.subscriptions().map(|(filter, _)| filter).collect();
        // Before it is asked for: a crash between leaves nothing behind at the broker that we do not
        // know of.
        if let Err(error) =
            ingest_process::subscribing(&self.pool, &self.client_id, &login.broker, &filters).await
        {
            warn!("the subscriptions at {login:?} could not be noted: {error}");
        }
        if let Some(session) = self.running.get(key).filter(|s| *s.login() == login) {
            session.replan(plan);
            return Ok(());
        }
        let former = self.former.remove(&login.broker).unwrap_or_default();
        let session = Session::start(login, plan, former, self.shared.clone())?;
        if let Some(before) = self.running.insert(key.clone(), session) {
            self.leaving.spawn(before.stop());
        }
        Ok(())
    }

    fn plan(&self, registry: &Arc<Registry>, broker: Option<&str>) -> Plan {
        Plan::new(registry.clone(), broker, &self.shared.metrics, &self.shared.quotas)
    }

    /// Forgets a subscription that has ended, and its session if that was the last thing to do.
    pub async fn ended(&mut self, ended: Ended) {
        let session = self.running.iter().find(|(_, s)| s.login().broker == ended.broker);
        let key = session.map(|(key, _)| key.clone());
        if !session.is_some_and(|(_, s)| s.subscriptions.wants(&ended.filter))
            && let Err(error) =
                ingest_process::unsubscribed(&self.pool, &self.client_id, &ended.broker, &ended.filter).await
        {
            warn!("'{}' has ended at {} and could not be forgotten: {error}", ended.filter, ended.broker);
        }
        if let Some(key) = key
            && let Some(session) = self.running.get(&key).filter(|s| s.subscriptions.are_over())
        {
            self.shared.metrics.forget_broker(&session.login().broker);
            self.leaving.extend(self.running.remove(&key).map(Session::stop));
        }
    }

    /// Takes out sessions whose task has ended unasked; whether there were any. They start again with
    /// the next [`Sessions::arrange`].
    pub fn drop_ended(&mut self) -> bool {
        let before = self.running.len();
        self.running.retain(|_, session| {
            if session.has_ended() {
                error!("the session of {:?} ended unexpectedly; it is started again", session.login());
            }
            !session.has_ended()
        });
        self.running.len() < before
    }

    /// Waits until every broker has answered, or cannot be reached.
    pub fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        let all: Vec<_> = self.running.values().map(|s| s.subscriptions.clone()).collect();
        async move {
            for subscriptions in all {
                subscriptions.settled().await;
            }
        }
    }

    /// Why the subscriptions of which broker do not hold.
    pub fn lacking(&self) -> Lacking {
        let lacking = self.running.values().filter_map(|s| match s.subscriptions.standing() {
            Standing::Lacks(reason) => Some((s.login().broker.clone(), reason)),
            Standing::Asking | Standing::Holds => None,
        });
        lacking.chain(self.refused.clone()).collect()
    }

    /// Stores and acknowledges what was received, and ends them all.
    pub async fn stop(mut self) {
        if let OwnBroker::Embedded(inlet) = &self.own_broker {
            let inlet = inlet.clone();
            self.leaving.spawn(async move { inlet.close().await });
        }
        self.leaving.extend(self.running.drain().map(|(_, s)| s.stop()));
        self.leaving.join_all().await;
    }
}
