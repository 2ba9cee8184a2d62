//! The health of devices: what can be wrong with them, and what follows for their state.

mod code;

pub use code::{Code, Finding, Health};
