//! Every sentence of a report, in German and English. Details of faults are the decoders', in English: they quote the formats'
//! own words.

use std::str::FromStr;

use domain::{Lang, Reason};

use crate::formats::Recognised;
use crate::personal::Personal;
use crate::report::{Finding, Verdict, Weight};

/// The verdict in one sentence.
pub fn verdict(lang: Lang, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => lang
            .say("In Ordnung: Alles, was ankam, wird verstanden.", "Good: all that arrived is understood."),
        Verdict::Faults => lang.say(
            "Nicht in Ordnung: Was unten als Fehler steht, muss geändert werden.",
            "Not good: what is listed as a fault below must be changed.",
        ),
        Verdict::NotChecked => lang.say(
            "Nicht geprüft: Es kam nichts an, das gelesen werden kann.",
            "Not checked: nothing arrived that can be read.",
        ),
    }
}

/// The word for a weight.
pub fn weight(lang: Lang, weight: Weight) -> &'static str {
    match weight {
        Weight::Fault => lang.say("Fehler", "Fault"),
        Weight::Warning => lang.say("Warnung", "Warning"),
        Weight::Note => lang.say("Hinweis", "Note"),
    }
}

/// A finding in words, with what to do.
pub fn finding(lang: Lang, finding: &Finding) -> String {
    let of = |de: String, en: String| if lang == Lang::De { de } else { en };
    match finding {
        Finding::NothingArrived => of(
            "Es kam nichts an. Stimmen Topic und Rechte des Benutzers, sendet der Lieferant gerade, und ist die Zeit lang genug? \
             Mit --topic '#' sieht man, was der Broker überhaupt hergibt."
                .to_owned(),
            "Nothing arrived. Are the topic and the user's rights correct, does the supplier send at the moment, and is the time \
             long enough? --topic '#' shows what the broker gives at all."
                .to_owned(),
        ),
        Finding::Unread { format, count } => {
            let (name, remedy) = (format_name(lang, *format), format_remedy(lang, *format));
            of(
                format!("Nicht gelesen wird: {name} ({}). {remedy}", messages(lang, *count)),
                format!("Not read: {name} ({}). {remedy}", messages(lang, *count)),
            )
        }
        Finding::Rejected { count, of: all } => of(
            format!("{count} von {all} Meldungen würden ganz oder zum Teil abgewiesen: siehe „Was falsch ist“."),
            format!("{count} of {all} messages would be rejected, whole or in part: see \"What is wrong\"."),
        ),
        Finding::Personal { what, field, count } => of(
            format!(
                "Das Feld {field} ({count}-mal) sieht nach {} aus. Bitte nicht senden: Es wird nicht gebraucht.",
                personal(Lang::De, *what)
            ),
            format!(
                "The field {field} ({count} times) looks like {}. Please do not send it: it is not needed.",
                personal(Lang::En, *what)
            ),
        ),
        Finding::NoDecoder { count, of: all } => of(
            format!(
                "{count} von {all} LoRaWAN-Nutzdaten liest kein Decoder. Stimmt der Port, und ist das Gerät eines der Liste in \
                 FEEDS? Sonst: use_server_decoder = true mit einem Codec, der {{\"occupied\": true}} liefert."
            ),
            format!(
                "No decoder reads {count} of {all} LoRaWAN payloads. Is the port correct, and the device one of the list in FEEDS? \
                 Else: use_server_decoder = true, with a codec that returns {{\"occupied\": true}}."
            ),
        ),
        Finding::Silent { count, of: all } => of(
            format!(
                "{count} von {all} erwarteten Geräten oder Plätzen haben nichts gesendet. Viele Sensoren melden nur einmal am \
                 Tag: länger aufzeichnen (capture), dann die Aufzeichnung prüfen."
            ),
            format!(
                "{count} of {all} devices or places that should speak sent nothing. Many sensors send once a day only: record \
                 for longer (capture), and check the capture."
            ),
        ),
        Finding::DroppedFields { count } => of(
            format!("{count}-mal war ein einzelnes Feld falsch; der Rest der Meldung gilt. Siehe „Felder, die wegfallen“."),
            format!("A single field was wrong {count} times; the rest of the message is taken. See \"Fields that are dropped\"."),
        ),
        Finding::Qos0 { count } => of(
            format!(
                "QoS 0: {}. Was während einer Unterbrechung gesendet wird, ist verloren. Mit QoS 1 senden (ChirpStack: qos = 1 \
                 unter [integration.mqtt]; The Things Stack kann es nicht).",
                messages(lang, *count)
            ),
            format!(
                "QoS 0: {}. What is sent during an interruption is lost. Publish with QoS 1 (ChirpStack: qos = 1 under \
                 [integration.mqtt]; The Things Stack cannot).",
                messages(lang, *count)
            ),
        ),
        Finding::Retained { count } => of(
            format!("Vom Broker aufbewahrt (retained): {}. Das kann alt sein; die Zeit darin entscheidet.", messages(lang, *count)),
            format!("Kept by the broker (retained): {}. That may be old; the time in it decides.", messages(lang, *count)),
        ),
        Finding::Duplicates { count } => of(
            format!("Noch einmal genau gleich: {}. Das ändert nichts und schadet nicht.", messages(lang, *count)),
            format!("Exactly the same once more: {}. That changes nothing and does no harm.", messages(lang, *count)),
        ),
        Finding::OutOfOrder { count } => of(
            format!("Älter als eine frühere desselben Geräts: {}. Die neueste Zeit gilt.", messages(lang, *count)),
            format!("Older than an earlier one of the same device: {}. The newest time holds.", messages(lang, *count)),
        ),
        Finding::ImpossibleClocks { count } => of(
            format!(
                "Die Uhr des Netzservers oder Gateways ist unmöglich: {}. Die Zustände gelten ab dem Empfang; NTP dort einrichten.",
                messages(lang, *count)
            ),
            format!(
                "The clock of the network server or gateway is impossible: {}. Their states hold from the receipt on; set up NTP there.",
                messages(lang, *count)
            ),
        ),
        Finding::ClockOffset { median_s } => of(
            format!("Die Uhren gehen in der Mitte {} {}. Zeitzone und NTP prüfen.", duration(lang, *median_s), sign(lang, *median_s)),
            format!("The median clock is {} {}. Check time zone and NTP.", duration(lang, *median_s), sign(lang, *median_s)),
        ),
        Finding::ChooseDecoder { count } => of(
            format!("{count} Decoder nehmen alle Nutzdaten an. Welcher stimmt, sagt das Typenschild, nicht die Meldung."),
            format!("{count} decoders accept all payloads. Which one is right, the device's label says and not the message."),
        ),
        Finding::ConnectionLost { count } => of(
            format!("Die Verbindung brach {count}-mal ab; was währenddessen kam, fehlt hier."),
            format!("The connection was lost {count} times; what came meanwhile is missing here."),
        ),
        Finding::DamagedCapture { count } => of(
            format!("{count} Stellen der Aufzeichnung sind beschädigt; ihre Meldungen fehlen hier."),
            format!("{count} parts of the capture are damaged; their messages are missing here."),
        ),
        Finding::WithoutTopic { count } => of(
            format!(
                "Ohne die Plätze geprüft: {}. Dateien sagen nicht, auf welchem Topic sie kamen: --topic angeben.",
                messages(lang, *count)
            ),
            format!(
                "Checked without the places: {}. Files do not say on which topic they came: give --topic.",
                messages(lang, *count)
            ),
        ),
        Finding::NoReceiptTimes => of(
            "Dateien sagen nicht, wann die Meldungen ankamen: Uhren, Takt und Zustellung sind nicht geprüft.".to_owned(),
            "Files do not say when the messages arrived: clocks, pace and delivery were not checked.".to_owned(),
        ),
    }
}

