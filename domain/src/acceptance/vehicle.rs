//! A vehicle: where it was during a test.

use super::Fix;

/// Fixes nearer in time say nothing of a speed: each may be some ten metres off. Seconds.
const APART_S: f64 = 5.0;

/// How far it was from where it was first, metres.
pub(super) fn moved_m(fixes: &[Fix]) -> f64 {
    let Some(first) = fixes.first() else { return 0.0 };
    fixes.iter().map(|fix| fix.position.distance_m(first.position)).fold(0.0, f64::max)
}

/// The highest speed, as it reports or between two positions, metres per second; `None`: neither is known.
pub(super) fn speed_mps(fixes: &[Fix]) -> Option<f64> {
    let reported = fixes.iter().filter_map(|fix| fix.speed_mps.map(f64::from));
    let between = fixes.windows(2).filter_map(|pair| {
        let took_s = (pair[1].observed_at.0 - pair[0].observed_at.0) as f64 / 1e6;
        (took_s >= APART_S).then(|| pair[1].position.distance_m(pair[0].position) / took_s)
    });
    reported.chain(between).max_by(f64::total_cmp)
}
