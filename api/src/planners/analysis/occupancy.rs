//! `GET /v1/occupancy`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::UtcMicros;
use domain::intervals::{HOUR_US, HourSums, Span};
use domain::occupancy::{Bucket, BucketKey, Figures, Filter, OccupancySums, Quarter};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use store::Pool;
use utoipa::ToSchema;

use super::groups::Group;
use super::query::FiguresQuery;
use super::row::{self, Row};
use super::{Answer, Town, beside, sums, towns, wholly_withheld};
use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::table::bound::{Fits, Length, OF_PLACES};
use crate::http::table::{Bounds, Column, Table};
use crate::hub::View;
use crate::planners::parameters;
use crate::planners::planning::Viewer;

impl Row<Figures> {
    fn hour_of_week(&self) -> Option<(i8, i8)> {
        match self.key {
            BucketKey::HourOfWeek { weekday, hour } => Some((weekday, hour)),
            BucketKey::At(_) | BucketKey::All => None,
        }
    }
}

/// How full places were.
#[derive(Serialize, ToSchema)]
struct OccupancyRow {
    /// When the bucket begins; null with `hour_of_week` and `all`.
    bucket: Option<UtcMicros>,
    /// Day of the town's week, 1 is Monday; null with other buckets than `hour_of_week`.
    weekday: Option<i64>,
    /// Hour of the town's day, 0 to 23; null with other buckets than `hour_of_week`.
    hour: Option<i64>,
    /// Slug of the municipality.
    municipality: String,
    /// Id of the zone; null: not divided by zone, or in none.
    zone: Option<String>,
    /// Id of the site; null: not divided by site, or in none.
    site: Option<String>,
    /// Id of the bay; null: not divided by bay.
    bay: Option<String>,
    /// Audience that the spaces are kept for; null: not divided by restriction.
    restriction: Option<String>,
    /// Occupied / observed bay-seconds, 0 to 1; null: nothing was observed, or withheld.
    occupancy: Option<f64>,
    /// Occupancy of the fullest quarter of an hour; null: nothing was observed, or withheld.
    peak: Option<f64>,
    /// Occupancy that 85 % of the quarters of an hour did not exceed; null: nothing was observed, or withheld.
    p85: Option<f64>,
    /// Share of the quarters of an hour that were at least 85 % full; null: nothing was observed, or withheld.
    share_ge_85: Option<f64>,
    /// Share of the quarters of an hour that were at least 95 % full; null: nothing was observed, or withheld.
    share_ge_95: Option<f64>,
    /// Bay-seconds that were occupied; null: withheld.
    occupied_s: Option<f64>,
    /// Bay-seconds that were observed; null: withheld.
    observed_s: Option<f64>,
    /// Observed / possible bay-seconds, 0 to 1; null: none was possible, or withheld.
    coverage: Option<f64>,
    /// Changes from vacant to occupied; null: withheld.
    arrivals: Option<i64>,
    /// Changes from occupied to vacant; null: withheld.
    departures: Option<i64>,
    /// Whether the figures of this group are withheld: too few bays, and the asker is the public.
    withheld: bool,
    /// Why they are; null: they are not.
    #[schema(value_type = Option<super::FewBays>)]
    reason: Option<String>,
    /// How many bays it takes; null: they are not withheld.
    min_bays: Option<i64>,
    /// Name of the municipality.
    municipality_name: String,
    /// Name of the site, or of the bay's site; null: not divided by site or bay, or in none.
    site_name: Option<String>,
    /// Id of the bay's site; null: not divided by bay, or in none.
    bay_site: Option<String>,
    /// Whether all that is stored of the row's time is derived and that time is over; else its figures will change.
    complete: bool,
    /// Up to when everything of the municipality is derived.
    complete_until: UtcMicros,
}

