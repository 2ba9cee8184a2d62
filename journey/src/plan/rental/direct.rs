//! All the way with a shared vehicle.

use std::collections::BTreeMap;

use domain::rental::FormFactor;

use super::super::street::budget;
use super::super::{End, Itinerary, Leg, Modes, Planning, When};
use super::{DropOff, NoRental, PickUp, RETURN_S, Renting, UNLOCK_S, range_m, walk};
use crate::streets::{Mode, Path};

/// Most rides of one form of vehicle that are routed: bounds the work where hundreds of vehicles stand around.
const MAX_ROUTES: usize = 24;
/// Longest ride as the crow flies but for cars, metres.
const MAX_RIDE_M: f64 = 15_000.0;

/// A ride that may be the best of its form.
struct Pair<'s> {
    /// What it costs at least, seconds.
    least_s: f64,
    up: &'s PickUp,
    off: &'s DropOff,
}

impl<'a> Planning<'_, 'a> {
    /// A walk, the ride, a walk: of each form of vehicle the ride that costs least.
    pub(super) fn rent_all_the_way(&mut self, renting: &mut Renting<'a>, ups: &[PickUp], offs: &[DropOff]) {
        for pairs in self.pairs(renting, ups, offs).into_values() {
            let mut best: Option<(f64, Pair<'_>, Path)> = None;
            for pair in pairs.into_iter().take(MAX_ROUTES) {
                if best.as_ref().is_some_and(|(cost_s, ..)| *cost_s <= pair.least_s) {
                    break;
                }
                match self.route_between(renting, &pair) {
                    Ok((ride_s, path)) => {
                        let cost_s = pair.up.cost_s + ride_s + pair.off.cost_s;
                        if best.as_ref().is_none_or(|(best_s, ..)| cost_s < *best_s) {
                            best = Some((cost_s, pair, path));
                        }
                    }
                    Err(Some(why)) => renting.lose(pair.up.key, Some(pair.up.spot), why),
                    Err(None) => {}
                }
            }
            if let Some((_, pair, path)) = best {
                let itinerary = self.rent(renting, &pair, path);
                self.plan.itineraries.extend(itinerary);
            }
        }
    }

    /// What can be ridden, by form, that first which may cost least.
    fn pairs<'s>(
        &self,
        renting: &Renting<'_>,
        ups: &'s [PickUp],
        offs: &'s [DropOff],
    ) -> BTreeMap<FormFactor, Vec<Pair<'s>>> {
        let mut by_form: BTreeMap<FormFactor, Vec<Pair<'s>>> = BTreeMap::new();
        for up in ups {
            let Some(fleet) = renting.fleet(up.key) else { continue };
            let fastest_mps = self.area.network.fastest_mps(fleet.mode);
            for off in offs.iter().filter(|off| off.key == up.key && !is_same(up, off)) {
                let ridden_m = up.at.distance_m(off.at);
                if fleet.mode != Mode::Car && ridden_m > MAX_RIDE_M {
                    continue;
                }
                // Links lie beside the places themselves.
                let gaps_m = f64::from(up.street.gap_m + off.street.gap_m);
                let ride_s = (ridden_m - gaps_m).max(0.0) / fastest_mps;
                let least_s = up.cost_s + UNLOCK_S + ride_s + RETURN_S + off.cost_s;
                by_form.entry(fleet.form).or_default().push(Pair { least_s, up, off });
            }
        }
        by_form.values_mut().for_each(|pairs| pairs.sort_by(|a, b| a.least_s.total_cmp(&b.least_s)));
        by_form
    }

    /// The ride between two places, with its seconds. `Err`: why not, where that is of interest to riders.
    fn route_between(
        &mut self,
        renting: &Renting<'_>,
        Pair { up, off, .. }: &Pair<'_>,
    ) -> Result<(f64, Path), Option<NoRental>> {
        let (network, key) = (&self.area.network, up.key);
        let fleet = renting.fleet(key).ok_or(None)?;
        let all = budget(self.request);
        let own = renting.budget(all, key);
        let path = network.route(self.between, fleet.mode, up.street, &off.street, own).path(&off.street);
        let Some(path) = path else {
            let any = network.route(self.between, fleet.mode, up.street, &off.street, all);
            let is_closed = fleet.closed.is_some() && any.duration_s(&off.street).is_some();
            return Err(is_closed.then_some(NoRental::NoRideZone));
        };
        if range_m(renting.system(key), key.1, up.spot).is_some_and(|range_m| path.distance_m > range_m) {
            return Err(Some(NoRental::Range));
        }
        Ok((UNLOCK_S + fleet.ride_s(path.duration_s, path.distance_m) + RETURN_S, path))
    }

    fn rent(&self, renting: &Renting<'_>, Pair { up, off, .. }: &Pair<'_>, path: Path) -> Option<Itinerary> {
        let path = off.to_the_end(path);
        let ride_s = renting.fleet(up.key)?.ride_s(path.duration_s, path.distance_m) + UNLOCK_S + RETURN_S;
        let after_s = if off.foot.is_some() { off.walk_s } else { 0.0 };
        let start = match self.request.when {
            When::DepartAt(time) => time,
            // Each leg is rounded to whole seconds.
            When::ArriveBy(time) => time - (up.walk_s + ride_s + after_s).ceil() as i64 - 1,
        };
        let spot = End::Rental { system: up.key.0, spot: up.spot };
        let first = walk(self.feet, [End::Origin, spot], &up.foot, start)?;
        let ride = renting.leg(up.key, [spot, off.end], path, first.end)?;
        let ended = ride.end;
        let mut legs = vec![Leg::Street(first), Leg::Street(ride)];
        if let Some(foot) = off.foot {
            legs.push(Leg::Street(walk(self.feet, [off.end, End::Destination], &foot, ended)?));
        }
        let end = legs.last().map_or(ended, Leg::end);
        Some(Itinerary::new(Modes::RENTAL, start, end, legs))
    }
}

fn is_same(up: &PickUp, off: &DropOff) -> bool {
    matches!(off.end, End::Rental { spot, .. } if spot == up.spot)
}
