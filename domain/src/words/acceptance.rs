//! What a test's codes are called, so that page, print and command line use the same sentences.

use crate::acceptance::{Check, CheckName, CheckState, Instruction, Remedy, Skipped, TestState};
use crate::lang::Lang;

impl CheckName {
    /// What it judges.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            CheckName::Heard => lang.say("Meldet sich", "Heard"),
            CheckName::Join => lang.say("Anmeldung und Zähler", "Join and counters"),
            CheckName::Decoded => lang.say("Inhalt lesbar", "Payload decoded"),
            CheckName::OccupiedSeen => lang.say("Belegt erkannt", "Seen as occupied"),
            CheckName::VacantSeen => lang.say("Frei erkannt", "Seen as vacant"),
            CheckName::EntriesSeen => lang.say("Einfahrten gezählt", "Entries counted"),
            CheckName::ExitsSeen => lang.say("Ausfahrten gezählt", "Exits counted"),
            CheckName::LaneDirection => lang.say("Richtung der Spur", "Direction of the lane"),
            CheckName::Totals => lang.say("Zählerstände laufen weiter", "Totals go on"),
            CheckName::SiteCount => lang.say("Belegung der Anlage", "Count of the site"),
            CheckName::PositionSeen => lang.say("Position gemeldet", "Position reported"),
            CheckName::Moved => lang.say("Bewegung erkannt", "Seen to move"),
            CheckName::Surroundings => lang.say("In der Umgebung der Gemeinde", "Near its municipality"),
            CheckName::Speed => lang.say("Geschwindigkeit", "Speed"),
            CheckName::Delay => lang.say("Laufzeit der Meldung", "Delay"),
            CheckName::Order => lang.say("Reihenfolge", "Order"),
            CheckName::Clock => lang.say("Uhr", "Clock"),
            CheckName::Heartbeat => lang.say("Regelmäßige Meldung", "Heartbeat"),
            CheckName::Signal => lang.say("Signalreserve", "Signal margin"),
            CheckName::SpreadingFactor => lang.say("Spreizfaktor", "Spreading factor"),
            CheckName::Frames => lang.say("Verlorene Meldungen", "Lost frames"),
            CheckName::Gateways => lang.say("Gateways in Reichweite", "Gateways in reach"),
            CheckName::Battery => lang.say("Batterie", "Battery"),
            CheckName::Neighbours => lang.say("Nachbarn ruhig", "Neighbours quiet"),
            CheckName::Position => lang.say("Lage bei der Anlage", "Position at its site"),
            CheckName::Restriction => lang.say("Vorbehalt stimmig", "Restriction plausible"),
        }
    }
}

impl CheckState {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            CheckState::Pass => lang.say("bestanden", "passed"),
            CheckState::Fail => lang.say("nicht bestanden", "failed"),
            CheckState::Waiting => lang.say("offen", "waiting"),
            CheckState::Skipped => lang.say("nicht prüfbar", "skipped"),
        }
    }
}

impl Skipped {
    /// Why.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Skipped::OtherKind => lang.say("Betrifft andere Geräte.", "It is about other kinds of devices."),
            Skipped::NoRadio => {
                lang.say("Das Gerät meldet nicht über Funk.", "The device does not send by radio.")
            }
            Skipped::NotReported => {
                lang.say("Das Gerät meldet dazu nichts.", "The device does not report it.")
            }
            Skipped::TooFewMessages => {
                lang.say("Dafür liegen zu wenige Meldungen vor.", "Too few messages are kept for it.")
            }
            Skipped::NothingToCompare => {
                lang.say("Es gibt nichts zum Vergleichen.", "There is nothing to compare it with.")
            }
        }
    }
}

