//! `GET /v1/ridership`: how many passengers got on and off and were on board, per line, stop and time;
//! for planners.

mod runs;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::UtcMicros;
use jiff::tz::TimeZone;
use store::transit_history;
use utoipa::ToSchema;

use self::runs::Runs;
use self::runs::TOO_FEW;
use crate::contract::words::words;
use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::table::{Bounds, Column, Rows};
use crate::hub::View;
use crate::journeys::Journeys;
use crate::planners::parameters;
use crate::planners::transit::{Credits, Figures, Names, RowStream, Town, TransitRequest, gathered};

words! {
    /// Why figures of passengers are withheld.
    FewRuns = [TOO_FEW];
}

/// How many passengers there were.
#[derive(ToSchema)]
pub struct RidershipRow {
    /// Slug of the municipality.
    #[schema(value_type = String)]
    municipality: Arc<str>,
    /// Line; null: not divided by line, or no vehicle reported it.
    route_id: Option<String>,
    /// Stop; null: not divided by stop.
    stop_id: Option<String>,
    /// When the hour, day, week or month begins; null with other buckets.
    bucket: Option<UtcMicros>,
    /// Day of the town's week, 1 is Monday; null with other buckets than `hour_of_week`.
    weekday: Option<i64>,
    /// Hour of the town's day, 0 to 23; null with other buckets than `hour_of_week`.
    hour: Option<i64>,
    /// Whether the figures are withheld: too few runs, and the asker is the public.
    withheld: bool,
    /// Why they are; null: they are not.
    #[schema(value_type = Option<FewRuns>)]
    reason: Option<&'static str>,
    /// How many runs it takes; null: they are not withheld.
    min_runs: Option<i64>,
    /// Runs with counts; null: withheld.
    runs: Option<i64>,
    /// Trips with counts / trips that were observed at all, 0 to 1; null: not known, or withheld.
    coverage: Option<f64>,
    /// Who got on, as counted; null: nobody counted, or withheld.
    boardings: Option<i64>,
    /// Who got off, as counted; null: nobody counted, or withheld.
    alightings: Option<i64>,
    /// Who got on, in balance: as many get off each run as get on; null: not known, or withheld.
    boardings_balanced: Option<i64>,
    /// Who got off, in balance; null: not known, or withheld.
    alightings_balanced: Option<i64>,
    /// Mean number of passengers on board when vehicles leave a stop, in balance; null: not known, or withheld.
    load_mean: Option<f64>,
    /// Most passengers on board when a vehicle left a stop, in balance; null: not known, or withheld.
    load_max: Option<i64>,
    /// Mean number on board as vehicles report it; null: they do not, or withheld.
    on_board_mean: Option<f64>,
    /// Passengers added or taken away for the balance / passengers counted; null: not known, or withheld.
    drift_share: Option<f64>,
    /// Name of the municipality.
    #[schema(value_type = String)]
    municipality_name: Arc<str>,
    /// Name of the line in the timetable of today; null: it has none there, or not divided by line.
    #[schema(value_type = Option<String>)]
    route_name: Option<Arc<str>>,
    /// Name of the stop in the timetable of today; null: it has none there, or not divided by stop.
    #[schema(value_type = Option<String>)]
    stop_name: Option<Arc<str>>,
    /// `reason` in a sentence; null: they are not withheld.
    detail: Option<&'static str>,
    /// The town's clock.
    #[schema(ignore)]
    zone: TimeZone,
}

fn columns() -> Vec<Column<RidershipRow>> {
    vec![
        Column::text("municipality", |r| Some(&r.municipality)),
        Column::text("route_id", |r| r.route_id.as_deref()),
        Column::text("stop_id", |r| r.stop_id.as_deref()),
        Column::time("bucket", |r| r.bucket),
        Column::weekday("weekday", |r| r.weekday),
        Column::integer("hour", |r| r.hour),
        Column::boolean("withheld", |r| Some(r.withheld)),
        Column::text("reason", |r| r.reason),
        Column::integer("min_runs", |r| r.min_runs),
        Column::integer("runs", |r| r.runs),
        Column::float("coverage", |r| r.coverage),
        Column::integer("boardings", |r| r.boardings),
        Column::integer("alightings", |r| r.alightings),
        Column::integer("boardings_balanced", |r| r.boardings_balanced),
        Column::integer("alightings_balanced", |r| r.alightings_balanced),
        Column::float("load_mean", |r| r.load_mean),
        Column::integer("load_max", |r| r.load_max),
        Column::float("on_board_mean", |r| r.on_board_mean),
        Column::float("drift_share", |r| r.drift_share),
        Column::beside("municipality", Column::text("municipality_name", |r| Some(&r.municipality_name))),
        Column::beside("route_id", Column::text("route_name", |r| r.route_name.as_deref())),
        Column::text("detail", |r| r.detail),
        Column::beside("stop_id", Column::text("stop_name", |r| r.stop_name.as_deref())),
    ]
}

/// How many passengers got on and off, and how full vehicles were. Counts at doors drift: each run is
/// balanced so that nobody is on board at its end; the counts themselves are given beside. Groups of fewer
/// than three runs are withheld from the public.
#[utoipa::path(
    get,
    path = "/v1/ridership",
    tag = "planners",
    security((), ("key" = [])),
    params(parameters::Lines, parameters::Figures),
    responses((status = 200, body = Rows<RidershipRow>)),
)]
pub async fn ridership(
    State(bounds): State<Bounds>,
    State(journeys): State<Arc<Journeys>>,
    view: View,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let request = TransitRequest { view, asker, query, journeys };
    let figures =
        Figures { name: "ridership", columns: columns(), zone: |row: &RidershipRow| &row.zone, rows };
    figures.answer(&bounds, &request).await
}

fn rows(pool: &store::Pool, town: Town, names: Names, credits: Credits) -> RowStream<RidershipRow> {
    gathered(transit_history::rides(pool, &town.window), Runs::new(town, names, credits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_what_is_answered() {
        crate::http::table::documented::<RidershipRow, _>(&columns());
    }
}
