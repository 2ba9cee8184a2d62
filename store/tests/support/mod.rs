//! A database of its own with one municipality in it.

#![allow(dead_code)] // each test binary uses a part of it

pub mod town;

use domain::{Audience, MunicipalityId, SiteId};
use sqlx::types::Json;
use store::Pool;
use store::private_pg::{PrivatePg, PrivatePgSettings};
use store::writer::Capacities;

/// What must be kept while the test runs.
pub struct Database {
    pub server: PrivatePg,
    pub pool: Pool,
    pub municipality: MunicipalityId,
    folder: tempfile::TempDir,
}

impl Database {
    pub async fn start() -> Self {
        Self::start_with(true).await
    }

    /// `timescaledb`: use it where it is there.
    pub async fn start_with(timescaledb: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = PrivatePg::start_with(folder.path(), PrivatePgSettings { timescaledb }).await.unwrap();
        let pool = store::connect(&server.url()).await.unwrap();
        store::migrate::migrate(&pool, timescaledb).await.unwrap();
        let municipality: i32 =
            sqlx::query_scalar("INSERT INTO municipality (slug, def) VALUES ('n', $1) RETURNING id")
                .bind(Json(serde_json::json!({"slug": "n", "name": "N", "ags": "05558001", "lat": null,
                    "lon": null, "tz": "Europe/Berlin", "public_planning": false})))
                .fetch_one(&pool)
                .await
                .unwrap();
        Database { server, pool, municipality: MunicipalityId(municipality), folder }
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("postgres.log")).unwrap()
    }

    /// The same after its server was stopped and started.
    pub async fn restarted(self) -> Self {
        self.pool.close().await;
        self.server.stop().await.unwrap();
        // Its owner lets go of the data directory.
        drop(self.server);
        let server = PrivatePg::start(self.folder.path()).await.unwrap();
        let pool = store::connect(&server.url()).await.unwrap();
        Self { server, pool, ..self }
    }

    pub async fn stop(self) {
        self.pool.close().await;
        self.server.stop().await.unwrap();
    }
}

/// Of a town without sites. Not every test writes.
#[allow(dead_code)]
pub struct NoSites;

impl Capacities for NoSites {
    fn capacity(&self, _: SiteId, _: Option<Audience>) -> i64 {
        0
    }
}
