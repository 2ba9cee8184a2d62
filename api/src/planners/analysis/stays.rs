//! `GET /v1/stays`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::intervals::{BayInterval, Delta, HOUR_US, Span, Timeline};
use domain::locality::Locality;
use domain::occupancy::{BucketKey, Filter};
use domain::opening::Hours;
use domain::place::Bay;
use domain::stays::{Stay, StayFigures, StaySums, stays as stays_of, turnover};
use domain::{BayId, BayState, Registry, UtcMicros};
use futures_util::stream;
use serde::Serialize;
use store::Pool;
use utoipa::ToSchema;

use super::groups::Parts;
use super::query::{FiguresQuery, TownQuery};
use super::row::{self, Row};
use super::sums::add_bays;
use super::{Answer, beside, towns, wholly_withheld};
use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::http::table::bound::{Length, OF_PLACES};
use crate::http::table::{Bounds, Column, Table};
use crate::hub::View;
use crate::planners::parameters;
use crate::planners::planning::Viewer;

/// Hours of hidden bays that are read at once.
const HOURS_AT_ONCE: i64 = 24 * 7;

/// Bays whose intervals are read at once.
const BAYS_AT_ONCE: usize = 500;

/// Default for the shortest stay: shorter ones are through traffic and flapping sensors.
const MIN_STAY_S: f64 = 60.0;

#[derive(Default)]
struct Sums {
    stays: StaySums,
    observed_us: i64,
}

/// Figures of a group.
struct Stays {
    figures: StayFigures,
    turnover: Option<f64>,
    observed_s: f64,
    censored: u64,
    shorter: u64,
    overstays: u64,
}

impl Row<Stays> {
    fn bin(&self, bin: usize) -> Option<i64> {
        Some(self.published()?.figures.histogram[bin] as i64)
    }
}

