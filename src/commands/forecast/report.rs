//! The report as JSON and as a table.

use std::fmt::Write;

use domain::forecast::{Calibration, Errors, HORIZONS, Quality, STEP_S};
use serde_json::{Value, json};

use super::replay::Evaluation;

/// Minutes ahead of each horizon.
pub fn minutes(index: usize) -> i64 {
    HORIZONS[index] * STEP_S / 60
}

/// The contract's shape.
pub fn json(result: &Evaluation) -> Value {
    let sites: Vec<Value> = result
        .sites
        .iter()
        .map(|s| json!({"id": s.id, "health": s.health.as_str(), "horizons": horizons(&s.horizons)}))
        .collect();
    json!({"horizons": horizons(&result.all()), "sites": sites})
}

fn horizons(of: &[(Quality, Calibration)]) -> Vec<Value> {
    let one = |(i, (q, _)): (usize, &(Quality, Calibration))| {
        let pair = |e: &Errors| json!({"mae_pct": q.mae_pct(e), "brier": q.brier(e)});
        json!({
            "minutes": minutes(i),
            "n": q.n,
            "mae_pct": q.mae_pct(&q.forecast),
            "brier": q.brier(&q.forecast),
            "persistence": pair(&q.persistence),
            "weekly_mean": pair(&q.weekly_mean),
        })
    };
    of.iter().enumerate().map(one).collect()
}

/// For people.
pub fn table(result: &Evaluation) -> String {
    let mut text = String::from(
        "MAE: mean absolute error in % of the capacity. Brier: of the chance of at least 5 % vacant.\n\
         Beside the forecast: the count at the time, and the mean of all weeks before.\n\n",
    );
    let head = "  ahead          n     MAE  pers.   week    Brier   pers.    week";
    let _ = writeln!(text, "all sites\n{head}");
    lines(&mut text, &result.all());
    for site in &result.sites {
        let _ = writeln!(text, "\n{} ({})", site.id, site.health.as_str());
        if site.horizons.iter().any(|(q, _)| q.n > 0) {
            let _ = writeln!(text, "{head}");
            lines(&mut text, &site.horizons);
        }
    }
    text
}

fn lines(text: &mut String, of: &[(Quality, Calibration)]) {
    for (i, (q, _)) in of.iter().enumerate().filter(|(_, (q, _))| q.n > 0) {
        let mae = |e| q.mae_pct(e).unwrap_or_default();
        let brier = |e| q.brier(e).unwrap_or_default();
        let _ = writeln!(
            text,
            "{:>5} min {:>10} {:>7.3} {:>6.2} {:>6.2}  {:>7.4} {:>7.4} {:>7.4}",
            minutes(i),
            q.n,
            mae(&q.forecast),
            mae(&q.persistence),
            mae(&q.weekly_mean),
            brier(&q.forecast),
            brier(&q.persistence),
            brier(&q.weekly_mean)
        );
    }
}