/// `1 message`, `2 messages`.
fn messages(lang: Lang, count: u64) -> String {
    let word = match count {
        1 => lang.say("Meldung", "message"),
        _ => lang.say("Meldungen", "messages"),
    };
    format!("{count} {word}")
}

/// The name of a format.
pub fn format_name(lang: Lang, format: Recognised) -> &'static str {
    match format {
        Recognised::Native => lang.say("das eigene Format (native)", "the product's own format (native)"),
        Recognised::Chirpstack => "ChirpStack v4",
        Recognised::ChirpstackV3 => "ChirpStack v3",
        Recognised::Tts => "The Things Stack v3",
        Recognised::TtnV2 => "The Things Network v2",
        Recognised::Hfp => "HFP v2",
        Recognised::GtfsRt => "GTFS-Realtime",
        Recognised::Parkapi => "ParkAPI v1/v2",
        Recognised::ParkapiV3 => "ParkAPI v3",
        Recognised::Datex2 => "DATEX II",
        Recognised::Gbfs => "GBFS",
        Recognised::Sensorthings => "OGC SensorThings",
        Recognised::Ngsi => "NGSI (FIWARE)",
        Recognised::Siri => "SIRI",
        Recognised::Geojson => "GeoJSON",
        Recognised::Html => lang.say("eine Webseite (HTML)", "a web page (HTML)"),
        Recognised::Xml => lang.say("XML unbekannter Art", "XML of an unknown kind"),
        Recognised::Json => lang.say("JSON unbekannter Art", "JSON of an unknown kind"),
        Recognised::Text => lang.say("Text, kein JSON", "text, no JSON"),
        Recognised::Binary => lang.say("Bytes eines unbekannten Formats", "bytes of an unknown format"),
        Recognised::Empty => lang.say("leer", "empty"),
    }
}

