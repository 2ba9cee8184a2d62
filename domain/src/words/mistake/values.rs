//! The values that sentences about mistakes name.

use super::say;
use crate::lang::Lang;
use crate::mistake::{Expected, Reported, Subject, Topics};

/// A value with its kind, where its first character does not say it.
pub(super) fn shown(value: &str, lang: Lang) -> String {
    match value.as_bytes().first() {
        Some(b'{') => say!(lang, "ein Objekt ({value})", "an object ({value})"),
        Some(b'[') => say!(lang, "eine Liste ({value})", "a list ({value})"),
        _ => value.to_owned(),
    }
}

impl Lang {
    /// What a library says, which is English.
    pub(super) fn foreign(self, text: &str) -> String {
        match self {
            Lang::De => format!("im Wortlaut der Bibliothek: „{text}“"),
            Lang::En => text.to_owned(),
        }
    }
}

impl Topics {
    /// Their pattern.
    pub(super) fn words(&self, lang: Lang) -> String {
        match self {
            Topics::Native(feed) => say!(
                lang,
                "kv/1/{feed}/ mit bay/ID, site/ID, vehicle/ID, passengers/ID oder batch dahinter",
                "kv/1/{feed}/ followed by bay/ID, site/ID, vehicle/ID, passengers/ID or batch"
            ),
            Topics::Hfp(events) => say!(
                lang,
                "/hfp/v2/(journey|deadrun|signoff)/(ongoing|upcoming)/EVENT/MODE/OPERATOR/VEHICLE mit einem EVENT aus \
                 {events}",
                "/hfp/v2/(journey|deadrun|signoff)/(ongoing|upcoming)/EVENT/MODE/OPERATOR/VEHICLE with an EVENT of {events}"
            ),
            Topics::Server(pattern) => pattern.to_string(),
        }
    }
}

impl Expected {
    /// What would be right: German in the nominative.
    pub(super) fn words(&self, lang: Lang) -> String {
        let words = match self {
            Expected::OneOf(words) => return say!(lang, "eines von: {words}", "one of: {words}"),
            Expected::Between(low, high) => {
                return say!(lang, "ein Wert von {low} bis {high}", "between {low} and {high}");
            }
            Expected::FrameOf(bytes) => {
                return say!(
                    lang,
                    "höchstens, was ein LoRaWAN-Rahmen fasst, {bytes} Bytes",
                    "what a LoRaWAN frame can carry, {bytes} bytes"
                );
            }
            Expected::Word => lang.say("ein Wort", "a word"),
            Expected::Text => lang.say("ein Text", "a text"),
            Expected::Flag => lang.say("true oder false", "true or false"),
            Expected::Number => lang.say("eine Zahl", "a number"),
            Expected::Whole => lang.say("eine ganze Zahl", "a whole number"),
            Expected::Whole64 => lang.say("eine ganze Zahl unter 2^63", "a whole number below 2^63"),
            Expected::Object => lang.say("ein Objekt", "an object"),
            Expected::OneObject => lang.say("ein einzelnes Objekt", "one object"),
            Expected::Door => lang.say("ein Objekt aus door, in und out", "an object of door, in and out"),
            Expected::List => lang.say("eine Liste", "a list"),
            Expected::Places => lang.say("eine Liste von sites und spots", "a list of sites and spots"),
            Expected::Instant => lang.say(
                "eine Zeit nach RFC 3339, z. B. 2026-11-22T12:00:00Z",
                "an RFC 3339 time such as 2026-11-22T12:00:00Z",
            ),
            Expected::Day => lang.say("ein Tag, z. B. 20261122", "a day such as 20261122"),
            Expected::Id => lang.say("eine Kennung", "an id"),
            Expected::IdText => lang
                .say("eine Kennung, ein Text aus 1 bis 128 Zeichen", "an id, a text of 1 to 128 characters"),
            Expected::IdOfLength => {
                lang.say("eine Kennung aus 1 bis 128 Zeichen", "an id of 1 to 128 characters")
            }
            Expected::CleanId => lang.say(
                "eine Kennung aus 1 bis 128 Zeichen ohne Steuerzeichen",
                "an id of 1 to 128 characters without control characters",
            ),
            Expected::PlaceId => {
                lang.say("die Kennung einer Anlage oder eines Stellplatzes", "the id of a site or bay")
            }
            Expected::Base64 => lang.say("Bytes in Base64", "bytes in base64"),
            Expected::FeedMessage => {
                lang.say("eine FeedMessage von GTFS-Realtime", "a GTFS-Realtime FeedMessage")
            }
            Expected::Polygon => lang.say(
                "ein Polygon oder Multipolygon aus geschlossenen Ringen",
                "a polygon or multipolygon of closed rings",
            ),
            Expected::WebAddress => lang.say("eine Web-Adresse, https://...", "a web address, https://..."),
            Expected::OnlyValue => lang.say(
                "ein einziger Wert: das Feld steht zweimal da",
                "the only value: the field stands there twice",
            ),
        };
        words.to_owned()
    }
}

impl Subject {
    /// What it is: German in the accusative.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Subject::Bay => lang.say("einen Stellplatz", "a bay"),
            Subject::Site => lang.say("eine Anlage", "a site"),
            Subject::Vehicle => lang.say("ein Fahrzeug", "a vehicle"),
        }
    }

    /// The file that describes it.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Subject::Bay => "bays.geojson",
            Subject::Site => "sites.geojson",
            Subject::Vehicle => "vehicles.csv",
        }
    }
}

impl Reported {
    /// What it is.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Reported::State => lang.say("den Zustand eines Stellplatzes", "the state of a bay"),
            Reported::Passages => lang.say("wer eine Spur passiert", "who passes in a lane"),
            Reported::Position => lang.say("die Position eines Fahrzeugs", "the position of a vehicle"),
        }
    }
}
