//! Databases for tests: one PostgreSQL for each test program, and in it a migrated database for each test.
//!
//! The server is the product's private one with `fsync` off. It ends with the program, however that ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use private_pg::{PrivatePg, PrivatePgError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

/// The server of this program. Shared, since a new one takes longer than most tests.
static SERVER: OnceLock<Option<Server>> = OnceLock::new();

struct Server {
    url: String,
    plain: OnceCell<()>,
    timescale: OnceCell<()>,
    databases: AtomicU32,
    /// Reads from a pipe, which the kernel closes when this program ends.
    _custodian: Child,
}

/// The address of a new database with our tables, `timescaledb`: as its hypertables where it is installed; `None`
/// where PostgreSQL is not installed.
pub async fn create(timescaledb: bool) -> Option<String> {
    let start = || std::thread::spawn(Server::start).join().unwrap();
    let server = tokio::task::spawn_blocking(move || SERVER.get_or_init(start)).await.unwrap().as_ref()?;
    let (template, made) =
        if timescaledb { ("timescale", &server.timescale) } else { ("plain", &server.plain) };
    made.get_or_init(|| server.make_template(template, timescaledb)).await;
    let name = format!("test_{}", server.databases.fetch_add(1, Ordering::Relaxed));
    server.execute(format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    Some(server.url_of(&name))
}

impl Server {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap().keep();
        let (url, pid) = match start_at(folder.clone()) {
            Err(PrivatePgError::NoBinaries) => {
                std::fs::remove_dir_all(folder).unwrap();
                return None;
            }
            started => started.unwrap(),
        };
        // Statics are not dropped when a program ends, so another one stops the server.
        let script = "cat; kill -INT $0; while kill -0 $0 2>/dev/null; do sleep 0.1; done; rm -rf \"$1\"";
        let custodian = Command::new("sh")
            .args(["-c", script, &pid.to_string()])
            .arg(folder)
            // Ctrl-C in a terminal is meant for the tests.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self {
            url,
            plain: OnceCell::new(),
            timescale: OnceCell::new(),
            databases: AtomicU32::new(0),
            _custodian: custodian,
        })
    }

    fn url_of(&self, database: &str) -> String {
        self.url.replacen("/kreisverkehr?", &format!("/{database}?"), 1)
    }

    async fn execute(&self, statement: String) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }

    async fn make_template(&self, name: &str, timescaledb: bool) {
        self.execute(format!("CREATE DATABASE {name}")).await;
        let pool = store::connect(&self.url_of(name)).await.unwrap();
        store::migrate::migrate(&pool, timescaledb).await.unwrap();
        pool.close().await;
        // Nobody may be connected to what is copied, not even TimescaleDB's workers.
        self.execute(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        self.execute(format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
        .await;
    }
}

/// Starts the server on a thread of its own, which outlives the runtime of the test that asks first: its address and
/// process id.
fn start_at(folder: std::path::PathBuf) -> Result<(String, i32), PrivatePgError> {
    let (started, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            match PrivatePg::start(&folder).await {
                Err(error) => started.send(Err(error)).unwrap(),
                Ok(server) => {
                    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
                    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
                        let statement = format!("ALTER SYSTEM SET {setting} = off");
                        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
                    }
                    sqlx::query("SELECT pg_reload_conf()").execute(&mut connection).await.unwrap();
                    started.send(Ok((server.url(), server.postmaster_pid().unwrap()))).unwrap();
                    std::future::pending::<()>().await;
                }
            }
        });
    });
    receive.recv().unwrap()
}
