//! What counted in sites over time: see [`domain::inclusion`].

use std::collections::{BTreeSet, HashMap};

use domain::inclusion::{Inclusion, SiteBays, Standing};
use domain::intervals::Span;
use domain::{BayId, Restriction, SiteId, UtcMicros};

use super::{PlaceHistory, SiteAt, at_version, cuts_of_site, ends, zone_of};

/// What counts in a site at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Included {
    pub(super) inclusion: Inclusion,
    /// The zone in which all of its hidden bays are.
    pub(super) zone: Option<String>,
}

impl PlaceHistory {
    /// By site: what counts from an instant on. Sites that never hid a bay and were never counted are left out.
    pub(super) fn all_inclusions(&self) -> HashMap<SiteId, Vec<(UtcMicros, Included)>> {
        let mut of_sites: HashMap<SiteId, Vec<BayId>> = HashMap::new();
        let mut hiding: BTreeSet<SiteId> = BTreeSet::new();
        for (id, place) in &self.bays {
            for version in &place.versions {
                let Some((site, _)) = self.site_of(&version.def) else { continue };
                let bays = of_sites.entry(site).or_default();
                if bays.last() != Some(id) {
                    bays.push(*id);
                }
                if Standing::of(&version.def) != Standing::Shown || self.is_counted(site) {
                    hiding.insert(site);
                }
            }
        }
        hiding.into_iter().map(|site| (site, self.inclusions_of(site, &of_sites[&site]))).collect()
    }

    fn inclusions_of(&self, site: SiteId, bays: &[BayId]) -> Vec<(UtcMicros, Included)> {
        let mut cuts: Vec<UtcMicros> = self.sites.get(&site).into_iter().flat_map(cuts_of_site).collect();
        for bay in bays {
            cuts.extend(self.bays.get(bay).into_iter().flat_map(|place| self.cuts_of_bay(*bay, place)));
            cuts.extend(ends(self.closures_of((*bay).into())));
        }
        cuts.push(Span::EVER.from);
        cuts.sort_unstable();
        cuts.dedup();
        let mut spans: Vec<(UtcMicros, Included)> = Vec::new();
        for at in cuts {
            let included = self.included_at(site, bays, at);
            if spans.last().is_none_or(|(_, last)| *last != included) {
                spans.push((at, included));
            }
        }
        spans
    }

    fn included_at(&self, site: SiteId, bays: &[BayId], at: UtcMicros) -> Included {
        let def = self.sites.get(&site).and_then(|place| at_version(&place.versions, at));
        let mut all: SiteBays<&[Restriction]> = SiteBays::default();
        let mut zones: BTreeSet<Option<&str>> = BTreeSet::new();
        for bay in bays {
            let Some(bay_def) = self.bays.get(bay).and_then(|place| at_version(&place.versions, at)) else {
                continue;
            };
            let is_valid = Span::of(bay_def.valid_from, bay_def.valid_until).contains(at);
            if !is_valid || self.site_of(bay_def).is_none_or(|(id, _)| id != site) {
                continue;
            }
            let standing = Standing::of(bay_def);
            let is_closed = self.closures_of((*bay).into()).any(|span| span.contains(at));
            let is_possible = !is_closed && self.is_watched(*bay, at);
            all.add(standing, &bay_def.restrictions, is_possible);
            if standing == Standing::Hidden && is_possible {
                zones.insert(zone_of(bay_def, Some(SiteAt { id: site, def })));
            }
        }
        let zone = zones.first().copied().flatten().filter(|_| zones.len() == 1).map(str::to_owned);
        Included { inclusion: all.inclusion(def.map_or(0, |def| def.capacity)), zone }
    }
}
