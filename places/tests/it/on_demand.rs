//! Lines that run on request.

use domain::booking::{DayTime, Notice, OnDemandKind, Opens, RelativeTo, Terms};
use jiff::civil::date;

use crate::support::{MUNICIPALITIES, existing, misfits, read_files, remarks};

fn problems(rows: &str) -> String {
    read_files(&[("on_demand.csv", rows)]).unwrap_err()
}

#[test]
fn a_row_says_how_rides_are_booked() {
    let rows = "route;kind;municipality;agency;direction;hours;min_notice_min;relative_to;phone;phone_hours;booking_url;info_url;message_de;message_en;surcharge_eur;to_door_m;wheelchair;wheelchair_notice_min;bikes;valid_from;valid_until;source\n\
        T58;taxibus;coesfeld;RVM;1;Mo-Fr 18:00-23:00;30;first_stop;0251 14480444;Mo-Su 06:00-22:00;https://book.example/t58;https://info.example;Bitte anrufen;Please call;0.80;300;WAHR;1440;falsch;2026-01-01;2026-12-12;rvm-online.de, 2026-11\n";
    let files = read_files(&[("on_demand.csv", rows)]).unwrap();
    let [rule] = &files.on_demand[..] else { panic!("{files:?}") };
    let rule = &rule.value;
    assert_eq!((rule.municipality.as_deref(), &*rule.route), (Some("coesfeld"), "T58"));
    assert_eq!((rule.kind, rule.agency.as_deref()), (OnDemandKind::TaxiBus, Some("RVM")));
    assert_eq!((rule.direction, rule.hours.as_deref()), (Some(1), Some("Mo-Fr 18:00-23:00")));
    let notice = Notice::Before { at_least_s: 1_800 };
    assert_eq!(rule.terms, Terms { notice, opens: Opens::Always, relative_to: RelativeTo::FirstStop });
    let desk = &rule.desk;
    assert_eq!(desk.phone.as_deref(), Some("0251 14480444"));
    assert_eq!(desk.phone_hours.as_deref(), Some("Mo-Su 06:00-22:00"));
    assert_eq!(desk.url.as_deref(), Some("https://book.example/t58"));
    assert_eq!(desk.info_url.as_deref(), Some("https://info.example"));
    assert_eq!(
        (desk.message_de.as_deref(), desk.message_en.as_deref()),
        (Some("Bitte anrufen"), Some("Please call"))
    );
    assert_eq!((desk.surcharge_eur, rule.to_door_m), (Some(0.8), Some(300)));
    assert_eq!(
        (rule.wheelchair, rule.wheelchair_notice_min, rule.bikes),
        (Some(true), Some(1_440), Some(false))
    );
    assert_eq!((rule.valid_from, rule.valid_until), (Some(date(2026, 1, 1)), Some(date(2026, 12, 12))));
    assert_eq!(rule.source.as_deref(), Some("rvm-online.de, 2026-11"));
    assert_eq!(misfits(&[("on_demand.csv", rows)], &existing(&[MUNICIPALITIES])), "");
}

#[test]
fn a_deadline_is_minutes_or_a_day_and_a_time_or_none() {
    let terms = |columns: &str, cells: &str| {
        let rows = format!("route,kind,{columns}\nT1,ast,{cells}\n");
        read_files(&[("on_demand.csv", &rows)]).map(|files| files.on_demand[0].value.terms)
    };
    let of = |notice, opens| Ok(Terms { notice, opens, relative_to: RelativeTo::Boarding });
    let day = |days_before, time_s| DayTime { days_before, time_s };
    assert_eq!(terms("phone", "115"), of(Notice::RealTime, Opens::Always));
    assert_eq!(terms("min_notice_min", "0"), of(Notice::Before { at_least_s: 0 }, Opens::Always));
    assert_eq!(
        terms("last_day,last_time,earliest_day", "1,17:00,14"),
        of(Notice::OnDay(day(1, 61_200)), Opens::OnDay(day(14, 0)))
    );
    assert_eq!(terms("last_day,last_time", "0,09:30:10"), of(Notice::OnDay(day(0, 34_210)), Opens::Always));
    let longest = Notice::Before { at_least_s: 366 * 86_400 };
    assert_eq!(terms("min_notice_min", "527040"), of(longest, Opens::Always));

    let refused = |columns: &str, cells: &str| {
        let text = terms(columns, cells).unwrap_err();
        text.strip_prefix("on_demand.csv:2: ").unwrap_or(&text).to_owned()
    };
    assert_eq!(
        refused("min_notice_min,last_day,last_time", "30,1,17:00"),
        "min_notice_min = '30': is a deadline beside another one, that of last_day and last_time\n  remedy: keep \
         min_notice_min, or last_day and last_time"
    );
    assert_eq!(
        refused("last_day", "1"),
        "last_time: is missing beside 'last_day'\n  remedy: add 'last_time', e.g. 17:00, or delete 'last_day'"
    );
    assert_eq!(
        refused("last_time", "17:00"),
        "last_day: is missing beside 'last_time'\n  remedy: add 'last_day', e.g. 1, or delete 'last_time'"
    );
    assert_eq!(
        refused("last_day,last_time,earliest_day", "2,17:00,1"),
        "earliest_day = '1': booking would open after the deadline\n  remedy: write 2 or more days before the ride, or \
         delete it"
    );
    assert_eq!(
        refused("min_notice_min,earliest_day", "1440,0"),
        "earliest_day = '0': booking would open after the deadline\n  remedy: write 1 or more days before the ride, or \
         delete it"
    );
    assert!(terms("min_notice_min,earliest_day", "1439,0").is_ok());
    assert_eq!(
        refused("last_day,last_time", "1,5 pm"),
        "last_time = '5 pm': is no time of day\n  remedy: write it by the clock of the line, like 17:00"
    );
    for (column, cell) in
        [("min_notice_min", "527041"), ("min_notice_min", "99999999999"), ("earliest_day", "365")]
    {
        assert!(refused(column, cell).contains("is out of range"), "{column} {cell}");
    }
}

