//! The stream: snapshot, changes, resuming, falling out.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use domain::{BayState, Registry};
use futures_util::{FutureExt, Stream, StreamExt};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::http::shares::Shares;
use crate::tests::fixture::{BUS, NOW, contents, counted, drove, observed, states, world};

struct Frame {
    id: String,
    event: String,
    data: Value,
}

/// All frames of some bytes; comments and the greeting are none.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let text = std::str::from_utf8(bytes).unwrap();
    let field = |block: &str, name: &str| {
        block.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned()).unwrap_or_default()
    };
    text.split("\n\n")
        .filter(|block| block.contains("event:"))
        .map(|block| Frame {
            id: field(block, "id:"),
            event: field(block, "event:"),
            data: serde_json::from_str(&field(block, "data:")).unwrap(),
        })
        .collect()
}

fn hub(ring_events: usize) -> Arc<LiveHub> {
    let hub = LiveHub::with_ring(NOW, ring_events);
    hub.replace_registry(Arc::new(Registry::new(contents())), NOW);
    hub.apply(states(), NOW);
    Arc::new(hub)
}

fn client(
    hub: &Arc<LiveHub>,
    filter: Filter,
    last_event_id: Option<&str>,
) -> impl Stream<Item = Bytes> + Unpin {
    client_until(hub, filter, last_event_id, CancellationToken::new())
}

fn client_until(
    hub: &Arc<LiveHub>,
    filter: Filter,
    last_event_id: Option<&str>,
    stop: CancellationToken,
) -> impl Stream<Item = Bytes> + Unpin {
    let start = Start { filter, last_event_id: last_event_id.map(Into::into) };
    let share = Shares::new(1, 1).take(Ipv4Addr::LOCALHOST.into(), true).expect("a share");
    Box::pin(follow(hub.clone(), Arc::new(|| NOW), start, share, stop))
}

async fn next(stream: &mut (impl Stream<Item = Bytes> + Unpin)) -> Vec<Frame> {
    loop {
        let found = frames(&stream.next().await.expect("the stream goes on"));
        if !found.is_empty() {
            return found;
        }
    }
}

#[tokio::test]
async fn a_client_gets_the_whole_state_and_then_each_change() {
    let hub = hub(100);
    let mut stream = client(&hub, Filter::default(), None);
    assert_eq!(stream.next().await.unwrap(), "retry: 3000\n\n");
    let snapshot = &next(&mut stream).await[0];
    assert_eq!((snapshot.event.as_str(), &snapshot.data["complete"]), ("snapshot", &Value::Bool(true)));
    insta::assert_json_snapshot!("snapshot", snapshot.data);

    hub.apply(vec![observed(201, BayState::Vacant, 1)], NOW);
    let change = &next(&mut stream).await[0];
    assert_eq!(change.event, "change");
    assert_ne!(change.id, snapshot.id);
    insta::assert_json_snapshot!("change", change.data);
}

#[tokio::test]
async fn an_empty_state_is_complete_too() {
    let hub = Arc::new(LiveHub::new(NOW));
    let snapshot = &next(&mut client(&hub, Filter::default(), None)).await[0];
    assert_eq!(snapshot.data, serde_json::json!({"items": [], "complete": true, "attribution": []}));
}

#[tokio::test]
async fn the_last_event_id_goes_on_where_it_stopped() {
    let hub = hub(100);
    let mut stream = client(&hub, Filter::default(), None);
    let snapshot_id = next(&mut stream).await[0].id.clone();
    hub.apply(vec![observed(201, BayState::Vacant, 4)], NOW);
    let first_id = next(&mut stream).await[0].id.clone();
    drop(stream);
    hub.apply(vec![observed(201, BayState::Occupied, 3)], NOW);
    hub.apply(vec![observed(201, BayState::Vacant, 2)], NOW);

    let after_snapshot = next(&mut client(&hub, Filter::default(), Some(&snapshot_id))).await;
    assert_eq!(after_snapshot.len(), 3);
    let after_first = next(&mut client(&hub, Filter::default(), Some(&first_id))).await;
    let states: Vec<&Value> = after_first.iter().map(|f| &f.data["state"]).collect();
    assert_eq!(states, ["occupied", "vacant"]);
}

