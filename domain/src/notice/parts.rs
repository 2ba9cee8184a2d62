//! What notices are made of: events, kinds, sentences, tallies.

use serde::{Deserialize, Serialize};

use crate::health::{Code, Health};
use crate::lang::Lang;
use crate::place::wire_enum;

wire_enum! {
    /// What happened to a cause.
    Event {
        Began = "began",
        /// Of digests: it began earlier and has not ended.
        Lasts = "lasts",
        Ended = "ended",
    }
}

wire_enum! {
    /// Why a notice is sent.
    NoticeKind {
        /// Something began or ended.
        Health = "health",
        /// Once a day: what is not well, and what ended since the day before.
        Digest = "digest",
        /// Once a day: notices work.
        Heartbeat = "heartbeat",
    }
}

/// A sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// In German.
    pub de: String,
    /// In English.
    pub en: String,
}

impl Text {
    /// In that language.
    pub fn of(&self, lang: Lang) -> &str {
        match lang {
            Lang::De => &self.de,
            Lang::En => &self.en,
        }
    }
}

/// How many sensors of a town are how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Nothing is wrong.
    pub ok: u32,
    /// They need attention soon.
    pub watch: u32,
    /// What they send cannot be read or believed.
    pub faulty: u32,
    /// They are silent.
    pub silent: u32,
}

impl Tally {
    /// Of `sensors`, of which some have these codes.
    pub fn new<'a>(sensors: u32, ailing: impl Iterator<Item = &'a [Code]>) -> Self {
        let mut tally = Tally { ok: sensors, ..Tally::default() };
        for codes in ailing {
            let levels = || codes.iter().map(|code| code.level());
            let worst =
                [Health::Silent, Health::Faulty].into_iter().find(|level| levels().any(|l| l == *level));
            let count = match worst {
                Some(Health::Silent) => &mut tally.silent,
                Some(_) => &mut tally.faulty,
                None => &mut tally.watch,
            };
            *count += 1;
            tally.ok = tally.ok.saturating_sub(1);
        }
        tally
    }
}
