//! The private PostgreSQL: real servers in temporary directories. Works as root and as an ordinary user.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use private_pg::{PrivatePg, PrivatePgError, PrivatePgHandle, PrivatePgSettings};
use sqlx::{Connection, Executor, PgConnection, Row};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Names the data directory to the process that [`Owner::of`] starts.
const OWN_DATA_DIR: &str = "KV_TEST_OWN_DATA_DIR";
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn keeps_its_data_over_stop_and_start() {
    let parent = tempdir();
    set_mode(parent.path(), 0o755);
    let data_dir = parent.path().join("odd ü+'%");

    let server = PrivatePg::start(&data_dir).await.unwrap();
    run(&server.url(), "CREATE TABLE kept (x int)").await;
    run(&server.url(), "INSERT INTO kept VALUES (17)").await;
    assert_eq!(psql(&server.url(), "SELECT x FROM kept"), "17");
    assert_eq!(
        psql(&server.url(), "SELECT current_user || '@' || current_database()"),
        "kreisverkehr@kreisverkehr"
    );
    for (setting, expected) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(psql(&server.url(), &format!("SHOW {setting}")), expected, "{setting}");
    }
    let socket_dir = fs::metadata(data_dir.join("run")).unwrap();
    assert_eq!(socket_dir.permissions().mode() & 0o777, 0o700);

    server.stop().await.unwrap();
    assert!(!data_dir.join("postgres/postmaster.pid").exists());
    assert_eq!(PrivatePg::attach(&data_dir).await, None);
    drop(server);

    let server = PrivatePg::start(&data_dir).await.unwrap();
    assert_eq!(number(&server.url(), "SELECT x FROM kept").await, 17);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn refuses_a_second_owner_but_lets_commands_attach() {
    let data_dir = tempdir();
    let server = PrivatePg::start(data_dir.path()).await.unwrap();

    let refused = PrivatePg::start(data_dir.path()).await.unwrap_err();
    assert!(matches!(refused, PrivatePgError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");

    assert_eq!(PrivatePg::attach(data_dir.path()).await, Some(server.url()));
    let handle = PrivatePg::start_or_attach(data_dir.path(), PrivatePgSettings::default()).await.unwrap();
    assert!(matches!(handle, PrivatePgHandle::Attached { .. }));
    handle.stop().await.unwrap();
    assert_eq!(number(&handle.url(), "SELECT 1").await, 1);

    server.stop().await.unwrap();
    drop(server);
    let handle = PrivatePg::start_or_attach(data_dir.path(), PrivatePgSettings::default()).await.unwrap();
    assert!(matches!(handle, PrivatePgHandle::Owned(_)));
    assert_eq!(number(&handle.url(), "SELECT 1").await, 1);
    handle.stop().await.unwrap();
    assert_eq!(PrivatePg::attach(data_dir.path()).await, None);
}

#[tokio::test]
async fn a_dropped_server_stops_and_the_next_start_waits_for_that() {
    let data_dir = tempdir();
    drop(PrivatePg::start(data_dir.path()).await.unwrap());
    let server = PrivatePg::start(data_dir.path()).await.unwrap();
    assert_eq!(number(&server.url(), "SELECT 1").await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn adopts_the_server_of_a_killed_owner() {
    let data_dir = tempdir();
    let owner = Owner::of(data_dir.path());
    let server_pid = owner.server_pid;
    let refused = PrivatePg::start(data_dir.path()).await.unwrap_err();
    assert!(matches!(refused, PrivatePgError::InUse { .. }), "{refused}");
    let url = PrivatePg::attach(data_dir.path()).await.unwrap();
    let mut client = PgConnection::connect(&url).await.unwrap();
    owner.kill();

    let server = PrivatePg::start(data_dir.path()).await.unwrap();
    assert_eq!(server.postmaster_pid(), Some(server_pid));
    client.ping().await.unwrap();
    server.stop().await.unwrap();
    assert_eq!(PrivatePg::attach(data_dir.path()).await, None);
}

#[tokio::test]
async fn restarts_an_orphaned_server_whose_settings_are_old() {
    let data_dir = tempdir();
    let owner = Owner::of(data_dir.path());
    let server_pid = owner.server_pid;
    owner.kill();
    fs::write(data_dir.path().join("postgres.conf"), "# of an older version").unwrap();

    let server = PrivatePg::start(data_dir.path()).await.unwrap();
    assert_ne!(server.postmaster_pid(), Some(server_pid));
    // What fills a disk without being data is bounded.
    for (setting, value) in [
        ("max_wal_size", "1GB"),
        ("wal_keep_size", "0"),
        ("max_slot_wal_keep_size", "1GB"),
        ("archive_mode", "off"),
    ] {
        assert_eq!(psql(&server.url(), &format!("SHOW {setting}")), value, "{setting}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn survives_the_death_of_the_server() {
    let data_dir = tempdir();
    let server = Arc::new(PrivatePg::start(data_dir.path()).await.unwrap());
    let cancel = CancellationToken::new();
    let supervisor = tokio::spawn({
        let (server, cancel) = (server.clone(), cancel.clone());
        async move { server.supervise(cancel).await }
    });
    run(&server.url(), "CREATE TABLE kept (x int)").await;

    for round in 1..=2 {
        run(&server.url(), "INSERT INTO kept VALUES (1)").await;
        // Looks at nothing but its own loop: outlives the postmaster until somebody ends it.
        let mut busy = PgConnection::connect(&server.url()).await.unwrap();
        let busy =
            tokio::spawn(async move { busy.execute("DO $$ BEGIN LOOP END LOOP; END $$").await.map(drop) });
        let killed = server.postmaster_pid().unwrap();
        wait_for_query(&server.url(), "DO %").await;
        sigkill(killed);
        busy.await.unwrap().unwrap_err();
        timeout(PATIENCE, async {
            while server.postmaster_pid() == Some(killed)
                || PgConnection::connect(&server.url()).await.is_err()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(number(&server.url(), "SELECT count(*)::int FROM kept").await, round);
    }

    server.stop().await.unwrap();
    timeout(PATIENCE, supervisor).await.expect("stop ends the supervisor").unwrap();
    assert_eq!(PrivatePg::attach(data_dir.path()).await, None);
}

/// More often than it is tried at once: then pauses lie between the attempts.
#[tokio::test]
async fn a_server_that_is_killed_while_it_starts_is_soon_back() {
    const KILLS: usize = 10;
    let data_dir = tempdir();
    let server = Arc::new(PrivatePg::start(data_dir.path()).await.unwrap());
    let cancel = CancellationToken::new();
    let supervisor = tokio::spawn({
        let (server, cancel) = (server.clone(), cancel.clone());
        async move { server.supervise(cancel).await }
    });
    let mut killed = None;
    for _ in 0..KILLS {
        killed = timeout(PATIENCE, async {
            loop {
                match server.postmaster_pid() {
                    Some(pid) if Some(pid) != killed => break Some(pid),
                    _ => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        })
        .await
        .unwrap();
        killed.into_iter().for_each(sigkill);
    }
    timeout(Duration::from_secs(15), async {
        while PgConnection::connect(&server.url()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it is back within the longest pause and one start");
    server.stop().await.unwrap();
    timeout(PATIENCE, supervisor).await.expect("stop ends the supervisor").unwrap();
}

#[tokio::test]
async fn is_not_deceived_by_the_pid_of_another_process() {
    let data_dir = tempdir();
    let owner = Owner::of(data_dir.path());
    sigkill(owner.server_pid);
    owner.kill();
    let pid_file = data_dir.path().join("postgres/postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();

    assert_eq!(PrivatePg::attach(data_dir.path()).await, None);
    let server = PrivatePg::start(data_dir.path()).await.unwrap();
    assert_eq!(number(&server.url(), "SELECT 1").await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let parent = tempdir();
    set_mode(parent.path(), 0o755);
    let data_dir = parent.path().join("long".repeat(30));
    let server = PrivatePg::start(&data_dir).await.unwrap();
    assert_eq!(number(&server.url(), "SELECT 1").await, 1);
    assert_eq!(PrivatePg::attach(&data_dir).await, Some(server.url()));
    server.stop().await.unwrap();
    let (_, socket_dir) =
        server.url().split_once("host=").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    fs::remove_dir(socket_dir).unwrap();
}

#[tokio::test]
async fn names_the_parent_that_the_database_may_not_enter() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root runs the database as another user");
        return;
    }
    let parent = tempdir();
    let refused = PrivatePg::start(&parent.path().join("data")).await.unwrap_err();
    assert!(refused.to_string().contains(&format!("chmod o+x {}", parent.path().display())), "{refused}");
}

#[tokio::test]
async fn says_what_the_server_said_when_it_does_not_start() {
    let data_dir = tempdir();
    let server = PrivatePg::start(data_dir.path()).await.unwrap();
    server.stop().await.unwrap();
    drop(server);
    let conf = data_dir.path().join("postgres/postgresql.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text + "shared_buffers = 'plenty'\n").unwrap();

    let refused = PrivatePg::start(data_dir.path()).await.unwrap_err();
    assert!(refused.to_string().contains("invalid value for parameter \"shared_buffers\""), "{refused}");
}

/// Not a test of its own: what [`Owner`] runs, in a process that can be killed.
#[tokio::test]
async fn owns_until_killed() {
    let Some(data_dir) = std::env::var_os(OWN_DATA_DIR) else { return };
    let server = PrivatePg::start(Path::new(&data_dir)).await.unwrap();
    println!("\nOWNING {}", server.postmaster_pid().unwrap());
    std::future::pending::<()>().await;
}

/// Another process that owns a data directory.
struct Owner {
    process: Child,
    server_pid: i32,
}

impl Owner {
    fn of(data_dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "server::owns_until_killed", "--nocapture"])
            .env(OWN_DATA_DIR, data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let server_pid = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .find_map(|line| line.unwrap().strip_prefix("OWNING ").map(|pid| pid.parse().unwrap()))
            .expect("the other process starts a server");
        Self { process, server_pid }
    }

    /// By SIGKILL: it can clean up nothing.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Like `mktemp -d`: closed to others, so also to the database's user when we are root.
fn tempdir() -> TempDir {
    let dir = TempDir::new().unwrap();
    set_mode(dir.path(), 0o700);
    dir
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn sigkill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

async fn run(url: &str, sql: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sql).await.unwrap();
}

async fn number(url: &str, sql: &'static str) -> i32 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.fetch_one(sql).await.unwrap().get(0)
}

async fn wait_for_query(url: &str, pattern: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    timeout(PATIENCE, async {
        loop {
            let found =
                sqlx::query("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1")
                    .bind(pattern)
                    .fetch_optional(&mut connection)
                    .await
                    .unwrap();
            if found.is_some() {
                break;
            }
        }
    })
    .await
    .unwrap();
}

/// With libpq, which must understand the same address.
fn psql(url: &str, sql: &str) -> String {
    let program = ["/usr/bin/psql", "psql"].map(PathBuf::from).into_iter().find(|it| it.exists());
    let output = Command::new(program.unwrap_or_else(|| "psql".into()))
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql, url])
        .env("PGPORT", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
