//! Routes that are planned and not public: they require a key already, so that none is ever open by mistake.

use crate::http::auth::{Asker, Role};
use crate::http::problem::Problem;

/// A planned route for the county's administrators.
pub async fn for_admins(asker: Asker) -> Problem {
    match asker.with(&[Role::Admin]).await {
        Ok(_) => Problem::not_found("This is not built yet.", "Look into the changelog of later versions."),
        Err(problem) => problem,
    }
}
