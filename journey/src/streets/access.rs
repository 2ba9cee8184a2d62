//! Who may use a way or pass a barrier: the hierarchy of access tags, one-ways, defaults by class.
//!
//! After the OpenStreetMap wiki, "Key:access" and "OSM tags for routing/Access restrictions".

use super::class::{Class, Mode, Modes, tagged};
use super::osm::Tags;

/// Access to a way, by mode and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directions {
    pub forward: Modes,
    pub backward: Modes,
    pub no_through: Modes,
    pub private: Modes,
}

/// What one access value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    Yes,
    NoThrough,
    /// Vehicles may only reach what stands along it, and else keep to the path beside it.
    Sidepath,
    Private,
    No,
}

fn meaning(value: &str) -> Option<Access> {
    // Of several values ("agricultural;forestry", "destination;delivery") the most permissive one counts.
    value.split(';').filter_map(|one| tagged(&MEANINGS, one.trim())).min_by_key(|access| *access as u8)
}

/// Values of access tags.
const MEANINGS: [(Access, &str); 5] = [
    (
        Access::Yes,
        "yes permissive designated public official allowed dismount optional_sidepath discouraged limited lane shared track \
         passable",
    ),
    (Access::NoThrough, "destination customers delivery residents visitors"),
    (Access::Private, "private employees staff members key permit"),
    // A path or footway of one's own runs beside it.
    (Access::Sidepath, "use_sidepath"),
    (Access::No, "no agricultural forestry emergency military restricted psv bus taxi hgv none impassable"),
];

/// Access keys of a mode, the most specific first.
fn hierarchy(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Foot | Mode::Wheelchair => &["foot", "access"],
        Mode::Bike => &["bicycle", "vehicle", "access"],
        Mode::Car => &["motorcar", "motor_vehicle", "vehicle", "access"],
    }
}

/// Legal default for a mode on a class of street without access tags. A ferry carries everybody but cars.
fn default_access(tags: &Tags, mode: Mode, class: Class) -> Access {
    let allowed = match mode {
        Mode::Car => {
            (class <= Class::Aisle || class == Class::Track) && !tags.is("service", "emergency_access")
        }
        Mode::Bike => {
            let is_lift = tags.is("highway", "elevator");
            !matches!(class, Class::Motorway | Class::Pedestrian | Class::Footway) || is_lift
        }
        Mode::Foot => !matches!(class, Class::Motorway | Class::Cycleway),
        Mode::Wheelchair => !matches!(class, Class::Motorway | Class::Cycleway | Class::Steps),
    };
    if allowed { Access::Yes } else { Access::No }
}

/// The direction of travel along a way, as the suffix of keys.
const DIRECTIONS: [&str; 2] = ["forward", "backward"];

/// Value of the most specific tag for a mode and direction, and its key: `KEY:forward` comes before `KEY`.
fn stated<'a>(tags: &'a Tags, mode: Mode, direction: &str) -> Option<(&'static str, &'a str, Access)> {
    hierarchy(mode).iter().find_map(|key| {
        let value = tags.get(&format!("{key}:{direction}")).or_else(|| tags.get(key))?;
        Some((*key, value, meaning(value)?))
    })
}

fn access(tags: &Tags, mode: Mode, class: Class, direction: &str) -> Access {
    let default = default_access(tags, mode, class);
    if let Some((key, value, found)) = stated(tags, mode, direction) {
        // `access=yes` on a footpath is no permission for cars: only a tag of the mode's own is.
        let is_general = matches!(key, "access" | "vehicle");
        return match (is_general, default, found) {
            (true, Access::No, _) if class != Class::Ferry => Access::No,
            // People on foot pass a street that only residents may drive into, but not the yard of a shop.
            (true, _, Access::NoThrough) if is_on_foot(mode) && !is_for_guests(value) => Access::Yes,
            (_, _, Access::Sidepath) if is_on_foot(mode) => Access::No,
            _ => found,
        };
    }
    if tags.is("highway", "bridleway") { Access::No } else { default }
}

fn is_on_foot(mode: Mode) -> bool {
    matches!(mode, Mode::Foot | Mode::Wheelchair)
}

/// Whether it is a destination, not a street for through traffic.
fn is_for_guests(value: &str) -> bool {
    value.split(';').any(|one| matches!(one.trim(), "customers" | "visitors"))
}

