//! The whole current state at one position of the stream of events.
//!
//! Taken as a copy of numbers under one read lock, rendered page by page outside of it.

use std::sync::Arc;

use domain::Registry;
use domain::live::{BayView, SiteView, VehicleView};
use serde::Serialize;
use utoipa::ToSchema;

use super::Live;
use super::event::{ChangeData, of_bay, of_site, of_vehicle};
use super::filter::{Filter, Kind, Topic};
use crate::wire::{Source, Sources};
use domain::UtcMicros;

/// Items in one `event: snapshot`.
pub const SNAPSHOT_ITEMS: usize = 1_000;

pub const REASON: &str = "snapshot";

/// See the module's description.
pub struct Snapshot {
    /// Events after this one are not in it.
    pub position: u64,
    now: UtcMicros,
    registry: Arc<Registry>,
    sites: std::vec::IntoIter<SiteView>,
    bays: std::vec::IntoIter<BayView>,
    vehicles: std::vec::IntoIter<VehicleView>,
}

/// `event: snapshot`: a part of the current state.
#[derive(Serialize, ToSchema)]
pub struct SnapshotPage<'a> {
    /// States as they are now.
    pub items: Vec<ChangeData<'a>>,
    /// Whether this is the last part.
    pub complete: bool,
    /// Whose data it is.
    pub attribution: Vec<Source<'a>>,
}

impl Snapshot {
    pub(super) fn take(live: &Live, filter: &Filter, now: UtcMicros) -> Self {
        let map = &live.map;
        let registry = map.registry().clone();
        let mut sites = Vec::new();
        if filter.wants(Kind::Site) {
            sites.extend(map.shown_sites().filter_map(|id| map.site(id, now)).filter(|view| {
                let municipality = registry.site(view.id).map(|e| e.municipality);
                let position = registry.site(view.id).map(|e| e.def.position());
                filter.admits(&Topic { kind: Kind::Site, municipality, site: Some(view.id), position })
            }));
        }
        let mut bays = Vec::new();
        if filter.wants(Kind::Bay) {
            bays.extend(map.shown_bays().filter_map(|id| map.bay(id, now)).filter(|view| {
                let municipality = filter.municipality.and(registry.bay(view.id)).map(|e| e.municipality);
                let position = Some(view.position);
                filter.admits(&Topic { kind: Kind::Bay, municipality, site: view.site, position })
            }));
        }
        let mut vehicles = Vec::new();
        if filter.wants(Kind::Vehicle) {
            let ids = map.vehicle_positions(now).filter(|(id, position)| {
                let municipality = registry.vehicle(*id).map(|e| e.municipality);
                let topic = Topic { kind: Kind::Vehicle, municipality, site: None, position: *position };
                filter.admits(&topic)
            });
            vehicles.extend(ids.filter_map(|(id, _)| map.vehicle(id)));
        }
        Snapshot {
            position: live.position,
            now,
            registry,
            sites: sites.into_iter(),
            bays: bays.into_iter(),
            vehicles: vehicles.into_iter(),
        }
    }

    /// Renders the next page with `render`, which is told whether it is the last one.
    pub fn next_page<R>(&mut self, render: impl FnOnce(&SnapshotPage<'_>) -> R) -> R {
        let registry = &self.registry;
        let mut sources = Sources::default();
        let mut items = Vec::new();
        for view in self.sites.by_ref().take(SNAPSHOT_ITEMS) {
            sources.note(view.feed);
            items.extend(of_site(registry, &view, REASON).map(|(_, data)| data));
        }
        for view in self.bays.by_ref().take(SNAPSHOT_ITEMS - items.len()) {
            sources.note(view.feed);
            items.extend(of_bay(registry, &view, REASON).map(|(_, data)| data));
        }
        for view in self.vehicles.by_ref().take(SNAPSHOT_ITEMS - items.len()) {
            view.feeds.into_iter().for_each(|feed| sources.note(feed));
            items.extend(of_vehicle(registry, view, REASON, self.now).map(|(_, data)| data));
        }
        let complete = self.sites.len() + self.bays.len() + self.vehicles.len() == 0;
        render(&SnapshotPage { items, complete, attribution: sources.of(registry) })
    }
}
