//! Personal data that a supplier should not send: found by the names of fields and by the look of values.
//!
//! What is found is a hint: a name may stand for a company. What is not in these lists is not found. Messages of LoRaWAN servers
//! are reduced by the allow-list with which the ingest keeps them, whatever is in them.

use std::borrow::Cow;

use domain::feed_check::Personal;
use domain::{Decoder, FeedFormat};
use ingest::decode::json::JsonType;
use ingest::decode::lorawan;

use crate::formats;
use crate::json::{self, Edit, Leaf};

/// Names of fields, without case, underscores, hyphens and spaces.
const NAMES: [(Personal, &[&str]); 8] = [
    (
        Personal::Plate,
        &[
            "plate",
            "licenseplate",
            "licenceplate",
            "numberplate",
            "platenumber",
            "kennzeichen",
            "kfzkennzeichen",
            "lpn",
            "lprplate",
            "vehicleregistration",
        ],
    ),
    (
        Personal::Name,
        &[
            "firstname",
            "lastname",
            "surname",
            "givenname",
            "familyname",
            "fullname",
            "vorname",
            "nachname",
            "driver",
            "drivername",
            "fahrer",
            "owner",
            "ownername",
            "halter",
            "customer",
            "customername",
            "kunde",
            "username",
            "userid",
            "holder",
            "cardholder",
            "contactperson",
            "ansprechpartner",
            "drivernumber",
            "driverid",
        ],
    ),
    (
        Personal::Phone,
        &["phone", "phonenumber", "telephone", "telefon", "mobile", "mobilenumber", "handy", "msisdn"],
    ),
    (Personal::Email, &["email", "mail", "emailaddress", "usermail"]),
    (
        Personal::RadioAddress,
        &[
            "mac",
            "macaddress",
            "bluetoothaddress",
            "bleaddress",
            "blemac",
            "wifimac",
            "bdaddr",
            "beacon",
            "beacons",
            "beaconid",
            "beaconids",
            "bleid",
            "bleids",
            "clientmac",
        ],
    ),
    (Personal::Imei, &["imei", "imsi", "iccid"]),
    (
        Personal::Card,
        &[
            "iban",
            "creditcard",
            "cardnumber",
            "cardid",
            "rfid",
            "rfidtag",
            "permitid",
            "permitnumber",
            "ausweisnummer",
        ],
    ),
    (Personal::Birth, &["birthday", "birthdate", "dateofbirth", "geburtsdatum", "geburtstag"]),
];

/// What a leaf reveals of a person; `None`: nothing that is known.
pub fn of(leaf: &Leaf<'_>) -> Option<Personal> {
    let text = match leaf.json() {
        JsonType::Text(text) if !text.trim().is_empty() => text,
        JsonType::Number(digits) => Cow::Borrowed(digits),
        _ => return None,
    };
    by_value(text.trim()).or_else(|| by_name(leaf.key)).or_else(|| of_person(leaf))
}

/// Names of fields about somebody: `driver.name`.
const OF_SOMEBODY: [&str; 5] = ["name", "id", "number", "first", "last"];

/// A value in an object that is a person.
fn of_person(leaf: &Leaf<'_>) -> Option<Personal> {
    let (above, last) = leaf.path.rsplit_once('.')?;
    let object = above.rsplit('.').next()?;
    by_name(object).filter(|what| *what == Personal::Name && OF_SOMEBODY.contains(&last))
}

fn by_name(key: &str) -> Option<Personal> {
    let bare: String =
        key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(40).collect();
    NAMES.iter().find(|(_, names)| names.contains(&bare.as_str())).map(|(what, _)| *what)
}

fn by_value(text: &str) -> Option<Personal> {
    if text.len() > 200 {
        return None;
    }
    if is_email(text) {
        Some(Personal::Email)
    } else if is_mac(text) {
        Some(Personal::RadioAddress)
    } else if is_phone(text) {
        Some(Personal::Phone)
    } else if is_plate(text) {
        Some(Personal::Plate)
    } else {
        None
    }
}

fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.split_once('@') else { return false };
    let is_part = |c: char| c.is_alphanumeric() || ".-_+".contains(c);
    let end = host.rsplit('.').next().unwrap_or_default();
    !user.is_empty()
        && user.chars().all(is_part)
        && host.contains('.')
        && host.chars().all(is_part)
        && end.len() >= 2
        && end.chars().all(char::is_alphabetic)
}

/// Six pairs of hexadecimal digits, with colons or hyphens between them. LoRaWAN's identifiers have eight.
fn is_mac(text: &str) -> bool {
    let pairs = |by: char| {
        let all: Vec<&str> = text.split(by).collect();
        all.len() == 6
            && all.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    pairs(':') || pairs('-')
}

/// An international number.
fn is_phone(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('+').or_else(|| text.strip_prefix("00")) else { return false };
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let is_spaced = rest.contains([' ', '-', '/', '(']) || text.starts_with('+');
    is_spaced && (9..=15).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || " -/()".contains(c))
}

