//! The sample county's system of shared vehicles, as GBFS over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::{Path, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use sensor_sim::{County, RentalOperator};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::server::{self, ConnectionMetrics, OPERATORS, Server};

/// Who knows where the vehicles stand, and the county whose feed leads there.
pub struct Served {
    pub county: County,
    pub operator: Arc<RentalOperator>,
    pub server: Server,
}

/// Serves the documents of the county's operator until cancelled.
///
/// # Errors
/// The address cannot be used.
pub async fn serve(addr: SocketAddr, county: County, cancel: CancellationToken) -> Result<Served> {
    let operator = Arc::new(RentalOperator::new(Arc::new(county.clone())));
    let router = Router::new().route("/{file}", get(document)).with_state(operator.clone());
    let config = server::Config {
        addr,
        flag: "--gbfs-listen",
        router,
        bounds: OPERATORS,
        is_unlimited: |_| true,
        meters: ConnectionMetrics::default(),
    };
    let server = server::start(config, cancel).await?;
    Ok(Served { county: county.with_rentals_at(&base(server.addr)), operator, server })
}

/// Where the documents are found from this machine.
pub fn base(addr: SocketAddr) -> String {
    format!("http://{}", SocketAddr::new(server::reachable(addr.ip()), addr.port()))
}

async fn document(
    State(operator): State<Arc<RentalOperator>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).ok_or(StatusCode::BAD_REQUEST)?;
    let name = file.strip_suffix(".json").ok_or(StatusCode::NOT_FOUND)?;
    let document = operator.document(name, &format!("http://{host}"), jiff::Timestamp::now());
    document.map(Json).ok_or(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_entry_leads_to_documents_at_the_address_that_was_asked() {
        let cancel = CancellationToken::new();
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let served = serve(addr, County::sample(1), cancel.clone()).await.unwrap();
        let port = served.server.addr.port();
        let ask = |url: String| async move {
            let asked = tokio::task::spawn_blocking(move || {
                ureq::get(&url).config().http_status_as_error(false).build().call().map(|mut answer| {
                    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default())
                })
            });
            asked.await.unwrap().unwrap()
        };
        let (status, entry) = ask(format!("http://localhost:{port}/gbfs.json")).await;
        let entry: Value = serde_json::from_str(&entry).unwrap();
        assert_eq!(status, 200);
        let stations = format!("http://localhost:{port}/station_information.json");
        let feeds = entry["data"]["feeds"].as_array().unwrap();
        assert!(feeds.iter().any(|feed| feed["url"] == stations.as_str()), "{entry}");
        let (_, stations) = ask(stations).await;
        assert!(stations.contains("st-bahnhof"), "{stations}");
        for unknown in ["nothing.json", "gbfs", "gbfs.json/x"] {
            assert_eq!(ask(format!("http://127.0.0.1:{port}/{unknown}")).await.0, 404, "{unknown}");
        }
        cancel.cancel();
        served.server.finished().await;
    }
}
