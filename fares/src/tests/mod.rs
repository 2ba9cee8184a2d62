mod brute;
mod listed;
mod tables;

use domain::LatLon;
use domain::fare::{Euros, Fare, FareKind, FareList, Pass};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::{GtfsFares, Kind, Price, Question, Ride, price};

/// 2026-12-01, noon in Germany, seconds since 1970.
const NOON: i64 = 1_796_122_800;

fn ride(at_min: i64, stops: &[u32]) -> Ride<'static> {
    let (start, end) = (NOON + at_min * 60, NOON + at_min * 60 + 600);
    let local = |second: i64| {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        zone.to_datetime(jiff::Timestamp::from_second(second).unwrap())
    };
    Ride {
        feed: 0,
        agency: Some(0),
        agency_id: "rvm",
        agency_name: "Regionalverkehr Münsterland",
        route: 0,
        line: "58",
        route_type: 3,
        stops: stops.to_vec(),
        from: LatLon { lat: 52.0, lon: 7.0 },
        to: LatLon { lat: 52.0, lon: 7.0 },
        start,
        end,
        start_local: local(start),
        end_local: local(end),
        stay_seated: false,
        is_private: false,
        surcharge: None,
    }
}

fn eur(number: f64) -> Euros {
    Euros::exact(number).unwrap()
}

fn fare(id: &str, kind: FareKind, base: f64, per_km: Option<f64>) -> Fare {
    Fare {
        id: id.into(),
        name: None,
        kind,
        valid_from: date(2026, 1, 1),
        valid_until: None,
        source: "sample".into(),
        agencies: Vec::new(),
        routes: Vec::new(),
        base_eur: Some(eur(base)),
        per_started_km_eur: per_km.map(eur),
        cap_24h_eur: None,
        child_factor: None,
    }
}

fn pass(id: &str) -> Pass {
    Pass {
        id: id.into(),
        name: None,
        price_eur: eur(50.0),
        valid_from: date(2026, 1, 1),
        valid_until: None,
        source: "sample".into(),
        route_types: Vec::new(),
        agencies_except: Vec::new(),
    }
}

/// Asks with a list, a timetable, and the passes of the rider.
struct Asked {
    list: FareList,
    gtfs: GtfsFares,
    passes: Vec<String>,
    is_child: bool,
}

impl Asked {
    fn of(fares: Vec<Fare>, passes: Vec<Pass>) -> Self {
        let list = FareList { fares, passes };
        Asked { list, gtfs: GtfsFares::default(), passes: Vec::new(), is_child: false }
    }

    fn price<'a>(&'a self, rides: &[Ride<'a>]) -> Price<'a> {
        let runs_on = |service: u32, day: Date| service == 0 && day == date(2026, 12, 1);
        price(
            rides,
            Question { list: &self.list, gtfs: &self.gtfs, passes: &self.passes, is_child: self.is_child },
            &runs_on,
        )
    }
}

/// `id price [rides]` of each product, then `unknown [rides]`.
fn shown(price: &Price<'_>) -> Vec<String> {
    let products = price.products.iter().map(|p| {
        let mark = if p.kind == Kind::Pass { "pass " } else { "" };
        format!("{mark}{} {} {:?}", p.id, p.price, p.rides)
    });
    let unknown = (!price.unknown.is_empty()).then(|| format!("unknown {:?}", price.unknown));
    products.chain(unknown).collect()
}
