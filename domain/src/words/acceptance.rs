//! What a test's codes are called, so that page, print and command line use the same sentences.

use crate::acceptance::{CheckName, CheckState, Instruction, Remedy, TestState};
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

    /// The unit of its value and limit.
    pub const fn unit(self) -> &'static str {
        match self {
            CheckName::OccupiedSeen
            | CheckName::VacantSeen
            | CheckName::Delay
            | CheckName::Clock
            | CheckName::Heartbeat => "s",
            CheckName::Signal => "dB",
            CheckName::Position => "m",
            _ => "",
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

impl TestState {
    /// The verdict in a sentence.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            TestState::Running => lang.say("Der Test läuft.", "The test is running."),
            TestState::Passed => lang.say(
                "Bestanden. Der Sensor meldet richtig, und das Signal reicht.",
                "Passed. It reports rightly, and the signal is sufficient.",
            ),
            TestState::Failed => lang.say("Nicht bestanden.", "Failed."),
            TestState::Cancelled => lang.say("Abgebrochen.", "Cancelled."),
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
            Instruction::Wait => {
                lang.say("Bitte warten: es fehlen noch Meldungen", "Please wait for further messages")
            }
            Instruction::Done => lang.say("Fertig", "Done"),
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
