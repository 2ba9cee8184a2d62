//! GTFS Fares v2.
//!
//! Each leg has the fare products of the rules that match it with the highest priority; a transfer rule may join the
//! fares of two legs that follow each other. Among all combinations the cheapest is found exactly, leg by leg: what
//! comes next depends on the last leg's group and on where its run of transfers began, and on nothing else. So a table
//! whose transfer rules lead from one to the other without end costs no more than its legs.

mod rule;

use domain::fare::Euros;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Kind, Leg, Money, Price, Ride, Source};
use rule::Priced;

/// Legs that a ticket is bought for: at most so many groups of fares of one leg are compared, the cheapest.
const MAX_GROUPS: usize = 16;
/// And so many transfer rules of one pair of groups.
const MAX_RULES: usize = 32;

/// A fare table. Lists are sorted by what they are searched for; see [`Table::sealed`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What is sold.
    pub products: Vec<FareProduct>,
    /// Which products are for which legs.
    pub leg_rules: Vec<LegRule>,
    /// Which fares are joined.
    pub transfer_rules: Vec<TransferRule>,
    /// Parts of days.
    pub timeframes: Vec<Timeframe>,
    /// Stops and their areas.
    pub stop_areas: Vec<(u32, u32)>,
    /// Lines and their networks.
    pub route_networks: Vec<(u32, u32)>,
    /// Whether rules have priorities: then an empty field matches everything, else what no rule names.
    pub has_priorities: bool,
    /// Whether legs are joined by rules that are not read (`fare_leg_join_rules.txt`).
    pub has_joins: bool,
    /// Networks, areas and groups that rules name.
    pub named: Named,
}

/// Values that some rule names, sorted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Named {
    networks: Vec<u32>,
    from_areas: Vec<u32>,
    to_areas: Vec<u32>,
    from_groups: Vec<u32>,
    to_groups: Vec<u32>,
}

/// A fare product, for riders of the default category, by its cheapest medium.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FareProduct {
    /// `fare_product_id`.
    pub id: String,
    /// For riders; its id where it has none.
    pub name: String,
    /// `None`: it is not sold to riders of the default category.
    pub price: Option<Money>,
}

/// A row of `fare_leg_rules.txt`; `None`: empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRule {
    /// Group of legs.
    pub group: Option<u32>,
    /// Network of the line.
    pub network: Option<u32>,
    /// Area of the first stop.
    pub from_area: Option<u32>,
    /// Area of the last stop.
    pub to_area: Option<u32>,
    /// When it begins.
    pub from_timeframe: Option<u32>,
    /// When it ends.
    pub to_timeframe: Option<u32>,
    /// Number of the product.
    pub product: u32,
    /// The highest counts.
    pub priority: u32,
}

/// A row of `timeframes.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeframe {
    /// Its group.
    pub group: u32,
    /// From this second of the day.
    pub from_s: u32,
    /// Up to this one, which is not in it.
    pub until_s: u32,
    /// On the days of this service.
    pub service: u32,
}

/// A row of `fare_transfer_rules.txt`; `None`: empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRule {
    /// Group of the leg before.
    pub from: Option<u32>,
    /// Group of the leg after.
    pub to: Option<u32>,
    /// Most transfers one after the other; `None`: any number.
    pub most: Option<u32>,
    /// Longest duration, seconds, and what it is counted between.
    pub limit: Option<(u32, Between)>,
    /// What is paid.
    pub kind: Pays,
    /// Number of the product; `None`: it costs nothing.
    pub product: Option<u32>,
}

/// `duration_limit_type`: between which times of the first leg and the last one a duration is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Between {
    /// 0.
    DepartureAndArrival,
    /// 1.
    DepartureAndDeparture,
    /// 2.
    ArrivalAndDeparture,
    /// 3.
    ArrivalAndArrival,
}

/// `fare_transfer_type`: what is paid of the legs A and B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pays {
    /// 0: A and the transfer.
    FirstAndTransfer,
    /// 1: A, the transfer and B.
    All,
    /// 2: the transfer alone.
    Transfer,
}

