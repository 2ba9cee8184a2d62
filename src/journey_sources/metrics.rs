//! How the sources of journeys are, for operators. The label is not `feed`: who may not see what feeds do sees the sums of those.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::folder::{Built, State};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    source: String,
    outcome: &'static str,
}

/// See the module's description.
#[derive(Debug, Default)]
pub struct Metrics {
    outcome: Family<Ended, Gauge>,
    attempted_at_s: Family<Of, Gauge>,
    succeeded_at_s: Family<Of, Gauge>,
    failures: Family<Of, Gauge>,
    built_at_s: Gauge,
    build_failures: Gauge,
}

impl Metrics {
    /// Registers the gauges.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Metrics::default();
        let registry = registry.sub_registry_with_prefix("kv_journey");
        registry.register(
            "source_outcome",
            "1 for what became of the last attempt to fetch a source of journeys",
            metrics.outcome.clone(),
        );
        registry.register(
            "source_attempt_timestamp_seconds",
            "When a source of journeys was last asked for",
            metrics.attempted_at_s.clone(),
        );
        registry.register(
            "source_success_timestamp_seconds",
            "When a source of journeys was last seen to be up to date, or fetched",
            metrics.succeeded_at_s.clone(),
        );
        registry.register(
            "source_failures",
            "Attempts in a row that failed or brought what is not used; the file from before is",
            metrics.failures.clone(),
        );
        registry.register(
            "build_success_timestamp_seconds",
            "When the file of journeys was last built from the sources",
            metrics.built_at_s.clone(),
        );
        registry.register(
            "build_failures",
            "Builds of the file of journeys that were begun in a row and have not succeeded",
            metrics.build_failures.clone(),
        );
        metrics
    }

    /// Sets the gauges.
    pub fn set(&self, states: &[(String, State)], built: &Built) {
        self.outcome.clear();
        for family in [&self.attempted_at_s, &self.succeeded_at_s, &self.failures] {
            family.clear();
        }
        for (source, state) in states {
            let of = || Of { source: source.clone() };
            let outcome = state.outcome.as_str();
            self.outcome.get_or_create(&Ended { source: source.clone(), outcome }).set(1);
            self.attempted_at_s.get_or_create(&of()).set(state.attempted_at_s);
            self.succeeded_at_s.get_or_create(&of()).set(state.succeeded_at_s.unwrap_or(0));
            self.failures.get_or_create(&of()).set(state.failures.into());
        }
        self.built_at_s.set(built.succeeded_at_s.unwrap_or(0));
        self.build_failures.set(built.failures.into());
    }
}
