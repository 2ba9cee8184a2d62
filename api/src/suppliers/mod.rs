//! For suppliers: what they post to their feeds.

pub mod messages;
