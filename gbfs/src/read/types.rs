//! `vehicle_types`: what is rented.

use domain::mistake::{Expected, Mistake};
use domain::rental::{FormFactor, Propulsion, ReturnRule, VehicleType};
use domain::{Reason, rental};
use serde_json::Value;

use crate::entry::first_holds;
use crate::fault::Effect;
use crate::json::{self, Context, Element, Reading, Wrong};
use crate::version::{Raw, Version};

/// Types of one system that are read; each is looked for in each rule.
pub(crate) const MAX_TYPES: usize = 1_000;

/// Farther than any vehicle goes with one tank, metres.
const MAX_RANGE_M: f64 = 5_000_000.0;

pub(crate) fn read(ctx: &mut Context<'_>, data: &Raw<'_>, language: &str) -> Vec<VehicleType> {
    let mut types: Vec<VehicleType> = Vec::new();
    ctx.each_element(data, ["vehicle_types"; 2], |ctx, element| {
        let Some(id) = element.required(ctx, "vehicle_type_id", json::id) else { return };
        if types.iter().any(|held| held.id == id) {
            return first_holds(ctx, &element, "vehicle_type_id", &id);
        }
        if types.len() >= MAX_TYPES {
            let mistake = Mistake::TooManyEntities(types.len() + 1, MAX_TYPES);
            return ctx.fault(&element.path, Effect::Element, Reason::TooLarge, mistake, None);
        }
        types.push(vehicle_type(ctx, &element, id, language));
    });
    types
}

fn vehicle_type(ctx: &mut Context<'_>, element: &Element<'_>, id: String, language: &str) -> VehicleType {
    let form = element.optional(ctx, "form_factor", form).unwrap_or(FormFactor::Other);
    VehicleType {
        id,
        form,
        propulsion: element.optional(ctx, "propulsion_type", word::<Propulsion>),
        // 0 stands where nobody knew.
        max_range_m: element.optional(ctx, "max_range_meters", range_m).filter(|range_m| *range_m > 0.0),
        return_rule: element.optional(ctx, "return_constraint", word::<ReturnRule>),
        name: element.optional(ctx, "name", json::localized(language)),
        plan: element.optional(ctx, "default_pricing_plan_id", json::id),
    }
}

/// How far a vehicle goes, metres.
pub(crate) fn range_m(value: &Value, version: Version) -> Reading<f64> {
    json::number_in(value, version, 0.0..=MAX_RANGE_M)
}

/// A word of a closed list; operators write some of them in capitals.
fn word<T: std::str::FromStr<Err = domain::place::UnknownName>>(
    value: &Value,
    version: Version,
) -> Reading<T> {
    let (text, _) = json::text(value, version)?;
    let parsed = text.to_ascii_lowercase().parse();
    parsed.map(|word| (word, false)).map_err(|unknown: domain::place::UnknownName| Wrong {
        reason: Reason::Malformed,
        expected: Expected::OneOf(unknown.choices),
        remedy: None,
    })
}

/// Scooters are those that one stands or sits on; before 2.3 they were one word.
fn form(value: &Value, version: Version) -> Reading<rental::FormFactor> {
    match value.as_str() {
        Some("scooter_standing" | "scooter_seated") => Ok((FormFactor::Scooter, false)),
        Some("scooter") => Ok((FormFactor::Scooter, version.is_third())),
        _ => word(value, version),
    }
}