#[tokio::test]
async fn an_id_of_another_run_or_of_the_future_brings_the_snapshot() {
    let hub = hub(100);
    let future = hub.id(1_000_000);
    for id in ["1-5", "nonsense", "", future.as_str()] {
        assert_eq!(next(&mut client(&hub, Filter::default(), Some(id))).await[0].event, "snapshot", "{id}");
    }
}

#[tokio::test]
async fn a_client_that_fell_out_of_the_ring_gets_the_snapshot_again() {
    let hub = hub(4);
    let mut stream = client(&hub, Filter::default(), None);
    next(&mut stream).await;
    for age_s in (0..9).rev() {
        let state = if age_s % 2 == 0 { BayState::Vacant } else { BayState::Occupied };
        hub.apply(vec![observed(201, state, age_s)], NOW);
    }
    let again = &next(&mut stream).await[0];
    assert_eq!(again.event, "snapshot");
    let items = again.data["items"].as_array().unwrap();
    assert_eq!(items.iter().find(|i| i["id"] == "t-1").unwrap()["state"], "vacant");
}

#[tokio::test]
async fn filters_hold_for_snapshot_and_changes() {
    let hub = hub(100);
    let telgte = hub.read().map.registry().municipality_id("telgte");
    let market = hub.read().map.site_by_key("w-market", NOW).map(|s| s.id);
    let in_telgte = Filter { municipality: telgte, ..Filter::default() };
    let at_market = Filter { site: market, ..Filter::default() };
    let vehicles = Filter { bays: false, sites: false, vehicles: true, ..Filter::default() };
    let mut streams =
        [client(&hub, in_telgte, None), client(&hub, at_market, None), client(&hub, vehicles, None)];
    let wanted: [&[&str]; 3] = [&["t-station", "t-1"], &["w-market", "w-m-1", "w-m-2", "w-m-4"], &["bus-1"]];
    for (stream, wanted) in streams.iter_mut().zip(wanted) {
        let snapshot = next(stream).await.remove(0);
        let ids: Vec<&Value> = snapshot.data["items"].as_array().unwrap().iter().map(|i| &i["id"]).collect();
        assert_eq!(ids, wanted);
    }
    hub.apply(vec![counted(21, 30, 1), observed(101, BayState::Occupied, 1), drove(600.0, 1)], NOW);
    let returned = next(&mut streams[0]).await;
    assert_eq!(returned.iter().map(|f| &f.data["vacant"]).collect::<Vec<_>>(), [30]);
    let returned = next(&mut streams[1]).await;
    assert_eq!(returned.iter().map(|f| &f.data["kind"]).collect::<Vec<_>>(), ["bay", "site"]);
    assert_eq!(next(&mut streams[2]).await[0].data["kind"], "vehicle");
}

/// Kind of event, reason, whether stale.
fn reported(frame: &Frame) -> (&str, &str, bool) {
    let data = &frame.data;
    (&frame.event, data["reason"].as_str().unwrap_or_default(), data["stale"].as_bool().unwrap_or_default())
}

