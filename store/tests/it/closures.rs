//! Closures and calendars in the database.

use crate::support::Database;
use domain::catalogue::Catalogue;
use domain::closure::{NEVER, Spans};
use domain::opening::Hours;
use domain::place::PlaceKind;
use domain::{CalendarDay, Closure, MarkedKind, UtcMicros};
use store::places::{Holds, Import, ImportReport, Missing, calendar, catalogue, registry};
use testing::World;

fn at(text: &str) -> UtcMicros {
    UtcMicros::parse(text).unwrap()
}

fn closure(place: &str, from: &str, until: Option<&str>) -> Closure {
    Closure {
        kind: PlaceKind::Site,
        place: place.into(),
        from: at(from),
        until: until.map(at),
        reason: Some("works".into()),
    }
}

fn day(date: &str, until: &str, name: &str) -> CalendarDay {
    CalendarDay {
        municipality: "n".into(),
        date: date.parse().unwrap(),
        until: until.parse().unwrap(),
        kind: MarkedKind::Event,
        name: name.into(),
    }
}

async fn import(db: &Database, new: Catalogue, missing: Missing, now: &str) -> ImportReport {
    let mut import = Import::begin(&db.pool).await.unwrap();
    let report = import.apply(&new, missing, Holds::FromNow, at(now)).await.unwrap();
    import.commit(&report, "test").await.unwrap();
    report
}

async fn with_sites() -> Database {
    let db = Database::start().await;
    let sites = World::town("n").site("p1", 9).site("p2", 9);
    testing::world::import(&sites.contents, &db.pool).await;
    db
}

fn counts(import_counts: &store::places::ImportCounts) -> (usize, usize, usize, usize) {
    (import_counts.added, import_counts.changed, import_counts.unchanged, import_counts.missing.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn closures_are_upserted_by_place_and_beginning() {
    let db = with_sites().await;
    let past = closure("p1", "2026-01-01T00:00:00Z", Some("2026-01-02T00:00:00Z"));
    let running = closure("p1", "2026-05-01T00:00:00Z", None);
    let coming = closure("p2", "2026-09-01T00:00:00Z", Some("2026-09-02T00:00:00Z"));
    let all = vec![past.clone(), running.clone(), coming.clone()];
    let now = "2026-07-01T00:00:00Z";
    let of = |closures: Vec<Closure>| Catalogue { closures, ..Catalogue::default() };
    let report = import(&db, of(all.clone()), Missing::Keep, now).await;
    assert_eq!(counts(&report.closures), (3, 0, 0, 0));
    let mut conn = db.pool.acquire().await.unwrap();
    assert_eq!(catalogue(&mut conn).await.unwrap().closures, all);

    let other_reason = Closure { reason: None, ..running.clone() };
    let report = import(&db, of(vec![past.clone(), other_reason]), Missing::Keep, now).await;
    assert_eq!(counts(&report.closures), (0, 1, 1, 1));
    assert_eq!(report.closures.missing, ["p2 from 2026-09-01T00:00:00Z"]);
    assert_eq!(catalogue(&mut conn).await.unwrap().closures.len(), 3, "nothing is deleted by being absent");

    // What runs ends now, what is to come is taken out, what is over stays.
    let other = closure("p2", "2026-07-05T00:00:00Z", None);
    let report = import(&db, of(vec![other.clone()]), Missing::Close, now).await;
    assert_eq!(counts(&report.closures), (1, 0, 0, 2));
    let ended = Closure { until: Some(at(now)), reason: None, ..running };
    assert_eq!(catalogue(&mut conn).await.unwrap().closures, [past, ended, other]);
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_closures_count_once() {
    let db = with_sites().await;
    let closures = vec![
        closure("p1", "2026-05-01T00:00:00Z", Some("2026-05-10T00:00:00Z")),
        closure("p1", "2026-05-08T00:00:00Z", Some("2026-05-12T00:00:00Z")),
        closure("p1", "2026-06-01T00:00:00Z", None),
        closure("p2", "2026-04-01T00:00:00Z", Some("2026-04-01T00:00:00Z")),
    ];
    import(&db, Catalogue { closures, ..Catalogue::default() }, Missing::Keep, "2026-07-01T00:00:00Z").await;
    let mut conn = db.pool.acquire().await.unwrap();
    let registry = registry(&mut conn).await.unwrap();
    let place = registry.site_by_key("p1").unwrap().id;
    let expected =
        [(at("2026-05-01T00:00:00Z"), at("2026-05-12T00:00:00Z")), (at("2026-06-01T00:00:00Z"), NEVER)];
    assert_eq!(*registry.closures(place).unwrap(), Spans::union(expected));
    let never_closed = registry.site_by_key("p2").unwrap().id;
    assert!(registry.closures(never_closed).is_none_or(Spans::is_empty));
    assert_eq!(registry.closed_at(at("2026-05-11T00:00:00Z")).collect::<Vec<_>>(), [place.into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_keeps_what_has_been() {
    let db = with_sites().await;
    let of = |calendar: Vec<CalendarDay>| Catalogue { calendar, ..Catalogue::default() };
    let days = vec![
        day("2026-03-01", "2026-03-02", "Fair"),
        day("2026-06-28", "2026-07-09", "Festival"),
        day("2026-12-04", "2026-12-06", "Market"),
    ];
    // Late in the evening in UTC it is the next day in the town.
    let now = "2026-06-30T22:30:00Z";
    let report = import(&db, of(days.clone()), Missing::Keep, now).await;
    assert_eq!(counts(&report.calendar), (3, 0, 0, 0));
    let mut conn = db.pool.acquire().await.unwrap();
    assert_eq!(calendar(&mut conn, Some(db.municipality)).await.unwrap(), days);

    let longer = day("2026-12-04", "2026-12-07", "Market");
    let report = import(&db, of(vec![longer.clone()]), Missing::Keep, now).await;
    assert_eq!(
        (counts(&report.calendar), &report.calendar.missing[0][..]),
        ((0, 1, 0, 1), "n 2026-06-28 event Festival")
    );
    import(&db, of(vec![day("2026-08-01", "2026-08-01", "Other")]), Missing::Close, now).await;
    let expected = [
        day("2026-03-01", "2026-03-02", "Fair"),
        day("2026-06-28", "2026-07-01", "Festival"),
        day("2026-08-01", "2026-08-01", "Other"),
    ];
    assert_eq!(calendar(&mut conn, None).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_hours_know_the_towns_calendar() {
    let db = with_sites().await;
    let of = |kind, date| CalendarDay { kind, ..day(date, date, "x") };
    let calendar = vec![of(MarkedKind::Holiday, "2026-09-07"), of(MarkedKind::SchoolHoliday, "2026-10-19")];
    let new = Catalogue { calendar, ..Catalogue::default() };
    import(&db, new, Missing::Keep, "2026-06-30T22:30:00Z").await;
    let mut conn = db.pool.acquire().await.unwrap();
    let registry = registry(&mut conn).await.unwrap();
    let hours = Hours::parse("24/7; PH off; SH off", registry.locality(db.municipality)).unwrap();
    let is_open = |noon| hours.at(at(noon)).is_open;
    assert_eq!(is_open("2026-09-07T12:00:00Z"), Some(false));
    assert_eq!(is_open("2026-10-19T12:00:00Z"), Some(false));
    assert_eq!(is_open("2026-10-20T12:00:00Z"), Some(true));
}