fn format_remedy(lang: Lang, format: Recognised) -> &'static str {
    match format {
        Recognised::Html => lang.say(
            "Braucht die Adresse einen Schlüssel, oder ist sie umgezogen?",
            "Does the address need a key, or has it moved?",
        ),
        Recognised::TtnV2 => lang.say(
            "Das Netz ist abgeschaltet: auf The Things Stack v3 umziehen.",
            "That network is switched off: move to The Things Stack v3.",
        ),
        Recognised::Empty => lang.say(
            "Das JSON als Nutzdaten senden; eine leere Meldung löscht eine aufbewahrte.",
            "Send the JSON as the payload; an empty message deletes a retained one.",
        ),
        Recognised::Binary => lang.say(
            "JSON senden, oder GTFS-Realtime als ganze, unverpackte FeedMessage. Ist es das Protobuf von ChirpStack, hilft json = \
             true unter [integration.mqtt].",
            "Send JSON, or GTFS-Realtime as a whole, uncompressed FeedMessage. If it is ChirpStack's protobuf, set json = true \
             under [integration.mqtt].",
        ),
        Recognised::Siri | Recognised::Gbfs => lang.say(
            "Fahrten und Fahrzeuge bitte als GTFS-Realtime liefern; die meisten Systeme können beides.",
            "Please send trips and vehicles as GTFS-Realtime; most systems can do both.",
        ),
        Recognised::ParkapiV3 => lang.say(
            "ParkAPI v3 wird nur über HTTP angenommen: den Lieferanten bitten, es zu senden (push = true, docs/FEEDS.md).",
            "ParkAPI v3 is taken over HTTP only: ask the supplier to post it (push = true, docs/FEEDS.md).",
        ),
        Recognised::Parkapi | Recognised::Datex2 | Recognised::Geojson => lang.say(
            "Den Lieferanten bitten, jeden Stand auf kv/1/FEED/site/ID oder kv/1/FEED/bay/ID zu senden (docs/FEEDS.md); eine \
             kleine Brücke, z. B. Node-RED, genügt.",
            "Ask the supplier to publish each count on kv/1/FEED/site/ID or state on kv/1/FEED/bay/ID (docs/FEEDS.md); a small bridge, \
             e.g. Node-RED, is enough.",
        ),
        _ => lang.say(
            "Den Lieferanten bitten, eines der Formate in docs/FEEDS.md zu senden, am einfachsten native: {\"at\": ..., \"state\": \
             \"occupied\"}.",
            "Ask the supplier for one of the formats in docs/FEEDS.md, the simplest is native: {\"at\": ..., \"state\": \"occupied\"}.",
        ),
    }
}

