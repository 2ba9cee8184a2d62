//! The routing table of a session: its feeds, with all that a message needs. Replaced as a whole when places
//! or feeds are imported.

use std::sync::Arc;

use domain::feed::topic_matches;
use domain::registry::Entry;
use domain::{Feed, FeedId, Registry};

use crate::feed_meter::FeedMeter;
use crate::metrics::Metrics;
use crate::quota::{Quota, Quotas};

/// See the module's description.
#[derive(Debug)]
pub struct RoutingTable {
    pub(crate) registry: Arc<Registry>,
    pub(crate) routes: Vec<Route>,
    /// Whether the routes' topics are subscribed.
    subscribes: bool,
}

/// A feed of a session.
#[derive(Debug)]
pub(crate) struct Route {
    pub feed: Entry<FeedId, Feed>,
    pub meter: Arc<FeedMeter>,
    pub quota: Quota,
}

impl Route {
    fn new(feed: &Entry<FeedId, Feed>, metrics: &Metrics, quotas: &Quotas) -> Self {
        let (meter, quota) = (metrics.feed(feed.id, &feed.def.id), quotas.of(feed.id, &feed.def));
        meter.limited(quota.limits());
        Route { feed: feed.clone(), meter, quota }
    }
}

impl RoutingTable {
    /// The MQTT feeds of `broker` (`None`: the instance's own).
    pub fn new(registry: Arc<Registry>, broker: Option<&str>, metrics: &Metrics, quotas: &Quotas) -> Self {
        let mut routes: Vec<Route> = registry
            .feeds()
            .filter(|f| f.def.is_subscribed() && f.def.broker.as_deref() == broker)
            .map(|f| Route::new(f, metrics, quotas))
            .collect();
        routes.sort_by(|a, b| a.feed.def.id.cmp(&b.feed.def.id));
        RoutingTable { registry, routes, subscribes: true }
    }

    /// The feeds whose messages are posted.
    pub fn posted(registry: Arc<Registry>, metrics: &Metrics, quotas: &Quotas) -> Self {
        let posted = registry.feeds().filter(|f| f.def.push);
        let routes = posted.map(|f| Route::new(f, metrics, quotas)).collect();
        RoutingTable { registry, routes, subscribes: false }
    }

    /// One polled feed.
    pub(crate) fn single(
        registry: Arc<Registry>,
        feed: &Entry<FeedId, Feed>,
        metrics: &Metrics,
        quotas: &Quotas,
    ) -> Self {
        RoutingTable { registry, routes: vec![Route::new(feed, metrics, quotas)], subscribes: true }
    }

    /// Which of the routes is of the feed whose filter matches `topic`: filters of one broker do not overlap.
    pub(crate) fn position(&self, topic: &str) -> Option<usize> {
        self.routes.iter().position(|r| topic_matches(&r.feed.def.topic, topic))
    }

    /// Which of the routes is of `feed`.
    pub(crate) fn position_of(&self, feed: FeedId) -> Option<usize> {
        self.routes.iter().position(|r| r.feed.id == feed)
    }

    /// Its feed `id` alone, if there is one.
    pub(crate) fn of_feed(mut self, id: &str) -> Self {
        self.routes.retain(|route| route.feed.def.id == id);
        self
    }

    /// Routes messages without subscribing.
    pub(crate) fn without_subscriptions(self) -> Self {
        RoutingTable { subscribes: false, ..self }
    }

    /// The subscriptions: filter and QoS.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = (String, u8)> {
        self.routes.iter().filter(|_| self.subscribes).map(|r| (r.feed.def.topic.clone(), r.feed.def.qos))
    }
}
