//! Metrics of how trip updates and alerts matched the timetable, for operators.

use journey::alerts::Alerts;
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct File {
    /// Not `feed`: who may not see what feeds do sees the sums of those.
    timetable: String,
}

/// How many days each timetable still has.
#[derive(Debug, Default)]
pub struct TimetableMetrics(Family<File, Gauge>);

impl TimetableMetrics {
    /// Registers the gauges.
    pub fn register(&self, registry: &mut Registry) {
        registry.sub_registry_with_prefix("kv_journey").register(
            "timetable_days_left",
            "Days until the last one on which anything of a timetable runs; negative: it has ended",
            self.0.clone(),
        );
    }

    /// Sets the gauges.
    pub fn set<'a>(&self, days_left: impl Iterator<Item = (&'a str, i32)>) {
        self.0.clear();
        for (feed, days) in days_left {
            self.0.get_or_create(&File { timetable: feed.to_owned() }).set(days.into());
        }
    }
}

/// Alerts by what is known of them.
#[derive(Debug, Default)]
pub struct AlertMetrics(Family<Outcome, Gauge>);

impl AlertMetrics {
    /// Registers the gauges.
    pub fn register(&self, registry: &mut Registry) {
        registry.sub_registry_with_prefix("kv_realtime").register(
            "alerts",
            "Service alerts that are held, and which of them are about nothing, or name what the timetable lacks",
            self.0.clone(),
        );
    }

    /// Sets the gauges.
    pub fn set(&self, alerts: &Alerts) {
        let count = |is: fn(&journey::alerts::ResolvedAlert) -> bool| {
            alerts.all().iter().filter(|alert| is(alert)).count()
        };
        for (outcome, number) in [
            ("held", alerts.all().len()),
            ("about_nothing", count(|alert| alert.held.alert.about.is_empty())),
            ("naming_unknown", count(|alert| alert.unknown_selectors > 0)),
            ("broad", count(|alert| alert.is_broad)),
        ] {
            self.0.get_or_create(&Outcome { outcome }).set(number as i64);
        }
    }
}
