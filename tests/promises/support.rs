//! An instance of the product of its own: data directory, database, broker, ports.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

pub const BIN: &str = env!("CARGO_BIN_EXE_kreisverkehr");

/// How long something that must come may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `ask` until it returns something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `serve` in a folder that goes away.
pub struct Instance {
    pub dir: TempDir,
    pub process: tokio::process::Child,
    pub ready: Value,
    args: Vec<String>,
}

impl Instance {
    pub async fn serve(extra: &[&str]) -> Instance {
        let mut args = vec!["serve", "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"];
        args.extend(extra);
        Instance::run(&args).await
    }

    /// A long-lived command.
    pub async fn run(command: &[&str]) -> Instance {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data").to_string_lossy().into_owned();
        let mut args: Vec<String> = command.iter().map(|a| (*a).to_owned()).collect();
        args.extend(["--data-dir".to_owned(), data]);
        let (process, ready) = start(&args, dir.path()).await;
        Instance { dir, process, ready, args }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn text(&self, key: &str) -> String {
        self.ready[key].as_str().unwrap_or_default().to_owned()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Another value of a flag, from the next start on.
    pub fn set(&mut self, flag: &str, value: &str) {
        let at = self.args.iter().position(|a| a == flag).unwrap();
        value.clone_into(&mut self.args[at + 1]);
    }

    pub async fn restart(&mut self) {
        let (process, ready) = start(&self.args, self.dir.path()).await;
        (self.process, self.ready) = (process, ready);
    }

    /// SIGTERM; it must end within 10 s.
    pub async fn stop(mut self) {
        self.end().await;
    }

    /// The same for an instance that starts again.
    pub async fn end(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.process.id().unwrap() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let status = tokio::time::timeout(Duration::from_secs(10), self.process.wait()).await;
        assert!(
            status.is_ok_and(|s| s.is_ok_and(|s| s.success())),
            "does not stop within 10 s:\n{}",
            self.log()
        );
    }

    /// Runs a command on this instance's data directory: exit code, standard output and error.
    pub fn command(&self, args: &[&str]) -> (bool, String, String) {
        run(args, &["--data-dir", &self.data().to_string_lossy()])
    }

    /// The same on the database at `url`.
    pub fn command_on(&self, url: &str, args: &[&str]) -> (bool, String, String) {
        run(args, &["--data-dir", &self.data().to_string_lossy(), "--database-url", url])
    }

    /// Imports the test's town, or a file of it.
    pub fn import(&self, folder: &Path) {
        let (ok, out, err) = self.command(&["import", &folder.to_string_lossy()]);
        assert!(ok, "{out}{err}");
    }

    /// Waits until the town's feeds are subscribed: what is published before has no receiver.
    pub async fn subscribed(&self) {
        self.subscriptions(3).await;
    }

    pub async fn subscriptions(&self, n: u32) {
        self.counted(&format!("kv_ingest_subscriptions {n}")).await;
    }

    /// Waits until `/metrics` has this line.
    pub async fn counted(&self, line: &str) {
        let address = self.ready["ops_http"].as_str().map_or_else(|| self.text("http"), str::to_owned);
        let url = format!("{address}/metrics");
        eventually(line, || {
            let url = url.clone();
            async move {
                let ask = move || ureq::get(&url).call()?.body_mut().read_to_string();
                let text = tokio::task::spawn_blocking(ask).await.unwrap();
                text.is_ok_and(|t| t.lines().any(|l| l == line)).then_some(())
            }
        })
        .await;
    }

    pub async fn pool(&self) -> store::Pool {
        store::connect(&self.text("database_url")).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, None, "").await
    }

    /// With a key.
    pub async fn get_with(&self, path: &str, key: &str) -> Value {
        self.ask("GET", path, Some(key), "").await.1
    }

    pub async fn post(&self, path: &str, key: &str, body: &str) -> (u16, Value) {
        self.ask("POST", path, Some(key), body).await
    }

    pub async fn put(&self, path: &str, key: &str, body: &str) -> (u16, Value) {
        self.ask("PUT", path, Some(key), body).await
    }

    /// A file, with a key.
    pub async fn bytes_with(&self, path: &str, key: &str) -> Vec<u8> {
        self.fetch("GET", path, Some(key), "").await.1
    }

    pub async fn ask(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> (u16, Value) {
        let (status, body) = self.fetch(method, path, key, body).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn fetch(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> (u16, Vec<u8>) {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.text("http")));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(body.to_owned()).unwrap();
        tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let mut answer = agent.run(request).unwrap();
            let body = answer.body_mut().read_to_vec().unwrap();
            (answer.status().as_u16(), body)
        })
        .await
        .unwrap()
    }

