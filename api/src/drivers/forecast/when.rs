//! The target times of a forecast request.

use domain::UtcMicros;
use domain::forecast::FURTHEST_S;
use domain::time::MICROS_PER_S;

use crate::http::params::Params;
use crate::http::problem::Problem;

/// Tolerance for targets in the past: clocks differ, and requests take time.
const JUST_NOW_S: i64 = 60;
/// Default step, seconds.
const DEFAULT_STEP_S: i64 = 900;
/// Smallest step, seconds: forecasts do not change faster.
const SHORTEST_STEP_S: i64 = 300;
/// Most items of one answer.
const MAX_ITEMS: i64 = 1_000;

/// The times of `at=`, or of `until=` and `step=`.
///
/// # Errors
/// 400: none is given, or they lie in the past or too far ahead.
pub fn times(params: &Params<'_>, now: UtcMicros) -> Result<Vec<UtcMicros>, Problem> {
    let Some(until) = params.time("until")? else {
        let remedy = "Give at=TIME, or until=TIME with step=15m, e.g. at=2026-11-22T12:00:00Z.";
        let at = params.time("at")?.ok_or_else(|| Problem::missing_parameter("at", remedy))?;
        if let Some(step) = params.text("step") {
            let detail = "'step' has no meaning without 'until'.";
            return Err(Problem::bad_parameter("step", step, detail).remedy("Leave it out, or give until."));
        }
        check("at", at, now)?;
        return Ok(vec![at.max(now)]);
    };
    if let Some(at) = params.text("at") {
        let detail = "'at' and 'until' exclude each other.";
        return Err(Problem::bad_parameter("at", at, detail).remedy("Give one of them."));
    }
    check("until", until, now)?;
    let step_s = step_s(params)?;
    let step = step_s * MICROS_PER_S;
    // On the clock: 12:00, 12:15, ...
    let first = now.0 + (-now.0).rem_euclid(step);
    let count = (until.0 - first).div_euclid(step) + 1;
    if count < 1 {
        let detail = format!("From now until then there is no multiple of {step_s} s.");
        let remedy = "Give a later until, a shorter step, or a single at.";
        return Err(Problem::bad_parameter("until", &until.to_string(), detail).remedy(remedy));
    }
    if count > MAX_ITEMS {
        let detail = format!("That would be {count} times; at most {MAX_ITEMS} are answered.");
        return Err(Problem::bad_parameter("step", params.text("step").unwrap_or("15m"), detail)
            .remedy("Give a longer step, or an earlier until."));
    }
    Ok((0..count).map(|i| UtcMicros(first + i * step)).collect())
}

fn check(name: &str, at: UtcMicros, now: UtcMicros) -> Result<(), Problem> {
    let detail = if at < now.plus_s(-JUST_NOW_S) {
        "It lies in the past.".to_owned()
    } else if at > now.plus_s(FURTHEST_S) {
        format!("It lies more than {} days ahead.", FURTHEST_S / 86_400)
    } else {
        return Ok(());
    };
    let remedy = format!("Give a time from {now} to {}.", now.plus_s(FURTHEST_S));
    Err(Problem::bad_parameter(name, &at.to_string(), detail).remedy(remedy))
}

fn step_s(params: &Params<'_>) -> Result<i64, Problem> {
    let Some(text) = params.text("step") else { return Ok(DEFAULT_STEP_S) };
    let seconds = [("m", 60), ("h", 3_600), ("d", 86_400)].into_iter().find_map(|(unit, seconds)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds)
    });
    seconds.filter(|s| (SHORTEST_STEP_S..=86_400).contains(s)).ok_or_else(|| {
        Problem::bad_parameter("step", text, "'step' is not a length of time from 5m to 1d.")
            .remedy("Write a number and m, h or d, e.g. 15m, 1h.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::params::RawQuery;

    const KNOWN: &[&str] = &["at", "until", "step"];

    fn asked(query: &str) -> Result<Vec<String>, String> {
        let now = UtcMicros::parse("2026-11-23T12:07:00Z").unwrap();
        let query = RawQuery::new(query);
        let params = query.params(&[KNOWN]).map_err(|p| serde_json::to_string(&p).unwrap())?;
        let times = times(&params, now).map_err(|p| serde_json::to_string(&p).unwrap())?;
        Ok(times.iter().map(|t| t.to_string()[8..16].to_owned()).collect())
    }

    #[test]
    fn times_stand_on_the_clock() {
        assert_eq!(asked("at=2026-11-23T12:06:30Z").unwrap(), ["23T12:07"], "a moment ago is now");
        assert_eq!(asked("until=2026-11-23T12:45:00Z").unwrap(), ["23T12:15", "23T12:30", "23T12:45"]);
        assert_eq!(asked("until=2026-11-23T14:10:00Z&step=1h").unwrap(), ["23T13:00", "23T14:00"]);
        assert_eq!(asked("until=2026-11-30T12:00:00Z&step=15m").unwrap().len(), 672);
    }

    #[test]
    fn what_cannot_be_forecast_names_the_field() {
        for (query, field) in [
            ("", "at"),
            ("at=2026-11-23T12:00:00Z", "at"),
            ("at=2026-12-01T12:00:00Z", "at"),
            ("at=2026-11-23T13:00:00Z&until=2026-11-23T14:00:00Z", "at"),
            ("at=2026-11-23T13:00:00Z&step=15m", "step"),
            ("until=2026-11-23T12:08:00Z", "until"),
            ("until=2026-11-24T12:08:00Z&step=1m", "step"),
            ("until=2026-11-24T12:08:00Z&step=15", "step"),
            ("until=2026-11-30T12:00:00Z&step=5m", "step"),
        ] {
            let shown = asked(query).unwrap_err();
            assert!(
                shown.contains(&format!("\"field\":\"{field}\"")) && shown.contains("remedy"),
                "{query}: {shown}"
            );
        }
    }
}
