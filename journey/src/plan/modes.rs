//! Kinds of itineraries.

/// Modes of an itinerary; a set of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes(u16);

impl Modes {
    /// On foot.
    pub const WALK: Modes = Modes(1);
    /// By bicycle.
    pub const BIKE: Modes = Modes(2);
    /// By car to a place to park.
    pub const CAR: Modes = Modes(4);
    /// By public transport.
    pub const TRANSIT: Modes = Modes(8);
    /// By car to a stop, then by public transport.
    pub const PARK_RIDE: Modes = Modes(16);
    /// By bicycle to a stop, then by public transport.
    pub const BIKE_RIDE: Modes = Modes(32);
    /// By a ride on demand in an area, alone or with public transport.
    pub const ON_DEMAND: Modes = Modes(64);
    /// With somebody who takes others along, as part of journeys by public transport.
    pub const CARPOOL: Modes = Modes(128);
    /// With a shared vehicle, alone or to or from a stop.
    pub const RENTAL: Modes = Modes(256);
    /// By a taxi that is called.
    pub const TAXI: Modes = Modes(512);
    /// By bicycle to a stop, with it by public transport, and on by bicycle.
    pub const BIKE_ON_BOARD: Modes = Modes(1024);
    /// None at all.
    pub const NONE: Modes = Modes(0);

    /// Those that itineraries are of, with their names in the API.
    pub const NAMED: [(&'static str, Modes); 9] = [
        ("WALK", Modes::WALK),
        ("BIKE", Modes::BIKE),
        ("CAR", Modes::CAR),
        ("TRANSIT", Modes::TRANSIT),
        ("PARK_RIDE", Modes::PARK_RIDE),
        ("BIKE_RIDE", Modes::BIKE_RIDE),
        ("ON_DEMAND", Modes::ON_DEMAND),
        ("RENTAL", Modes::RENTAL),
        ("BIKE_ON_BOARD", Modes::BIKE_ON_BOARD),
    ];

    /// All that may be asked for, with their names in the API.
    pub fn all_named() -> impl Iterator<Item = (&'static str, Modes)> {
        Modes::NAMED.into_iter().chain([("CARPOOL", Modes::CARPOOL), ("TAXI", Modes::TAXI)])
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }

    /// These but for `other`.
    #[must_use]
    pub const fn without(self, other: Modes) -> Modes {
        Modes(self.0 & !other.0)
    }

    /// Those that are in both sets.
    #[must_use]
    pub const fn only(self, other: Modes) -> Modes {
        Modes(self.0 & other.0)
    }

    /// Whether any of `other` are among these.
    pub const fn has_any(self, other: Modes) -> bool {
        self.only(other).0 != 0
    }

    /// Whether all of `other` are among these.
    pub const fn has(self, other: Modes) -> bool {
        self.0 & other.0 == other.0
    }
}
