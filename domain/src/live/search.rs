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
    /// No bay.
    None,
    /// Those without a site.
    WithoutSite,
    /// Every bay.
    All,
}

/// The parameters of a search.
#[derive(Debug, Clone)]
pub struct Search {
    /// Where the driver wants to go.
    pub near: LatLon,
    /// Metres, as the crow flies.
    pub radius_m: f64,
    /// Who looks for a space.
    pub driver: Driver,
    /// Which bays are offered.
    pub bays: BaysWanted,
    /// Whether sites are offered.
    pub sites: bool,
    /// The most offers.
    pub limit: usize,
    /// Also what is full.
    pub include_full: bool,
    /// Also what is stale.
    pub include_stale: bool,
    /// Also what was never observed.
    pub include_without_live_data: bool,
    /// Also what is closed or reserved for others.
    pub include_unusable: bool,
}

/// How many places were left out, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Places that are full.
    pub full: u32,
    /// Places whose state is too old.
    pub stale: u32,
    /// Places that are closed.
    pub closed: u32,
    /// Places that are reserved for others.
    pub restricted: u32,
    /// Places that were never observed.
    pub no_live_data: u32,
}

/// The answer to a [`Search`].
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Best first: vacant ones, then by the walk.
    pub offers: Vec<Offer>,
    /// Vacant spaces for this driver in all places within the radius, those beyond the limit too.
    pub vacant: i64,
    /// Places within the radius that are not offered.
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
        let mut picks = Vec::new();
        let mut left_out = LeftOut::default();
        let mut vacant = 0;
        if search.sites {
            for (position, spot) in self.site_grid.within(bbox) {
                let Some(here) = near(*position) else { continue };
                let Some(offer) = self.offer_of_site(spot.id, here, &search.driver, now) else { continue };
                vacant += offer.vacant.filter(|_| offer.verdict == Verdict::Vacant).unwrap_or(0);
                if !left_out.takes(offer.verdict, search) {
                    keep(
                        &mut picks,
                        Pick { verdict: offer.verdict, here, place: PlaceRef::Site(spot.id) },
                        search.limit,
                    );
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
                    keep(&mut picks, Pick { verdict, here, place: PlaceRef::Bay(spot.id) }, search.limit);
                }
            }
        }
        cut(&mut picks, search.limit);
        picks.sort_unstable_by(Pick::cmp);
        let offers = picks.into_iter().filter_map(|pick| match pick.place {
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

/// Adds a place to the best, which are at most twice as many as `limit` while more come.
fn keep(picks: &mut Vec<Pick>, pick: Pick, limit: usize) {
    picks.push(pick);
    if picks.len() >= 2 * limit.max(1) {
        cut(picks, limit);
    }
}

/// Leaves the best, in no order.
fn cut(picks: &mut Vec<Pick>, limit: usize) {
    if picks.len() > limit {
        picks.select_nth_unstable_by(limit, Pick::cmp);
        picks.truncate(limit);
    }
}
