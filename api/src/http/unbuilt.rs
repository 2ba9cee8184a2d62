//! Routes that are planned and not public: they require a key already, so that none is ever open by mistake.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::any;

use crate::app::{Ctx, Shared};
use crate::http::auth::{Caller, Role};
use crate::http::client::Asker;
use crate::http::problem::Problem;

const INSTALLERS: &[&str] = &["/v1/sensors/{id}/binding", "/v1/sensors/{id}/acceptance"];

const ADMINS: &[&str] = &["/v1/admin", "/v1/admin/{*rest}"];

/// The planned routes.
pub fn routes() -> Router<Arc<Shared>> {
    let groups = [(INSTALLERS, Role::Installer), (ADMINS, Role::Admin)];
    let mut router = Router::new();
    for (paths, role) in groups {
        for path in paths {
            router = router.route(path, any(move |shared, asker| not_yet(shared, asker, role)));
        }
    }
    router
}

async fn not_yet(State(shared): Ctx, asker: Asker, role: Role) -> Problem {
    match Caller::with(&shared, &asker, role).await {
        Ok(_) => Problem::not_found("This is not built yet.", "Look into the changelog of later versions."),
        Err(problem) => problem,
    }
}
