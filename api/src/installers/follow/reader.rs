//! Reads what is to be sent, once for all clients.

use std::time::Duration;

use domain::{BayId, MunicipalityId, Registry, SensorId};
use store::inspect::{self, DeviceFilter, DeviceOrder, NativeFilter, NativeOrder};
use store::{Pool, StoreError};
use tracing::warn;

use super::event::MessageEvent;
use super::statement::statement;
use crate::App;
use crate::hub::View;
use crate::hub::devices::{DeviceHub, Waiting};
use crate::installers::sensors::{device, facts, place};

/// Messages and devices that are read at once.
const AT_ONCE: usize = 500;

const RETRY: Duration = Duration::from_secs(1);

impl App {
    /// Sends the events of `/v1/sensors/changes` until shutdown.
    pub async fn run_device_events(self) {
        let App { hub: Some(hub), pool: Some(pool), clock, devices, shutdown, .. } = self else { return };
        let mut failing = false;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = devices.is_waiting.notified() => {}
            }
            let taken = devices.take(AT_ONCE);
            let view = View { hub: hub.clone(), now: clock() };
            match send(&devices, &pool, &view, &taken).await {
                Ok(()) => failing = false,
                Err(error) => {
                    devices.put_back(taken);
                    if !std::mem::replace(&mut failing, true) {
                        warn!("what devices send is not shown to those who follow them: {error}");
                    }
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
            }
        }
    }
}

async fn send(hub: &DeviceHub, pool: &Pool, view: &View, taken: &Waiting) -> Result<(), StoreError> {
    let registry = view.registry();
    let keys = taken.messages.iter().map(|m| (m.municipality, m.device.as_str(), m.id.as_str()));
    let messages = inspect::messages_of(pool, &keys.collect::<Vec<_>>()).await?;
    let sensors = judged_sensors(&registry, taken);
    let mut states = Vec::new();
    if !sensors.is_empty() {
        let (towns, keys): (Vec<MunicipalityId>, Vec<String>) = sensors.into_iter().unzip();
        let filter = DeviceFilter { only: Some(&keys), is_new: Some(false), ..DeviceFilter::default() };
        let devices = inspect::devices(pool, &towns, &filter, DeviceOrder::ById(None), keys.len()).await?;
        let facts = facts(view, pool, &towns, &devices, &[]).await?;
        states.extend(devices.into_iter().map(|d| (d.municipality, d.key.clone(), device(d, &facts, view))));
    }
    let bays = judged_bays(&registry, taken);
    if !bays.is_empty() {
        let (towns, keys): (Vec<MunicipalityId>, Vec<String>) = bays.into_iter().unzip();
        let filter = NativeFilter { only: Some(&keys), ..NativeFilter::default() };
        let order = NativeOrder::ById(None);
        let places = inspect::native_places(pool, &towns, &filter, order, keys.len()).await?;
        let facts = facts(view, pool, &towns, &[], &places).await?;
        states.extend(places.into_iter().map(|p| (p.municipality, p.key.clone(), place(p, &facts, view))));
    }
    for (municipality, feed, sensor, message) in &messages {
        let event = MessageEvent {
            sensor,
            municipality: registry.municipality(*municipality).map(|m| m.slug.as_str()),
            feed: registry.feed(*feed).map(|f| f.def.id.as_str()),
            message,
        };
        hub.send(*municipality, sensor, "message", &event);
    }
    for stated in taken.statements.iter().filter_map(|change| statement(change, &registry, view.now)) {
        let event = MessageEvent {
            sensor: &stated.sensor,
            municipality: registry.municipality(stated.municipality).map(|m| m.slug.as_str()),
            feed: registry.feed(stated.feed).map(|f| f.def.id.as_str()),
            message: &stated.message,
        };
        hub.send(stated.municipality, &stated.sensor, "message", &event);
    }
    for (municipality, id, state) in &states {
        hub.send(*municipality, id, "health", state);
    }
    Ok(())
}

fn judged_sensors(registry: &Registry, taken: &Waiting) -> Vec<(MunicipalityId, String)> {
    let sensors = taken.judged.iter().filter(|(_, source, _)| source.0 > 0);
    sensors
        .filter_map(|(town, source, _)| Some((*town, registry.sensor(SensorId(source.0))?.key.clone())))
        .collect()
}

fn judged_bays(registry: &Registry, taken: &Waiting) -> Vec<(MunicipalityId, String)> {
    let id = |bay: BayId| registry.bay(bay).map(|e| e.def.id.clone());
    let bays = taken.judged.iter().filter(|(_, source, _)| source.0 < 0);
    bays.filter_map(|(town, _, bay)| Some((*town, id((*bay)?)?))).collect()
}
