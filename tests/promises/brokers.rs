//! Ingest and API as processes of their own, on one database, and several brokers at once: with a
//! password, with a client certificate, of the older protocol, refusing us, and not there at all.

use std::path::Path;
use std::process::Command;

use private_pg::PrivatePg;
use testing::certificates::authority;

use crate::support::{BIN, Instance, Mosquitto, at, eventually, free_port, publish};

/// Feed, and whether its broker can be used.
const FEEDS: [(&str, bool); 7] = [
    ("plain", true),
    ("password", true),
    ("certificate", true),
    ("old", true),
    ("wrong-password", false),
    ("other-authority", false),
    ("nobody", false),
];

struct Ports {
    plain: u16,
    password: u16,
    certificate: u16,
}

fn mosquitto(ports: &Ports) -> Mosquitto {
    let dir = tempfile::tempdir().unwrap();
    authority(dir.path(), &["broker", "product"]);
    let strange = dir.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    authority(&strange, &["product"]);
    let passwords = dir.path().join("passwords");
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["kv", "secret"]).output();
    assert!(made.expect("mosquitto_passwd comes with mosquitto").status.success());
    let d = dir.path().display();
    let tls = format!("cafile {d}/ca.pem\ncertfile {d}/broker.pem\nkeyfile {d}/broker.key\n");
    let config = format!(
        "per_listener_settings true\n\
         listener {} 127.0.0.1\nallow_anonymous true\n\
         listener {} 127.0.0.1\nallow_anonymous false\npassword_file {d}/passwords\n{tls}\
         listener {} 127.0.0.1\nrequire_certificate true\nuse_identity_as_username true\nallow_anonymous false\n{tls}",
        ports.plain, ports.password, ports.certificate
    );
    Mosquitto::configured(dir, ports.plain, config)
}