    /// A key of the county, for everything.
    pub fn admin_key(&self) -> String {
        let (ok, key, err) = self.command(&["key", "create", "--role", "admin"]);
        assert!(ok, "{err}");
        key.trim().to_owned()
    }
}

impl Drop for Instance {
    /// Whatever the test left running goes: the product was killed or stopped, its private
    /// database may live on.
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        if let Some(pid) = postmaster(&self.data()) {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT);
        }
    }
}

/// The private PostgreSQL's process, when it runs: its file outlives a `kill -9`, and the number
/// may be another process's by then. PostgreSQL works inside its data directory.
pub fn postmaster(data: &Path) -> Option<nix::unistd::Pid> {
    let cluster = data.join("postgres");
    let text = std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    let works_in = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (works_in == cluster.canonicalize().ok()?).then(|| nix::unistd::Pid::from_raw(pid))
}

fn run(args: &[&str], more: &[&str]) -> (bool, String, String) {
    let done = Command::new(BIN).args(args).args(more).env("KV_LOG", "warn").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

async fn start(args: &[String], dir: &Path) -> (tokio::process::Child, Value) {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
    let mut process = tokio::process::Command::new(BIN)
        .args(args)
        // A full disk of the machine must not fail what has nothing to do with it.
        .env("KV_MIN_FREE_DISK_PCT", "0")
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
    let Some(line) = line else {
        panic!("ended before it was ready:\n{}", std::fs::read_to_string(dir.join("log")).unwrap());
    };
    (process, serde_json::from_str(&line).unwrap())
}

/// A mosquitto that keeps sessions on disk.
pub struct Mosquitto {
    child: Child,
    config: PathBuf,
    pub port: u16,
    dir: TempDir,
}

impl Mosquitto {
    pub fn start() -> Mosquitto {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
             autosave_interval 1\nmax_inflight_messages 0\nmax_queued_messages 0\n",
            dir.path().display()
        );
        Mosquitto::configured(dir, port, config)
    }

    /// With files of the test's in `dir`; `port` is one that it listens on.
    pub fn configured(dir: TempDir, port: u16, mut config: String) -> Mosquitto {
        // As root mosquitto would become another user, who cannot enter the folder.
        config.push_str("user root\n");
        let path = dir.path().join("mosquitto.conf");
        std::fs::write(&path, config).unwrap();
        let child = spawn_mosquitto(&path, port);
        Mosquitto { child, config: path, port, dir }
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn_mosquitto(&self.config, self.port);
    }
}

fn spawn_mosquitto(config: &Path, port: u16) -> Child {
    let binary = if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
    let child =
        Command::new(binary).arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("mosquitto is needed: apt-get install mosquitto");
    let deadline = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "mosquitto does not listen");
        #[expect(clippy::disallowed_methods, reason = "another program does not say when it listens")]
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Publishes at QoS 1 and returns when the broker has acknowledged all.
pub async fn publish(port: u16, messages: Vec<(String, Vec<u8>)>) {
    send(port, messages, QoS::AtLeastOnce, false).await;
}

/// The same with the flag *retain*: the broker keeps it for those who subscribe later.
pub async fn publish_retained(port: u16, messages: Vec<(String, Vec<u8>)>) {
    send(port, messages, QoS::AtLeastOnce, true).await;
}

/// The same with QoS 2: returns once the broker has completed each exchange.
pub async fn publish_exactly_once(port: u16, messages: Vec<(String, Vec<u8>)>) {
    send(port, messages, QoS::ExactlyOnce, false).await;
}

