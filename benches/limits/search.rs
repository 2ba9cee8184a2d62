//! (g) Places by name: 200,000 names with 100,000 house numbers, as many as a large county has, asked in memory; beside it
//! the time of one look at each name, which is what a question costs without an index.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use domain::LatLon;
use hdrhistogram::Histogram;
use place_search::{House, Index, Kind, Kinds, Place, Question, Reverse, folded};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::setup::size;

const FIRST: [&str; 24] = [
    "Münster", "Lüding", "Coes", "Bor", "Alten", "Neuen", "Ober", "Nieder", "Linden", "Buchen", "Eichen",
    "Birken", "Mühlen", "Kirch", "Schul", "Garten", "Wiesen", "Berg", "Tal", "Brunnen", "Schloss", "Markt",
    "Stein", "Heide",
];
const MIDDLE: [&str; 20] = [
    "haus", "berg", "feld", "dorf", "hof", "kamp", "heide", "bach", "brück", "wald", "burg", "au", "horst",
    "loh", "rode", "stock", "grund", "hagen", "winkel", "busch",
];
const LAST: [&str; 12] = [
    "straße",
    "weg",
    "platz",
    "allee",
    "ring",
    "er Straße",
    "er Weg",
    " Apotheke",
    " Schule",
    " Bf",
    "hof",
    " Markt",
];
const TOWNS: usize = 40;

pub async fn run() -> Result<Value> {
    let names = size("KV_BENCH_NAMES", 200_000) as usize;
    let questions = size("KV_BENCH_QUERIES", 5_000) as usize;
    let mut random = StdRng::seed_from_u64(1);
    let places: Vec<Place> = (0..names).map(|number| place(number, &mut random)).collect();
    let asked: Vec<(String, LatLon)> = (0..questions).map(|_| question(&places, &mut random)).collect();
    let began = Instant::now();
    let index = Index::build(places.clone(), Vec::new());
    let build_s = began.elapsed().as_secs_f64();

    let mut search = Histogram::<u64>::new(3)?;
    let mut found = 0;
    for (text, near) in &asked {
        let began = Instant::now();
        let hits = index.search(&Question { text, near: Some(*near), kinds: Kinds::ALL, limit: 8 });
        search.record(began.elapsed().as_nanos() as u64)?;
        found += usize::from(!hits.is_empty());
    }
    let began = Instant::now();
    black_box(index.nearest(&around(asked[0].1)));
    let positions_s = began.elapsed().as_secs_f64();
    let mut nearest = Histogram::<u64>::new(3)?;
    for (_, at) in &asked {
        let began = Instant::now();
        black_box(index.nearest(&around(*at)));
        nearest.record(began.elapsed().as_nanos() as u64)?;
    }
    // One look at each name: whether it has the text, without typos, order of words and towns.
    let all: Vec<String> = places.iter().map(|place| folded(&place.name)).collect();
    let began = Instant::now();
    const LOOKS: usize = 50;
    for (text, _) in asked.iter().take(LOOKS) {
        let text = folded(text);
        black_box(all.iter().filter(|name| name.contains(&text)).count());
    }
    let scan_ms = began.elapsed().as_secs_f64() * 1e3 / LOOKS.min(questions) as f64;
    let ms = |of: &Histogram<u64>, quantile| of.value_at_quantile(quantile) as f64 / 1e6;
    Ok(json!({
        "part": "search", "names": names, "houses": index.houses(), "words": index.words(), "questions": questions, "found": found,
        "p50_ms": ms(&search, 0.5), "p99_ms": ms(&search, 0.99), "max_ms": ms(&search, 1.0), "scan_ms": scan_ms,
        "p99_to_scan": ms(&search, 0.99) / scan_ms, "nearest_p50_ms": ms(&nearest, 0.5), "nearest_p99_ms": ms(&nearest, 0.99),
        "build_s": build_s, "positions_s": positions_s, "memory_mb": index.bytes() as f64 / 1e6,
    }))
}

fn around(at: LatLon) -> Reverse {
    Reverse { at, kinds: Kinds::ALL, limit: 8, within_m: 5_000.0 }
}

fn place(number: usize, random: &mut StdRng) -> Place {
    let mut pick = |of: &[&'static str]| of.choose(random).copied().unwrap_or_default();
    let name = format!("{}{}{}", pick(&FIRST), pick(&MIDDLE), pick(&LAST));
    let at = LatLon { lat: 51.7 + random.random_range(0.0..0.4), lon: 7.0 + random.random_range(0.0..0.6) };
    let town = format!("{}{}", FIRST[number % TOWNS % FIRST.len()], MIDDLE[number % TOWNS % MIDDLE.len()]);
    let kind = [Kind::Street, Kind::Poi, Kind::Stop][number % 3];
    // A hundred thousand in streets of twenty houses.
    let numbered = if kind == Kind::Street && number.is_multiple_of(13) { 20 } else { 0 };
    let houses = (1..=numbered).map(|n| House { label: n.to_string(), at }).collect();
    Place {
        houses,
        course: vec![at; usize::from(kind == Kind::Street)],
        ..Place::new(kind, format!("p{number}"), name, town, at)
    }
}

/// A name as somebody types it: cut off after any letter, half of them with a letter wrong, some with a number or the town.
fn question(places: &[Place], random: &mut StdRng) -> (String, LatLon) {
    let place = &places[random.random_range(0..places.len())];
    let mut letters: Vec<char> = place.name.chars().collect();
    letters.truncate(random.random_range(1..=letters.len()));
    if random.random_bool(0.5) {
        let at = random.random_range(0..letters.len());
        letters[at] = 'x';
    }
    let text: String = letters.into_iter().collect();
    let text = match random.random_range(0..4) {
        0 => format!("{text} {}", random.random_range(1..40)),
        1 => format!("{} {text}", place.town),
        _ => text,
    };
    (text, place.at)
}
