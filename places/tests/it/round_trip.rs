//! `read(write(x)) == x`.

use std::collections::BTreeMap;
use std::fs;

use domain::Lang;
use domain::booking::{
    DayTime, Desk, Notice, OnDemandArea, OnDemandKind, OnDemandLine, Opens, RelativeTo, Terms,
};
use domain::catalogue::Catalogue;
use domain::fare::{Euros, Factor, Fare, FareKind, FareList, Pass};
use domain::fee::{Charge, Fee, Tariff};
use domain::feed::{ClockPolicy, FeedFormat, MqttVersion, OnBadClock, RentalSettings, WebCredentials};
use domain::geo::Geometry;
use domain::notice::rule::MailTls;
use domain::notice::{NoticeRule, Smtp};
use domain::place::{
    Audience, Bay, Municipality, PlaceKind, Publish, Purpose, Restriction, Site, SiteKind, Vehicle,
};
use domain::rental::{ReturnRule, Shape};
use domain::sensor::SensorRow;
use domain::taxi::Taxi;
use domain::{Bbox, Broker, CalendarDay, Closure, Decoder, Direction, Feed, MarkedKind, UtcMicros};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use places::{FileKind, read, write};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::definitions;

/// Texts with everything that files trip over, without blanks around.
fn text() -> impl Strategy<Value = String> {
    "[a-zäß€😀\"',;#=\\[\\]{}/.+-]([ -~äöü\n\t]{0,12}[a-z0-9\"',;])?"
}

fn id() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9äß/.,;\"'#-]{1,12}"
}

fn slug() -> impl Strategy<Value = String> {
    "[a-z0-9-]{1,12}"
}

fn instant() -> impl Strategy<Value = UtcMicros> {
    (-2_000_000_000_000_000i64..4_000_000_000_000_000).prop_map(UtcMicros)
}

fn position() -> impl Strategy<Value = [f64; 2]> {
    (-180.0..=180.0f64, -90.0..=90.0f64).prop_map(|(lon, lat)| [lon, lat])
}

/// A star, with or without a smaller one in it.
fn polygon() -> impl Strategy<Value = Geometry> {
    let radii = vec(0.001..0.5f64, 4..8);
    (-170.0..=170.0f64, -80.0..=80.0f64, radii, any::<bool>()).prop_map(|(lon, lat, radii, has_hole)| {
        let step = std::f64::consts::TAU / radii.len() as f64;
        let star = |scale: f64| {
            let corner = |(i, r): (usize, &f64)| {
                let (sin, cos) = (i as f64 * step).sin_cos();
                [lon + scale * r * cos, lat + scale * r * sin]
            };
            let mut ring: Vec<[f64; 2]> = radii.iter().enumerate().map(corner).collect();
            ring.push(ring[0]);
            ring
        };
        let hole = has_hole.then(|| star(0.5));
        Geometry::Polygon([star(1.0)].into_iter().chain(hole).collect())
    })
}

fn geometry() -> impl Strategy<Value = Geometry> {
    prop_oneof![position().prop_map(Geometry::Point), polygon()]
}

fn restriction() -> impl Strategy<Value = Restriction> {
    (of(select(Audience::ALL)), of(0u32..500), of(text()), of(1u32..5000))
        .prop_map(|(audience, capacity, hours, max_stay_min)| Restriction {
            audience,
            capacity,
            hours,
            max_stay_min,
        })
        .prop_filter("says something", |r| {
            r.audience.is_some() || r.capacity.is_some() || r.hours.is_some() || r.max_stay_min.is_some()
        })
}

fn cents(most: i64) -> impl Strategy<Value = Euros> {
    (1..=most).prop_map(Euros::cents)
}

prop_compose! {
    fn tariff()(
        (kind, amount, minutes) in (0..4, cents(100_000), 1u32..=10_080),
        (free_min, day_max_eur, hours) in (of(1u32..=10_080), of(cents(100_000)), of(text())),
    ) -> Tariff {
        let charge = match kind {
            0 => Charge::Free,
            1 => Charge::Stay(amount),
            2 => Charge::Day(amount),
            _ => Charge::Unit { amount, minutes },
        };
        let paid = charge != Charge::Free;
        let day_max_eur = day_max_eur.filter(|_| matches!(charge, Charge::Unit { .. }));
        Tariff { charge, free_min: free_min.filter(|_| paid), day_max_eur, hours: hours.filter(|_| paid) }
    }
}

fn fee() -> impl Strategy<Value = Fee> {
    (of(text()), of(text()), of(tariff()))
        .prop_map(|(de, en, tariff)| Fee { de, en, tariff })
        .prop_filter("says something", |fee| fee.de.is_some() || fee.en.is_some() || fee.tariff.is_some())
}

