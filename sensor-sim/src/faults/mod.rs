//! Faults between a bay and the broker, on demand and seeded.
//!
//! [`FaultyWorld`] runs the world and changes what its devices report. [`Wire`] loses, duplicates and delays messages.
//! The truth itself is never touched.

mod draw;
mod faulty_world;
mod wire;

pub(crate) use draw::{Ageing, Note, Onset};
pub(crate) use faulty_world::{FaultyWorld, Step};
pub(crate) use wire::{Sending, Wire};

/// The longest delay, seconds: as late as products commonly accept.
const MAX_DELAY_S: f64 = 30.0 * 86_400.0;

/// Which faults befall messages, and how often; all zero = none.
#[derive(Debug, Clone, Copy, PartialEq, Default, clap::Args)]
#[command(next_help_heading = "Faults")]
pub struct Faults {
    /// Share of messages that never arrive.
    #[arg(long, default_value_t = 0.0)]
    pub loss: f64,
    /// Share of messages that are sent twice.
    #[arg(long, default_value_t = 0.0)]
    pub double: f64,
    /// Share of messages that are overtaken by later ones (held back 1 to 5 s).
    #[arg(long, default_value_t = 0.0)]
    pub reorder: f64,
    /// Every message is held back by up to so many seconds.
    #[arg(long, default_value_t = 0.0)]
    pub delay_s: f64,
    /// Share of bays, sites and vehicles whose clock is wrong: an hour slow, an hour or a year fast, or reset to 1970.
    #[arg(long, default_value_t = 0.0)]
    pub wrong_clock: f64,
    /// Share of bays whose sensor reports its first state for ever.
    #[arg(long, default_value_t = 0.0)]
    pub stuck: f64,
    /// Share of bays whose sensor wavers around each change before it settles on the truth.
    #[arg(long, default_value_t = 0.0)]
    pub flapping: f64,
    /// Share of bays whose sensor falls silent within the first minute.
    #[arg(long, default_value_t = 0.0)]
    pub dead: f64,
    /// Share of LoRaWAN devices whose battery is nearly empty.
    #[arg(long, default_value_t = 0.0)]
    pub low_battery: f64,
    /// Share of bays whose first state is sent again every minute with a fresh time.
    #[arg(long, default_value_t = 0.0)]
    pub restamp: f64,
    /// Share of bays whose LoRaWAN device is replaced within the first minute by one of the town's spare ones (as far as
    /// there are any).
    #[arg(long, default_value_t = 0.0)]
    pub device_swap: f64,
    /// Share of bays whose LoRaWAN device is mixed up with one of another site of the town: each reports the other's bay.
    #[arg(long, default_value_t = 0.0)]
    pub misbound: f64,
    /// Share of bays whose clock gains or loses 20 to 300 seconds a day.
    #[arg(long, default_value_t = 0.0)]
    pub drift: f64,
    /// Share of bays whose LoRaWAN device's battery falls to empty within 3 to 8 days, and is silent from then on.
    #[arg(long, default_value_t = 0.0)]
    pub battery: f64,
    /// Share of bays whose LoRaWAN device is heard by no gateway with a third to two thirds of its frames.
    #[arg(long, default_value_t = 0.0)]
    pub frame_loss: f64,
    /// Share of bays whose LoRaWAN device becomes weaker, by 10 to 18 dB within 3 to 8 days.
    #[arg(long, default_value_t = 0.0)]
    pub signal: f64,
}

/// An invalid rate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("fault '{name}' is {value}; {remedy}")]
pub struct BadFault {
    pub name: &'static str,
    pub value: f64,
    pub remedy: &'static str,
}

impl Faults {
    /// Checks the rates.
    ///
    /// # Errors
    /// A share outside 0..=1, a negative delay, or shares of bays that add up to more than all bays.
    pub(crate) fn check(&self) -> Result<(), BadFault> {
        let shares = [
            ("loss", self.loss),
            ("double", self.double),
            ("reorder", self.reorder),
            ("wrong_clock", self.wrong_clock),
            ("stuck", self.stuck),
            ("flapping", self.flapping),
            ("dead", self.dead),
            ("low_battery", self.low_battery),
            ("restamp", self.restamp),
            ("device_swap", self.device_swap),
            ("misbound", self.misbound),
            ("drift", self.drift),
            ("battery", self.battery),
            ("frame_loss", self.frame_loss),
            ("signal", self.signal),
        ];
        if let Some(&(name, value)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(BadFault { name, value, remedy: "a share lies between 0 and 1" });
        }
        if !(0.0..=MAX_DELAY_S).contains(&self.delay_s) {
            let remedy = "a delay lies between 0 and 2592000 seconds (30 days)";
            return Err(BadFault { name: "delay_s", value: self.delay_s, remedy });
        }
        let of_bays: f64 =
            shares[4..].iter().filter(|(name, _)| *name != "low_battery").map(|(_, share)| share).sum();
        if of_bays > 1.0 {
            let name = "stuck + flapping + dead + restamp + device_swap + misbound + drift + battery + frame_loss + signal";
            return Err(BadFault {
                name,
                value: of_bays,
                remedy: "a bay has one of them, so they add up to 1 at most",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
