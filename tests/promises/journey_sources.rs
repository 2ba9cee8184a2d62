//! Timetables and extracts that are fetched by themselves, from a server that also sends what cannot be used.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Date;
use parking_lot::Mutex;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use crate::changed_trips::{FROM, TO};
use crate::support::{BIN, Instance, PATIENCE, eventually};

/// A server of files, each with the checksum of its content as its ETag.
#[derive(Clone, Default)]
struct Files {
    bodies: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    /// Answers by path and status.
    answers: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Files {
    fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let files = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, mut stream) = (files.clone(), stream.unwrap());
                std::thread::spawn(move || {
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let head: Vec<String> =
                        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                    let _ = stream.write_all(&files.answer(&head));
                });
            }
        });
        port
    }

    fn answer(&self, head: &[String]) -> Vec<u8> {
        let Some(path) = head.first().and_then(|line| line.split(['/', '?', ' ']).nth(2)) else {
            return Vec::new();
        };
        let body = self.bodies.lock().get(path).cloned();
        let etag = body.as_ref().map(|body| format!("\"{}\"", blake3::hash(body).to_hex()));
        let is_held = head
            .iter()
            .any(|line| etag.as_ref().is_some_and(|etag| line == &format!("if-none-match: {etag}")));
        let (status, body) = match body {
            None => (503, Vec::new()),
            Some(_) if is_held => (304, Vec::new()),
            Some(body) => (200, body),
        };
        self.answers.lock().push((path.to_owned(), status));
        let etag = etag.unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {status} X\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat()
    }

    fn set(&self, path: &str, body: Vec<u8>) {
        self.bodies.lock().insert(path.to_owned(), body);
    }

    fn remove(&self, path: &str) {
        self.bodies.lock().remove(path);
    }

    /// The answers since the last call.
    fn answered(&self) -> Vec<(String, u16)> {
        std::mem::take(&mut self.answers.lock())
    }
}

fn tomorrow() -> Date {
    jiff::Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap()
}

