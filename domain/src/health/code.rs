//! What can be wrong with a device, and what follows for its state.

use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// How a device is.
    Health {
        Ok = "ok",
        /// It works, and needs attention soon: a falling battery, a weak signal.
        Watch = "watch",
        /// What it sends cannot be read or believed.
        Faulty = "faulty",
        /// Silent for longer than its heartbeat promises.
        Silent = "silent",
        /// It has sent, and is not in the files yet; or it is, waits for a place, and has not sent.
        New = "new",
    }
}

wire_enum! {
    /// What is wrong. `docs/HEALTH.md` says of each how it is found and what to do.
    Code {
        /// Nothing was heard for longer than the heartbeat promises. Value and limit: seconds.
        Silent = "silent",
        /// No change for longer than its own rhythm allows. Value and limit: the probability of such a spell.
        Stuck = "stuck",
        /// It wavers. Value and limit: log-likelihood ratio.
        Flapping = "flapping",
        /// Its changes do not fit the entries and exits of its site. Value and limit: log-likelihood ratio.
        ContradictsSite = "contradicts_site",
        /// Values that cannot be. Value and limit: such messages, less a tenth of the good ones since.
        Implausible = "implausible",
        /// Nearly empty, or will be soon. Value and limit: estimated days until it is empty.
        Battery = "battery",
        /// The reception has become worse. Value and limit: dB above the demodulation floor.
        Signal = "signal",
        /// It starts again and again. Value and limit: log-likelihood ratio.
        Restarts = "restarts",
        /// Its clock is wrong. Value and limit: seconds, positive is ahead.
        ClockDrift = "clock_drift",
        /// Frames are lost. Value and limit: share of frames.
        FrameLoss = "frame_loss",
        /// Old values are sent again with fresh times. Value and limit: seconds between two of them.
        Restamped = "restamped",
        /// Two devices use its identity. Value and limit: times that the frame counters interleaved.
        DuplicateIdentity = "duplicate_identity",
        /// It lies in another site than the one it is bound to. Value and limit: log-likelihood ratio.
        Misbound = "misbound",
        /// Of feeds: fields came or went. No device has it.
        SchemaDrift = "schema_drift",
        /// Everything it sends is rejected. Value and limit: messages in a row.
        Rejected = "rejected",
    }
}

impl Health {
    /// The health of a device that has these, and is in the files.
    pub fn of(codes: impl IntoIterator<Item = Code>) -> Self {
        let worst = |health: &Health| {
            [Health::Ok, Health::Watch, Health::Faulty, Health::Silent].iter().position(|h| h == health)
        };
        codes.into_iter().map(Code::level).max_by_key(worst).unwrap_or(Health::Ok)
    }
}

impl Code {
    /// The health of a device that has this, and nothing worse.
    pub const fn level(self) -> Health {
        match self {
            Code::Silent => Health::Silent,
            Code::Battery
            | Code::Signal
            | Code::Restarts
            | Code::ClockDrift
            | Code::FrameLoss
            | Code::SchemaDrift => Health::Watch,
            _ => Health::Faulty,
        }
    }

    /// Whether the device's state is not to be believed while it has this.
    pub const fn hides_state(self) -> bool {
        matches!(
            self,
            Code::Stuck
                | Code::Flapping
                | Code::ContradictsSite
                | Code::Implausible
                | Code::Restamped
                | Code::DuplicateIdentity
                | Code::Misbound
        )
    }
}

/// One thing that is wrong with a device: an item of `reasons`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// Since when it is so, as far as can be estimated: earlier than it was found.
    pub since: UtcMicros,
    /// How far it has gone; the unit is that of the code.
    pub value: f32,
    /// Where it began to count as a fault.
    pub limit: f32,
}
