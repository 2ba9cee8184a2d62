//! Rows of `transfers.txt` for single lines or trips.

use rustc_hash::{FxHashMap, FxHashSet};

use super::draft::Draft;
use super::transfers::platforms_of;
use crate::timetable::patterns::PatternStop;
use crate::timetable::{FeedProblems, StopIx};

/// Most variants of one stop: footpaths between two stops grow with their product.
const MAX_VARIANTS: usize = 100;

/// Which vehicles a side of a rule is about; neither: all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Vehicles {
    /// Text number of the trip's id.
    pub trip: Option<u32>,
    pub route: Option<u32>,
}

impl Vehicles {
    /// Whether vehicles that stop at a variant for `these` are meant.
    fn are(self, these: Vehicles) -> bool {
        (self.trip.is_none() || self.trip == these.trip)
            && (self.route.is_none() || self.route == these.route)
    }

    /// Rank in the specification: trips before lines before all.
    fn rank(self) -> u8 {
        if self.trip.is_some() { 3 } else { u8::from(self.route.is_some()) }
    }

    fn are_all(self) -> bool {
        self == Vehicles::default()
    }
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub from: (StopIx, Vehicles),
    pub to: (StopIx, Vehicles),
    /// `None`: not possible.
    pub seconds: Option<i32>,
}

/// The rules, and the variants of stops that they make.
#[derive(Default)]
pub struct Rules {
    pub rules: Vec<Rule>,
    /// By stop: the trips and lines that rules speak of there.
    mentioned: FxHashMap<StopIx, (FxHashSet<u32>, FxHashSet<u32>)>,
    /// Of each variant: the stop, and whose it is.
    pub variants: Vec<(StopIx, Vehicles)>,
    numbers: FxHashMap<(StopIx, Vehicles), u32>,
    by_stop: FxHashMap<StopIx, Vec<u32>>,
    crowded: FxHashSet<StopIx>,
}

impl Rules {
    /// Takes over a row; `platforms` are those of each of its stops, itself included.
    pub fn add(&mut self, rule: Rule, platforms: [&[StopIx]; 2]) {
        for ((_, vehicles), stops) in [rule.from, rule.to].iter().zip(platforms) {
            for stop in stops.iter().filter(|_| !vehicles.are_all()) {
                let (trips, routes) = self.mentioned.entry(*stop).or_default();
                trips.extend(vehicles.trip);
                routes.extend(vehicles.route);
            }
        }
        self.rules.push(rule);
    }

    /// Where a trip stops: at `stop`, or at a variant of it.
    pub fn node(&mut self, stop: StopIx, trip: u32, route: u32) -> StopIx {
        let Some((trips, routes)) = self.mentioned.get(&stop) else { return stop };
        let vehicles = Vehicles {
            trip: trips.contains(&trip).then_some(trip),
            route: routes.contains(&route).then_some(route),
        };
        if vehicles.are_all() {
            return stop;
        }
        if let Some(number) = self.numbers.get(&(stop, vehicles)) {
            return PatternStop::FIRST_VARIANT + number;
        }
        let of_stop = self.by_stop.entry(stop).or_default();
        if of_stop.len() == MAX_VARIANTS {
            self.crowded.insert(stop);
            return stop;
        }
        let number = self.variants.len() as u32;
        of_stop.push(number);
        self.variants.push((stop, vehicles));
        self.numbers.insert((stop, vehicles), number);
        PatternStop::FIRST_VARIANT + number
    }

    /// Nodes of a stop at which the vehicles of a rule stop.
    fn nodes(&self, stop: StopIx, vehicles: Vehicles) -> Vec<StopIx> {
        let own = self.by_stop.get(&stop).into_iter().flatten();
        let own = own.filter(|number| vehicles.are(self.variants[**number as usize].1));
        let itself = vehicles.are_all().then_some(stop);
        itself.into_iter().chain(own.map(|number| PatternStop::FIRST_VARIANT + number)).collect()
    }
}

/// How specific a rule is: by its vehicles, and whether it is for the stops themselves.
type Rank = (u8, bool);

/// What holds between two nodes; of several rules the most specific, one for the stop itself before
/// one for its station, a forbidding one before others, the quickest.
pub fn resolved(draft: &Draft, problems: &mut FeedProblems) -> Vec<(StopIx, StopIx, Option<i32>)> {
    let rules = &draft.rules;
    for stop in &rules.crowded {
        let reason = format!(
            "more than {MAX_VARIANTS} lines and trips have changes of their own here; further ones change as all do"
        );
        problems.add(draft.stops.ids.get(*stop), 0, "", "", reason);
    }
    if rules.rules.is_empty() {
        return Vec::new();
    }
    let platforms = platforms_of(&draft.stops);
    let of = |stop: StopIx| platforms.get(&stop).map_or(&[][..], Vec::as_slice);
    let mut held: FxHashMap<(StopIx, StopIx), (Rank, Option<i32>)> = FxHashMap::default();
    for rule in &rules.rules {
        let ((from, of_from), (to, of_to)) = (rule.from, rule.to);
        let rank = of_from.rank() + of_to.rank();
        for a in of(from) {
            let froms = rules.nodes(*a, of_from);
            for b in of(to).iter().filter(|_| !froms.is_empty()) {
                let rank = (rank, *a == from && *b == to);
                for node in rules.nodes(*b, of_to) {
                    for from in &froms {
                        let entry = held.entry((*from, node)).or_insert((rank, rule.seconds));
                        if entry.0 < rank || (entry.0 == rank && rule.seconds < entry.1) {
                            *entry = (rank, rule.seconds);
                        }
                    }
                }
            }
        }
    }
    held.into_iter().map(|((from, to), (_, seconds))| (from, to, seconds)).collect()
}
