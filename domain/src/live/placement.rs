//! Places the registry on the map: which places are valid now, who may see them, where they are.

use std::cmp::Reverse;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::class::{ClassId, Classes};
use super::grid::{Grid, Slot};
use super::{BayCell, BayPlace, EventReason, LiveEvent, LiveMap, PlaceRef};
use crate::bay_state::BayState;
use crate::closure::Spans;
use crate::geo::Bbox;
use crate::ids::{BayId, MunicipalityId, SiteId};
use crate::inclusion::{SiteBays, Standing};
use crate::place::{Publish, is_valid_at};
use crate::registry::Registry;
use crate::sensor::Target;
use crate::time::UtcMicros;

/// A visible place's text id, with what lists are filtered by.
pub(super) struct Listed<I> {
    pub key: String,
    pub id: I,
    pub municipality: MunicipalityId,
}

/// A visible bay on the map, with the fields that a search reads of every one of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BaySpot {
    pub id: BayId,
    /// Its position in the list of keys.
    pub rank: u32,
    pub class: ClassId,
    pub site: Option<SiteId>,
    /// As last stated; holds before `stale_at`.
    pub last_state: Option<BayState>,
    pub stale_at: UtcMicros,
}

/// A visible site on the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SiteSpot {
    pub id: SiteId,
    /// Its position in the list of keys.
    pub rank: u32,
}

impl LiveMap {
    /// Replaces the places; states are kept. Returns events of what appeared, changed or vanished.
    pub fn replace_registry(&mut self, registry: Arc<Registry>, now: UtcMicros) -> Vec<LiveEvent> {
        let bays_before = std::mem::take(&mut self.bay_keys);
        let sites_before = std::mem::take(&mut self.site_keys);
        let other_state = self.place(registry, now);

        let mut events = Vec::new();
        let bays_gone = missing(&bays_before, &self.bay_keys).map(|bay| bay.key.clone());
        let sites_gone = missing(&sites_before, &self.site_keys).map(|site| site.key.clone());
        events.extend(bays_gone.map(|key| LiveEvent::RemovedBay { key }));
        events.extend(sites_gone.map(|key| LiveEvent::RemovedSite { key }));
        for bay in missing(&self.bay_keys, &bays_before).map(|bay| bay.id).chain(other_state) {
            events.extend(self.bay_event(bay, now, EventReason::Places));
        }
        events.extend(
            self.site_keys.iter().map(|s| LiveEvent::Site { site: s.id, reason: EventReason::Places }),
        );
        events
    }

    /// Places the places of `registry` that are valid at `now`; keeps all states. Returns the
    /// bays that were placed before and are now fresh or stale where they were not: the import
    /// changed how long their state holds.
    pub(super) fn place(&mut self, registry: Arc<Registry>, now: UtcMicros) -> Vec<BayId> {
        self.registry = registry.clone();
        self.classes = Classes::default();
        let mut edges = ValidityEdges { now, next: None };
        self.place_sites(&registry, &mut edges);
        let bays_before = self.place_bays(&registry, &mut edges);
        self.next_validity_change = edges.next;
        self.index_places(&registry);

        let mut other_state = Vec::new();
        let bays: Vec<BayId> = self.bays.keys().copied().collect();
        for bay in bays {
            let before = self.bays.get(&bay).map(|c| c.state_at(now));
            self.renew(bay, now);
            self.recount(bay, now);
            if before != self.bays.get(&bay).map(|c| c.state_at(now)) && bays_before.contains(&bay) {
                other_state.push(bay);
            }
        }
        for (site, cell) in &mut self.sites {
            let stale_after_s =
                |feed, sensor, at| registry.stale_after_s(feed, sensor, Target::Site(*site), at);
            let timer = cell.renew_counts(stale_after_s, now);
            self.timers.extend(timer.map(|at| Reverse((at, PlaceRef::Site(*site)))));
        }
        other_state
    }

    fn place_sites(&mut self, registry: &Registry, edges: &mut ValidityEdges) {
        for cell in self.sites.values_mut() {
            cell.unplace();
        }
        self.site_keys.clear();
        for entry in registry.sites() {
            let site = &entry.def;
            if !edges.is_valid(site.valid_from, site.valid_until) {
                continue;
            }
            let locality = registry.locality(entry.municipality);
            let class = self.classes.intern(&site.restrictions, locality, edges.now);
            let is_public = site.publish != Publish::None;
            let closed = registry.closures(entry.id).cloned().unwrap_or_default();
            let cell = self.sites.entry(entry.id).or_default();
            cell.place(site, closed, class, locality, is_public, edges.now);
            cell.forget_before(registry.public_since(entry.id));
            if is_public {
                let listed = Listed { key: site.id.clone(), id: entry.id, municipality: entry.municipality };
                self.site_keys.push(listed);
            }
        }
        self.site_keys.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    }