fn columns() -> Vec<Column<Row<Figures>>> {
    let bucket = [
        Column::time("bucket", |r: &Row<Figures>| match r.key {
            BucketKey::At(at) => Some(at),
            BucketKey::HourOfWeek { .. } | BucketKey::All => None,
        }),
        Column::weekday("weekday", |r| r.hour_of_week().map(|(weekday, _)| weekday.into())),
        Column::integer("hour", |r| r.hour_of_week().map(|(_, hour)| hour.into())),
    ];
    let figures = [
        Column::float("occupancy", |r: &Row<Figures>| r.published()?.occupancy),
        Column::float("peak", |r| r.published()?.peak),
        Column::float("p85", |r| r.published()?.p85),
        Column::float("share_ge_85", |r| r.published()?.share_ge_85),
        Column::float("share_ge_95", |r| r.published()?.share_ge_95),
        Column::float("occupied_s", |r| Some(r.published()?.occupied_s)),
        Column::float("observed_s", |r| Some(r.published()?.observed_s)),
        Column::float("coverage", |r| r.published()?.coverage),
        Column::integer("arrivals", |r| Some(r.published()?.arrivals)),
        Column::integer("departures", |r| Some(r.published()?.departures)),
    ];
    row::columns(bucket, figures)
}

/// How full places were: occupied by observed space-time, in buckets of the town's own time. The
/// same request gives the same figures a year later.
#[utoipa::path(
    get,
    path = "/v1/occupancy",
    tag = "planners",
    params(parameters::Places, parameters::Figures, parameters::Buckets),
    responses((status = 200, body = inline(Answer<OccupancyRow>))),
    security((), ("key" = [])),
)]
pub async fn occupancy(
    State(bounds): State<Bounds>,
    view: View,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let registry = view.registry();
    let viewer = Viewer::of(&asker, &registry).await?;
    let params =
        query.params(&[parameters::Places::NAMES, parameters::Figures::NAMES, parameters::Buckets::NAMES])?;
    let bucket = params.one("bucket", &Bucket::choices())?.unwrap_or(Bucket::Day);
    let query = FiguresQuery::of(&params, &asker, &registry, &viewer).await?;
    let pool = asker.pool()?;
    let permit = bounds.permits.take(viewer.holder).await?;
    let towns = towns(&query, &registry, pool, view.now).await?;
    if let Some(withheld) = wholly_withheld(&towns, &query) {
        return Ok(withheld);
    }
    let fits = fit(&query, bucket, &towns, bounds.max_json_rows).await?;
    let extra = beside(&registry, &towns);
    let cache = query.cache;
    let file_stem = query.file_stem("occupancy");
    let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
    let hours_until = store::analysis::hours_until(&mut conn).await?;
    drop(conn);
    let filter = Arc::new(query.filter);
    let walks: Vec<Walk> = towns
        .into_iter()
        .map(|mut town| Walk {
            pool: pool.clone(),
            groups: Arc::new(std::mem::take(&mut town.parts.groups)),
            bucket,
            filter: filter.clone(),
            hours_until,
            next: town.period.from,
            town,
            open: BTreeMap::new(),
            ready: VecDeque::new(),
        })
        .collect();
    let rows = stream::iter(walks).flat_map(Walk::rows);
    Table { columns: columns(), file_stem, extra, cache, zone: Row::zone }.answer(permit, fits, rows).await
}

/// Checks that the rows fit: one for each group and each bucket with a quarter of an hour that counts.
async fn fit(query: &FiguresQuery, bucket: Bucket, towns: &[Town], most: i64) -> Result<Fits, Problem> {
    let groups = |town: &Town| town.parts.groups.len() as i64;
    let upper = towns.iter().map(|town| bucket.at_most(town.period).saturating_mul(groups(town)));
    let upper = upper.fold(0i64, i64::saturating_add);
    let exact = async {
        let mut rows = 0;
        for town in towns {
            let at_most = (most - rows) / groups(town).max(1);
            rows += buckets(town, bucket, &query.filter, at_most).await * groups(town);
        }
        Ok(rows)
    };
    let length = Length { field: "bucket", value: bucket.as_str(), remedy: OF_PLACES };
    query.shape.fit(most, length, upper, exact).await
}