/// A GTFS file with trips on one day, one a minute from noon on; they are called `trip0`, `trip1` and so on.
fn timetable(day: Date, trip: &str, trips: usize) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let (a, b) = (FROM, TO);
    let rows: String = (0..trips).map(|n| format!("R,S,{trip}{n}\n")).collect();
    let times = (0..trips)
        .map(|n| format!("{trip}{n},a,1,12:{:02}:00\n{trip}{n},b,2,12:{:02}:00\n", n, n + 8))
        .collect::<String>();
    for (file, text) in [
        ("agency.txt", "agency_id,agency_name,agency_timezone\nA,Bus,Europe/Berlin\n".to_owned()),
        ("routes.txt", "route_id,route_short_name,route_type\nR,7,3\n".to_owned()),
        (
            "stops.txt",
            format!("stop_id,stop_name,stop_lat,stop_lon\na,A,{},{}\nb,B,{},{}\n", a.0, a.1, b.0, b.1),
        ),
        ("calendar_dates.txt", format!("service_id,date,exception_type\nS,{},1\n", day.strftime("%Y%m%d"))),
        ("trips.txt", format!("route_id,service_id,trip_id\n{rows}")),
        ("stop_times.txt", format!("trip_id,stop_id,stop_sequence,arrival_time\n{times}")),
    ] {
        zip.start_file(file, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A server with an extract and a timetable of ten trips, and the file that names them.
struct Setting {
    files: Files,
    folder: TempDir,
    sources: PathBuf,
    extract: Vec<u8>,
}

impl Setting {
    fn new(every: &str) -> Setting {
        let (files, folder) = (Files::default(), tempfile::tempdir().unwrap());
        let port = files.start();
        let sample = folder.path().join("sample");
        let done = Command::new(BIN).args(["simulate", "--write-places"]).arg(&sample).output().unwrap();
        assert!(done.status.success());
        let extract = fs::read(sample.join("streets.osm.pbf")).unwrap();
        files.set("kreis.osm.pbf", extract.clone());
        files.set("bus.zip", timetable(tomorrow(), "old", 10));
        let entry = |kind: &str, name: &str, file: &str| {
            format!(
                "[[{kind}]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}/{file}?key=s3cret\"\nevery = \"{every}\"\n\
                 allow_private = true\n"
            )
        };
        let sources = folder.path().join("sources.toml");
        let text = entry("extract", "kreis", "kreis.osm.pbf") + &entry("timetable", "bus", "bus.zip");
        fs::write(&sources, text).unwrap();
        Setting { files, folder, sources, extract }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("x.kvj")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        command.args(["journey", "build", "--no-places", "--sources"]).arg(&self.sources);
        command.arg("--out").arg(self.out()).args(more);
        command
    }

    /// Exit code, and all that it says.
    fn build(&self, more: &[&str]) -> (Option<i32>, String) {
        let done = self.command(more).output().unwrap();
        let text = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(!text.contains("s3cret"), "{text}");
        (done.status.code(), text)
    }
}

/// Another file has another number.
fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn what_is_the_same_is_not_fetched_and_what_cannot_be_used_replaces_nothing() {
    let setting = Setting::new("1h");
    let files = &setting.files;
    files.remove("bus.zip");
    let (code, text) = setting.build(&[]);
    assert!(
        code == Some(1) && text.contains("timetable 'bus' cannot be fetched: http status: 503"),
        "{text}"
    );
    assert!(!setting.out().exists(), "{text}");
    files.set("bus.zip", timetable(tomorrow(), "old", 10));
    let (code, text) = setting.build(&[]);
    assert!(code == Some(0) && text.contains("2 stops, 10 trips, until"), "{text}");

    let built = inode(&setting.out());
    files.answered();
    let (code, text) = setting.build(&[]);
    assert!(code == Some(0) && text.contains("there is nothing to build"), "{text}");
    let unchanged = [("kreis.osm.pbf".to_owned(), 304), ("bus.zip".to_owned(), 304)];
    assert_eq!(files.answered(), unchanged);
    let (code, _) = setting.build(&["--due"]);
    assert_eq!((code, files.answered()), (Some(0), Vec::new()), "nothing is due before an hour");

    let good = timetable(tomorrow(), "old", 10);
    let yesterday = tomorrow().checked_sub(jiff::Span::new().days(2)).unwrap();
    for (file, body, says) in [
        ("bus.zip", b"\n<!DOCTYPE html>".to_vec(), "a web page came"),
        ("bus.zip", good[..good.len() / 2].to_vec(), "is no zip file"),
        ("bus.zip", Vec::new(), "is no zip file"),
        ("bus.zip", timetable(yesterday, "new", 10), &format!("it ended on {yesterday}")),
        ("bus.zip", timetable(tomorrow(), "new", 0), "no trip of it ever runs"),
        ("bus.zip", timetable(tomorrow(), "new", 4), "holds 4 trips, less than half of the 10 from before"),
        ("kreis.osm.pbf", setting.extract[..setting.extract.len() - 100].to_vec(), "is cut off or damaged"),
        ("kreis.osm.pbf", good.clone(), "is not an OpenStreetMap extract"),
    ] {
        let before = files.bodies.lock().insert(file.to_owned(), body).unwrap();
        let (code, text) = setting.build(&[]);
        assert!(
            code == Some(1) && text.contains(says) && text.contains("from before stays"),
            "{says}: {text}"
        );
        assert_eq!(inode(&setting.out()), built, "{says}");
        files.set(file, before);
        let (code, text) = setting.build(&[]);
        assert!(code == Some(0) && text.contains("there is nothing to build"), "{says}: {text}");
    }
    // A file of this machine: what was built before is compared.
    let own = setting.folder.path().join("rail.zip");
    fs::write(&own, timetable(tomorrow(), "rail", 12)).unwrap();
    let text = fs::read_to_string(&setting.sources).unwrap();
    fs::write(&setting.sources, text.clone() + "[[timetable]]\npath = \"rail.zip\"\n").unwrap();
    let (code, shown) = setting.build(&["--due"]);
    assert!(code == Some(0) && shown.contains("22 trips") && inode(&setting.out()) != built, "{shown}");
    let built = inode(&setting.out());
    fs::write(&setting.sources, text).unwrap();
    let (code, shown) = setting.build(&[]);
    assert!(code == Some(3) && shown.contains("of 22 trips there are 10 left"), "{shown}");
    assert_eq!(inode(&setting.out()), built);

    files.set("bus.zip", timetable(tomorrow(), "new", 4));
    let (code, text) = setting.build(&["--accept-smaller"]);
    assert!(code == Some(0) && text.contains("4 trips") && inode(&setting.out()) != built, "{text}");
    let incoming = setting.out().with_extension("sources").join("incoming");
    assert_eq!(fs::read_dir(incoming).unwrap().count(), 0);
}

#[test]
fn a_build_that_is_killed_leaves_the_old_file_and_the_next_one_is_whole() {
    let setting = Setting::new("1h");
    assert_eq!(setting.build(&[]).0, Some(0));
    let before = fs::read(setting.out()).unwrap();
    setting.files.set("bus.zip", timetable(tomorrow(), "new", 12));
    let mut child = setting.command(&[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("reading streets")));
    let (code, text) = setting.build(&[]);
    assert!(code == Some(1) && text.contains("another build is under way"), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(fs::read(setting.out()).unwrap() == before);

    // By itself it is tried again after a pause only: it may have been ended for want of memory.
    setting.files.answered();
    let (code, text) = setting.build(&["--due"]);
    assert!(code == Some(0) && text.contains("there is nothing to build"), "{text}");
    let (code, text) = setting.build(&[]);
    assert!(code == Some(0) && text.contains("12 trips"), "{text}");
    assert!(setting.files.answered().iter().all(|(_, status)| *status == 304), "the download was there");
    assert!(fs::read(setting.out()).unwrap() != before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_instance_fetches_builds_and_takes_in_what_is_new() {
    let setting = Setting::new("1s");
    let sources = setting.sources.to_string_lossy().into_owned();
    let instance = Instance::serve(&["--journey-sources", &sources, "--timescaledb", "false"]).await;
    let at = tomorrow().at(11, 50, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    let question = format!(
        "/v1/journeys?from={},{}&to={},{}&modes=TRANSIT&depart={at}&limit=1",
        FROM.0, FROM.1, TO.0, TO.1
    );
    let rides = |trip: &'static str| {
        let (instance, question) = (&instance, &question);
        move || async move {
            let (status, answer) = instance.get(question).await;
            let text = answer["itineraries"].to_string();
            (status == 200 && text.contains(&format!("\"{trip}\""))).then_some(())
        }
    };
    eventually("it is built", rides("old0")).await;
    instance.counted("kv_journey_source_outcome{source=\"bus\",outcome=\"unchanged\"} 1").await;
    let file = instance.data().join("journey.kvj");
    let built = inode(&file);

    setting.files.set("bus.zip", b"<html>s3cret</html>".to_vec());
    instance.counted("kv_journey_source_outcome{source=\"bus\",outcome=\"refused\"} 1").await;
    assert!(instance.log().contains("timetable 'bus' is not taken: a web page came"), "{}", instance.log());
    assert_eq!(inode(&file), built, "nothing has changed, so nothing is built");
    assert!(rides("old0")().await.is_some());

    // Who asks meanwhile is answered.
    setting.files.set("bus.zip", timetable(tomorrow(), "new", 10));
    let ends = AtomicBool::new(false);
    let asking = async {
        let mut answers = 0;
        while !ends.load(Ordering::SeqCst) {
            let (status, answer) = instance.get(&question).await;
            assert_eq!(status, 200, "{answer}");
            assert_ne!(answer["itineraries"].as_array().unwrap().len(), 0, "{answer}");
            answers += 1;
        }
        answers
    };
    let renewed = async {
        eventually("the new one is taken in", rides("new0")).await;
        ends.store(true, Ordering::SeqCst);
    };
    let (answers, ()) = tokio::join!(asking, renewed);
    assert!(answers > 1, "{answers}");
    instance.counted("kv_journey_source_failures{source=\"bus\"} 0").await;
    instance.counted("kv_journey_build_failures 0").await;
    assert!(!instance.log().contains("s3cret"), "{}", instance.log());
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_what_is_under_way() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("sources.toml");
    let text = format!(
        "[[extract]]\nname = \"kreis\"\nurl = \"http://{}/\"\nallow_private = true\n",
        mute.local_addr().unwrap()
    );
    fs::write(&sources, text).unwrap();
    let sources = sources.to_string_lossy().into_owned();
    let mut instance = Instance::serve(&["--journey-sources", &sources]).await;
    let asked = tokio::task::spawn_blocking(move || mute.accept());
    let (asking, _) = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap().unwrap();
    instance.end().await;
    let lock = File::open(instance.data().join("journey.sources/lock")).unwrap();
    eventually("the build has ended", || async { lock.try_lock_shared().ok() }).await;
    drop(asking);
}
