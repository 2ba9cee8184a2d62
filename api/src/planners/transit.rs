//! What punctuality and ridership have in common.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use domain::day_kind::TownDays;
use domain::intervals::Span;
use domain::occupancy::Bucket;
use domain::{FeedId, Registry};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use journey::area::Area;
use parking_lot::Mutex;
use serde_json::Map;
use store::transit_history::{self, Group, Window};

use crate::http::auth::Asker;
use crate::http::params::{Params, RawQuery};
use crate::http::permits::Holder;
use crate::http::problem::Problem;
use crate::http::table::bound::{Fits, Length, OF_LINES, counted};
use crate::http::table::{Bounds, Column, Extra, Shape, Table, TableFormat};
use crate::http::wire::Sources;
use crate::hub::View;
use crate::journeys::Journeys;
use crate::planners::parameters;
use crate::planners::period;
use crate::planners::planning::{SeenBy, Viewer};

/// A request as it came.
pub struct TransitRequest {
    pub view: View,
    pub asker: Asker,
    pub query: RawQuery,
    pub journeys: Arc<Journeys>,
}

/// Rows, as they are read.
pub type RowStream<R> = BoxStream<'static, Result<R, Problem>>;

/// What all rows of one municipality have in common.
pub struct Heading {
    pub town: Town,
    pub names: Names,
}

/// Figures of one group.
pub struct Row<F> {
    pub heading: Arc<Heading>,
    pub group: Group,
    pub figures: F,
}

impl<F> Row<F> {
    /// The town's clock.
    fn zone(&self) -> &TimeZone {
        &self.heading.town.zone
    }
}

/// All columns: of which group a row is, its figures, and names; what `explains` the figures stands before the last name.
pub fn columns<F>(
    figures: impl IntoIterator<Item = Column<Row<F>>>,
    explains: Option<Column<Row<F>>>,
) -> Vec<Column<Row<F>>> {
    let group = [
        Column::text("municipality", |r: &Row<F>| Some(&r.heading.town.slug)),
        Column::text("route_id", |r| r.group.route.as_deref()),
        Column::text("stop_id", |r| r.group.stop.as_deref()),
        Column::time("bucket", |r| r.group.bucket),
        Column::weekday("weekday", |r| r.group.weekday.map(i64::from)),
        Column::integer("hour", |r| r.group.hour.map(i64::from)),
    ];
    let town_name = Column::text("municipality_name", |r: &Row<F>| Some(&r.heading.town.name));
    let route_name = Column::text("route_name", |r: &Row<F>| r.heading.names.route(&r.group));
    let stop_name = Column::text("stop_name", |r: &Row<F>| r.heading.names.stop(&r.group));
    let names = [Column::beside("municipality", town_name), Column::beside("route_id", route_name)];
    let last = explains.into_iter().chain([Column::beside("stop_id", stop_name)]);
    group.into_iter().chain(figures).chain(names).chain(last).collect()
}

/// Figures about buses and trains.
pub struct Figures<F: 'static> {
    /// Name in files.
    pub name: &'static str,
    pub columns: Vec<Column<Row<F>>>,
    /// The rows of one municipality.
    pub rows: fn(&store::Pool, Arc<Heading>, Credits) -> RowStream<Row<F>>,
}

impl<F: Send + Sync + 'static> Figures<F> {
    /// Answers a request, if its caller may see anything at all.
    ///
    /// # Errors
    /// 401, 403: no planner's key for it, and it is not public. 400: a parameter, or too many rows. 503: the database
    /// does not answer, or other requests take too long.
    pub async fn answer(self, bounds: &Bounds, request: &TransitRequest) -> Result<Response, Problem> {
        let asked = TransitQuery::of(request, self.name).await?;
        let pool = request.asker.pool()?;
        let permit = bounds.permits.take(asked.holder).await?;
        let rows = |credits: Credits| {
            let (pool, names, towns) = (pool.clone(), asked.names.clone(), asked.towns.clone());
            let rows = self.rows;
            let of_town =
                move |town| rows(&pool, Arc::new(Heading { town, names: names.clone() }), credits.clone());
            stream::iter(towns).flat_map(of_town).boxed()
        };
        let fits = asked.fit(pool, bounds.max_json_rows, || rows(Credits::default())).await?;
        let credits = Credits::default();
        let rows = rows(credits.clone());
        let table = Table {
            columns: self.columns,
            file_stem: asked.file_stem,
            extra: credits.extra(asked.registry),
            cache: asked.cache,
            zone: Row::zone,
        };
        table.answer(permit, fits, rows).await
    }
}

