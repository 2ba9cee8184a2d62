//! What is read from files. Those that only a path can name are written into a folder that goes away.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::places::history::{self, Mapping};
use domain::UtcMicros;
use domain::catalogue::Catalogue;
use domain::geo::LatLon;
use domain::locality::Locality;
use domain::opening::Hours;
use feed_check::capture::{Reader, Writer};
use flate2::{Compression, GzBuilder};
use journey::area;
use journey::streets::{self, osm};
use journey::timetable;

/// An instant at which hours are asked for and places imported.
const NOW: UtcMicros = UtcMicros(1_795_348_800_000_000);

/// Runs `read` with the path of a file of this name and content.
fn with_file(name: &str, content: &[u8], read: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, content).expect("a file");
    read(&path);
}

/// Opening hours: the text.
pub fn opening_hours(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let town = Locality::new("Europe/Berlin", "05558001", []);
    for locality in [&town, &town.at(LatLon { lat: 51.94, lon: 7.17 })] {
        let Ok(hours) = Hours::parse(text, locality) else { return };
        if let Some(until) = hours.at(NOW).until {
            assert!(until > NOW, "{text:?} changes in the past");
        }
    }
}

fn places(name: &str, content: &[u8]) {
    with_file(name, content, |path| {
        let Ok(mut files) = ::places::read(&[path.to_owned()]) else { return };
        let known = Catalogue::default();
        ::places::settle(&mut files, &known);
        let _ = ::places::validate(&files, &known, NOW);
        let _ = ::places::remarks(&files, &known, NOW);
    });
}

/// Tables of places: which one, then the content.
pub fn places_csv(input: &[u8]) {
    const NAMES: [&str; 7] = [
        "municipalities.csv",
        "sensors.csv",
        "vehicles.csv",
        "closures.csv",
        "calendar.csv",
        "on_demand.csv",
        "taxis.csv",
    ];
    let [which, content @ ..] = input else { return };
    places(NAMES[usize::from(*which) % NAMES.len()], content);
}

/// Sites, bays or areas on demand: which, then the content.
pub fn places_geojson(input: &[u8]) {
    let [which, content @ ..] = input else { return };
    places(["sites.geojson", "bays.geojson", "on_demand_areas.geojson"][usize::from(*which) % 3], content);
}

/// Brokers and feeds, and what rides cost.
pub fn places_toml(input: &[u8]) {
    places("feeds.toml", input);
    places("fares.toml", input);
}

/// Users of the embedded broker.
pub fn users_file(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = super::users::UsersFile::parse(text);
    }
}

/// What the columns of a history mean.
pub fn history_mapping(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Mapping::parse(Path::new("mapping.toml"), text);
    }
}

const MAPPING: &str = include_str!("../seeds/mapping.toml");

fn history(name: &str, content: &[u8]) {
    let mapping = Mapping::parse(Path::new("mapping.toml"), MAPPING).expect("a mapping");
    with_file(name, content, |path| drop(history::read(&[path.to_owned()], &mapping, NOW, |_| {})));
}

/// Counts of years past: a mapping, a line `---`, a table; without that line a table alone.
pub fn history_csv(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Some((mapping, table)) = text.split_once("---\n") else { return history("counts.csv", input) };
    let Ok(mapping) = Mapping::parse(Path::new("mapping.toml"), mapping) else { return };
    with_file("counts.csv", table.as_bytes(), |path| {
        drop(history::read(&[path.to_owned()], &mapping, NOW, |_| {}));
    });
}

/// The same in archives: which kind, then the bytes.
pub fn history_packed(input: &[u8]) {
    const NAMES: [&str; 5] = ["c.csv.gz", "c.csv.xz", "c.tar", "c.tar.gz", "c.tar.xz"];
    let [which, content @ ..] = input else { return };
    history(NAMES[usize::from(*which) % NAMES.len()], content);
}

fn timetable_of(path: &Path) {
    let mut problems = timetable::FeedProblems::default();
    let _ = timetable::read(&[path], timetable::Options::default(), &mut |_| {}, &mut problems);
}

/// The tables of a GTFS feed, each behind a line `= NAME`.
pub fn gtfs(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let folder = tempfile::tempdir().expect("a folder");
    for file in text.split("= ").skip(1) {
        let (name, table) = file.split_once('\n').unwrap_or((file, ""));
        if !name.is_empty()
            && name.len() < 30
            && name.bytes().all(|b| b.is_ascii_lowercase() || b"_.".contains(&b))
        {
            let _ = fs::write(folder.path().join(name), table);
        }
    }
    timetable_of(folder.path());
}

/// A GTFS feed as it is sent.
pub fn gtfs_zip(input: &[u8]) {
    with_file("feed.zip", input, timetable_of);
}

fn streets_of(content: &[u8]) {
    with_file("streets.osm.pbf", content, |path: &Path| {
        let paths: [PathBuf; 1] = [path.to_owned()];
        if let Ok(mut data) = osm::read(&paths) {
            let _ = streets::build(&mut data);
        }
    });
}

/// An OpenStreetMap extract as it is sent.
pub fn osm_pbf(input: &[u8]) {
    streets_of(input);
}

/// The inside of one block of an extract, with what must stand around it put there.
pub fn osm_block(input: &[u8]) {
    let mut file = Vec::new();
    for (kind, content) in [("OSMHeader", &[][..]), ("OSMData", input)] {
        let blob = [&field(1, content)[..], &varint_field(2, content.len())].concat();
        let header = [&field(1, kind.as_bytes())[..], &varint_field(3, blob.len())].concat();
        file.extend((header.len() as u32).to_be_bytes());
        file.extend(header);
        file.extend(blob);
    }
    streets_of(&file);
}

/// A length-delimited field of a protobuf message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(content.len()), content].concat()
}

fn varint_field(number: u8, value: usize) -> Vec<u8> {
    [&[number << 3][..], &varint(value)].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A capture as it lies on the disk, and what stands in a frame of one.
pub fn capture(input: &[u8]) {
    let read = |file: &[u8]| Reader::new(file).filter_map(Result::ok).collect::<Vec<_>>();
    read(input);
    let mut frame = GzBuilder::new().comment("kreisverkehr capture 1").write(Vec::new(), Compression::fast());
    let framed = frame.write_all(input).and_then(|()| frame.finish()).expect("memory");
    // What is read of it is written and read again as the same.
    let records = read(&framed);
    let mut writer = Writer::new(Vec::new());
    records.iter().for_each(|record| writer.push(record).expect("memory"));
    assert_eq!(read(&writer.finish().expect("memory")), records);
    let mut check = feed_check::Check::new(feed_check::Options::default());
    records.into_iter().for_each(|record| check.note(&record.into()));
    let report = check.finish("fuzz");
    feed_check::render::text(&report, domain::Lang::De);
    feed_check::render::page(&report, domain::Lang::En);
}

/// The content of the file of `journey build`, behind a head that is right: what its checksum protects must hold
/// without it.
pub fn journey_file(input: &[u8]) {
    with_file("journey.kvj", &[&area::head(input), input].concat(), |path| drop(area::read(path)));
}
