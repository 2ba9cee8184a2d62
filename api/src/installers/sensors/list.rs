//! `GET /v1/sensors`: by id, or those that were heard last first.

use std::cmp::Reverse;

use axum::response::Response;
use domain::health::Health;
use domain::{FeedFormat, MunicipalityId, UtcMicros};
use store::inspect::{self, DeviceFilter, DeviceOrder, NativeFilter, NativeOrder, NativePlace};

use super::bound::{place_target, stale_after_s};
use super::facts::facts;
use super::out::{self, SensorOut};
use super::scope;
use super::search::Found;
use crate::contract::parameters::{self, parameters};
use crate::contract::values::{self, all, choice, values};
use crate::http::answer;
use crate::http::auth::Asker;
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, Params, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// Devices read at once where what is wanted is known only once they are judged.
const READ_AT_ONCE: usize = 1_000;

/// Stands between the parts of a cursor.
const BETWEEN: char = '\u{1f}';

domain::wire_enum! {
    /// The order of devices.
    Sort { Id = "id", Heard = "heard" }
}

values! {
    /// Orders of devices.
    SensorSort = choice(all!(Sort), Some("id"));
}

parameters! {
    /// Which devices.
    Sensors {
        /// Only devices that are so, separated by commas.
        health: Option<values::Healths>,
        /// Only those with this in their id, or in the id or name of what they are bound to or of its site; of a DevEUI its
        /// last digits.
        q: Option<values::Id>,
        /// Only those that the gateway with this id hears.
        gateway: Option<values::Id>,
        /// Only those that were heard within so many seconds before now.
        heard_within_s: Option<values::Seconds>,
        /// `heard`: those that were heard last first, then those that never were; else in the order of their ids.
        sort: Option<SensorSort>,
    }
}

/// Where a device or place stands in the list. A device has no kind: it comes before a place of the same id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    /// By id and kind.
    Named(String, String),
    /// By when it was heard, id and kind.
    Heard(Reverse<(UtcMicros, String, String)>),
    /// After those that were heard, by id.
    NeverHeard(String),
}

impl Position {
    fn of_cursor(cursor: &str, sort: Sort) -> Option<Self> {
        if sort == Sort::Id {
            let (id, kind) = cursor.split_once(BETWEEN).unwrap_or((cursor, ""));
            return Some(Position::Named(id.to_owned(), kind.to_owned()));
        }
        let (at, rest) = cursor.split_once(BETWEEN)?;
        if at.is_empty() {
            return Some(Position::NeverHeard(rest.to_owned()));
        }
        let (id, kind) = rest.split_once(BETWEEN)?;
        Some(Position::Heard(Reverse((UtcMicros(at.parse().ok()?), id.to_owned(), kind.to_owned()))))
    }

    fn cursor(&self) -> String {
        cursor_after(&match self {
            Position::Named(id, kind) if kind.is_empty() => id.clone(),
            Position::Named(id, kind) => format!("{id}{BETWEEN}{kind}"),
            Position::Heard(Reverse((at, id, kind))) => format!("{}{BETWEEN}{id}{BETWEEN}{kind}", at.0),
            Position::NeverHeard(id) => format!("{BETWEEN}{id}"),
        })
    }
}

/// Devices, and places that a native feed names itself without a sensor in the files: those in the files, and those that sent and
/// are not (`health=new`, as are those that wait for a place and were never heard). In the order of their ids, or those that were heard last first.
#[utoipa::path(
    get,
    path = "/v1/sensors",
    tag = "installers",
    security(("key" = [])),
    params(Sensors, parameters::Paging),
    responses((status = 200, body = List<SensorOut>)),
)]
pub async fn sensors(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let scope = scope(&view, &asker).await?;
    let params = query.params(&[Sensors::NAMES, parameters::Paging::NAMES])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let sort = params.one("sort", &Sort::choices())?.unwrap_or(Sort::Id);
    let cursor = params.cursor_of_devices()?;
    let start = || Problem::bad_cursor("cursor", cursor.as_deref().unwrap_or_default());
    let after = cursor.as_deref().map(|c| Position::of_cursor(c, sort).ok_or_else(start)).transpose()?;
    let list = Lister::new(&view, &asker, scope, &params, sort)?;
    let mut after = after;
    let mut items: Vec<(Position, SensorOut)> = Vec::new();
    loop {
        let page = list.page(after.as_ref(), limit + 1).await?;
        items.extend(page.items.into_iter().filter(|(_, item)| list.wants(item)));
        after = page.next;
        if after.is_none() || items.len() > limit {
            break;
        }
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    let cursor = items.last().filter(|_| has_more).map(|(position, _)| position.cursor());
    Ok(answer::private(&List { items: items.into_iter().map(|(_, item)| item).collect(), cursor }))
}

/// What is asked for, and of whom.
struct Lister<'r> {
    view: &'r View,
    asker: &'r Asker,
    scope: Vec<MunicipalityId>,
    sort: Sort,
    health: Option<Vec<Health>>,
    found: Option<Found>,
    gateway: Option<String>,
    heard_since: Option<UtcMicros>,
    /// See [`DeviceFilter::suspects_before`].
    suspects_before: Option<UtcMicros>,
    /// A feed of these municipalities names its places itself.
    has_natives: bool,
}

