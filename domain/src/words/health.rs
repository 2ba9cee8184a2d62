//! The health of devices.

use crate::health::{Code, Health};
use crate::lang::Lang;

impl Health {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Health::Ok => lang.say("in Ordnung", "ok"),
            Health::Watch => lang.say("zu beobachten", "to watch"),
            Health::Faulty => lang.say("fehlerhaft", "faulty"),
            Health::Silent => lang.say("stumm", "silent"),
            Health::New => lang.say("neu: gehört noch zu keinem Platz", "new: belongs to no bay yet"),
        }
    }
}

impl Code {
    /// What is wrong.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Code::Silent => lang.say("stumm", "silent"),
            Code::Stuck => lang.say("meldet keine Änderung mehr", "reports no change any more"),
            Code::Flapping => {
                lang.say("schwankt zwischen frei und belegt", "wavers between vacant and occupied")
            }
            Code::ContradictsSite => {
                lang.say("widerspricht der Zählung seiner Anlage", "contradicts the count of its site")
            }
            Code::Implausible => lang.say("meldet unmögliche Werte", "reports impossible values"),
            Code::Battery => lang.say("Batterie bald leer", "battery soon empty"),
            Code::Signal => lang.say("Empfang wird schlechter", "reception becomes worse"),
            Code::Restarts => lang.say("startet immer wieder neu", "starts again and again"),
            Code::ClockDrift => lang.say("Uhr geht falsch", "clock is wrong"),
            Code::FrameLoss => lang.say("Meldungen gehen verloren", "messages are lost"),
            Code::Restamped => {
                lang.say("sendet alte Werte mit neuer Zeit", "sends old values with new times")
            }
            Code::DuplicateIdentity => {
                lang.say("zwei Geräte mit derselben Kennung", "two devices with the same identity")
            }
            Code::Misbound => {
                lang.say("liegt wohl an einem anderen Platz", "seems to lie elsewhere than it is bound to")
            }
            Code::SchemaDrift => {
                lang.say("Felder kamen hinzu oder fehlen", "fields were added or are missing")
            }
            Code::Rejected => lang.say("alle Meldungen abgewiesen", "all messages rejected"),
        }
    }

    /// What to do.
    pub const fn remedy(self, lang: Lang) -> &'static str {
        match self {
            Code::Silent => lang.say(
                "Sind weitere stumm, zuerst das Gateway prüfen; sonst vor Ort: Batterie, Schaden, ein Auto, das lange darauf steht?",
                "If others are silent too, check the gateway first; else on site: battery, damage, a car on top of it for weeks?",
            ),
            Code::Stuck => lang.say(
                "Ein Auto auf den Platz und wieder weg fahren; ändert sich nichts: neu kalibrieren, dann tauschen.",
                "Drive a car on and off; if nothing changes, recalibrate, then replace it.",
            ),
            Code::Flapping => lang.say(
                "Neu kalibrieren; auf Straßenbahn, Kabel und das Auto daneben achten; die Schwelle erhöhen.",
                "Recalibrate; look for trams, cables and the car beside it; raise the threshold.",
            ),
            Code::ContradictsSite => lang.say(
                "Ist er an den richtigen Platz gebunden, und werden alle Zufahrten der Anlage gezählt?",
                "Is it bound to the right bay, and are all gates of the site counted?",
            ),
            Code::Implausible => {
                lang.say("Den Decoder prüfen; stimmt er, ist das Gerät defekt.", "Check the decoder; if it is right, the device is broken.")
            }
            Code::Battery => lang.say("Batterie tauschen oder ein neues Gerät bestellen.", "Change the battery, or order a new device."),
            Code::Signal => lang.say(
                "Neubau, Container, Wasser im Gehäuse, verdrehte Antenne? Sonst ein Gateway in der Nähe aufstellen.",
                "A new building, a container, water in the housing, an antenna turned away? Else set up a gateway nearby.",
            ),
            Code::Restarts => lang.say(
                "Batterie und Kontakte prüfen; sonst den Hersteller mit den Zeiten fragen.",
                "Check its battery and contacts; else ask the maker, with the times.",
            ),
            Code::ClockDrift => lang.say(
                "Uhr des Gateways oder Netzservers stellen (NTP).",
                "Set the clock of the gateway or network server (NTP).",
            ),
            Code::FrameLoss => lang.say(
                "Ein weiteres Gateway aufstellen; die Datenrate nicht fest vorgeben.",
                "Set up a further gateway; do not fix the data rate.",
            ),
            Code::Restamped => lang.say(
                "Nicht der Sensor: Brücke, Zwischenspeicher oder Skript zwischen Netzserver und Broker suchen.",
                "Not the sensor: look for a bridge, a cache or a script between network server and broker.",
            ),
            Code::DuplicateIdentity => lang.say(
                "Das zweite Gerät suchen (mit einer Vorlage kopierte Schlüssel) und ihm eigene Schlüssel geben.",
                "Find the second device (keys copied with a template), and give it keys of its own.",
            ),
            Code::Misbound => lang.say(
                "Die Nummer am Platz ablesen und die Bindung ab der genannten Zeit berichtigen.",
                "Read its number at the bay, and correct the binding from the given time on.",
            ),
            Code::SchemaDrift => lang.say(
                "Den Lieferanten fragen, was er geändert hat; mit feed check prüfen, was jetzt ankommt.",
                "Ask the supplier what has changed; look with feed check at what arrives now.",
            ),
            Code::Rejected => lang.say(
                "Die Abweisungen ansehen (/v1/rejections): jede nennt ihre Abhilfe.",
                "Look at the rejections (/v1/rejections): each names its remedy.",
            ),
        }
    }
}
