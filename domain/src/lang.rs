//! The two languages of pages, prints, notices and reports.

use crate::place::wire_enum;

wire_enum! {
    /// A language (ISO 639).
    Lang {
        /// German.
        De = "de",
        /// English.
        En = "en",
    }
}

impl Lang {
    /// The other of the two.
    pub const fn other(self) -> Self {
        self.say(Lang::En, Lang::De)
    }

    /// Picks one of two.
    pub const fn say<T: Copy>(self, de: T, en: T) -> T {
        match self {
            Lang::De => de,
            Lang::En => en,
        }
    }
}
