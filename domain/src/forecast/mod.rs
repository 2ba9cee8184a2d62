//! The chance of a vacant space from minutes to a week ahead, learned from a county's own counts.
//!
//! A [`Forecaster`] takes in readings ([`Forecaster::observe`]) and answers at any moment
//! ([`Forecaster::forecast`]). Time runs in quarter-hours. At each one, for every site and each of
//! the [`HORIZONS`], six experts predict the vacant share:
//!
//! 1. persistence: the share now,
//! 2. the usual week, towards which what is unusual now fades: `P(u) + (y - P(t)) e^(-h/8h)`, with
//!    P the exponentially weighted mean of the same quarter-hour of the week (public holidays
//!    count as Sundays); and 3. the same with the last weeks' mean,
//! 4. a linear model of all sites for the hour, 5. one of the site's own, and 6. one of its own for
//!    the hour of the day (recursive least squares, `rls.rs`): the change is explained by the usual
//!    change, by how unusual the site and all sites together are and how fast that changes, and by
//!    what yesterday and the last two weeks did at that time (`features.rs`).
//!
//! They are averaged by their recent errors (`mix.rs`), so persistence is served where
//! nothing beats it. Around that, errors are distributed as they were: a scale by site, hour and
//! level, times an empirical shape (`spread.rs`); a logistic regression calibrates the chances by the
//! outcomes (`sharpen.rs`). All of it learns with every quarter-hour and
//! uses no later data, so the errors reported by [`Forecaster::advance`] are out of sample.
//!
//! Fallbacks: [`Basis::History`], where no live state is [`Basis::WeeklyProfile`], where no week
//! is known yet [`Basis::Live`], else `None`: unknown. A source that is not healthy
//! ([`Health`]) gets `None` too.

mod features;
mod forecaster;
mod grid;
mod health;
mod ledger;
mod mix;
mod profile;
mod quality;
mod recent;
mod rls;
mod sharpen;
mod site;
mod spread;
#[cfg(test)]
mod tests;
mod town;

pub use forecaster::{Basis, ByPersistence, Chance, Forecast, Forecaster};
pub use grid::{Calendar, FURTHEST_S, STEP_S};
pub use health::{Health, Reading};
pub use ledger::{Ledger, Month};
pub use quality::{Calibration, Errors, Quality};
pub use site::{HORIZONS, NOT_FULL, Outcome, Scored};
pub use town::{SAMPLE_S, SiteSample, Town, sample_of};
