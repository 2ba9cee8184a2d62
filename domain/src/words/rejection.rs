//! Why messages are rejected.

use crate::lang::Lang;
use crate::rejection::Reason;

impl Reason {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Reason::Malformed => lang.say("nicht lesbar", "malformed"),
            Reason::UnknownTopic => lang.say("unbekanntes Topic", "unknown topic"),
            Reason::UnknownSensor => lang.say("unbekannter Sensor", "unknown sensor"),
            Reason::UnboundSensor => lang.say("Sensor ohne Platz", "sensor without a place"),
            Reason::UnknownPlace => lang.say("unbekannter Platz", "unknown place"),
            Reason::ClockAhead => lang.say("Uhr geht vor", "clock ahead"),
            Reason::TooOld => lang.say("zu alt", "too old"),
            Reason::Implausible => lang.say("unmöglicher Wert", "impossible value"),
            Reason::UnsupportedDevice => lang.say("Gerät nicht eingerichtet", "device not set up"),
            Reason::Duplicate => lang.say("schon bekannt", "duplicate"),
            Reason::TooLarge => lang.say("zu groß", "too large"),
        }
    }

    /// The usual remedy, where nothing more specific is known.
    pub const fn remedy(self, lang: Lang) -> &'static str {
        match self {
            Reason::Malformed => lang.say(
                "Die Meldung mit dem vergleichen, was das Format der Quelle und der Decoder des Sensors verlangen.",
                "Compare the message with what the feed's format and the sensor's decoder ask for.",
            ),
            Reason::UnknownTopic => lang.say(
                "Das Topic des Senders berichtigen, oder den Filter der Quelle enger fassen.",
                "Correct the publisher's topic, or narrow the feed's filter.",
            ),
            Reason::UnknownSensor => lang.say(
                "Den Sensor an seinen Platz binden (PUT /v1/sensors/{id}/binding, mit from: was er seither sandte), oder mit dieser \
                 Quelle in sensors.csv eintragen, einlesen und erneut verarbeiten (replay).",
                "Bind the sensor to its place (PUT /v1/sensors/{id}/binding, with from: what it has sent since), or add it to \
                 sensors.csv with this feed, import it, and replay.",
            ),
            Reason::UnboundSensor => lang.say(
                "Den Sensor an seinen Platz binden (PUT /v1/sensors/{id}/binding, mit from: was er seither sandte), oder in sensors.csv \
                 bay setzen oder bound_from und bound_until berichtigen, einlesen und erneut verarbeiten (replay).",
                "Bind the sensor to its place (PUT /v1/sensors/{id}/binding, with from: what it has sent since), or set bay in \
                 sensors.csv or correct bound_from and bound_until, import it, and replay.",
            ),
            Reason::UnknownPlace => lang.say(
                "Den Platz anlegen und einlesen, oder seine Kennung berichtigen; Plätze anderer Gemeinden brauchen eine Quelle \
                 des Kreises. Dann erneut verarbeiten (replay).",
                "Add the place and import it, or correct its id; places of other municipalities need a feed of the \
                 county. Then replay.",
            ),
            Reason::ClockAhead => lang.say(
                "Die Uhr des Senders stellen (NTP, Zeitzone), oder clock = \"receipt\" in feeds.toml.",
                "Set the sender's clock (NTP, time zone), or clock = \"receipt\" in feeds.toml.",
            ),
            Reason::TooOld => lang.say(
                "max_age der Quelle erhöhen, wenn so späte Daten gemeint sind; ist es eine alte aufbewahrte Meldung?",
                "Raise the feed's max_age if such late data is meant; is it an old retained message?",
            ),
            Reason::Implausible => lang.say(
                "Zähler oder Empfänger prüfen, und Kapazität, Plätze und Gebiet in den Dateien.",
                "Check the counter or receiver, and the capacity, seats and area in the files.",
            ),
            Reason::UnsupportedDevice => lang.say(
                "Die Zeile des Sensors vervollständigen: decoder, threshold_mm, und woran er gebunden ist.",
                "Complete the sensor's row: decoder, threshold_mm, and what it is bound to.",
            ),
            Reason::Duplicate => lang.say("Nichts ist zu tun.", "None is needed."),
            Reason::TooLarge => lang.say(
                "Die Meldung teilen, oder max_message_bytes in feeds.toml erhöhen.",
                "Split the message, or raise max_message_bytes in feeds.toml.",
            ),
        }
    }
}
