//! Parts of a vehicle's state survive a restart: what is loaded is what the messages stated.

use crate::support::Database;
use domain::Registry;
use domain::live::LiveMap;
use domain::observation::VehicleFix;
use domain::{FeedId, LatLon, MunicipalityId, UtcMicros, VehicleId};
use store::writer::Batch;
use testing::World;
use testing::observed::{self, dated};

const T0: i64 = 1_790_000_000_000_000;
const BUS: VehicleId = VehicleId(1);

fn batch_at(municipality: MunicipalityId, s: i64, fix: VehicleFix) -> Batch {
    let of = observed::provenance(municipality, FeedId(3), UtcMicros(T0 + s * 1_000_000));
    Batch { vehicles: dated([observed::vehicle(of, BUS, fix)]), ..Batch::default() }
}

#[tokio::test]
async fn a_vehicle_keeps_its_position_after_messages_without_one() {
    let database = Database::start().await;
    let pool = database.pool.clone();
    let municipality = database.municipality;
    let here = VehicleFix { position: LatLon::new(51.9, 7.2), speed_mps: Some(8.0), ..VehicleFix::default() };
    let on_trip = VehicleFix { trip_id: Some("t1".into()), delay_s: Some(120), ..VehicleFix::default() };
    let older = VehicleFix { position: LatLon::new(51.8, 7.1), ..VehicleFix::default() };

    let mut writer = database.writer().await;
    for (s, fix) in [(20, on_trip.clone()), (10, here.clone()), (5, older)] {
        writer.write(&batch_at(municipality, s, fix), &Registry::default(), UtcMicros(T0)).await.unwrap();
    }

    let mut map = LiveMap::new(World::town("n").vehicle("bus").registry(), UtcMicros(T0));
    map.apply(store::live::load(&pool).await.unwrap().states, UtcMicros(T0));
    let seen = map.vehicle(BUS).unwrap();
    assert_eq!(seen.fix, VehicleFix { position: here.position, speed_mps: here.speed_mps, ..on_trip });
    assert_eq!(seen.observed_at, UtcMicros(T0 + 20_000_000));
    assert_eq!(seen.position_observed_at, Some(UtcMicros(T0 + 10_000_000)));
}
