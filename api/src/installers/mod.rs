//! For installers: sensors, their messages, and messages that were rejected.

pub mod rejections;
pub mod replay;
pub mod sensors;
pub mod unmatched;