impl TestState {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            TestState::Running => lang.say("Noch offen", "Not yet"),
            TestState::Passed => lang.say("Bestanden", "Passed"),
            TestState::Failed => lang.say("Nicht bestanden", "Failed"),
            TestState::Cancelled => lang.say("Abgebrochen", "Cancelled"),
        }
    }

    /// The verdict of a test with these checks that may last `timeout_s`.
    pub fn sentence(self, checks: &[Check], timeout_s: i32, lang: Lang) -> String {
        let is = |name, state| checks.iter().any(|check| check.name == name && check.state == state);
        let more = match self {
            TestState::Passed => lang
                .say(
                    "Der Sensor meldet richtig, und das Signal reicht",
                    "It reports rightly, and the signal is sufficient",
                )
                .to_owned(),
            TestState::Failed if is(CheckName::Heard, CheckState::Fail) => {
                let (time, remedy) =
                    (lang.duration(timeout_s.into()), Remedy::CheckPowerAndGateway.words(lang));
                match lang {
                    Lang::De => format!("{time} lang kam nichts. {remedy}"),
                    Lang::En => format!("Nothing came for {time}. {remedy}"),
                }
            }
            TestState::Failed => {
                lang.list(checks.iter().filter(|c| c.state == CheckState::Fail).map(|c| c.name.words(lang)))
            }
            TestState::Running if is(CheckName::OccupiedSeen, CheckState::Waiting) => {
                lang.say("Es fehlt der Wechsel auf belegt", "The change to occupied is missing").to_owned()
            }
            TestState::Running if is(CheckName::VacantSeen, CheckState::Waiting) => {
                lang.say("Es fehlt der Wechsel auf frei", "The change to vacant is missing").to_owned()
            }
            TestState::Running if is(CheckName::EntriesSeen, CheckState::Waiting) => {
                lang.say("Es fehlt eine Einfahrt", "An entry is missing").to_owned()
            }
            TestState::Running if is(CheckName::ExitsSeen, CheckState::Waiting) => {
                lang.say("Es fehlt eine Ausfahrt", "An exit is missing").to_owned()
            }
            TestState::Running if is(CheckName::Moved, CheckState::Waiting) => lang
                .say("Das Fahrzeug hat sich noch nicht bewegt", "The vehicle has not moved yet")
                .to_owned(),
            TestState::Running => {
                lang.say("Es fehlen noch Meldungen", "Further messages are missing").to_owned()
            }
            TestState::Cancelled => String::new(),
        };
        let sentence = match (self, more.as_str()) {
            (_, "") => self.words(lang).to_owned(),
            (TestState::Failed, more) if !more.ends_with('?') => format!("{}: {more}", self.words(lang)),
            (_, more) => format!("{}. {more}", self.words(lang)),
        };
        if sentence.ends_with('?') { sentence } else { sentence + "." }
    }
}

impl Check {
    /// What to do where it failed or waits, with the figures or places that it is about; why it was skipped; else nothing.
    pub fn advice(&self, lang: Lang) -> String {
        let number = |value: f64| lang.number((value * 10.0).round() / 10.0);
        match (self.name, self.state, self.value, self.limit, self.remedy) {
            (CheckName::Signal, CheckState::Fail, Some(margin), Some(needed), Some(remedy))
                if margin < needed =>
            {
                let (margin, needed, remedy) = (number(margin), number(needed), remedy.words(lang));
                match lang {
                    Lang::De => {
                        format!("Signal knapp: Reserve {margin} dB, nötig sind {needed} dB. {remedy}")
                    }
                    Lang::En => format!("Weak signal: margin {margin} dB, {needed} dB are needed. {remedy}"),
                }
            }
            (CheckName::Neighbours, CheckState::Fail, ..) if !self.places.is_empty() => {
                let places = lang.list(self.places.iter().map(String::as_str));
                match lang {
                    Lang::De if self.places.len() == 1 => {
                        format!("Auch {places} hat umgeschaltet: Position prüfen.")
                    }
                    Lang::De => format!("Auch {places} haben umgeschaltet: Position prüfen."),
                    Lang::En => format!("{places} switched too: check the position."),
                }
            }
            (_, CheckState::Skipped, ..) => {
                self.skipped.map_or_else(String::new, |why| why.words(lang).to_owned())
            }
            (.., remedy) => remedy.map_or_else(String::new, |remedy| remedy.words(lang).to_owned()),
        }
    }
}