impl Table {
    /// Sorted, ready to be asked.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        fn all<T>(rows: &[T], of: impl Fn(&T) -> Option<u32>) -> Vec<u32> {
            let mut named: Vec<u32> = rows.iter().filter_map(of).collect();
            named.sort_unstable();
            named.dedup();
            named
        }
        self.leg_rules.sort_by_key(|rule| (rule.from_area, rule.to_area));
        self.transfer_rules.sort_by_key(|rule| (rule.from, rule.to));
        self.timeframes.sort_by_key(|frame| frame.group);
        for pairs in [&mut self.stop_areas, &mut self.route_networks] {
            pairs.sort_unstable();
            pairs.dedup();
        }
        self.named = Named {
            networks: all(&self.leg_rules, |rule| rule.network),
            from_areas: all(&self.leg_rules, |rule| rule.from_area),
            to_areas: all(&self.leg_rules, |rule| rule.to_area),
            from_groups: all(&self.transfer_rules, |rule| rule.from),
            to_groups: all(&self.transfer_rules, |rule| rule.to),
        };
        self
    }

    fn euros(&self, product: u32) -> Option<Euros> {
        self.products.get(product as usize)?.price.as_ref()?.euros()
    }
}

/// The cheapest way up to a leg.
#[derive(Debug, Clone, Copy)]
struct State {
    /// What is paid for, without the own fare of this leg.
    cost: Euros,
    /// Which of the leg's priced rules.
    option: usize,
    /// The leg at which its run of transfers began.
    since: usize,
    /// Whether its own fare is due.
    is_due: bool,
    /// The state of the leg before, and the rule that joins both.
    before: Option<(usize, Option<TransferRule>)>,
}

impl State {
    fn key(&self) -> (usize, usize, bool) {
        (self.option, self.since, self.is_due)
    }
}

/// Prices rides of one file that follow each other.
pub(crate) fn price<'a>(
    table: &'a Table,
    run: &[Leg],
    rides: &[Ride<'a>],
    runs_on: &dyn Fn(u32, Date) -> bool,
    source: Option<Source<'a>>,
    price: &mut Price<'a>,
) {
    // Whether several rides are one leg of fares is not known.
    let is_joined = table.has_joins && run.len() > 1;
    let options = |leg: &Leg| if is_joined { Vec::new() } else { table.options(leg, rides, runs_on) };
    let options: Vec<Vec<Priced>> = run.iter().map(options).collect();
    let mut from = 0;
    while from < run.len() {
        let len = options[from..].iter().take_while(|options| !options.is_empty()).count();
        if len == 0 {
            price.unknown.extend(&run[from].rides);
            from += 1;
            continue;
        }
        let known = Known { table, rides, legs: &run[from..from + len], options: &options[from..from + len] };
        price.products.extend(known.cheapest(source));
        from += len;
    }
}

/// Legs that all have fares.
struct Known<'k, 'a> {
    table: &'a Table,
    rides: &'k [Ride<'a>],
    legs: &'k [Leg],
    options: &'k [Vec<Priced>],
}

