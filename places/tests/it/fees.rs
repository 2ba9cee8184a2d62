//! What parking costs.

use domain::fare::Euros;
use domain::fee::{Charge, Fee, Tariff};

use crate::support::{MUNICIPALITIES, collection, existing, feature, misfits, read_files, remarks};

fn site(fee: &str) -> String {
    collection(&[&feature(&format!(
        r#""id": "p", "municipality": "coesfeld", "name": "Markt", "kind": "lot", "capacity": 9, "fee": {fee}"#
    ))])
}

fn fee(text: &str) -> Option<Fee> {
    read_files(&[("sites.geojson", &site(text))]).unwrap().sites.remove(0).value.fee
}

#[test]
fn a_fee_is_a_text_or_a_tariff_or_both() {
    let free = Tariff { charge: Charge::Free, free_min: None, day_max_eur: None, hours: None };
    assert_eq!(fee(r#""no""#), Some(Fee { de: None, en: None, tariff: Some(free.clone()) }));
    assert_eq!(fee(r#"{"charge": "no"}"#), Some(Fee { de: None, en: None, tariff: Some(free) }));
    let text = fee(r#""1 € je Stunde""#).unwrap();
    assert_eq!((text.en.as_deref(), text.tariff), (Some("1 € je Stunde"), None));
    let all = fee(
        r#"{"de": "siehe Automat", "charge": "0.5 EUR/20 min", "free_min": 30, "day_max_eur": 5.5, "hours": "Mo-Fr 08:00-18:00"}"#,
    );
    let tariff = Tariff {
        charge: Charge::Unit { amount: Euros::cents(50), minutes: 20 },
        free_min: Some(30),
        day_max_eur: Some(Euros::cents(550)),
        hours: Some("Mo-Fr 08:00-18:00".into()),
    };
    assert_eq!(all, Some(Fee { de: Some("siehe Automat".into()), en: None, tariff: Some(tariff) }));
    assert_eq!(fee("{}"), None);
}

#[test]
fn what_is_wrong_names_field_value_and_remedy() {
    let problems = |fee: &str| {
        let text = read_files(&[("sites.geojson", &site(fee))]).unwrap_err();
        text.replace("sites.geojson:2: fee.", "")
    };
    assert_eq!(
        problems(r#"{"charge": "1,50 EUR/hour", "free_min": 0, "day_max_eur": 5.005, "until": "18:00"}"#),
        "sites.geojson:2: fee.until: is not known in a fee\n  remedy: known: de, en, charge, free_min, day_max_eur, hours\n\
         charge = '1,50 EUR/hour': has a decimal comma\n  remedy: write 1.50 EUR, with a decimal point\n\
         free_min = '0': is out of range\n  remedy: write 1 to 10080\n\
         day_max_eur = '5.005': has parts of a cent\n  remedy: write at most two digits behind the point"
            .replace("sites.geojson:2: fee.", "")
    );
    assert_eq!(
        problems(r#"{"de": "x", "free_min": 30, "hours": "24/7"}"#),
        "free_min = '30': says nothing without a charge\n  remedy: add \"charge\", e.g. \"1.50 EUR/hour\"\n\
         hours = '24/7': says nothing without a charge\n  remedy: add \"charge\", e.g. \"1.50 EUR/hour\""
    );
    assert_eq!(
        problems(r#"{"charge": "no", "day_max_eur": 4}"#),
        "day_max_eur = '4': has no meaning where parking is free\n  remedy: delete it, or correct 'charge'"
    );
    assert!(
        problems(r#"{"charge": "4 EUR/day", "day_max_eur": 4}"#).contains("time does not count within a day")
    );
    assert!(
        problems(r#"{"charge": "1 CHF"}"#)
            .starts_with("charge = '1 CHF': is no amount of euros\n  remedy: write the amount")
    );
    let hours = site(r#"{"charge": "1 EUR/hour", "hours": "werktags"}"#);
    let found = misfits(&[("sites.geojson", &hours)], &existing(&[MUNICIPALITIES]));
    assert!(found.starts_with("sites.geojson:2: fee.hours = 'werktags': not OSM opening hours"), "{found}");
}

#[test]
fn a_text_that_could_be_computed_with_is_remarked() {
    let remark = |fee: &str| remarks(&[("sites.geojson", &site(fee))], &existing(&[MUNICIPALITIES]));
    assert_eq!(
        remark(r#""1.50 EUR/hour""#),
        "sites.geojson:2: fee = '1.50 EUR/hour': is a text for people, no price is computed from it\n  remedy: if it is the whole \
         tariff, write {\"charge\": \"1.50 EUR/hour\"}"
    );
    assert_eq!(remark(r#""1.50 EUR per hour""#), "");
    assert_eq!(remark(r#"{"en": "1.50 EUR/hour", "charge": "1.50 EUR/hour"}"#), "");
}
