//! Fares v2.

use std::collections::HashSet;

use fares::Money;
use fares::v2::{Between, FareProduct, LegRule, Pays, Table as Fares, Timeframe, TransferRule};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::ReadError;
use super::super::draft::Draft;
use super::super::source::Source;
use super::super::table::{Fault, Table, fault};
use super::super::times::parse_time;
use super::{Names, column, money, open, optional, whole};
use crate::timetable::{FeedProblems, NONE};

const RIDERS: &str = "rider_category_id,is_default_fare_category";
const MEDIA: &str = "fare_media_id";
const PRODUCTS: &str = "fare_product_id,amount,currency,fare_product_name,rider_category_id,fare_media_id";
const NETWORKS: &str = "network_id";
const ROUTE_NETWORKS: &str = "network_id,route_id";
const AREAS: &str = "area_id";
const STOP_AREAS: &str = "area_id,stop_id";
const TIMEFRAMES: &str = "timeframe_group_id,service_id,start_time,end_time";
/// The last ones are of drafts, and limit a rule further.
const LEG_RULES: &str = "fare_product_id,leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,\
    to_timeframe_group_id,rule_priority,contains_area_id,from_timeframe_id,to_timeframe_id,min_distance,max_distance";
const TRANSFER_RULES: &str = "fare_transfer_type,from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,\
    duration_limit_type,fare_product_id";

/// The names of a feed's fare tables.
#[derive(Default)]
struct Known {
    products: Names,
    networks: Names,
    areas: Names,
    timeframes: Names,
    groups: Names,
}

pub fn read(
    source: &mut Source,
    draft: &Draft,
    problems: &mut FeedProblems,
) -> Result<Option<Fares>, ReadError> {
    if Table::open(source, "fare_leg_rules.txt", 0, LEG_RULES)?.is_none() {
        return Ok(None);
    }
    let mut known = Known::default();
    let mut fares = Fares {
        products: products(source, &mut known, problems)?,
        route_networks: networks(source, draft, &mut known, problems)?,
        stop_areas: areas(source, draft, &mut known, problems)?,
        timeframes: timeframes(source, draft, &mut known, problems)?,
        ..Fares::default()
    };
    if let Some(mut table) = open(source, "fare_leg_rules.txt", 1, LEG_RULES, problems)? {
        fares.has_priorities = table.has(7);
        let mut seen = HashSet::new();
        while table.next()? {
            let rule = leg_rule(&table, &mut known).and_then(|rule| {
                let [group, network, from, to, product] =
                    [rule.group, rule.network, rule.from_area, rule.to_area, Some(rule.product)];
                let key = (group, network, from, to, product, rule.from_timeframe, rule.to_timeframe);
                if seen.insert(key) { Ok(rule) } else { Err(fault(0, "the same rule stands above")) }
            });
            fares.leg_rules.extend(table.read(problems, rule));
        }
    }
    if let Some(mut table) = open(source, "fare_transfer_rules.txt", 1, TRANSFER_RULES, problems)? {
        while table.next()? {
            let rule = transfer_rule(&table, &known);
            fares.transfer_rules.extend(table.read(problems, rule));
        }
    }
    if let Some(table) = Table::open(source, "fare_leg_join_rules.txt", 0, NETWORKS)? {
        let reason = "it is not read: the price of journeys with changes is unknown";
        problems.note(&table.file, reason);
        fares.has_joins = true;
    }
    Ok(Some(fares))
}

/// All categories of riders, and whether each is the default.
fn riders(source: &mut Source, problems: &mut FeedProblems) -> Result<FxHashMap<Box<[u8]>, bool>, ReadError> {
    let mut riders: FxHashMap<Box<[u8]>, bool> = FxHashMap::default();
    let Some(mut table) = open(source, "rider_categories.txt", 1, RIDERS, problems)? else {
        return Ok(riders);
    };
    while table.next()? {
        riders.insert(table.bytes(0).into(), table.bytes(1) == b"1");
    }
    if riders.len() == 1 {
        riders.values_mut().for_each(|is_default| *is_default = true);
    }
    if !riders.values().any(|is_default| *is_default) {
        let reason = "no category has is_default_fare_category 1; prices of products for single categories are unknown";
        problems.note(&table.file, reason);
    }
    Ok(riders)
}

