//! History: occupancy and stays, against a real database.
//!
//! Each bay is occupied for a time of its own, and unknown for as long: some power of two, in microseconds. So a sum of times
//! says which bays are in it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use domain::intervals::SLICE_US;
use domain::observation::CountValue;
use domain::{BayId, BayState, SiteId, UtcMicros};
use serde_json::Value;
use store::derive::Deriver;
use store::writer::Batch;
use testing::observed::{self, dated};

use super::super::keys::Instance;
use super::live::assert_crowds;
use super::world::{World, worlds};

const BEGIN: &str = "2026-10-28T00:00:00Z";
const NOW: &str = "2026-11-02T10:20:00Z";
/// The part of an hour that is not summed up yet, and full hours.
const PERIOD: &str = "from=2026-10-27T23:00:00Z&to=2026-11-02T10:20:00Z";

/// For so long everything is observed, but for those times.
const OBSERVED_US: i64 = 12 * 3_600_000_000;
/// The longest of those times in one slice: all others are observed meanwhile, so it rests on a crowd.
const OF_SLICE_US: i64 = 120_000_000;

/// What each of some bays says, after microseconds.
fn statements(bays: usize) -> Vec<Vec<(i64, BayState)>> {
    let mut slices = 1..OBSERVED_US / SLICE_US;
    let of_bay = |bay: usize| {
        let mut statements = vec![(0, BayState::Vacant)];
        let mut left_us = 1i64 << bay;
        while left_us > 0 {
            let us = left_us.min(OF_SLICE_US);
            let from = slices.next().expect("a slice of its own") * SLICE_US;
            statements.extend([
                (from, BayState::Occupied),
                (from + us, BayState::Unknown),
                (from + 2 * us, BayState::Vacant),
            ]);
            left_us -= us;
        }
        statements.push((OBSERVED_US, BayState::Unknown));
        statements
    };
    (0..bays).map(of_bay).collect()
}

/// The statements of bays that report later than all others.
const LATER: [(i64, BayState); 3] = [
    (OBSERVED_US + 4_000_000_000, BayState::Vacant),
    (OBSERVED_US + 5_000_000_000, BayState::Occupied),
    (OBSERVED_US + 8_000_000_000, BayState::Vacant),
];
const SILENT_AGAIN: (i64, BayState) = (OBSERVED_US + 9_000_000_000, BayState::Unknown);

fn at(text: &str) -> UtcMicros {
    UtcMicros::parse(text).expect("an instant")
}

/// What has a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Bay(BayId),
    /// Spaces of a counted site that have no bay.
    Beside(SiteId),
}

pub struct Town {
    pub instance: Instance,
    pub world: World,
    /// By the power of two: a bay, or a counted site.
    bays: Vec<BayId>,
    sites: Vec<SiteId>,
    pub planner: String,
}

impl Town {
    /// A random town in which the bays for which `is_observed` holds have observations.
    pub async fn of(seed: u64, is_observed: impl Fn(&World, BayId) -> bool) -> Option<Town> {
        Town::with_later(seed, is_observed, |_, _| false).await
    }

    /// The same, in which the bays for which `is_later` holds have one more after all others have fallen silent.
    pub async fn with_later(
        seed: u64,
        is_observed: impl Fn(&World, BayId) -> bool,
        is_later: impl Fn(&World, BayId) -> bool,
    ) -> Option<Town> {
        let world = World::random(seed);
        let mut contents = world.contents.clone();
        // Statements hold as long as the longest of those times.
        contents.feeds.iter_mut().for_each(|feed| feed.def.heartbeat_s = Some(1_000_000));
        let instance = Instance::with(contents).await?;
        let of = |observed_at| instance.provenance("warendorf", observed_at);
        let mut batch = Batch::default();
        let id_of = |key: &str| instance.registry.bay_by_key(key).expect("a bay").id;
        let bays: Vec<BayId> = world.contents.bays.iter().map(|bay| bay.id).collect();
        for (bay, mut statements) in world.contents.bays.iter().zip(statements(bays.len())) {
            if !is_observed(&world, bay.id) {
                continue;
            }
            if is_later(&world, bay.id) {
                statements.extend(LATER.into_iter().chain([SILENT_AGAIN]));
            }
            for (after_us, state) in statements {
                let of = of(UtcMicros(at(BEGIN).0 + after_us));
                batch.bays.extend(dated([observed::bay(of, id_of(&bay.def.id), None, state)]));
            }
        }
        for (i, site) in world.counted.iter().enumerate() {
            let key = &world.contents.sites.iter().find(|s| s.id == *site).expect("a site").def.id;
            let site = instance.registry.site_by_key(key).expect("a site").id;
            for (after_us, occupied) in [(0, 1), (1 << (bays.len() + i), 0)] {
                let of = of(UtcMicros(at(BEGIN).0 + after_us));
                batch.sites.extend(dated([observed::count(of, site, None, CountValue::Occupied(occupied))]));
            }
        }
        instance.county.at(at(NOW));
        instance.write(&batch).await;
        let mut deriver = Deriver::connect(&instance.url, at(NOW)).await.expect("a database").expect("alone");
        while !deriver.step(at(NOW)).await.expect("a step").is_idle() {}
        let (planner, _) = instance.key("planner", &["warendorf"], 1, None).await;
        let sites = world.counted.clone();
        Some(Town { instance, world, bays, sites, planner })
    }

