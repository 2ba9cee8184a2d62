//! Turn-by-turn steps of a way over streets.
//!
//! When a step begins follows OpenTripPlanner's `StatesToWalkStepsMapper`
//! (<https://github.com/opentripplanner/OpenTripPlanner>, commit 04d35b7): another street, or, on the same one, a bend of more
//! than 45 degrees or a branch that goes on about as straight, where there is a choice; short connections within one
//! street are no steps of their own. It differs in these: a roundabout is one step together with the street that is taken
//! from it; where there is no choice nobody is told to turn; the branches of a fork are left and right, not both
//! straight on; a street is left at a short connection only if the way really bends there.

mod merge;
mod stretch;

use domain::geo::LatLon;
use domain::guidance::{Bearing, Instruction, Turn, WayKind};

use self::stretch::{Stretch, deviation};
use super::edge_based::heading;
use super::{Coord, Mode, Network, Piece};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<'a> {
    /// What to do where it begins.
    pub instruction: Instruction<'a>,
    /// Where it begins.
    pub at: Coord,
    /// How long it is, decimetres.
    pub length_dm: u64,
}

impl Step<'_> {
    /// The one step of a way that follows no street.
    pub fn straight(from: LatLon, to: LatLon) -> Self {
        let [at, end] = [from, to].map(Coord::from);
        let instruction = Instruction {
            turn: Turn::Depart,
            exit: None,
            bearing: Bearing::of(f64::from(heading(at, end))),
            street: None,
            way: WayKind::Path,
            pushes_bicycle: false,
        };
        Step { instruction, at, length_dm: (at.distance_m(end) * 10.0).round() as u64 }
    }
}

/// A step while they are made.
#[derive(Clone, Copy)]
struct Draft<'a> {
    step: Step<'a>,
    /// Change of heading where it begins, degrees.
    angle: f64,
}

/// Bends of a street by more than this need an instruction, where others go on: degrees (OTP: 45).
const BEND_DEG: f64 = 45.0;

/// A branch that is straighter than the way, or no more than this less straight, may be taken for it: degrees (OTP: 11.25).
const RIVAL_DEG: f64 = 11.25;

/// The steps of a way. Their lengths add up to that of `pieces`, and the first begins where those begin.
pub fn steps<'a>(network: &'a Network, mode: Mode, pieces: &[Piece]) -> Vec<Step<'a>> {
    let mut way: Vec<Stretch<'a>> = pieces.iter().map(|piece| Stretch::new(network, mode, *piece)).collect();
    // Where a way begins or ends exactly at a junction.
    if way.iter().any(|stretch| stretch.length_dm > 0) {
        way.retain(|stretch| stretch.length_dm > 0);
    }
    let Some(first) = way.first() else { return Vec::new() };
    let mut steps = vec![first.step(Turn::Depart, 0.0)];
    let mut at = 1;
    while let Some(stretch) = way.get(at) {
        let before = &way[at - 1];
        if stretch.roundabout && !before.roundabout {
            let circle = way[at..].iter().take_while(|stretch| stretch.roundabout).count();
            steps.push(through(network, mode, before, &way[at..at + circle], way.get(at + circle)));
            at += circle + 1;
            continue;
        }
        let angle = deviation(before.ends_deg, stretch.begins_deg);
        let name = steps.last().map_or("", |draft| draft.step.instruction.street.unwrap_or_default());
        match turn(network, mode, (before, stretch), angle, name) {
            Some(turn) => steps.push(stretch.step(turn, angle)),
            None => extend(&mut steps, stretch.length_dm),
        }
        at += 1;
    }
    merge::short(steps).into_iter().map(|draft| draft.step).collect()
}

fn extend(steps: &mut [Draft<'_>], length_dm: u64) {
    if let Some(last) = steps.last_mut() {
        last.step.length_dm += length_dm;
    }
}

/// Through a roundabout, and on by `exit`, which counts as part of the step; without it the way ends inside.
fn through<'a>(
    network: &Network,
    mode: Mode,
    before: &Stretch<'_>,
    circle: &[Stretch<'a>],
    exit: Option<&Stretch<'a>>,
) -> Draft<'a> {
    let first = &circle[0];
    let bends: f64 = circle.iter().map(|stretch| stretch.bend_deg).sum::<f64>()
        + circle.windows(2).map(|pair| deviation(pair[0].ends_deg, pair[1].begins_deg)).sum::<f64>();
    let entry = deviation(before.ends_deg, first.begins_deg);
    // What bends to the left is entered to the right.
    let is_clockwise = if bends == 0.0 { entry < 0.0 } else { bends > 0.0 };
    let turn = if is_clockwise { Turn::CircleClockwise } else { Turn::CircleCounterclockwise };
    let length_dm: u64 = circle.iter().chain(exit).map(|stretch| stretch.length_dm).sum();
    let mut draft = exit.unwrap_or(first).step(turn, 0.0);
    draft.step.at = first.at;
    draft.step.length_dm = length_dm;
    draft.step.instruction.exit = exit.map(|_| {
        let passed = circle.iter().rev().skip(1).filter(|stretch| stretch.has_exit(network, mode)).count();
        passed as u16 + 1
    });
    draft
}

/// What to do between two stretches; `None`: nothing, it is the same street that goes on. `name` is that of the street so
/// far.
fn turn(
    network: &Network,
    mode: Mode,
    (before, after): (&Stretch<'_>, &Stretch<'_>),
    angle: f64,
    name: &str,
) -> Option<Turn> {
    if before.is_back(network.streets(), after) {
        return Some(Turn::UTurn);
    }
    let branches = after.branches(network, mode, before);
    let is_other_kind = before.manner() != after.manner();
    if branches.is_empty() {
        let is_named = !after.name.is_empty() && after.name != name;
        return (is_named || is_other_kind).then_some(Turn::Continue);
    }
    let is_straight = Turn::by_angle(angle) == Turn::Continue;
    let rivals = branches.iter().filter(|branch| {
        // Where a street parts into branches of its own name, either is the same street.
        let is_other = after.name.is_empty() || branch.name != after.name;
        let is_minor = !after.name.is_empty() && branch.is_minor && !after.is_minor;
        branch.may_enter && is_other && !is_minor && branch.angle.abs() - angle.abs() < RIVAL_DEG
    });
    let (mut left, mut right) = (false, false);
    for rival in rivals {
        left |= rival.angle < angle;
        right |= rival.angle > angle;
    }
    let has_rival = left || right;
    let is_step = match before.name == after.name {
        false => true,
        true if is_other_kind || angle.abs() > BEND_DEG => true,
        true if after.name.is_empty() => has_rival,
        true => has_rival && !is_straight,
    };
    is_step.then(|| match Turn::by_angle(angle) {
        // The branches of a fork are left and right.
        Turn::Continue if left && !right => Turn::SlightlyRight,
        Turn::Continue if right && !left => Turn::SlightlyLeft,
        turn => turn,
    })
}

impl<'a> Stretch<'a> {
    /// The step that begins with it.
    fn step(&self, turn: Turn, angle: f64) -> Draft<'a> {
        let (way, pushes_bicycle) = self.kind();
        let instruction = Instruction {
            turn,
            exit: None,
            bearing: Bearing::of(self.begins_deg),
            street: Some(self.name).filter(|name| !name.is_empty()),
            way,
            pushes_bicycle,
        };
        Draft { step: Step { instruction, at: self.at, length_dm: self.length_dm }, angle }
    }
}
