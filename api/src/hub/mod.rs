//! Live state behind a lock, and the stream of its changes.
//!
//! The writer changes the map under the write lock, in slices, and updates the position before it releases the
//! lock; it renders events under a read lock, so that readers go on. Each page of a snapshot reads state and position under one lock: nothing is lost or repeated
//! between it and the events after it.

pub mod changes;
pub mod devices;
mod event;
mod filter;
mod ring;
mod snapshot;
mod stream;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use domain::live::{BayView, Change, LiveEvent, LiveMap};
use domain::{Registry, UtcMicros};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{Semaphore, watch};

use event::Removed;
pub use event::frame;
pub use filter::{Filter, Kind, Topic};
use ring::{Event, Ring};
pub use ring::{RING_EVENTS, Read};
use snapshot::Covered;
pub use stream::{Start, follow};
pub use view::View;

/// Changes applied under one write lock: some tenths of a millisecond, so that readers hardly
/// wait.
const SLICE: usize = 512;

/// Live state and its position in the stream.
pub struct Live {
    pub map: LiveMap,
    /// Position of the last event that is in the map.
    position: u64,
    /// Counts everything that could change an answer about parking.
    parking_version: u64,
    /// When the places last changed.
    pub places_at: UtcMicros,
}

/// See the module's description.
pub struct LiveHub {
    live: RwLock<Live>,
    ring: RwLock<Ring>,
    newest: watch::Sender<u64>,
    /// Pages of snapshots are made one at a time: a thousand clients that come at once must not stand before an event.
    snapshots: Semaphore,
    is_ready: AtomicBool,
    /// Distinguishes positions of this process from those of earlier ones.
    epoch: String,
}

impl LiveHub {
    /// An empty state. `now` names this run: two runs never begin in the same microsecond.
    pub fn new(now: UtcMicros) -> Self {
        Self::with_ring(now, RING_EVENTS)
    }

    fn with_ring(now: UtcMicros, ring_events: usize) -> Self {
        LiveHub {
            live: RwLock::new(Live {
                map: LiveMap::new(Arc::default(), now),
                position: 0,
                parking_version: 0,
                places_at: now,
            }),
            ring: RwLock::new(Ring::new(ring_events)),
            newest: watch::Sender::new(0),
            snapshots: Semaphore::new(1),
            is_ready: AtomicBool::new(false),
            epoch: format!("{:x}", now.0),
        }
    }