fn products(
    source: &mut Source,
    known: &mut Known,
    problems: &mut FeedProblems,
) -> Result<Vec<FareProduct>, ReadError> {
    let riders = riders(source, problems)?;
    let mut media: Option<FxHashSet<Box<[u8]>>> = None;
    if let Some(mut table) = open(source, "fare_media.txt", 1, MEDIA, problems)? {
        let media = media.insert(FxHashSet::default());
        while table.next()? {
            media.insert(table.bytes(0).into());
        }
    }
    let mut products: Vec<FareProduct> = Vec::new();
    let Some(mut table) = open(source, "fare_products.txt", 3, PRODUCTS, problems)? else {
        return Ok(products);
    };
    let mut seen: HashSet<[Box<[u8]>; 3]> = HashSet::new();
    let [id, _, currency, name, rider, medium] = table.columns();
    while table.next()? {
        let row = product(&table, &riders, media.as_ref()).and_then(|price| {
            let key = [id, rider, medium].map(|column| Box::from(table.bytes(column)));
            let reason = "there is one already for these riders and this medium";
            if seen.insert(key) { Ok(price) } else { Err(fault(id, reason)) }
        });
        let Some(price) = table.read(problems, row) else { continue };
        let number = known.products.add(table.bytes(id)) as usize;
        if number == products.len() {
            let name = Some(table.text(name)).filter(|name| !name.is_empty());
            let id = table.text(id);
            products.push(FareProduct { name: name.unwrap_or_else(|| id.clone()), id, price: None });
        }
        let cheapest = &mut products[number].price;
        match (price, &*cheapest) {
            (Some(price), Some(other)) if price.currency != other.currency => {
                table.fault(problems, currency, "the product has another currency above");
            }
            (Some(price), Some(other)) if price.amount >= other.amount => {}
            (Some(price), _) => *cheapest = Some(price),
            (None, _) => {}
        }
    }
    Ok(products)
}

/// What riders of the default category pay; `None`: it is for others.
fn product(
    table: &Table<'_>,
    riders: &FxHashMap<Box<[u8]>, bool>,
    media: Option<&FxHashSet<Box<[u8]>>>,
) -> Result<Option<Money>, Fault> {
    let [id, amount, currency, _, rider, medium] = table.columns();
    if table.bytes(id).is_empty() {
        return Err(fault(id, "it is empty"));
    }
    let price = money(table, amount, currency)?;
    let is_default = match table.bytes(rider) {
        b"" => true,
        named => *riders.get(named).ok_or_else(|| fault(rider, "there is no such rider category"))?,
    };
    let named = table.bytes(medium);
    if !named.is_empty() && !media.is_some_and(|media| media.contains(named)) {
        return Err(fault(medium, "there is no such medium in fare_media.txt"));
    }
    Ok(is_default.then_some(price))
}

fn networks(
    source: &mut Source,
    draft: &Draft,
    known: &mut Known,
    problems: &mut FeedProblems,
) -> Result<Vec<(u32, u32)>, ReadError> {
    let names = &mut known.networks;
    let mut pairs = column(source, "routes.txt", "route_id,network_id", &draft.feed.routes, names)?;
    if let Some(mut table) = open(source, "networks.txt", 1, NETWORKS, problems)? {
        while table.next()? {
            known.networks.add(table.bytes(0));
        }
    }
    if let Some(mut table) = open(source, "route_networks.txt", 2, ROUTE_NETWORKS, problems)? {
        while table.next()? {
            let route = table.id(1, &draft.feed.routes, "route");
            let network = known.networks.add(table.bytes(0));
            pairs.extend(table.read(problems, route).map(|route| (route, network)));
        }
    }
    Ok(pairs)
}

/// Stops and their areas: platforms are in those of their station unless they have their own.
fn areas(
    source: &mut Source,
    draft: &Draft,
    known: &mut Known,
    problems: &mut FeedProblems,
) -> Result<Vec<(u32, u32)>, ReadError> {
    if let Some(mut table) = open(source, "areas.txt", 1, AREAS, problems)? {
        while table.next()? {
            known.areas.add(table.bytes(0));
        }
    }
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    if let Some(mut table) = open(source, "stop_areas.txt", 2, STOP_AREAS, problems)? {
        while table.next()? {
            let stop = table.id(1, &draft.feed.stops, "stop");
            let area = known.areas.add(table.bytes(0));
            pairs.extend(table.read(problems, stop).map(|stop| (stop, area)));
        }
    }
    let mut of_stop: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (stop, area) in &pairs {
        of_stop.entry(*stop).or_default().push(*area);
    }
    if !pairs.is_empty() {
        let stops = draft.feed.stops.values().filter(|stop| !of_stop.contains_key(stop));
        let inherited = stops.filter_map(|stop| {
            let parent = draft.stops.parents[*stop as usize];
            Some((*stop, of_stop.get(&parent).filter(|_| parent != NONE)?))
        });
        pairs.extend(inherited.flat_map(|(stop, areas)| areas.iter().map(move |area| (stop, *area))));
    }
    Ok(pairs)
}

