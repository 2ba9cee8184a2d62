//! What a transaction brings for the health of devices.

use domain::health::{DeviceKey, Heard, Message};
use domain::{BayObservation, Reason, Registry, Rejection, SiteCount, Uplink};

/// Of rows that are new: messages of known devices, statements of feeds about bays, counts of whole sites, and what was rejected
/// of bays that feeds name.
pub(super) fn of(
    uplinks: &[&Uplink],
    bays: &[&BayObservation],
    counts: &[&SiteCount],
    rejections: &[Rejection],
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
    let rejected = rejections.iter().flat_map(|rejection| refused(rejection, registry));
    of_devices.chain(of_feeds).chain(of_sites).chain(rejected).collect()
}

/// A rejected message for each bay that it, or its topic, names; of many elements those that are described. What is wrong with a
/// LoRaWAN message stands in its uplink.
fn refused<'a>(rejection: &'a Rejection, registry: &'a Registry) -> impl Iterator<Item = Heard> + 'a {
    let is_native = registry.feed(rejection.feed).is_some_and(|feed| !feed.def.format.is_lorawan());
    let only = rejection.devices.first().filter(|_| rejection.examples.is_empty());
    let only = only.map(|device| (device.as_str(), rejection.reason));
    let examples = rejection.examples.iter();
    let elements = examples.filter_map(|element| Some((element.device.as_deref()?, element.reason)));
    let named =
        only.into_iter().chain(elements).filter(move |(_, reason)| is_native && reason.is_own_fault());
    named.filter_map(move |(device, reason): (&str, Reason)| {
        let device = DeviceKey::native(rejection.feed, registry.bay_by_key(device)?.id);
        let (received_at, rejected) = (rejection.received_at, Some(reason));
        Some(Heard::Message { device, message: Message { received_at, rejected, ..Message::default() } })
    })
}
