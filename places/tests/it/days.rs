//! Closures and calendars.

use domain::catalogue::Catalogue;
use domain::place::PlaceKind;
use domain::{Closure, MarkedKind, UtcMicros};
use jiff::civil::date;
use places::settle;

use crate::support::{MUNICIPALITIES, collection, existing, feature, misfits, read_files};

/// A site and a bay of Coesfeld, an id that both have, and a site of a town in UTC.
fn places() -> Catalogue {
    let site = |id: &str, town: &str| {
        let rest = r#""name": "N", "kind": "lot", "capacity": 9"#;
        feature(&format!(r#""id": "{id}", "municipality": "{town}", {rest}"#))
    };
    let bay = |id: &str| feature(&format!(r#""id": "{id}", "municipality": "coesfeld""#));
    let towns = format!("{}greenwich,Greenwich,09000001,,\n", MUNICIPALITIES.1).replace("lon\n", "lon,tz\n");
    let towns = towns.lines().enumerate().map(|(i, line)| match line {
        _ if i == 0 => line.to_owned(),
        _ if line.starts_with("greenwich") => format!("{line},UTC"),
        _ => format!("{line},Europe/Berlin"),
    });
    existing(&[
        ("municipalities.csv", &(towns.collect::<Vec<_>>().join("\n") + "\n")),
        (
            "sites.geojson",
            &collection(&[&site("p1", "coesfeld"), &site("both", "coesfeld"), &site("g1", "greenwich")]),
        ),
        ("bays.geojson", &collection(&[&bay("17"), &bay("both")])),
    ])
}

fn closures(rows: &str, known: &Catalogue) -> Vec<Closure> {
    let mut files = read_files(&[("closures.csv", rows)]).unwrap();
    settle(&mut files, known);
    files.into_catalogue().closures
}

fn at(text: &str) -> UtcMicros {
    UtcMicros::parse(text).unwrap()
}

#[test]
fn a_plain_date_is_the_towns_midnight() {
    let rows = "place;from;until;reason\n17;2026-03-28;2026-03-30;Kirmes\np1;2026-07-01T06:00:00+02:00;;\ng1;2026-07-01;2026-07-02T12:00:00Z;Works\n";
    let read = closures(rows, &places());
    let [bay, site, abroad] = &read[..] else { panic!("{read:?}") };
    assert_eq!((bay.kind, bay.reason.as_deref()), (PlaceKind::Bay, Some("Kirmes")));
    // Summer time begins between the two.
    assert_eq!((bay.from, bay.until), (at("2026-03-27T23:00:00Z"), Some(at("2026-03-29T22:00:00Z"))));
    assert_eq!((site.kind, site.from, site.until), (PlaceKind::Site, at("2026-07-01T04:00:00Z"), None));
    assert_eq!((abroad.from, abroad.until), (at("2026-07-01T00:00:00Z"), Some(at("2026-07-02T12:00:00Z"))));
    assert_eq!(misfits(&[("closures.csv", rows)], &places()), "");
}

#[test]
fn what_is_closed_must_be_one_place() {
    let rows = "place,from,kind\nboth,2026-07-01,\nboth,2026-07-01,bay\np2,2026-07-01,\n17,2026-07-01,site\n";
    assert_eq!(
        misfits(&[("closures.csv", rows)], &places()),
        "closures.csv:2: place = 'both': is the id of a site and of a bay\n  remedy: write site or bay in the column \
         'kind'\n\
         closures.csv:4: place = 'p2': exists neither in the files nor in the database, as a site or as a bay\n  \
         remedy: add it to sites.geojson or bays.geojson, or correct the name\n\
         closures.csv:5: place = '17': exists neither in the files nor in the database\n  remedy: add it to \
         sites.geojson, or correct the name"
    );
    assert_eq!(closures("place,from,kind\nboth,2026-07-01,bay\n", &places())[0].kind, PlaceKind::Bay);
}

#[test]
fn closures_end_after_they_begin_and_stand_once() {
    let rows = "place,from,until\np1,2026-07-02,2026-07-01\n17,2026-07-01,2026-07-01\n17,2026-06-30T22:00:00Z,\n17,2026-06-01,2026-08-01\n";
    assert_eq!(
        misfits(&[("closures.csv", rows)], &places()),
        "closures.csv:2: until = '2026-06-30T22:00:00Z': is before from (2026-07-01T22:00:00Z)\n  remedy: correct one of \
         the two; until is the first instant at which the place is open again, empty = until further notice, the same \
         as from = the closure is taken back\n\
         closures.csv:4: this closure of the place stands twice: also in closures.csv:3\n  remedy: delete one of the \
         two rows"
    );
}

#[test]
fn a_calendar_names_days() {
    let rows = "municipality,date,kind,name,until\ncoesfeld,2026-12-04,event,Nikolausmarkt,2026-12-06\ncoesfeld,2026-12-01,market,Wochenmarkt,\n";
    let files = read_files(&[("calendar.csv", rows)]).unwrap();
    let days: Vec<_> =
        files.calendar.iter().map(|day| &day.value).map(|d| (d.date, d.until, d.kind)).collect();
    assert_eq!(
        days,
        [
            (date(2026, 12, 4), date(2026, 12, 6), MarkedKind::Event),
            (date(2026, 12, 1), date(2026, 12, 1), MarkedKind::Market)
        ]
    );
    let rows = "municipality,date,kind,name,until\ncoesfelt,2026-12-04,event,A,2026-12-03\nkreis,2026-12-01,market,B,\nkreis,2026-12-01,market,B,2026-12-02\n";
    assert_eq!(
        misfits(&[("calendar.csv", rows)], &places()),
        "calendar.csv:2: municipality = 'coesfelt': exists neither in the files nor in the database\n  remedy: did you \
         mean 'coesfeld'? add it to municipalities.csv, or correct the name\n\
         calendar.csv:2: until = '2026-12-03': is before date (2026-12-04)\n  remedy: correct one of the two; until is the \
         last day, empty = the same day\n\
         calendar.csv:4: this day stands twice: also in calendar.csv:3\n  remedy: delete one of the two rows"
    );
    assert_eq!(
        read_files(&[("calendar.csv", "municipality,date,kind,name\nkreis,1.5.2026,fair,\n")]).unwrap_err(),
        "calendar.csv:2: date = '1.5.2026': is not a date\n  remedy: write 2026-05-01\n\
         calendar.csv:2: kind = 'fair': is not known\n  remedy: choices: holiday, market, event, school_holiday\n\
         calendar.csv:2: name: is missing\n  remedy: add 'name'"
    );
}
