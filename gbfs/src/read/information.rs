//! `system_information`: who rents.

use domain::rental::Localized;
use serde_json::{Map, Value};

use crate::json::{self, Context, Element};
use crate::version::Raw;

/// Who rents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Information {
    pub id: String,
    pub name: Localized,
    pub operator: Option<Localized>,
    pub url: Option<String>,
    /// Of texts in files that have one language.
    pub language: String,
}

/// A language that nobody states: BCP 47's "undetermined".
const UNDETERMINED: &str = "und";

/// `None`: the system has no id or no name.
pub(crate) fn read(ctx: &mut Context<'_>, data: &Raw<'_>) -> Option<Information> {
    let map: Map<String, Value> = data
        .iter()
        .filter_map(|(key, raw)| Some((key.to_string(), serde_json::from_str(raw.get()).ok()?)))
        .collect();
    let data = Element { map: &map, path: "data".to_owned() };
    let language = data.optional(ctx, "language", json::text).unwrap_or_else(|| UNDETERMINED.to_owned());
    let id = data.required(ctx, "system_id", json::id)?;
    let name = data.required(ctx, "name", json::localized(&language))?;
    let operator = data.optional(ctx, "operator", json::localized(&language));
    // Where one rents, before what describes the operator.
    let url = ["purchase_url", "url"].iter().find_map(|name| data.optional(ctx, name, json::web_address));
    Some(Information { id, name, operator, url, language })
}
