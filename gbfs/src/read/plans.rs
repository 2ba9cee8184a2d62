//! `system_pricing_plans`: what it costs.

use domain::rental::{Plan, Segment};
use serde_json::Value;

use crate::entry::first_holds;
use crate::json::{self, Context, Element, Reading};
use crate::version::{Raw, Version};

/// No ride costs more, in any currency.
const MAX_PRICE: f64 = 1e6;

/// A plan with a part that cannot be read is none: a price without it would be wrong.
pub(crate) fn read(ctx: &mut Context<'_>, data: &Raw<'_>) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    ctx.each_element(data, ["plans"; 2], |ctx, element| {
        let Some(id) = element.required(ctx, "plan_id", json::id) else { return };
        if plans.iter().any(|held| held.id == id) {
            return first_holds(ctx, &element, "plan_id", &id);
        }
        plans.extend(plan(ctx, &element, id));
    });
    plans
}

fn plan(ctx: &mut Context<'_>, element: &Element<'_>, id: String) -> Option<Plan> {
    let currency = element.required(ctx, "currency", json::text)?;
    let price = element.required(ctx, "price", amount)?;
    let per_min = segments(ctx, element, "per_min_pricing")?;
    let per_km = segments(ctx, element, "per_km_pricing")?;
    Some(Plan { id, currency, price, per_min, per_km })
}

fn segments(ctx: &mut Context<'_>, element: &Element<'_>, name: &str) -> Option<Vec<Segment>> {
    let mut all = Vec::new();
    for segment in element.objects(ctx, name) {
        let start = segment.required(ctx, "start", amount)?;
        // A rate below zero is a discount.
        let rate = segment.required(ctx, "rate", |value, version| {
            json::number_in(value, version, -MAX_PRICE..=MAX_PRICE)
        })?;
        let interval = segment.required(ctx, "interval", amount)?;
        let end = match segment.value("end") {
            Some(_) => Some(segment.required(ctx, "end", amount)?),
            None => None,
        };
        all.push(Segment { start, rate, interval, end });
    }
    Some(all)
}

fn amount(value: &Value, version: Version) -> Reading<f64> {
    json::number_in(value, version, 0.0..=MAX_PRICE)
}
