//! `GET /v1/punctuality`: how late vehicles were, per line, stop and time; for planners.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::UtcMicros;
use domain::punctuality::{DelayFigures, Delays};
use store::transit_history::{self, DelayCount, Group};
use utoipa::ToSchema;

use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::table::{Bounds, Column, Rows};
use crate::hub::View;
use crate::journeys::Journeys;
use crate::planners::parameters;
use crate::planners::transit::{
    self, Credits, Figures, Gather, Heading, Row, RowStream, TransitRequest, gathered,
};

/// How late vehicles were.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct PunctualityRow {
    /// Slug of the municipality.
    municipality: String,
    /// Line; null: not divided by line, or the vehicle did not say.
    route_id: Option<String>,
    /// Stop; null: not divided by stop.
    stop_id: Option<String>,
    /// When the hour, day, week or month begins; null with other buckets.
    bucket: Option<UtcMicros>,
    /// Day of the town's week, 1 is Monday; null with other buckets than `hour_of_week`.
    weekday: Option<i64>,
    /// Hour of the town's day, 0 to 23; null with other buckets than `hour_of_week`.
    hour: Option<i64>,
    /// Passages: runs at stops.
    n: i64,
    /// Mean delay, seconds, late is positive.
    delay_mean_s: f64,
    /// Median delay, seconds.
    delay_p50_s: f64,
    /// 85 % were at most so late, seconds.
    delay_p85_s: f64,
    /// 95 % were at most so late, seconds.
    delay_p95_s: f64,
    /// Share from 60 s before to less than 6 minutes after the timetable, 0 to 1.
    on_time_share: f64,
    /// Share more than 60 s before the timetable, 0 to 1.
    early_share: f64,
    /// Share 6 minutes and more after the timetable, 0 to 1.
    late_share: f64,
    /// Passages known / passages of the timetable; null: not known.
    coverage: Option<f64>,
    /// Passages by delay.
    histogram: DelayHistogram,
    /// Name of the municipality.
    municipality_name: String,
    /// Name of the line in the timetable of today; null: it has none there, or not divided by line.
    route_name: Option<String>,
    /// Name of the stop in the timetable of today; null: it has none there, or not divided by stop.
    stop_name: Option<String>,
}

/// Passages by delay, each class without its upper limit.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct DelayHistogram {
    /// More than 60 s early.
    under_m60_s: i64,
    /// From 60 s early to on the second.
    m60_to_0_s: i64,
    /// From 0 to 60 s late.
    from_0_to_60_s: i64,
    /// From 60 to 180 s late.
    from_60_to_180_s: i64,
    /// From 180 to 300 s late.
    from_180_to_300_s: i64,
    /// From 300 to 360 s late.
    from_300_to_360_s: i64,
    /// From 360 to 600 s late.
    from_360_to_600_s: i64,
    /// From 600 to 900 s late.
    from_600_to_900_s: i64,
    /// From 900 to 1800 s late.
    from_900_to_1800_s: i64,
    /// 1800 s late and more.
    from_1800_s: i64,
}

/// Passages of a class of delays.
fn class(row: &Row<DelayFigures>, number: usize) -> Option<i64> {
    Some(*row.figures.histogram.get(number)? as i64)
}

fn columns() -> Vec<Column<Row<DelayFigures>>> {
    let figures = [
        Column::integer("n", |r: &Row<DelayFigures>| Some(r.figures.n as i64)),
        Column::float("delay_mean_s", |r| Some(r.figures.mean_s)),
        Column::float("delay_p50_s", |r| Some(r.figures.p50_s)),
        Column::float("delay_p85_s", |r| Some(r.figures.p85_s)),
        Column::float("delay_p95_s", |r| Some(r.figures.p95_s)),
        Column::float("on_time_share", |r| Some(r.figures.on_time_share)),
        Column::float("early_share", |r| Some(r.figures.early_share)),
        Column::float("late_share", |r| Some(r.figures.late_share)),
        // The number of scheduled passages is not stored for past days.
        Column::float("coverage", |_| None),
        Column::integer("histogram.under_m60_s", |r| class(r, 0)),
        Column::integer("histogram.m60_to_0_s", |r| class(r, 1)),
        Column::integer("histogram.from_0_to_60_s", |r| class(r, 2)),
        Column::integer("histogram.from_60_to_180_s", |r| class(r, 3)),
        Column::integer("histogram.from_180_to_300_s", |r| class(r, 4)),
        Column::integer("histogram.from_300_to_360_s", |r| class(r, 5)),
        Column::integer("histogram.from_360_to_600_s", |r| class(r, 6)),
        Column::integer("histogram.from_600_to_900_s", |r| class(r, 7)),
        Column::integer("histogram.from_900_to_1800_s", |r| class(r, 8)),
        Column::integer("histogram.from_1800_s", |r| class(r, 9)),
    ];
    transit::columns(figures, None)
}

/// Figures of a group from how often each delay occurred.
struct Groups {
    heading: Arc<Heading>,
    credits: Credits,
    open: Option<(Group, Delays)>,
}

impl Gather for Groups {
    type In = DelayCount;
    type Out = Row<DelayFigures>;

    fn take(&mut self, row: DelayCount, out: &mut VecDeque<Self::Out>) {
        self.credits.note(row.feed);
        if self.open.as_ref().is_none_or(|(group, _)| *group != row.group) {
            self.end(out);
        }
        let (_, delays) = self.open.get_or_insert_with(|| (row.group, Delays::default()));
        delays.add(row.delay_s, row.n.unsigned_abs());
    }

    fn end(&mut self, out: &mut VecDeque<Self::Out>) {
        let Some((group, delays)) = self.open.take() else { return };
        let figures = delays.figures();
        out.extend(figures.map(|figures| Row { heading: self.heading.clone(), group, figures }));
    }
}

/// How late vehicles were at stops. A passage is one run of a trip at one stop, with the newest statement about it. On
/// time is what is at most 60 s early and less than 6 minutes late, as Deutsche Bahn counts; the histogram serves other
/// definitions.
#[utoipa::path(
    get,
    path = "/v1/punctuality",
    tag = "planners",
    security((), ("key" = [])),
    params(parameters::Lines, parameters::Figures),
    responses((status = 200, body = Rows<PunctualityRow>)),
)]
pub async fn punctuality(
    State(bounds): State<Bounds>,
    State(journeys): State<Arc<Journeys>>,
    view: View,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let request = TransitRequest { view, asker, query, journeys };
    Figures { name: "punctuality", columns: columns(), rows }.answer(&bounds, &request).await
}

fn rows(pool: &store::Pool, heading: Arc<Heading>, credits: Credits) -> RowStream<Row<DelayFigures>> {
    let delays = transit_history::delays(pool, &heading.town.window);
    gathered(delays, Groups { heading, credits, open: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_what_is_answered() {
        crate::http::table::documented::<PunctualityRow, _>(&columns());
    }
}