/// Who may use a way of a class with these tags.
pub(super) fn of(tags: &Tags, class: Class) -> Directions {
    let (mut allowed, mut no_through, mut private) = ([0; 2], 0, 0);
    for mode in Mode::ALL {
        let found = DIRECTIONS.map(|direction| access(tags, mode, class, direction));
        // Private where it is that in any direction and open in none: who lives there, or visits them, comes and leaves
        // that way; nobody passes through.
        let is_private = found.iter().all(|a| matches!(a, Access::Private | Access::No));
        for (allowed, access) in allowed.iter_mut().zip(found) {
            if access == Access::No || access == Access::Private && !is_private {
                continue;
            }
            *allowed |= mode.bit();
            no_through |= if access == Access::Yes { 0 } else { mode.bit() };
            private |= if access == Access::Private { mode.bit() } else { 0 };
        }
    }
    let mut fit: Modes = ALL_MODES;
    if tags.is("motorroad", "yes") {
        fit &= Mode::Car.bit();
    }
    if tags.is("impassable", "yes") || tags.is("smoothness", "impassable") {
        fit &= !(Mode::Car.bit() | Mode::Bike.bit() | Mode::Wheelchair.bit());
    }
    if !fit_for_wheelchairs(tags, class) {
        fit &= !Mode::Wheelchair.bit();
    }
    // Mountain paths beyond hiking are not a walk; a track that vehicles use is.
    let is_path = matches!(class, Class::Path | Class::Footway | Class::Steps);
    if is_path && tags.get("sac_scale").is_some_and(|scale| !matches!(scale, "hiking" | "strolling" | "no")) {
        fit &= Mode::Car.bit();
    }
    let ways = one_way(tags, class);
    let [forward, backward] = [0, 1].map(|at| allowed[at] & fit & ways[at]);
    private &= forward | backward;
    Directions { forward, backward, no_through, private }
}

const ALL_MODES: Modes = 0b1111;

/// Values of `surface` that stop wheelchairs.
const LOOSE: &str =
    "sand mud rock gravel ground dirt earth grass pebblestone stepping_stones unhewn_cobblestone woodchips";

fn fit_for_wheelchairs(tags: &Tags, class: Class) -> bool {
    // Whatever their other tags: a ramp beside them is a way of its own.
    if class == Class::Steps || tags.get("conveying").is_some_and(|value| value != "no") {
        return false;
    }
    if let Some(tagged) = tags.get("wheelchair") {
        return !matches!(tagged, "no" | "bad" | "impassable");
    }
    let firm = tags.get("surface").is_none_or(|value| tagged(&[((), LOOSE)], value).is_none());
    let even = !matches!(tags.get("smoothness"), Some("bad" | "very_bad" | "horrible" | "very_horrible"));
    let made = class != Class::Track || matches!(tags.get("tracktype"), Some("grade1" | "grade2"));
    // Steep beyond what DIN 18040 calls passable over short stretches (6 %, to 10 % in the open).
    let flat = tags.get("incline").and_then(|text| text.trim_end_matches(['%', ' ']).parse::<f64>().ok());
    firm && even && made && flat.is_none_or(|percent| percent.abs() <= 10.0)
}

/// Keys of a way's cycle lanes and tracks.
pub(super) const CYCLEWAYS: [&str; 4] = ["cycleway", "cycleway:both", "cycleway:right", "cycleway:left"];

