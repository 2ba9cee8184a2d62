//! A command names the database it acts on, and makes none by accident.

use std::path::Path;
use std::process::{Command, Output};

use private_pg::PrivatePg;
use sqlx::{Connection, PgConnection};

use crate::support::BIN;

fn run(args: &[&str], place: &[&str]) -> (Output, String) {
    let done = Command::new(BIN)
        .args(args)
        .args(place)
        .env("KV_LOG", "warn")
        .env_remove("KV_DATABASE_URL")
        .env_remove("KV_DATA_DIR")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    (done, err)
}

/// Every short-lived command, with a town to import and a folder to export to.
fn commands(folder: &Path) -> Vec<Vec<String>> {
    let town = folder.join("municipalities.csv");
    std::fs::write(&town, "slug,name,ags\naltdorf,Altdorf,05999001\n").unwrap();
    let (town, out) = (town.display().to_string(), folder.join("out").display().to_string());
    let own = |args: &[&str]| args.iter().map(|a| (*a).to_owned()).collect();
    vec![
        own(&["import", &town]),
        own(&["import", "--check", &town]),
        own(&["export", &out]),
        own(&["key", "list"]),
        own(&["key", "create", "--role", "admin"]),
        own(&["key", "revoke", "1"]),
        own(&["prune"]),
        own(&["prune", "--dry-run"]),
        own(&["forecast", "train"]),
    ]
}

#[test]
fn no_command_makes_a_data_directory_unless_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let (absent, empty, other) = (dir.path().join("a"), dir.path().join("empty"), dir.path().join("other"));
    std::fs::create_dir(&empty).unwrap();
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("notes.txt"), "mine").unwrap();
    for (data, found) in
        [(&absent, "no such directory"), (&empty, "is empty"), (&other, "holds nothing of Kreisverkehr")]
    {
        let path = data.display().to_string();
        for command in commands(dir.path()) {
            let args: Vec<&str> = command.iter().map(String::as_str).collect();
            let (done, err) = run(&args, &["--data-dir", &path]);
            assert!(!done.status.success() && done.stdout.is_empty(), "{args:?}: {err}");
            for part in [&format!("database: the private one in {path}\n"), found, "--create", "--data-dir"] {
                assert!(err.contains(part), "{args:?} does not say {part}: {err}");
            }
        }
    }
    assert!(!absent.exists() && empty.read_dir().unwrap().next().is_none());
    assert_eq!(other.read_dir().unwrap().count(), 1);
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_command_that_may_makes_the_database_and_the_next_finds_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let commands = commands(dir.path());
    let args: Vec<&str> = commands[0].iter().map(String::as_str).collect();
    let (done, err) = run(&args, &["--data-dir", &data, "--create"]);
    assert!(done.status.success(), "{err}");
    let (done, err) = run(&["key", "create", "--role", "admin"], &["--data-dir", &data]);
    assert!(done.status.success(), "{err}");
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(printed.starts_with("kvk_") && printed.trim().len() == 76, "the key alone: {printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_fills_a_foreign_database_unless_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let server = PrivatePg::start(&dir.path().join("data")).await.unwrap();
    let url = server.url().replace("postgres://kreisverkehr@", "postgres://kreisverkehr:s3cret@");
    let mut conn = PgConnection::connect(&url).await.unwrap();
    for command in commands(dir.path()) {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let (done, err) = run(&args, &["--database-url", &url]);
        assert!(!done.status.success() && done.stdout.is_empty(), "{args:?}: {err}");
        for part in
            ["database: postgres://kreisverkehr@localhost", "holds nothing of Kreisverkehr", "--create"]
        {
            assert!(err.contains(part), "{args:?} does not say {part}: {err}");
        }
        assert!(!err.contains("s3cret"), "{err}");
    }
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut conn).await.unwrap(), 0);
    let (done, err) = run(&["prune"], &["--database-url", &url, "--create"]);
    assert!(done.status.success(), "{err}");
    let (done, err) = run(&["prune"], &["--database-url", &url]);
    assert!(done.status.success(), "{err}");
    server.stop().await.unwrap();
}