/// How many buckets have a quarter of an hour that counts, counted until there are more than `most`.
async fn buckets(town: &Town, bucket: Bucket, filter: &Filter, most: i64) -> i64 {
    let (mut keys, period) = (BTreeSet::new(), town.period);
    for hour in period.from.0.div_euclid(HOUR_US)..=(period.until.0 - 1).div_euclid(HOUR_US) {
        if keys.len() as i64 > most {
            break;
        }
        if hour % HOURS_IN_A_ROW == 0 {
            tokio::task::yield_now().await;
        }
        let quarters = town.query.time.quarters(hour, bucket, filter).into_iter().enumerate();
        let counts = |(number, quarter): &(usize, Quarter)| {
            quarter.counts && !domain::occupancy::quarter(hour, *number).within(period).is_empty()
        };
        keys.extend(quarters.filter(counts).map(|(_, quarter)| quarter.key));
    }
    keys.len() as i64
}

/// Hours that are looked through without a pause: some milliseconds.
const HOURS_IN_A_ROW: i64 = 1_000;

/// Groups of an hour that are summed up without a pause: some milliseconds.
const GROUPS_IN_A_ROW: usize = 256;

/// Goes through one town's period hour by hour.
struct Walk {
    pool: Pool,
    town: Town,
    groups: Arc<Vec<Group>>,
    bucket: Bucket,
    filter: Arc<Filter>,
    hours_until: UtcMicros,
    next: UtcMicros,
    /// Buckets that are not complete yet.
    open: BTreeMap<(BucketKey, usize), OccupancySums>,
    ready: VecDeque<Row<Figures>>,
}

impl Walk {
    fn rows(self) -> impl Stream<Item = Result<Row<Figures>, Problem>> + Send + 'static {
        stream::try_unfold(self, |mut walk| async move {
            while walk.ready.is_empty() && walk.next < walk.town.period.until {
                walk.go_on().await?;
            }
            if walk.ready.is_empty() {
                walk.finish(None);
            }
            Ok(walk.ready.pop_front().map(|row| (row, walk)))
        })
    }

    /// Reads the next stretch, and emits the buckets that are complete.
    async fn go_on(&mut self) -> Result<(), Problem> {
        let first = self.next.0.div_euclid(HOUR_US);
        let hours = sums::hours_at_once(&self.town.parts, self.groups.len(), self.bucket);
        let span =
            Span { from: self.next, until: UtcMicros((first + hours) * HOUR_US).min(self.town.period.until) };
        let sums =
            sums::within(&self.pool, &self.town.parts, self.groups.len(), span, self.hours_until).await?;
        let end = (span.until.0 - 1).div_euclid(HOUR_US);
        for hour in first..=end {
            let quarters = self.town.query.time.quarters(hour, self.bucket, &self.filter);
            for (index, group) in self.groups.iter().enumerate() {
                if index % GROUPS_IN_A_ROW == 0 {
                    // Years of many places take seconds to sum up: other tasks must get their turn.
                    tokio::task::yield_now().await;
                }
                let none = HourSums::default();
                let sums = sums.get(&(index, hour)).unwrap_or(&none);
                for (quarter, within) in quarters.iter().enumerate().filter(|(_, q)| q.counts) {
                    if domain::occupancy::quarter(hour, quarter).within(self.town.period).is_empty() {
                        continue; // Outside of the period, or not begun.
                    }
                    let sums_of_bucket = self.open.entry((within.key, index)).or_default();
                    sums_of_bucket.add_quarter(hour, quarter, sums, &group.possible, self.town.period);
                }
            }
        }
        self.next = span.until;
        if !matches!(self.bucket, Bucket::HourOfWeek | Bucket::All) {
            let after = self.town.query.time.quarters(end + 1, self.bucket, &self.filter)[0].key;
            self.finish(Some(after));
        }
        Ok(())
    }

    /// Emits the buckets before `end`.
    fn finish(&mut self, end: Option<BucketKey>) {
        let rest = match end {
            Some(end) => self.open.split_off(&(end, 0)),
            None => BTreeMap::new(),
        };
        let Walk { town: Town { query, complete_until, .. }, bucket, .. } = self;
        for ((key, index), sums) in std::mem::replace(&mut self.open, rest) {
            let asked_until = query.period.until;
            let until = query.time.end(key, *bucket).map_or(asked_until, |end| end.min(asked_until));
            self.ready.push_back(Row {
                key,
                groups: self.groups.clone(),
                index,
                figures: sums.figures(),
                complete: until <= *complete_until,
                complete_until: *complete_until,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_what_is_answered() {
        crate::http::table::documented::<OccupancyRow, _>(&columns());
    }
}