#[tokio::test]
async fn a_vehicle_that_leaves_the_box_is_removed() {
    let hub = hub(100);
    let Change::Vehicle { fix, .. } = drove(600.0, 1) else { unreachable!() };
    let here = fix.position.unwrap();
    let around = domain::Bbox::new(here.lon - 1e-3, here.lat - 1e-3, here.lon + 1e-3, here.lat + 1e-3);
    let vehicles = Filter { bays: false, sites: false, vehicles: true, ..Filter::default() };
    let elsewhere = hub.read().map.registry().municipality_id("telgte");
    let mut inside = client(&hub, Filter { bbox: around, ..vehicles }, None);
    let mut everywhere = client(&hub, vehicles, None);
    let mut of_another_town =
        client(&hub, Filter { bbox: around, municipality: elsewhere, ..vehicles }, None);
    for stream in [&mut inside, &mut everywhere, &mut of_another_town] {
        assert_eq!(next(stream).await[0].event, "snapshot");
    }
    for change in [drove(600.0, 4), drove(620.0, 3), drove(5_000.0, 2), drove(9_000.0, 1), drove(610.0, 0)] {
        hub.apply(vec![change], NOW);
    }
    let inside = next(&mut inside).await;
    let events: Vec<&str> = inside.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(events, ["change", "change", "removed", "change"]);
    assert_eq!((&inside[2].data["kind"], &inside[2].data["id"]), (&"vehicle".into(), &"bus-1".into()));
    let events = next(&mut everywhere).await;
    assert!(events.len() == 5 && events.iter().all(|frame| frame.event == "change"));
    assert!(of_another_town.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_vehicle_that_falls_silent_grows_stale_and_goes() {
    let hub = hub(100);
    let vehicles = Filter { bays: false, sites: false, vehicles: true, ..Filter::default() };
    hub.apply(vec![drove(600.0, 0)], NOW);
    let mut stream = client(&hub, vehicles, None);
    let snapshot = next(&mut stream).await.remove(0);
    assert_eq!(snapshot.data["items"][0]["stale"], false);
    // Without a position it is no younger; of its place alone that counts.
    let late = |after_s: i64| Change::Vehicle {
        vehicle: BUS,
        feed: domain::FeedId(3),
        observed_at: NOW.plus_s(after_s),
        digest: 2,
        fix: domain::observation::VehicleFix { delay_s: Some(60), ..Default::default() },
    };
    for (after_s, expected) in [
        (300, None),
        (301, Some(("change", "stale", true))),
        (302, None),
        (3_600, None),
        (3_601, Some(("removed", "", false))),
        (9_000, None),
    ] {
        hub.tick(NOW.plus_s(after_s));
        match expected {
            Some(expected) => assert_eq!(reported(&next(&mut stream).await[0]), expected, "{after_s}"),
            None => assert!(stream.next().now_or_never().is_none(), "{after_s}"),
        }
        let listed = hub.read().map.vehicle_positions(NOW.plus_s(after_s)).count();
        assert_eq!(listed, usize::from(after_s <= 3_600));
    }
    hub.apply(vec![late(9_001)], NOW.plus_s(9_001));
    assert!(stream.next().now_or_never().is_none(), "it is still at no known place");
    let Change::Vehicle { fix, vehicle, feed, .. } = drove(700.0, 0) else { unreachable!() };
    let back = NOW.plus_s(9_010);
    hub.apply(vec![Change::Vehicle { vehicle, feed, observed_at: back, digest: 1, fix }], back);
    assert_eq!(reported(&next(&mut stream).await[0]), ("change", "changed", false));
    // A late one is shown with its true age.
    hub.tick(back.plus_s(301));
    assert_eq!(reported(&next(&mut stream).await[0]), ("change", "stale", true));
}

#[tokio::test]
async fn a_place_that_goes_is_removed() {
    let hub = hub(100);
    let mut stream = client(&hub, Filter { sites: false, ..Filter::default() }, None);
    next(&mut stream).await;
    let mut fewer = contents();
    fewer.bays.retain(|b| b.def.id != "t-1");
    hub.replace_registry(Arc::new(Registry::new(fewer)), NOW);
    let removed = &next(&mut stream).await[0];
    assert_eq!(removed.event, "removed");
    assert_eq!(removed.data, serde_json::json!({"kind": "bay", "id": "t-1"}));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_comments_and_ends_when_stopped() {
    let hub = hub(100);
    let stop = CancellationToken::new();
    let mut stream = client_until(&hub, Filter::default(), None, stop.clone());
    next(&mut stream).await;
    let began = tokio::time::Instant::now();
    assert!(stream.next().await.unwrap().starts_with(b":"));
    assert_eq!(began.elapsed().as_secs(), 15);
    stop.cancel();
    assert_eq!(stream.next().await, None);
}

/// Readers that join at any moment, while one writer changes the state: each of them ends with
/// exactly the state that the writer left, with events in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_or_repeated_between_snapshot_and_changes() {
    const CHANGES: i64 = 3_000;
    let hub = hub(RING_EVENTS);
    let writer = {
        let hub = hub.clone();
        tokio::task::spawn_blocking(move || {
            for n in 0..CHANGES {
                let state = if n % 2 == 0 { BayState::Vacant } else { BayState::Occupied };
                hub.apply(
                    vec![observed(105, state, CHANGES - n), observed(201, state, CHANGES - n)],
                    NOW.plus_s(CHANGES),
                );
            }
        })
    };
    let mut readers = Vec::new();
    for _ in 0..8 {
        let hub = hub.clone();
        readers.push(tokio::spawn(async move {
            let mut stream = client(&hub, Filter { sites: false, ..Filter::default() }, None);
            let mut last = next(&mut stream).await.remove(0);
            let at = |data: &Value| data["observed_at"].as_str().map(str::to_owned);
            let mut seen =
                last.data["items"].as_array().unwrap().iter().find(|i| i["id"] == "t-1").and_then(at);
            let end = Some(NOW.plus_s(-1).to_string());
            let mut count = 0;
            while seen != end {
                for frame in next(&mut stream).await {
                    assert_ne!(frame.id, last.id);
                    if frame.data["id"] == "t-1" {
                        assert!(at(&frame.data) > seen, "{:?} after {seen:?}", at(&frame.data));
                        seen = at(&frame.data);
                        count += 1;
                    }
                    last = frame;
                }
            }
            count
        }));
    }
    writer.await.unwrap();
    for reader in readers {
        assert!(reader.await.unwrap() <= CHANGES);
    }
}

/// A county of many pages that changes while they are read: the pages and the events after them are as
/// what a client would see that reads all at once.
#[tokio::test]
async fn changes_between_two_pages_are_sent_once() {
    let town = world().in_town("warendorf").place_ids_from(1_000);
    let many = (0..350).fold(town, |town, n| town.north_m(400.0 + f64::from(n)).bay(&format!("w-z-{n:03}")));
    let hub = Arc::new(LiveHub::with_ring(NOW, RING_EVENTS));
    hub.replace_registry(many.registry(), NOW);
    let set = |n: i32, state, age_s| hub.apply(vec![observed(1_000 + n, state, age_s)], NOW);
    (0..350).for_each(|n| set(n, BayState::Vacant, 90));
    let mut stream = client(&hub, Filter { sites: false, ..Filter::default() }, None);
    let mut states = std::collections::BTreeMap::new();
    let (mut pages, mut events) = (0, Vec::new());
    loop {
        let page = next(&mut stream).await.remove(0);
        assert_eq!(page.event, "snapshot");
        for item in page.data["items"].as_array().unwrap() {
            let before = states.insert(item["id"].to_string(), item["state"].to_string());
            assert_eq!(before, None, "{} is in two pages", item["id"]);
        }
        pages += 1;
        if page.data["complete"] == true {
            break;
        }
        // One that has been read, and one that has not.
        set(pages, BayState::Occupied, 80);
        set(349 - pages, BayState::Occupied, 80);
    }
    while let Some(Some(bytes)) = stream.next().now_or_never() {
        events.extend(frames(&bytes).into_iter().map(|f| f.data["id"].as_str().unwrap().to_owned()));
    }
    assert!(pages > 3, "{pages} pages");
    let read_before: Vec<String> = (1..pages).map(|n| format!("w-z-{n:03}")).collect();
    assert_eq!(events, read_before, "what a later page holds is not repeated");
    for n in 1..pages {
        assert_eq!(states[&format!("\"w-z-{:03}\"", 349 - n)], "\"occupied\"");
    }
}

#[test]
fn a_client_that_reads_nothing_holds_no_state() {
    let hub = hub(100);
    let mut snapshot = snapshot::Snapshot::new(&Filter::default());
    assert!(std::mem::size_of_val(&snapshot) < 200);
    assert!(snapshot.read(&hub.read(), &Filter::default(), NOW).is_last);
}