prop_compose! {
    fn taxi()(
        (municipality, name, phone) in (slug(), text(), "[+0-9][0-9 /()-]{0,20}[0-9]"),
        (hours, wheelchair) in (of(text()), of(any::<bool>())),
    ) -> Taxi {
        Taxi { id: String::new(), municipality, name, phone, hours, wheelchair }
    }
}

prop_compose! {
    fn municipality()(name in text(), ags in "[0-9]{5}|[0-9]{8}|[0-9]{12}", at in of(position()), tz in select(&["Europe/Berlin", "UTC"][..]), public_planning in any::<bool>()) -> Municipality {
        Municipality { slug: String::new(), name, ags, lat: at.map(|p| p[1]), lon: at.map(|p| p[0]), tz: tz.into(), public_planning }
    }
}

prop_compose! {
    fn site()(
        (municipality, name, kind, capacity, purpose, zone) in (slug(), text(), select(SiteKind::ALL), 1u32..9999, select(Purpose::ALL), of(id())),
        (opening_hours, fee, max_height_m) in (of(text()), of(fee()), of(0.1..100.0f64)),
        restrictions in vec(restriction(), 0..3),
        (publish, valid_from, valid_until, geometry) in (select(Publish::ALL), of(instant()), of(instant()), geometry()),
    ) -> Site {
        Site { id: String::new(), municipality, name, kind, capacity, purpose, zone, opening_hours, fee, max_height_m, restrictions, publish, valid_from, valid_until, geometry }
    }
}

prop_compose! {
    fn bay()(
        (municipality, site, zone) in (slug(), of(id()), of(id())),
        restrictions in vec(restriction(), 0..3),
        max_stay_min in of(1u32..5000),
        (publish, valid_from, valid_until, geometry) in (of(select(Publish::ALL)), of(instant()), of(instant()), geometry()),
    ) -> Bay {
        Bay { id: String::new(), municipality, site, zone, restrictions, max_stay_min, publish, valid_from, valid_until, geometry }
    }
}

prop_compose! {
    fn sensor()(
        (feed, decoder, kind, target) in (id(), of(select(Decoder::ALL)), 0..4, id()),
        direction in of(select(Direction::ALL)),
        bound_until in of(instant()),
        (heartbeat_s, stale_after_s, threshold_mm) in (of(1u32..999_999), of(1u32..999_999), of(1u32..9999)),
    ) -> SensorRow {
        let place = |wanted| (kind == wanted).then(|| target.clone());
        let (bay, site, vehicle) = (place(1), place(2), place(3));
        let direction = direction.filter(|_| site.is_some());
        SensorRow { id: String::new(), feed, decoder, bay, site, vehicle, direction, bound_from: None, bound_until, heartbeat_s, stale_after_s, threshold_mm }
    }
}

prop_compose! {
    fn vehicle()(owner in slug(), operator in of(text()), label in of(text()), seats in of(0u32..300), standing in of(0u32..300)) -> Vehicle {
        Vehicle { id: String::new(), owner, operator, label, seats, standing }
    }
}

prop_compose! {
    fn broker()(
        url in "mqtts?://[a-z]{1,9}:[1-9][0-9]{0,3}",
        login in of((text(), of("/[a-z]{1,5}/[a-z]{1,5}"))),
        ca_file in of("/[a-zä ]{0,5}[a-z]"),
        pair in of(("/[a-z]{1,5}", "/[a-z]{1,5}")),
        client_id in of(id()),
        version in select(MqttVersion::ALL),
    ) -> Broker {
        let (username, password_file) = login.map_or((None, None), |(name, file)| (Some(name), file));
        let (cert_file, key_file) = pair.unzip();
        Broker { id: String::new(), url, username, password_file, ca_file, cert_file, key_file, client_id, version }
    }
}

