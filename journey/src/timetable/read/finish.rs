//! Makes a timetable of the data read: final numbers, final ids.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::Options;
use super::draft::Draft;
use super::fares;
use super::links::in_seat;
use super::transfers::changes;
use crate::strings::Strings;
use crate::timetable::footpaths::Path;
use crate::timetable::grouping::Grouping;
use crate::timetable::pathways::Ways;
use crate::timetable::patterns::PatternStop;
use crate::timetable::variants::{ChangeRule, Variants};
use crate::timetable::zones;
use crate::timetable::{FeedIx, FeedProblems, NONE, StopIx, Stops, Timetable, Trip, TripIx};

impl Draft {
    /// Puts it all together.
    pub fn finish(mut self, options: Options, problems: &mut FeedProblems) -> Timetable {
        let count = self.stops.points.len();
        let children = self.stops.children();
        let stops = &self.stops;
        let mut ways = Ways::new(&self.pathways, &stops.parents, |stop| stops.ids.get(stop), problems);
        let changes = changes(&self, &mut ways, &children, options, problems);
        let rules = self.rules.resolved(&children, &self.stops.ids, problems);
        let variants: Vec<StopIx> = self.rules.variants.iter().map(|(stop, _)| *stop).collect();
        let (patterns, keys, order) =
            std::mem::take::<Grouping>(&mut self.grouping).finish_renumbered(count, &variants);
        let variants = renumbered(count, &order, &variants, rules);
        let trips: Vec<Trip> = keys.iter().map(|key| self.runs[*key as usize]).collect();
        self.runs = Vec::new();
        let in_seat = in_seat(&self, &patterns, &variants, &trips, problems);
        let last_time_s = (0..patterns.len())
            .filter_map(|number| patterns.pattern(number).departures.last().copied())
            .max()
            .unwrap_or(0);
        let trip_ids = qualified(&self.trip_ids, &self.trip_feeds, &self.feeds);
        let mut trips_by_id: Vec<TripIx> = (0..trips.len() as TripIx).collect();
        trips_by_id.sort_by(|a, b| {
            let text = |trip: &TripIx| trip_ids.get(trips[*trip as usize].id);
            text(a).cmp(text(b))
        });
        let mut change_s = changes.change_s.clone();
        for (old, seconds) in changes.change_s.iter().enumerate() {
            change_s[order[old] as usize] = *seconds;
        }
        let renumbered = |paths: &[Path]| {
            let number = |stop: StopIx| order[stop as usize];
            paths.iter().map(|p| Path { from: number(p.from), to: number(p.to), ..*p }).collect()
        };
        let footpaths = variants.expanded(renumbered(&changes.paths), &change_s, false);
        let wheelchair_footpaths =
            (!ways.is_empty()).then(|| variants.expanded(renumbered(&changes.wheelchair), &change_s, true));
        let change_s = variants.change_s(change_s);
        let mut no_changes: Vec<(StopIx, StopIx)> =
            changes.forbidden.iter().map(|(from, to)| (order[*from as usize], order[*to as usize])).collect();
        no_changes.sort_unstable();
        self.shapes.shrink();
        let stops = self.stops(&order[..count]);
        self.areas.renumber(&order, &stops.points);
        let (zones, number) = zones::distinct(std::mem::take(&mut self.zones), &self.services);
        for route in &mut self.routes {
            route.zone = number.get(usize::from(route.zone)).copied().unwrap_or(0);
        }
        Timetable {
            zones,
            stops,
            agencies: self.agencies,
            credits: self.credits,
            routes: self.routes,
            services: self.services,
            change_s,
            footpaths,
            wheelchair_footpaths,
            ways: ways.renumbered(&order),
            no_changes,
            variants,
            in_seat,
            patterns,
            trips,
            trip_ids,
            headsigns: Strings::of(&self.headsigns),
            areas: self.areas,
            fares: fares::finished(self.fares, &order),
            shapes: self.shapes,
            booking_rules: self.booking_rules,
            stop_bookings: self.stop_bookings.into_iter().collect(),
            stop_headsigns: self.stop_headsigns.into_iter().collect(),
            sequences: self.sequences.into_iter().collect(),
            trips_by_id,
            last_time_s,
            starts: std::sync::OnceLock::new(),
        }
    }

    /// The stops under their new numbers.
    fn stops(&self, order: &[StopIx]) -> Stops {
        let mut old = vec![0; order.len()];
        for (before, after) in order.iter().enumerate() {
            old[*after as usize] = before as StopIx;
        }
        let draft = &self.stops;
        let names = qualified(&draft.ids, &draft.feeds, &self.feeds);
        let strings = |from: &Strings| Strings::of(old.iter().map(|number| from.get(*number)));
        let ids = strings(&names);
        let parent = |stop: &StopIx| {
            let parent = draft.parents[*stop as usize];
            if parent == NONE { NONE } else { order[parent as usize] }
        };
        Stops {
            by_id: ids.sorted(),
            ids,
            names: strings(&draft.names),
            platforms: strings(&draft.platforms),
            points: old.iter().map(|stop| draft.points[*stop as usize]).collect(),
            parents: old.iter().map(parent).collect(),
            wheelchair: old.iter().map(|stop| draft.wheelchair[*stop as usize]).collect(),
        }
    }
}

/// Variants and rules under their final numbers.
fn renumbered(stops: usize, order: &[StopIx], variants: &[StopIx], mut rules: Vec<ChangeRule>) -> Variants {
    let number = |node: StopIx| match node.checked_sub(PatternStop::FIRST_VARIANT) {
        Some(variant) => order[stops + variant as usize],
        None => order[node as usize],
    };
    let mut of: Vec<StopIx> = variants.iter().map(|stop| order[*stop as usize]).collect();
    of.sort_unstable();
    for rule in &mut rules {
        (rule.from, rule.to) = (number(rule.from), number(rule.to));
    }
    rules.sort_unstable();
    Variants { stops, of, rules }
}

/// Ids with `feed:` before those that several feeds use.
fn qualified(ids: &Strings, feed_of: &[FeedIx], feeds: &[String]) -> Strings {
    if feeds.len() < 2 {
        return ids.clone();
    }
    // The feed that an id was first seen in; `None` once a second one uses it.
    let mut used: FxHashMap<&str, Option<FeedIx>> = FxHashMap::default();
    for (number, feed) in (0..).zip(feed_of) {
        used.entry(ids.get(number))
            .and_modify(|first| *first = first.filter(|first| first == feed))
            .or_insert(Some(*feed));
    }
    let qualified = (0..).zip(feed_of).map(|(number, feed)| match ids.get(number) {
        id if used.get(id) == Some(&None) => Cow::Owned(format!("{}:{id}", feeds[usize::from(*feed)])),
        id => Cow::Borrowed(id),
    });
    Strings::of(qualified)
}
