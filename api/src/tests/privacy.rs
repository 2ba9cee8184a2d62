//! Without a key nobody learns the id or the own state of a bay that is not public.

use axum::body::Body;
use axum::http::Request;
use domain::live::Change;
use domain::{Audience, BayId, BayState, Publish};
use futures_util::StreamExt;
use proptest::prelude::*;

use super::fixture::{County, counted, kept_for, observed, world};

/// Every public answer that could speak of a bay.
const ADDRESSES: &[&str] = &[
    "/v1/parking?near=51.953,7.991&kind=bay&limit=100&include=full,stale,static",
    "/v1/parking?near=51.953,7.991&limit=100&include=full,stale,static&for=resident,assigned_disabled,disabled",
    "/v1/bays?limit=1000",
    "/v1/bays?limit=1000&format=geojson",
    "/v1/bays?bbox=7,51,9,53",
    "/v1/bays/p-1",
    "/v1/bays/p-2",
    "/v1/bays/p-3",
    "/open/parkapi/v3/parking-spots",
    "/?q=51.953,7.991",
    "/sign/warendorf",
];

/// Numbers of sites, none of whose hidden bays counts.
const SUMS: &[&str] = &[
    "/open/parkapi/v1/warendorf",
    "/open/parkapi/v3/parking-sites",
    "/v1/sites?limit=1000",
    "/v1/sites?format=geojson",
    "/v1/sites/w-market",
];

async fn events(county: &County) -> String {
    let request = Request::get("/v1/changes").body(Body::empty()).expect("request");
    let mut body = county.send(request).await.into_body().into_data_stream();
    let mut shown = String::new();
    while !shown.contains("\"complete\":true") {
        let chunk = body.next().await.expect("a chunk").expect("bytes");
        shown.push_str(std::str::from_utf8(&chunk).expect("utf-8"));
    }
    shown
}

async fn all_answers(county: &County) -> Vec<String> {
    let mut answers = Vec::new();
    for address in ADDRESSES.iter().chain(SUMS) {
        answers.push(county.get(address).await.body);
    }
    answers
}

/// Three hidden bays of three kinds beside the usual county.
fn places() -> domain::registry::Contents {
    let world = world().in_town("warendorf").place_ids_from(191);
    world
        .north_m(-155.0)
        .bay_in("w-market", "p-1")
        .with_bay(|bay| bay.publish = Some(Publish::SiteOnly))
        .north_m(15.0)
        .bay("p-2")
        .with_bay(|bay| bay.restrictions = vec![kept_for(Audience::AssignedDisabled)])
        .north_m(16.0)
        .bay_in("w-silent", "p-3")
        .with_bay(|bay| bay.publish = Some(Publish::None))
        .contents
}

fn any_states() -> impl Strategy<Value = Vec<(i32, i16, i64)>> {
    proptest::collection::vec((prop_oneof![Just(101), 105..107i32, 191..194i32], 0..3i16, 0..4_000i64), 0..25)
}

fn changes(states: &[(i32, i16, i64)]) -> Vec<Change> {
    let bays = states.iter().map(|(bay, state, age_s)| observed(*bay, BayState::from_code(*state), *age_s));
    bays.chain([counted(11, 50, 30)]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_hidden_bay_is_named_nowhere_and_its_state_changes_no_answer(states in any_states()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let county = County::with(places());
            county.hub.apply(changes(&states), super::fixture::NOW);
            let answers = all_answers(&county).await;
            let mut shown = answers.concat();
            shown.push_str(&events(&county).await);
            for id in ["p-1", "p-2", "p-3"] {
                prop_assert!(!shown.contains(&format!("\"{id}\"")), "{} is named", id);
            }

            // The same county in which nobody knows anything of the hidden bays.
            let public: Vec<_> = states.iter().copied().filter(|(bay, ..)| *bay < 191).collect();
            let other = County::with(places());
            other.hub.apply(changes(&public), super::fixture::NOW);
            let others = all_answers(&other).await;
            for ((address, a), b) in ADDRESSES.iter().chain(SUMS).zip(&answers).zip(&others) {
                prop_assert!(a == b, "{} depends on the state of a hidden bay", address);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_hidden_bay_answers_like_one_that_does_not_exist() {
    let county = County::with(places());
    county.hub.apply(changes(&[(191, 1, 0), (192, 2, 0), (193, 1, 0)]), super::fixture::NOW);
    let nothing = county.get("/v1/bays/nothing").await;
    for id in ["p-1", "p-2", "p-3", "w-s-1"] {
        let hidden = county.get(&format!("/v1/bays/{id}")).await;
        assert_eq!((hidden.status, hidden.body), (nothing.status, nothing.body.clone()));
        assert_eq!(hidden.headers, nothing.headers);
    }
}

#[tokio::test]
async fn a_hidden_bay_is_sent_to_no_subscriber() {
    let county = County::with(places());
    let before = county.hub.read().map.bay(BayId(191), super::fixture::NOW);
    assert!(before.is_none());
    let request = Request::get("/v1/changes?kind=bay").body(Body::empty()).expect("request");
    let mut body = county.send(request).await.into_body().into_data_stream();
    let mut shown = String::new();
    while !shown.contains("\"complete\":true") {
        shown.push_str(
            std::str::from_utf8(&body.next().await.expect("chunk").expect("bytes")).expect("utf-8"),
        );
    }
    county.hub.apply(changes(&[(191, 1, 0), (192, 2, 0), (193, 1, 0), (101, 1, 0)]), super::fixture::NOW);
    let next = body.next().await.expect("chunk").expect("bytes");
    let next = std::str::from_utf8(&next).expect("utf-8");
    assert_eq!(next.matches("event:").count(), 1, "{next}");
    assert!(next.contains("\"w-m-1\""));
}
