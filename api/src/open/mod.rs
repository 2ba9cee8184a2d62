//! Open data in other projects' formats.

pub mod parkapi;
