//! Rules that hold whatever a site says.

use proptest::prelude::*;

use super::{Basis, Calendar, Forecast, Forecaster, Quality, Reading};
use crate::holidays::Land;
use crate::ids::SiteId;
use crate::place::Purpose;
use crate::time::{Times, UtcMicros};

const SITE: SiteId = SiteId(1);
const CAPACITY: u32 = 80;
const STEP_S: i64 = 900;
/// Monday, 2024-01-08T00:00:00+01:00.
const BEGIN: UtcMicros = UtcMicros(1_704_668_400_000_000);

fn forecaster() -> Forecaster {
    let mut forecaster = Forecaster::new(Calendar::new("Europe/Berlin", Some(Land::Nw)));
    forecaster.add_site(SITE, Purpose::Car, CAPACITY, 899);
    forecaster
}

/// A working week: full around noon, with noise that repeats with `seed`.
fn vacant(step: i64, seed: u64) -> u32 {
    let hour = step as f64 / 4.0 % 24.0;
    let is_workday = step / 96 % 7 < 5;
    let taken = 85.0 * (-((hour - 13.0) / 4.0).powi(2)).exp() * if is_workday { 1.0 } else { 0.3 };
    let noise = ((step as u64).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61) as f64;
    (f64::from(CAPACITY) - taken - noise).clamp(0.0, f64::from(CAPACITY)) as u32
}

fn forecast(
    forecaster: &Forecaster,
    now: UtcMicros,
    arrive: UtcMicros,
    vacant: Option<u32>,
) -> Option<Forecast<'_>> {
    forecaster.forecast(SITE, Times { now, arrive }, vacant, &Default::default())
}

/// Observes `steps` quarter-hours; gives the quality of the forecasts of the second half for
/// an hour ahead, and the end.
fn observed(steps: i64, seed: u64) -> (Forecaster, Quality, UtcMicros) {
    let mut forecaster = forecaster();
    let mut quality = Quality::default();
    let half = BEGIN.plus_s(steps / 2 * STEP_S);
    for step in 0..steps {
        let at = BEGIN.plus_s(step * STEP_S);
        forecaster.observe(SITE, at, Reading::Vacant(vacant(step, seed)), &mut |_, at, scored| {
            if scored.horizon == 4 && at >= half {
                quality.add(&scored);
            }
        });
    }
    (forecaster, quality, BEGIN.plus_s((steps - 1) * STEP_S))
}

#[test]
fn a_regular_week_is_learned() {
    let (forecaster, quality, now) = observed(6 * 672, 7);
    let error = |e| quality.mae_pct(e).unwrap();
    assert!(quality.n > 1000);
    assert!(error(&quality.forecast) < 0.5 * error(&quality.persistence), "{quality:?}");
    assert!(error(&quality.forecast) < 1.1 * error(&quality.weekly_mean), "{quality:?}");
    assert!(quality.brier(&quality.forecast) < quality.brier(&quality.persistence));
    // `now` is Sunday, 23:45: tomorrow at 13:00 it is full, at 4:00 it is empty.
    let at =
        |hours: i64| forecast(&forecaster, now, now.plus_s(hours * 3600 + 900), None).unwrap().chance(10);
    assert_eq!(at(13).basis, Basis::History);
    assert!(at(13).p < 0.2, "{:?}", at(13));
    assert!(at(4).p > 0.9, "{:?}", at(4));
}

#[test]
fn the_ladder_goes_down_to_unknown() {
    let (forecaster, _, now) = observed(3 * 672, 3);
    let basis =
        |f: &Forecaster, now: UtcMicros| Some(forecast(f, now, now.plus_s(1800), None)?.chance(1).basis);
    assert_eq!(basis(&forecaster, now), Some(Basis::History));
    assert_eq!(basis(&forecaster, now.plus_s(7200)), Some(Basis::WeeklyProfile), "stale");
    let other = forecaster.forecast(SiteId(2), Times { now, arrive: now }, None, &Default::default());
    assert!(other.is_none(), "not known");

    let mut young = forecaster_after_one_reading();
    assert_eq!(basis(&young, BEGIN.plus_s(60)), Some(Basis::Live));
    assert_eq!(basis(&young, BEGIN.plus_s(7200)), None, "stale, and no week is known");
    young.observe(SITE, BEGIN.plus_s(120), Reading::Closed, &mut |_, _, _| {});
    assert_eq!(basis(&young, BEGIN.plus_s(180)), None, "closed");
}

fn forecaster_after_one_reading() -> Forecaster {
    let mut young = forecaster();
    young.observe(SITE, BEGIN, Reading::Vacant(40), &mut |_, _, _| {});
    young
}

#[test]
fn a_source_that_is_always_zero_gets_no_forecast() {
    let mut forecaster = forecaster();
    for step in 0..30 * 96 {
        forecaster.observe(SITE, BEGIN.plus_s(step * STEP_S), Reading::Vacant(0), &mut |_, _, _| {});
    }
    let now = BEGIN.plus_s(30 * 96 * STEP_S);
    assert!(forecast(&forecaster, now, now.plus_s(900), Some(50)).is_none());
}

#[test]
fn what_was_learned_outlives_a_restart() {
    let (forecaster, _, now) = observed(2 * 672, 5);
    let text = serde_json::to_string(&forecaster).unwrap();
    let again: Forecaster = serde_json::from_str(&text).unwrap();
    let ask = |f: &Forecaster| forecast(f, now, now.plus_s(5400), None).unwrap().chance(20);
    assert!((ask(&forecaster).p - ask(&again).p).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn chances_are_chances_and_never_rise_with_what_is_asked(
        seed: u64,
        live in 0..=CAPACITY + 20,
        ahead_s in -3600_i64..20 * 86_400,
        late_s in 0_i64..2000,
    ) {
        let (forecaster, _, last) = observed(2 * 672, seed);
        let now = last.plus_s(late_s);
        for live in [None, Some(live)] {
            let Some(forecast) = forecast(&forecaster, now, now.plus_s(ahead_s), live) else { continue };
            let mut before = 1.0;
            for n in 0..CAPACITY + 3 {
                let chance = forecast.chance(n);
                prop_assert!((0.0..=1.0).contains(&chance.p), "{chance:?}");
                prop_assert!(chance.p <= before + 1e-9, "{n}: {chance:?} after {before}");
                prop_assert!(forecast.quantile(0.1) <= forecast.quantile(0.9) && forecast.quantile(0.9) <= CAPACITY);
                prop_assert!((0.0..=f64::from(CAPACITY)).contains(&chance.expected));
                before = chance.p;
            }
        }
    }

    #[test]
    fn no_reading_in_any_order_ends_it(
        readings in prop::collection::vec((any::<i64>(), 0..2_u32, any::<u32>()), 0..20),
        at: i64, now: i64,
    ) {
        let mut forecaster = forecaster();
        for (at, kind, n) in readings {
            let reading = if kind == 0 { Reading::Closed } else { Reading::Vacant(n) };
            forecaster.observe(SITE, UtcMicros(at), reading, &mut |_, _, _| {});
        }
        if let Some(forecast) = forecast(&forecaster, UtcMicros(now), UtcMicros(at), Some(3)) {
            forecast.chance(1);
            forecast.quantile(0.1);
        }
    }
}