#[test]
fn what_is_wrong_names_field_value_and_remedy() {
    assert_eq!(
        problems("route,kind,min_notice\nT1,ast,30\n"),
        "on_demand.csv:1: min_notice: is not a known column of a line that runs on request\n  remedy: known: route, \
         kind, municipality, agency, direction, hours, min_notice_min, last_day, last_time, earliest_day, relative_to, \
         phone, phone_hours, booking_url, info_url, message_de, message_en, surcharge_eur, to_door_m, wheelchair, \
         wheelchair_notice_min, bikes, valid_from, valid_until, source"
    );
    assert!(problems("route,kind,phone_hour\nT1,ast,\n").contains("did you mean 'phone_hours'?"));
    let columns = "route,kind,direction,phone,booking_url,info_url,surcharge_eur,valid_until,relative_to\n";
    assert_eq!(
        problems(&format!(
            "{columns},taxi,2,0251 (8-18 Uhr),ftp://a.example,a.example,-0.8,12.12.2026,start\n"
        )),
        "on_demand.csv:2: route: is missing\n  remedy: add 'route'\n\
         on_demand.csv:2: kind = 'taxi': is not known\n  remedy: choices: taxibus, ast, rufbus, buergerbus\n\
         on_demand.csv:2: direction = '2': is out of range\n  remedy: write 0 to 1\n\
         on_demand.csv:2: relative_to = 'start': is not known\n  remedy: choices: boarding, first_stop\n\
         on_demand.csv:2: phone = '0251 (8-18 Uhr)': a telephone number holds digits, blanks and + - / ( ) only, no \
         'U'\n  remedy: write it like 02541 123456 or +49 2541 123456; hours go into phone_hours, in Excel format the \
         column as Text\n\
         on_demand.csv:2: booking_url = 'ftp://a.example': is not a web address\n  remedy: write https://host/path\n\
         on_demand.csv:2: info_url = 'a.example': is not a web address\n  remedy: write https://host/path\n\
         on_demand.csv:2: surcharge_eur = '-0.8': is out of range\n  remedy: write 0 to 1000\n\
         on_demand.csv:2: valid_until = '12.12.2026': is not a date\n  remedy: write 2026-12-12"
    );
    for surcharge in ["inf", "NaN", "1e9"] {
        let text = problems(&format!("route,kind,surcharge_eur\nT1,ast,{surcharge}\n"));
        assert!(text.contains("is out of range"), "{surcharge}: {text}");
    }
}

#[test]
fn every_line_there_is_cannot_be_meant() {
    for stars in ["*", "**"] {
        assert_eq!(
            problems(&format!("route,kind\n{stars},ast\n")),
            format!(
                "on_demand.csv:2: route = '{stars}': is every line there is\n  remedy: write what the names of the lines \
                 begin with, e.g. T*, or name their agency"
            )
        );
    }
    // All lines of the association of a Bürgerbus.
    assert!(read_files(&[("on_demand.csv", "route,kind,agency\n*,buergerbus,BBV Merfeld\n")]).is_ok());
}

#[test]
fn rules_fit_together_and_with_what_exists() {
    let rows = "route,kind,municipality,hours,phone_hours,valid_from,valid_until,phone\n\
        T1,ast,coesfelt,Mo-Xx,always,2026-07-02,2026-07-01,115\n\
        T2,ast,coesfeld,,,,,115\n\
        T2,taxibus,coesfeld,,,,,116\n\
        T2,ast,,,,,,115\n\
        T2,ast,coesfeld,,,2026-08-01,,115\n\
        T3,ast,,,,2026-07-01,2026-07-01,115\n";
    let found = misfits(&[("on_demand.csv", rows)], &existing(&[MUNICIPALITIES]));
    let lines: Vec<&str> = found.lines().filter(|line| !line.starts_with("  remedy")).collect();
    let expected = [
        "on_demand.csv:2: municipality = 'coesfelt': exists neither in the files nor in the database",
        "on_demand.csv:2: hours = 'Mo-Xx': not OSM opening hours",
        "on_demand.csv:2: phone_hours = 'always': not OSM opening hours",
        "on_demand.csv:2: valid_until = '2026-07-01': is before valid_from (2026-07-02)",
        "on_demand.csv:4: route = 'T2': this rule stands twice: also in on_demand.csv:3, for the same rides",
    ];
    let starts = |expected: &str| lines.iter().filter(|line| line.starts_with(expected)).count() == 1;
    assert!(expected.into_iter().all(starts), "{found}");
    assert!(
        found.contains("did you mean 'coesfeld'? add it to municipalities.csv, or correct the name"),
        "{found}"
    );
}

#[test]
fn a_rule_without_a_way_to_book_is_remarked() {
    let rows = "route,kind,phone,message_de\nT1,ast,,\nT2,ast,115,\nT3,ast,,Beim Fahrer\n";
    assert_eq!(
        remarks(&[("on_demand.csv", rows)], &existing(&[MUNICIPALITIES])),
        "on_demand.csv:2: route = 'T1': names no way to book\n  remedy: write phone or booking_url, else nobody learns \
         how to book these rides"
    );
}

#[test]
fn an_empty_file_is_not_the_same_as_none() {
    let rules = |files: &[(&str, &str)]| read_files(files).unwrap().into_catalogue().on_demand;
    assert_eq!(rules(&[MUNICIPALITIES]), None);
    assert_eq!(rules(&[("on_demand.csv", "route,kind\n")]), Some(Vec::new()));
}
