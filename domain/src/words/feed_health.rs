//! The health of feeds.

use crate::feed_health::{FeedState, FieldChange};
use crate::lang::Lang;

impl FeedState {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            FeedState::Ok => lang.say("läuft", "running"),
            FeedState::Late => lang.say("verspätet", "late"),
            FeedState::Rejecting => lang.say("vieles abgewiesen", "much is rejected"),
            FeedState::Silent => lang.say("stumm", "silent"),
            FeedState::Disconnected => lang.say("nicht verbunden", "not connected"),
            FeedState::Never => {
                lang.say("verbunden, noch nie etwas empfangen", "connected, nothing ever received")
            }
        }
    }

    /// What to do.
    pub const fn remedy(self, lang: Lang) -> &'static str {
        match self {
            FeedState::Ok => lang.say("Nichts zu tun.", "Nothing is to be done."),
            FeedState::Late => lang.say(
                "Uhr des Senders prüfen (NTP, Zeitzone); stimmt sie: was hält die Meldungen auf, ein Rückstau beim Lieferanten oder ein Gateway ohne Netz?",
                "Check the sender's clock (NTP, time zone); if it is right: what holds messages up, a backlog at the supplier or a gateway without a network?",
            ),
            FeedState::Rejecting => lang.say(
                "/v1/rejections/summary nennt Grund und Abhilfe; danach die abgewiesenen Meldungen wiederholen.",
                "/v1/rejections/summary names reason and remedy; then replay what was rejected.",
            ),
            FeedState::Silent => lang.say(
                "Den Lieferanten anrufen (contact): die Verbindung steht, und nichts kommt.",
                "Call the supplier (contact): the connection stands, and nothing comes.",
            ),
            FeedState::Disconnected => lang.say(
                "error nennt den Grund: Adresse, Anmeldung, Zertifikat, oder der Broker ist aus.",
                "error names the reason: address, sign-in, certificate, or the broker is down.",
            ),
            FeedState::Never => lang.say(
                "Stimmt das Topic? /v1/unmatched-topics zeigt, was daneben ankommt; feed check hört mit.",
                "Is the topic right? /v1/unmatched-topics shows what arrives beside it; feed check listens.",
            ),
        }
    }
}

impl FieldChange {
    /// What happened to the field.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            FieldChange::Came => lang.say("ist neu", "is new"),
            FieldChange::Went => lang.say("fehlt", "is missing"),
            FieldChange::Type => lang.say("hat einen anderen Typ", "has another type"),
        }
    }
}
