//! Which service alerts concern a ride.
//!
//! The fields of a selector all have to apply, and one selector of an alert. Alerts are resolved against the timetable
//! once, and each selector is filed under the most particular thing that it names: its trip, its stop on a line, its stop, its line's
//! start, its line, its agency, its kind of line. A ride looks up what it is itself, so its cost depends on the alerts of
//! its own trip, line and stops, not on how many others there are.

mod resolve;
mod ride;
#[cfg(test)]
mod tests;

use domain::live::HeldAlert;
use rustc_hash::{FxHashMap, FxHashSet};

use self::resolve::{Condition, Names, TripWanted};
pub use self::ride::Ride;
use crate::timetable::{FeedIx, NONE, StopIx, Timetable};

/// An alert that names more stops than these is shown as one about the network: a bus line has fewer.
pub const BROAD_STOPS: usize = 50;
/// As [`BROAD_STOPS`], lines.
pub const BROAD_ROUTES: usize = 20;

/// Names that the timetable does not have which are kept of one alert.
const MAX_UNKNOWN: usize = 20;

/// Number of an alert in [`Alerts`].
pub type AlertIx = u32;

/// An alert, with what the timetable knows of it.
#[derive(Debug, Clone)]
pub struct ResolvedAlert {
    /// What it says, and who says so.
    pub held: HeldAlert,
    /// The GTFS file whose ids it has; `None`: whichever has them.
    pub feed: Option<FeedIx>,
    /// It concerns a whole agency or kind of line, or more than [`BROAD_STOPS`] stops or [`BROAD_ROUTES`] lines.
    pub is_broad: bool,
    /// What it names and the timetable does not have, such as `stop_id=X`; bounded.
    pub unknown: Vec<String>,
    /// How many selectors name something that the timetable does not have. The others count.
    pub unknown_selectors: usize,
}

/// Alerts, ready to be looked up. Replaced as a whole.
#[derive(Debug, Default)]
pub struct Alerts {
    alerts: Vec<ResolvedAlert>,
    conditions: Vec<(AlertIx, Condition)>,
    by_trip: FxHashMap<u32, Vec<u32>>,
    by_own_trip: FxHashMap<String, Vec<u32>>,
    by_stop_of_route: FxHashMap<(StopIx, u32), Vec<u32>>,
    by_stop: FxHashMap<StopIx, Vec<u32>>,
    by_start: FxHashMap<(u32, i32), Vec<u32>>,
    by_route: FxHashMap<u32, Vec<u32>>,
    by_agency: FxHashMap<u32, Vec<u32>>,
    by_type: FxHashMap<u16, Vec<u32>>,
}

impl Alerts {
    /// Resolves alerts, each with the GTFS file whose ids it has.
    pub fn new(timetable: &Timetable, held: impl IntoIterator<Item = (Option<FeedIx>, HeldAlert)>) -> Self {
        let names = Names::new(timetable);
        let mut all = Alerts::default();
        for (feed, held) in held {
            let number = all.alerts.len() as AlertIx;
            let mut resolved =
                ResolvedAlert { held, feed, is_broad: false, unknown: Vec::new(), unknown_selectors: 0 };
            let alert = resolved.held.alert.clone();
            let (mut stops, mut routes) = (FxHashSet::<&str>::default(), FxHashSet::<&str>::default());
            for selector in &alert.about {
                // Known here or not: an alert of the whole country is about a network also where few stops of it are.
                stops.extend(selector.stop_id.as_deref());
                let of_trip = selector.trip.as_ref().and_then(|trip| trip.route_id.as_deref());
                routes.extend(selector.route_id.as_deref().or(of_trip));
                let unknown = match names.resolve(selector, feed) {
                    Ok(condition) => {
                        resolved.is_broad |= condition.is_of_a_network();
                        // Real time may have such a trip; the timetable has none.
                        let own = condition.trip.as_ref().and_then(|trip| trip.own.as_ref());
                        let unknown =
                            own.filter(|id| !names.runs_on_demand(id)).map(|id| format!("trip_id={id}"));
                        all.file(number, condition);
                        unknown
                    }
                    Err(unknown) => Some(unknown),
                };
                if let Some(unknown) = unknown {
                    resolved.unknown_selectors += 1;
                    if resolved.unknown.len() < MAX_UNKNOWN && !resolved.unknown.contains(&unknown) {
                        resolved.unknown.push(unknown);
                    }
                }
            }
            resolved.is_broad |= stops.len() > BROAD_STOPS || routes.len() > BROAD_ROUTES;
            all.alerts.push(resolved);
        }
        all
    }

