//! Who may use a way or pass a barrier: the hierarchy of access tags, one-ways, defaults by class.
//!
//! After the OpenStreetMap wiki, "Key:access" and "OSM tags for routing/Access restrictions".

use super::osm::Tags;
use super::profile::{Class, Mode, Modes};

/// Who may go where on a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directions {
    pub forward: Modes,
    pub backward: Modes,
    pub no_through: Modes,
    pub private: Modes,
}

/// What one access value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Yes,
    NoThrough,
    Private,
    No,
}

fn meaning(value: &str) -> Option<Access> {
    // Of several values ("agricultural;forestry", "destination;delivery") the kindest one counts.
    value.split(';').filter_map(|one| single_meaning(one.trim())).min_by_key(|access| *access as u8)
}

fn single_meaning(value: &str) -> Option<Access> {
    Some(match value {
        "yes" | "permissive" | "designated" | "public" | "official" | "allowed" | "dismount"
        | "optional_sidepath" | "use_sidepath" | "discouraged" | "limited" | "permit" | "lane" | "shared"
        | "track" | "passable" => Access::Yes,
        "destination" | "customers" | "delivery" | "residents" | "visitors" => Access::NoThrough,
        "private" | "employees" | "staff" | "members" | "key" => Access::Private,
        "no" | "agricultural" | "forestry" | "emergency" | "military" | "restricted" | "psv" | "bus"
        | "taxi" | "hgv" | "none" | "impassable" => Access::No,
        _ => return None,
    })
}

/// Tags that speak about a mode, the most special first.
fn hierarchy(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Foot => &["foot", "access"],
        Mode::Bike => &["bicycle", "vehicle", "access"],
        Mode::Car => &["motorcar", "motor_vehicle", "vehicle", "access"],
        Mode::Wheelchair => &["foot", "access"],
    }
}

/// Whether the law lets a mode onto a kind of street that has no access tag.
fn default_access(mode: Mode, class: Class) -> Access {
    let allowed = match mode {
        Mode::Car => class <= Class::Aisle || class == Class::Track,
        Mode::Bike => !matches!(class, Class::Motorway | Class::Pedestrian | Class::Footway | Class::Ferry),
        Mode::Foot => !matches!(class, Class::Motorway | Class::Cycleway),
        Mode::Wheelchair => !matches!(class, Class::Motorway | Class::Cycleway | Class::Steps),
    };
    if allowed { Access::Yes } else { Access::No }
}

fn access(tags: &Tags, mode: Mode, class: Class) -> Access {
    let default = default_access(mode, class);
    for key in hierarchy(mode) {
        let Some(found) = tags.get(key).and_then(meaning) else { continue };
        // `access=yes` on a footpath is no permission for cars: only a tag of the mode's own is.
        let general = matches!(*key, "access" | "vehicle");
        return match (general, default, found) {
            (true, Access::No, _) if class != Class::Ferry => Access::No,
            _ => found,
        };
    }
    match class {
        Class::Path if tags.is("highway", "bridleway") => Access::No,
        // Cars on ferries and foot passengers alike, unless it says otherwise; bicycles too.
        Class::Ferry if mode == Mode::Car => match tags.get("motor_vehicle").or(tags.get("motorcar")) {
            Some(_) => default,
            None => Access::No,
        },
        Class::Ferry => Access::Yes,
        _ => default,
    }
}

/// Who may use a way of a class with these tags.
pub(super) fn of(tags: &Tags, class: Class) -> Directions {
    let (mut allowed, mut no_through, mut private) = (0, 0, 0);
    for mode in Mode::ALL {
        match access(tags, mode, class) {
            Access::Yes => allowed |= mode.bit(),
            Access::NoThrough => {
                allowed |= mode.bit();
                no_through |= mode.bit();
            }
            Access::Private => private |= mode.bit(),
            Access::No => {}
        }
    }
    if tags.is("motorroad", "yes") {
        allowed &= Mode::Car.bit();
    }
    if tags.is("impassable", "yes") || tags.is("smoothness", "impassable") {
        allowed &= !(Mode::Car.bit() | Mode::Bike.bit() | Mode::Wheelchair.bit());
    }
    if !fit_for_wheelchairs(tags, class) {
        allowed &= !Mode::Wheelchair.bit();
    }
    // Mountain paths beyond hiking are not a walk.
    if tags.get("sac_scale").is_some_and(|scale| !matches!(scale, "hiking" | "strolling" | "no")) {
        allowed &= Mode::Car.bit();
    }
    // People on foot always pass a no-through street: it is meant for vehicles.
    no_through &= Mode::Car.bit() | Mode::Bike.bit();
    let (forward, backward) = one_way(tags, class);
    Directions { forward: allowed & forward, backward: allowed & backward, no_through, private }
}

