//! The health of devices: what is wrong with each, since when, and by how much.
//!
//! [`Device`] takes the messages of one device, one by one, and the time. It holds no message, and each costs the same
//! however many came before. Each test looks for the moment from which on what was heard fits a fault better than a device
//! that is well: a sequential likelihood-ratio test, or where there is no likelihood, a robust estimate with a limit. What
//! each code means, how it is found and how well is in `docs/HEALTH.md`.

mod ageing;
mod chance;
mod clock;
mod code;
mod device;
mod findings;
mod frames;
mod heard;
mod message;
mod neighbours;
mod passages;
mod reason;
mod repeats;
mod rests;
mod rhythm;
mod standing;
mod surroundings;
#[cfg(test)]
mod tests;
mod trend;
mod watch;
mod whereabouts;

pub use code::{Code, Finding, Health};
pub use device::{Device, Rest};
pub use heard::{DeviceKey, Heard};
pub use message::{Event, Message, Promise, WeekHour};
pub use neighbours::Neighbours;
pub use passages::Passages;
pub use reason::Reason;
pub use standing::Standing;
pub use surroundings::{Counted, MOST_SITES, Surroundings};
pub use watch::{Outage, PARTS, Part, Watch};
