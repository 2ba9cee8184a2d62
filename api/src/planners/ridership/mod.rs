//! `GET /v1/ridership`: how many passengers got on and off and were on board, per line, stop and time;
//! for planners.

mod runs;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::UtcMicros;
use store::transit_history;
use utoipa::ToSchema;

use self::runs::{Ridership, Runs, TOO_FEW, columns};
use crate::contract::words::words;
use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::table::{Bounds, Rows};
use crate::hub::View;
use crate::journeys::Journeys;
use crate::planners::parameters;
use crate::planners::transit::{Credits, Figures, Heading, Row, RowStream, TransitRequest, gathered};

words! {
    /// Why figures of passengers are withheld.
    FewRuns = [TOO_FEW];
}

/// How many passengers there were.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct RidershipRow {
    /// Slug of the municipality.
    municipality: String,
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
    municipality_name: String,
    /// Name of the line in the timetable of today; null: it has none there, or not divided by line.
    route_name: Option<String>,
    /// Name of the stop in the timetable of today; null: it has none there, or not divided by stop.
    stop_name: Option<String>,
    /// `reason` in a sentence; null: they are not withheld.
    detail: Option<&'static str>,
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
    Figures { name: "ridership", columns: columns(), rows }.answer(&bounds, &request).await
}

fn rows(pool: &store::Pool, heading: Arc<Heading>, credits: Credits) -> RowStream<Row<Ridership>> {
    gathered(transit_history::rides(pool, &heading.town.window), Runs::new(heading, credits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_what_is_answered() {
        crate::http::table::documented::<RidershipRow, _>(&columns());
    }
}
