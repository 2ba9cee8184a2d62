//! What is read of feeds of operators, and what is said of feeds at fault.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod faults;
mod published;
mod report;
