//! For installers: sensors, gateways, their messages, and messages that were rejected.

pub mod acceptance;
pub mod binding;
pub mod follow;
pub mod gateways;
pub mod rejections;
pub mod replay;
pub mod sensors;
pub mod targets;
pub mod unmatched;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::http::auth::{Asker, Role};
use crate::http::problem::Problem;

/// Another method of a path that knows `allowed`: without a key it reveals no more than other routes.
pub async fn other_method(asker: Asker, allowed: &'static str) -> Response {
    match asker.with(&[Role::Installer]).await {
        Ok(_) => ([(header::ALLOW, allowed)], Problem::method_not_allowed()).into_response(),
        Err(problem) => problem.into_response(),
    }
}
