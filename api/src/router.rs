//! The one list of routes; the OpenAPI document comes from it.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::{Any as AnyOrigin, CorsLayer};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder};
#[cfg(test)]
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::app::{App, Shared};
use crate::drivers::{bays, forecast, parking, sites};
use crate::http::body::MAX_BODY_BYTES;
use crate::http::metrics::{RequestMetrics, measure};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::table::PARQUET;
use crate::http::{language, refused, unbuilt};
use crate::hub::changes;
use crate::installers::{
    acceptance, binding, follow, gateways, other_method, rejections, replay, sensors, targets, unmatched,
};
use crate::journeys::vehicles;
use crate::open::parkapi::{v1, v3};
use crate::operators::{audit, feeds, notices, ops};
use crate::pages::docs;
use crate::planners::{analysis, punctuality, ridership};
use crate::suppliers::messages;
use crate::{contract, journeys, pages, rentals, search};

/// All routes on one port.
pub fn router(app: &App) -> Router {
    finish(public_routes(app, true).merge(ops_routes(app, false)), true)
}

/// The public routes; the rest is on the operators' port ([`ops_router`]).
pub fn public_router(app: &App) -> Router {
    finish(public_routes(app, false).merge(health(app)), false)
}

/// The operators' routes: health, metrics, documentation.
pub fn ops_router(app: &App) -> Router {
    finish(ops_routes(app, true), true)
}

/// The OpenAPI document.
///
/// # Errors
/// It cannot be written as JSON.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&document())
}

fn public_api() -> Vec<UtoipaMethodRouter<Shared>> {
    vec![
        routes!(parking::parking),
        routes!(changes::changes),
        routes!(sites::sites),
        routes!(sites::site),
        routes!(bays::bays),
        routes!(bays::bay),
        routes!(journeys::journeys),
        routes!(journeys::journey),
        routes!(journeys::trip),
        routes!(journeys::stops),
        routes!(journeys::departures),
        routes!(journeys::on_demand),
        routes!(journeys::alerts),
        routes!(vehicles::vehicles),
        routes!(rentals::rentals),
        routes!(search::search),
        routes!(search::search_at),
        routes!(analysis::occupancy),
        routes!(analysis::stays),
        routes!(sensors::sensors),
        routes!(sensors::sensor),
        routes!(sensors::messages),
        routes!(follow::sensor_changes),
        routes!(sensors::decoders),
        routes!(targets::binding_targets),
        routes!(binding::bind),
        routes!(acceptance::start, acceptance::newest, acceptance::cancel),
        routes!(acceptance::sign_off),
        routes!(acceptance::hand_over),
        routes!(rejections::rejections),
        routes!(rejections::summary),
        routes!(replay::replay),
        routes!(replay::progress),
        routes!(feeds::feeds),
        routes!(feeds::history),
        routes!(messages::messages),
        routes!(unmatched::unmatched_topics),
        routes!(gateways::gateways),
        routes!(notices::notices),
        routes!(notices::retry),
        routes!(audit::audit),
        routes!(punctuality::punctuality),
        routes!(ridership::ridership),
        routes!(forecast::forecast),
        routes!(forecast::quality),
        routes!(v1::index),
        routes!(v1::city),
        routes!(v3::parking_sites),
        routes!(v3::parking_spots),
    ]
}

fn ops_api() -> Vec<UtoipaMethodRouter<Arc<ops::Ops>>> {
    vec![routes!(ops::healthz), routes!(ops::readyz), routes!(ops::metrics)]
}

/// Shapes by name, as each route brings them: of two with one name the document would keep the last.
#[cfg(test)]
pub(crate) fn shapes() -> Vec<(String, RefOr<Schema>)> {
    let public = public_api().into_iter().flat_map(|(shapes, ..)| shapes);
    public.chain(ops_api().into_iter().flat_map(|(shapes, ..)| shapes)).collect()
}

fn joined<S: Clone + Send + Sync + 'static>(routes: Vec<UtoipaMethodRouter<S>>) -> OpenApiRouter<S> {
    routes.into_iter().fold(OpenApiRouter::new(), OpenApiRouter::routes)
}

/// The OpenAPI document of all routes.
pub(crate) fn document() -> Value {
    let info = InfoBuilder::new()
        .title("Kreisverkehr")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Vacant parking and live vehicles of a county. Longitude and latitude are WGS 84, times are RFC 3339 UTC, \
             units stand in names; what is not known is null, never absent.",
        ))
        .build();
    let mut document = OpenApiBuilder::new().info(info).build();
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = ComponentsBuilder::new().schema_from::<ProblemBody>();
    document.components = Some(components.security_scheme("key", SecurityScheme::Http(key)).build());
    document.merge(joined(public_api()).into_openapi());
    document.merge(joined(ops_api()).into_openapi());
    contract::complete(&document)
}

fn public_routes(app: &App, has_docs: bool) -> Router {
    let shared = app.shared(has_docs);
    let keys = shared.keys.clone();
    let metrics = RequestMetrics::register(&mut app.metrics.lock(), shared.streams.shares.gauge());
    app.journeys.register(&mut app.metrics.lock());
    app.attempts.register(&mut app.metrics.lock());
    let (api, _) = joined(public_api()).split_for_parts();
    api.route("/", get(pages::home))
        .route("/sign/{municipality}", get(pages::sign))
        .route("/v1/feeds/{id}/messages/{*path}", post(messages::messages_at))
        .route("/v1/rejections/replay", any(|asker| other_method(asker, "POST")))
        .route("/v1/notices/{id}/retry", any(notices::other_method))
        .route("/v1/sensors/{id}/binding", any(|asker| other_method(asker, "PUT")))
        .route("/v1/admin", any(unbuilt::for_admins))
        .route("/v1/admin/{*rest}", any(unbuilt::for_admins))
        .with_state(shared)
        .layer(from_fn(language::negotiate))
        .layer(from_fn_with_state(keys, refused::count))
        .layer(from_fn_with_state(metrics, measure))
}

fn ops_routes(app: &App, is_own: bool) -> Router {
    let (api, _) = joined(ops_api()).split_for_parts();
    api.with_state(app.ops(is_own)).merge(docs::routes(&document()))
}

fn health(app: &App) -> Router {
    let (api, _) = OpenApiRouter::new()
        .routes(routes!(ops::healthz))
        .routes(routes!(ops::readyz))
        .with_state(app.ops(false))
        .split_for_parts();
    api
}

fn finish(router: Router, has_docs: bool) -> Router {
    router
        .merge(pages::assets::routes())
        .fallback(move |headers: HeaderMap, query: RawQuery| async move {
            pages::not_found(&headers, query.0.as_deref(), has_docs)
        })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        // Outside of all routes and the fallback for unknown methods, where a browser's preflight ends.
        .layer(cors())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        // The default predicate excludes event streams, which compression would delay.
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(packed_already())))
        .layer(CatchPanicLayer::custom(panicked))
}

/// Formats that are compressed already.
fn packed_already() -> NotForContentType {
    NotForContentType::const_new(PARQUET)
}

/// Any origin may read; keys go in a header that needs a preflight.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([
            header::AUTHORIZATION,
            header::IF_NONE_MATCH,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::ETAG])
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!("a request panicked: {text}");
    Problem::internal().into_response()
}
