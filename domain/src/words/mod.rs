//! Every sentence about a code, in German and English side by side: what pages, prints, notices and the command line say of the
//! same code is the same.
//!
//! Codes and figures are those of the modules that they come from; here they get methods: `words` is what a code is called, `remedy`
//! what to do about it, `sentence` the whole with its figures. `phrases` has numbers, times and lists.
//!
//! A new code gets its words in the file of its kind; without them it does not compile. Nothing but this module writes German of a
//! code; headings and labels stand where they are shown.

mod acceptance;
pub mod fare;
mod feed_check;
mod feed_health;
pub mod found;
mod guidance;
mod health;
mod lost_ride;
mod mistake;
mod notice;
mod phrases;
mod place;
mod refusal;
mod rejection;
mod remedy;
#[cfg(test)]
mod tests;
