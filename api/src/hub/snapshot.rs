//! The whole current state, page by page as the client reads it.
//!
//! Nothing is copied ahead: a client that does not read holds no state. Each page is read at the position of
//! its own moment, so [`Covered`] remembers what each page covers up to which position; events that a later page
//! covers already are left out.

use std::sync::Arc;

use domain::Registry;
use domain::live::{BayView, LiveMap, SiteView, VehicleView, Within};
use serde::Serialize;
use utoipa::ToSchema;

use super::Live;
use super::event::{ChangeData, SNAPSHOT, of_bay, of_site, of_vehicle};
use super::filter::{Filter, Kind, Topic};
use crate::http::wire::{Source, Sources};
use domain::UtcMicros;

/// Items in one `event: snapshot`: some 35 kB, of which two or three wait for a slow reader.
pub const SNAPSHOT_ITEMS: usize = 100;

/// The kinds in the order of their pages.
const ORDER: [Kind; 3] = [Kind::Site, Kind::Bay, Kind::Vehicle];

/// See the module's description.
pub struct Snapshot {
    /// Kinds that are not finished yet, the current one first.
    rest: Vec<Kind>,
    /// The text id of the present kind up to which pages have been read.
    after: Option<String>,
    /// Where the first page was read.
    began: Option<u64>,
    seen: Covered,
}

/// What the pages of a snapshot cover, and up to which position.
#[derive(Default)]
pub struct Covered(Vec<Part>);

struct Part {
    kind: Kind,
    /// Its last text id; `None`: it goes on to the end.
    last: Option<String>,
    position: u64,
}

impl Covered {
    /// Whether the event at `position` about this thing is in a page already.
    pub fn has(&self, kind: Kind, key: &str, position: u64) -> bool {
        let mut of_kind = self.0.iter().filter(|part| part.kind == kind);
        let part = of_kind.find(|part| part.last.as_deref().is_none_or(|last| key <= last));
        part.is_some_and(|part| position <= part.position)
    }

    /// Forgets what no event after `position` can be in.
    pub fn forget(&mut self, position: u64) {
        if self.0.iter().all(|part| part.position <= position) {
            self.0.clear();
        }
    }
}

/// A page, as copies of numbers.
#[derive(Default)]
pub struct Page {
    registry: Arc<Registry>,
    now: UtcMicros,
    sites: Vec<SiteView>,
    bays: Vec<BayView>,
    vehicles: Vec<VehicleView>,
    /// Whether it is the last one.
    pub is_last: bool,
    /// The position from which events go on after the last one.
    pub began: u64,
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
    pub(super) fn new(filter: &Filter) -> Self {
        let rest = ORDER.into_iter().filter(|kind| filter.wants(*kind)).collect();
        Snapshot { rest, after: None, began: None, seen: Covered::default() }
    }

    /// Reads the next page out of the present state.
    pub(super) fn read(&mut self, live: &Live, filter: &Filter, now: UtcMicros) -> Page {
        let began = *self.began.get_or_insert(live.position);
        let registry = live.map.registry().clone();
        let mut page = Page { registry, now, began, ..Page::default() };
        while let Some(kind) = self.rest.first().copied() {
            let room = SNAPSHOT_ITEMS.saturating_sub(page.len());
            if room == 0 {
                break;
            }
            let last = page.add(&live.map, kind, filter, self.after.as_deref(), room);
            if last.is_none() {
                self.rest.remove(0);
            }
            self.after.clone_from(&last);
            match self.seen.0.last_mut() {
                Some(part) if part.kind == kind && part.position == live.position => part.last = last,
                _ => self.seen.0.push(Part { kind, last, position: live.position }),
            }
        }
        page.is_last = self.rest.is_empty();
        page
    }

    /// What the pages covered.
    pub(super) fn into_seen(self) -> Covered {
        self.seen
    }
}

impl Page {
    fn len(&self) -> usize {
        self.sites.len() + self.bays.len() + self.vehicles.len()
    }

    /// Adds at most `room` things of `kind` after the text id `after`; returns the last one's if there are more.
    fn add(
        &mut self,
        map: &LiveMap,
        kind: Kind,
        filter: &Filter,
        after: Option<&str>,
        room: usize,
    ) -> Option<String> {
        let (registry, now) = (self.registry.clone(), self.now);
        let within = Within { bbox: filter.bbox, municipality: filter.municipality };
        let of_site = |site| filter.site.is_none_or(|wanted| site == Some(wanted));
        match kind {
            Kind::Site => {
                let (ids, more) = map.sites_page(&within, after, room);
                let last = ids.last().filter(|_| more).and_then(|id| registry.site(*id));
                let wanted = ids.iter().filter(|id| of_site(Some(**id)));
                self.sites.extend(wanted.filter_map(|id| map.site(*id, now)));
                last.map(|entry| entry.def.id.clone())
            }
            Kind::Bay => {
                let (ids, more) = map.bays_page(&within, after, room);
                let last = ids.last().filter(|_| more).and_then(|id| registry.bay(*id));
                let views = ids.iter().filter_map(|id| map.bay(*id, now));
                self.bays.extend(views.filter(|view| of_site(view.site)));
                last.map(|entry| entry.def.id.clone())
            }
            Kind::Vehicle => {
                let found = map.vehicle_positions(now).filter_map(|(id, position)| {
                    let entry = registry.vehicle(id)?;
                    let topic = Topic::vehicle(entry, position);
                    let key = entry.def.id.as_str();
                    (filter.admits(&topic) && after.is_none_or(|after| key > after)).then_some((key, id))
                });
                let mut found: Vec<_> = found.collect();
                found.sort_unstable();
                let more = found.len() > room;
                found.truncate(room);
                self.vehicles.extend(found.iter().filter_map(|(_, id)| map.vehicle(*id)));
                found.last().filter(|_| more).map(|(key, _)| (*key).to_owned())
            }
        }
    }

    /// Renders it with `render`.
    pub fn render<R>(self, render: impl FnOnce(&SnapshotPage<'_>) -> R) -> R {
        let registry = &self.registry;
        let mut sources = Sources::default();
        let mut items = Vec::with_capacity(self.len());
        for view in self.sites {
            sources.note(view.feed);
            items.extend(of_site(registry, &view, SNAPSHOT).map(|(_, data)| data));
        }
        for view in self.bays {
            sources.note(view.feed);
            items.extend(of_bay(registry, &view, SNAPSHOT).map(|(_, data)| data));
        }
        for view in self.vehicles {
            view.feeds.into_iter().for_each(|feed| sources.note(feed));
            items.extend(of_vehicle(registry, view, SNAPSHOT, self.now).map(|(_, data)| data));
        }
        render(&SnapshotPage { items, complete: self.is_last, attribution: sources.of(registry) })
    }
}