    /// The spaces whose times make up a sum of seconds. A count stands for all spaces of its site.
    fn spaces(&self, question: &str, seconds: f64) -> BTreeMap<Space, i64> {
        let mut us = (seconds * 1e6).round() as u64;
        if is_of_observed(question) {
            let observed_us = OBSERVED_US as u64;
            us = us.div_ceil(observed_us) * observed_us - us;
        }
        let mut spaces: BTreeMap<Space, i64> = BTreeMap::new();
        for (_, bay) in self.bays.iter().enumerate().filter(|(i, _)| us >> i & 1 == 1) {
            *spaces.entry(Space::Bay(*bay)).or_default() += 1;
        }
        for (i, site) in self.sites.iter().enumerate() {
            if us >> (self.bays.len() + i) & 1 == 1 {
                let (bays, _) = self.world.not_shown(*site);
                for space in bays.into_iter().map(Space::Bay).chain([Space::Beside(*site)]) {
                    *spaces.entry(space).or_default() += 1;
                }
            }
        }
        spaces
    }

    /// Every sum of seconds in an answer. `None`: it has none.
    async fn sums(&self, question: &str, key: Option<&str>) -> Vec<f64> {
        let answer = match key {
            Some(key) => self.instance.get(question, key).await,
            None => self.instance.county.get(question).await,
        };
        if answer.status != StatusCode::OK {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{question}: {}", answer.body);
            return Vec::new();
        }
        let field = if is_of_observed(question) { "observed_s" } else { "occupied_s" };
        let items = answer.json()["items"].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|row: &Value| row[field].as_f64()).filter(|s| *s > 0.0).collect()
    }
}

/// Whether an answer sums up when spaces were observed, not when they were occupied.
fn is_of_observed(question: &str) -> bool {
    question.contains("/stays")
}

pub fn questions(world: &World) -> Vec<String> {
    let mut places: Vec<String> = vec!["municipality=warendorf".into()];
    places.extend((0..3).map(|z| format!("zone=z{z}")));
    places.extend((0..4).map(|n| format!("site=s-{n}")));
    // Those that are shown are in each list of bays.
    let hidden = world.hidden();
    let hidden = world.contents.bays.iter().filter(|bay| hidden.contains(&bay.id));
    places.extend(hidden.map(|bay| format!("bay={}", bay.def.id)));
    // Boxes that end between any two of the places, and beside each bay.
    for south_m in [-9.0, 50.5] {
        for north_m in [42.5, 104.5, 142.5, 203.5, 500.0] {
            let lat = |m: f64| 51.953 + m / 111_195.0;
            places.push(format!("bbox=7.9,{},8.1,{}", lat(south_m), lat(north_m)));
        }
    }
    let mut questions = Vec::new();
    for places in places {
        let kinds: &[&str] = match places.split('=').next() {
            Some("bay") => &[""],
            Some("site") => &["", "&group_by=bay", "&group_by=restriction"],
            Some("bbox") => &["", "&group_by=site", "&group_by=bay"],
            _ => &["", "&group_by=site", "&group_by=zone", "&group_by=restriction", "&group_by=bay"],
        };
        for group_by in kinds {
            questions.push(format!("/v1/occupancy?{places}{group_by}&{PERIOD}&bucket=all"));
            questions.push(format!("/v1/stays?{places}{group_by}&{PERIOD}"));
        }
    }
    questions
}

#[tokio::test]
async fn no_two_or_three_figures_leave_fewer_than_five_hidden_bays() {
    let mut published = 0;
    for seed in 0..worlds(2) {
        let Some(town) = Town::of(seed * 3 + 1, |_, _| true).await else { return };
        let hidden = town.world.hidden();
        let counting = town.world.counting();
        let beside: BTreeSet<SiteId> = town.sites.iter().copied().collect();
        let spaces = |space: Space| match space {
            Space::Bay(_) => 1,
            Space::Beside(site) => town.world.not_shown(site).1,
        };
        for key in [None, Some(town.planner.as_str())] {
            let mut sums: BTreeSet<Vec<(Space, i64)>> = BTreeSet::new();
            for question in questions(&town.world) {
                for seconds in town.sums(&question, key).await {
                    let mut of = town.spaces(&question, seconds);
                    // What the public knows without asking is taken off.
                    of.retain(|space, _| match space {
                        Space::Bay(bay) => hidden.contains(bay),
                        Space::Beside(site) => beside.contains(site) && spaces(*space) > 0,
                    });
                    for space in of.keys() {
                        let Space::Bay(bay) = space else { continue };
                        let is_in_count =
                            town.sites.iter().any(|site| town.world.not_shown(*site).0.contains(bay));
                        assert!(
                            counting.contains(bay) || is_in_count,
                            "town {seed}: {bay:?} counts in {question}"
                        );
                    }
                    sums.insert(of.into_iter().collect());
                }
            }
            let sums: Vec<BTreeMap<Space, i64>> =
                sums.into_iter().map(|sum| sum.into_iter().collect()).collect();
            published += sums.len();
            assert_crowds(seed, &sums, spaces);
        }
        town.instance.pool.close().await;
    }
    assert!(published > 4, "only {published} sums were published");
}