/// A German one, written out: `MS-AB 123`.
fn is_plate(text: &str) -> bool {
    let Some((district, rest)) = text.split_once('-') else { return false };
    let Some((letters, number)) = rest.split_once(' ') else { return false };
    let are_letters =
        |s: &str, most: usize| (1..=most).contains(&s.chars().count()) && s.chars().all(char::is_uppercase);
    let number = number.trim_end_matches(['E', 'H']);
    are_letters(district, 3)
        && are_letters(letters, 2)
        && (1..=4).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// What may be kept of a payload, and how many personal values were found and dropped. Of a LoRaWAN server's message: what
/// the ingest keeps of one that it rejects (its allow-list; `decoder_of` says how a device's bytes are read). Of other
/// JSON: all but the fields that look personal; else all.
pub fn redact(topic: &str, payload: &[u8], decoder_of: impl Fn(&str) -> Option<Decoder>) -> (Vec<u8>, u64) {
    let mut dropped = 0;
    let Some(text) = json::of_payload(payload) else {
        let format = formats::lorawan_by_topic(topic);
        return (format.map_or(payload.to_vec(), |f| kept(f, topic, payload, decoder_of)), 0);
    };
    let is_whole = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    let edited = if is_whole {
        json::edit(&text, &mut |leaf| {
            let is_personal = of(leaf).is_some();
            dropped += u64::from(is_personal);
            Some(if is_personal { Edit::Drop } else { Edit::Keep })
        })
    } else {
        without_pairs(&text, &mut dropped)
    };
    match formats::lorawan_by_topic(topic) {
        Some(format) => (kept(format, topic, payload, decoder_of), dropped),
        None if dropped == 0 => (payload.to_vec(), 0),
        None => (edited.into_bytes(), dropped),
    }
}

/// JSON that is broken somewhere, without the texts of personal fields.
fn without_pairs(text: &str, dropped: &mut u64) -> String {
    // Every second part stands between quotation marks.
    let mut parts: Vec<&str> = text.split('"').collect();
    for value in (3..parts.len()).step_by(2) {
        let key = if parts[value - 1].trim() == ":" { parts[value - 2] } else { "" };
        let raw = format!("\"{}\"", parts[value]);
        if of(&Leaf { path: key, key, raw: &raw }).is_some() {
            *dropped += 1;
            parts[value] = "";
        }
    }
    parts.join("\"")
}

fn kept(
    format: FeedFormat,
    topic: &str,
    payload: &[u8],
    decoder_of: impl Fn(&str) -> Option<Decoder>,
) -> Vec<u8> {
    lorawan::allowed(format, topic, payload, decoder_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, raw: &str) -> Option<Personal> {
        of(&Leaf { path: key, key, raw })
    }

    #[test]
    fn persons_are_found_by_names_and_by_values() {
        for (key, raw, what) in [
            ("licensePlate", "\"COE-KV 12\"", Personal::Plate),
            ("remark", "\"COE-KV 123E\"", Personal::Plate),
            ("Vor-Name", "\"Erika\"", Personal::Name),
            ("driver_id", "4711", Personal::Name),
            ("x", "\"erika.m@example.org\"", Personal::Email),
            ("hotline", "\"+49 251 123456\"", Personal::Phone),
            ("gw", "\"aa:bb:cc:dd:ee:0f\"", Personal::RadioAddress),
            ("beaconIds", "\"17\"", Personal::RadioAddress),
            ("IMEI", "490154203237518", Personal::Imei),
            ("card_number", "\"4711\"", Personal::Card),
            ("geburtsdatum", "\"1980-01-01\"", Personal::Birth),
        ] {
            assert_eq!(found(key, raw), Some(what), "{key} {raw}");
        }
        for (key, raw) in [
            ("plate", "null"),
            ("driver", "\"\""),
            ("devEui", "\"70b3d57ed0050036\""),
            ("id", "\"markt-17\""),
            ("name", "\"P-A 1200 Plätze\""),
            ("time", "\"2026-11-28T12:00:00Z\""),
            ("period", "\"08-09-10-11-12-xx\""),
            ("state", "\"occupied\""),
            ("rssi", "-101"),
            ("offset", "\"+01:00\""),
        ] {
            assert_eq!(found(key, raw), None, "{key} {raw}");
        }
    }

    #[test]
    fn what_an_object_says_of_a_person_is_personal() {
        let raw = "\"E. Muster\"";
        assert_eq!(of(&Leaf { path: "driver.name", key: "name", raw }), Some(Personal::Name));
        assert_eq!(of(&Leaf { path: "site.name", key: "name", raw }), None);
    }

    #[test]
    fn broken_json_is_redacted_too() {
        let (kept, dropped) =
            redact("x/y", br#"{"driver": "Erika","a":"e@x.org","b":NaN,"c":"d"}"#, |_| None);
        assert_eq!(
            (String::from_utf8(kept).unwrap().as_str(), dropped),
            (r#"{"driver": "","a":"","b":NaN,"c":"d"}"#, 2)
        );
    }

    #[test]
    fn what_is_redacted_has_no_personal_value_and_is_still_json() {
        let (kept, dropped) =
            redact("x/y", br#"{"driver":"Erika","at":1,"l":[{"mail":"e@x.org"}]}"#, |_| None);
        assert_eq!((String::from_utf8(kept).unwrap().as_str(), dropped), (r#"{"at":1,"l":[{}]}"#, 2));
        for harmless in [&b"\xff\0"[..], b"{ \"at\" : 1 }", b"no json"] {
            assert_eq!(redact("x/y", harmless, |_| None), (harmless.to_vec(), 0));
        }
        let up = br#"{"deviceInfo":{"devEui":"70b3d57ed0050036","deviceName":"Frau Meier"},"fPort":1,"data":"AQ=="}"#;
        let topic = "application/1/device/70b3d57ed0050036/event/up";
        let kept = String::from_utf8(redact(topic, up, |_| None).0).unwrap();
        assert!(!kept.contains("Meier") && kept.contains("AQ=="), "{kept}");
    }
}