prop_compose! {
    fn feed()(
        (municipality, format, topic, broker, qos) in (slug(), select(FeedFormat::ALL), "[a-zä]{1,5}(/[a-z+]){0,3}(/#)?", of(id()), 0u8..=1),
        (clock, on_bad_clock, max_age_s) in (of(select(ClockPolicy::ALL)), of(select(OnBadClock::ALL)), of(1i64..=1_000 * 365 * 86_400)),
        (max_message_bytes, heartbeat_s, use_server_decoder) in (of(1u32..1_000_000), of(1u32..1_000_000), any::<bool>()),
        (max_messages_per_s, max_bytes_per_s, max_rejections_per_h) in (of(1u32..), of(1u32..), of(1u32..)),
        area in of((position(), position())),
        (licence, attribution, contact) in (of(text()), of(text()), of(text())),
        (polled, every_s, allow_private) in (any::<bool>(), of(1u32..3600), any::<bool>()),
        (has_headers, has_certificate) in (any::<bool>(), any::<bool>()),
        (stale_after_s, systems, return_rule, geofencing) in
            (of(1u32..3600), prop::collection::vec(id(), 0..3), of(select(ReturnRule::ALL)), of(any::<bool>())),
        (push, has_storage, timetable) in (any::<bool>(), any::<bool>(), of("[a-zä]{1,8}([.]zip)?")),
    ) -> Feed {
        let is_rental = format == FeedFormat::Gbfs;
        let push = format == FeedFormat::ParkapiV3 || push && format != FeedFormat::History && !is_rental;
        let polled = is_rental || polled && !push && format == FeedFormat::GtfsRt;
        let has_storage = has_storage && !push && format == FeedFormat::Tts;
        let subscribed = !polled && !push && format != FeedFormat::History;
        let area = area.and_then(|(a, b)| Bbox::new(a[0].min(b[0]), a[1].min(b[1]), a[0].max(b[0]), a[1].max(b[1])));
        Feed {
            id: String::new(), municipality, format,
            topic: if subscribed { topic } else { String::new() },
            broker: broker.filter(|_| subscribed),
            qos: if subscribed { qos } else { 1 },
            clock, on_bad_clock, max_age_s, max_message_bytes, max_messages_per_s, max_bytes_per_s, max_rejections_per_h, heartbeat_s,
            use_server_decoder, area,
            licence, attribution, contact,
            url: polled.then(|| "https://example.org/rt?key=1".to_owned()),
            every_s: every_s.filter(|_| polled),
            credentials: WebCredentials {
                headers_file: (polled && has_headers).then(|| "/secrets/headers".to_owned()),
                ca_file: None,
                cert_file: (polled && has_certificate).then(|| "/secrets/cert".to_owned()),
                key_file: (polled && has_certificate).then(|| "/secrets/key".to_owned()),
            },
            rental: if is_rental {
                RentalSettings { stale_after_s, systems, return_rule, geofencing }
            } else {
                RentalSettings::default()
            },
            allow_private: allow_private && (polled || has_storage),
            storage_url: has_storage.then(|| "https://eu1.cloud.thethings.network".to_owned()),
            storage_token_file: has_storage.then(|| "/secrets/storage".to_owned()),
            push,
            timetable: timetable.filter(|_| Feed::speaks_of_trips(format)),
        }
    }
}

fn receiver() -> impl Strategy<Value = NoticeRule> {
    let nobody = NoticeRule {
        id: String::new(),
        municipality: String::new(),
        on: Vec::new(),
        quiet_hours: None,
        digest_at: None,
        lang: None,
        webhook: None,
        secret_file: None,
        allow_private: false,
        broker: None,
        topic: None,
        smtp: None,
    };
    let (posted, published, mailed) = (nobody.clone(), nobody.clone(), nobody);
    prop_oneof![
        any::<bool>().prop_map(move |allow_private| NoticeRule {
            webhook: Some("https://example.org/hook?key=1".into()),
            secret_file: Some("/secrets/key".into()),
            allow_private,
            ..posted.clone()
        }),
        of(id()).prop_map(move |broker| NoticeRule {
            broker,
            topic: Some("notices/coesfeld".into()),
            ..published.clone()
        }),
        (of(select(Lang::ALL)), any::<bool>()).prop_map(move |(lang, has_user)| NoticeRule {
            lang,
            smtp: Some(Smtp {
                url: "smtp://mail.example.org:587".into(),
                from: "Parking <a@example.org>".into(),
                to: vec!["b@example.org".into()],
                username: has_user.then(|| "user".into()),
                password_file: has_user.then(|| "/secrets/mail".into()),
                tls: MailTls::Required,
                ca_file: has_user.then(|| "/secrets/ca.pem".into()),
            }),
            ..mailed.clone()
        }),
    ]
}

prop_compose! {
    fn notice()(
        rule in receiver(), municipality in slug(), quiet in any::<bool>(), digests in any::<bool>(),
        on in select(vec![vec![], vec!["silent", "stuck"], vec!["gateway", "recovered"]]),
    ) -> NoticeRule {
        NoticeRule {
            municipality, on: on.into_iter().map(|t| t.parse().unwrap()).collect(),
            quiet_hours: quiet.then(|| "22:00-06:00".parse().unwrap()), digest_at: digests.then(|| "07:30".parse().unwrap()),
            ..rule
        }
    }
}

