//! What a device is bound to, and what follows from that.

use domain::{Binding, FeedId, Registry, Sensor, Target, UtcMicros};

/// The longest silence that a device promises, seconds.
pub fn heartbeat_s(registry: &Registry, feed: FeedId, binding: Option<&Binding>) -> u32 {
    let of_feed = || registry.feed(feed).map(|f| f.def.heartbeat_s());
    binding.and_then(|b| b.heartbeat_s).or_else(of_feed).unwrap_or(domain::feed::DEFAULT_HEARTBEAT_S)
}

/// After how long without a state a sensor is stale, seconds.
pub fn stale_after_s(registry: &Registry, sensor: &Sensor, now: UtcMicros) -> u32 {
    match sensor.binding_at(now).and_then(|b| b.target) {
        Some(target) => registry.stale_after_s(sensor.feed, Some(sensor.id), target, now),
        None => domain::sensor::stale_after_s(heartbeat_s(registry, sensor.feed, sensor.binding_at(now))),
    }
}

/// The kind and id of what a target is.
pub fn place_of(target: Target, registry: &Registry) -> Option<(String, String)> {
    let (kind, id) = match target {
        Target::Bay(id) => ("bay", registry.bay(id)?.def.id.clone()),
        Target::Site(id) => ("site", registry.site(id)?.def.id.clone()),
        Target::Vehicle(id) => ("vehicle", registry.vehicle(id)?.def.id.clone()),
    };
    Some((kind.to_owned(), id))
}

/// What a place or vehicle is in the files.
pub fn place_target(registry: &Registry, kind: &str, id: &str) -> Option<Target> {
    match kind {
        "bay" => registry.bay_by_key(id).map(|e| Target::Bay(e.id)),
        "site" => registry.site_by_key(id).map(|e| Target::Site(e.id)),
        "vehicle" => registry.vehicle_by_key(id).map(|e| Target::Vehicle(e.id)),
        _ => None,
    }
}
