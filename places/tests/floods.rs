//! Files of many mistakes, or of one enormous thing: all problems are counted, the first are listed, and memory and time
//! are in proportion to the file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::UtcMicros;
use domain::catalogue::Catalogue;
use places::{FileProblems, MAX_LISTED, read, settle, validate};

const MIB: usize = 1 << 20;

/// What a byte of a file may cost in memory: a right row of 24 letters becomes a binding that is checked against others.
const BYTES_PER_BYTE: usize = 60;

/// Far more than is needed without optimization, far less than what grows with the square of the rows.
const WITHIN: Duration = Duration::from_secs(120);

/// A value of `/proc/self/status`, bytes.
fn memory(field: &str) -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<usize>().ok().map(|kib| kib << 10)
}

/// What `work` needed at most beyond what was in use before; `None` where the system does not say.
fn peak(work: impl FnOnce()) -> Option<usize> {
    let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = memory("VmRSS");
    work();
    let most = memory("VmHWM").filter(|_| is_reset);
    most.zip(before).map(|(most, before)| most.saturating_sub(before))
}

const TOWN: &str = "slug,name,ags\ntown,Town,05558012\n";
const FEEDS: &str =
    "[[feed]]\nid = \"f\"\nmunicipality = \"town\"\nformat = \"chirpstack\"\ntopic = \"application/a/#\"\n";

/// As many rows as fill `bytes`, each made of its number; how many there are.
fn rows(head: &str, bytes: usize, foot: &str, row: impl Fn(usize) -> String) -> (String, u64) {
    let mut text = head.to_owned();
    let mut n = 0;
    while text.len() < bytes {
        text.push_str(&row(n));
        n += 1;
    }
    (text + foot, n as u64)
}

fn collection(feature: impl Fn(usize) -> String, bytes: usize) -> (String, u64) {
    let comma = |n| if n > 0 { "," } else { "" };
    let head = "{\"type\":\"FeatureCollection\",\"features\":[";
    rows(head, bytes, "]}", |n| format!("{}{}", comma(n), feature(n)))
}

fn bay(n: usize, geometry: &str) -> String {
    format!(
        "{{\"type\":\"Feature\",\"properties\":{{\"id\":\"b{n}\",\"municipality\":\"town\"}},\"geometry\":{geometry}}}"
    )
}

/// Everything that is wrong with a folder of these files.
fn problems(folder: &Path) -> FileProblems {
    match read(&[folder.to_owned()]) {
        Err(problems) => problems,
        Ok(mut files) => {
            settle(&mut files, &Catalogue::default());
            validate(&files, &Catalogue::default(), UtcMicros(1_795_348_800_000_000))
        }
    }
}

#[test]
fn problems_are_counted_and_memory_is_in_proportion() {
    let point = "{\"type\":\"Point\",\"coordinates\":[7.17,51.94]}";
    let sensors = "id,feed,bay,bound_from,bound_until\n";
    let line = |positions: usize| {
        let ring = vec!["[7.1701,51.9401]"; positions].join(",");
        format!("{{\"type\":\"Polygon\",\"coordinates\":[[{ring}]]}}")
    };
    // File, text, problems there are at least.
    let cases: Vec<(&str, &str, (String, u64))> = vec![
        ("rows of one cell", "sensors.csv", rows(sensors, 2 * MIB, "", |_| "x\n".into())),
        ("empty rows", "sensors.csv", (rows(sensors, 2 * MIB, "", |_| "\n".into()).0, 0)),
        ("no id is right", "sensors.csv", rows(sensors, MIB, "", |_| ",,,x,y\n".into())),
        ("one endless cell", "sensors.csv", (format!("{sensors}\"{}", "x".repeat(2 * MIB)), 1)),
        ("one long cell", "sensors.csv", (format!("{sensors}{},f,,{0},\n", "x".repeat(MIB)), 1)),
        ("a header of many columns", "sensors.csv", (format!("{}\n", ",x".repeat(1_000)), 1)),
        ("unknown bays", "sensors.csv", rows(sensors, 2 * MIB, "", |n| format!("{n:016x},f,nowhere{n},,\n"))),
        // Of one sensor, each overlapping the one before.
        ("one sensor", "sensors.csv", {
            let (text, n) = rows(sensors, MIB, "", |n| format!("{:016x},f,b{},,\n", 7, n % 900));
            (text, n - 1)
        }),
        ("one bay", "sensors.csv", {
            let (text, n) = rows(sensors, MIB, "", |n| format!("{n:016x},f,b0,,\n"));
            (text, n - 1)
        }),
        ("features of numbers", "sites.geojson", collection(|_| "1".into(), MIB)),
        ("features without anything", "sites.geojson", collection(|_| "{}".into(), MIB)),
        ("strange properties", "sites.geojson", {
            let property =
                |n| format!("{{\"type\":\"Feature\",\"properties\":{{\"p{n}\":1}},\"geometry\":{point}}}");
            collection(property, MIB)
        }),
        ("deep", "sites.geojson", ("[".repeat(MIB), 1)),
        ("deep inside", "sites.geojson", collection(|_| "[".repeat(50_000) + &"]".repeat(50_000), 2 * MIB)),
        ("a fine polygon", "sites.geojson", (collection(|_| bay(0, &line(2_000_000)), 60).0, 1)),
        ("broken tables", "feeds.toml", (rows("", MIB / 4 - 10, "", |_| "=\n".into()).0, 1)),
        ("empty tables", "feeds.toml", rows("", MIB / 4 - 10, "", |_| "[[feed]]\n".into())),
        ("deep tables", "feeds.toml", (format!("a = {}", "[".repeat(MIB / 4 - 10)), 1)),
        ("too much of it", "feeds.toml", (rows("", MIB / 4 + 1, "", |_| "[[feed]]\n".into()).0, 1)),
    ];
    let bays = collection(|n| bay(n, point), 1 + 900 * bay(100, point).len()).0;
    for (what, name, (text, least)) in cases {
        let folder = tempfile::tempdir().unwrap();
        for (other, text) in [("municipalities.csv", TOWN), ("feeds.toml", FEEDS), ("bays.geojson", &bays)] {
            if other != name {
                fs::write(folder.path().join(other), text).unwrap();
            }
        }
        let bytes = text.len();
        fs::write(folder.path().join(name), text).unwrap();
        let began = Instant::now();
        let mut found = FileProblems::default();
        let peak = peak(|| found = problems(folder.path()));
        eprintln!("{what}: {peak:?} of {bytes} in {:?}, {} problems", began.elapsed(), found.count());
        assert!(began.elapsed() < WITHIN, "{what}: {:?}", began.elapsed());
        match peak {
            Some(peak) => {
                assert!(peak < BYTES_PER_BYTE * bytes.max(2 * MIB), "{what}: {peak} bytes for {bytes}")
            }
            None => eprintln!("SKIPPED: this system does not say how much memory a process had"),
        }
        assert!(found.count() >= least, "{what}: {} of {least}", found.count());
        assert_eq!(found.len() as u64, found.count().min(MAX_LISTED as u64), "{what}");
        assert!(found.iter().all(|p| p.to_string().len() < 3_000 && !p.remedy.is_empty()), "{what}");
    }
}
