//! The report as JSON and as a table.

use std::fmt;

use domain::forecast::{Errors, Quality};
use serde_json::{Value, json};

use super::{Evaluation, Score, minutes};

const HEAD: &str = "  ahead          n     MAE  pers.   week    Brier   pers.    week";

impl Evaluation {
    /// The contract's shape.
    pub fn json(&self) -> Value {
        let site = |s: &super::SiteResult| json!({"id": s.id, "health": s.health.as_str(), "horizons": horizons(&s.scores)});
        let sites: Vec<Value> = self.sites.iter().map(site).collect();
        json!({"horizons": horizons(&self.all()), "sites": sites})
    }
}

fn horizons(scores: &[Score]) -> Vec<Value> {
    let one = |(i, Score { quality: q, .. }): (usize, &Score)| {
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
    scores.iter().enumerate().map(one).collect()
}

/// For people.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "MAE: mean absolute error in % of the capacity. Brier: of the chance of at least 5 % vacant.\n\
             Beside the forecast: the count at the time, and the mean of all weeks before.\n\n",
        )?;
        writeln!(f, "all sites\n{HEAD}")?;
        lines(f, &self.all())?;
        for site in &self.sites {
            writeln!(f, "\n{} ({})", site.id, site.health.as_str())?;
            if site.scores.iter().any(|score| score.quality.n > 0) {
                writeln!(f, "{HEAD}")?;
                lines(f, &site.scores)?;
            }
        }
        Ok(())
    }
}

fn lines(f: &mut fmt::Formatter<'_>, scores: &[Score]) -> fmt::Result {
    let qualities = scores.iter().map(|score| &score.quality).enumerate();
    for (i, q) in qualities.filter(|(_, q)| q.n > 0) {
        let of = |value: fn(&Quality, &Errors) -> Option<f64>| {
            [&q.forecast, &q.persistence, &q.weekly_mean].map(|errors| value(q, errors).unwrap_or_default())
        };
        let [mae, mae_persistence, mae_week] = of(Quality::mae_pct);
        let [brier, brier_persistence, brier_week] = of(Quality::brier);
        writeln!(
            f,
            "{:>5} min {:>10} {mae:>7.3} {mae_persistence:>6.2} {mae_week:>6.2}  {brier:>7.4} {brier_persistence:>7.4} \
             {brier_week:>7.4}",
            minutes(i),
            q.n
        )?;
    }
    Ok(())
}