    /// Returns the bays that were placed before.
    fn place_bays(&mut self, registry: &Registry, edges: &mut ValidityEdges) -> rustc_hash::FxHashSet<BayId> {
        let mut before = rustc_hash::FxHashSet::default();
        for (id, cell) in &mut self.bays {
            if cell.placed.take().is_some() {
                before.insert(*id);
            }
            (cell.counted, cell.has_reported) = (BayState::Unknown, false);
        }
        self.bay_keys.clear();
        self.closed_bays.clear();
        let mut of_sites: FxHashMap<SiteId, SiteBays<ClassId>> = FxHashMap::default();
        let mut in_sites: Vec<(BayId, SiteId, Standing)> = Vec::new();
        for entry in registry.bays() {
            let bay = &entry.def;
            if !edges.is_valid(bay.valid_from, bay.valid_until) {
                continue;
            }
            let locality = registry.locality(entry.municipality);
            let site = bay.site.as_deref().and_then(|key| registry.site_by_key(key));
            // A site that has ended is no site; one that is not published hides its bays.
            let site = site.filter(|s| is_valid_at(s.def.valid_from, s.def.valid_until, edges.now));
            let site_is_shown = site.is_none_or(|s| s.def.publish != Publish::None);
            let standing = Standing::of(bay);
            let is_closed = registry.closures(entry.id).is_some_and(|spans| edges.is_in(spans));
            if is_closed {
                self.closed_bays.insert(entry.id);
            }
            let place = BayPlace {
                site: site.map(|s| s.id),
                class: self.classes.intern(&bay.restrictions, locality, edges.now),
                position: bay.position(),
                is_public: standing == Standing::Shown && site_is_shown,
                counts_in_site: false,
                slot: None,
            };
            if place.is_public {
                let listed = Listed { key: bay.id.clone(), id: entry.id, municipality: entry.municipality };
                self.bay_keys.push(listed);
            }
            if let Some(site) = place.site {
                of_sites.entry(site).or_default().add(standing, place.class, !is_closed);
                // Nobody may use it: it is neither one of the vacant nor of the occupied.
                in_sites.extend((!is_closed).then_some((entry.id, site, standing)));
                if let Some(cell) = self.sites.get_mut(&site).filter(|_| standing != Standing::Nowhere) {
                    let named = self.classes.get(place.class).named;
                    cell.reserved_by_bays = cell.reserved_by_bays.union(named);
                }
            }
            let cell = self.bays.entry(entry.id).or_insert_with(BayCell::empty);
            if let Some(since) = registry.public_since(entry.id) {
                cell.readings.forget_before(since);
            }
            cell.readings
                .judge(|reading| registry.is_distrusted(reading.source(), entry.id, reading.observed_at));
            cell.placed = Some(place);
        }
        for (site, bays) in of_sites {
            let capacity = registry.site(site).map_or(0, |site| site.def.capacity);
            if let Some(cell) = self.sites.get_mut(&site) {
                cell.inclusion = bays.inclusion(capacity);
            }
        }
        for (bay, site, standing) in in_sites {
            let Some(cell) = self.sites.get_mut(&site) else { continue };
            let counts = match standing {
                Standing::Shown => true,
                Standing::Hidden => cell.inclusion.hidden_bays(false),
                Standing::OfOne | Standing::Nowhere => false,
            };
            if let Some(place) = self.bays.get_mut(&bay).and_then(|c| c.placed.as_mut()).filter(|_| counts) {
                place.counts_in_site = true;
                cell.add_bay(place.class);
            }
        }
        self.bay_keys.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        before
    }

    fn index_places(&mut self, registry: &Registry) {
        let sites = self.site_keys.iter().zip(0..).filter_map(|(listed, rank)| {
            Some((registry.site(listed.id)?.def.position(), SiteSpot { id: listed.id, rank }))
        });
        self.site_grid = Grid::new(sites.collect());
        let bays = self.bay_keys.iter().zip(0..).filter_map(|(listed, rank)| {
            let place = self.bays.get(&listed.id)?.placed.as_ref()?;
            let spot = BaySpot {
                id: listed.id,
                rank,
                class: place.class,
                site: place.site,
                last_state: None,
                stale_at: UtcMicros(i64::MIN),
            };
            Some((place.position, spot))
        });
        self.bay_grid = Grid::new(bays.collect());
        for ((_, spot), slot) in self.bay_grid.items().iter().zip(0..) {
            if let Some(place) = self.bays.get_mut(&spot.id).and_then(|c| c.placed.as_mut()) {
                place.slot = Some(slot as Slot);
            }
        }
        let sites = self.site_grid.items().iter().map(|(p, _)| *p);
        let points = sites.chain(self.bay_grid.items().iter().map(|(p, _)| *p));
        self.bounds = points.fold(None, |b: Option<Bbox>, p| Some(b.map_or(Bbox::of(p), |b| b.extended(p))));
    }
}

struct ValidityEdges {
    now: UtcMicros,
    next: Option<UtcMicros>,
}

impl ValidityEdges {
    /// Whether now lies in `[from, until)`; remembers the first edge that is still to come.
    fn is_valid(&mut self, from: Option<UtcMicros>, until: Option<UtcMicros>) -> bool {
        self.note([from, until]);
        is_valid_at(from, until, self.now)
    }

    /// Whether now lies in one of `spans`; remembers the first edge that is still to come.
    fn is_in(&mut self, spans: &Spans) -> bool {
        self.note([spans.next_edge(self.now)]);
        spans.covers(self.now)
    }

    fn note(&mut self, edges: impl IntoIterator<Item = Option<UtcMicros>>) {
        for edge in edges.into_iter().flatten().filter(|edge| *edge > self.now) {
            self.next = Some(self.next.map_or(edge, |next| next.min(edge)));
        }
    }
}

/// Of two lists in the order of keys: those of `of` that are not in `other`.
fn missing<'a, I>(of: &'a [Listed<I>], other: &[Listed<I>]) -> impl Iterator<Item = &'a Listed<I>> {
    of.iter().filter(|place| other.binary_search_by(|o| o.key.cmp(&place.key)).is_err())
}

impl LiveMap {
    /// Visible bays in the order of their text ids.
    pub fn shown_bays(&self) -> impl Iterator<Item = BayId> + '_ {
        self.bay_keys.iter().map(|b| b.id)
    }

    /// Visible sites in the order of their text ids.
    pub fn shown_sites(&self) -> impl Iterator<Item = SiteId> + '_ {
        self.site_keys.iter().map(|s| s.id)
    }
}
