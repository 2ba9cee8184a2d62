//! What a look at a supplier's feed ends in.

use super::mistake::say;
use crate::feed_check::{CAPTURE_VERSION, DamageKind, Finding, Personal, Recognised, Verdict, Weight};
use crate::lang::Lang;

impl Verdict {
    /// The verdict in one sentence.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Verdict::Good => lang.say(
                "In Ordnung: Alles, was ankam, wird verstanden.",
                "Good: all that arrived is understood.",
            ),
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
}

impl Weight {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Weight::Fault => lang.say("Fehler", "Fault"),
            Weight::Warning => lang.say("Warnung", "Warning"),
            Weight::Note => lang.say("Hinweis", "Note"),
        }
    }
}

impl Finding {
    /// The whole, with what to do.
    pub fn sentence(&self, lang: Lang) -> String {
        let of = |de: String, en: String| if lang == Lang::De { de } else { en };
        match self {
            Finding::NothingArrived => of(
                "Es kam nichts an. Stimmen Topic und Rechte des Benutzers, sendet der Lieferant gerade, und ist die Zeit lang genug? \
                 Mit --topic '#' sieht man, was der Broker überhaupt hergibt."
                    .to_owned(),
                "Nothing arrived. Are the topic and the user's rights correct, does the supplier send at the moment, and is the time \
                 long enough? --topic '#' shows what the broker gives at all."
                    .to_owned(),
            ),
            Finding::Unread { format, count } => {
                let (name, remedy) = (format.words(lang), format.remedy(lang));
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
                    what.words(Lang::De)
                ),
                format!(
                    "The field {field} ({count} times) looks like {}. Please do not send it: it is not needed.",
                    what.words(Lang::En)
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
                format!("Die Uhren gehen in der Mitte {} {}. Zeitzone und NTP prüfen.", lang.duration(*median_s), lang.side(*median_s)),
                format!("The median clock is {} {}. Check time zone and NTP.", lang.duration(*median_s), lang.side(*median_s)),
            ),
            Finding::ChooseDecoder { count } => of(
                format!("{count} Decoder nehmen alle Nutzdaten an. Welcher stimmt, sagt das Typenschild, nicht die Meldung."),
                format!("{count} decoders accept all payloads. Which one is right, the device's label says and not the message."),
            ),
            Finding::ConnectionLost { count } => of(
                format!("Die Verbindung brach {count}-mal ab; was währenddessen kam, fehlt hier."),
                format!("The connection was lost {count} times; what came meanwhile is missing here."),
            ),
            Finding::DamagedCapture { count: 1 } => of(
                "Eine Stelle der Aufzeichnung ist nicht lesbar; ihre Meldungen fehlen hier.".to_owned(),
                "One part of the capture cannot be read; its messages are missing here.".to_owned(),
            ),
            Finding::DamagedCapture { count } => of(
                format!("{count} Stellen der Aufzeichnung sind nicht lesbar; ihre Meldungen fehlen hier."),
                format!("{count} parts of the capture cannot be read; their messages are missing here."),
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
}

impl DamageKind {
    /// What is wrong with the bytes from `offset` on, of which there are `length`.
    pub fn sentence(self, [offset, length]: [u64; 2], lang: Lang) -> String {
        let what = match self {
            DamageKind::Foreign => say!(lang, "kein Rahmen einer Aufzeichnung", "no frame of a capture"),
            DamageKind::Cut => say!(
                lang,
                "ein Rahmen bricht ab; seine Meldungen sind verloren",
                "a frame breaks off; its messages are lost",
            ),
            DamageKind::Corrupt => say!(
                lang,
                "ein Rahmen ist beschädigt (Prüfsumme); seine Meldungen sind verloren",
                "a frame is damaged (checksum); its messages are lost",
            ),
            DamageKind::Line => say!(lang, "eine Zeile ist keine Meldung", "a line is no message"),
            DamageKind::Newer(version) => say!(
                lang,
                "ein Rahmen der Version {version}; dieses Programm liest bis {CAPTURE_VERSION}: aktualisieren",
                "a frame of version {version}; this program reads up to {CAPTURE_VERSION}: update it"
            ),
            DamageKind::TooLarge => say!(
                lang,
                "ein Rahmen ist größer als jeder, der geschrieben wird",
                "a frame is larger than any that is written",
            ),
        };
        say!(lang, "Byte {offset}, {length} Bytes: {what}", "byte {offset}, {length} bytes: {what}")
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

impl Lang {
    /// On which side of our clock something `ahead_s` of it is.
    pub fn side(self, ahead_s: f64) -> &'static str {
        if ahead_s > 0.0 { self.say("vor", "ahead") } else { self.say("nach", "behind") }
    }
}

impl Recognised {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
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

    /// What to do where it is not read.
    pub const fn remedy(self, lang: Lang) -> &'static str {
        match self {
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
}

impl Personal {
    /// What it looks like: German in the dative.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Personal::Plate => lang.say("einem Kennzeichen", "a number plate"),
            Personal::Name => lang.say("dem Namen einer Person", "a person's name"),
            Personal::Phone => lang.say("einer Telefonnummer", "a telephone number"),
            Personal::Email => lang.say("einer E-Mail-Adresse", "an e-mail address"),
            Personal::RadioAddress => lang
                .say("der Funkadresse eines Geräts (MAC, BLE)", "the radio address of a device (MAC, BLE)"),
            Personal::Imei => {
                lang.say("der Nummer eines Telefons (IMEI)", "the number of a telephone (IMEI)")
            }
            Personal::Card => {
                lang.say("der Nummer einer Karte oder eines Ausweises", "the number of a card or permit")
            }
            Personal::Birth => lang.say("einem Geburtsdatum", "a date of birth"),
        }
    }
}
