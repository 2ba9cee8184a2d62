//! Live state: lists, single places, searches, open data, pages, forecasts, events.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use domain::inclusion::MIN_HIDDEN_BAYS;
use domain::live::Change;
use domain::{BayId, BayState};
use futures_util::StreamExt;
use serde_json::Value;
use testing::Numbers;

use super::super::fixture::{County, NOW, counted, observed};
use super::streets;
use super::world::{World, worlds};

const ADDRESSES: &[&str] = &[
    "/v1/parking?near=51.953,7.991&limit=100&include=full,stale,static&kind=bay,site",
    "/v1/parking?near=51.953,7.991&limit=100&include=full,stale,static&for=charging",
    "/v1/parking?near=51.953,7.991&limit=100&include=full,stale,static&arrive=2026-11-23T14:00:00Z",
    "/v1/bays?limit=1000",
    "/v1/bays?bbox=7.9,51.9,8.1,51.9538",
    "/v1/sites?limit=1000",
    "/v1/sites?format=geojson",
    "/v1/sites?bbox=7.9,51.9,8.1,51.9538",
    "/v1/sites/s-0",
    "/v1/sites/s-1",
    "/v1/forecast?site=s-0&until=2026-11-23T15:00:00Z&step=1h",
    "/v1/forecast?site=s-1&at=2026-11-23T12:30:00Z",
    "/open/parkapi/v1/warendorf",
    "/open/parkapi/v3/parking-sites",
    "/open/parkapi/v3/parking-spots",
    "/v1/search?q=s&limit=50",
    "/v1/search/at?point=51.953,7.991&limit=50",
    "/v1/feeds",
    "/?q=51.953,7.991",
    "/sign/warendorf",
    "/v1/journeys?from=51.947,7.985&to=51.953,7.991&modes=CAR,WALK,PARK_RIDE",
    "/v1/journeys?from=51.947,7.985&to=51.9548,7.991&modes=CAR&for=charging",
    "/v1/journeys?from=51.947,7.985&to=51.953,7.991&modes=CAR&arrive=2026-11-23T13:00:00Z",
];

/// The bay of everyone that ends a stretch of events.
const LAST: BayId = BayId(150);

async fn answers(county: &County) -> Vec<String> {
    let mut answers = Vec::new();
    // How fast places fill goes into what is expected at the arrival.
    county.app.journeys.sample(&county.hub.read().map, (county.app.clock)());
    for address in ADDRESSES {
        let answer = county.get(address).await;
        if address.starts_with("/v1/journeys") {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        answers.push(format!("{} {:?} {}", answer.status, answer.headers, answer.body));
    }
    answers
}

/// A county of `world`, with room for one bay more.
fn county(world: &World) -> County {
    let town = testing::World::from(world.contents.clone()).place_ids_from(LAST.0);
    let county = County::with(town.north_m(999.0).bay("last").contents);
    streets::lay(&county);
    county
}

/// Random states of `bays`, each at a time of its own.
fn states(numbers: &mut Numbers, bays: impl Iterator<Item = BayId>) -> Vec<Change> {
    let mut all = Vec::new();
    for bay in bays {
        for _ in 0..numbers.below(4) {
            let age_s = numbers.below(2_600) as i64;
            all.push(observed(bay.0, BayState::from_code(numbers.below(3) as i16), age_s));
        }
    }
    numbers.shuffle(&mut all);
    all
}

/// Reads events until one says `last`.
async fn read_until(stream: &mut BodyDataStream, events: &mut String, last: &str) {
    while !events.contains(last) {
        let chunk = stream.next().await.expect("an event").expect("bytes");
        events.push_str(std::str::from_utf8(&chunk).expect("utf-8"));
    }
}

#[tokio::test]
async fn hidden_bays_that_do_not_count_change_no_byte_of_any_answer_or_event() {
    let mut parked = 0;
    for seed in 0..worlds(6) {
        let world = World::random(seed);
        let mut numbers = Numbers(seed + 1_000);
        let counting = world.counting();
        let silent: BTreeSet<BayId> = world.hidden().difference(&counting).copied().collect();
        let others = world.contents.bays.iter().map(|bay| bay.id).filter(|bay| !silent.contains(bay));
        let counts = world.counted.iter().map(|site| counted(site.0, numbers.below(6) as i32, 100));
        let mut changes: Vec<Change> = counts.collect();
        changes.extend(states(&mut numbers, others));
        let mut answered = Vec::new();
        for with_hidden in [false, true] {
            let county = county(&world);
            let request = Request::get("/v1/changes").body(Body::empty()).expect("request");
            let mut stream = county.send(request).await.into_body().into_data_stream();
            let mut events = String::new();
            read_until(&mut stream, &mut events, "\"complete\":true").await;
            events.clear();
            let mut of_silent = states(&mut numbers, silent.iter().copied()).into_iter();
            for change in &changes {
                if with_hidden {
                    county.hub.apply(of_silent.by_ref().take(2).collect(), NOW);
                }
                county.hub.apply(vec![change.clone()], NOW);
            }
            county.hub.apply(if with_hidden { of_silent.collect() } else { vec![] }, NOW);
            let mut all = answers(&county).await;
            county.at(NOW.plus_s(700));
            all.extend(answers(&county).await);
            county.hub.apply(vec![observed(LAST.0, BayState::Vacant, 0)], NOW.plus_s(701));
            read_until(&mut stream, &mut events, "\"id\":\"last\"").await;
            all.push(events);
            answered.push(all);
        }
        let names = ADDRESSES.iter().chain(ADDRESSES).chain(&["/v1/changes"]);
        for ((address, without), with) in names.zip(&answered[0]).zip(&answered[1]) {
            assert_eq!(without, with, "town {seed}: {address}");
            parked += usize::from(with.contains("\"parking\":{\"id\":\"s-"));
        }
    }
    assert!(parked > 6, "{parked} journeys end at a site");
}

/// Every whole number in an answer, by its path.
fn numbers_in(path: &str, value: &Value, found: &mut BTreeMap<String, i64>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                numbers_in(&format!("{path}.{name}"), value, found);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                // Items by their ids: an answer may be sorted by what it says.
                let key = ["id", "uid", "for", "type"].iter().find_map(|name| item[*name].as_str());
                let key = key.map_or_else(|| i.to_string(), str::to_owned);
                numbers_in(&format!("{path}[{key}]"), item, found);
            }
        }
        other => {
            if let Some(n) = other.as_i64() {
                found.insert(path.to_owned(), n);
            }
        }
    }
}