/// How long cars stayed.
#[derive(Serialize, ToSchema)]
struct StaysRow {
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
    /// Whole stays: from an arrival to the next departure; null: withheld.
    count: Option<i64>,
    /// Stays per bay and day of observed time; null: nothing was observed, or withheld.
    turnover: Option<f64>,
    /// Median length, seconds; null: no whole stay, or withheld.
    median_s: Option<f64>,
    /// 85 % were at most so long, seconds; null: no whole stay, or withheld.
    p85_s: Option<f64>,
    /// 95 % were at most so long, seconds; null: no whole stay, or withheld.
    p95_s: Option<f64>,
    /// Whole stays by length.
    histogram: StayHistogram,
    /// Stays that were longer than allowed within the hours of a limit; null: withheld.
    overstays: Option<i64>,
    /// Stays cut by the period or by unobserved time, which are in no other figure; null: withheld.
    censored: Option<i64>,
    /// Whole stays shorter than `min_stay_s`, which are in no other figure; null: withheld.
    shorter: Option<i64>,
    /// Bay-seconds that were observed; null: withheld.
    observed_s: Option<f64>,
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

/// Whole stays by length, each class without its upper limit.
#[derive(Serialize, ToSchema)]
struct StayHistogram {
    /// Up to 15 minutes; null: withheld.
    under_15m: Option<i64>,
    /// From 15 to 30 minutes; null: withheld.
    #[serde(rename = "15m_30m")]
    from_15m: Option<i64>,
    /// From 30 minutes to an hour; null: withheld.
    #[serde(rename = "30m_1h")]
    from_30m: Option<i64>,
    /// From one to two hours; null: withheld.
    #[serde(rename = "1h_2h")]
    from_1h: Option<i64>,
    /// From two to four hours; null: withheld.
    #[serde(rename = "2h_4h")]
    from_2h: Option<i64>,
    /// From four to eight hours; null: withheld.
    #[serde(rename = "4h_8h")]
    from_4h: Option<i64>,
    /// From eight hours to a day; null: withheld.
    #[serde(rename = "8h_24h")]
    from_8h: Option<i64>,
    /// A day and more; null: withheld.
    over_24h: Option<i64>,
}

fn columns() -> Vec<Column<Row<Stays>>> {
    let figures = [
        Column::integer("count", |r: &Row<Stays>| Some(r.published()?.figures.count as i64)),
        Column::float("turnover", |r| r.published()?.turnover),
        Column::float("median_s", |r| r.published()?.figures.median_s),
        Column::float("p85_s", |r| r.published()?.figures.p85_s),
        Column::float("p95_s", |r| r.published()?.figures.p95_s),
        Column::integer("histogram.under_15m", |r| r.bin(0)),
        Column::integer("histogram.15m_30m", |r| r.bin(1)),
        Column::integer("histogram.30m_1h", |r| r.bin(2)),
        Column::integer("histogram.1h_2h", |r| r.bin(3)),
        Column::integer("histogram.2h_4h", |r| r.bin(4)),
        Column::integer("histogram.4h_8h", |r| r.bin(5)),
        Column::integer("histogram.8h_24h", |r| r.bin(6)),
        Column::integer("histogram.over_24h", |r| r.bin(7)),
        Column::integer("overstays", |r| Some(r.published()?.overstays as i64)),
        Column::integer("censored", |r| Some(r.published()?.censored as i64)),
        Column::integer("shorter", |r| Some(r.published()?.shorter as i64)),
        Column::float("observed_s", |r| Some(r.published()?.observed_s)),
    ];
    row::columns([], figures)
}

/// How long cars stayed: from an arrival to the next departure on one bay. Stays cut by the period or by unobserved time
/// are counted apart (`censored`).
#[utoipa::path(
    get,
    path = "/v1/stays",
    tag = "planners",
    params(parameters::Places, parameters::Figures, parameters::ShortestStay),
    responses((status = 200, body = inline(Answer<StaysRow>))),
    security((), ("key" = [])),
)]
pub async fn stays(
    State(bounds): State<Bounds>,
    view: View,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let registry = view.registry();
    let viewer = Viewer::of(&asker, &registry).await?;
    let params = query.params(&[
        parameters::Places::NAMES,
        parameters::Figures::NAMES,
        parameters::ShortestStay::NAMES,
    ])?;
    let min_stay_s = params.number("min_stay_s", MIN_STAY_S, 0.0, 86_400.0)?;
    let query = FiguresQuery::of(&params, &asker, &registry, &viewer).await?;
    let pool = asker.pool()?;
    let permit = bounds.permits.take(viewer.holder).await?;
    let mut towns = towns(&query, &registry, pool, view.now).await?;
    if let Some(withheld) = wholly_withheld(&towns, &query) {
        return Ok(withheld);
    }
    let groups = towns.iter().map(|town| town.parts.groups.len() as i64).sum();
    let length =
        Length { field: "group_by", value: params.text("group_by").unwrap_or_default(), remedy: OF_PLACES };
    let exact = async { Ok(groups) };
    let fits = query.shape.fit(bounds.max_json_rows, length, groups, exact).await?;
    let mut rows = Vec::new();
    for town in &mut towns {
        let counting =
            Counting { query: &town.query, filter: &query.filter, period: town.period, min_stay_s };
        counting.leave_out_few(&mut town.parts, pool).await?;
        let sums = counting.sums(&town.parts, &registry, pool).await?;
        let groups = Arc::new(std::mem::take(&mut town.parts.groups));
        let complete_until = town.complete_until;
        let complete = town.query.period.until <= complete_until;
        rows.extend(sums.into_iter().enumerate().map(|(index, mut sums)| {
            let figures = Stays {
                figures: sums.stays.figures(),
                turnover: turnover(sums.stays.arrivals, sums.observed_us),
                observed_s: sums.observed_us as f64 / domain::time::MICROS_PER_S as f64,
                censored: sums.stays.censored,
                shorter: sums.stays.shorter,
                overstays: sums.stays.overstays,
            };
            let (key, groups) = (BucketKey::All, groups.clone());
            Ok(Row { key, groups, index, figures, complete, complete_until })
        }));
    }
    let extra = beside(&registry, &towns);
    let file_stem = query.file_stem("stays");
    Table { columns: columns(), file_stem, extra, cache: query.cache, zone: Row::zone }
        .answer(permit, fits, stream::iter(rows))
        .await
}