/// A parsed request, by municipality: each has its own midnights.
struct TransitQuery {
    towns: Vec<Town>,
    shape: Shape,
    /// `Cache-Control` of the answer.
    cache: &'static str,
    /// Whose permits it takes.
    holder: Option<Holder>,
    /// Name of the file with the answer.
    file_stem: String,
    registry: Arc<Registry>,
    names: Names,
}

/// The part of a request for one municipality.
#[derive(Clone)]
pub struct Town {
    pub slug: Arc<str>,
    pub name: Arc<str>,
    pub zone: TimeZone,
    pub seen_by: SeenBy,
    pub window: Window,
}

impl TransitQuery {
    /// Parses a request about `what`, if its caller may see anything at all.
    ///
    /// # Errors
    /// 401, 403: no planner's key for it, and it is not public. 400: a parameter.
    async fn of(request: &TransitRequest, what: &str) -> Result<Self, Problem> {
        let TransitRequest { view, asker, query, journeys } = request;
        let registry = view.registry();
        let viewer = Viewer::of(asker, &registry).await?;
        let params = query.params(&[parameters::Lines::NAMES, parameters::Figures::NAMES])?;
        let asked = match params.municipality(&registry)? {
            Some(id) => vec![(id, viewer.of_municipality(id)?)],
            None => viewer.sees.clone(),
        };
        let group_by = group_by(params.text("group_by"))?;
        let mut towns = Vec::with_capacity(asked.len());
        for (id, seen_by) in asked {
            let Some(town) = registry.municipality(id) else { continue };
            let tz = TimeZone::get(&town.tz).unwrap_or(TimeZone::UTC);
            let period = period::period(&params, &tz)?;
            let days = match period::days(&params)? {
                None => None,
                Some(kinds) => {
                    let mut conn = asker.pool()?.acquire().await.map_err(store::StoreError::from)?;
                    let calendar = store::places::calendar(&mut conn, Some(id)).await?;
                    Some(period::dates(period, &tz, &TownDays::new(&town.ags, &calendar), &kinds))
                }
            };
            let window = Window {
                municipality: id,
                tz: town.tz.clone(),
                from: period.from,
                until: period.until,
                bucket: bucket(&params)?,
                route: params.text("route").map(Into::into),
                stop: params.text("stop").map(Into::into),
                by_route: group_by.contains(&GroupBy::Route),
                by_stop: group_by.contains(&GroupBy::Stop),
                days,
                minutes: period::hours(&params)?,
            };
            let (slug, name) = (town.slug.as_str().into(), town.name.as_str().into());
            towns.push(Town { slug, name, zone: tz, seen_by, window });
        }
        towns.sort_by(|a, b| a.slug.cmp(&b.slug));
        let named =
            ["municipality", "route", "stop", "from", "to"].into_iter().filter_map(|name| params.text(name));
        let file_stem = std::iter::once(what).chain(named).collect::<Vec<_>>().join("_");
        Ok(TransitQuery {
            towns,
            shape: Shape::of(&params, &asker.headers)?,
            cache: viewer.cache(),
            holder: viewer.holder,
            file_stem,
            registry,
            names: Names::of(journeys.timetable()),
        })
    }

    /// The shape in which its rows fit. Where neither the buckets nor what is stored say so, `rows` are counted: that
    /// takes as long as answering, so only long answers in JSON are.
    ///
    /// # Errors
    /// 400: they are too many. 503: the database does not answer.
    async fn fit<R>(
        &self,
        pool: &store::Pool,
        most: i64,
        rows: impl FnOnce() -> RowStream<R>,
    ) -> Result<Fits, Problem> {
        let mut upper = 0i64;
        for Town { window, .. } in &self.towns {
            let is_divided =
                (window.by_route && window.route.is_none()) || (window.by_stop && window.stop.is_none());
            upper += match is_divided && self.shape.format == TableFormat::Json {
                true => transit_history::events_at_most(pool, window, most).await?,
                false => {
                    let period = Span { from: window.from, until: window.until };
                    window.bucket.at_most(period)
                }
            };
        }
        let bucket = self.towns.first().map_or(Bucket::All, |town| town.window.bucket);
        let length = Length { field: "bucket", value: bucket.as_str(), remedy: OF_LINES };
        let exact = async { counted(rows(), most).await };
        self.shape.fit(most, length, upper, exact).await
    }
}

