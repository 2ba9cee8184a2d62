//! `GET /v1/audit`: who did what; for operators.

use axum::response::Response;
use domain::UtcMicros;
use serde_json::Value;
use store::audit::{self, AuditFilter};
use utoipa::ToSchema;

use crate::contract::parameters;
use crate::contract::words::{self, words};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

words! {
    /// Role of a key.
    KeyRole = Role::ALL.iter().map(|role| role.as_str());
}

/// Something that was done, or refused.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct AuditOut {
    /// When it was done.
    at: UtcMicros,
    /// Who did it: `key 3`, `command line`, `public`.
    actor: String,
    /// What the key is for; null: it was no key.
    #[schema(value_type = Option<KeyRole>)]
    role: Option<String>,
    /// What was done: `key create`, `key revoke`, `import`, `change`, `bind`, `correct`, `import history`, `replay`,
    /// `notice retry`, `prune`; or what was refused: `authenticate` without a valid key, `authorize` with a key that does not allow it,
    /// `import`.
    action: String,
    /// To what: `key 3`, `site w-market`, `POST /v1/rejections/replay`; null: nothing in particular.
    subject: Option<String>,
    /// What was before; null: nothing, or it does not apply.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// What is after; null: nothing, or it does not apply.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    /// From which address; null: from the machine itself, or 90 days ago.
    address: Option<String>,
    /// How it ended.
    #[schema(value_type = words::AuditOutcome)]
    outcome: String,
}

/// Keys, imports, bindings, corrections, replays and refused attempts. An operator sees what concerns the own
/// municipalities, an admin everything.
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = "operators",
    security(("key" = [])),
    params(parameters::Audit, parameters::Paging),
    responses((status = 200, body = List<AuditOut>)),
)]
pub async fn audit(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Operator]).await?;
    let params = query.params(&[parameters::Audit::NAMES, parameters::Paging::NAMES])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let before = params.cursor_of_numbers()?;
    let registry = view.registry();
    let own = caller.municipalities(&registry);
    let [from, until] = params.between()?;
    let filter = AuditFilter {
        municipalities: (!caller.is_admin()).then_some(own.as_slice()),
        from,
        until,
        actor: params.text("actor"),
        action: params.text("action"),
        subject: params.text("subject"),
        before,
    };
    let (found, more) = audit::page(asker.pool()?, &filter, limit).await?;
    let cursor = found.last().filter(|_| more).map(|entry| cursor_after(&entry.id.to_string()));
    Ok(answer::private(&List { items: found, cursor }))
}