/// The parameters of counting in one municipality.
struct Counting<'a> {
    query: &'a TownQuery,
    filter: &'a Filter,
    /// The part of the requested period that is over.
    period: Span,
    min_stay_s: f64,
}

impl Counting<'_> {
    /// Removes from `parts` the times in which few bays of a crowd were observed.
    async fn leave_out_few(&self, parts: &mut Parts, pool: &Pool) -> Result<(), Problem> {
        let bays = parts.crowds_bays();
        let mut from = self.period.from;
        while from < self.period.until && !bays.is_empty() {
            let until =
                UtcMicros((from.0.div_euclid(HOUR_US) + HOURS_AT_ONCE) * HOUR_US).min(self.period.until);
            let timelines = bays
                .iter()
                .filter_map(|bay| Some((*bay, parts.bays.get(&(self.query.id, *bay, true))?, true)));
            let mut sums = Delta::default();
            let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
            add_bays(
                &mut conn,
                self.query.id,
                &timelines.collect::<Vec<_>>(),
                Span { from, until },
                &mut sums,
            )
            .await?;
            drop(conn);
            parts.note_few(sums);
            from = until;
        }
        parts.cut_few(parts.groups.len());
        Ok(())
    }

    /// The stays of the groups of `parts`.
    async fn sums(&self, parts: &Parts, registry: &Registry, pool: &Pool) -> Result<Vec<Sums>, Problem> {
        let mut sums: Vec<Sums> = parts.groups.iter().map(|_| Sums::default()).collect();
        let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
        let limited = store::analysis::limited_bays(&mut conn, self.query.id).await?;
        drop(conn);
        let locality = registry.locality(self.query.id);
        let bays: Vec<(BayId, &Timeline)> =
            parts.bays.iter().map(|((_, bay, _), timeline)| (*bay, timeline)).collect();
        for bays in bays.chunks(BAYS_AT_ONCE) {
            let ids: Vec<BayId> = bays.iter().map(|(bay, _)| *bay).collect();
            let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
            let intervals =
                store::analysis::bay_intervals(&mut conn, self.query.id, &ids, self.period).await?;
            let intervals: BTreeMap<_, _> = intervals.into_iter().collect();
            drop(conn);
            for (bay, timeline) in bays {
                let Some(intervals) = intervals.get(bay) else { continue };
                let versions = limited.get(bay).map_or(&[][..], Vec::as_slice);
                let limits: Vec<Limit> = Limit::of(versions, locality).collect();
                self.add_bay(&mut sums, intervals, timeline, &limits);
            }
        }
        Ok(sums)
    }

    /// Adds one bay's stays to the groups in which it counted when they began.
    fn add_bay(&self, sums: &mut [Sums], intervals: &[BayInterval], timeline: &Timeline, limits: &[Limit]) {
        let period = self.period;
        for piece in &timeline.pieces {
            let counted = piece.span.within(period);
            let observed = intervals.iter().filter(|interval| interval.state != BayState::Unknown);
            let observed_us: i64 = observed
                .map(|interval| Span { from: interval.from, until: interval.until }.within(counted).len_us())
                .sum();
            for group in &piece.scopes {
                sums[group.0 as usize].observed_us += observed_us;
            }
        }
        for stay in stays_of(intervals).filter(|stay| stay.from < period.until && stay.until > period.from) {
            let at = stay.from.max(period.from);
            if !self.query.time.passes_at(at, self.filter) {
                continue;
            }
            for piece in timeline.pieces.iter().filter(|piece| piece.span.contains(at)) {
                // It lasted into a time in which the bay did not count.
                let is_whole = stay.until <= piece.span.until && stay.from >= piece.span.from;
                let stay = Stay { departed: stay.departed && is_whole, ..stay };
                for group in &piece.scopes {
                    let sums = &mut sums[group.0 as usize].stays;
                    sums.add(stay, period, self.min_stay_s, |stay| {
                        limits.iter().any(|limit| limit.is_exceeded(stay))
                    });
                }
            }
        }
    }
}

