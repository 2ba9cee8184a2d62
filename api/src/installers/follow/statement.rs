//! What a native feed states, as a message of what `/v1/sensors` lists: its sensor in the files, else the place itself.

use domain::live::Change;
use domain::{FeedFormat, FeedId, MunicipalityId, Registry, Target, UtcMicros};
use serde_json::{Value, json};
use store::inspect::DeviceMessage;

use crate::installers::sensors::place_of;

/// A statement, and whose it is.
#[derive(Debug, PartialEq)]
pub struct Statement {
    /// The municipality that may see it: that of the sensor, else of the place.
    pub municipality: MunicipalityId,
    pub feed: FeedId,
    /// DevEUI, the supplier's id, or the id of the place.
    pub sensor: String,
    pub message: DeviceMessage,
}

/// What a change of a place or vehicle says; `None`: it is of no native feed, or what it is about is gone. `now`: when it was read,
/// which is moments after it came.
pub fn statement(change: &Change, registry: &Registry, now: UtcMicros) -> Option<Statement> {
    let (feed, target, observed_at, decoded) = match change {
        Change::Bay { bay, reading } => {
            let content = json!({ "kind": "bay", "state": reading.state, "at": reading.observed_at });
            (reading.feed, Target::Bay(*bay), reading.observed_at, content)
        }
        Change::Site { site, audience, count, .. } => {
            let ((feed, _), observed_at) = (count.heard_from?, count.observed_at?);
            let occupied = count.occupied(registry.capacity(*site, *audience));
            let content =
                json!({ "kind": "site", "audience": audience, "occupied": occupied, "at": observed_at });
            (feed, Target::Site(*site), observed_at, content)
        }
        Change::Vehicle { vehicle, feed, observed_at, fix, .. } => {
            let content = json!({ "kind": "vehicle", "position": fix.position, "at": observed_at });
            (*feed, Target::Vehicle(*vehicle), *observed_at, content)
        }
        _ => return None,
    };
    registry.feed(feed).filter(|feed| feed.def.format == FeedFormat::Native)?;
    let (kind, place) = place_of(target, registry)?;
    let (municipality, sensor) = match registry.sensor_at(feed, target, now) {
        Some(sensor) => (sensor.municipality, sensor.key.clone()),
        None => (owner(target, registry)?, place),
    };
    let id = format!("{kind}-{}", observed_at.0);
    Some(Statement { municipality, feed, sensor, message: message(id, decoded, now) })
}

fn owner(target: Target, registry: &Registry) -> Option<MunicipalityId> {
    match target {
        Target::Bay(id) => registry.bay(id).map(|e| e.municipality),
        Target::Site(id) => registry.site(id).map(|e| e.municipality),
        Target::Vehicle(id) => registry.vehicle(id).map(|e| e.municipality),
    }
}

/// Native messages themselves are not kept: there are no bytes to show.
fn message(id: String, decoded: Value, now: UtcMicros) -> DeviceMessage {
    DeviceMessage {
        dedup_id: id,
        event: "message".to_owned(),
        received_at: now,
        network_at: None,
        f_port: None,
        f_cnt: None,
        payload: None,
        payload_bytes: None,
        decoder: None,
        decoded: Some(decoded),
        outcome: "stored".to_owned(),
        detail: None,
        dropped_fields: Vec::new(),
        copy: 0,
        times: 1,
        gateways: Vec::new(),
        spreading_factor: None,
        rssi_dbm: None,
        snr_db: None,
        qos: None,
    }
}