/// One broker, feed and bay of each kind, all of one town.
fn places(ports: &Ports, secrets: &Path, folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("municipalities.csv", "slug,name,ags,lat,lon\naltdorf,Altdorf,05999001,51.90,7.20\n");
    write("right", "secret\n");
    write("wrong", "guess\n");
    let secrets = secrets.display();
    let mut feeds = String::new();
    let mut bays = Vec::new();
    for (i, (feed, _)) in FEEDS.iter().enumerate() {
        let broker = match *feed {
            "plain" => format!("url = \"mqtt://localhost:{}\"", ports.plain),
            "old" => format!("url = \"mqtt://localhost:{}\"\nversion = \"3.1.1\"", ports.plain),
            "password" | "wrong-password" => format!(
                "url = \"mqtts://localhost:{}\"\nca_file = \"{secrets}/ca.pem\"\nusername = \"kv\"\npassword_file = \"{}\"",
                ports.password,
                if *feed == "password" { "right" } else { "wrong" }
            ),
            "certificate" => format!(
                "url = \"mqtts://localhost:{}\"\nca_file = \"{secrets}/ca.pem\"\ncert_file = \"{secrets}/product.pem\"\nkey_file = \"{secrets}/product.key\"",
                ports.certificate
            ),
            "other-authority" => format!(
                "url = \"mqtts://localhost:{}\"\nca_file = \"{secrets}/ca.pem\"\ncert_file = \"{secrets}/strange/product.pem\"\nkey_file = \"{secrets}/strange/product.key\"",
                ports.certificate
            ),
            _ => format!("url = \"mqtt://localhost:{}\"", free_port()),
        };
        // A client id of its own each: three of them are at one broker.
        feeds += &format!(
            "[[broker]]\nid = \"{feed}\"\nclient_id = \"kv-{feed}\"\n{broker}\n\n[[feed]]\nid = \"{feed}\"\nmunicipality = \"altdorf\"\nformat = \"native\"\nbroker = \"{feed}\"\ntopic = \"kv/1/{feed}/#\"\n\n"
        );
        bays.push(format!(
            r#"{{"type":"Feature","properties":{{"id":"{feed}","municipality":"altdorf"}},"geometry":{{"type":"Point","coordinates":[7.2,51.9{i}]}}}}"#
        ));
    }
    write("feeds.toml", &feeds);
    write("bays.geojson", &format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, bays.join(",")));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_work_are_not_disturbed_by_those_that_do_not() {
    let ports = Ports { plain: free_port(), password: free_port(), certificate: free_port() };
    let mosquitto = mosquitto(&ports);
    let dir = tempfile::tempdir().unwrap();
    let database = PrivatePg::start(&dir.path().join("data")).await.unwrap();
    let url = database.url();
    let ingest = Instance::run(&["ingest", "--database-url", &url, "--ops-http", "127.0.0.1:0"]).await;
    let api = Instance::run(&["api", "--database-url", &url, "--http", "127.0.0.1:0"]).await;

    let folder = dir.path().join("places");
    places(&ports, mosquitto.dir(), &folder);
    let done = Command::new(BIN).args(["import", "--database-url", &url]).arg(&folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let working = FEEDS.iter().filter(|(_, works)| *works).count();
    ingest.subscriptions(working as u32).await;

    let message = |feed: &str| {
        let body = format!(r#"{{"at":"{}","state":"occupied"}}"#, at(-1));
        (format!("kv/1/{feed}/bay/{feed}"), body.into_bytes())
    };
    publish(ports.plain, FEEDS.iter().map(|(feed, _)| message(feed)).collect()).await;
    for (feed, _) in FEEDS.iter().filter(|(_, works)| *works) {
        eventually(&format!("the API shows what came over '{feed}'"), || async {
            (api.get(&format!("/v1/bays/{feed}")).await.1["state"] == "occupied").then_some(())
        })
        .await;
    }
    for (feed, _) in FEEDS.iter().filter(|(_, works)| !*works) {
        let (status, bay) = api.get(&format!("/v1/bays/{feed}")).await;
        assert_eq!((status, bay["state"].as_str()), (200, Some("unknown")), "{feed}");
        let log = ingest.log();
        assert!(log.contains(&format!("no connection to {feed} ")), "'{feed}' is not logged:\n{log}");
    }
    let log = ingest.log();
    assert!(!log.contains("secret") && !log.contains("guess"), "{log}");

    // Operators see until when certificates are valid (those of the test two days), and why feeds are not connected.
    let args = ["key", "create", "--role", "admin", "--database-url", &url];
    let key = String::from_utf8(Command::new(BIN).args(args).output().unwrap().stdout).unwrap();
    let feeds = eventually("each feed says how it is connected", || async {
        let feeds = api.get_with("/v1/feeds", key.trim()).await["items"].clone();
        let shown = feeds.as_array()?.iter().all(|feed| {
            let works = FEEDS.iter().any(|(id, works)| feed["id"] == *id && *works);
            feed["connected_since"].is_string() == works && feed["error"].is_null() == works
        });
        (shown && feeds.as_array()?.len() == FEEDS.len()).then_some(feeds)
    })
    .await;
    assert!(!feeds.to_string().contains("guess"), "{feeds}");
    let certified: Vec<jiff::Timestamp> = feeds
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|feed| feed["certificate_until"].as_str()?.parse().ok())
        .collect();
    let hours = |at: &jiff::Timestamp| (at.as_second() - jiff::Timestamp::now().as_second()) / 3_600;
    assert!(certified.len() >= 2 && certified.iter().all(|at| (46..=48).contains(&hours(at))), "{feeds}");

    ingest.stop().await;
    api.stop().await;
    database.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_outside_the_directory_of_secrets_is_not_sent_to_a_broker() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("password"), "meant\n").unwrap();
    std::fs::write(dir.path().join("database"), "postgres://kv:stolen@db/kv\n").unwrap();
    let instance = Instance::serve(&["--secrets-dir", &secrets.to_string_lossy()]).await;

    // Brokers that read everything and never answer.
    let listen = async || tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (honest, greedy) = (listen().await, listen().await);
    let folder = dir.path().join("places");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("municipalities.csv"), "slug,name,ags\naltdorf,Altdorf,05999001\n").unwrap();
    let broker = |id: &str, listener: &tokio::net::TcpListener, file: &str| {
        format!(
            "[[broker]]\nid = \"{id}\"\nurl = \"mqtt://{}\"\nusername = \"kv\"\npassword_file = \"{file}\"\n\n\
             [[feed]]\nid = \"{id}\"\nmunicipality = \"altdorf\"\nformat = \"native\"\nbroker = \"{id}\"\ntopic = \"kv/1/{id}/#\"\n\n",
            listener.local_addr().unwrap()
        )
    };
    let feeds = broker("honest", &honest, "../secrets/password") + &broker("greedy", &greedy, "../database");
    std::fs::write(folder.join("feeds.toml"), feeds).unwrap();
    let importing = tokio::task::spawn_blocking({
        let data = instance.dir.path().join("data");
        move || Command::new(BIN).args(["import", "--data-dir"]).args([data, folder]).output().unwrap()
    });

    let (mut client, _) = honest.accept().await.unwrap();
    let mut connect = vec![0; 512];
    let length = tokio::io::AsyncReadExt::read(&mut client, &mut connect).await.unwrap();
    assert!(connect[..length].windows(5).any(|bytes| bytes == b"meant"));
    eventually("the unreadable file is named", || async {
        let log = instance.log();
        (log.contains("lies outside --secrets-dir") && log.contains("greedy")).then_some(())
    })
    .await;
    assert!(!instance.log().contains("stolen"));
    // Nobody even connected there.
    assert!(tokio::time::timeout(std::time::Duration::ZERO, greedy.accept()).await.is_err());
    instance.stop().await;
    importing.abort();
}
