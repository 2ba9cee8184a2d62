//! For installers: sensors, gateways, their messages, and messages that were rejected.

pub mod gateways;
pub mod rejections;
pub mod replay;
pub mod sensors;
pub mod unmatched;
