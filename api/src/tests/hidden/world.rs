//! Random towns, and what of them may be published: written down once more, apart from the rule that is tested.

use std::collections::{BTreeMap, BTreeSet};

use domain::inclusion::MIN_HIDDEN_BAYS;
use domain::place::Publish;
use domain::registry::{Contents, Entry};
use domain::{Audience, Bay, BayId, Site, SiteId};
use testing::Numbers;

use super::super::fixture::{contents, kept_for};

/// How many towns are tried; more with `KV_TEST_WORLDS`.
pub fn worlds(usual: u64) -> u64 {
    std::env::var("KV_TEST_WORLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    PublicResident,
    SiteOnly,
    Resident,
    HiddenCharging,
    Assigned,
    Nowhere,
}

use Kind::{Assigned, HiddenCharging, Nowhere, Public, PublicResident, Resident, SiteOnly};

const FLAVOURS: [&[Kind]; 8] = [
    &[Resident],
    &[SiteOnly, Resident],
    &[SiteOnly, HiddenCharging, Assigned],
    &[Public, PublicResident],
    &[Public, Public, Public, Resident],
    &[Assigned],
    &[Resident, Nowhere],
    &[Public, PublicResident, SiteOnly, Resident, HiddenCharging, Assigned, Nowhere],
];

/// A random town of Warendorf's name.
pub struct World {
    pub contents: Contents,
    /// Sites that have a count of their own.
    pub counted: Vec<SiteId>,
    kinds: BTreeMap<BayId, Kind>,
}

impl World {
    pub fn random(seed: u64) -> World {
        let mut numbers = Numbers(seed);
        let nothing = Contents { sites: Vec::new(), bays: Vec::new(), ..contents() };
        let mut town = testing::World::from(nothing).with_town(|town| town.public_planning = true);
        let (mut kinds, mut counted) = (BTreeMap::new(), Vec::new());
        let mut add = |town: testing::World, numbers: &mut Numbers, kind, site: Option<&str>, north_m| {
            let id = 101 + kinds.len() as i32;
            kinds.insert(BayId(id), kind);
            let town = town.place_ids_from(id).north_m(north_m);
            let town = match site {
                Some(site) => town.bay_in(site, &format!("b-{id}")),
                None => town.bay(&format!("b-{id}")),
            };
            town.with_bay(|bay| {
                (bay.publish, bay.restrictions) = match kind {
                    Public => (None, vec![]),
                    PublicResident => (Some(Publish::Public), vec![kept_for(Audience::Resident)]),
                    SiteOnly => (Some(Publish::SiteOnly), vec![]),
                    Resident => (None, vec![kept_for(Audience::Resident)]),
                    HiddenCharging => (Some(Publish::SiteOnly), vec![kept_for(Audience::Charging)]),
                    Assigned => (None, vec![kept_for(Audience::AssignedDisabled)]),
                    Nowhere => (Some(Publish::None), vec![]),
                };
                bay.zone = numbers.is_one_of(3).then(|| format!("z{}", numbers.below(3)));
            })
        };
        for n in 0..4 {
            let key = format!("s-{n}");
            let north_m = 100.0 * f64::from(n);
            // Two sites mostly count, the others are of any kind.
            let is_crowd = n < 2;
            let flavours = if is_crowd { 3 } else { FLAVOURS.len() };
            let flavour = FLAVOURS[numbers.below(flavours as u64) as usize];
            let bays = if is_crowd { 4 + numbers.below(6) } else { numbers.below(6) };
            let more = [0, 0, 2, 7][numbers.below(4) as usize];
            town = town.place_ids_from(11 + n).north_m(north_m).site(&key, (bays + more) as u32);
            town = town.with_site(|site| {
                site.zone = (!numbers.is_one_of(3)).then(|| format!("z{}", numbers.below(3)));
                if !is_crowd && numbers.is_one_of(4) {
                    site.publish = Publish::None;
                }
            });
            if numbers.is_one_of(2) {
                counted.push(SiteId(11 + n));
            }
            for i in 0..bays {
                let kind = flavour[numbers.below(flavour.len() as u64) as usize];
                // Some bays lie elsewhere than their site.
                let away = if numbers.is_one_of(6) { 40.0 } else { 0.0 };
                town = add(town, &mut numbers, kind, Some(&key), north_m + i as f64 + away);
            }
        }
        for (i, kind) in [Public, Resident, SiteOnly, Nowhere, Public].into_iter().enumerate() {
            town = add(town, &mut numbers, kind, None, 20.0 + 60.0 * i as f64);
        }
        World { contents: town.contents, counted, kinds }
    }

    pub fn site_of(&self, bay: &Bay) -> Option<&Entry<SiteId, Site>> {
        self.contents.sites.iter().find(|site| Some(&site.def.id) == bay.site.as_ref())
    }

    fn in_site(&self, site: SiteId) -> impl Iterator<Item = (BayId, Kind)> {
        let of = move |bay: &&Entry<BayId, Bay>| self.site_of(&bay.def).is_some_and(|s| s.id == site);
        self.contents.bays.iter().filter(of).map(|bay| (bay.id, self.kinds[&bay.id]))
    }

    /// Bays whose own state is not shown.
    pub fn hidden(&self) -> BTreeSet<BayId> {
        let of_hidden_site = |bay: &Bay| self.site_of(bay).is_some_and(|s| s.def.publish == Publish::None);
        let is_hidden = |bay: &&Entry<BayId, Bay>| {
            !matches!(self.kinds[&bay.id], Public | PublicResident) || of_hidden_site(&bay.def)
        };
        self.contents.bays.iter().filter(is_hidden).map(|bay| bay.id).collect()
    }

    /// Those that may count in their sites all the same.
    pub fn counting(&self) -> BTreeSet<BayId> {
        let mut counting = BTreeSet::new();
        for site in self.contents.sites.iter().filter(|site| site.def.publish != Publish::None) {
            let all: Vec<_> = self.in_site(site.id).collect();
            let of = |kinds: &[Kind]| -> Vec<BayId> {
                all.iter().filter(|(_, kind)| kinds.contains(kind)).map(|(bay, _)| *bay).collect()
            };
            let crowd = of(&[SiteOnly, Resident, HiddenCharging]);
            if of(&[Public, PublicResident]).is_empty() && crowd.len() >= MIN_HIDDEN_BAYS as usize {
                counting.extend(crowd);
            }
        }
        counting
    }

    /// Spaces of a site that are not shown: its bays, and how many there are beside.
    pub fn not_shown(&self, site: SiteId) -> (BTreeSet<BayId>, usize) {
        let bays: Vec<BayId> = self.in_site(site).map(|(bay, _)| bay).collect();
        let def = self.contents.sites.iter().find(|s| s.id == site).map(|s| s.def.capacity);
        let beside = (def.unwrap_or(0) as usize).saturating_sub(bays.len());
        let hidden = self.hidden();
        (bays.into_iter().filter(|bay| hidden.contains(bay)).collect(), beside)
    }
}
