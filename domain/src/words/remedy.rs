//! What to do about a mistake in a message.

use super::mistake::say;
use crate::lang::Lang;
use crate::mistake::Remedy;

impl Remedy {
    /// The sentence.
    pub fn sentence(self, lang: Lang) -> String {
        let words = match self {
            Remedy::UnixSeconds(at) => {
                return say!(
                    lang,
                    "Das sind Unix-Sekunden: die Zeit ausschreiben, \"{at}\".",
                    "These are Unix seconds: write the time out, \"{at}\"."
                );
            }
            Remedy::UnixMilliseconds(at) => {
                return say!(
                    lang,
                    "Das sind Unix-Millisekunden: die Zeit ausschreiben, \"{at}\".",
                    "These are Unix milliseconds: write the time out, \"{at}\"."
                );
            }
            Remedy::SendEach => lang.say(
                "Jedes Objekt als eigene Meldung senden; Listen gehören auf das Topic kv/1/FEED/batch einer nativen Quelle.",
                "Send each object as a message of its own; lists belong on the topic kv/1/FEED/batch of a native feed.",
            ),
            Remedy::SendTheJson => lang.say(
                "Das JSON selbst senden, keinen Text, der es enthält.",
                "Send the JSON itself, not a text that contains it.",
            ),
            Remedy::SendAnObject => lang.say(
                "Ein JSON-Objekt, {...}, mit den Feldern des Formats senden.",
                "Send a JSON object, {...}, with the fields of the format.",
            ),
            Remedy::SendAList => {
                lang.say("Es in Klammern setzen: [{...}, {...}].", "Put it in brackets: [{...}, {...}].")
            }
            Remedy::Validate => lang.say(
                "Die Meldung mit einem JSON-Prüfprogramm untersuchen.",
                "Check the message with a JSON validator.",
            ),
            Remedy::SendWhole => lang.say(
                "Ist ein Puffer des Senders zu klein, oder sein größtes Paket? Die ganze Meldung senden.",
                "Is a buffer of the sender too small, or its largest packet? Send the whole message.",
            ),
            Remedy::DecimalPoint => lang.say(
                "JSON hat einen Dezimalpunkt: 3.6 schreiben, nicht 3,6.",
                "JSON has a decimal point: write 3.6, not 3,6.",
            ),
            Remedy::OneObjectEach => lang.say(
                "Jedes Objekt als eigene Meldung senden, oder alle als Liste, [{...}, {...}], wo das Format eine annimmt.",
                "Send each object as a message of its own, or all as a list, [{...}, {...}], where the format takes one.",
            ),
            Remedy::NothingElse => lang.say("Nichts als das JSON senden.", "Send nothing but the JSON."),
            Remedy::QuoteNames => lang.say(
                "Namen in doppelte Anführungszeichen setzen.",
                "Write names in double quotation marks.",
            ),
            Remedy::Colon => lang.say("\"name\": wert schreiben.", "Write \"name\": value."),
            Remedy::PlainQuotes => lang.say("Gerade schreiben: \".", "Write plain ones: \"."),
            Remedy::DoubleQuotes => lang.say(
                "JSON hat doppelte, \"; in Python json.dumps verwenden, nicht str.",
                "JSON has double ones, \"; in Python use json.dumps, not str.",
            ),
            Remedy::NoNan => lang.say(
                "Das Feld weglassen oder null schreiben, wenn es keinen Wert gibt: JSON kennt weder NaN noch unendlich.",
                "Leave the field out, or write null, when there is no value: JSON has no NaN and no infinity.",
            ),
            Remedy::SmallLetters => lang.say(
                "JSON hat true, false und null, in Kleinbuchstaben; in Python json.dumps verwenden, nicht str.",
                "JSON has true, false and null, in small letters; in Python use json.dumps, not str.",
            ),
            Remedy::WriteNull => {
                lang.say("null schreiben, wenn es keinen Wert gibt.", "Write null when there is no value.")
            }
            Remedy::PlainNumber => lang.say(
                "3.6 schreiben: mit Dezimalpunkt, ohne führende Null, ohne Plus, ohne Einheit.",
                "Write 3.6: a decimal point, no leading zero or plus, no unit.",
            ),
            Remedy::QuoteTexts => lang.say(
                "Texte in doppelte Anführungszeichen setzen.",
                "Write texts in double quotation marks.",
            ),
            Remedy::Escape => lang.say(
                "Es als Escape-Sequenz schreiben, z. B. \\n, oder weglassen.",
                "Write it as an escape, e.g. \\n, or leave it out.",
            ),
            Remedy::Backslash => {
                lang.say("Den Backslash doppelt schreiben: \\\\.", "Write a backslash twice: \\\\.")
            }
            Remedy::NoLastComma => lang.say("Das letzte Komma weglassen.", "Leave out the last comma."),
            Remedy::SmallerNumber => lang.say("Die Zahl ist zu groß.", "The number is too large."),
            Remedy::NoFraction => {
                lang.say("Sie ohne Nachkommastellen schreiben.", "Write it without a fraction.")
            }
            Remedy::LeaveOut => lang.say(
                "Das Feld weglassen oder null schreiben, wenn es keinen Wert gibt.",
                "Leave the field out, or write null, when there is no value.",
            ),
            Remedy::UnquoteNumber => lang.say(
                "Die Zahl ohne Anführungszeichen schreiben.",
                "Write the number without quotation marks.",
            ),
            Remedy::PointUnquoted => lang.say(
                "Einen Dezimalpunkt schreiben, kein Komma, und keine Anführungszeichen.",
                "Write a decimal point, not a comma, and no quotation marks.",
            ),
            Remedy::NoNumber => lang.say(
                "Das Feld weglassen oder null schreiben: Das ist keine Zahl.",
                "Leave the field out, or write null: that is no number.",
            ),
            Remedy::Digits => lang.say(
                "Die Zahl selbst schreiben, in Ziffern und ohne Einheit, oder das Feld weglassen, wenn es keine gibt.",
                "Write the number itself, in digits and without a unit, or leave the field out when there is none.",
            ),
            Remedy::QuoteWord => lang.say(
                "Eines der Wörter in Anführungszeichen schreiben.",
                "Write one of the words, in quotation marks.",
            ),
            Remedy::QuoteIt => {
                lang.say("Es in Anführungszeichen schreiben.", "Write it in quotation marks.")
            }
            Remedy::Offset => lang.say(
                "Eine Ortszeit ohne Abstand zu UTC sagt nichts: Z (UTC) anhängen, oder z. B. +01:00.",
                "A local time means nothing without its offset: add Z (UTC), or e.g. +01:00.",
            ),
            Remedy::SendPayload => lang.say(
                "Das JSON als Nutzdaten der Meldung senden; leere löschen außerdem eine aufbewahrte Meldung (retained).",
                "Send the JSON as the message's payload; an empty one also deletes a retained message.",
            ),
            Remedy::Utf8 => lang.say("Das JSON als UTF-8 senden.", "Send the JSON as UTF-8."),
            Remedy::Unpack => lang.say("Das JSON unkomprimiert senden.", "Send the JSON uncompressed."),
            Remedy::SendJson => lang.say("JSON senden.", "Send JSON."),
            Remedy::NoBinary => lang.say(
                "JSON senden, nicht die Bytes eines Binärformats.",
                "Send JSON, not bytes of a binary format.",
            ),
            Remedy::ChirpstackJson => lang.say(
                "Das ist das Protobuf von ChirpStack: in chirpstack.toml unter [integration.mqtt] json = true setzen und \
                 neu starten.",
                "This is ChirpStack's protobuf: set json = true under [integration.mqtt] in chirpstack.toml, and restart it.",
            ),
            Remedy::ChirpstackEncoding => lang.say(
                "Ist das das Protobuf von ChirpStack? Als Kodierung seiner HTTP-Integration JSON wählen.",
                "Is this ChirpStack's protobuf? Choose JSON as the encoding of its HTTP integration.",
            ),
            Remedy::EachIdOnce => lang.say("Jede Kennung nur einmal veröffentlichen.", "Publish each id once."),
            Remedy::FieldsOfVersion => lang.say(
                "Felder und Zeiten so schreiben, wie die Version in version sie hat, oder die richtige Version angeben.",
                "Write fields and times as the version in version has them, or state the right version.",
            ),
            Remedy::SameIds => lang.say(
                "In allen Dateien dieselben Kennungen verwenden, und in keiner eine weglassen.",
                "Use the same ids in all files, and leave none out of one of them.",
            ),
            Remedy::Fewer => lang.say(
                "Weniger veröffentlichen: aufteilen, oder Umrisse vereinfachen.",
                "Publish less: split it, or simplify outlines.",
            ),
            Remedy::SetClock => lang.say(
                "Die Uhr des Servers stellen (NTP) und Zeiten in UTC schreiben.",
                "Set the server's clock (NTP), and write times in UTC.",
            ),
            Remedy::CheckCapacity => lang.say(
                "capacity und die Zählung der Station vergleichen.",
                "Compare capacity with what the station counts.",
            ),
            Remedy::Swapped => lang.say(
                "Sind Breite und Länge vertauscht, oder nicht in Grad?",
                "Are latitude and longitude swapped, or not in degrees?",
            ),
            Remedy::LeadingSlash => lang.say(
                "Den Schrägstrich am Anfang weglassen: Mit ihm hat das Topic eine leere erste Ebene, und kein Filter kv/1/... \
                 passt darauf.",
                "Leave out the slash at the beginning: with it the topic has an empty first level, and no filter \
                 kv/1/... matches it.",
            ),
            Remedy::StateNotFlag => lang.say(
                "Statt eines Wahrheitswerts \"occupied\" oder \"vacant\" schreiben, in Anführungszeichen.",
                "Write \"occupied\" or \"vacant\", in quotation marks, instead of a flag.",
            ),
            Remedy::StateWord => lang.say(
                "\"occupied\", \"vacant\" oder \"unknown\" schreiben, in Kleinbuchstaben.",
                "Write \"occupied\", \"vacant\" or \"unknown\", in small letters.",
            ),
            Remedy::OneCountEach => lang.say(
                "Für jedes eine eigene Meldung senden; von occupied und vacant genügt eines.",
                "Send one message for each; of occupied and vacant one is enough.",
            ),
            Remedy::SendUid => lang.say(
                "Als uid die Kennung senden, die der Platz in sites.geojson oder bays.geojson hat.",
                "Send as uid the id that the place has in sites.geojson or bays.geojson.",
            ),
            Remedy::SitesAndSpots => lang.say(
                "Sites und spots als je eigene Elemente senden.",
                "Send sites and spots as elements of their own.",
            ),
            Remedy::ProtobufNotJson => lang.say(
                "Das ist JSON: die Quelle als Protobuf senden oder abrufen.",
                "This is JSON: send or fetch the feed as protobuf.",
            ),
            Remedy::WebPage => lang.say(
                "Das ist eine Webseite oder XML: Braucht die Adresse einen Schlüssel, oder ist sie umgezogen?",
                "This is a web page or XML: does the address need a key, or has it moved?",
            ),
            Remedy::WholeFeedMessage => lang.say(
                "Die FeedMessage selbst senden: ganz, nicht komprimiert, nicht als Base64.",
                "Send the FeedMessage itself: whole, not compressed, not as base64.",
            ),
            Remedy::OneRun => lang.say(
                "Nur die Haltestellen einer einzigen Fahrt senden.",
                "Send the stops of one run only.",
            ),
            Remedy::SplitFeed => lang.say(
                "Die Quelle auf mehrere Meldungen aufteilen.",
                "Split the feed into several messages.",
            ),
            Remedy::NameTrip => lang.say(
                "trip_id angeben, oder route_id mit direction_id, start_date und start_time.",
                "Give trip_id, or route_id with direction_id, start_date and start_time.",
            ),
            Remedy::NameAlert => lang.say(
                "In header_text oder description_text schreiben, was Fahrgäste wissen sollen.",
                "Write what riders should know into header_text or description_text.",
            ),
            Remedy::PeriodInSeconds => lang.say(
                "active_period in Sekunden seit 1970 angeben, nicht in Millisekunden; start vor end.",
                "Give active_period in seconds since 1970, not in milliseconds; start before end.",
            ),
            Remedy::OwnId => lang.say(
                "Jeder Meldung eine eigene id geben.",
                "Give each alert an id of its own.",
            ),
            Remedy::NameLines => lang.say(
                "Linien oder Betriebe nennen statt jeder einzelnen Haltestelle, oder die Meldung teilen.",
                "Name lines or agencies instead of every single stop, or split the alert.",
            ),
            Remedy::UpdateChirpstack => lang.say(
                "Auf ChirpStack v4 aktualisieren: Dessen Meldungen haben deviceInfo und deduplicationId.",
                "Update to ChirpStack v4: its messages have deviceInfo and deduplicationId.",
            ),
            Remedy::OwnTopic => lang.say(
                "Jede Meldung auf dem Topic ihres eigenen Geräts senden, wie es der Netzserver tut: Schreibt eine Brücke oder \
                 eine Regel Topics um?",
                "Publish each message on the topic of its own device, as the network server does: does a bridge or a rule \
                 rewrite topics?",
            ),
            Remedy::CodecOccupied => lang.say(
                "Den Codec oben in seinem Objekt {\"occupied\": true} oder {\"occupied\": false} liefern lassen; oder, bei \
                 einem Gerät der Liste, use_server_decoder weglassen und decoder in sensors.csv setzen.",
                "Let the codec return {\"occupied\": true} or {\"occupied\": false} at the top of its object; or, for a device \
                 of the list, leave use_server_decoder out and set decoder in sensors.csv.",
            ),
            Remedy::EnterDevEui => lang.say(
                "Die DevEUI des Geräts in der Konsole von The Things Stack eintragen (General settings), oder es unter der \
                 Kennung eui-DEVEUI neu anmelden; ABP-Geräte haben vielleicht keine.",
                "Enter the DevEUI of the device in the console of The Things Stack (General settings), or register \
                 it again under the id eui-DEVEUI; ABP devices may have none.",
            ),
            Remedy::PayloadKeptBack => lang.say(
                "Werden die Nutzdaten zurückgehalten (in The Things Stack nicht entschlüsselt, ein Gerät ohne seine \
                 Schlüssel)? Ein Rahmen, den das Gerät wirklich leer sendet, sagt nichts.",
                "Is the payload kept back (payload encryption skipped in The Things Stack, a device without its keys)? \
                 A frame that the device really sends empty says nothing.",
            ),
            Remedy::BindElsewhere => lang.say(
                "Ihn an das binden, was er meldet, oder den Decoder des Geräts angeben, das dort ist.",
                "Bind it to what it reports, or name the decoder of the device that is there.",
            ),
            Remedy::SignOfNumber => lang.say(
                "Ist es eine negative Zahl, die ohne ihr Vorzeichen geschrieben wurde? Sonst seats und standing in \
                 vehicles.csv eintragen.",
                "Is it a negative number that was written without its sign? Else enter seats and standing in vehicles.csv.",
            ),
            Remedy::NobodyReceives => lang.say(
                "Niemand würde es empfangen: das Topic des Senders berichtigen, oder topic und format der Quelle.",
                "Nobody would receive it: correct the publisher's topic, or topic and format of the feed.",
            ),
        };
        words.to_owned()
    }
}