async fn all_numbers(county: &County) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for address in ADDRESSES
        .iter()
        .filter(|a| ["/v1/s", "/v1/p", "/v1/j", "/open"].iter().any(|start| a.starts_with(start)))
    {
        numbers_in(address, &county.get(address).await.json(), &mut found);
    }
    found
}

#[tokio::test]
async fn no_two_or_three_numbers_leave_fewer_than_five_hidden_bays() {
    let mut published = 0;
    for seed in 0..worlds(4) {
        let world = World::random(seed);
        let hidden = world.hidden();
        let all = |vacant: Option<BayId>| {
            let state = move |bay| if Some(bay) == vacant { BayState::Occupied } else { BayState::Vacant };
            let bays = world.contents.bays.iter().map(move |bay| observed(bay.id.0, state(bay.id), 60));
            bays.collect::<Vec<Change>>()
        };
        let begin = county(&world);
        begin.hub.apply(all(None), NOW);
        let before = all_numbers(&begin).await;
        // How much each number changes with each hidden bay.
        let mut rests_on: BTreeMap<String, BTreeMap<BayId, i64>> = BTreeMap::new();
        for bay in &hidden {
            let county = county(&world);
            county.hub.apply(all(Some(*bay)), NOW);
            let after = all_numbers(&county).await;
            assert!(
                before.keys().eq(after.keys()),
                "town {seed}: which numbers there are depends on {bay:?}"
            );
            for (name, n) in &after {
                if before[name] != *n {
                    rests_on.entry(name.clone()).or_default().insert(*bay, n - before[name]);
                }
            }
        }
        let mut sums: Vec<BTreeMap<BayId, i64>> = rests_on.into_values().collect();
        sums.sort();
        sums.dedup();
        published += sums.len();
        assert_crowds(seed, &sums, |_| 1);
    }
    assert!(published > 3, "only {published} sums were published");
}

/// No small combination of three sums rests on something, but on fewer than five spaces.
pub fn assert_crowds<K: Ord + Copy + std::fmt::Debug>(
    seed: u64,
    sums: &[BTreeMap<K, i64>],
    spaces: impl Fn(K) -> usize,
) {
    for (i, x) in sums.iter().enumerate() {
        for (j, y) in sums.iter().enumerate().skip(i) {
            for z in &sums[j..] {
                for (a, b, c) in
                    [(1, 0, 0), (1, -1, 0), (1, 1, 0), (1, -1, -1), (1, 1, -1), (2, -1, -1), (1, -2, 1)]
                {
                    let mut left: BTreeMap<K, i64> = BTreeMap::new();
                    for (factor, sum) in [(a, x), (b, y), (c, z)] {
                        sum.iter().for_each(|(space, n)| *left.entry(*space).or_default() += factor * n);
                    }
                    left.retain(|_, n| *n != 0);
                    let n: usize = left.keys().map(|space| spaces(*space)).sum();
                    assert!(n == 0 || n >= MIN_HIDDEN_BAYS as usize, "town {seed}: {left:?} is left");
                }
            }
        }
    }
}
