//! `GET /v1/punctuality`: how late vehicles were, per line, stop and time; for planners.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::UtcMicros;
use domain::punctuality::{CLASSES, Delays};
use jiff::tz::TimeZone;
use store::transit_history::{self, DelayCount, Group};
use utoipa::ToSchema;

use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::table::{Bounds, Column, Rows};
use crate::hub::View;
use crate::journeys::Journeys;
use crate::planners::parameters;
use crate::planners::transit::{Credits, Figures, Gather, Names, RowStream, Town, TransitRequest, gathered};

/// How late vehicles were.
#[derive(ToSchema)]
pub struct PunctualityRow {
    /// Slug of the municipality.
    #[schema(value_type = String)]
    municipality: Arc<str>,
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
    #[schema(value_type = DelayHistogram)]
    histogram: [u64; CLASSES],
    /// Name of the municipality.
    #[schema(value_type = String)]
    municipality_name: Arc<str>,
    /// Name of the line in the timetable of today; null: it has none there, or not divided by line.
    #[schema(value_type = Option<String>)]
    route_name: Option<Arc<str>>,
    /// Name of the stop in the timetable of today; null: it has none there, or not divided by stop.
    #[schema(value_type = Option<String>)]
    stop_name: Option<Arc<str>>,
    /// The town's clock.
    #[schema(ignore)]
    zone: TimeZone,
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

impl PunctualityRow {
    /// Passages of a class of delays.
    fn class(&self, number: usize) -> Option<i64> {
        Some(*self.histogram.get(number)? as i64)
    }
}

fn columns() -> Vec<Column<PunctualityRow>> {
    vec![
        Column::text("municipality", |r| Some(&r.municipality)),
        Column::text("route_id", |r| r.route_id.as_deref()),
        Column::text("stop_id", |r| r.stop_id.as_deref()),
        Column::time("bucket", |r| r.bucket),
        Column::weekday("weekday", |r| r.weekday),
        Column::integer("hour", |r| r.hour),
        Column::integer("n", |r| Some(r.n)),
        Column::float("delay_mean_s", |r| Some(r.delay_mean_s)),
        Column::float("delay_p50_s", |r| Some(r.delay_p50_s)),
        Column::float("delay_p85_s", |r| Some(r.delay_p85_s)),
        Column::float("delay_p95_s", |r| Some(r.delay_p95_s)),
        Column::float("on_time_share", |r| Some(r.on_time_share)),
        Column::float("early_share", |r| Some(r.early_share)),
        Column::float("late_share", |r| Some(r.late_share)),
        Column::float("coverage", |r| r.coverage),
        Column::integer("histogram.under_m60_s", |r| r.class(0)),
        Column::integer("histogram.m60_to_0_s", |r| r.class(1)),
        Column::integer("histogram.from_0_to_60_s", |r| r.class(2)),
        Column::integer("histogram.from_60_to_180_s", |r| r.class(3)),
        Column::integer("histogram.from_180_to_300_s", |r| r.class(4)),
        Column::integer("histogram.from_300_to_360_s", |r| r.class(5)),
        Column::integer("histogram.from_360_to_600_s", |r| r.class(6)),
        Column::integer("histogram.from_600_to_900_s", |r| r.class(7)),
        Column::integer("histogram.from_900_to_1800_s", |r| r.class(8)),
        Column::integer("histogram.from_1800_s", |r| r.class(9)),
        Column::beside("municipality", Column::text("municipality_name", |r| Some(&r.municipality_name))),
        Column::beside("route_id", Column::text("route_name", |r| r.route_name.as_deref())),
        Column::beside("stop_id", Column::text("stop_name", |r| r.stop_name.as_deref())),
    ]
}

/// Figures of a group from how often each delay occurred.
struct Groups {
    municipality: Arc<str>,
    name: Arc<str>,
    zone: TimeZone,
    names: Names,
    credits: Credits,
    open: Option<(Group, Delays)>,
}

impl Gather for Groups {
    type In = DelayCount;
    type Out = PunctualityRow;

    fn take(&mut self, row: DelayCount, out: &mut VecDeque<PunctualityRow>) {
        self.credits.note(row.feed);
        if self.open.as_ref().is_none_or(|(group, _)| *group != row.group) {
            self.end(out);
        }
        let (_, delays) = self.open.get_or_insert_with(|| (row.group, Delays::default()));
        delays.add(row.delay_s, row.n.unsigned_abs());
    }

    fn end(&mut self, out: &mut VecDeque<PunctualityRow>) {
        let Some((group, delays)) = self.open.take() else { return };
        let Some(figures) = delays.figures() else { return };
        out.push_back(PunctualityRow {
            municipality: self.municipality.clone(),
            municipality_name: self.name.clone(),
            route_name: self.names.route(group.route.as_deref()),
            stop_name: self.names.stop(group.stop.as_deref()),
            zone: self.zone.clone(),
            route_id: group.route,
            stop_id: group.stop,
            bucket: group.bucket,
            weekday: group.weekday.map(i64::from),
            hour: group.hour.map(i64::from),
            n: figures.n as i64,
            delay_mean_s: figures.mean_s,
            delay_p50_s: figures.p50_s,
            delay_p85_s: figures.p85_s,
            delay_p95_s: figures.p95_s,
            on_time_share: figures.on_time_share,
            early_share: figures.early_share,
            late_share: figures.late_share,
            // The number of scheduled passages is not stored for past days.
            coverage: None,
            histogram: figures.histogram,
        });
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
    let figures =
        Figures { name: "punctuality", columns: columns(), zone: |row: &PunctualityRow| &row.zone, rows };
    figures.answer(&bounds, &request).await
}

fn rows(pool: &store::Pool, town: Town, names: Names, credits: Credits) -> RowStream<PunctualityRow> {
    let delays = transit_history::delays(pool, &town.window);
    let Town { slug: municipality, name, zone, .. } = town;
    gathered(delays, Groups { municipality, name, zone, names, credits, open: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_what_is_answered() {
        crate::http::table::documented::<PunctualityRow, _>(&columns());
    }
}
