//! SIGTERM ends the product within its 10 s whatever the database does, and nothing is lost by it.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{BIN, Instance, Mosquitto, at, eventually, postmaster, publish, town};

/// The postmaster and its backends.
fn processes(instance: &Instance) -> Vec<Pid> {
    let postmaster = postmaster(&instance.data()).expect("PostgreSQL runs");
    let children = format!("/proc/{postmaster}/task/{postmaster}/children");
    let children = std::fs::read_to_string(children).unwrap();
    let backends = children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()));
    std::iter::once(postmaster).chain(backends).collect()
}

fn messages(from: usize, n: usize) -> Vec<(String, Vec<u8>)> {
    let message = |seq: usize| {
        let payload = format!(r#"{{"at":"{}","state":"occupied","seq":{seq}}}"#, at(0));
        ("kv/1/alt/bay/a1".to_owned(), payload.into_bytes())
    };
    (from..from + n).map(message).collect()
}

async fn sequence_numbers(instance: &Instance) -> BTreeSet<i64> {
    let pool = instance.pool().await;
    let rows: Vec<i64> =
        sqlx::query_scalar("SELECT seq FROM bay_observation").fetch_all(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(rows.len(), rows.iter().collect::<BTreeSet<_>>().len(), "a row is stored twice");
    rows.into_iter().collect()
}

/// Fills what the product may hold: its window at the broker is 20,000 messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_does_not_hold_up_the_end() {
    const MESSAGES: usize = 30_000;
    let mosquitto = Mosquitto::start();
    let mut instance = Instance::serve(&["--mqtt-url", &mosquitto.url()]).await;
    instance.import(&town(instance.dir.path()));
    publish(mosquitto.port, messages(0, 1)).await;
    eventually("the first is stored", || async {
        (sequence_numbers(&instance).await.len() == 1).then_some(())
    })
    .await;
    for pid in processes(&instance) {
        kill(pid, Signal::SIGSTOP).unwrap();
    }
    publish(mosquitto.port, messages(1, MESSAGES)).await;
    instance.counted("kv_ingest_messages_total 20001").await;
    instance.end().await;
    instance.restart().await;
    eventually("all is stored", || async {
        (sequence_numbers(&instance).await.len() == MESSAGES + 1).then_some(())
    })
    .await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_does_not_hold_up_the_end() {
    let mosquitto = Mosquitto::start();
    let dir = tempfile::tempdir().unwrap();
    let database = private_pg::PrivatePg::start(dir.path()).await.unwrap();
    let url = database.url();
    let instance = Instance::serve(&["--mqtt-url", &mosquitto.url(), "--database-url", &url]).await;
    let folder = town(instance.dir.path());
    let (ok, out, err) = instance.command_on(&url, &["import", &folder.to_string_lossy()]);
    assert!(ok, "{out}{err}");
    database.stop().await.unwrap();
    publish(mosquitto.port, messages(0, 500)).await;
    instance.counted("kv_ingest_messages_total 500").await;
    instance.stop().await;
}

/// SIGTERM; its exit code, which must come within 10 s.
async fn ended(mut process: tokio::process::Child) -> Option<i32> {
    kill(Pid::from_raw(process.id().unwrap() as i32), Signal::SIGTERM).unwrap();
    let status = tokio::time::timeout(std::time::Duration::from_secs(10), process.wait()).await;
    status.expect("ends within 10 s").unwrap().code()
}

fn started(args: &[&str]) -> tokio::process::Child {
    tokio::process::Command::new(BIN)
        .args(args)
        .env_remove("KV_DATABASE_URL")
        .env_remove("KV_DATA_DIR")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Returns when a client waits for a lock in the database of `pool`; workers of the database's own may do so at any time.
async fn somebody_waits(pool: &store::Pool) {
    eventually("somebody waits for a lock", || async {
        let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend')";
        sqlx::query_scalar::<_, bool>(waiting).fetch_one(pool).await.unwrap().then_some(())
    })
    .await;
}

/// Before it serves: while another process changes the database's structure, and while the file of journeys does not
/// come.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_does_not_come_to_an_end_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let database = private_pg::PrivatePg::start(&dir.path().join("database")).await.unwrap();
    let (url, data) = (database.url(), dir.path().join("data").display().to_string());
    let pool = store::connect(&url).await.unwrap();
    store::migrate::migrate(&pool, true).await.unwrap();
    let serve = ["serve", "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--data-dir", &data];
    let on_database = [&serve[..], &["--database-url", &url]].concat();

    let mut holder = pool.acquire().await.unwrap();
    // The lock under which structures change: "kvmigr".
    sqlx::query("SELECT pg_advisory_lock(x'6b766d696772'::bigint)").execute(&mut *holder).await.unwrap();
    let waiting = started(&on_database);
    somebody_waits(&pool).await;
    assert_eq!(ended(waiting).await, Some(0));
    sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut *holder).await.unwrap();

    // Live state cannot be read.
    let mut locked = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE bay_state").execute(&mut *locked).await.unwrap();
    let waiting = started(&on_database);
    somebody_waits(&pool).await;
    assert_eq!(ended(waiting).await, Some(0));
    locked.rollback().await.unwrap();

    // A named pipe into which nobody writes.
    let pipe = dir.path().join("journey.kvj");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reading = started(&[&serve[..], &["--journey-file", &pipe.display().to_string()]].concat());
    // Opened for writing as soon as there is a reader.
    let writer =
        tokio::task::spawn_blocking(move || std::fs::File::options().write(true).open(pipe).unwrap());
    let _writer = writer.await.unwrap();
    assert_eq!(ended(reading).await, Some(0));
    // Its own database has stopped in an orderly way.
    assert!(!std::path::Path::new(&data).join("postgres/postmaster.pid").exists());
    database.stop().await.unwrap();
}

/// While an import waits within its transaction: the command ends with nothing done, and the product ends beside another.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_in_its_midst_does_not_hold_up_the_end() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path()).display().to_string();
    let data = instance.data().display().to_string();
    let pool = instance.pool().await;
    let mut locked = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE place IN SHARE MODE").execute(&mut *locked).await.unwrap();
    for _ in 0..2 {
        let import = started(&["import", &folder, "--data-dir", &data]);
        somebody_waits(&pool).await;
        assert_eq!(ended(import).await, Some(143));
        eventually("the server has noticed", || async {
            let sessions = "SELECT count(*) FROM pg_locks WHERE NOT granted";
            (sqlx::query_scalar::<_, i64>(sessions).fetch_one(&pool).await.unwrap() == 0).then_some(())
        })
        .await;
    }
    let import = started(&["import", &folder, "--data-dir", &data]);
    somebody_waits(&pool).await;
    instance.stop().await;
    drop((locked, import));
}

/// While occupancy is derived again, and the deriver waits in the midst of it.
#[tokio::test(flavor = "multi_thread")]
async fn deriving_again_does_not_hold_up_the_end() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    let pool = instance.pool().await;
    let mut locked = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE bay_interval").execute(&mut *locked).await.unwrap();
    let (ok, out, err) = instance.command(&["migrate", "--derive-again"]);
    assert!(ok, "{out}{err}");
    somebody_waits(&pool).await;
    instance.stop().await;
    drop(locked);
}
