//! The driver's search: vacant spaces nearby that the driver may use.

use rustc_hash::FxHashMap;

use super::driver::Driver;
use super::offer::{Gate, Here, Offer, Verdict};
use super::{LiveMap, PlaceRef};
use crate::geo::{LatLon, Ruler};
use crate::ids::SiteId;
use crate::place::Purpose;
use crate::time::UtcMicros;

/// Which bays are offered one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaysWanted {
    None,
    /// Those without a site.
    WithoutSite,
    All,
}

/// The parameters of a search.
#[derive(Debug, Clone)]
pub struct Search {
    pub near: LatLon,
    pub radius_m: f64,
    pub driver: Driver,
    pub bays: BaysWanted,
    pub sites: bool,
    pub limit: usize,
    pub include_full: bool,
    pub include_stale: bool,
    pub include_without_live_data: bool,
    /// Also what is closed or kept for others.
    pub include_unusable: bool,
}

/// How many places were left out, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub full: u32,
    pub stale: u32,
    pub closed: u32,
    pub restricted: u32,
    pub no_live_data: u32,
}

/// The answer to a [`Search`].
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Best first: vacant ones, then by the walk.
    pub offers: Vec<Offer>,
    /// Vacant spaces for this driver in all places within the radius, those beyond the limit too.
    pub vacant: i64,
    pub left_out: LeftOut,
}

impl LiveMap {
    /// Places within the radius, best first, and the number of those left out.
    pub fn search(&self, search: &Search, now: UtcMicros) -> Found {
        let bbox = search.near.around(search.radius_m);
        let ruler = Ruler::at(search.near);
        let near = |position: LatLon| {
            let here = Here { position, distance_m: ruler.distance_m(position) };
            (here.distance_m <= search.radius_m).then_some(here)
        };
        let mut best = Best::new(search.limit);
        let mut left_out = LeftOut::default();
        let mut vacant = 0;
        if search.sites {
            for (position, spot) in self.site_grid.within(bbox) {
                let Some(here) = near(*position) else { continue };
                let Some(offer) = self.offer_of_site(spot.id, here, &search.driver, now) else { continue };
                vacant += offer.vacant.filter(|_| offer.verdict == Verdict::Vacant).unwrap_or(0);
                if !left_out.takes(offer.verdict, search) {
                    best.push(Pick { verdict: offer.verdict, here, place: PlaceRef::Site(spot.id) });
                }
            }
        }
        if search.bays != BaysWanted::None {
            let admits = self.admissions(&search.driver);
            let mut gates: FxHashMap<SiteId, Gate> = FxHashMap::default();
            for (position, spot) in self.bay_grid.within(bbox) {
                let gate = match spot.site {
                    // What belongs to no site is a space for a car.
                    None if search.driver.purpose != Purpose::Car => Gate::OtherPurpose,
                    None => Gate::Open,
                    Some(_) if search.bays == BaysWanted::WithoutSite => continue,
                    Some(site) => *gates.entry(site).or_insert_with(|| self.gate(site, &search.driver, now)),
                };
                let Some(here) = near(*position).filter(|_| gate != Gate::OtherPurpose) else { continue };
                let is_closed = gate == Gate::Open && self.is_closed_for(spot.id, &search.driver);
                let gate = if is_closed { Gate::Closed } else { gate };
                let is_stale = now >= spot.stale_at;
                let verdict = Verdict::of_bay(spot.last_state, is_stale, admits[spot.class as usize], gate);
                vacant += i64::from(verdict == Verdict::Vacant);
                if !left_out.takes(verdict, search) {
                    best.push(Pick { verdict, here, place: PlaceRef::Bay(spot.id) });
                }
            }
        }
        let offers = best.sorted().into_iter().filter_map(|pick| match pick.place {
            PlaceRef::Bay(id) => self.offer_of_bay(id, pick.verdict, pick.here, &search.driver, now),
            PlaceRef::Site(id) => self.offer_of_site(id, pick.here, &search.driver, now),
        });
        Found { offers: offers.collect(), vacant, left_out }
    }
}

impl LeftOut {
    /// Whether places of this verdict are not listed; if so one is counted.
    fn takes(&mut self, verdict: Verdict, search: &Search) -> bool {
        let (counter, included) = match verdict {
            Verdict::Vacant => return false,
            Verdict::Full => (&mut self.full, search.include_full),
            Verdict::Stale => (&mut self.stale, search.include_stale),
            Verdict::NoLiveData => (&mut self.no_live_data, search.include_without_live_data),
            Verdict::Closed => (&mut self.closed, search.include_unusable),
            Verdict::Restricted => (&mut self.restricted, search.include_unusable),
        };
        *counter += u32::from(!included);
        !included
    }
}

/// A place that may be among the best.
#[derive(Clone, Copy)]
struct Pick {
    verdict: Verdict,
    here: Here,
    place: PlaceRef,
}

impl Pick {
    fn cmp(&self, other: &Pick) -> std::cmp::Ordering {
        let by_walk = self.here.distance_m.total_cmp(&other.here.distance_m);
        self.verdict.cmp(&other.verdict).then(by_walk).then(self.place.cmp(&other.place))
    }
}

/// The best of many, without keeping them all.
struct Best {
    limit: usize,
    picks: Vec<Pick>,
    /// What is not better than this is not among the best.
    bar: Option<Pick>,
}

impl Best {
    fn new(limit: usize) -> Self {
        Best { limit, picks: Vec::new(), bar: None }
    }

    fn push(&mut self, pick: Pick) {
        if self.limit == 0 || self.bar.is_some_and(|bar| pick.cmp(&bar).is_ge()) {
            return;
        }
        self.picks.push(pick);
        if self.picks.len() >= 2 * self.limit {
            let (_, bar, _) = self.picks.select_nth_unstable_by(self.limit - 1, Pick::cmp);
            self.bar = Some(*bar);
            self.picks.truncate(self.limit);
        }
    }

    fn sorted(mut self) -> Vec<Pick> {
        self.picks.sort_unstable_by(Pick::cmp);
        self.picks.truncate(self.limit);
        self.picks
    }
}
