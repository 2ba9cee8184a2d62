//! SIGTERM ends the product within its 10 s whatever the database does, and nothing is lost by it.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Instance, Mosquitto, at, eventually, postmaster, publish, town};

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
    let database = store::private_pg::PrivatePg::start(dir.path()).await.unwrap();
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
