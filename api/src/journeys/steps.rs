//! Instructions on the way of a leg over streets.

use domain::Lang;
use domain::geo::LatLon;
use domain::guidance::{Bearing, Turn, WayKind};
use journey::plan::StreetLeg;
use journey::streets::Network;
use journey::streets::steps::{Step, steps};
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::words;
use crate::http::wire::whole;

/// A step of a leg over streets.
#[derive(Serialize, ToSchema)]
pub struct StepOut<'a> {
    /// What to do where it begins.
    #[schema(value_type = words::RelativeDirection)]
    relative_direction: Turn,
    /// Where to, once it is done.
    #[schema(value_type = words::AbsoluteDirection)]
    absolute_direction: Bearing,
    /// Which exit of the roundabout is taken, from 1; null: no roundabout, or it is not left.
    exit: Option<u16>,
    /// Name of the street that is taken, else its number (`L 580`); null: it has neither.
    street_name: Option<&'a str>,
    /// What that street is.
    #[schema(value_type = words::WayKind)]
    way: WayKind,
    /// Whether a bicycle is pushed there.
    push_bicycle: bool,
    /// How long the step is, metres; the steps of a leg add up to its length.
    distance_m: i64,
    /// Where it begins: latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Where it begins: longitude, decimal degrees (WGS 84).
    lon: f64,
    /// The whole in one sentence.
    text: String,
}

/// The steps of a leg. Ways between its ends and the streets are parts of the first and the last one.
pub fn written<'a>(network: &'a Network, leg: &StreetLeg, lang: Lang) -> Vec<StepOut<'a>> {
    const DM_PER_M: f64 = 10.0;
    let (Some(begin), Some(end)) = (leg.points.first(), leg.points.last()) else { return Vec::new() };
    let found = steps(network, leg.mode, &leg.pieces);
    let Some(first) = found.first() else {
        return vec![step_out(&Step::straight(*begin, *end), *begin, whole(leg.distance_m), lang)];
    };
    let begins_m = begin.distance_m(first.at.degrees());
    let last = found.len() - 1;
    let (mut along_m, mut written_m) = (begins_m, 0);
    let steps = found.iter().enumerate().map(|(number, step)| {
        along_m += step.length_dm as f64 / DM_PER_M;
        // Rounded where a step ends, so that what is added up is rounded once.
        let ends_m = if number == last { whole(leg.distance_m) } else { whole(along_m) };
        let distance_m = (ends_m - written_m).max(0);
        written_m += distance_m;
        let at = if number == 0 { *begin } else { step.at.degrees() };
        step_out(step, at, distance_m, lang)
    });
    steps.collect()
}

fn step_out<'a>(step: &Step<'a>, at: LatLon, distance_m: i64, lang: Lang) -> StepOut<'a> {
    let instruction = &step.instruction;
    StepOut {
        relative_direction: instruction.turn,
        absolute_direction: instruction.bearing,
        exit: instruction.exit,
        street_name: instruction.street,
        way: instruction.way,
        push_bicycle: instruction.pushes_bicycle,
        distance_m,
        lat: at.lat,
        lon: at.lon,
        text: instruction.sentence(lang),
    }
}
