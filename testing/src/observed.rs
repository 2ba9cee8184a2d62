//! Observations and what is rejected, with nothing beside what they state.

use domain::ids::SourceKey;
use domain::observation::{CountValue, Provenance, VehicleFix};
use domain::{
    BayId, BayObservation, BayState, FeedId, MunicipalityId, PassengerCount, Reason, Rejection, SiteCount,
    SiteId, TripObservation, TripReport, TripUpdate, Uplink, UtcMicros, VehicleId, VehiclePosition,
};
use store::writer::Keyed;

/// Of no sensor, with a clock that was right.
pub fn provenance(municipality: MunicipalityId, feed: FeedId, received_at: UtcMicros) -> Provenance {
    Provenance { municipality, feed, sensor: None, received_at, clock_corrected: false }
}

/// Observed when it was received.
pub fn bay(provenance: Provenance, bay: BayId, seq: Option<i64>, state: BayState) -> BayObservation {
    let source = SourceKey::of(provenance.feed, provenance.sensor);
    BayObservation {
        provenance,
        bay,
        observed_at: provenance.received_at,
        digest: BayObservation::digest_of(source, seq, state),
        state,
        seq,
        battery_v: None,
        rssi_dbm: None,
        temperature_c: None,
    }
}

/// Counted when it was received.
pub fn count(provenance: Provenance, site: SiteId, seq: Option<i64>, value: CountValue) -> SiteCount {
    SiteCount { seq, ..SiteCount::new(provenance, site, provenance.received_at, value) }.digested()
}

/// Observed when it was received.
pub fn vehicle(provenance: Provenance, vehicle: VehicleId, fix: VehicleFix) -> VehiclePosition {
    let digest = fix.digest_of(provenance.feed);
    VehiclePosition { provenance, vehicle, observed_at: provenance.received_at, digest, fix }
}

/// Counted when it was received: nobody. `digest` is to be computed from what is added.
pub fn passengers(provenance: Provenance, vehicle: VehicleId) -> PassengerCount {
    PassengerCount {
        provenance,
        vehicle,
        observed_at: provenance.received_at,
        digest: 0,
        stop_id: None,
        trip_id: None,
        doors: Vec::new(),
        on_board: None,
        source: None,
        seq: None,
    }
}

/// Reported when it was received; no stop was passed.
pub fn trip(provenance: Provenance, update: TripUpdate) -> TripObservation {
    let at = provenance.received_at;
    let digest = update.digest_of();
    let report = TripReport { observed_at: at, confirmed_at: at, digest, update: Box::new(update) };
    TripObservation { provenance, report, passed: Vec::new() }
}

/// Observations that are dated by their sender.
pub fn dated<T>(observations: impl IntoIterator<Item = T>) -> Vec<Keyed<T>> {
    let keyed = |observation| Keyed { observation, idempotency_key: None };
    observations.into_iter().map(keyed).collect()
}

/// A LoRaWAN message of which no more is known than that it came.
pub fn uplink(municipality: MunicipalityId, feed: FeedId, device: &str, received_at: UtcMicros) -> Uplink {
    Uplink {
        municipality,
        feed,
        device: device.into(),
        generation: 0,
        is_stranger: false,
        dedup_id: received_at.to_string(),
        event: "up",
        received_at,
        network_at: None,
        f_port: None,
        f_cnt: None,
        payload: None,
        data_rate: None,
        spreading_factor: None,
        rssi_dbm: None,
        snr_db: None,
        gateways: Vec::new(),
        decoder: None,
        decoder_version: None,
        qos: 1,
        decoded: None,
        outcome: "heard".into(),
        detail: None,
        dropped_fields: Vec::new(),
        battery_v: None,
        battery_pct: None,
        battery_low: None,
        temperature_c: None,
        state: None,
    }
}

/// An empty message on the topic `t`.
pub fn rejection(
    municipality: MunicipalityId,
    feed: FeedId,
    reason: Reason,
    received_at: UtcMicros,
) -> Rejection {
    Rejection {
        municipality,
        feed,
        reason,
        topic: "t".into(),
        received_at,
        detail: String::new(),
        remedy: None,
        devices: Vec::new(),
        count: 1,
        examples: Vec::new(),
        repeats: None,
        payload: Vec::new(),
        qos: 1,
    }
}