fn fit_for_wheelchairs(tags: &Tags, class: Class) -> bool {
    if let Some(said) = tags.get("wheelchair") {
        return !matches!(said, "no" | "bad" | "impassable");
    }
    let firm = !matches!(
        tags.get("surface"),
        Some(
            "sand"
                | "mud"
                | "rock"
                | "gravel"
                | "ground"
                | "dirt"
                | "earth"
                | "grass"
                | "pebblestone"
                | "stepping_stones"
                | "unhewn_cobblestone"
                | "woodchips"
        )
    );
    let even = !matches!(tags.get("smoothness"), Some("bad" | "very_bad" | "horrible" | "very_horrible"));
    let made = class != Class::Track || matches!(tags.get("tracktype"), Some("grade1" | "grade2"));
    // Steep beyond what DIN 18040 calls passable over short stretches (6 %, to 10 % in the open).
    let flat = tags.get("incline").and_then(|text| text.trim_end_matches(['%', ' ']).parse::<f64>().ok());
    firm && even && made && flat.is_none_or(|percent| percent.abs() <= 10.0)
}

/// Who may go with and against the way, as far as one-way rules say.
fn one_way(tags: &Tags, class: Class) -> (Modes, Modes) {
    const ALL: Modes = 0b1111;
    let vehicles = Mode::Car.bit() | Mode::Bike.bit();
    let implied = matches!(tags.get("junction"), Some("roundabout" | "circular")) || class == Class::Motorway;
    let (mut forward, mut backward) = match tags.get("oneway") {
        Some("yes" | "true" | "1") => (ALL, ALL & !vehicles),
        Some("-1" | "reverse") => (ALL & !vehicles, ALL),
        Some("no" | "false" | "0") => (ALL, ALL),
        _ if implied => (ALL, ALL & !vehicles),
        _ => (ALL, ALL),
    };
    let bike = Mode::Bike.bit();
    let against = |key: &str| tags.get(key).is_some_and(|value| value.starts_with("opposite"));
    let lane_against = |key: &str| matches!(tags.get(key), Some("no" | "-1"));
    if tags.is("oneway:bicycle", "no")
        || ["cycleway", "cycleway:left", "cycleway:right", "cycleway:both"].iter().any(|key| against(key))
        || lane_against("cycleway:left:oneway")
        || lane_against("cycleway:right:oneway")
    {
        forward |= bike;
        backward |= bike;
    } else if tags.is("oneway:bicycle", "yes") {
        backward &= !bike;
    }
    let walkers = Mode::Foot.bit() | Mode::Wheelchair.bit();
    if tags.is("oneway:foot", "yes")
        || (class == Class::Footway && tags.is("foot", "yes") && tags.is("oneway:foot", "-1"))
    {
        backward &= !walkers;
    }
    for (suffix, side) in [(":forward", &mut forward), (":backward", &mut backward)] {
        for (keys, modes) in [
            (["vehicle", "motor_vehicle"].as_slice(), Mode::Car.bit()),
            (["vehicle", "bicycle"].as_slice(), bike),
        ] {
            for key in keys {
                match tags.get(&format!("{key}{suffix}")).and_then(meaning) {
                    Some(Access::No | Access::Private) => *side &= !modes,
                    Some(_) => *side |= modes,
                    None => {}
                }
            }
        }
    }
    (forward, backward)
}

/// Whom a node with these tags stops.
pub(super) fn blocked_by_node(tags: &Tags) -> Modes {
    const CURB_LIMIT_M: f64 = 0.03;
    let mut blocked: Modes = 0;
    let (foot, bike, car, wheels) =
        (Mode::Foot.bit(), Mode::Bike.bit(), Mode::Car.bit(), Mode::Wheelchair.bit());
    if let Some(barrier) = tags.get("barrier") {
        blocked = match barrier {
            "gate" | "lift_gate" | "swing_gate" | "sliding_gate" | "hampshire_gate" | "chain" | "rope"
                if tags.is("locked", "yes") =>
            {
                foot | bike | car | wheels
            }
            "bollard" | "block" | "jersey_barrier" | "planter" | "log" | "debris" | "cycle_barrier"
            | "barrier_board" | "bus_trap" | "sump_buster" | "motorcycle_barrier" | "chain" | "rope" => car,
            "stile" | "kissing_gate" | "turnstile" | "full-height_turnstile" | "horse_stile" => {
                car | bike | wheels
            }
            "wall" | "fence" | "hedge" | "ditch" | "retaining_wall" | "guard_rail" => car | bike | wheels,
            "kerb" => 0,
            _ => 0,
        };
    }
    let high_kerb = match tags
        .get("kerb:height")
        .and_then(|text| text.trim_end_matches('m').trim().parse::<f64>().ok())
    {
        Some(metres) => metres > CURB_LIMIT_M,
        None => tags.is("kerb", "raised"),
    };
    if high_kerb || matches!(tags.get("wheelchair"), Some("no" | "bad")) {
        blocked |= wheels;
    }
    if tags.get("barrier").is_some() || tags.is("highway", "gate") {
        for mode in Mode::ALL {
            match tags.first(hierarchy(mode)).and_then(meaning) {
                Some(Access::No | Access::Private) => blocked |= mode.bit(),
                Some(_) if mode != Mode::Wheelchair => blocked &= !mode.bit(),
                _ => {}
            }
        }
    }
    blocked
}