    fn file(&mut self, alert: AlertIx, condition: Condition) {
        let number = self.conditions.len() as u32;
        let list = match &condition {
            Condition { trip: Some(TripWanted { trip: Some(trip), .. }), .. } => {
                self.by_trip.entry(*trip).or_default()
            }
            Condition { trip: Some(TripWanted { own: Some(name), .. }), .. } => {
                self.by_own_trip.entry(name.clone()).or_default()
            }
            Condition { stop: Some(stop), route: Some(route), .. } => {
                self.by_stop_of_route.entry((*stop, *route)).or_default()
            }
            Condition { stop: Some(stop), .. } => self.by_stop.entry(*stop).or_default(),
            Condition {
                route: Some(route), trip: Some(TripWanted { start_s: Some(start_s), .. }), ..
            } => self.by_start.entry((*route, *start_s)).or_default(),
            Condition { route: Some(route), .. } => self.by_route.entry(*route).or_default(),
            Condition { agency: Some(agency), .. } => self.by_agency.entry(*agency).or_default(),
            Condition { route_type: Some(kind), .. } => self.by_type.entry(*kind).or_default(),
            // It names nothing that a ride could be looked up by: see `Names::resolve`.
            _ => return,
        };
        list.push(number);
        self.conditions.push((alert, condition));
    }

    /// All of them, in the order in which they were given.
    pub fn all(&self) -> &[ResolvedAlert] {
        &self.alerts
    }

    /// An alert by its number.
    pub fn get(&self, alert: AlertIx) -> Option<&ResolvedAlert> {
        self.alerts.get(alert as usize)
    }

    /// The alerts that concern a ride and hold at some moment of it, each once, in their order.
    pub fn of(&self, timetable: &Timetable, ride: &Ride<'_>) -> Vec<AlertIx> {
        let found = self.filed_under(timetable, ride).filter_map(|number| {
            let (alert, condition) = self.conditions.get(number as usize)?;
            condition.applies(timetable, ride).then_some(*alert)
        });
        self.that_hold(found, ride.from, ride.until)
    }

    /// The alerts about some of these stops, or the station that they belong to, as such: whatever stops there. Times are seconds since 1970.
    pub fn at_stops(&self, timetable: &Timetable, stops: &[StopIx], from: i64, until: i64) -> Vec<AlertIx> {
        let lists = stops.iter().flat_map(|stop| with_parents(timetable, *stop));
        let numbers = lists.filter_map(|stop| self.by_stop.get(&stop)).flatten();
        let found = numbers.filter_map(|number| {
            let (alert, condition) = self.conditions.get(*number as usize)?;
            condition.is_of_a_stop_alone().then_some(*alert)
        });
        self.that_hold(found, from, until)
    }

    fn that_hold(&self, found: impl Iterator<Item = AlertIx>, from: i64, until: i64) -> Vec<AlertIx> {
        let mut found: Vec<AlertIx> = found.collect();
        found.sort_unstable();
        found.dedup();
        found.retain(|alert| self.get(*alert).is_some_and(|a| a.held.alert.holds_within(from, until)));
        found
    }

    /// The conditions that may apply to a ride: those of what it is.
    fn filed_under<'a>(
        &'a self,
        timetable: &'a Timetable,
        ride: &'a Ride<'_>,
    ) -> impl Iterator<Item = u32> + 'a {
        let stops = move || ride.stops.iter().flat_map(|stop| with_parents(timetable, *stop));
        let of_trip = [
            ride.trip.and_then(|trip| self.by_trip.get(&trip)),
            ride.own_trip.and_then(|name| self.by_own_trip.get(name)),
            self.by_start.get(&(ride.route, ride.start_s)),
            self.by_route.get(&ride.route),
            self.by_agency.get(&ride.agency),
            ride.route_type.and_then(|kind| self.by_type.get(&kind)),
        ];
        let of_stops = stops().filter_map(|stop| self.by_stop.get(&stop));
        let of_route = stops().filter_map(|stop| self.by_stop_of_route.get(&(stop, ride.route)));
        of_trip.into_iter().flatten().chain(of_stops).chain(of_route).flatten().copied()
    }
}

/// A stop, the station that it belongs to, and the one that a boarding area's platform belongs to.
fn with_parents(timetable: &Timetable, stop: StopIx) -> impl Iterator<Item = StopIx> + '_ {
    let parent = |stop: &StopIx| {
        timetable
            .stops
            .parents
            .get(*stop as usize)
            .copied()
            .filter(|parent| *parent != NONE && parent != stop)
    };
    std::iter::successors(Some(stop), parent).take(3)
}
