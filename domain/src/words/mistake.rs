//! What is wrong with a message.

mod device;
#[cfg(test)]
mod tests;
mod values;

use self::values::shown;
use crate::lang::Lang;
use crate::mistake::{Detail, MAX_DETAIL_BYTES, Mistake, Spot};
use crate::sensor::Decoder;

/// The sentence of this language, with the values that it names.
macro_rules! say {
    ($lang:expr, $de:literal, $en:literal $(,)?) => {
        match $lang {
            Lang::De => format!($de),
            Lang::En => format!($en),
        }
    };
}
pub(super) use say;

impl Detail {
    /// The field, its value and what would be right; at most [`MAX_DETAIL_BYTES`] of it, beside the number of the element.
    pub fn sentence(&self, lang: Lang) -> String {
        let mistake = self.mistake.sentence(lang);
        let mut text = match &self.at {
            Spot::Message => mistake,
            Spot::Payload => say!(lang, "Nutzdaten: {mistake}", "payload: {mistake}"),
            Spot::Codec => say!(
                lang,
                "Objekt des Codecs im Netzserver: {mistake}",
                "object of the server's codec: {mistake}"
            ),
            Spot::Field(field) => format!("{field}: {mistake}"),
        };
        text.truncate(text.floor_char_boundary(MAX_DETAIL_BYTES));
        match self.element {
            Some(nth) => say!(lang, "Element {nth}: {text}", "element {nth}: {text}"),
            None => text,
        }
    }
}

