//! What a feed of The Things Stack missed comes from its Storage Integration, played by a server that answers as the
//! documentation says: lines of JSON, packed, limited in rate; and by one that is cut off, refuses the token, or lies.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::{Instance, Mosquitto, chirpstack, eventually, port_of, publish, town};

const TOKEN: &str = "NNSXS.g00d";
const PAGE: usize = 500;

/// An answer that is not as it should be.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// 429, and when to come again.
    TooMany,
    /// So many lines of what was announced, and a part of the next.
    Cut(usize),
}

#[derive(Default)]
struct Server {
    /// Receipt by the application server in microseconds, and the message, in order.
    messages: Vec<(i64, Value)>,
    turns: VecDeque<Turn>,
    /// Whatever is asked for, the first page is the answer.
    lies: bool,
    /// `after` of each answered request.
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Server>>;

fn micros(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

/// Starts it; its address.
fn serve(server: Shared) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = answer(stream.unwrap(), &server);
        }
    });
    address
}

fn answer(mut stream: TcpStream, server: &Shared) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap()?;
    let headers: Vec<String> = lines
        .by_ref()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .map(|line| line.to_ascii_lowercase())
        .collect();
    let has = |header: &str| headers.iter().any(|line| *line == header.to_ascii_lowercase());
    let (path, query) = request.split(' ').nth(1).unwrap().split_once('?').unwrap();
    let status = |stream: &mut TcpStream, head: &str| {
        write!(stream, "HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    if path != "/api/v3/as/applications/app/packages/storage/uplink_message" {
        return status(&mut stream, "404 Not Found");
    }
    if !has(&format!("authorization: Bearer {TOKEN}")) || !has("accept: text/event-stream") {
        return status(&mut stream, "401 Unauthorized");
    }
    let mut server = server.lock();
    let turn = server.turns.pop_front();
    if let Some(Turn::TooMany) = turn {
        return status(&mut stream, "429 Too Many Requests\r\nRetry-After: 1");
    }
    let of = |name: &str| {
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        pair.unwrap_or_else(|| panic!("{name} is missing: {query}")).replace("%3A", ":")
    };
    let (after, before, limit) = (of("after"), of("before"), of("limit").parse::<usize>().unwrap());
    assert_eq!((of("order").as_str(), limit), ("received_at", PAGE));
    let (from, until) = if server.lies { (0, i64::MAX) } else { (micros(&after), micros(&before)) };
    server.asked.push(after);
    let found = server.messages.iter().filter(|(at, _)| *at > from && *at <= until).take(limit);
    let found: Vec<String> = found.map(|(_, message)| json!({ "result": message }).to_string()).collect();
    if let Some(Turn::Cut(n)) = turn {
        let body = format!("{}\n\n{}", found[..n].join("\n\n"), &found[n][..50]);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() + 10_000)?;
        return stream.write_all(body.as_bytes());
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(found.join("\n\n").as_bytes())?;
    let body = packed.finish()?;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// The `n`th message of the device, received `ago_s` seconds ago by the network, with so many digits of its time.
fn uplink(n: usize, at: jiff::Timestamp, digits: u8) -> (i64, Value) {
    let message = json!({
        "end_device_ids": { "device_id": "eui-70b3d57ed0000009", "dev_eui": "70B3D57ED0000009",
            "application_ids": { "application_id": "app" } },
        "received_at": at.to_string(),
        "uplink_message": { "session_key_id": "AXPo", "f_port": 1, "f_cnt": n, "frm_payload": if n.is_multiple_of(2) { "AQ==" } else { "AA==" },
            "received_at": format!("{at:.*}", usize::from(digits)) },
    });
    (at.as_microsecond(), message)
}

fn places(instance: &Instance, storage: &str) -> PathBuf {
    let folder = town(instance.dir.path());
    let feed = format!(
        "\n[[feed]]\nid = \"ttn\"\nmunicipality = \"neudorf\"\nformat = \"tts\"\ntopic = \"v3/app@t/devices/+/up\"\nqos = 0\n\
         storage_url = \"{storage}\"\nstorage_token_file = \"token\"\nallow_private = true\n"
    );
    let feeds = std::fs::read_to_string(folder.join("feeds.toml")).unwrap() + &feed;
    std::fs::write(folder.join("feeds.toml"), feeds).unwrap();
    std::fs::write(folder.join("sensors.csv"), "id,feed,decoder,bay\n70B3D57ED0000009,ttn,bosch-tps110,n2\n")
        .unwrap();
    folder
}

fn write_token(folder: &Path, token: &str) {
    std::fs::write(folder.join("token"), format!("{token}\n")).unwrap();
}

async fn feed(instance: &Instance, key: &str, id: &str) -> Option<Value> {
    let feeds = instance.get_with("/v1/feeds", key).await;
    feeds["items"].as_array()?.iter().find(|f| f["id"] == id).cloned()
}

/// Observations of the bay, and how many of the device's messages were received when the network received them.
async fn stored(instance: &Instance) -> (i64, i64) {
    let pool = instance.pool().await;
    let count = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap() };
    let observed = count("SELECT count(*) FROM bay_observation").await;
    let fetched = count("SELECT count(*) FROM uplink WHERE copy = 0 AND received_at = network_at").await;
    pool.close().await;
    (observed, fetched)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_fetched_in_pages_whatever_the_storage_does() {
    const BEFORE: usize = 1_100;
    let server = Shared::default();
    let storage = serve(server.clone());
    let mut mosquitto = Mosquitto::start();
    let mut instance = Instance::serve(&["--mqtt-url", &mosquitto.url()]).await;
    let folder = places(&instance, &storage);
    write_token(&folder, "expired-s3cret");
    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(7_200);
    let at = |n: usize| start + jiff::SignedDuration::from_millis(1_000 * n as i64);
    {
        let mut server = server.lock();
        server.messages = (0..BEFORE).map(|n| uplink(n, at(n), 6)).collect();
        server.turns = [Turn::TooMany, Turn::Cut(300), Turn::TooMany].into();
    }
    instance.import(&folder);
    let key = instance.admin_key();
    let error = eventually("the token is refused", || async {
        feed(&instance, &key, "ttn").await?["error"].as_str().map(str::to_owned)
    })
    .await;
    assert!(
        error.starts_with("storage_token_file: ") && error.contains("API key") && error.contains("token:"),
        "{error}"
    );
    assert!(!error.contains("s3cret") && !instance.log().contains("s3cret"), "{error}");
    assert_eq!(stored(&instance).await, (0, 0));

    // The file is read for each question.
    write_token(&folder, TOKEN);
    eventually("all is fetched", || async {
        (stored(&instance).await == (BEFORE as i64, BEFORE as i64)).then_some(())
    })
    .await;
    eventually("nothing is wrong any more", || async {
        let feed = feed(&instance, &key, "ttn").await?;
        (feed["error"].is_null() && feed["gap"].is_null()).then_some(())
    })
    .await;
    let asked = server.lock().asked.clone();
    // Cut after 300, then 500, then 300: each goes on with the last.
    let from: Vec<i64> = asked.iter().map(|after| micros(after)).collect();
    assert_eq!(from[1..], [at(299), at(799)].map(|at| at.as_microsecond()), "{asked:?}");
    let bay = instance.get("/v1/bays/n2").await.1;
    assert_eq!(micros(bay["observed_at"].as_str().unwrap()), at(BEFORE - 1).as_microsecond());

    // Live, and later once more from the storage, with fewer digits: one message.
    let live =
        jiff::Timestamp::now().round(jiff::Unit::Microsecond).unwrap() - jiff::SignedDuration::from_secs(1);
    let (_, message) = uplink(BEFORE, live, 9);
    let port = mosquitto.port;
    let topic = "v3/app@t/devices/eui-70b3d57ed0000009/up".to_owned();
    publish(port, vec![(topic, message.to_string().into_bytes())]).await;
    let all = BEFORE as i64;
    eventually("the live one is stored", || async { (stored(&instance).await.0 == all + 1).then_some(()) })
        .await;
    let questions = server.lock().asked.len();
    server.lock().messages.push(uplink(BEFORE, live, 6));
    server.lock().messages.push(uplink(BEFORE + 1, live + jiff::SignedDuration::from_millis(10), 6));
    mosquitto.kill_and_restart();
    eventually("what was missed comes after the reconnect", || async {
        (stored(&instance).await.0 == all + 2).then_some(())
    })
    .await;
    let again = server.lock().asked[questions..].to_vec();
    let overlap_s = (live.as_microsecond() - micros(&again[0])) / 1_000_000;
    assert!((600..=660).contains(&overlap_s), "from the last receipt less an overlap: {again:?}");

    // A restart asks too.
    let questions = server.lock().asked.len();
    server.lock().messages.push(uplink(BEFORE + 2, live + jiff::SignedDuration::from_millis(20), 6));
    instance.kill().await;
    instance.restart().await;
    eventually("the restart asks", || async { (server.lock().asked.len() > questions).then_some(()) }).await;
    eventually("and stores", || async { (stored(&instance).await.0 == all + 3).then_some(()) }).await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_lies_about_its_pages_is_not_asked_for_ever() {
    let server = Shared::default();
    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(7_200);
    {
        let mut server = server.lock();
        server.messages =
            (0..600).map(|n| uplink(n, start + jiff::SignedDuration::from_secs(n as i64), 6)).collect();
        server.lies = true;
    }
    let storage = serve(server.clone());
    let mosquitto = Mosquitto::start();
    let instance = Instance::serve(&["--mqtt-url", &mosquitto.url()]).await;
    let folder = places(&instance, &storage);
    write_token(&folder, TOKEN);
    instance.import(&folder);
    let key = instance.admin_key();
    eventually("it is found out", || async {
        feed(&instance, &key, "ttn").await?["error"]
            .as_str()
            .is_some_and(|error| error.contains("same page"))
            .then_some(())
    })
    .await;
    assert_eq!(server.lock().asked.len(), 2);
    assert_eq!(stored(&instance).await, (PAGE as i64, PAGE as i64), "what it sent counts, once");
    instance.stop().await;
}

/// ChirpStack has no storage: what may be missing is named.
#[tokio::test(flavor = "multi_thread")]
async fn the_gap_of_a_feed_without_a_storage_is_named() {
    let mut instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let key = instance.admin_key();
    publish(port_of(&instance.text("mqtt")), vec![chirpstack("70b3d57ed0000001", 1, 1, "AQ==")]).await;
    let last = eventually("the message is noted", || async {
        let feed = feed(&instance, &key, "lora").await?;
        assert!(feed["gap"].is_null(), "{feed}");
        feed["last_message_at"].as_str().map(micros)
    })
    .await;
    instance.end().await;
    instance.restart().await;
    let gap = eventually("the gap is named", || async {
        feed(&instance, &key, "lora").await.map(|feed| feed["gap"].clone()).filter(Value::is_object)
    })
    .await;
    let [from, until] = ["from", "until"].map(|name| micros(gap[name].as_str().unwrap()));
    assert!((from - last).abs() <= 1 && until > from, "{gap} {last}");
    instance.stop().await;
}
