//! What comes in, from the broker to the database.

mod acknowledging;
mod connections;
mod county;
mod inlet;
mod messages;
mod rejections;
mod stored;