impl Mistake {
    /// What is wrong, without the field.
    fn sentence(&self, lang: Lang) -> String {
        match self {
            Mistake::Missing(None) => say!(lang, "fehlt", "it is missing"),
            Mistake::Missing(Some(expected)) => {
                let expected = expected.words(lang);
                say!(lang, "fehlt; erwartet wird {expected}", "it is missing; {expected} is expected")
            }
            Mistake::IsNot(value, expected) => {
                let (value, expected) = (shown(value, lang), expected.words(lang));
                say!(lang, "{value} passt nicht; erwartet wird {expected}", "{value} is not {expected}")
            }
            Mistake::WholeIsNot(value, expected) => {
                let expected = expected.words(lang);
                say!(lang, "{value} passt nicht; erwartet wird {expected}", "{value} is not {expected}")
            }
            Mistake::Instead(value, expected) => {
                let (value, expected) = (shown(value, lang), expected.words(lang));
                let text = if value.starts_with('"') { lang.say("der Text ", "the text ") } else { "" };
                say!(
                    lang,
                    "{text}{value} steht da; erwartet wird {expected}",
                    "{text}{value} where {expected} is expected"
                )
            }
            Mistake::NoJson(line, column) => say!(
                lang,
                "nicht als JSON lesbar, Zeile {line}, Spalte {column}",
                "it cannot be read as JSON, line {line}, column {column}"
            ),
            Mistake::BreaksOff(bytes) => {
                say!(lang, "das JSON bricht nach {bytes} Bytes ab", "the JSON breaks off after {bytes} bytes")
            }
            Mistake::DecimalComma => {
                say!(lang, "in der Zahl steht ein Komma", "a comma stands in the number")
            }
            Mistake::SecondObject => {
                say!(
                    lang,
                    "auf das erste JSON-Objekt folgt ein zweites",
                    "a second JSON object follows the first"
                )
            }
            Mistake::Follows(word) => say!(lang, "auf das JSON folgt „{word}“", "'{word}' follows the JSON"),
            Mistake::NoComma(word) => say!(
                lang,
                "„{word}“ steht, wo ein Komma oder das Ende erwartet wird",
                "'{word}' where a comma or the end is expected"
            ),
            Mistake::NoName(word) => say!(
                lang,
                "„{word}“ steht, wo der Name eines Feldes erwartet wird",
                "'{word}' where a field's name is expected"
            ),
            Mistake::NoColon(word) => say!(
                lang,
                "„{word}“ steht, wo ein Doppelpunkt erwartet wird",
                "'{word}' where a colon is expected"
            ),
            Mistake::TypographicQuotes => {
                say!(lang, "typografische Anführungszeichen", "typographic quotation marks")
            }
            Mistake::SingleQuotes => {
                say!(lang, "steht in einfachen Anführungszeichen", "it stands in single quotation marks")
            }
            Mistake::NoValue(word) => say!(lang, "{word} ist kein JSON-Wert", "{word} is no JSON value"),
            Mistake::NothingThere => say!(lang, "es steht kein Wert da", "no value stands there"),
            Mistake::NoNumber(word) => say!(
                lang,
                "{word} ist keine Zahl, wie JSON sie schreibt",
                "{word} is no number as JSON writes them"
            ),
            Mistake::Unquoted(word) => say!(
                lang,
                "„{word}“ steht ohne Anführungszeichen da",
                "'{word}' stands there without quotation marks"
            ),
            Mistake::Nul => say!(lang, "im Text steht ein NUL-Byte", "a NUL byte stands in the text"),
            Mistake::Control => say!(
                lang,
                "im Text steht ein Zeilenumbruch oder Steuerzeichen",
                "a line break or control character stands in the text"
            ),
            Mistake::NoEscape(c) => {
                say!(lang, "\\{c} ist in JSON keine Escape-Sequenz", "\\{c} is no escape of JSON")
            }
            Mistake::TrailingComma => {
                say!(lang, "vor dem Ende steht ein Komma", "a comma stands before the end")
            }
            Mistake::Empty => say!(lang, "leer", "it is empty"),
            Mistake::EmptyFrame(port) => say!(lang, "leer, auf Port {port}", "it is empty, on port {port}"),
            Mistake::Utf16 => {
                say!(
                    lang,
                    "die Bytereihenfolge-Marke (BOM) steht für UTF-16",
                    "its byte order mark says UTF-16"
                )
            }
            Mistake::Gzip => say!(lang, "komprimiert (gzip)", "it is compressed (gzip)"),
            Mistake::Markup => {
                say!(lang, "XML oder HTML; erwartet wird JSON", "it is XML or HTML, JSON is expected")
            }
            Mistake::Binary(bytes, head) => say!(
                lang,
                "{bytes} Bytes, die kein Text sind ({head} ...); erwartet wird JSON",
                "{bytes} bytes that are no text ({head} ...), JSON is expected"
            ),
            Mistake::Unreadable => say!(lang, "nicht lesbar", "it cannot be read"),
            Mistake::TooLarge(Some(bytes), limit) => say!(
                lang,
                "{bytes} Bytes; diese Quelle darf {limit} senden",
                "{bytes} bytes; this feed may send {limit}"
            ),
            Mistake::TooLarge(None, limit) => say!(
                lang,
                "mehr als {limit} Bytes; diese Quelle darf {limit} senden",
                "more than {limit} bytes; this feed may send {limit}"
            ),
            Mistake::TooLargeForFormat(bytes, limit) => say!(
                lang,
                "{bytes} Bytes; eine Quelle dieses Formats darf {limit} senden",
                "{bytes} bytes; a feed of this format may send {limit}"
            ),
            Mistake::NoTopic(topic, topics) => {
                let topics = topics.words(lang);
                say!(lang, "„{topic}“ ist nicht {topics}", "'{topic}' is not {topics}")
            }
            Mistake::NoFeed(topic, format) => say!(
                lang,
                "„{topic}“ passt in feeds.toml zu keiner Quelle des Formats „{format}“",
                "'{topic}' matches no feed of format \"{format}\" in feeds.toml"
            ),
            Mistake::History => say!(
                lang,
                "eine Quelle mit Daten der Vergangenheit empfängt nichts",
                "a feed of history receives nothing"
            ),
            Mistake::NotKept => say!(
                lang,
                "die Datei wird nicht aufgehoben: sie nennt einzelne Fahrzeuge",
                "the file is not kept: it names single vehicles"
            ),
            Mistake::OnlyOne => {
                say!(lang, "nur eines davon darf angegeben sein", "only one of them may be given")
            }
            Mistake::OneNeeded => say!(lang, "eines davon ist nötig", "one of them is needed"),
            Mistake::OnlyTogether => {
                say!(lang, "nur beide zusammen sind gültig", "they are only given together")
            }
            Mistake::NothingElse => say!(
                lang,
                "von falschem Typ oder Wert, und sonst ist nichts angegeben",
                "of a wrong type or value, and nothing else is given"
            ),
            Mistake::NotOnEarth(lat, lon) => say!(
                lang,
                "{lat}, {lon} liegt nicht auf der Erde",
                "{lat}, {lon} is not a place on the earth"
            ),
            Mistake::NoFix => say!(
                lang,
                "0, 0 sendet ein Empfänger ohne Satellitenortung",
                "0, 0 is a receiver without a fix"
            ),
            Mistake::OutsideArea(lat, lon) => say!(
                lang,
                "{lat}, {lon} liegt außerhalb des Gebiets der Quelle",
                "{lat}, {lon} lies outside the feed's area"
            ),
            Mistake::EventMissing(event) => say!(
                lang,
                "eine Meldung auf einem Topic des Ereignisses „{event}“ muss ein Objekt mit diesem Feld sein",
                "a message on a topic of the event '{event}' must be an object with this key"
            ),
            Mistake::NoDoor => say!(
                lang,
                "ein Element ist kein Objekt aus door und count",
                "an element is not an object of door and count"
            ),
            Mistake::SpotAndSite => say!(
                lang,
                "das eine gehört zu einem Stellplatz (spot), das andere zu einer Anlage (site)",
                "one is a spot's, the other a site's"
            ),
            Mistake::NoFeedMessage(error) => {
                let error = error.as_deref().map_or_else(
                    || lang.say("bricht ab", "it breaks off").to_owned(),
                    |error| lang.foreign(error),
                );
                say!(
                    lang,
                    "{error}; erwartet wird eine FeedMessage von GTFS-Realtime",
                    "{error}; a GTFS-Realtime FeedMessage is expected"
                )
            }
            Mistake::Library(error) => lang.foreign(error),
            Mistake::TooManyStops(stops, most) => say!(
                lang,
                "{stops} einer Fahrt; höchstens {most} werden geglaubt",
                "{stops} of one trip; at most {most} are believed"
            ),
            Mistake::TooManyEntities(count, read) => say!(
                lang,
                "{count} davon; die ersten {read} werden gelesen",
                "{count} of them, the first {read} are read"
            ),
            Mistake::NamelessTrip => say!(
                lang,
                "weder trip_id noch route_id mit start_time ist angegeben",
                "it has neither trip_id nor route_id with start_time"
            ),
            Mistake::TooManyOfAlert(parts, most) => say!(
                lang,
                "{parts} einer Meldung; höchstens {most} werden geglaubt",
                "{parts} of one alert; at most {most} are believed"
            ),
            Mistake::SilentAlert => lang
                .say(
                    "weder header_text noch description_text sagt etwas",
                    "neither header_text nor description_text says anything",
                )
                .to_owned(),
            Mistake::NoPeriod => lang
                .say(
                    "kein Zeitraum kann stimmen: jeder endet vor seinem Beginn oder beginnt nach 2100",
                    "no period can be right: each ends before it begins, or begins after 2100",
                )
                .to_owned(),
            Mistake::SecondAlert => lang
                .say("eine Meldung davor hat dieselbe id", "an alert before it has the same id")
                .to_owned(),
            Mistake::TooManyAlerts(most) => say!(
                lang,
                "mehr als {most} Meldungen; diese wird nicht übernommen",
                "more than {most} alerts; this one is not taken in"
            ),
            Mistake::OtherDevice(stated, named) => say!(
                lang,
                "„{stated}“ ist nicht „{named}“, das Gerät, das das Topic nennt",
                "'{stated}' is not '{named}', the device that the topic names"
            ),
            Mistake::NoDevEui(text) => say!(
                lang,
                "„{text}“ hat nicht 16 hexadezimale Ziffern",
                "'{text}' does not have 16 hexadecimal digits"
            ),
            Mistake::DevEuiMissing(device) => say!(
                lang,
                "fehlt, und „{device}“ ist nicht nach ihr benannt",
                "it is missing, and '{device}' is not named after it"
            ),
            Mistake::UplinkMissing => say!(
                lang,
                "fehlt in einer Meldung auf einem up-Topic",
                "it is missing from a message on an up topic"
            ),
            Mistake::ChirpstackV3 => say!(
                lang,
                "das ist eine Meldung von ChirpStack v3, gelesen wird v4",
                "this is a message of ChirpStack v3, v4 is read"
            ),
            Mistake::Contradiction(fields) => say!(
                lang,
                "seine Felder {fields} widersprechen einander",
                "its fields {fields} contradict each other"
            ),
            Mistake::NoState(fields) => say!(
                lang,
                "keines seiner Felder sagt, ob der Stellplatz belegt ist ({fields})",
                "none of its fields says whether the bay is occupied ({fields})"
            ),
            Mistake::NoCodecObject => say!(lang, "kein Objekt", "it is no object"),
            Mistake::ForeignPort(port, decoder) => {
                let (product, ports) = (decoder.product(), decoder.ports(lang));
                say!(
                    lang,
                    "{port} ist kein Port eines {product} ({ports})",
                    "{port} is not one of a {product} ({ports})"
                )
            }
            Mistake::ForeignPayload(bytes, port, decoder) => decoder.foreign(*bytes, *port, lang),
            Mistake::NoPosition(lat, lon) => say!(
                lang,
                "{lat:.5}, {lon:.5} ist keine Position; stammen sie von einem anderen Gerät?",
                "{lat:.5}, {lon:.5} is no position; is it of another device?"
            ),
            Mistake::NoThreshold(distance_mm) => say!(
                lang,
                "{distance_mm} mm wurden gemessen, und die Bindung dieses Sensors sagt nicht, unter welchem Abstand der \
                 Stellplatz belegt ist; threshold_mm in sensors.csv setzen",
                "{distance_mm} mm were measured, and this sensor's binding does not say below which \
                 distance the bay is occupied; set threshold_mm in sensors.csv"
            ),
            Mistake::UnknownSensor(device, feed) => say!(
                lang,
                "„{device}“ ist der Quelle „{feed}“ nicht bekannt",
                "'{device}' is not known to feed '{feed}'"
            ),
            Mistake::NoDecoder(sensor) => {
                let choices = Decoder::choices();
                say!(
                    lang,
                    "Sensor „{sensor}“ hat keinen; in sensors.csv einen von {choices} setzen",
                    "sensor '{sensor}' has none; set one of {choices} in sensors.csv"
                )
            }
            Mistake::Unbound(sensor, at) => say!(
                lang,
                "„{sensor}“ war um {at} an keinen Platz gebunden",
                "'{sensor}' was not bound to a place at {at}"
            ),
            Mistake::OtherTarget(sensor, reported, bound_to) => {
                let (reported, bound_to) = (reported.words(lang), bound_to.words(lang));
                say!(
                    lang,
                    "„{sensor}“ meldet {reported}, ist aber an {bound_to} gebunden",
                    "'{sensor}' reports {reported}, and is bound to {bound_to}"
                )
            }
            Mistake::PlaceGone => {
                say!(lang, "den Platz des Sensors gibt es nicht mehr", "the sensor's place is gone")
            }
            Mistake::UnknownPlace(kind, id) => {
                let file = kind.file();
                say!(lang, "„{id}“ steht nicht in {file}", "'{id}' is not in {file}")
            }
            Mistake::NotOfTown(id, town) => say!(
                lang,
                "„{id}“ ist kein Platz von {town}, der Gemeinde dieser Quelle",
                "'{id}' is not a place of {town}, this feed's municipality"
            ),
            Mistake::NoTrip => {
                say!(lang, "die Meldung sagt nichts über ihre Fahrt", "the message says nothing of its trip")
            }
            Mistake::Unfitting(subject) => {
                let subject = subject.words(lang);
                say!(
                    lang,
                    "die Meldung passt nicht zu dem, was sie betrifft: {subject}",
                    "the message does not fit what it is about, {subject}"
                )
            }
            Mistake::ClockAhead(at, ahead_s, tolerated_s) => say!(
                lang,
                "{at} ist unserer Uhr {ahead_s} s voraus (geduldet werden {tolerated_s} s)",
                "{at} is {ahead_s} s ahead of our clock ({tolerated_s} s are tolerated)"
            ),
            Mistake::TooOld(at, max_age_s) => say!(
                lang,
                "{at} ist älter als max_age dieser Quelle, {max_age_s} s",
                "{at} is older than this feed's max_age of {max_age_s} s"
            ),
            Mistake::UsuallyTooOld(at, max_age_s) => say!(
                lang,
                "{at} ist älter als das übliche max_age einer Quelle, {max_age_s} s",
                "{at} is older than a feed's usual max_age of {max_age_s} s"
            ),
            Mistake::CapacityAbove(stated, registered) => say!(
                lang,
                "{stated} ist mehr als 110 % der {registered} in sites.geojson",
                "{stated} is more than 110 % of the {registered} in sites.geojson"
            ),
            Mistake::OccupiedAbove(n, capacity) => say!(
                lang,
                "{n} ist mehr als 110 % der Kapazität von {capacity}",
                "{n} is more than 110 % of the capacity of {capacity}"
            ),
            Mistake::VacantAbove(n, capacity) => say!(
                lang,
                "{n} ist mehr als die Kapazität von {capacity}",
                "{n} is more than the capacity of {capacity}"
            ),
            Mistake::OnBoardAbove(n, most) => say!(
                lang,
                "{n} ist mehr, als dieses Fahrzeug fasst (geglaubt werden {most})",
                "{n} is more than this vehicle can hold ({most} are believed)"
            ),
            Mistake::ThroughDoor(most) => say!(
                lang,
                "an einer Haltestelle gingen mehr als {most} Personen durch eine Tür",
                "more than {most} people went through one at one stop"
            ),
            Mistake::FirstHolds(id) => {
                say!(
                    lang,
                    "„{id}“ steht mehrmals da; der erste Eintrag gilt",
                    "'{id}' is given more than once, the first holds"
                )
            }
            Mistake::LatestHolds(id) => say!(
                lang,
                "„{id}“ steht mehrmals da; der neueste Eintrag gilt",
                "'{id}' is given more than once, the latest holds"
            ),
            Mistake::OtherVersion(version) => say!(
                lang,
                "GBFS {version} schreibt das nicht so; gelesen wird es trotzdem",
                "GBFS {version} does not write it so; it is read all the same"
            ),
            Mistake::NotDefined(id, file) => {
                say!(lang, "„{id}“ steht nicht in {file}", "'{id}' is not in {file}")
            }
            Mistake::Panicked => say!(
                lang,
                "das Programm ist an dieser Meldung gescheitert; bitte melden, und mit einer Version, die standhält, erneut \
                 verarbeiten (replay)",
                "the program failed at this message; please report it, and replay it with a version that holds"
            ),
            Mistake::Refused(error) => {
                let error = lang.foreign(error);
                say!(
                    lang,
                    "{error}; erneut verarbeiten (replay), sobald eine Version installiert ist, die es speichert",
                    "{error}; replay it once a version that stores it is installed"
                )
            }
        }
    }
}