impl<'a> Known<'_, 'a> {
    fn cheapest(&self, source: Option<Source<'a>>) -> Vec<crate::Product<'a>> {
        let begin = |option| State { cost: Euros::ZERO, option, since: 0, is_due: true, before: None };
        let mut layers = vec![(0..self.options[0].len()).map(begin).collect::<Vec<State>>()];
        for leg in 1..self.legs.len() {
            let next = self.next(&layers[leg - 1], leg);
            layers.push(next);
        }
        let last = self.legs.len() - 1;
        let whole = |state: &State| state.cost + self.own(last, state);
        // Of equal ones that with the fullest tickets first.
        let order = |state: &State| (whole(state), std::cmp::Reverse(state.since));
        let Some(mut state) = layers[last].iter().copied().min_by_key(order) else { return Vec::new() };
        // Back along the way.
        let mut chosen = vec![state];
        for leg in (0..last).rev() {
            let Some((before, _)) = state.before else { break };
            state = layers[leg][before];
            chosen.push(state);
        }
        chosen.reverse();
        self.products(&chosen, source)
    }

    /// The own fare of a leg, where it is due.
    fn own(&self, leg: usize, state: &State) -> Euros {
        if state.is_due { self.options[leg][state.option].euros } else { Euros::ZERO }
    }

    fn next(&self, before: &[State], leg: usize) -> Vec<State> {
        let mut states: Vec<State> = Vec::new();
        for (number, from) in before.iter().enumerate() {
            let own = self.own(leg - 1, from);
            for (option, priced) in self.options[leg].iter().enumerate() {
                let state = |cost, since, is_due, rule| State {
                    cost,
                    option,
                    since,
                    is_due,
                    before: Some((number, rule)),
                };
                states.push(state(from.cost + own, leg, true, None));
                let groups = (self.options[leg - 1][from.option].group, priced.group);
                for rule in self.table.transfers(groups).filter(|rule| self.permits(rule, from.since, leg)) {
                    let Some(transfer) = self.transfer_eur(rule) else { continue };
                    let (own, is_due) = match rule.kind {
                        Pays::FirstAndTransfer => (own, false),
                        Pays::All => (own, true),
                        Pays::Transfer => (Euros::ZERO, false),
                    };
                    states.push(state(from.cost + own + transfer, from.since, is_due, Some(*rule)));
                }
            }
        }
        states.sort_by_key(|state| (state.key(), state.cost));
        states.dedup_by_key(|state| state.key());
        states
    }

    fn transfer_eur(&self, rule: &TransferRule) -> Option<Euros> {
        rule.product.map_or(Some(Euros::ZERO), |product| self.table.euros(product))
    }

    /// Whether a rule may join `leg` to the run of transfers that began at `since`.
    fn permits(&self, rule: &TransferRule, since: usize, leg: usize) -> bool {
        let (first, last) = (&self.legs[since], &self.legs[leg]);
        let in_time = rule.limit.is_none_or(|(most_s, between)| {
            let (departure, arrival) = (first.first(self.rides).start, first.last(self.rides).end);
            let (next_departure, next_arrival) = (last.first(self.rides).start, last.last(self.rides).end);
            let took = match between {
                Between::DepartureAndArrival => next_arrival - departure,
                Between::DepartureAndDeparture => next_departure - departure,
                Between::ArrivalAndDeparture => next_departure - arrival,
                Between::ArrivalAndArrival => next_arrival - arrival,
            };
            took <= i64::from(most_s)
        });
        in_time && rule.most.is_none_or(|most| leg - since <= most as usize)
    }

    /// What is bought on the way that was chosen.
    fn products(&self, chosen: &[State], source: Option<Source<'a>>) -> Vec<crate::Product<'a>> {
        let mut bought: Vec<crate::Product<'a>> = Vec::new();
        // The ticket that rides go on with.
        let mut ticket: Option<usize> = None;
        for (leg, state) in chosen.iter().enumerate() {
            let rides = &self.legs[leg].rides;
            if let Some((_, Some(rule))) = state.before {
                let both = || self.legs[leg - 1].rides.iter().chain(rides).copied().collect();
                match rule.product {
                    Some(product) => bought.extend(self.product(product, both(), source)),
                    None if rule.kind == Pays::FirstAndTransfer => {
                        if let Some(ticket) = ticket.and_then(|at| bought.get_mut(at)) {
                            ticket.rides.extend(rides);
                        }
                    }
                    None => {}
                }
            }
            let after = chosen.get(leg + 1).and_then(|next| next.before?.1);
            let is_replaced = after.is_some_and(|rule| rule.kind == Pays::Transfer);
            if state.is_due && !is_replaced {
                ticket = Some(bought.len());
                bought.extend(self.product(self.options[leg][state.option].product, rides.clone(), source));
            }
        }
        bought
    }

    fn product(
        &self,
        number: u32,
        rides: Vec<usize>,
        source: Option<Source<'a>>,
    ) -> Option<crate::Product<'a>> {
        let product = self.table.products.get(number as usize)?;
        Some(crate::Product {
            id: &product.id,
            name: &product.name,
            price: self.table.euros(number)?,
            rides,
            kind: Kind::Ticket,
            source,
            valid_from: None,
        })
    }
}
