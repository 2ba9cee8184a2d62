//! Planners' questions about parking: `/v1/occupancy`, `/v1/stays`.

mod groups;
mod occupancy;
mod question;
mod stays;
mod sums;

pub use occupancy::{__path_occupancy, occupancy};
pub use stays::{__path_stays, stays};

use std::sync::Arc;

use axum::response::Response;
use domain::Registry;
use serde_json::{Map, Value, json};

use self::groups::{Group, MIN_BAYS, Parts};
use self::question::Question;
use crate::answer;
use crate::planning::SeenBy;
use crate::table::Extra;

/// Why a group's figures are not told.
const TOO_FEW: &str = "too_few_bays";

/// The answer to a question about one group whose figures the public may not see.
fn wholly_withheld(parts: &Parts, question: &Question) -> Option<Response> {
    let ([group], None) = (&parts.groups[..], question.group_by) else { return None };
    let told = json!({ "withheld": true, "reason": TOO_FEW, "min_bays": MIN_BAYS });
    is_withheld(group).then(|| answer::private(&told))
}

/// Whether figures of `group` say too much about single people's cars to be told to everybody.
fn is_withheld(group: &Group) -> bool {
    group.seen_by == SeenBy::Public && group.spaces < MIN_BAYS
}

/// Whose data an answer rests on: all feeds that may name the municipalities' places.
fn attribution(registry: &Arc<Registry>, question: &Question) -> Extra {
    let owners: Vec<_> = question.municipalities.iter().map(|(id, _)| *id).collect();
    let registry = registry.clone();
    Box::new(move || {
        let mut feeds: Vec<_> = registry
            .feeds()
            .filter(|f| owners.iter().any(|owner| registry.may_name(f, *owner)))
            .map(|f| json!({ "feed": f.def.id, "attribution": f.def.attribution, "licence": f.def.licence }))
            .collect();
        feeds.sort_by_key(|f| f["feed"].to_string());
        Map::from_iter([("attribution".to_owned(), Value::Array(feeds))])
    })
}
