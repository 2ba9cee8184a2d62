//! Places to park that are not part of the answer, and why, in words a driver understands.

use domain::FeedId;
use journey::plan::LeftOut;
use serde::Serialize;
use utoipa::ToSchema;

/// A place that was left out.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rejected {
    /// Id of the place.
    pub id: String,
    /// Its name; null: none.
    pub name: Option<String>,
    /// Why it was left out.
    #[schema(value_type = words::LeftOutReason)]
    pub reason: &'static str,
    /// The same in words.
    pub detail: String,
    /// Whose word on the place it rests on.
    #[serde(skip)]
    pub feed: Option<FeedId>,
}

/// The reason of the planner.
pub fn words(left_out: LeftOut) -> (&'static str, String) {
    match left_out {
        LeftOut::ProbablyFull { p } => {
            ("full", format!("probably full when you get there: the chance of a space is {:.0} %", p * 100.0))
        }
        LeftOut::OutOfReach => (
            "out_of_reach",
            "no way leads there by car and on to your destination on foot within the walking limit".into(),
        ),
    }
}
use crate::contract::words;