async fn send(port: u16, messages: Vec<(String, Vec<u8>)>, qos: QoS, retain: bool) {
    let mut options = MqttOptions::new(format!("test-{}", free_port()), "127.0.0.1", port);
    options.set_max_packet_size(Some(32 << 20));
    let (client, mut events) = AsyncClient::new(options, messages.len() + 10);
    let n = messages.len();
    for (topic, payload) in messages {
        client.publish(topic, qos, retain, payload).await.unwrap();
    }
    let mut acked = 0;
    while acked < n {
        if let Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) = events.poll().await.unwrap() {
            acked += 1;
        }
    }
    client.disconnect().await.unwrap();
}

pub fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// `seconds` from now, as the wire has it.
pub fn at(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

/// A county with two towns, each with a native feed, and one with a ChirpStack.
pub fn town(dir: &Path) -> PathBuf {
    let folder = dir.join("places");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "municipalities.csv",
        "slug,name,ags,lat,lon\nkreis,Kreis,05999,51.9,7.2\naltdorf,Altdorf,05999001,51.90,7.20\nneudorf,Neudorf,05999002,51.95,7.30\n",
    );
    let feature = |properties: String, lon: f64, lat: f64| {
        format!(
            r#"{{"type":"Feature","properties":{{{properties}}},"geometry":{{"type":"Point","coordinates":[{lon},{lat}]}}}}"#
        )
    };
    let collection = |features: Vec<String>| {
        format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",\n"))
    };
    write(
        "sites.geojson",
        &collection(vec![
            feature(
                r#""id":"markt","municipality":"altdorf","name":"Markt","kind":"lot","capacity":4"#.into(),
                7.2,
                51.9,
            ),
            feature(
                r#""id":"garage","municipality":"altdorf","name":"Garage","kind":"car_park","capacity":100"#
                    .into(),
                7.201,
                51.9,
            ),
        ]),
    );
    let mut bays: Vec<String> = (1..=3)
        .map(|i| {
            feature(
                format!(r#""id":"a{i}","municipality":"altdorf","site":"markt""#),
                7.2 + f64::from(i) * 1e-5,
                51.9,
            )
        })
        .collect();
    bays.push(feature(
        r#""id":"a-home","municipality":"altdorf","site":"markt","restriction":"resident""#.into(),
        7.2001,
        51.9,
    ));
    bays.push(feature(r#""id":"n1","municipality":"neudorf""#.into(), 7.3, 51.95));
    bays.push(feature(r#""id":"n2","municipality":"neudorf""#.into(), 7.3001, 51.95));
    write("bays.geojson", &collection(bays));
    write("vehicles.csv", "id,owner,label\nbus-1,kreis,Bus 1\n");
    write(
        "feeds.toml",
        r#"
[[feed]]
id = "alt"
municipality = "altdorf"
format = "native"
topic = "kv/1/alt/#"
attribution = "Stadt Altdorf"

[[feed]]
id = "county"
municipality = "kreis"
format = "native"
topic = "kv/1/county/#"

[[feed]]
id = "lora"
municipality = "neudorf"
format = "chirpstack"
topic = "application/+/device/+/event/+"
"#,
    );
    write(
        "sensors.csv",
        "id,feed,decoder,bay,bound_from,bound_until\n\
         70B3D57ED0000001,lora,bosch-tps110,n1,,\n\
         70B3D57ED0000002,lora,bosch-tps110,n2,,2020-01-01T00:00:00Z\n\
         70B3D57ED0000003,lora,,n2,2020-01-01T00:00:00Z,\n",
    );
    folder
}

/// A ChirpStack uplink with `payload` in base64.
pub fn chirpstack(device: &str, dedup: u32, f_port: u32, payload: &str) -> (String, Vec<u8>) {
    let topic = format!("application/a/device/{device}/event/up");
    let body = format!(
        r#"{{"deduplicationId":"00000000-0000-0000-0000-{dedup:012}","time":"{}","deviceInfo":{{"devEui":"{device}"}},"fCnt":{dedup},"fPort":{f_port},"data":"{payload}","rxInfo":[{{"gatewayId":"0016c001f153a14c","rssi":-90,"snr":7.5}}]}}"#,
        at(-1)
    );
    (topic, body.into_bytes())
}
