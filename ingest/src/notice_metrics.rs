//! Counters of notices, by kind of receiver.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use store::notices::{Attempted, DeliveryState, DueNotice};

use crate::feed_meter::{Labels, registered};

const TARGETS: [&str; 3] = ["webhook", "mqtt", "smtp"];

/// See the module's description.
#[derive(Debug)]
pub(crate) struct NoticeMetrics {
    pending: Family<Labels<1>, Gauge>,
    dead: Family<Labels<1>, Gauge>,
    delivered: Family<Labels<1>, Counter>,
    failed: Family<Labels<1>, Counter>,
}

fn of_target(target: &str) -> Labels<1> {
    [("target", target.to_owned())]
}

impl NoticeMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let r = registry.sub_registry_with_prefix("kv_notices");
        let metrics = NoticeMetrics {
            pending: registered(r, "pending", "Notices that wait for their receiver"),
            dead: registered(r, "dead", "Notices that were given up"),
            delivered: registered(r, "delivered", "Notices that were delivered"),
            failed: registered(r, "failed", "Attempts to deliver that failed"),
        };
        for target in TARGETS.map(of_target) {
            drop(metrics.delivered.get_or_create(&target));
            drop(metrics.failed.get_or_create(&target));
        }
        metrics
    }

    /// Sets how many there are, by kind of receiver and state.
    pub(crate) fn waiting(&self, counts: &[(String, String, i64)]) {
        for (gauges, state) in [(&self.pending, DeliveryState::Pending), (&self.dead, DeliveryState::Dead)] {
            for target in TARGETS {
                let count = counts.iter().find(|(t, s, _)| t == target && s == state.as_str());
                gauges.get_or_create(&of_target(target)).set(count.map_or(0, |count| count.2));
            }
        }
    }

    pub(crate) fn attempted(&self, due: &DueNotice, attempted: &Attempted) {
        let Some(target) = due.rule.0.target() else { return };
        let counters = if *attempted == Attempted::Delivered { &self.delivered } else { &self.failed };
        counters.get_or_create(&of_target(target.kind())).inc();
    }
}
