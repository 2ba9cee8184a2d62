//! Fare tables: what is read, and what is wrong with the rest.

use std::path::Path;

use ::fares::v2::{FareProduct, LegRule, Table};
use domain::fare::Euros;

use super::super::read;
use super::{Options, base, one, reasons, with};
use crate::timetable::{FeedProblems, Timetable};

fn v2(timetable: &Timetable) -> &Table {
    timetable.fares.feeds[0].v2.as_ref().unwrap()
}

fn shown(product: &FareProduct) -> String {
    let price = product.price.as_ref();
    let price = price.map_or("-".into(), |price| format!("{} {}", price.amount, price.currency));
    format!("{} {price}", product.id)
}

#[test]
fn fares_v2_are_read_and_faulty_rows_are_left_out() {
    let texts = with(
        with(
            base(),
            "stops.txt",
            "stop_id,stop_lat,stop_lon,location_type,parent_station\nS,51,7,1,\na,51.0,7.0,,S\nb,51.0,7.01,,\nc,51.0,7.04,,S\n",
        ),
        "stop_areas.txt",
        "area_id,stop_id\nmid,S\nedge,c\nmid,x\n",
    );
    let texts = with(
        texts,
        "fare_products.txt",
        "fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency\n\
         single,Einzel,,paper,2.40,EUR\nsingle,Einzel,,app,2.205,EUR\nsingle,Einzel,child,app,1.20,EUR\n\
         youth,,child,,1.00,EUR\nsingle,,,app,1,EUR\nbad,,,,zwei,EUR\nbad,,,,2.00,€\nsingle,,,gold,1,EUR\nx,,senior,,1,EUR\n",
    );
    let texts =
        with(texts, "rider_categories.txt", "rider_category_id,is_default_fare_category\nadult,1\nchild,\n");
    let texts = with(texts, "fare_media.txt", "fare_media_id,fare_media_type\npaper,1\napp,4\n");
    let texts = with(texts, "networks.txt", "network_id\nbus\n");
    let texts = with(texts, "route_networks.txt", "network_id,route_id\nbus,R\nbus,Q\n");
    let texts = with(
        texts,
        "timeframes.txt",
        "timeframe_group_id,start_time,end_time,service_id\npeak,06:00:00,09:00:00,S\nall,,,S\nnight,22:00:00,04:00:00,S\nnight,22:00:00,24:00:00,Q\n",
    );
    let texts = with(
        texts,
        "fare_leg_rules.txt",
        "leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,fare_product_id,rule_priority\n\
         g,bus,mid,edge,peak,single,5\ng,bus,mid,edge,peak,single,5\nh,tram,,,,single,\nh,,,moon,,single,\nh,,,,,none,\nh,,,,,single,high\n",
    );
    let texts = with(
        texts,
        "fare_transfer_rules.txt",
        "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,fare_transfer_type,fare_product_id\n\
         g,g,1,3600,1,0,\ng,g,,,,0,\ng,,,3600,,0,\ng,,,,2,0,\n,g,2,,,0,\ng,q,,,,0,\ng,g,-1,,,3,\ng,g,-1,,,2,single\n",
    );
    let (timetable, problems) = one(texts);
    let table = v2(&timetable);
    assert_eq!(table.products.iter().map(shown).collect::<Vec<_>>(), ["single 2.21 EUR", "youth -"]);
    assert_eq!(table.products[0].price.as_ref().map(|p| p.amount), Euros::exact(2.205));
    let rule = LegRule {
        group: Some(0),
        network: Some(0),
        from_area: Some(0),
        to_area: Some(1),
        from_timeframe: Some(0),
        to_timeframe: None,
        product: 0,
        priority: 5,
    };
    assert_eq!(table.leg_rules, [rule]);
    assert_eq!((table.transfer_rules.len(), table.timeframes.len()), (2, 2));
    let stop = |id: &str| timetable.stop(id).unwrap();
    // a is in its station's area, c in its own.
    let mut areas = vec![(stop("S"), 0), (stop("a"), 0), (stop("c"), 1)];
    areas.sort_unstable();
    assert_eq!(table.stop_areas, areas);
    assert_eq!(
        reasons(&problems),
        [
            "bus.zip/fare_products.txt:6: fare_product_id 'single': there is one already for these riders and this medium",
            "bus.zip/fare_products.txt:7: amount 'zwei': it is not an amount: write it with a point and at most four digits behind it",
            "bus.zip/fare_products.txt:8: currency '€': it is not the code of a currency: write EUR",
            "bus.zip/fare_products.txt:9: fare_media_id 'gold': there is no such medium in fare_media.txt",
            "bus.zip/fare_products.txt:10: rider_category_id 'senior': there is no such rider category",
            "bus.zip/route_networks.txt:3: route_id 'Q': there is no such route",
            "bus.zip/stop_areas.txt:4: stop_id 'x': there is no such stop",
            "bus.zip/timeframes.txt:4: end_time '04:00:00': it is not after start_time; write two rows for a span across midnight",
            "bus.zip/timeframes.txt:5: service_id 'Q': there is no such service",
            "bus.zip/fare_leg_rules.txt:3: fare_product_id 'single': the same rule stands above",
            "bus.zip/fare_leg_rules.txt:4: network_id 'tram': there is no such network of routes",
            "bus.zip/fare_leg_rules.txt:5: to_area_id 'moon': there is no such area in areas.txt or stop_areas.txt",
            "bus.zip/fare_leg_rules.txt:6: fare_product_id 'none': there is no such product in fare_products.txt",
            "bus.zip/fare_leg_rules.txt:7: rule_priority 'high': it is not a whole number from 0 on",
            "bus.zip/fare_transfer_rules.txt:3: transfer_count '': it is missing; transfers within one group need it, -1 for any number",
            "bus.zip/fare_transfer_rules.txt:4: duration_limit_type '': it is none of 0 to 3; a duration_limit needs it",
            "bus.zip/fare_transfer_rules.txt:5: duration_limit_type '2': there is no duration_limit",
            "bus.zip/fare_transfer_rules.txt:6: transfer_count '2': it must be empty: the groups are not the same",
            "bus.zip/fare_transfer_rules.txt:7: to_leg_group_id 'q': there is no such leg_group_id in fare_leg_rules.txt",
            "bus.zip/fare_transfer_rules.txt:8: fare_transfer_type '3': it is none of 0 (A + AB), 1 (A + AB + B) and 2 (AB)",
        ]
    );
}

