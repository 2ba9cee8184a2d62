//! What is known of the devices of a page beside themselves: read at once for all of them.

use std::collections::{HashMap, HashSet};

use domain::ids::SourceKey;
use domain::{BayId, FeedFormat, FeedId, MunicipalityId};
use store::gateways::{self, DeviceGateway};
use store::inspect::{self, Device, LastingReason, NativeFilter, NativeOrder, NativePlace};
use store::rebindings::{self, RebindingProgress};
use store::{Pool, StoreError};

use super::bound::place_of;
use crate::hub::View;

/// See the module's description.
#[derive(Debug, Default)]
pub struct Facts {
    /// Places that have a sensor of a native feed, by kind and id.
    pub places: HashMap<(String, String), NativePlace>,
    /// Through which gateways each device is heard.
    pub gateways: HashMap<(MunicipalityId, String), Vec<DeviceGateway>>,
    /// How far it is that messages are decoded again.
    pub rebindings: HashMap<String, RebindingProgress>,
    reasons: Vec<LastingReason>,
}

impl Facts {
    /// What is wrong with a source; `bay`: of a feed, the bay that it names.
    pub fn reasons(
        &self,
        municipality: MunicipalityId,
        source: SourceKey,
        bay: Option<BayId>,
    ) -> impl Iterator<Item = &LastingReason> {
        self.reasons.iter().filter(move |r| {
            r.municipality == municipality && r.source == source && (bay.is_none() || r.bay == bay)
        })
    }
}

/// Of devices, and of places that their feed names itself.
pub async fn facts(
    view: &View,
    pool: &Pool,
    scope: &[MunicipalityId],
    devices: &[Device],
    places: &[NativePlace],
) -> Result<Facts, StoreError> {
    let registry = view.registry();
    let keys: Vec<&str> = devices.iter().map(|device| device.key.as_str()).collect();
    let sensors = devices.iter().filter_map(|device| Some(SourceKey(device.sensor?.0)));
    let feeds: HashSet<FeedId> = places.iter().map(|place| place.feed).collect();
    let sources: Vec<SourceKey> = sensors.chain(feeds.into_iter().map(|f| SourceKey::of(f, None))).collect();
    let bays = places.iter().filter(|place| place.kind == "bay");
    let bays: Vec<BayId> = bays.filter_map(|place| Some(registry.bay_by_key(&place.key)?.id)).collect();
    let mut facts = Facts {
        reasons: inspect::lasting_reasons(pool, scope, &sources, &bays).await?,
        rebindings: rebindings::progress(pool, scope, &keys).await?.into_iter().collect(),
        ..Facts::default()
    };
    let known = devices.iter().filter(|device| device.sensor.is_some());
    let known: Vec<(MunicipalityId, &str)> = known.map(|d| (d.municipality, d.key.as_str())).collect();
    for (municipality, device, gateway) in gateways::of_devices(pool, &known).await? {
        facts.gateways.entry((municipality, device)).or_default().push(gateway);
    }
    let names_places =
        |d: &&Device| registry.feed(d.feed).is_some_and(|f| f.def.format == FeedFormat::Native);
    let place = |d: &Device| {
        let target = registry.sensor(d.sensor?)?.binding_at(view.now)?.target?;
        place_of(target, &registry).map(|(_, id)| id)
    };
    let places: Vec<String> = devices.iter().filter(names_places).filter_map(place).collect();
    if !places.is_empty() {
        let filter = NativeFilter { only: Some(&places), with_sensor: true, ..NativeFilter::default() };
        let order = NativeOrder::ById(None);
        let all = inspect::native_places(pool, scope, &filter, order, 4 * places.len()).await?;
        facts.places = all.into_iter().map(|p| ((p.kind.clone(), p.key.clone()), p)).collect();
    }
    Ok(facts)
}
