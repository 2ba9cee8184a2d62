//! Parts of a vehicle's state survive a restart: what is loaded is what the messages stated.

use std::sync::Arc;

use crate::support::Database;
use domain::live::LiveMap;
use domain::observation::{Provenance, VehicleFix};
use domain::registry::Contents;
use domain::{
    FeedId, LatLon, MunicipalityId, Registry, UtcMicros, Vehicle, VehicleId, VehiclePosition, registry::Entry,
};
use store::writer::{Batch, Keyed, Writer};

const T0: i64 = 1_790_000_000_000_000;
const BUS: VehicleId = VehicleId(7);

fn batch_at(municipality: MunicipalityId, s: i64, fix: VehicleFix) -> Batch {
    let at = UtcMicros(T0 + s * 1_000_000);
    let provenance =
        Provenance { municipality, feed: FeedId(3), sensor: None, received_at: at, clock_corrected: false };
    let digest = fix.digest_of(FeedId(3));
    let observation = VehiclePosition { provenance, vehicle: BUS, observed_at: at, digest, fix };
    Batch { vehicles: vec![Keyed { observation, idempotency_key: None }], ..Batch::default() }
}

#[tokio::test]
async fn a_vehicle_keeps_its_position_after_messages_without_one() {
    let database = Database::start().await;
    let pool = database.pool.clone();
    let municipality = database.municipality;
    let here = VehicleFix { position: LatLon::new(51.9, 7.2), speed_mps: Some(8.0), ..VehicleFix::default() };
    let on_trip = VehicleFix { trip_id: Some("t1".into()), delay_s: Some(120), ..VehicleFix::default() };
    let older = VehicleFix { position: LatLon::new(51.8, 7.1), ..VehicleFix::default() };

    let options = store::pool::options(&database.url).unwrap();
    let mut writer = Writer::connect(&options).await.unwrap();
    for (s, fix) in [(20, on_trip.clone()), (10, here.clone()), (5, older)] {
        writer.write(&batch_at(municipality, s, fix), &Registry::default(), UtcMicros(T0)).await.unwrap();
    }

    let bus = Vehicle {
        id: "bus".into(),
        owner: "n".into(),
        operator: None,
        label: None,
        seats: None,
        standing: None,
    };
    let registry = Registry::new(Contents {
        vehicles: vec![Entry { id: BUS, municipality, def: bus }],
        ..Contents::default()
    });
    let mut map = LiveMap::new(Arc::new(registry), UtcMicros(T0));
    map.apply(store::live::load(&pool).await.unwrap().states, UtcMicros(T0));
    let seen = map.vehicle(BUS).unwrap();
    assert_eq!(seen.fix, VehicleFix { position: here.position, speed_mps: here.speed_mps, ..on_trip });
    assert_eq!(seen.observed_at, UtcMicros(T0 + 20_000_000));
    assert_eq!(seen.position_observed_at, Some(UtcMicros(T0 + 10_000_000)));
    drop(writer);
    database.stop().await;
}
