//! The MQTT sessions of one ingest, kept in line with the known brokers and feeds.
//!
//! Each feed has a session of its own: a backlog of one at the broker does not delay another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use domain::{Feed, Registry};
use store::Pool;
use store::ingest_process::{self, Lacking};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::inlet::Inlet;
use crate::mqtt::{Login, LoginError, SecretFiles};
use crate::routing::RoutingTable;
use crate::session::{EndedSubscription, Session, Shared};
use crate::subscriptions::Status;

/// Between the instance's client id and a feed's id in the name of the feed's session.
const OF_FEED: &str = "-feed-";

/// Publishes at the embedded broker with QoS 1: for those who are subscribed, also while they are away.
pub type Publish = Arc<dyn Fn(String, Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Where the feeds that name no broker are.
#[derive(Clone)]
pub enum OwnBroker {
    /// A broker of somebody's own.
    Given(Box<Login>),
    /// The embedded broker.
    Embedded {
        /// Where its messages come in.
        inlet: Arc<Inlet>,
        /// Where ours go out.
        publish: Publish,
    },
    /// Only those of `feeds.toml`.
    None,
}

/// How brokers are reached.
#[derive(Clone)]
pub struct BrokerAccess {
    /// The broker of feeds that name none.
    pub own_broker: OwnBroker,
    /// Names our sessions at the brokers.
    pub client_id: String,
    /// Which files brokers of `feeds.toml` may name.
    pub secret_files: SecretFiles,
}

/// Which session: of a broker, for one feed or for all of its feeds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    /// As feeds name it; `None` is the instance's own.
    broker: Option<String>,
    /// `None`: for all feeds. So it is at a broker that knows us by one client id, and so it was before each feed had a
    /// session.
    feed: Option<String>,
}

/// See the module's description.
pub struct Sessions {
    pool: Pool,
    shared: Shared,
    brokers: BrokerAccess,
    running: HashMap<Key, Session>,
    /// Sessions that are disconnecting.
    leaving: JoinSet<()>,
    /// Subscriptions of earlier processes that brokers may still hold, by client id and broker.
    former: BTreeMap<(String, String), BTreeSet<String>>,
    /// Brokers whose session could not be started, and why.
    refused: Lacking,
}

impl Sessions {
    /// None runs yet.
    pub fn new(pool: Pool, shared: Shared, brokers: BrokerAccess) -> Self {
        let (running, leaving) = (HashMap::new(), JoinSet::new());
        let (former, refused) = (BTreeMap::new(), Lacking::new());
        Sessions { pool, shared, brokers, running, leaving, former, refused }
    }

