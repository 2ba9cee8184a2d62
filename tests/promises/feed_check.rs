//! `feed check`, `capture` and `replay` with a real broker: what is published is heard, recorded, played back and judged.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::support::{BIN, Mosquitto, at, chirpstack, publish, publish_exactly_once, publish_retained};

/// A command that listens until it is stopped.
struct Listening {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Listening {
    /// Returns once it has subscribed.
    async fn start(args: &[&str]) -> Listening {
        let mut process = Command::new(BIN)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        loop {
            let line = log.next_line().await.unwrap().expect("it says when it listens");
            if line.contains("Ctrl-C") {
                return Listening { process, log };
            }
        }
    }

    /// SIGTERM, and what it leaves, as [`Listening::ended`].
    async fn stop(self) -> (i32, String, String) {
        let id = nix::unistd::Pid::from_raw(self.process.id().unwrap() as i32);
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.ended().await
    }

    /// Its exit code and standard output, and the rest of its log.
    async fn ended(mut self) -> (i32, String, String) {
        let mut log = String::new();
        while let Some(line) = self.log.next_line().await.unwrap() {
            log.extend([&line, "\n"]);
        }
        let output = self.process.wait_with_output().await.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), log)
    }
}

async fn ran(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(BIN).args(args).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[tokio::test]
async fn a_reader_who_has_seen_enough_breaks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bay.txt");
    std::fs::write(&file, format!(r#"kv/1/f/bay/b1 {{"at":"{}","state":"vacant"}}"#, at(-1))).unwrap();
    let mut command = Command::new(BIN);
    command.args(["feed", "check", &file.to_string_lossy()]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    drop(process.stdout.take());
    let Output { status, stderr, .. } = process.wait_with_output().await.unwrap();
    assert_eq!((status.code(), String::from_utf8(stderr).unwrap()), (Some(0), String::new()));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The quality of service of the only uplink among the lines of a capture.
fn qos_of_uplink(lines: &str) -> u64 {
    let mut records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.find(|r| r["topic"].as_str().unwrap().ends_with("/event/up")).unwrap()["qos"].as_u64().unwrap()
}

fn bay(bay: &str, seconds: i64, more: &str) -> (String, Vec<u8>) {
    let body = format!(r#"{{"at":"{}","state":"occupied"{more}}}"#, at(seconds));
    (format!("kv/1/town/bay/{bay}"), body.into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_recorded_and_played_back() {
    let (mosquitto, folder) = (Mosquitto::start(), tempfile::tempdir().unwrap());
    let (url, file) = (mosquitto.url(), folder.path().join("street.kvcap"));
    let capture = ["capture", "--url", &url, "--topic", "#", text(&file)];

    publish_retained(mosquitto.port, vec![bay("kept", -7_200, "")]).await;
    let recording = Listening::start(&capture).await;
    publish(mosquitto.port, vec![bay("a", -3_600, r#","driver":"Erika Muster""#), bay("b", -3_600, "")])
        .await;
    publish_exactly_once(mosquitto.port, vec![chirpstack("70b3d57ed0050036", 7, 1, "AQ==")]).await;
    eventually_records(&file, 4).await;
    let (code, _, log) = recording.stop().await;
    assert!(code == 0 && log.contains("4 messages recorded") && log.contains("1 personal values"), "{log}");

    // Continued; two at once would write across each other.
    let recording = Listening::start(&capture).await;
    let (code, _, log) = ran(&capture).await;
    assert!(code == 1 && log.contains("another capture"), "{log}");
    publish(mosquitto.port, vec![bay("c", -3_600, "")]).await;
    eventually_records(&file, 6).await;
    recording.stop().await;
    assert!(!zcat(&file).contains("Erika") && zcat(&file).contains("\"retain\":true"));
    assert_eq!(qos_of_uplink(&zcat(&file)), 2);

    // Played back as of now, into a check and a capture that listen.
    let (target, again) = (Mosquitto::start(), folder.path().join("again.kvcap"));
    let second = Listening::start(&["capture", "--url", &target.url(), "--topic", "#", text(&again)]).await;
    let listen =
        ["feed", "check", "--url", &target.url(), "--seconds", "600", "--max-messages", "6", "--json"];
    let check = Listening::start(&listen).await;
    let (code, _, log) =
        ran(&["replay", text(&file), "--url", &target.url(), "--speed", "max", "--shift-to-now"]).await;
    assert!(code == 0 && log.contains("6 messages sent and acknowledged"), "{log}");
    eventually_records(&again, 6).await;
    second.stop().await;
    assert_eq!(qos_of_uplink(&zcat(&again)), 2);
    let (code, out, log) = check.ended().await;
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out} {log}"));
    assert_eq!((code, &report["messages"], &report["verdict"]), (0, &6.into(), &"good".into()), "{out}");
    assert_eq!((&report["formats"]["native"], &report["formats"]["chirpstack"]), (&5.into(), &1.into()));
    // Each is as old as it was: an hour, and two.
    let median_s = report["clocks"]["median_s"].as_f64().unwrap();
    assert!((-3_660.0..=-3_590.0).contains(&median_s), "{median_s}");

    let results = folder.path().join("results.jsonl");
    assert_eq!(ran(&["replay", text(&file), "--results", text(&results)]).await.0, 0);
    let lines = std::fs::read_to_string(&results).unwrap();
    let of: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let uplink = of.iter().find(|line| line["format"] == "chirpstack").unwrap();
    let bosch = &uplink["frame"]["decoders"][0];
    assert_eq!((&bosch["decoder"], &bosch["state"]), (&"bosch-tps110".into(), &"occupied".into()));
    assert!(of.iter().any(|line| line["statements"][0]["id"] == "b" && line["fault_count"] == 0));

    // Cut at the end: what came before is there, and the place is named.
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    let (code, out, _) = ran(&["feed", "check", text(&file)]).await;
    assert!(code == 0 && out.contains("breaks off"), "{code} {out}");
    let (code, out, log) = ran(&["feed", "check", text(&file), "--html", "/nowhere/report.html"]).await;
    assert!(code == 2 && out.contains("breaks off") && log.contains("/nowhere/report.html"), "{code} {log}");
    // Of a later version, and none at all.
    let newer = whole.windows(9).position(|w| w == b"capture 1").unwrap();
    let future = [&whole[..newer], b"capture 9", &whole[newer + 9..]].concat();
    std::fs::write(&file, &future[..newer + 200]).unwrap();
    for args in [&["replay", text(&file), "--url", &url][..], &capture] {
        let (code, _, log) = ran(args).await;
        assert!(code == 1 && log.contains("version 9") && log.contains("update"), "{log}");
    }
    let (code, out, _) = ran(&["feed", "check", text(&file)]).await;
    assert!(code == 2 && out.contains("version 9") && !out.contains("Nothing arrived"), "{code} {out}");
    std::fs::write(&file, "notes").unwrap();
    let (code, _, log) = ran(&capture).await;
    assert!(code == 1 && log.contains("no capture") && std::fs::read(&file).unwrap() == b"notes", "{log}");
}

/// A message is in the file a second after it came, while the recording goes on.
async fn eventually_records(file: &Path, n: usize) {
    crate::support::eventually("it is recorded", async || (zcat(file).lines().count() >= n).then_some(()))
        .await;
}

/// What `zcat` prints.
fn zcat(file: &Path) -> String {
    let output = std::process::Command::new("zcat").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_feed_is_judged_and_the_exit_code_says_how() {
    let (mosquitto, folder) = (Mosquitto::start(), tempfile::tempdir().unwrap());
    let url = mosquitto.url();
    let page = folder.path().join("report.html");
    let listen =
        ["feed", "check", "--url", &url, "--topic", "kv/1/town/#", "--seconds", "600", "--max-messages", "2"];
    let check = Listening::start(&[&listen[..], &["--html", text(&page), "--lang", "de"]].concat()).await;
    publish(
        mosquitto.port,
        vec![bay("<b>x</b>", 0, r#","plate":"COE-XY 12""#), bay("late", -40 * 86_400, "")],
    )
    .await;
    let (code, out, _) = check.ended().await;
    assert!(code == 1 && out.contains("too_old") && out.contains("Kennzeichen"), "{out}");
    let shown = std::fs::read_to_string(&page).unwrap();
    assert!(shown.contains("&lt;b&gt;") && !shown.contains("<b>") && !shown.contains("COE-XY"), "{shown}");

    let (code, out, _) = ran(&["feed", "check", "--url", &url, "--topic", "other/#", "--seconds", "1"]).await;
    assert!(code == 2 && out.contains("Nothing arrived"), "{out}");
    let closed = format!("mqtt://127.0.0.1:{}", crate::support::free_port());
    let (code, out, _) = ran(&["feed", "check", "--url", &closed, "--json"]).await;
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["verdict"]), (2, &"not_checked".into()));
    assert!(report["error"].as_str().unwrap().contains("no connection"), "{out}");
    let (code, out, log) = ran(&["feed", "check", "--url", "mqtt://kv:s3cret@127.0.0.1"]).await;
    assert!(
        code == 2 && out.contains("--password-file") && !format!("{out}{log}").contains("s3cret"),
        "{out} {log}"
    );
    let absent = folder.path().join("absent");
    let (code, out, _) = ran(&["feed", "check", text(&absent)]).await;
    assert!(code == 2 && out.contains("absent"), "{out}");
    let (code, _, log) = ran(&["feed", "check", text(&page), "--places", text(&absent)]).await;
    assert!(code == 2 && log.contains("--places"), "{log}");
}