/// Modes with and against the way, by the one-way rules.
fn one_way(tags: &Tags, class: Class) -> [Modes; 2] {
    let (bike, car) = (Mode::Bike.bit(), Mode::Car.bit());
    let walkers = Mode::Foot.bit() | Mode::Wheelchair.bit();
    let is_roundabout = matches!(tags.get("junction"), Some("roundabout" | "circular"));
    let implied = [true, !(is_roundabout || class == Class::Motorway)];
    let general = tags.get("oneway").and_then(directions).unwrap_or(implied);
    let mut open = [ALL_MODES; 2];
    let mut set = |modes: Modes, directions: [bool; 2]| {
        for (open, may) in open.iter_mut().zip(directions) {
            *open = if may { *open | modes } else { *open & !modes };
        }
    };
    set(bike | car, general);
    // The most special one last.
    for (key, modes) in [
        ("oneway:vehicle", bike | car),
        ("oneway:motor_vehicle", car),
        ("oneway:motorcar", car),
        ("oneway:foot", walkers),
    ] {
        if let Some(directions) = tags.get(key).and_then(directions) {
            set(modes, directions);
        }
    }
    let against = |key: &str| tags.get(key).is_some_and(|value| value.starts_with("opposite"));
    let lane_against = |key: &str| matches!(tags.get(key), Some("no" | "-1"));
    let lanes = ["cycleway:left:oneway", "cycleway:right:oneway"];
    if let Some(directions) = tags.get("oneway:bicycle").and_then(directions) {
        set(bike, directions);
    } else if CYCLEWAYS.iter().any(|key| against(key)) || lanes.iter().any(|key| lane_against(key)) {
        set(bike, [true, true]);
    }
    // An escalator carries one way; `reversible` changes, and nobody knows when.
    match tags.get("conveying") {
        Some("forward") => set(walkers, [true, false]),
        Some("backward") => set(walkers, [false, true]),
        Some("reversible") => set(walkers, [false, false]),
        _ => {}
    }
    // A permission for a mode and a direction opens a one-way street, and nothing else does.
    for (at, direction) in DIRECTIONS.iter().enumerate() {
        for mode in [Mode::Car, Mode::Bike, Mode::Foot] {
            let own = hierarchy(mode).iter().filter(|key| **key != "access");
            let tagged = own.filter_map(|key| tags.get(&format!("{key}:{direction}"))).find_map(meaning);
            if tagged.is_some_and(|access| access < Access::Private) {
                open[at] |= mode.bit();
            }
        }
    }
    open
}

/// A value of `oneway`: whether one may go with and against the way.
fn directions(value: &str) -> Option<[bool; 2]> {
    Some(match value {
        "yes" | "true" | "1" => [true, false],
        "-1" | "reverse" => [false, true],
        "no" | "false" | "0" | "alternating" => [true, true],
        // It changes with the time of day, which nobody knows.
        "reversible" => [false, false],
        _ => return None,
    })
}

/// Barriers that open for whom they let through.
const GATES: &str = "gate lift_gate swing_gate sliding_gate hampshire_gate chain rope";

/// Whom other barriers stop.
const BARRIERS: [(Modes, &str); 2] = [
    (
        Mode::Car.bit(),
        "bollard block jersey_barrier planter log debris cycle_barrier barrier_board bus_trap sump_buster \
         motorcycle_barrier chain rope",
    ),
    (
        Mode::Car.bit() | Mode::Bike.bit() | Mode::Wheelchair.bit(),
        "stile kissing_gate turnstile full-height_turnstile horse_stile wall fence hedge ditch retaining_wall guard_rail",
    ),
];

/// Modes that a node with these tags stops, and whether it is a private or locked gate: it is passed to and from what is
/// reached in no other way.
pub(super) fn blocked_by_node(tags: &Tags) -> (Modes, bool) {
    const CURB_LIMIT_M: f64 = 0.03;
    let barrier = tags.get("barrier");
    let gate = barrier.and_then(|barrier| tagged(&[(ALL_MODES, GATES)], barrier));
    let mut keyed = gate.filter(|_| tags.is("locked", "yes")).unwrap_or(0);
    let mut blocked = match keyed {
        0 => barrier.and_then(|barrier| tagged(&BARRIERS, barrier)).unwrap_or(0),
        locked => locked,
    };
    let height =
        tags.get("kerb:height").and_then(|text| text.trim_end_matches('m').trim().parse::<f64>().ok());
    let is_high = height.map_or(tags.is("kerb", "raised"), |metres| metres > CURB_LIMIT_M);
    if is_high || matches!(tags.get("wheelchair"), Some("no" | "bad")) {
        blocked |= Mode::Wheelchair.bit();
    }
    if barrier.is_some() || tags.is("highway", "gate") {
        for mode in Mode::ALL {
            match tags.first(hierarchy(mode)).and_then(meaning) {
                Some(Access::No) => {
                    blocked |= mode.bit();
                    keyed &= !mode.bit();
                }
                Some(Access::Private) => {
                    blocked |= mode.bit();
                    keyed |= mode.bit();
                }
                Some(_) if mode != Mode::Wheelchair => blocked &= !mode.bit(),
                _ => {}
            }
        }
    }
    (blocked, blocked != 0 && blocked == blocked & keyed)
}