/// A limit of stays, and when it holds.
struct Limit {
    span: Span,
    max_s: f64,
    /// Outside of these one may stay longer; `None`: it holds always.
    hours: Option<Hours>,
}

impl Limit {
    /// The limits of a bay, by what it was over time.
    fn of<'a>(versions: &'a [(Span, Bay)], locality: &'a Locality) -> impl Iterator<Item = Limit> + 'a {
        versions.iter().flat_map(move |(span, def)| {
            let limit = |minutes: u32, hours| Limit { span: *span, max_s: f64::from(minutes) * 60.0, hours };
            let own = def.max_stay_min.map(|minutes| limit(minutes, None));
            let others = def.restrictions.iter().filter_map(move |r| {
                let hours = r.hours.as_deref().map(|text| Hours::parse(text, locality));
                Some(limit(r.max_stay_min?, hours.transpose().ok()?))
            });
            own.into_iter().chain(others)
        })
    }

    /// Whether a stay that began while it held was longer than allowed within its hours.
    fn is_exceeded(&self, stay: &Stay) -> bool {
        self.span.contains(stay.from)
            && match &self.hours {
                None => stay.duration_s() > self.max_s,
                Some(hours) => longest_within_s(hours, stay) > self.max_s,
            }
    }
}

/// The longest part of a stay that lay within `hours`, seconds.
fn longest_within_s(hours: &Hours, stay: &Stay) -> f64 {
    let (mut at, mut longest) = (stay.from, 0.0f64);
    while at < stay.until {
        let opening = hours.at(at);
        let until = opening.until.filter(|until| *until > at).map_or(stay.until, |u| u.min(stay.until));
        if opening.is_open == Some(true) {
            longest = longest.max(until.seconds_since(at));
        }
        at = until;
    }
    longest
}

#[cfg(test)]
mod tests {
    use domain::locality::Locality;

    use super::*;

    #[test]
    fn the_documents_name_what_is_answered() {
        crate::http::table::documented::<StaysRow, _>(&columns());
    }

    #[test]
    fn a_limit_holds_within_its_hours() {
        let hours = Hours::parse("Mo-Fr 08:00-18:00", &Locality::new("Europe/Berlin", "05", [])).unwrap();
        let at = |text: &str| UtcMicros::parse(text).unwrap();
        let stay = |from: &str, until: &str| Stay {
            from: at(from),
            until: at(until),
            arrived: true,
            departed: true,
        };
        // From 17:00 to 9:00 the next day: an hour each.
        assert_eq!(longest_within_s(&hours, &stay("2026-06-01T15:00:00Z", "2026-06-02T07:00:00Z")), 3_600.0);
        let limit = Limit {
            span: Span::of(Some(at("2026-06-01T06:00:00Z")), None),
            max_s: 5_400.0,
            hours: Some(hours),
        };
        assert!(!limit.is_exceeded(&stay("2026-06-01T15:00:00Z", "2026-06-02T07:00:00Z")));
        assert!(limit.is_exceeded(&stay("2026-06-01T07:00:00Z", "2026-06-01T08:31:00Z")));
        assert!(
            !limit.is_exceeded(&stay("2026-05-29T07:00:00Z", "2026-05-29T08:31:00Z")),
            "it did not hold yet"
        );
    }
}
