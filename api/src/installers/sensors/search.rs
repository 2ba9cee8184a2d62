//! What a word of a search means: devices by their ids, and by what they are bound to.

use domain::{MunicipalityId, Registry, Target, UtcMicros};
use store::inspect::Search;

use super::bound::place_of;

/// What a search finds.
pub struct Found {
    text: String,
    digits: String,
    devices: Vec<String>,
    places: Vec<String>,
}

impl Found {
    /// Devices and places of `scope`. Of a DevEUI the last digits count, however they are spelled; else it is a part of an
    /// id, or of the id or name of what a device is bound to, or of its site.
    pub fn new(registry: &Registry, scope: &[MunicipalityId], text: &str, now: UtcMicros) -> Self {
        let text = text.to_lowercase();
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':' | ' ')).collect();
        let is_hex = digits.len() <= 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let mut found = Found {
            digits: if is_hex { digits } else { String::new() },
            text,
            devices: Vec::new(),
            places: Vec::new(),
        };
        let is_of_scope = |town: MunicipalityId| scope.contains(&town);
        for sensor in registry.sensors().filter(|s| is_of_scope(s.municipality)) {
            let Some(target) = sensor.binding_at(now).and_then(|b| b.target) else { continue };
            if is_called(registry, target, &found.text) {
                found.devices.push(sensor.key.clone());
            } else if sensor.key.to_lowercase().contains(&found.text)
                && let Some((_, id)) = place_of(target, registry)
            {
                found.places.push(id);
            }
        }
        let bays = registry.bays().filter(|e| is_of_scope(e.municipality));
        let sites = registry.sites().filter(|e| is_of_scope(e.municipality));
        let vehicles = registry.vehicles().filter(|e| is_of_scope(e.municipality));
        let all = bays.map(|e| (Target::Bay(e.id), &e.def.id));
        let all = all.chain(sites.map(|e| (Target::Site(e.id), &e.def.id)));
        let all = all.chain(vehicles.map(|e| (Target::Vehicle(e.id), &e.def.id)));
        found
            .places
            .extend(all.filter(|(t, _)| is_called(registry, *t, &found.text)).map(|(_, id)| id.clone()));
        found
    }

    /// Among devices.
    pub fn devices(&self) -> Search<'_> {
        Search { text: &self.text, digits: &self.digits, meant: &self.devices }
    }

    /// Among places that a feed names itself.
    pub fn places(&self) -> Search<'_> {
        Search { meant: &self.places, ..self.devices() }
    }
}

/// Whether `wanted`, in lower case, stands in what a target is called or in what its site is called.
pub fn is_called(registry: &Registry, target: Target, wanted: &str) -> bool {
    let site = |key: Option<&str>| key.and_then(|key| registry.site_by_key(key)).map(|s| &s.def);
    let names = match target {
        Target::Bay(id) => {
            let bay = registry.bay(id).map(|e| &e.def);
            let key = bay.and_then(|bay| bay.site.as_deref());
            [bay.map(|bay| bay.id.as_str()), key, site(key).map(|s| s.name.as_str())]
        }
        Target::Site(id) => {
            let site = registry.site(id).map(|e| &e.def);
            [site.map(|s| s.id.as_str()), site.map(|s| s.name.as_str()), None]
        }
        Target::Vehicle(id) => {
            let vehicle = registry.vehicle(id).map(|e| &e.def);
            [vehicle.map(|v| v.id.as_str()), vehicle.and_then(|v| v.label.as_deref()), None]
        }
    };
    names.into_iter().flatten().any(|name| name.to_lowercase().contains(wanted))
}