/// What a personal field is.
pub fn personal(lang: Lang, what: Personal) -> &'static str {
    match what {
        Personal::Plate => lang.say("einem Kennzeichen", "a number plate"),
        Personal::Name => lang.say("dem Namen einer Person", "a person's name"),
        Personal::Phone => lang.say("einer Telefonnummer", "a telephone number"),
        Personal::Email => lang.say("einer E-Mail-Adresse", "an e-mail address"),
        Personal::RadioAddress => {
            lang.say("der Funkadresse eines Geräts (MAC, BLE)", "the radio address of a device (MAC, BLE)")
        }
        Personal::Imei => lang.say("der Nummer eines Telefons (IMEI)", "the number of a telephone (IMEI)"),
        Personal::Card => {
            lang.say("der Nummer einer Karte oder eines Ausweises", "the number of a card or permit")
        }
        Personal::Birth => lang.say("einem Geburtsdatum", "a date of birth"),
    }
}

/// What a reason means, and what to do in general.
pub fn reason(lang: Lang, code: &str) -> String {
    let Ok(reason) = Reason::from_str(code) else { return code.to_owned() };
    if lang == Lang::En {
        return reason.remedy().to_owned();
    }
    match reason {
        Reason::Malformed => "Die Meldung mit dem vergleichen, was Format und Decoder verlangen.",
        Reason::UnknownTopic => "Das Topic des Senders berichtigen, oder den Filter der Quelle enger fassen.",
        Reason::UnknownSensor => "Den Sensor mit dieser Quelle in sensors.csv eintragen und einlesen.",
        Reason::UnboundSensor => "In sensors.csv bay setzen, oder bound_from und bound_until berichtigen.",
        Reason::UnknownPlace => "Den Platz anlegen und einlesen, oder seine Kennung berichtigen.",
        Reason::ClockAhead => "Die Uhr des Senders stellen (NTP, Zeitzone), oder clock = \"receipt\" in feeds.toml.",
        Reason::TooOld => "max_age der Quelle erhöhen, wenn so späte Daten gemeint sind; ist es eine alte aufbewahrte Meldung?",
        Reason::Implausible => "Zähler oder Empfänger prüfen, und Kapazität, Plätze und Gebiet in den Dateien.",
        Reason::UnsupportedDevice => "Die Zeile des Sensors vervollständigen: decoder, threshold_mm, wozu er gehört.",
        Reason::Duplicate => "Nichts ist zu tun.",
        Reason::TooLarge => "Die Meldung teilen, oder max_message_bytes in feeds.toml erhöhen.",
    }
    .to_owned()
}

/// `12 s`, `5 min`, `2.5 h`, without sign.
pub fn duration(lang: Lang, seconds: f64) -> String {
    let s = seconds.abs();
    let (value, unit) = match s {
        _ if s < 120.0 => (s, "s"),
        _ if s < 7_200.0 => (s / 60.0, "min"),
        _ if s < 172_800.0 => (s / 3_600.0, lang.say("Std.", "h")),
        _ => (s / 86_400.0, lang.say("Tage", "days")),
    };
    let is_round = (value - value.round()).abs() < 0.05;
    let text = if value >= 100.0 || is_round { format!("{value:.0}") } else { format!("{value:.1}") };
    format!("{} {unit}", if lang == Lang::De { text.replace('.', ",") } else { text })
}

/// On which side of our clock.
pub fn sign(lang: Lang, offset_s: f64) -> &'static str {
    if offset_s > 0.0 { lang.say("vor", "ahead") } else { lang.say("nach", "behind") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_at_a_glance() {
        for (s, de, en) in [
            (0.52, "0,5 s", "0.5 s"),
            (-90.0, "90 s", "90 s"),
            (3_599.0, "60 min", "60 min"),
            (9_000.0, "2,5 Std.", "2.5 h"),
            (864_000.0, "10 Tage", "10 days"),
        ] {
            assert_eq!((duration(Lang::De, s).as_str(), duration(Lang::En, s).as_str()), (de, en));
        }
    }

    #[test]
    fn every_reason_has_a_remedy_in_both_languages() {
        for code in Reason::ALL {
            let (de, en) = (reason(Lang::De, code.as_str()), reason(Lang::En, code.as_str()));
            assert!(de != en && !de.is_empty() && !en.is_empty() && de != code.as_str());
        }
    }
}
