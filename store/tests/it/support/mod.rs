//! A database of its own with one municipality in it.

pub mod town;

use domain::observation::Provenance;
use domain::{BayId, BayObservation, BayState, FeedId, MunicipalityId, Uplink, UtcMicros};
use private_pg::{PrivatePg, PrivatePgSettings};
use sqlx::types::Json;
use store::Pool;

/// What must be kept while the test runs.
pub struct Database {
    pub url: String,
    pub pool: Pool,
    pub municipality: MunicipalityId,
    own: Option<OwnServer>,
}

/// Of tests that read its log, restart it, or make roles.
struct OwnServer {
    server: PrivatePg,
    folder: tempfile::TempDir,
}

impl Database {
    pub async fn start() -> Self {
        Self::start_with(true).await
    }

    /// `timescaledb`: use it where it is there.
    pub async fn start_with(timescaledb: bool) -> Self {
        Self::at(testing::database::create(timescaledb).await.unwrap(), None).await
    }

    /// On a server of its own.
    pub async fn start_alone(settings: PrivatePgSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = PrivatePg::start_with(folder.path(), settings).await.unwrap();
        let pool = store::connect(&server.url()).await.unwrap();
        store::migrate::migrate(&pool, settings.timescaledb).await.unwrap();
        pool.close().await;
        Self::at(server.url(), Some(OwnServer { server, folder })).await
    }

    async fn at(url: String, own: Option<OwnServer>) -> Self {
        let pool = store::connect(&url).await.unwrap();
        let municipality: i32 =
            sqlx::query_scalar("INSERT INTO municipality (slug, def) VALUES ('n', $1) RETURNING id")
                .bind(Json(serde_json::json!({"slug": "n", "name": "N", "ags": "05558001", "lat": null,
                    "lon": null, "tz": "Europe/Berlin", "public_planning": false})))
                .fetch_one(&pool)
                .await
                .unwrap();
        Database { url, pool, municipality: MunicipalityId(municipality), own }
    }

    /// What its own server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.own.as_ref().unwrap().folder.path().join("postgres.log")).unwrap()
    }

    /// The same after its own server was stopped and started.
    pub async fn restarted(self) -> Self {
        self.pool.close().await;
        let OwnServer { server, folder } = self.own.unwrap();
        server.stop().await.unwrap();
        // Its owner lets go of the data directory.
        drop(server);
        let server = PrivatePg::start(folder.path()).await.unwrap();
        let pool = store::connect(&server.url()).await.unwrap();
        Self { url: server.url(), pool, own: Some(OwnServer { server, folder }), ..self }
    }

    pub async fn stop(self) {
        self.pool.close().await;
        if let Some(own) = self.own {
            own.server.stop().await.unwrap();
        }
    }
}

/// A message of a device of which no more is known than that it was heard at `at`.
pub fn uplink(municipality: MunicipalityId, feed: FeedId, device: &str, at: UtcMicros) -> Uplink {
    Uplink {
        municipality,
        feed,
        device: device.into(),
        is_stranger: false,
        dedup_id: at.to_string(),
        event: "up",
        received_at: at,
        network_at: None,
        f_port: None,
        f_cnt: None,
        payload: None,
        data_rate: None,
        spreading_factor: None,
        rssi_dbm: None,
        snr_db: None,
        gateways: Vec::new(),
        decoder: None,
        decoder_version: None,
        qos: 1,
        decoded: None,
        outcome: "heard".into(),
        detail: None,
        dropped_fields: Vec::new(),
        battery_v: None,
        battery_pct: None,
        temperature_c: None,
    }
}

/// A statement about a bay, and nothing else.
pub fn of_bay(
    provenance: Provenance,
    bay: BayId,
    at: UtcMicros,
    seq: Option<i64>,
    state: BayState,
) -> BayObservation {
    let source = domain::bay_state::source_key(provenance.feed, provenance.sensor);
    BayObservation {
        provenance,
        bay,
        observed_at: at,
        digest: BayObservation::digest_of(source, seq, state),
        state,
        seq,
        battery_v: None,
        rssi_dbm: None,
        temperature_c: None,
    }
}