    /// Loads the subscriptions that brokers may still hold for us.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn load_former(&mut self) -> Result<(), store::StoreError> {
        for held in ingest_process::subscriptions(&self.pool, &self.brokers.client_id, OF_FEED).await? {
            self.former.entry((held.client_id, held.broker)).or_default().insert(held.filter);
        }
        Ok(())
    }

    /// Brings the sessions in line with the brokers and feeds of `registry`. One broker that cannot be
    /// used disturbs no other.
    pub async fn arrange(&mut self, registry: &Arc<Registry>) {
        self.refused.clear();
        if let OwnBroker::Embedded { inlet, .. } = &self.brokers.own_broker {
            inlet.arrange(self.routing(registry, None), &self.shared);
        }
        let subscribed = registry.feeds().filter(|f| f.def.is_subscribed());
        let mut keys: BTreeSet<Key> = subscribed.map(|f| key_of_feed(&f.def, registry)).collect();
        // Sessions without a feed still have to end their subscriptions.
        keys.extend(self.running.keys().cloned());
        keys.extend(self.former.keys().filter_map(|(id, broker)| self.key_of_former(id, broker, registry)));
        for key in keys {
            if let Err(refused) = self.arrange_one(&key, registry).await {
                error!("{refused}; its feeds are not served");
                for route in &self.plan_of(&key, registry).routes {
                    route.meter.disconnected(&refused.to_string());
                }
                self.refused.insert(refused.broker.clone(), refused.to_string());
            }
        }
    }

    /// Which session it is that the broker `broker` may know as `client_id`, if the broker is known now.
    fn key_of_former(&self, client_id: &str, broker: &str, registry: &Registry) -> Option<Key> {
        let feed = client_id.strip_prefix(&self.brokers.client_id)?.strip_prefix(OF_FEED).map(str::to_owned);
        let is_own = matches!(&self.brokers.own_broker, OwnBroker::Given(own) if own.broker == broker);
        let broker = (!is_own).then(|| broker.to_owned());
        let is_known = is_own || registry.brokers().iter().any(|b| Some(&b.id) == broker.as_ref());
        is_known.then_some(Key { broker, feed })
    }

    /// The client id under which the session's subscriptions are recorded.
    fn recorded_as(&self, key: &Key) -> String {
        key.feed.as_ref().map_or_else(
            || self.brokers.client_id.clone(),
            |feed| format!("{}{OF_FEED}{feed}", self.brokers.client_id),
        )
    }

    /// How the session connects; `None`: there is no such broker.
    fn login(&self, key: &Key, registry: &Registry) -> Result<Option<Login>, LoginError> {
        let mut login = match &key.broker {
            None => match &self.brokers.own_broker {
                OwnBroker::Given(own) => Login::clone(own),
                OwnBroker::Embedded { .. } => return Ok(None),
                OwnBroker::None => {
                    warn!("some feeds name no broker, and there is none of our own: give --mqtt-url");
                    return Ok(None);
                }
            },
            Some(id) => match registry.brokers().iter().find(|b| b.id == *id) {
                Some(broker) => Login::from_broker(
                    broker,
                    &format!("{}-{id}", self.brokers.client_id),
                    &self.brokers.secret_files,
                )?,
                None => return Ok(None),
            },
        };
        if key.feed.is_some() {
            login.client_id = self.recorded_as(key);
        }
        Ok(Some(login))
    }

    fn plan_of(&self, key: &Key, registry: &Arc<Registry>) -> RoutingTable {
        let routing = self.routing(registry, key.broker.as_deref());
        match &key.feed {
            Some(id) => routing.of_feed(id),
            None if shares_a_session(key.broker.as_deref(), registry) => routing,
            // A session from before feeds had their own: it receives what still comes, and ends its subscriptions.
            None => routing.without_subscriptions(),
        }
    }

    async fn arrange_one(&mut self, key: &Key, registry: &Arc<Registry>) -> Result<(), LoginError> {
        let Some(login) = self.login(key, registry)? else { return Ok(()) };
        let (routing, recorded_as) = (self.plan_of(key, registry), self.recorded_as(key));
        let filters: Vec<String> = routing.subscriptions().map(|(filter, _)| filter).collect();
        // Before it is requested: a crash between leaves no unknown subscription at the
        // broker.
        if let Err(error) =
            ingest_process::subscribing(&self.pool, &recorded_as, &login.broker, &filters).await
        {
            warn!("the subscriptions at {login:?} could not be noted: {error}");
        }
        if let Some(session) = self.running.get(key).filter(|s| *s.login() == login) {
            session.reroute(routing);
            return Ok(());
        }
        let former = self.former.remove(&(recorded_as, login.broker.clone())).unwrap_or_default();
        let session = Session::start(login, routing, former, self.shared.clone())?;
        if let Some(before) = self.running.insert(key.clone(), session) {
            self.leaving.spawn(before.stop());
        }
        Ok(())
    }

    fn routing(&self, registry: &Arc<Registry>, broker: Option<&str>) -> RoutingTable {
        RoutingTable::new(registry.clone(), broker, &self.shared.metrics, &self.shared.quotas)
    }

    /// Removes a subscription that has ended, and its session if that was the last one.
    pub async fn ended(&mut self, ended: EndedSubscription) {
        let EndedSubscription { broker, client_id, filter } = ended;
        let is_it = |s: &Session| s.login().broker == broker && s.login().client_id == client_id;
        let Some(key) = self.running.iter().find(|(_, s)| is_it(s)).map(|(key, _)| key.clone()) else {
            return;
        };
        let Some(session) = self.running.get(&key) else { return };
        if !session.subscriptions.requests(&filter)
            && let Err(error) =
                ingest_process::unsubscribed(&self.pool, &self.recorded_as(&key), &broker, &filter).await
        {
            warn!("'{filter}' has ended at {broker} and could not be forgotten: {error}");
        }
        if session.subscriptions.are_over() {
            self.shared.metrics.forget_session(&broker, &client_id);
            self.leaving.extend(self.running.remove(&key).map(Session::stop));
        }
    }

    /// Removes sessions whose task has ended unexpectedly; whether there were any. They start again with
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

    /// Why subscriptions do not hold, by broker.
    pub fn lacking(&self) -> Lacking {
        let lacking = self.running.values().filter_map(|s| match s.subscriptions.status() {
            Status::Lacks(reason) => Some((s.login().broker.clone(), reason)),
            Status::Asking | Status::Holds => None,
        });
        lacking.chain(self.refused.clone()).collect()
    }

    /// Stores and acknowledges what was received, and ends them all.
    pub async fn stop(mut self) {
        if let OwnBroker::Embedded { inlet, .. } = &self.brokers.own_broker {
            let inlet = inlet.clone();
            self.leaving.spawn(async move { inlet.close().await });
        }
        self.leaving.extend(self.running.drain().map(|(_, s)| s.stop()));
        self.leaving.join_all().await;
    }
}

fn key_of_feed(feed: &Feed, registry: &Registry) -> Key {
    let is_shared = shares_a_session(feed.broker.as_deref(), registry);
    Key { broker: feed.broker.clone(), feed: (!is_shared).then(|| feed.id.clone()) }
}

/// Whether all feeds of `broker` come by one session: where `feeds.toml` says by which client id we are known.
fn shares_a_session(broker: Option<&str>, registry: &Registry) -> bool {
    broker.is_some_and(|id| registry.brokers().iter().any(|b| b.id == id && b.client_id.is_some()))
}
