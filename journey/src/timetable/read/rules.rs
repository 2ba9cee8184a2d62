//! Rows of `transfers.txt` for single lines or trips.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::rows::Rows;
use crate::strings::Strings;
use crate::timetable::patterns::PatternStop;
use crate::timetable::variants::ChangeRule;
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

    /// Whether it is about all vehicles.
    pub fn are_all(self) -> bool {
        self == Vehicles::default()
    }
}

/// A stop or station, and the vehicles there that a row is about.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    pub stop: StopIx,
    pub vehicles: Vehicles,
}

impl Side {
    /// The stop itself, and its platforms where it is a station.
    pub fn stops<'a>(&self, children: &'a Rows<StopIx>) -> impl Iterator<Item = StopIx> + use<'a> {
        std::iter::once(self.stop).chain(children.get(self.stop as usize).iter().copied())
    }
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub from: Side,
    pub to: Side,
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
    /// Takes over a row.
    pub fn add(&mut self, rule: Rule, children: &Rows<StopIx>) {
        for side in [rule.from, rule.to].iter().filter(|side| !side.vehicles.are_all()) {
            for stop in side.stops(children) {
                let (trips, routes) = self.mentioned.entry(stop).or_default();
                trips.extend(side.vehicles.trip);
                routes.extend(side.vehicles.route);
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

    /// What holds between two nodes; of several rules the most specific, one for the stop itself before one for its
    /// station, a forbidding one before others, the quickest. `ids` are those of the stops.
    pub fn resolved(
        &self,
        children: &Rows<StopIx>,
        ids: &Strings,
        problems: &mut FeedProblems,
    ) -> Vec<ChangeRule> {
        for stop in &self.crowded {
            let reason = format!(
                "more than {MAX_VARIANTS} lines and trips have changes of their own here; further ones change as all do"
            );
            problems.note(ids.get(*stop), reason);
        }
        let mut held: FxHashMap<(StopIx, StopIx), (Rank, Option<i32>)> = FxHashMap::default();
        for Rule { from, to, seconds } in &self.rules {
            let specific = from.vehicles.rank() + to.vehicles.rank();
            for a in from.stops(children) {
                let froms = self.nodes(a, from.vehicles);
                for b in to.stops(children).filter(|_| !froms.is_empty()) {
                    let rank = (specific, a == from.stop && b == to.stop);
                    for node in self.nodes(b, to.vehicles) {
                        for from in &froms {
                            let entry = held.entry((*from, node)).or_insert((rank, *seconds));
                            if entry.0 < rank || (entry.0 == rank && *seconds < entry.1) {
                                *entry = (rank, *seconds);
                            }
                        }
                    }
                }
            }
        }
        let rules = held.into_iter().map(|((from, to), (_, seconds))| ChangeRule { from, to, seconds });
        rules.collect()
    }
}

/// How specific a rule is: by its vehicles, and whether it is for the stops themselves.
type Rank = (u8, bool);