domain::wire_enum! {
    /// What rows are divided by.
    GroupBy { Route = "route", Stop = "stop", Municipality = "municipality" }
}

fn bucket(params: &Params<'_>) -> Result<Bucket, Problem> {
    const CHOICES: &str = "1h, 1d, 1w, 1mo, hour_of_week, all";
    match params.one("bucket", CHOICES)? {
        Some(Bucket::Quarter) => Err(Problem::no_such("bucket", Bucket::Quarter.as_str(), CHOICES)),
        bucket => Ok(bucket.unwrap_or(Bucket::All)),
    }
}

fn group_by(text: Option<&str>) -> Result<Vec<GroupBy>, Problem> {
    let one = |word: &str| {
        word.parse().map_err(|_| {
            Problem::bad_parameter("group_by", word, format!("'group_by' has no value '{word}'."))
                .remedy(format!("One or more of {}, separated by commas; default route.", GroupBy::choices()))
        })
    };
    text.unwrap_or("route").split(',').map(str::trim).map(one).collect()
}

/// Aggregates consecutive rows.
pub trait Gather: Send {
    type In: Send;
    type Out: Send + 'static;

    /// Takes a row; emits what is complete by then.
    fn take(&mut self, row: Self::In, out: &mut VecDeque<Self::Out>);

    /// Emits the rest.
    fn end(&mut self, out: &mut VecDeque<Self::Out>);
}

/// What `gather` makes of `rows`.
pub fn gathered<G, E, S>(rows: S, gather: G) -> RowStream<G::Out>
where
    G: Gather + 'static,
    S: Stream<Item = Result<G::In, E>> + Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    struct State<G: Gather, S> {
        /// `None`: all are read.
        rows: Option<Pin<Box<S>>>,
        gather: G,
        ready: VecDeque<G::Out>,
    }
    let state = State { rows: Some(Box::pin(rows)), gather, ready: VecDeque::new() };
    let next = |mut state: State<G, S>| async move {
        loop {
            if let Some(row) = state.ready.pop_front() {
                return Ok(Some((row, state)));
            }
            let Some(rows) = &mut state.rows else { return Ok(None) };
            match rows.try_next().await.map_err(Into::into)? {
                Some(row) => state.gather.take(row, &mut state.ready),
                None => {
                    state.rows = None;
                    state.gather.end(&mut state.ready);
                }
            }
        }
    };
    stream::try_unfold(state, next).boxed()
}

/// Names of lines and stops in the loaded timetable; figures do not depend on them.
#[derive(Clone, Default)]
pub struct Names {
    routes: Arc<HashMap<String, String>>,
    area: Option<Arc<Area>>,
}

impl Names {
    fn of(area: Option<Arc<Area>>) -> Self {
        let routes = area.iter().flat_map(|area| &area.timetable.routes).filter_map(|route| {
            let name = [&route.short_name, &route.long_name].into_iter().find(|name| !name.is_empty())?;
            Some((route.id.clone(), name.clone()))
        });
        Names { routes: Arc::new(routes.collect()), area }
    }

    /// The name of a group's line; `None`: it has none.
    fn route(&self, group: &Group) -> Option<&str> {
        self.routes.get(group.route.as_ref()?).map(String::as_str)
    }

    /// The name of a group's stop; `None`: it has none.
    fn stop(&self, group: &Group) -> Option<&str> {
        let timetable = &self.area.as_ref()?.timetable;
        let name = timetable.stops.names.get(timetable.stop(group.stop.as_ref()?)?);
        Some(name).filter(|name| !name.is_empty())
    }
}

/// The feeds behind an answer, collected while its rows are read.
#[derive(Clone, Default)]
pub struct Credits(Arc<Mutex<Sources>>);

impl Credits {
    /// Adds a feed.
    pub fn note(&self, feed: FeedId) {
        self.0.lock().note(Some(feed));
    }

    /// `attribution`, for the end of the answer.
    pub fn extra(self, registry: Arc<Registry>) -> Extra {
        Box::new(move || {
            let sources = serde_json::to_value(self.0.lock().of(&registry)).unwrap_or_default();
            Map::from_iter([("attribution".to_owned(), sources)])
        })
    }
}
