//! What is expected of a device, whatever its messages say.

use super::{Code, Health};

/// How a device stands with the files and with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// It is in the files.
    pub is_known: bool,
    /// It is bound to a place or vehicle.
    pub is_bound: bool,
    /// It has sent something, ever.
    pub was_heard: bool,
}

impl Standing {
    /// Whether it is `new`: not in the files, or a spare one, which waits for a place and has not sent yet. Nothing is expected
    /// of it.
    pub fn is_new(self) -> bool {
        !self.is_known || !(self.is_bound || self.was_heard)
    }

    /// Whether its silence is a fault: nobody waits for one that is bound to nothing.
    pub fn is_awaited(self) -> bool {
        self.is_known && self.is_bound
    }

    /// The health of one that has these.
    pub fn health(self, codes: impl IntoIterator<Item = Code>) -> Health {
        if self.is_new() { Health::New } else { Health::of(codes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_expected_of_what_waits_for_a_place() {
        let of = |is_known, is_bound, was_heard| Standing { is_known, is_bound, was_heard };
        let spare = of(true, false, false);
        assert_eq!((spare.health([]), spare.is_awaited()), (Health::New, false));
        let stranger = of(false, false, true);
        assert_eq!((stranger.health([Code::Battery]), stranger.is_awaited()), (Health::New, false));
        // It was tried, or was at a place before.
        let tried = of(true, false, true);
        assert_eq!((tried.health([]), tried.is_awaited()), (Health::Ok, false));
        assert_eq!(tried.health([Code::Battery]), Health::Watch);
        // Somebody says that it is there.
        let bound = of(true, true, false);
        assert_eq!((bound.health([Code::Silent]), bound.is_awaited()), (Health::Silent, true));
    }
}
