//! Who reaches the private PostgreSQL, and who reads the data directory: real servers, real modes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use private_pg::{PrivatePg, PrivatePgError, make_data_dir};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;

const NOBODY: u32 = 65_534;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything in `dir` that somebody else than its owner may use.
fn open_to_others(dir: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.mode() & 0o077 != 0 && !meta.is_symlink() {
            found.push((path.clone(), meta.mode() & 0o7777));
        }
        if meta.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

/// Closed, or passed through by the database's group alone where root starts it.
fn assert_closed(data_dir: &Path) {
    let expected = if nix::unistd::geteuid().is_root() { 0o710 } else { 0o700 };
    assert_eq!(mode(data_dir), expected, "{:o}", mode(data_dir));
    assert_eq!(open_to_others(data_dir), []);
}

#[tokio::test]
async fn what_an_older_version_left_open_is_closed_at_the_start() {
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("data");
    fs::create_dir_all(data.join("mqtt/queue")).unwrap();
    fs::create_dir_all(data.join("places")).unwrap();
    for file in ["mqtt-client-id", "journey.kvj", "postgres.log", "mqtt/queue/1.json", "places/sites.geojson"]
    {
        fs::write(data.join(file), "").unwrap();
        set_mode(&data.join(file), 0o644);
    }
    let mine = parent.path().join("mine");
    fs::write(&mine, "").unwrap();
    set_mode(&mine, 0o644);
    std::os::unix::fs::symlink(&mine, data.join("link")).unwrap();
    for dir in ["mqtt/queue", "mqtt", "places", ""] {
        set_mode(&data.join(dir), 0o755);
    }
    let server = PrivatePg::start(&data).await.unwrap();
    assert_closed(&data);
    assert_eq!(mode(&mine), 0o644, "a link leads out of the directory");
    server.stop().await.unwrap();
    drop(server);

    // Again, with the files of the database itself, and those that the server makes while it runs.
    for open in ["postgres.conf", "lock", "postgres.log", "run", "postgres"] {
        set_mode(&data.join(open), 0o755);
    }
    let server = PrivatePg::start(&data).await.unwrap();
    assert_closed(&data);
    server.stop().await.unwrap();
}

#[test]
fn a_directory_that_all_users_share_is_refused() {
    let parent = TempDir::new().unwrap();
    set_mode(parent.path(), 0o1777);
    let refused = make_data_dir(parent.path()).unwrap_err();
    assert!(matches!(refused, PrivatePgError::SharedDir { .. }), "{refused}");
    assert_eq!(mode(parent.path()), 0o1777);
    make_data_dir(&parent.path().join("own")).unwrap();
}

/// What another user of the machine is answered who got as far as the socket.
fn psql_as_nobody(socket_dir: &Path) -> String {
    for (path, mode) in [(socket_dir.parent().unwrap(), 0o755), (socket_dir, 0o755)] {
        set_mode(path, mode);
    }
    set_mode(&socket_dir.join(".s.PGSQL.5432"), 0o777);
    let asked = Command::new("psql")
        .args(["--no-psqlrc", "-U", "kreisverkehr", "-d", "kreisverkehr", "-c", "SELECT 1", "-h"])
        .arg(socket_dir)
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    assert!(!asked.status.success(), "another user is the superuser");
    String::from_utf8_lossy(&asked.stderr).into_owned()
}

#[tokio::test]
async fn another_user_of_the_machine_is_refused_even_at_the_socket() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root can try it as another user");
        return;
    }
    let dir = TempDir::new().unwrap();
    let server = PrivatePg::start(dir.path()).await.unwrap();
    let answer = psql_as_nobody(&dir.path().canonicalize().unwrap().join("run"));
    assert!(answer.contains("Peer authentication failed"), "{answer}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_trusted_the_socket_does_so_no_more() {
    let dir = TempDir::new().unwrap();
    let (hba, ident) = (dir.path().join("postgres/pg_hba.conf"), dir.path().join("postgres/pg_ident.conf"));
    let server = PrivatePg::start(dir.path()).await.unwrap();
    let mut conn = PgConnection::connect(&server.url()).await.unwrap();
    conn.execute("CREATE ROLE grafana LOGIN").await.unwrap();
    conn.close().await.unwrap();
    server.stop().await.unwrap();
    drop(server);
    fs::write(&hba, "local all all trust # of initdb\nhost all grafana 127.0.0.1/32 scram-sha-256\n")
        .unwrap();
    fs::write(&ident, "# nothing").unwrap();

    let server = PrivatePg::start(dir.path()).await.unwrap();
    let text = fs::read_to_string(&hba).unwrap();
    assert!(!text.contains("trust") && text.contains("host all grafana"), "{text}");
    assert_eq!((mode(&hba), mode(&ident)), (0o600, 0o600));
    // Who made roles by hand goes on using them as the same OS user.
    for role in ["kreisverkehr", "grafana"] {
        let url = server.url().replace("postgres://kreisverkehr@", &format!("postgres://{role}@"));
        let mut conn = PgConnection::connect(&url).await.unwrap();
        let me: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut conn).await.unwrap();
        assert_eq!(me, role);
    }
    let (old_ident, running) = (fs::read_to_string(&ident).unwrap(), server.postmaster_pid());
    server.stop().await.unwrap();
    drop(server);
    let server = PrivatePg::start(dir.path()).await.unwrap();
    assert_ne!(server.postmaster_pid(), running);
    assert_eq!(fs::read_to_string(&ident).unwrap(), old_ident, "a start adds nothing twice");
    server.stop().await.unwrap();
}
