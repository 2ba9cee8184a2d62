//! Metrics of HTTP requests. Labels are routes, never paths as requested.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteStatus {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// See the module's description.
pub struct RequestMetrics {
    requests: Family<RouteStatus, Counter>,
    duration_s: Family<Route, Histogram>,
}

impl RequestMetrics {
    /// Registers the metrics.
    pub fn register(registry: &mut Registry, streams: Gauge) -> Arc<Self> {
        let metrics = RequestMetrics {
            requests: Family::default(),
            // 0.1 ms to 1.6 s.
            duration_s: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.000_1, 2.0, 15))
            }),
        };
        let r = registry.sub_registry_with_prefix("kv_http");
        r.register("requests", "Answers by route and status", metrics.requests.clone());
        r.register_with_unit(
            "duration",
            "Time until the answer began",
            Unit::Seconds,
            metrics.duration_s.clone(),
        );
        r.register("streams", "Clients that follow the changes", streams);
        Arc::new(metrics)
    }
}

/// Counts and times one request.
pub async fn measure(State(metrics): State<Arc<RequestMetrics>>, request: Request, next: Next) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |path| path.as_str().to_owned());
    let began = Instant::now();
    let response = next.run(request).await;
    let took = began.elapsed().as_secs_f64();
    metrics.duration_s.get_or_create(&Route { route: route.clone() }).observe(took);
    metrics.requests.get_or_create(&RouteStatus { route, status: response.status().as_u16() }).inc();
    response
}