impl Instruction {
    /// What the installer reads.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Instruction::WaitForMessage => lang.say(
                "Lösen Sie eine Meldung aus: mit der Taste, dem Magneten oder einem Auto",
                "Make the sensor send: by its button, its magnet, or a car",
            ),
            Instruction::DriveOn => {
                lang.say("Stellen Sie jetzt ein Auto auf den Platz", "Now put a car on the space")
            }
            Instruction::DriveOff => lang.say("Fahren Sie jetzt wieder weg", "Now drive off"),
            Instruction::DriveIn => lang.say(
                "Fahren Sie jetzt ein, und warten Sie, bis es gezählt ist",
                "Now drive in, and wait until it is counted",
            ),
            Instruction::DriveOut => lang.say(
                "Fahren Sie jetzt aus, und warten Sie, bis es gezählt ist",
                "Now drive out, and wait until it is counted",
            ),
            Instruction::DriveAround => lang.say(
                "Fahren Sie mit dem Fahrzeug einige hundert Meter",
                "Drive the vehicle some hundred metres",
            ),
            Instruction::Wait => {
                lang.say("Bitte warten: es fehlen noch Meldungen", "Please wait for further messages")
            }
            Instruction::Done => lang.say("Fertig", "Done"),
        }
    }

    /// The same after what these checks have come to: what was seen, and how long it took.
    pub fn sentence(self, checks: &[Check], lang: Lang) -> String {
        let seen = checks.iter().find(|c| c.name == CheckName::OccupiedSeen && c.state == CheckState::Pass);
        match (self, lang, seen.and_then(|check| check.value)) {
            (Instruction::DriveOff, Lang::De, Some(after_s)) => {
                format!("Belegt erkannt nach {}. Fahren Sie wieder weg", lang.duration(after_s.round()))
            }
            (Instruction::DriveOff, Lang::En, Some(after_s)) => {
                format!("Seen as occupied after {}. Now drive off", lang.duration(after_s.round()))
            }
            _ => self.words(lang).to_owned(),
        }
    }
}

impl Remedy {
    /// What to do.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Remedy::MakeItSend => {
                lang.say("Lösen Sie eine Meldung aus.", "Make it send: by its button, its magnet, or a car.")
            }
            Remedy::DriveOn => lang.say("Stellen Sie ein Auto auf den Platz.", "Put a car on the bay."),
            Remedy::DriveOff => lang.say("Fahren Sie das Auto weg.", "Drive the car off."),
            Remedy::DriveIn => lang.say("Fahren Sie durch die Spur ein.", "Drive in through the lane."),
            Remedy::DriveOut => lang.say("Fahren Sie durch die Spur aus.", "Drive out through the lane."),
            Remedy::DriveAround => lang.say(
                "Fahren Sie mit dem Fahrzeug einige hundert Meter.",
                "Drive the vehicle some hundred metres.",
            ),
            Remedy::RepeatAlone => lang.say(
                "Test wiederholen, während sonst niemand fährt; sonst Ausrichtung und Höhe prüfen.",
                "Test again while nobody else passes; else check its aim and height.",
            ),
            Remedy::TurnDirection => lang.say(
                "Mit der anderen Richtung binden, oder erst nach der gezählten Einfahrt ausfahren.",
                "Bind it with the other direction, or drive out only after the entry was counted.",
            ),
            Remedy::CountByHand => lang.say(
                "Fahrzeuge von Hand zählen und die Zahl auf einem nativen Topic melden.",
                "Count the cars by hand, and publish the number on a native topic.",
            ),
            Remedy::CheckReceiver => lang.say(
                "Freie Sicht zum Himmel? Richtiger Decoder?",
                "Has it an open view of the sky? Is it the right decoder?",
            ),
            Remedy::CheckPowerAndGateway => {
                lang.say("Eingeschaltet? Gateway in Reichweite?", "Switched on? Gateway in reach?")
            }
            Remedy::CheckPowerSupply => lang.say(
                "Er startet immer wieder neu: Batterie und Kontakte prüfen.",
                "It starts again and again: check its battery and contacts.",
            ),
            Remedy::CheckDecoder => lang.say(
                "Decoder dieses Modells wählen, oder die Abweisungen ansehen.",
                "Choose the decoder of this model, or look at its rejections.",
            ),
            Remedy::CheckNetwork => lang.say(
                "Weg zwischen Gateway, Netzserver und Broker prüfen.",
                "Check the way between gateway, network server and broker.",
            ),
            Remedy::SetClock => lang.say(
                "Uhr des Gateways oder Geräts stellen (NTP).",
                "Set the clock of the gateway or device (NTP).",
            ),
            Remedy::CheckHeartbeat => lang.say(
                "Sendeabstand des Geräts oder heartbeat_s der Bindung ändern.",
                "Change the interval of the device, or heartbeat_s of its binding.",
            ),
            Remedy::MoveAntennaOrAddGateway => lang.say(
                "Antenne versetzen oder ein Gateway in der Nähe aufstellen.",
                "Move the antenna, or set up a gateway nearby.",
            ),
            Remedy::ChangeBattery => lang.say("Batterie tauschen.", "Put in a new battery."),
            Remedy::CheckPosition => lang.say(
                "Liegt er auf dem Platz, an den er gebunden ist?",
                "Is it at the bay that it is bound to?",
            ),
            Remedy::CheckRestriction => lang.say(
                "Vorbehalt des Stellplatzes oder seiner Anlage berichtigen.",
                "Correct the restriction of the bay or of its site.",
            ),
        }
    }
}
