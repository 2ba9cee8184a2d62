//! (f) `/v1/journeys` with all modes between random places: latency in the client and resident
//! memory. `KV_BENCH_OSM`, `KV_BENCH_GTFS` (files separated by colons) and `KV_BENCH_DEPART`
//! (RFC 3339, the first of twelve hours) name the area; without them it is the sample county.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use journey::area::Area;
use serde_json::{Value, json};

use super::setup::{Product, command, size};

const KINDS: [&str; 6] = ["car_park", "lot", "underground", "on_street", "lot", "park_and_ride"];
/// Sites that are made up for an area, a sixth of them park-and-ride.
const SITES: usize = 48;

pub async fn run() -> Result<Value> {
    let queries = size("KV_BENCH_QUERIES", 1_000) as usize;
    let dir = tempfile::tempdir()?;
    let places = dir.path().join("places");
    std::fs::create_dir_all(&places)?;
    let paths = |name: &str| -> Option<Vec<PathBuf>> {
        Some(std::env::var(name).ok()?.split(':').map(PathBuf::from).collect())
    };
    let (osm, gtfs) = match paths("KV_BENCH_OSM") {
        Some(osm) => (osm, paths("KV_BENCH_GTFS").unwrap_or_default()),
        None => {
            command(&["simulate", "--write-places", &places.to_string_lossy()])?;
            (vec![places.join("streets.osm.pbf")], vec![places.join("gtfs.zip")])
        }
    };
    let depart: jiff::Timestamp = match std::env::var("KV_BENCH_DEPART") {
        Ok(depart) => depart.parse()?,
        Err(_) => jiff::Timestamp::now(),
    };
    let (area, _) = Area::build(&osm, &gtfs, &mut |_| ())?;
    let file = dir.path().join("journey.kvj");
    let bytes = journey::area::write(&area, &file)?;
    let mut random = Random(1);
    let junctions = &area.network.streets().junctions;
    let mut point = || {
        let at = junctions[random.below(junctions.len())].degrees();
        (at.lat, at.lon)
    };
    if paths("KV_BENCH_OSM").is_some() {
        made_up(&places, (0..SITES).map(|_| point()).collect())?;
    }
    let data = dir.path().join("data").to_string_lossy().into_owned();
    let file = file.to_string_lossy().into_owned();
    let places = places.to_string_lossy().into_owned();
    let args = ["serve", "--data-dir", &data, "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"];
    let product = Product::start(&[&args[..], &["--journey-file", &file]].concat()).await?;
    command(&["import", "--data-dir", &data, &places])?;
    let base = product.text("http");
    let ask = |(from, to): ((f64, f64), (f64, f64)), at: jiff::Timestamp| {
        format!("{base}/v1/journeys?from={},{}&to={},{}&depart={at}", from.0, from.1, to.0, to.1)
    };
    let mut histogram = Histogram::<u64>::new(3)?;
    let (mut itineraries, mut answered) = (0, 0);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    for n in 0..queries + queries / 10 {
        let at = depart + jiff::SignedDuration::from_secs((n as i64 * 43_200) / queries as i64);
        let url = ask((point(), point()), at);
        let began = Instant::now();
        let answer = agent.get(&url).call()?.body_mut().read_to_vec()?;
        // The first tenth warms up: places are linked, workspaces grow.
        if n >= queries / 10 {
            histogram.record(began.elapsed().as_micros() as u64)?;
            let answer: Value = serde_json::from_slice(&answer)?;
            let found = answer["itineraries"].as_array().map_or(0, Vec::len);
            itineraries += found;
            answered += usize::from(found > 0);
        }
    }
    let resident = evaluate::resident_mib(product.pid()).unwrap_or_default();
    product.stop().await?;
    let ms = |q: f64| histogram.value_at_quantile(q) as f64 / 1_000.0;
    Ok(json!({
        "part": "journeys", "queries": queries, "answered": answered, "itineraries": itineraries, "file_bytes": bytes,
        "junctions": junctions.len(), "trips": area.timetable.trips.len(),
        "p50_ms": ms(0.5), "p95_ms": ms(0.95), "max_ms": ms(1.0), "resident_mib": resident.round(),
    }))
}

fn made_up(folder: &Path, points: Vec<(f64, f64)>) -> Result<()> {
    let features: Vec<Value> = (points.iter().enumerate())
        .map(|(n, (lat, lon))| {
            json!({ "type": "Feature", "geometry": { "type": "Point", "coordinates": [lon, lat] },
                "properties": { "id": format!("s{n}"), "municipality": "town", "name": format!("Site {n}"),
                    "kind": KINDS[n % KINDS.len()], "capacity": 100 } })
        })
        .collect();
    let sites = json!({ "type": "FeatureCollection", "features": features });
    std::fs::write(folder.join("municipalities.csv"), "slug,name,ags\ntown,Town,05558001\n")?;
    std::fs::write(folder.join("sites.geojson"), sites.to_string()).context("sites.geojson")
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}