prop_compose! {
    fn closure()(until in of(instant()), reason in of(text())) -> Closure {
        Closure { kind: PlaceKind::Site, place: String::new(), from: UtcMicros::EPOCH, until, reason }
    }
}

fn day() -> impl Strategy<Value = Date> {
    (2000i16..2100, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| date(year, month, day))
}

fn terms() -> impl Strategy<Value = Terms> {
    let notice = prop_oneof![
        Just(Notice::RealTime),
        (0i32..=527_040).prop_map(|min| Notice::Before { at_least_s: min * 60 }),
        (0u16..=100, 0i32..=86_400)
            .prop_map(|(days_before, time_s)| Notice::OnDay(DayTime { days_before, time_s })),
    ];
    // So early that it lies before each deadline.
    let opens = of(Just(Opens::OnDay(DayTime { days_before: 364, time_s: 0 })));
    (notice, opens, select(RelativeTo::ALL)).prop_map(|(notice, opens, relative_to)| {
        let never = matches!(notice, Notice::Before { at_least_s } if at_least_s > 364 * 86_400);
        let opens = opens.filter(|_| !never).unwrap_or(Opens::Always);
        Terms { notice, opens, relative_to }
    })
}

prop_compose! {
    fn desk()(
        (phone, phone_hours, url) in (of("[+0-9][0-9 /()-]{0,20}[0-9]"), of(text()), of("https?://[a-z]{1,9}/[a-z?=]{0,9}")),
        (info_url, message_de, message_en, surcharge_eur) in (of("https://[a-z]{1,9}"), of(text()), of(text()), of(0.0..=1_000.0)),
    ) -> Desk {
        Desk { phone, phone_hours, url, info_url, message_de, message_en, surcharge_eur }
    }
}

prop_compose! {
    fn on_demand()(
        (municipality, route, kind, agency) in (of(slug()), "[a-zA-Z0-9 ä/.,;\"'#*-]{0,8}[a-z0-9]", select(OnDemandKind::ALL), of(text())),
        (direction, hours, terms, desk) in (of(0u8..=1), of(text()), terms(), desk()),
        (to_door_m, wheelchair, wheelchair_notice_min, bikes) in (of(0u32..=1_000), of(any::<bool>()), of(0u32..=9_999), of(any::<bool>())),
        (valid_from, valid_until, source) in (of(day()), of(day()), of(text())),
    ) -> OnDemandLine {
        let route = route.trim().to_owned();
        OnDemandLine { municipality, route, kind, agency, direction, hours, terms, desk, to_door_m, wheelchair, wheelchair_notice_min, bikes, valid_from, valid_until, source }
    }
}

prop_compose! {
    fn on_demand_area()(
        (id, municipality, name, kind, hours) in (id(), slug(), text(), select(OnDemandKind::ALL), text()),
        (agency, stops, detour_factor, offset_s) in (of(text()), vec(id(), 0..3), 1.0..=10.0, 0u32..=14_400),
        (terms, desk, wheelchair, wheelchair_notice_min, bikes) in (terms(), desk(), of(any::<bool>()), of(0u32..=9_999), of(any::<bool>())),
        (valid_from, valid_until, source, polygons) in (of(day()), of(day()), of(text()), vec(polygon(), 1..3)),
    ) -> OnDemandArea {
        let terms = Terms { relative_to: RelativeTo::Boarding, ..terms };
        let rings = |geometry| match geometry {
            Geometry::Polygon(rings) => rings,
            Geometry::Point(_) => Vec::new(),
        };
        let shape = Shape::from(polygons.into_iter().map(rings).collect::<Vec<_>>());
        OnDemandArea { id, municipality, name, kind, hours, agency, stops, detour_factor, offset_s, terms, desk, wheelchair, wheelchair_notice_min, bikes, valid_from, valid_until, source, shape }
    }
}

fn euros(most: f64) -> impl Strategy<Value = Euros> {
    (0.0..=most).prop_map(|number| Euros::from((number * 10_000.0).round() / 10_000.0))
}

prop_compose! {
    fn fare()(
        (id, name, kind, base, per_km) in (id(), of(text()), select(FareKind::ALL), euros(1_000.0), euros(1_000.0)),
        (agencies, routes) in (vec(text(), 0..3), vec("[A-Z*]{1,5}", 0..3)),
        (cap_24h_eur, child) in (of(euros(1_000.0)), of(0u32..=10_000)),
        (valid_from, days, source) in (day(), of(0i64..99), text()),
    ) -> Fare {
        Fare {
            id, name, kind, agencies, routes, cap_24h_eur, valid_from, source,
            valid_until: days.map(|days| valid_from.saturating_add(days.days())),
            base_eur: Some(base),
            per_started_km_eur: (kind == FareKind::CrowFly).then_some(per_km),
            child_factor: child.and_then(|part| Factor::exact(f64::from(part) / 10_000.0)),
        }
    }
}