fn timeframes(
    source: &mut Source,
    draft: &Draft,
    known: &mut Known,
    problems: &mut FeedProblems,
) -> Result<Vec<Timeframe>, ReadError> {
    let mut frames = Vec::new();
    let Some(mut table) = open(source, "timeframes.txt", 2, TIMEFRAMES, problems)? else {
        return Ok(frames);
    };
    while table.next()? {
        let group = known.timeframes.add(table.bytes(0));
        let frame = timeframe(&table, draft, group);
        frames.extend(table.read(problems, frame));
    }
    Ok(frames)
}

fn timeframe(table: &Table<'_>, draft: &Draft, group: u32) -> Result<Timeframe, Fault> {
    let [_, service, start, end] = table.columns();
    let time = |column: usize, default: u32| match table.bytes(column) {
        b"" => Ok(default),
        text => parse_time(text)
            .and_then(|second| u32::try_from(second).ok())
            .filter(|second| *second <= 86_400)
            .ok_or_else(|| fault(column, "it is not a time HH:MM:SS up to 24:00:00")),
    };
    let (from_s, until_s) = (time(start, 0)?, time(end, 86_400)?);
    if until_s <= from_s {
        return Err(fault(end, "it is not after start_time; write two rows for a span across midnight"));
    }
    Ok(Timeframe { group, from_s, until_s, service: table.id(service, &draft.feed.services, "service")? })
}

fn leg_rule(table: &Table<'_>, known: &mut Known) -> Result<LegRule, Fault> {
    let [product, group, network, from, to, from_frame, to_frame, priority, drafts @ ..] =
        table.columns::<13>();
    if let Some(column) = drafts.into_iter().find(|column| !table.bytes(*column).is_empty()) {
        let reason =
            "it is of a draft of Fares v2; without it the rule would hold for more rides than it should";
        return Err(fault(column, reason));
    }
    let area = |column| optional(table, column, &known.areas.0, "area in areas.txt or stop_areas.txt");
    let frame = |column| optional(table, column, &known.timeframes.0, "group in timeframes.txt");
    let rule = LegRule {
        group: None,
        network: optional(table, network, &known.networks.0, "network of routes")?,
        from_area: area(from)?,
        to_area: area(to)?,
        from_timeframe: frame(from_frame)?,
        to_timeframe: frame(to_frame)?,
        product: table.id(product, &known.products.0, "product in fare_products.txt")?,
        priority: whole(table, priority)?.unwrap_or(0),
    };
    let named = table.bytes(group);
    Ok(LegRule { group: (!named.is_empty()).then(|| known.groups.add(named)), ..rule })
}

fn transfer_rule(table: &Table<'_>, known: &Known) -> Result<TransferRule, Fault> {
    let [kind, from, to, count, duration, between, product] = table.columns();
    let group = |column| optional(table, column, &known.groups.0, "leg_group_id in fare_leg_rules.txt");
    let (from_group, to_group) = (group(from)?, group(to)?);
    let is_same = from_group.is_some() && from_group == to_group;
    let most = match table.bytes(count) {
        b"" if is_same => {
            return Err(fault(count, "it is missing; transfers within one group need it, -1 for any number"));
        }
        b"" | b"-1" => None,
        _ if !is_same => return Err(fault(count, "it must be empty: the groups are not the same")),
        _ => match whole(table, count)? {
            Some(0) | None => return Err(fault(count, "it is neither -1 nor a number from 1 on")),
            most => most,
        },
    };
    let limit = match (whole(table, duration)?, table.bytes(between)) {
        (None, b"") => None,
        (None, _) => return Err(fault(between, "there is no duration_limit")),
        (Some(0), _) => return Err(fault(duration, "it is no duration")),
        (Some(seconds), b"0") => Some((seconds, Between::DepartureAndArrival)),
        (Some(seconds), b"1") => Some((seconds, Between::DepartureAndDeparture)),
        (Some(seconds), b"2") => Some((seconds, Between::ArrivalAndDeparture)),
        (Some(seconds), b"3") => Some((seconds, Between::ArrivalAndArrival)),
        (Some(_), _) => return Err(fault(between, "it is none of 0 to 3; a duration_limit needs it")),
    };
    let kind = match table.bytes(kind) {
        b"0" => Pays::FirstAndTransfer,
        b"1" => Pays::All,
        b"2" => Pays::Transfer,
        _ => return Err(fault(kind, "it is none of 0 (A + AB), 1 (A + AB + B) and 2 (AB)")),
    };
    let product = optional(table, product, &known.products.0, "product in fare_products.txt")?;
    Ok(TransferRule { from: from_group, to: to_group, most, limit, kind, product })
}
