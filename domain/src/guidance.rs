//! Instructions on the way: what to do at a junction, in MOTIS's and OTP's words.

use crate::place::wire_enum;

wire_enum! {
    /// What to do, seen in the direction of travel.
    Turn {
        /// The leg begins.
        Depart = "DEPART",
        /// More than 115 degrees to the left.
        HardLeft = "HARD_LEFT",
        /// To the left.
        Left = "LEFT",
        /// Up to 40 degrees to the left, or the left one of two ways that both go on.
        SlightlyLeft = "SLIGHTLY_LEFT",
        /// Straight on, or the only way on.
        Continue = "CONTINUE",
        /// Up to 40 degrees to the right, or the right one of two ways that both go on.
        SlightlyRight = "SLIGHTLY_RIGHT",
        /// To the right.
        Right = "RIGHT",
        /// More than 115 degrees to the right.
        HardRight = "HARD_RIGHT",
        /// Back, on the same street.
        UTurn = "UTURN",
        /// Through a roundabout, clockwise.
        CircleClockwise = "CIRCLE_CLOCKWISE",
        /// Through a roundabout, counterclockwise.
        CircleCounterclockwise = "CIRCLE_COUNTERCLOCKWISE",
    }
}

wire_enum! {
    /// A point of the compass.
    Bearing {
        North = "NORTH", Northeast = "NORTHEAST", East = "EAST", Southeast = "SOUTHEAST",
        South = "SOUTH", Southwest = "SOUTHWEST", West = "WEST", Northwest = "NORTHWEST",
    }
}

wire_enum! {
    /// What one travels on.
    WayKind {
        /// For all traffic.
        Street = "street",
        /// A slip road, an access ramp.
        Ramp = "ramp",
        /// To houses and yards.
        Access = "access",
        /// In a car park.
        Parking = "parking",
        /// For farms and forests.
        Track = "track",
        /// For pedestrians, with the width of a street.
        Pedestrian = "pedestrian",
        /// For bicycles.
        Cycleway = "cycleway",
        /// A path.
        Path = "path",
        /// For pedestrians.
        Footway = "footway",
        /// Stairs.
        Stairs = "stairs",
        /// A ferry.
        Ferry = "ferry",
    }
}

impl Turn {
    /// By the change of heading, degrees, to the right positive, from -180 to 180. The limits are those of OTP's
    /// `RelativeDirection.calculate`: 0.3, 0.7 and 2 rad.
    pub fn by_angle(degrees: f64) -> Turn {
        let radians = degrees.to_radians();
        match radians.abs() {
            ..0.3 => Turn::Continue,
            ..0.7 if radians > 0.0 => Turn::SlightlyRight,
            ..0.7 => Turn::SlightlyLeft,
            ..2.0 if radians > 0.0 => Turn::Right,
            ..2.0 => Turn::Left,
            _ if radians > 0.0 => Turn::HardRight,
            _ => Turn::HardLeft,
        }
    }

    /// The same seen in a mirror.
    #[must_use]
    pub const fn mirrored(self) -> Turn {
        match self {
            Turn::HardLeft => Turn::HardRight,
            Turn::Left => Turn::Right,
            Turn::SlightlyLeft => Turn::SlightlyRight,
            Turn::SlightlyRight => Turn::SlightlyLeft,
            Turn::Right => Turn::Left,
            Turn::HardRight => Turn::HardLeft,
            Turn::CircleClockwise => Turn::CircleCounterclockwise,
            Turn::CircleCounterclockwise => Turn::CircleClockwise,
            Turn::Depart | Turn::Continue | Turn::UTurn => self,
        }
    }
}

impl Bearing {
    /// The nearest to a heading, degrees clockwise from north.
    pub fn of(degrees: f64) -> Bearing {
        const OCTANT: f64 = 45.0;
        let octant = (degrees / OCTANT).round().rem_euclid(8.0) as usize;
        Bearing::ALL.get(octant).copied().unwrap_or(Bearing::North)
    }
}

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// What to do.
    pub turn: Turn,
    /// Which exit of a roundabout is taken, from 1; `None`: no roundabout, or it is not left.
    pub exit: Option<u16>,
    /// Where to, once it is done.
    pub bearing: Bearing,
    /// Name of the street that is taken, else its number; `None`: it has neither.
    pub street: Option<&'a str>,
    /// What that street is.
    pub way: WayKind,
    /// Whether a bicycle is pushed there.
    pub pushes_bicycle: bool,
}