/// Part of the list.
struct Page {
    items: Vec<(Position, SensorOut)>,
    /// Where the list goes on; `None`: it has ended.
    next: Option<Position>,
}

impl<'r> Lister<'r> {
    fn new(
        view: &'r View,
        asker: &'r Asker,
        scope: Vec<MunicipalityId>,
        params: &Params<'_>,
        sort: Sort,
    ) -> Result<Self, Problem> {
        let seconds = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0);
        let remedy = "Give seconds, e.g. 600 for the last ten minutes.";
        let within = params.read("heard_within_s", seconds, "a whole number from 1 on", remedy)?;
        let registry = view.registry();
        let is_of_scope = |town: &MunicipalityId| scope.contains(town);
        let health: Option<Vec<Health>> = params.list("health", &Health::choices())?;
        // Whoever is well is among neither those with a finding nor those that have been quiet for long.
        let is_of_ill =
            health.as_ref().is_some_and(|h| !h.contains(&Health::Ok) && !h.contains(&Health::New));
        let shortest_s = || {
            let sensors = registry.sensors().filter(|s| is_of_scope(&s.municipality));
            sensors.map(|s| stale_after_s(&registry, s, view.now)).min().unwrap_or(0)
        };
        Ok(Lister {
            has_natives: registry
                .feeds()
                .any(|f| is_of_scope(&f.municipality) && f.def.format == FeedFormat::Native),
            suspects_before: is_of_ill.then(|| view.now.plus_s(-i64::from(shortest_s()))),
            found: params.text("q").map(|q| Found::new(&registry, &scope, q, view.now)),
            gateway: params.text("gateway").map(str::to_owned),
            heard_since: within.map(|s| view.now.plus_s(-i64::from(s))),
            health,
            view,
            asker,
            scope,
            sort,
        })
    }

    fn wants(&self, item: &SensorOut) -> bool {
        self.health.as_ref().is_none_or(|wanted| wanted.contains(&item.health))
            && self.heard_since.is_none_or(|since| item.last_heard.is_some_and(|at| at >= since))
    }

    fn filter(&self) -> DeviceFilter<'_> {
        let is_new = |h: &Health| *h == Health::New;
        let is_new =
            self.health.as_ref().and_then(|wanted| match wanted.iter().filter(|h| is_new(h)).count() {
                0 => Some(false),
                n if n == wanted.len() => Some(true),
                _ => None,
            });
        DeviceFilter {
            search: self.found.as_ref().map(Found::devices),
            gateway: self.gateway.as_deref(),
            // When a sensor of a native feed was heard stands elsewhere.
            heard_since: self.heard_since.filter(|_| !self.has_natives || self.sort == Sort::Heard),
            is_new,
            suspects_before: self.suspects_before,
            ..DeviceFilter::default()
        }
    }

    /// At least the next `wanted` of the list, before those are left out that are not [`Lister::wants`].
    async fn page(&self, after: Option<&Position>, wanted: usize) -> Result<Page, Problem> {
        // Who is new is known before anybody is judged.
        let is_exact = self.health.as_ref().is_none_or(|wanted| wanted == &[Health::New]);
        let limit = if is_exact { wanted } else { wanted.max(READ_AT_ONCE) };
        match (self.sort, after) {
            (_, Some(Position::NeverHeard(id))) => self.never_heard(id, limit).await,
            (Sort::Id, _) => self.by_id(after, limit).await,
            (Sort::Heard, _) => self.by_heard(after, limit).await,
        }
    }

    async fn by_id(&self, after: Option<&Position>, limit: usize) -> Result<Page, Problem> {
        let after = match after {
            Some(Position::Named(id, kind)) => Some((id.as_str(), kind.as_str())),
            _ => None,
        };
        let pool = self.asker.pool()?;
        let order = DeviceOrder::ById(after.map(|(id, _)| id));
        let devices = inspect::devices(pool, &self.scope, &self.filter(), order, limit).await?;
        let places = self.places(NativeOrder::ById(after), false, limit).await?;
        let named = |id: &str, kind: &str| Position::Named(id.to_owned(), kind.to_owned());
        let ends = [
            devices.get(limit - 1).map(|d| named(&d.key, "")),
            places.get(limit - 1).map(|p| named(&p.key, &p.kind)),
        ];
        let facts = facts(self.view, self.asker.pool()?, &self.scope, &devices, &places).await?;
        let of_devices = devices.into_iter().map(|d| (named(&d.key, ""), out::device(d, &facts, self.view)));
        let of_places =
            places.into_iter().map(|p| (named(&p.key, &p.kind), out::place(p, &facts, self.view)));
        Ok(merged(of_devices.chain(of_places).collect(), ends))
    }

    async fn by_heard(&self, after: Option<&Position>, limit: usize) -> Result<Page, Problem> {
        let after = match after {
            Some(Position::Heard(Reverse((at, id, kind)))) => Some((*at, id.as_str(), kind.as_str())),
            _ => None,
        };
        let pool = self.asker.pool()?;
        let order = DeviceOrder::ByHeard(after.map(|(at, id, _)| (at, id)));
        let devices = inspect::devices(pool, &self.scope, &self.filter(), order, limit).await?;
        let places = self.places(NativeOrder::ByHeard(after), true, limit).await?;
        let heard = |at: Option<UtcMicros>, id: &str, kind: &str| {
            Position::Heard(Reverse((at.unwrap_or(UtcMicros::EPOCH), id.to_owned(), kind.to_owned())))
        };
        let of_place = |p: &NativePlace| heard(p.last_heard(), &p.key, &p.kind);
        let ends = [
            devices.get(limit - 1).map(|d| heard(d.last_heard, &d.key, "")),
            places.get(limit - 1).map(of_place),
        ];
        let (of_sensors, places) = self.with_sensors(places).await?;
        let positions =
            devices.iter().map(|d| heard(d.last_heard, &d.key, "")).collect::<Vec<_>>().into_iter();
        let positions =
            positions.chain(of_sensors.iter().map(|(place, _)| of_place(place))).collect::<Vec<_>>();
        let devices: Vec<_> =
            devices.into_iter().chain(of_sensors.into_iter().map(|(_, device)| device)).collect();
        let facts = facts(self.view, self.asker.pool()?, &self.scope, &devices, &places).await?;
        let of_devices = devices.into_iter().map(|d| out::device(d, &facts, self.view));
        let of_places = places.into_iter().map(|p| (of_place(&p), out::place(p, &facts, self.view)));
        let mut page = merged(positions.into_iter().zip(of_devices).chain(of_places).collect(), ends);
        if page.next.is_none() && self.heard_since.is_none() {
            page.next = Some(Position::NeverHeard(String::new()));
        }
        Ok(page)
    }

    async fn never_heard(&self, after: &str, limit: usize) -> Result<Page, Problem> {
        let order = DeviceOrder::NeverHeard(Some(after));
        let devices = inspect::devices(self.asker.pool()?, &self.scope, &self.filter(), order, limit).await?;
        let next = devices.get(limit - 1).map(|d| Position::NeverHeard(d.key.clone()));
        let facts = facts(self.view, self.asker.pool()?, &self.scope, &devices, &[]).await?;
        let items = devices.into_iter().map(|d| {
            let position = Position::NeverHeard(d.key.clone());
            (position, out::device(d, &facts, self.view))
        });
        // Sensors of native feeds stand where their places were heard.
        let items = items.filter(|(_, item)| item.last_heard.is_none()).collect();
        Ok(Page { items, next })
    }

    async fn places(
        &self,
        order: NativeOrder<'_>,
        with_sensor: bool,
        limit: usize,
    ) -> Result<Vec<NativePlace>, Problem> {
        if !self.has_natives || self.gateway.is_some() {
            return Ok(Vec::new());
        }
        let filter = NativeFilter {
            only: None,
            with_sensor,
            search: self.found.as_ref().map(Found::places),
            heard_since: self.heard_since,
        };
        Ok(inspect::native_places(self.asker.pool()?, &self.scope, &filter, order, limit).await?)
    }

    /// Sensors that watch some of the places, with the place, and the places that have none.
    async fn with_sensors(
        &self,
        places: Vec<NativePlace>,
    ) -> Result<(Vec<(NativePlace, inspect::Device)>, Vec<NativePlace>), Problem> {
        let registry = self.view.registry();
        let key = |p: &NativePlace| {
            let target = place_target(&registry, &p.kind, &p.key)?;
            registry.sensor_at(p.feed, target, self.view.now).map(|sensor| sensor.key.clone())
        };
        let keyed: Vec<(Option<String>, NativePlace)> = places.into_iter().map(|p| (key(&p), p)).collect();
        let keys: Vec<String> = keyed.iter().filter_map(|(key, _)| key.clone()).collect();
        let mut devices = Vec::new();
        if !keys.is_empty() {
            let filter = DeviceFilter { only: Some(&keys), ..DeviceFilter::default() };
            let order = DeviceOrder::ById(None);
            devices = inspect::devices(self.asker.pool()?, &self.scope, &filter, order, keys.len()).await?;
        }
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (key, place) in keyed {
            match key.and_then(|key| devices.iter().find(|d| d.key == key).cloned()) {
                Some(device) => with.push((place, device)),
                None => without.push(place),
            }
        }
        Ok((with, without))
    }
}

/// Both lists in one, up to where each was read.
fn merged(mut items: Vec<(Position, SensorOut)>, ends: [Option<Position>; 2]) -> Page {
    let next = ends.into_iter().flatten().min();
    items.retain(|(position, _)| next.as_ref().is_none_or(|next| position <= next));
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    Page { items, next }
}
