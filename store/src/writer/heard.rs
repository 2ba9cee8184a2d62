//! What a transaction brings for the health of devices.

use domain::health::{DeviceKey, Heard, Message};
use domain::{BayObservation, Registry, SiteCount, Uplink};

/// Of rows that are new: messages of known devices, statements of feeds about bays, counts of whole sites.
pub(super) fn of(
    uplinks: &[&Uplink],
    bays: &[&BayObservation],
    counts: &[&SiteCount],
    registry: &Registry,
) -> Vec<Heard> {
    let of_devices = uplinks.iter().filter(|uplink| !uplink.is_stranger).filter_map(|uplink| {
        let sensor = registry.sensor_by_key(&uplink.device)?;
        Some(Heard::Message { device: DeviceKey::sensor(sensor.id), message: uplink.message()? })
    });
    // A sensor's statement is its message, which is there already.
    let of_feeds = bays.iter().filter(|bay| bay.provenance.sensor.is_none()).map(|bay| Heard::Message {
        device: DeviceKey::native(bay.provenance.feed, bay.bay),
        message: Message::from(*bay),
    });
    let of_sites = counts.iter().filter(|count| count.audience.is_none()).map(|count| Heard::Count {
        site: count.site,
        received_at: count.provenance.received_at,
        observed_at: count.observed_at,
        value: count.value,
    });
    of_devices.chain(of_feeds).chain(of_sites).collect()
}
