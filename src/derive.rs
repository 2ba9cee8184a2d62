//! Runs the deriver (`store::derive`) in the process that ingests.

use std::time::Duration;

use domain::time::Clock;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry as MetricsRegistry;
use store::StoreError;
use store::changes::{CHANNEL, Notifier};
use store::derive::Deriver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::retry;

/// Pause that lets statements accumulate: many in one transaction cost less.
const GATHER: Duration = Duration::from_millis(1_500);

/// Pause after each step while it catches up, by the time that the step took.
const REST: f64 = 0.25;

/// The same while more is stored than it derives: storing comes first, deriving can be done a little later.
const REST_UNDER_LOAD: f64 = 4.0;

/// No pause is longer, however long a step took.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long the deriver gives way to a burst. A lasting load is no burst: giving way to it forever would keep figures
/// behind forever.
const LONGEST_YIELD: Duration = Duration::from_secs(30);

/// The pause after a step that took `took`, when it has been behind for `behind`.
fn rest(took: Duration, is_falling_behind: bool, behind: Duration) -> Duration {
    let yields = is_falling_behind && behind < LONGEST_YIELD;
    took.mul_f64(if yields { REST_UNDER_LOAD } else { REST }).min(LONGEST_REST)
}

/// The backlog, for `/metrics`.
pub fn register(meters: &mut MetricsRegistry) -> Gauge {
    let waiting = Gauge::default();
    let help = "Transactions whose observations are stored and not yet in occupancy and stays";
    meters.register("kv_derive_waiting", help, waiting.clone());
    waiting
}

/// Dependencies of the deriver.
pub struct Derivation {
    pub pool: store::Pool,
    /// Of the same database.
    pub url: String,
    pub clock: Clock,
    pub waiting: Gauge,
    /// Whether there is room to store.
    pub may_store: watch::Receiver<bool>,
}

/// Derives until cancelled.
pub async fn run(parts: Derivation, cancel: CancellationToken) {
    retry::until_cancelled("occupancy cannot be derived", &cancel, || follow(&parts)).await;
}

/// Derives until another process does.
async fn follow(parts: &Derivation) -> Result<(), StoreError> {
    let Derivation { pool, url, clock, waiting, may_store } = parts;
    let mut may_store = may_store.clone();
    let Some(mut deriver) = Deriver::connect(url, clock()).await? else { return Ok(()) };
    let mut notifier = Notifier::new(pool.clone(), CHANNEL);
    let mut lagging: Option<std::time::Instant> = None;
    loop {
        if may_store.wait_for(|may| *may).await.is_err() {
            return Ok(());
        }
        let began = std::time::Instant::now();
        let step = deriver.step(clock()).await?;
        let backlog = store::derive::backlog(pool).await?;
        let is_falling_behind = backlog > waiting.set(backlog);
        // Under a load without a pause no step is idle.
        if (step.is_idle() || backlog == 0)
            && let Some(since) = lagging.take().filter(|since| since.elapsed() > 10 * GATHER)
        {
            info!("occupancy is current again, after {:.0?}", since.elapsed());
        }
        if step.is_idle() {
            notifier.wait().await;
            tokio::time::sleep(GATHER).await;
        } else {
            let behind = match backlog {
                0 => Duration::ZERO,
                _ => lagging.get_or_insert(began).elapsed(),
            };
            tokio::time::sleep(rest(began.elapsed(), is_falling_behind, behind)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it takes until nothing waits: `burst_s` seconds of deriving wait, and each second brings `load` more.
    fn current_after_s(burst_s: f64, load: f64, longest_step_s: f64) -> f64 {
        let (mut waiting, mut now, mut last) = (burst_s, 0.0, 0.0);
        while waiting > 0.0 && now < 1e6 {
            let took = f64::min(waiting, longest_step_s);
            waiting += took * load - took;
            let behind = Duration::from_secs_f64(now + took);
            let rest = rest(Duration::from_secs_f64(took), waiting > last, behind).as_secs_f64();
            (last, waiting) = (waiting, waiting + rest * load);
            now += took + rest;
            if waiting < 1e-3 {
                return now;
            }
        }
        now
    }

    #[test]
    fn figures_become_current_in_bounded_time_under_a_lasting_load() {
        for load in [0.0, 0.2, 0.5, 0.7] {
            for step_s in [0.1, 5.0, 60.0] {
                // Deriving alone, at four of five seconds, and the time in which it gave way.
                let bound =
                    (60.0 + 2.0 * LONGEST_YIELD.as_secs_f64() + LONGEST_REST.as_secs_f64()) / (0.8 - load);
                let took = current_after_s(60.0, load, step_s);
                assert!(took < bound, "load {load}, steps of {step_s} s: {took} s, not {bound} s");
            }
        }
    }

    #[test]
    fn no_rest_is_long() {
        for (took_s, is_falling_behind, behind_s) in [(600, true, 0), (600, true, 3_600), (600, false, 0)] {
            let rest = rest(Duration::from_secs(took_s), is_falling_behind, Duration::from_secs(behind_s));
            assert!(rest <= LONGEST_REST);
        }
        let burst = rest(Duration::from_millis(100), true, Duration::ZERO);
        let lasting = rest(Duration::from_millis(100), true, LONGEST_YIELD);
        assert!(burst > lasting);
    }
}