prop_compose! {
    fn pass()(
        (id, name, price_eur, route_types, agencies_except) in (id().prop_map(|id| id.replace(',', "")), of(text()), euros(10_000.0), vec(0u16..=1_799, 0..3), vec(text(), 0..3)),
        (valid_from, days, source) in (day(), of(0i64..99), text()),
    ) -> Pass {
        let id = if id.trim().is_empty() { "pass".to_owned() } else { id.trim().to_owned() };
        let valid_until = days.map(|days| valid_from.saturating_add(days.days()));
        Pass { id, name, price_eur, route_types, agencies_except, valid_from, valid_until, source }
    }
}

prop_compose! {
    fn fares()(fares in vec(fare(), 0..4), passes in vec(pass(), 0..4)) -> FareList {
        FareList { fares, passes }
    }
}

/// Definitions with ids of their own, in the order of the ids.
fn named<T: Clone + std::fmt::Debug>(
    id: impl Strategy<Value = String>,
    item: impl Strategy<Value = T>,
    set: fn(&mut T, String),
) -> impl Strategy<Value = Vec<T>> {
    btree_map(id, item, 0..5).prop_map(move |items: BTreeMap<String, T>| {
        let named = items.into_iter().map(|(id, mut item)| {
            set(&mut item, id);
            item
        });
        named.collect()
    })
}

prop_compose! {
    fn existing()(
        municipalities in named(slug(), municipality(), |m, id| m.slug = id),
        sites in named(id(), site(), |s, id| s.id = id),
        bays in named(id(), bay(), |b, id| b.id = id),
        vehicles in named(id(), vehicle(), |v, id| v.id = id),
        sensors in btree_map((id(), of(instant())), sensor(), 0..5),
        brokers in named(id(), broker(), |b, id| b.id = id),
        closures in btree_map((id(), select(PlaceKind::ALL), instant()), closure(), 0..5),
        calendar in btree_map((slug(), day(), select(MarkedKind::ALL), text()), 0i64..9, 0..5),
        feeds in named("[a-z0-9._-]{1,12}", feed(), |f, id| f.id = id),
        notices in named(id(), notice(), |n, id| n.id = id),
        on_demand in vec(on_demand(), 0..5).prop_map(Some),
        on_demand_areas in named(id(), on_demand_area(), |a, id| a.id = id).prop_map(Some),
        fares in fares().prop_map(Some),
        taxis in named(id(), taxi(), |t, id| t.id = id).prop_map(Some),
    ) -> Catalogue {
        let sensors = sensors.into_iter().map(|((id, bound_from), row)| SensorRow { id, bound_from, ..row }).collect();
        let closures = closures.into_iter().map(|((place, kind, from), c)| Closure { place, kind, from, ..c }).collect();
        let calendar = calendar.into_iter().map(|((municipality, date, kind, name), days)| {
            CalendarDay { municipality, date, until: date.saturating_add(days.days()), kind, name }
        }).collect();
        let commissioned = Default::default();
        Catalogue { municipalities, sites, bays, sensors, vehicles, brokers, feeds, closures, calendar, commissioned, notices, on_demand, on_demand_areas, fares, taxis }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(all in existing()) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &all).unwrap();
        let files = match read(&[folder.path().to_owned()]) {
            Ok(files) => files,
            Err(problems) => return Err(TestCaseError::fail(problems[0].to_string())),
        };
        prop_assert_eq!(files.kinds_seen.len(), FileKind::NAMED.len());
        let back = definitions(files);
        prop_assert_eq!(&back, &all);

        let again = tempfile::tempdir().unwrap();
        write(again.path(), &back).unwrap();
        for name in ["municipalities.csv", "sites.geojson", "bays.geojson", "sensors.csv", "vehicles.csv", "feeds.toml", "closures.csv", "calendar.csv", "on_demand.csv", "on_demand_areas.geojson", "fares.toml", "taxis.csv", "notices.toml"] {
            prop_assert_eq!(fs::read(folder.path().join(name)).unwrap(), fs::read(again.path().join(name)).unwrap());
        }
    }
}

#[test]
fn nothing_is_written_as_empty_files_that_read_well() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &Catalogue::default()).unwrap();
    let files = read(&[folder.path().to_owned()]).unwrap();
    assert_eq!((files.kinds_seen.len(), files.sites.len()), (FileKind::NAMED.len(), 0));
}
