//! What comes in, from the broker to the database.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod acknowledging;
mod connections;
mod county;
mod inlet;
mod messages;
mod posted;
mod rejections;
mod stored;
