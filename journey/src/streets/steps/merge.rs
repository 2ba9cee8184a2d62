//! Steps over short connections become part of their neighbours.

use domain::guidance::{Turn, WayKind};

use super::Draft;
use super::stretch::deviation;

/// Shorter steps may be connections within one junction, decimetres (OTP's `MAX_ZAG_DISTANCE`).
const SHORT_DM: u64 = 300;

/// A way that bends less than this over a connection goes on, degrees; one that bends by 180 degrees less this turns back.
const STRAIGHT_DEG: f64 = 45.0;

/// The steps without those over short connections.
pub(super) fn short(steps: Vec<Draft<'_>>) -> Vec<Draft<'_>> {
    let mut merged: Vec<Draft<'_>> = Vec::with_capacity(steps.len());
    for step in steps {
        merged.push(step);
        while joined(&mut merged) {}
    }
    merged
}

/// Whether a step is over a short connection.
fn is_connection(draft: &Draft<'_>) -> bool {
    let way = draft.step.instruction.way;
    draft.step.length_dm < SHORT_DM
        && draft.step.instruction.exit.is_none()
        && is_turn(draft)
        && !draft.step.instruction.pushes_bicycle
        && !matches!(way, WayKind::Stairs | WayKind::Ferry)
}

/// Whether it is about two streets at a junction.
fn is_turn(draft: &Draft<'_>) -> bool {
    let turn = draft.step.instruction.turn;
    !matches!(turn, Turn::Depart | Turn::UTurn | Turn::CircleClockwise | Turn::CircleCounterclockwise)
}

/// Joins the last steps, if they belong together.
fn joined(steps: &mut Vec<Draft<'_>>) -> bool {
    let [.., before, connection, last] = steps.as_mut_slice() else { return false };
    if !is_connection(connection) || !is_turn(last) {
        return false;
    }
    let [start, between, street] =
        [&*before, &*connection, &*last].map(|draft| draft.step.instruction.street);
    let plain = |draft: &Draft<'_>| {
        let instruction = draft.step.instruction;
        !instruction.pushes_bicycle && !matches!(instruction.way, WayKind::Stairs | WayKind::Ferry)
    };
    let (whole, is_plain) = (deviation(0.0, connection.angle + last.angle), plain(before) && plain(last));
    let length_dm = connection.step.length_dm + last.step.length_dm;
    if is_plain && street.is_some() && street == start {
        // A street that is broken by a crossing, or the two carriageways of one.
        if whole.abs() < STRAIGHT_DEG {
            before.step.length_dm += length_dm;
            steps.truncate(steps.len() - 2);
            return true;
        }
        if whole.abs() > 180.0 - STRAIGHT_DEG {
            connection.step.instruction.turn = Turn::UTurn;
            connection.step.instruction.bearing = last.step.instruction.bearing;
            connection.step.instruction.street = street;
            connection.step.instruction.way = last.step.instruction.way;
            connection.step.length_dm = length_dm;
            steps.pop();
            return true;
        }
    }
    // Straight on over a crossing, then into the street.
    if connection.step.instruction.turn == Turn::Continue && (between.is_none() || between == street) {
        before.step.length_dm += connection.step.length_dm;
        let last = *last;
        steps.truncate(steps.len() - 2);
        steps.push(last);
        return true;
    }
    // Over a connection without a name of its own into the street that goes on from it.
    if (between.is_none() || between == start) && last.step.instruction.turn == Turn::Continue && plain(last)
    {
        connection.step.instruction.street = street;
        connection.step.instruction.way = last.step.instruction.way;
        connection.step.length_dm = length_dm;
        steps.pop();
        return true;
    }
    false
}
