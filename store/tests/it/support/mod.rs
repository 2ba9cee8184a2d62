//! A database of its own with one municipality in it.

pub mod town;

use domain::{MunicipalityId, UtcMicros};
use private_pg::{PrivatePg, PrivatePgSettings};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{Decode, FromRow, Postgres, Type};
use store::Pool;
use store::writer::Writer;
use testing::World;

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
        let town = &World::town("n").contents.municipalities[0].1;
        let sql = "INSERT INTO municipality (slug, def) VALUES ('n', $1) RETURNING id";
        let municipality: i32 = sqlx::query_scalar(sql).bind(Json(town)).fetch_one(&pool).await.unwrap();
        Database { url, pool, municipality: MunicipalityId(municipality), own }
    }

    /// Its own clock, to the microsecond.
    pub async fn now(&self) -> UtcMicros {
        UtcMicros(self.scalar("SELECT (extract(epoch FROM now()) * 1e6)::bigint").await)
    }

    pub async fn writer(&self) -> Writer {
        Writer::connect(&store::pool::options(&self.url).unwrap()).await.unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }

    /// The one value that is found.
    pub async fn scalar<T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin + 'static>(
        &self,
        sql: &'static str,
    ) -> T {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub async fn scalars<T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin + 'static>(
        &self,
        sql: &'static str,
    ) -> Vec<T> {
        sqlx::query_scalar(sql).fetch_all(&self.pool).await.unwrap()
    }

    pub async fn row<T: for<'r> FromRow<'r, PgRow> + Send + Unpin>(&self, sql: &'static str) -> T {
        sqlx::query_as(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub async fn rows<T: for<'r> FromRow<'r, PgRow> + Send + Unpin>(&self, sql: &'static str) -> Vec<T> {
        sqlx::query_as(sql).fetch_all(&self.pool).await.unwrap()
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

    /// Stops its own server.
    pub async fn stop(self) {
        self.pool.close().await;
        self.own.unwrap().server.stop().await.unwrap();
    }
}
