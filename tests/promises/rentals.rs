//! Shared vehicles fetched by HTTP, from a server that names, changes and withholds its files.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::{Instance, eventually, town};

/// Files by their path, and the heads of all requests.
#[derive(Default)]
struct Operator {
    files: Mutex<BTreeMap<String, Value>>,
    heads: Mutex<Vec<String>>,
}

impl Operator {
    /// A server that packs what it sends, and sends nothing twice to whoever has it.
    fn serve(self: &Arc<Self>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let operator = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let path =
                    head.first().and_then(|first| first.split(' ').nth(1)).unwrap_or_default().to_owned();
                let file = operator.files.lock().get(&path).map(Value::to_string);
                let head = head.join("\n").to_lowercase();
                let etag = file.as_deref().map(etag).unwrap_or_default();
                let (status, body) = match file {
                    None => ("404 Not Found", Vec::new()),
                    Some(_) if head.contains(&format!("if-none-match: {etag}")) => {
                        ("304 Not Modified", Vec::new())
                    }
                    Some(file) => {
                        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
                        packed.write_all(file.as_bytes()).unwrap();
                        ("200 OK", packed.finish().unwrap())
                    }
                };
                operator.heads.lock().push(format!("{status} {head}"));
                let answer = format!(
                    "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        port
    }

    fn publish(&self, name: &str, age_s: i64, data: Value) {
        let at = now_s() - age_s;
        let file = json!({ "last_updated": at, "ttl": 0, "version": "2.3", "data": data });
        self.files.lock().insert(format!("/{name}"), file);
    }

    fn asked(&self, path: &str) -> Vec<String> {
        let heads = self.heads.lock();
        heads.iter().filter(|head| head.contains(&format!("get {path} "))).cloned().collect()
    }
}

/// By what a file is recognised.
fn etag(file: &str) -> String {
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    format!("\"{:x}\"", hasher.finish())
}

fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn status(age_s: i64, vehicles: u32) -> Value {
    json!({ "stations": [
        { "station_id": "bahnhof", "num_bikes_available": vehicles, "num_docks_available": 10 - vehicles, "is_installed": true,
          "is_renting": true, "is_returning": true, "last_reported": now_s() - age_s },
        { "station_id": "nowhere", "num_bikes_available": 1, "is_installed": true, "is_renting": true, "is_returning": true,
          "last_reported": now_s() },
    ]})
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_vehicles_come_by_http_and_age() {
    let (operator, elsewhere) = (Arc::new(Operator::default()), Arc::new(Operator::default()));
    let (port, other_port) = (operator.serve(), elsewhere.serve());
    let own = |name: &str| format!("http://127.0.0.1:{port}/{name}");
    operator.publish(
        "gbfs.json",
        0,
        json!({ "de": { "feeds": [
            { "name": "system_information", "url": own("information") },
            { "name": "station_information", "url": own("stations") },
            { "name": "station_status", "url": own("status") },
            { "name": "free_bike_status", "url": own("bikes") },
            { "name": "system_pricing_plans", "url": format!("http://127.0.0.1:{other_port}/plans") },
        ]}}),
    );
    operator.publish(
        "information",
        0,
        json!({ "system_id": "rad", "language": "de", "name": "Kreisrad", "url": "https://o.example" }),
    );
    operator.publish(
        "stations",
        0,
        json!({ "stations": [{ "station_id": "bahnhof", "name": "Bahnhof", "lat": 51.95, "lon": 7.17, "capacity": 10 }] }),
    );
    operator.publish("status", 0, status(0, 4));
    operator.publish(
        "bikes",
        0,
        json!({ "bikes": [
            { "bike_id": "s3cret-1", "lat": 51.951, "lon": 7.171, "is_reserved": false, "is_disabled": false,
              "current_range_meters": 12_000 },
            { "bike_id": "s3cret-2", "lat": 51.951, "lon": 7.171, "is_reserved": true, "is_disabled": false },
        ]}),
    );
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let headers = instance.dir.path().join("headers");
    std::fs::write(&headers, "X-Api-Key: s3cret-key\n").unwrap();
    let feed = format!(
        "[[feed]]\nid = \"rad\"\nmunicipality = \"kreis\"\nformat = \"gbfs\"\nurl = \"{}\"\nallow_private = true\n\
         every_s = 1\nattribution = \"Kreisrad\"\nheaders_file = \"{}\"\nreturn_rule = \"hybrid\"\n",
        own("gbfs.json"),
        headers.display(),
    );
    std::fs::write(folder.join("feeds.toml"), &feed).unwrap();
    std::fs::write(folder.join("sensors.csv"), "id,feed\n").unwrap();
    let (ok, out, err) = instance.command(&["import", &folder.to_string_lossy()]);
    assert!(ok, "{out}{err}");

    let rentals = || async { instance.get("/v1/rentals?near=51.95,7.17&lang=de").await.1 };
    let station = || async { rentals().await["stations"][0].clone() };
    let seen =
        eventually("the station is seen", || async { Some(station().await).filter(|s| s["vehicles"] == 4) })
            .await;
    assert_eq!(
        json!([
            seen["name"],
            seen["docks"],
            seen["capacity"],
            seen["stale"],
            seen["url"],
            seen["municipality"]
        ]),
        json!(["Bahnhof", 6, 10, false, "https://o.example", "kreis"])
    );
    let types = json!([{ "name": null, "form": "bicycle", "propulsion": "human", "return_rule": "hybrid", "max_range_m": null,
        "vehicles": 4, "docks": 6 }]);
    assert_eq!(seen["types"], types);
    let all = eventually("the free one is seen", || async {
        Some(rentals().await).filter(|all| all["vehicles"][0].is_object())
    })
    .await;
    assert_eq!(all["vehicles"].as_array().unwrap().len(), 1, "nobody is offered what another has reserved");
    assert_eq!(
        json!([all["vehicles"][0]["range_m"], all["vehicles"][0]["form"]]),
        json!([12_000, "bicycle"])
    );
    assert_eq!(all["attribution"][0]["attribution"], "Kreisrad");
    assert!(!all.to_string().contains("s3cret"), "{all}");
    let boxed = instance.get("/v1/rentals?bbox=7.1,51.9,7.2,52.0&form=car").await.1;
    assert_eq!(json!([boxed["stations"], boxed["vehicles"]]), json!([[], []]));

    // A key is for the operator alone, and nobody else leads us into a private network.
    assert!(operator.asked("/status")[0].contains("x-api-key: s3cret-key"));
    assert!(elsewhere.heads.lock().is_empty());
    // What has not changed is not sent again.
    eventually("nothing new comes", || async {
        operator.asked("/stations").iter().any(|head| head.starts_with("304")).then_some(())
    })
    .await;

    // A state of five minutes and a second is unknown, not zero.
    operator.publish("status", 301, status(301, 0));
    let old =
        eventually("it is stale", || async { Some(station().await).filter(|s| s["stale"] == true) }).await;
    assert_eq!(json!([old["vehicles"], old["docks"], old["is_renting"]]), json!([null, null, null]));
    operator.publish("status", 0, status(0, 10));
    eventually("it counts again", || async { (station().await["vehicles"] == 10).then_some(()) }).await;

    let key = instance.admin_key();
    let rejected = eventually("the unknown station is named", || async {
        let found = instance.get_with("/v1/rejections?feed=rad&reason=implausible", &key).await;
        found["items"].as_array()?.first().cloned()
    })
    .await;
    assert!(
        rejected["detail"].as_str().unwrap().contains("'nowhere' is not in station_information"),
        "{rejected}"
    );
    assert!(rejected["remedy"].as_str().unwrap().contains("same ids"), "{rejected}");
    let feeds = instance.get_with("/v1/feeds", &key).await;
    let feed_out = feeds["items"].as_array().unwrap().iter().find(|feed| feed["id"] == "rad").unwrap();
    assert_eq!(feed_out["format"], "gbfs");

    // The same file gives the same feed, and zones and systems can be chosen.
    let exported = instance.dir.path().join("exported");
    let (ok, out, err) = instance.command(&["export", &exported.to_string_lossy()]);
    assert!(
        ok && std::fs::read_to_string(exported.join("feeds.toml")).unwrap().contains("return_rule"),
        "{out}{err}"
    );
    std::fs::write(folder.join("feeds.toml"), format!("{feed}systems = [\"another\"]\n")).unwrap();
    let (ok, out, err) = instance.command(&["import", &folder.to_string_lossy()]);
    assert!(ok, "{out}{err}");
    eventually("it is no longer taken", || async {
        rentals().await["stations"].as_array()?.is_empty().then_some(())
    })
    .await;
    assert!(!instance.log().contains("s3cret"), "{}", instance.log());
    instance.stop().await;
}
