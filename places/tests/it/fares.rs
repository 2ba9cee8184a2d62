//! What rides cost.

use domain::fare::{Euros, Factor, FareKind};
use jiff::civil::date;

use crate::support::{MUNICIPALITIES, existing, misfits, read_files};

fn problems(text: &str) -> String {
    read_files(&[("fares.toml", text)]).unwrap_err()
}

const GOOD: &str = r#"
[[fare]]
id = "eezy"
name = "eezy"
kind = "crow_fly"
valid_from = 2026-08-01
valid_until = "2027-07-31"
source = "tariff sheet"
agencies = ["RVM", "WVG*"]
routes = "T*"
base_eur = 1.4
per_started_km_eur = 0.2675
cap_24h_eur = 30
child_factor = 0.5

[[fare]]
id = "town"
kind = "flat"
valid_from = 2026-08-01
source = "town hall"
base_eur = 1

[[pass]]
id = "deutschlandticket"
price_eur = 63
valid_from = 2026-01-01
source = "dpa"
route_types = [0, 1, 3, 106, 109]
agencies_except = ["FlixBus"]
"#;

#[test]
fn a_file_says_what_rides_cost() {
    let files = read_files(&[("fares.toml", GOOD)]).unwrap();
    let list = files.into_catalogue().fares.unwrap();
    let ([eezy, town], [pass]) = (&list.fares[..], &list.passes[..]) else { panic!("{list:?}") };
    assert_eq!((eezy.kind, eezy.shown(), town.kind), (FareKind::CrowFly, "eezy", FareKind::Flat));
    assert_eq!((eezy.valid_from, eezy.valid_until), (date(2026, 8, 1), Some(date(2027, 7, 31))));
    assert_eq!((&*eezy.agencies, &*eezy.routes), (&["RVM".into(), "WVG*".into()][..], &["T*".into()][..]));
    assert_eq!(
        (eezy.base_eur, eezy.per_started_km_eur, eezy.cap_24h_eur),
        (Some(Euros::cents(140)), Euros::exact(0.2675), Some(Euros::cents(3_000)))
    );
    assert_eq!((eezy.child_factor, town.child_factor), (Factor::exact(0.5), None));
    assert_eq!((pass.price_eur, pass.shown()), (Euros::cents(6_300), "deutschlandticket"));
    assert_eq!((&*pass.route_types, pass.agencies_except.len()), (&[0, 1, 3, 106, 109][..], 1));
    assert_eq!(misfits(&[("fares.toml", GOOD)], &existing(&[MUNICIPALITIES])), "");
}

#[test]
fn what_is_wrong_names_field_value_and_remedy() {
    assert_eq!(
        problems(
            "[[fare]]\nid = \"a\"\nkind = \"zones\"\nvalid_from = 2026-02-01\nvalid_until = 2026-01-31\nbase_eur = -1.2\n\
             per_km_eur = 0.2\nchild_factor = 1.5\nagencies = [\"\"]\n"
        ),
        "fares.toml:7: per_km_eur: is not known in a fare\n  remedy: known: id, kind, valid_from, source, name, agencies, \
         routes, base_eur, per_started_km_eur, cap_24h_eur, child_factor, valid_until\n\
         fares.toml:3: kind = 'zones': is not known\n  remedy: choices: crow_fly, flat\n\
         fares.toml:5: valid_until = '2026-01-31': is before valid_from (2026-02-01)\n  remedy: correct one of the two; \
         valid_until is the last day on which it holds\n\
         fares.toml:1: source: is missing: nobody could check the price\n  remedy: write where the price is stated and when \
         it was read, e.g. source = \"tariff sheet, 2026-08\"\n\
         fares.toml:6: base_eur = '-1.2': is out of range\n  remedy: write 0 to 1000\n\
         fares.toml:9: agencies = '[\"\"]': names nothing\n  remedy: delete it, or write e.g. \"T*\"\n\
         fares.toml:8: child_factor = '1.5': is out of range\n  remedy: write 0 to 1"
    );
    let fare = |kind: &str, more: &str| {
        problems(&format!(
            "[[fare]]\nid = \"a\"\nkind = \"{kind}\"\nvalid_from = 2026-01-01\nsource = \"s\"\n{more}\n"
        ))
    };
    assert!(fare("crow_fly", "base_eur = 1").contains("per_started_km_eur: is missing: a crow_fly fare"));
    assert!(fare("flat", "").contains("base_eur: is missing: it is the price of a flat fare"));
    assert!(fare("flat", "base_eur = 1\nper_started_km_eur = 0.2").contains("has no meaning in a flat fare"));
    assert!(fare("flat", "base_eur = 0.12345").contains("has more than four digits behind the point"));
    assert!(fare("flat", "base_eur = \"1.20\"").contains("write 1.20 without quotes"));
    let pass = problems(
        "[[pass]]\nid = \"a,b\"\nprice_eur = -1\nvalid_from = \"gestern\"\nsource = \"s\"\nroute_types = [3, 9999]\n",
    );
    for part in [
        "holds a comma",
        "price_eur = '-1': is out of range",
        "valid_from = 'gestern': is not a date",
        "route_types = '[3,9999]': is out of range",
    ] {
        assert!(pass.contains(part), "{part}: {pass}");
    }
    assert!(problems("[[fares]]\nid = \"a\"\n").contains("did you mean 'fare'? known: [[fare]], [[pass]]"));
}

#[test]
fn fares_do_not_contradict_each_other() {
    let fare = |id: &str, more: &str| {
        format!("[[fare]]\nid = \"{id}\"\nkind = \"flat\"\nsource = \"s\"\nbase_eur = 1\n{more}\n")
    };
    let text = [
        fare("a", "valid_from = 2026-01-01\nvalid_until = 2026-06-30\nagencies = [\"RVM\", \"B\"]"),
        fare("b", "valid_from = 2026-07-01\nagencies = [\"b\", \"rvm\"]"),
        fare("c", "valid_from = 2027-01-01\nagencies = [\"B\", \"RVM\"]"),
        fare("d", "valid_from = 2027-01-01\nagencies = [\"RVM\"]"),
        fare("d", "valid_from = 2027-01-01"),
        "[[pass]]\nid = \"p\"\nprice_eur = 1\nvalid_from = 2026-01-01\nsource = \"s\"\n".repeat(2),
    ]
    .concat();
    let found = misfits(&[("fares.toml", &text)], &existing(&[MUNICIPALITIES]));
    let lines: Vec<&str> = found.lines().filter(|line| !line.starts_with("  remedy")).collect();
    assert_eq!(lines.len(), 3, "{found}");
    assert!(
        lines[0]
            .contains("id = 'c': is for the same agencies and routes on the same days as 'b' in fares.toml:"),
        "{found}"
    );
    assert!(lines[1].contains("id = 'd': stands twice"), "{found}");
    assert!(lines[2].contains("id = 'p': stands twice"), "{found}");
}

#[test]
fn an_empty_file_is_not_the_same_as_none() {
    let fares = |files: &[(&str, &str)]| read_files(files).unwrap().into_catalogue().fares;
    assert_eq!(fares(&[MUNICIPALITIES]), None);
    assert_eq!(fares(&[("fares.toml", "")]), Some(Default::default()));
}
