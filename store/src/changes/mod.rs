//! The change log: how readers in this and in other processes learn what was committed.
//!
//! A writer has one transaction at a time and a new id per connection, so its `seq` is its commit
//! order. A reader keeps one `seq` per writer and misses nothing. LISTEN/NOTIFY only shortens the
//! wait: a poll each second works without it (poolers, failover).

mod body;
mod cursor;
mod follower;
mod former;
mod log;
mod notifier;
mod prune;

pub(crate) use self::body::decode;
pub(crate) use self::cursor::LogCursor;
pub use self::follower::{Accepted, Follower};
pub use self::log::{Committed, Positions, WriterId, append, new_writer};
pub(crate) use self::log::{HEARD_VERSION, LogLimit, append_alone, append_heard, heard_after};
pub use self::notifier::Notifier;
pub use self::prune::prune;
pub(crate) use self::prune::reach_back;

/// The channel that is notified after each commit.
pub const CHANNEL: &str = "kv_change";