    /// Applies changes and sends their events.
    pub fn apply(&self, changes: Vec<Change>, now: UtcMicros) {
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            let slice = changes.by_ref().take(SLICE);
            self.change(now, |map| map.apply(slice, now));
        }
    }

    /// Sends events for what went stale, opened or closed by `now`. Call it at least once a second.
    pub fn tick(&self, now: UtcMicros) {
        self.change(now, |map| map.tick(now));
    }

    /// Replaces the places; states are kept.
    pub fn replace_registry(&self, registry: Arc<Registry>, now: UtcMicros) {
        self.change(now, |map| map.replace_registry(registry, now));
        // Not everything that an import changes is an event: a bay's restrictions, a name.
        let mut live = self.live.write();
        live.parking_version += 1;
        live.places_at = now;
    }

    /// Whether live state has been rebuilt from the store.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// See [`Self::is_ready`].
    pub fn set_ready(&self, is_ready: bool) {
        self.is_ready.store(is_ready, Ordering::Release);
    }

    /// The state, for reading. Hold it for as short as possible: copy views out of it and render
    /// them afterwards.
    pub fn read(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read()
    }

    /// A name for the present answers about parking: it changes whenever one of them may.
    pub fn parking_tag(&self) -> String {
        format!("{}-{}", self.epoch, self.live.read().parking_version)
    }

    fn change(&self, now: UtcMicros, change: impl FnOnce(&mut LiveMap) -> Vec<LiveEvent>) {
        let mut live = self.live.write();
        let before = live.map.registry().clone();
        let events = change(&mut live.map);
        if events.is_empty() {
            return;
        }
        let first = live.position + 1;
        live.position += events.len() as u64;
        let is_vehicles =
            |e: &LiveEvent| matches!(e, LiveEvent::Vehicle { .. } | LiveEvent::RemovedVehicle { .. });
        if !events.iter().all(is_vehicles) {
            live.parking_version += 1;
        }
        let live = RwLockWriteGuard::downgrade(live);
        let rendered: Vec<Event> = (first..)
            .zip(&events)
            .filter_map(|(position, event)| self.render(&live.map, &before, event, position, now))
            .collect();
        let mut ring = self.ring.write();
        for event in rendered {
            ring.push(event);
        }
        drop(ring);
        self.newest.send_replace(live.position);
    }

    fn render(
        &self,
        map: &LiveMap,
        before: &Registry,
        event: &LiveEvent,
        position: u64,
        now: UtcMicros,
    ) -> Option<Event> {
        let registry = map.registry();
        let mut left = None;
        let (topic, key, data) = match event {
            LiveEvent::Bay { bay, state, observed_at, stale, reason } => {
                let view = map.bay(*bay, now)?;
                let as_published =
                    BayView { state: *state, observed_at: *observed_at, stale: *stale, ..view };
                let (topic, data) = event::of_bay(registry, &as_published, reason.as_str())?;
                (topic, &registry.bay(*bay)?.def.id, data)
            }
            LiveEvent::Site { site, reason } => {
                let (topic, data) = event::of_site(registry, &map.site(*site, now)?, reason.as_str())?;
                (topic, &registry.site(*site)?.def.id, data)
            }
            LiveEvent::Vehicle { vehicle, reason, was_at } => {
                let (topic, data) =
                    event::of_vehicle(registry, map.vehicle(*vehicle)?, reason.as_str(), now)?;
                let key = &registry.vehicle(*vehicle)?.def.id;
                // Clients whose box it has left get an event.
                left = was_at.map(|was_at| {
                    let gone = self.removed(Topic { position: Some(was_at), ..topic }, key, position);
                    (gone.topic, gone.bytes)
                });
                (topic, key, data)
            }
            LiveEvent::RemovedVehicle { vehicle } => {
                let entry = registry.vehicle(*vehicle)?;
                let last = map.vehicle(*vehicle).and_then(|vehicle| vehicle.fix.position);
                let topic = Topic::vehicle(entry, last);
                return Some(self.removed(topic, &entry.def.id, position));
            }
            LiveEvent::RemovedBay { key } => {
                let entry = before.bay_by_key(key);
                let topic = entry.map_or(Topic::unplaced(Kind::Bay), |entry| Topic::bay(before, entry));
                return Some(self.removed(topic, key, position));
            }
            LiveEvent::RemovedSite { key } => {
                let topic = before.site_by_key(key).map_or(Topic::unplaced(Kind::Site), Topic::site);
                return Some(self.removed(topic, key, position));
            }
        };
        let bytes = Bytes::from(event::frame(&self.id(position), "change", &data));
        Some(Event { position, topic, key: key.as_str().into(), bytes, left })
    }

    fn removed(&self, topic: Topic, key: &str, position: u64) -> Event {
        let data = Removed { kind: topic.kind, id: key };
        let bytes = Bytes::from(event::frame(&self.id(position), "removed", &data));
        Event { position, topic, key: key.into(), bytes, left: None }
    }

    fn id(&self, position: u64) -> String {
        format!("{}-{position}", self.epoch)
    }

    /// The position that a `Last-Event-ID` names, if a client can go on from there.
    fn resume(&self, last_event_id: &str) -> Option<u64> {
        let (epoch, position) = last_event_id.rsplit_once('-')?;
        let position = position.parse().ok()?;
        (epoch == self.epoch && self.ring.read().reaches(position)).then_some(position)
    }

    fn read_after(&self, position: u64, filter: &Filter, seen: &Covered) -> Read {
        self.ring.read().read_after(position, filter, seen)
    }
}
