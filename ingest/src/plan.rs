//! Which feeds one session serves, with everything a message needs: swapped in whole when places
//! or feeds are imported.

use std::sync::Arc;

use domain::feed::topic_matches;
use domain::registry::Entry;
use domain::{Feed, FeedId, Registry};

use crate::metrics::{FeedMeter, Metrics};

/// See the module's description.
#[derive(Debug)]
pub struct Plan {
    pub registry: Arc<Registry>,
    pub routes: Vec<Route>,
}

/// A feed of a session.
#[derive(Debug)]
pub struct Route {
    pub feed: Entry<FeedId, Feed>,
    pub meter: Arc<FeedMeter>,
}

impl Plan {
    /// The MQTT feeds of `broker` (`None`: the instance's own).
    pub fn new(registry: Arc<Registry>, broker: Option<&str>, metrics: &Metrics) -> Self {
        let mut routes: Vec<Route> = registry
            .feeds()
            .filter(|f| f.def.is_subscribed() && f.def.broker.as_deref() == broker)
            .map(|f| Route { feed: f.clone(), meter: metrics.feed(f.id, &f.def.id) })
            .collect();
        routes.sort_by(|a, b| a.feed.def.id.cmp(&b.feed.def.id));
        Plan { registry, routes }
    }

    /// One polled feed.
    pub fn single(registry: Arc<Registry>, feed: Entry<FeedId, Feed>, metrics: &Metrics) -> Self {
        let meter = metrics.feed(feed.id, &feed.def.id);
        Plan { registry, routes: vec![Route { feed, meter }] }
    }

    /// The feed whose filter matches `topic`: filters of one broker do not overlap.
    pub fn route(&self, topic: &str) -> Option<&Route> {
        self.routes.iter().find(|r| topic_matches(&r.feed.def.topic, topic))
    }

    /// What is to be subscribed: filter and QoS.
    pub fn subscriptions(&self) -> impl Iterator<Item = (String, u8)> {
        self.routes.iter().map(|r| (r.feed.def.topic.clone(), r.feed.def.qos))
    }
}
