//! Of single messages of a batch it is known how much of each was new, whatever else the batch holds.

use domain::observation::{CountValue, VehicleFix};
use domain::{BayId, BayState, FeedId, Registry, SiteId, TripUpdate, Uplink, UtcMicros, VehicleId};
use store::writer::{Batch, Part};
use testing::observed::{self, dated};

use crate::support::Database;

const T0: i64 = 1_790_000_000_000_000;

/// A message with one row of each kind; its number makes it another one.
fn message(db: &Database, n: i64) -> Batch {
    let of = observed::provenance(db.municipality, FeedId(3), UtcMicros(T0 + n * 1_000_000));
    let fix = VehicleFix { delay_s: Some(n as i32), ..VehicleFix::default() };
    let update = TripUpdate { trip_id: format!("t{n}"), delay_s: Some(60), ..TripUpdate::default() };
    let heard = |outcome: &str, id: &str| Uplink {
        dedup_id: format!("{id}{n}"),
        outcome: outcome.into(),
        ..observed::uplink(db.municipality, FeedId(3), "70b3d57ed0051a2b", of.received_at)
    };
    Batch {
        bays: dated([observed::bay(of, BayId(1), Some(n), BayState::Occupied)]),
        sites: dated([observed::count(of, SiteId(2), Some(n), CountValue::Vacant(3))]),
        vehicles: dated([observed::vehicle(of, VehicleId(1), fix)]),
        passengers: dated([observed::passengers(of, VehicleId(1))]),
        trips: vec![observed::trip(of, update)],
        // The state of the first is an observation; the second has none.
        uplinks: vec![heard("stored", "a"), heard(Uplink::HEARD, "b"), heard("rejected:unknown_sensor", "c")],
        rejections: Vec::new(),
        alerts: Vec::new(),
    }
}

/// One after the other in one batch, and where each is.
fn batch(messages: impl IntoIterator<Item = Batch>) -> (Batch, Vec<Part>) {
    let (mut all, mut parts) = (Batch::default(), Vec::new());
    for mut message in messages {
        let from = all.lens();
        all.append(&mut message);
        parts.push(Part { from, to: all.lens() });
    }
    (all, parts)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_counts_for_the_message_that_brought_it_first() {
    let db = Database::start().await;
    let mut writer = db.writer().await;
    let mut write = async |numbers: &[i64]| {
        let (all, parts) = batch(numbers.iter().map(|n| message(&db, *n)));
        let stored = writer.write_counted(&all, &parts, &Registry::default(), UtcMicros(T0)).await.unwrap();
        stored.new_of_parts
    };
    // Bay, count, position, passengers, trip, and the event that carried no state.
    assert_eq!(write(&[1, 2]).await, [6, 6]);
    assert_eq!(write(&[1]).await, [0], "all of it again");
    assert_eq!(write(&[3, 2, 3, 4]).await, [6, 0, 0, 6], "again, and twice in one batch");
    let (all, _) = batch([message(&db, 5)]);
    let stored = writer.write(&all, &Registry::default(), UtcMicros(T0)).await.unwrap();
    assert_eq!((stored.new, stored.new_of_parts), (5, Vec::new()), "nobody asks");
}
