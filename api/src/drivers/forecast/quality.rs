//! `GET /v1/forecast/quality`: the forecast's own error, kept continuously.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::MunicipalityId;
use domain::forecast::{Errors, HORIZONS, Health, Quality, STEP_S};
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::{parameters, words};
use crate::forecasts::Forecasts;
use crate::http::answer;
use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::hub::View;
use crate::planners::planning::Viewer;

/// Errors of past forecasts for targets between 7:00 and 20:00.
#[derive(Serialize, ToSchema)]
pub struct QualityOut {
    /// All these sites together, by how far ahead forecasts were made.
    horizons: Vec<HorizonOut>,
    /// Each site of its own.
    sites: Vec<SiteQualityOut>,
}

/// Errors for one site.
#[derive(Serialize, ToSchema)]
struct SiteQualityOut {
    /// Id of the site.
    id: String,
    /// Slug of the municipality.
    municipality: String,
    /// What the source of the site's numbers is worth to the forecast.
    #[schema(value_type = words::SourceHealth)]
    health: &'static str,
    /// By how far ahead forecasts were made.
    horizons: Vec<HorizonOut>,
}

/// Errors at one horizon.
#[derive(Serialize, ToSchema)]
struct HorizonOut {
    /// How far ahead, minutes.
    minutes: i64,
    /// How many forecasts were compared with what came.
    n: u64,
    /// Mean absolute error, percent of the capacity; null: nothing was compared.
    mae_pct: Option<f64>,
    /// Brier score of the chance that at least 5 % are vacant: 0 is perfect; null: nothing was compared.
    brier: Option<f64>,
    /// Errors of taking the state at the origin for that of the target.
    persistence: ErrorsOut,
    /// Errors of the mean of all weeks before.
    weekly_mean: ErrorsOut,
    /// Which of the two is answered: the forecast, or the live state where that had the smaller error.
    #[schema(value_type = words::Served)]
    served: &'static str,
}

/// Errors of a baseline.
#[derive(Serialize, ToSchema)]
struct ErrorsOut {
    /// Mean absolute error, percent of the capacity; null: nothing was compared.
    mae_pct: Option<f64>,
    /// Brier score of the chance that at least 5 % are vacant: 0 is perfect; null: nothing was compared.
    brier: Option<f64>,
}

fn horizons(sums: &[Quality], by_persistence: Option<&[bool]>) -> Vec<HorizonOut> {
    let one = |(i, q): (usize, &Quality)| {
        let errors = |e: &Errors| ErrorsOut { mae_pct: q.mae_pct(e), brier: q.brier(e) };
        let ErrorsOut { mae_pct, brier } = errors(&q.forecast);
        HorizonOut {
            minutes: HORIZONS[i] * STEP_S / 60,
            n: q.n,
            mae_pct,
            brier,
            persistence: errors(&q.persistence),
            weekly_mean: errors(&q.weekly_mean),
            served: if by_persistence.is_some_and(|b| b[i]) { "live" } else { "forecast" },
        }
    };
    sums.iter().enumerate().map(one).collect()
}

/// The forecast's own error by how far ahead it was made: of each site, and of all.
#[utoipa::path(
    get,
    path = "/v1/forecast/quality",
    tag = "planners",
    security((), ("key" = [])),
    params(parameters::Quality),
    responses(
        (status = 200, body = QualityOut),
        (status = 404, description = "There is no such site, or it is not shown."),
    ),
)]
pub async fn quality(
    State(forecasts): State<Arc<Forecasts>>,
    view: View,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let registry = view.registry();
    let viewer = Viewer::of(&asker, &registry).await?;
    let params = query.params(&[parameters::Quality::NAMES])?;
    let purpose = params.purpose()?;
    let site = match params.text("site") {
        None => None,
        Some(key) => {
            let view = view.hub.read().map.site_by_key(key, view.now);
            let entry = view.and_then(|view| registry.site(view.id));
            Some(entry.ok_or_else(Problem::no_site)?)
        }
    };
    let named = site.map(|site| site.municipality).or(params.municipality(&registry)?);
    let towns: Vec<MunicipalityId> = match named {
        Some(town) => viewer.of_municipality(town).map(|_| vec![town])?,
        None => viewer.sees.iter().map(|(id, _)| *id).collect(),
    };
    let mut all = [Quality::default(); HORIZONS.len()];
    let mut sites = Vec::new();
    for town in towns.into_iter().filter_map(|id| forecasts.town(id)) {
        let town = town.read();
        for id in town.forecaster().sites().filter(|id| site.is_none_or(|site| site.id == *id)) {
            let Some(entry) = registry.site(id) else { continue };
            if site.is_none() && entry.def.purpose != purpose {
                continue;
            }
            let sums = town.ledger().of_site(id);
            all.iter_mut().zip(&sums).for_each(|(all, q)| *all += *q);
            sites.push(SiteQualityOut {
                id: entry.def.id.clone(),
                municipality: entry.def.municipality.clone(),
                health: town.forecaster().health(id).map_or("too_little", Health::as_str),
                horizons: horizons(&sums, Some(&town.by_persistence(id))),
            });
        }
    }
    sites.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(answer::cached(&QualityOut { horizons: horizons(&all, None), sites }, viewer.cache()))
}
