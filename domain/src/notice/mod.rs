//! Notices: who is to be notified of what about the health of sensors, gateways and feeds, and when.
//!
//! [`rule`] is what `notices.toml` says, [`cause`] finds what is worth a notice, [`gateway`] finds gateways that are down,
//! [`schedule`] knows quiet hours and the daily notice, [`message`] is what is delivered, made of [`parts`].

pub mod cause;
pub mod gateway;
pub mod message;
pub mod parts;
pub mod rule;
pub mod schedule;

pub use cause::{Cause, Subject, SubjectKind};
pub use message::{Item, Notice};
pub use parts::{Event, NoticeKind};
pub use rule::{NoticeRule, Smtp, Target};
pub use schedule::{DayTime, QuietHours};
