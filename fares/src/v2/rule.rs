//! Which rules match a leg, and which a transfer.

use domain::fare::Euros;
use jiff::civil::{Date, DateTime};

use super::{LegRule, MAX_GROUPS, MAX_RULES, Table, TransferRule};
use crate::{Leg, Ride, rows};

/// A leg rule that matches, with its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Priced {
    pub euros: Euros,
    pub group: Option<u32>,
    pub product: u32,
}

impl Table {
    /// The rules of the highest priority that match a leg, of each group the cheapest; empty: its price is not known.
    pub(super) fn options(
        &self,
        leg: &Leg,
        rides: &[Ride<'_>],
        runs_on: &dyn Fn(u32, Date) -> bool,
    ) -> Vec<Priced> {
        let (first, last) = (leg.first(rides), leg.last(rides));
        let (Some(from), Some(to)) = (first.stops.first(), last.stops.last()) else { return Vec::new() };
        let from_areas = self.candidates(self.areas(*from), &self.named.from_areas);
        let to_areas = self.candidates(self.areas(*to), &self.named.to_areas);
        // Several lines in one vehicle: the networks of all.
        let mut networks: Vec<u32> =
            leg.rides.iter().flat_map(|ride| self.networks(rides[*ride].route)).collect();
        networks.sort_unstable();
        networks.dedup();
        let networks = self.candidates(networks.into_iter(), &self.named.networks);
        let mut matching: Vec<&LegRule> = Vec::new();
        for (from, to) in from_areas.iter().flat_map(|from| to_areas.iter().map(move |to| (*from, *to))) {
            let of_areas = rows(&self.leg_rules, (from, to), |rule| (rule.from_area, rule.to_area));
            matching.extend(of_areas.iter().filter(|rule| {
                networks.contains(&rule.network)
                    && self.is_within(rule.from_timeframe, first.start_local, runs_on)
                    && self.is_within(rule.to_timeframe, last.end_local, runs_on)
            }));
        }
        let highest = matching.iter().map(|rule| rule.priority).max();
        let highest = matching.into_iter().filter(|rule| Some(rule.priority) == highest);
        let mut priced: Vec<Priced> = highest
            .filter_map(|LegRule { group, product, .. }| {
                Some(Priced { euros: self.euros(*product)?, group: *group, product: *product })
            })
            .collect();
        priced.sort_by_key(|priced| (priced.group, priced.euros, priced.product));
        priced.dedup_by_key(|priced| priced.group);
        priced.sort_by_key(|priced| (priced.euros, priced.group));
        priced.truncate(MAX_GROUPS);
        priced
    }

    /// What a field may hold to match: one of the leg's values, or nothing where no rule names one of them, or where
    /// priorities decide.
    fn candidates(&self, own: impl Iterator<Item = u32>, named: &[u32]) -> Vec<Option<u32>> {
        let own: Vec<u32> = own.collect();
        let is_named = own.iter().any(|value| named.binary_search(value).is_ok());
        let empty = (self.has_priorities || !is_named).then_some(None);
        own.into_iter().map(Some).chain(empty).collect()
    }

    fn areas(&self, stop: u32) -> impl Iterator<Item = u32> + '_ {
        rows(&self.stop_areas, stop, |(stop, _)| *stop).iter().map(|(_, area)| *area)
    }

    fn networks(&self, route: u32) -> impl Iterator<Item = u32> + '_ {
        rows(&self.route_networks, route, |(route, _)| *route).iter().map(|(_, network)| *network)
    }

    fn is_within(&self, group: Option<u32>, at: DateTime, runs_on: &dyn Fn(u32, Date) -> bool) -> bool {
        let Some(group) = group else { return true };
        let second = at.time().duration_since(jiff::civil::Time::midnight()).as_secs() as u32;
        rows(&self.timeframes, group, |frame| frame.group)
            .iter()
            .any(|frame| (frame.from_s..frame.until_s).contains(&second) && runs_on(frame.service, at.date()))
    }

    /// The rules that join legs of these groups.
    pub(super) fn transfers(
        &self,
        (from, to): (Option<u32>, Option<u32>),
    ) -> impl Iterator<Item = &TransferRule> {
        // A leg without a group is in none that a transfer could be from or to.
        let groups = from.zip(to);
        let sides = groups.map(|(from, to)| {
            let side = |group: u32, named: &[u32]| {
                let empty = named.binary_search(&group).is_err().then_some(None);
                [Some(Some(group)), empty].into_iter().flatten()
            };
            let from = side(from, &self.named.from_groups);
            from.flat_map(move |from| side(to, &self.named.to_groups).map(move |to| (from, to)))
        });
        let keys = sides.into_iter().flatten();
        keys.flat_map(|key| rows(&self.transfer_rules, key, |rule| (rule.from, rule.to))).take(MAX_RULES)
    }
}
