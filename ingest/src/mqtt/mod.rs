//! MQTT 5.0 and 3.1.1 behind one interface.

mod login;
mod secret_files;
mod tls;
pub mod visit;
mod wire;

pub use login::{Login, LoginError};
pub use secret_files::SecretFiles;
pub(crate) use wire::{Client, Event, EventLoop, SessionKind, connect};
