//! Metrics of how trip updates matched the timetable, for operators.

use journey::overlay::Report;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// See the module's description.
#[derive(Debug, Default)]
pub struct TripMetrics(Family<Outcome, Gauge>);

impl TripMetrics {
    /// Registers the gauges.
    pub fn register(&self, registry: &mut Registry) {
        registry.sub_registry_with_prefix("kv_realtime").register(
            "trip_updates",
            "What is known of trips now, by what became of it",
            self.0.clone(),
        );
    }

    /// Sets the gauges.
    pub fn set(&self, report: &Report) {
        for (outcome, updates) in report.outcomes() {
            self.0.get_or_create(&Outcome { outcome }).set(updates as i64);
        }
    }
}
