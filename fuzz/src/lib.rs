//! Whatever reads what others wrote, each as a function of bytes that must not panic, overflow, hang or take
//! memory without bound.
//!
//! libFuzzer drives them (`scripts/fuzz`), and `tests/it/fuzz.rs` of the product runs their seeds.

mod files;
mod messages;
#[path = "../../src/toml_file.rs"]
mod toml_file;
#[allow(dead_code)]
#[path = "../../src/broker/topic.rs"]
mod topic;
mod topics;
#[allow(dead_code)]
#[path = "../../src/broker/users.rs"]
mod users;

/// One reader of foreign input.
pub struct Target {
    /// As its binary and the folder of its seeds.
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// How many of [`TARGETS`], from the first on, read messages; the others read files.
#[allow(dead_code)] // whoever runs one by its name need not know
pub const MESSAGES: usize = 19;

/// All of them, devices first, in the order of `Decoder::ALL`.
pub const TARGETS: &[Target] = &[
    target("bosch_tps110", messages::device::<0>),
    target("libelium_smart_parking", messages::device::<1>),
    target("pni_placepod", messages::device::<2>),
    target("dingtek_do200", messages::device::<3>),
    target("dingtek_do202", messages::device::<4>),
    target("milesight_em400_udl", messages::device::<5>),
    target("tekzitel_tekzipark", messages::device::<6>),
    target("parametric_pcr2", messages::device::<7>),
    target("digital_matter_oyster", messages::device::<8>),
    target("native", messages::native),
    target("chirpstack", messages::chirpstack),
    target("tts", messages::tts),
    target("hfp", messages::hfp),
    target("gtfs_rt", messages::gtfs_rt),
    target("parkapi_v3", messages::parkapi_v3),
    target("gbfs", messages::gbfs),
    target("http_in", messages::http_in),
    target("topic_filters", topics::filters),
    target("topic_grants", topics::grants),
    target("opening_hours", files::opening_hours),
    target("places_csv", files::places_csv),
    target("places_geojson", files::places_geojson),
    target("places_toml", files::places_toml),
    target("users_file", files::users_file),
    target("history_mapping", files::history_mapping),
    target("history_csv", files::history_csv),
    target("history_packed", files::history_packed),
    target("gtfs", files::gtfs),
    target("gtfs_zip", files::gtfs_zip),
    target("osm_pbf", files::osm_pbf),
    target("osm_block", files::osm_block),
    target("journey_file", files::journey_file),
    target("capture", files::capture),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// Runs the target of this name.
///
/// # Panics
/// There is none, or the target has found a fault.
#[allow(dead_code)] // whoever runs all of them needs no name
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(input);
}