#[test]
fn fares_v1_are_read() {
    let texts = with(
        base(),
        "stops.txt",
        "stop_id,stop_lat,stop_lon,zone_id\na,51.0,7.0,1\nb,51.0,7.01,1\nc,51.0,7.04,2\n",
    );
    let texts = with(
        texts,
        "fare_attributes.txt",
        "fare_id,price,currency_type,payment_method,transfers,transfer_duration\nA,1.50,EUR,0,0,\nB,2,EUR,1,,3600\nC,2,EUR,1,5,\nD,9,EUR,1,,\n",
    );
    let texts = with(
        texts,
        "fare_rules.txt",
        "fare_id,route_id,origin_id,destination_id,contains_id\nA,,1,1,\nB,R,1,2,\nB,,,,1\nB,,,,2\nA,X,,,\nE,,,,\nD,,3,,\n",
    );
    let (timetable, problems) = one(texts);
    let table = timetable.fares.feeds[0].v1.as_ref().unwrap();
    let fares: Vec<_> =
        table.fares.iter().map(|f| (f.id.as_str(), f.transfers, f.duration_s, f.has_rules)).collect();
    assert_eq!(fares, [("A", Some(0), None, true), ("B", None, Some(3_600), true), ("D", None, None, true)]);
    assert_eq!((table.fares[1].contains.as_slice(), table.zones.len()), ([0, 1].as_slice(), 3));
    assert_eq!(
        reasons(&problems),
        [
            "bus.zip/fare_attributes.txt:4: transfers '5': it is none of 0, 1, 2 and empty",
            "bus.zip/fare_rules.txt:6: route_id 'X': there is no such route",
            "bus.zip/fare_rules.txt:7: fare_id 'E': there is no such fare in fare_attributes.txt",
            "bus.zip/fare_rules.txt:8: origin_id '3': there is no such zone_id in stops.txt",
        ]
    );
}

#[test]
fn a_fare_table_that_is_none_costs_prices_alone() {
    let texts =
        with(with(base(), "fare_leg_rules.txt", "network_id\nx\n"), "fare_attributes.txt", "fare_id\nx\n");
    let (timetable, problems) = one(texts);
    assert_eq!(timetable.trips.len(), 1);
    assert!(v2(&timetable).leg_rules.is_empty() && timetable.fares.feeds[0].v1.is_none());
    assert_eq!(
        reasons(&problems),
        [
            "bus.zip/fare_leg_rules.txt: it has no column fare_product_id; the file is left out",
            "bus.zip/fare_attributes.txt: it has no column price; the file is left out",
        ]
    );
}

/// Feeds in use: what is taken of their fares, and what is refused.
#[test]
fn published_fare_tables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/flex");
    if !folder.exists() {
        eprintln!("SKIPPED: {} is not there", folder.display());
        return;
    }
    let read = |name: &str| {
        let mut problems = FeedProblems::default();
        let timetable = read(&[folder.join(name)], Options::default(), &mut |_| {}, &mut problems).unwrap();
        let of_fares = |file: &str| {
            ["/fare_", "/rider_", "/networks", "/route_n", "/areas", "/stop_areas", "/timef"]
                .iter()
                .any(|part| file.contains(part))
        };
        let problems = reasons(&problems).into_iter().filter(|p| of_fares(p)).collect::<Vec<_>>();
        (timetable, problems)
    };
    let (metro, problems) = read("oba-mdot-fares-v2");
    let table = v2(&metro);
    assert_eq!(
        table.products.iter().map(shown).collect::<Vec<_>>(),
        [
            "core_local_1_day_fare 4.60 USD",
            "reduced_senior_local_1_day_fare -",
            "reduced_disability_local_1_day_fare -",
            "core_local_7_day_fare 22.00 USD",
            "core_local_31_day_fare 77.00 USD",
            "reduced_senior_local_31_day_fare -",
            "reduced_disability_local_31_day_fare -",
        ]
    );
    assert_eq!((table.leg_rules.len(), table.transfer_rules.len(), table.route_networks.len()), (7, 0, 1));
    assert_eq!(
        problems,
        [
            "oba-mdot-fares-v2/fare_transfer_rules.txt: it has no column fare_transfer_type; the file is left out"
        ]
    );
    let (sandy, problems) = read("oba-sandy-flex-fares-v2");
    let table = v2(&sandy);
    assert_eq!(
        table.products.iter().map(shown).collect::<Vec<_>>(),
        ["817 1.00 USD", "818 2.00 USD", "1848 0.00 USD"]
    );
    let priorities: Vec<u32> = table.leg_rules.iter().map(|rule| rule.priority).collect();
    assert_eq!((priorities, table.has_priorities, table.route_networks.len()), (vec![1, 2, 3, 0], true, 7));
    assert_eq!(problems, Vec::<String>::new());
}
