//! Binds one device, from now or from a past time on, as an installer states it.

use domain::intervals::{HOUR_US, Span};
use domain::rebinding::{BindingRefusal, bind_from, differs_from, ended};
use domain::registry::Entry;
use domain::sensor::SensorRow;
use domain::{Decoder, Direction, Feed, FeedId, MunicipalityId, Registry, UtcMicros};
use sqlx::PgConnection;

use super::{audited, import, read};
use crate::audit::{self, Actor};
use crate::rebindings::{self, NewRebinding};
use crate::{Pool, Result, Ts};

/// Clocks of telephones are ahead by so much: what begins then begins now. Seconds.
const CLOCKS_DIFFER_S: i64 = 5;

/// What a device is to be bound to, and how it is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindingRequest {
    /// DevEUI, or the supplier's id.
    pub device: String,
    /// The municipalities of whoever asks.
    pub towns: Vec<MunicipalityId>,
    /// Id of the bay. At most one of these three; none: it is bound to nothing.
    pub bay: Option<String>,
    /// Id of the site.
    pub site: Option<String>,
    /// Id of the vehicle.
    pub vehicle: Option<String>,
    /// Of a lane sensor at a site.
    pub direction: Option<Direction>,
    /// Since when; `None`: since it was bound to this place, else from now on.
    pub from: Option<UtcMicros>,
    /// `None`: as before.
    pub decoder: Option<Decoder>,
    /// The longest silence that it promises, seconds; `None`: its feed's.
    pub heartbeat_s: Option<u32>,
    /// How long a state holds, seconds; `None`: by the heartbeat.
    pub stale_after_s: Option<u32>,
    /// Nearer is a car, millimetres; `None`: it measures no distance.
    pub threshold_mm: Option<u32>,
}

/// What a binding changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindingChange {
    /// Bindings that end, with their new ends: of the device, and of others at the bay.
    pub ends: Vec<SensorRow>,
    /// Kept messages that are decoded again.
    pub decoded_again: i64,
    /// The hours whose figures may change; `None`: none.
    pub hours_changed: Option<Span>,
    /// The generation of places in which it holds; `None`: nothing was changed.
    pub generation: Option<i64>,
    /// What decodes them; `None`: nothing is to be decoded again, or it was a trial.
    pub job: Option<i64>,
}

/// Binds a device, unless it `is_trial`; all that is checked and changed is one transaction, one after the other with
/// other changes of places.
///
/// # Errors
/// The database is not available.
pub async fn bind(
    pool: &Pool,
    request: &BindingRequest,
    actor: &Actor,
    now: UtcMicros,
    is_trial: bool,
) -> Result<std::result::Result<BindingChange, BindingRefusal>> {
    let mut tx = import::begin(pool).await?;
    let registry = super::registry(&mut tx).await?;
    let feed = match feed_of(&mut tx, request, &registry).await? {
        Ok(feed) => feed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let plan = match Plan::make(&mut tx, request, feed, &registry, now).await? {
        Ok(plan) => plan,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if plan.before == plan.after {
        return Ok(Ok(BindingChange::default()));
    }
    let again = match plan.again(&mut tx, request, &registry, now).await? {
        Ok(again) => again,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let since = again.iter().map(|device| device.from).min().filter(|from| *from < now);
    let hour = |at: UtcMicros| at.0.div_euclid(HOUR_US);
    let mut change = BindingChange {
        ends: plan.ends(),
        decoded_again: again.iter().map(|device| device.total).sum(),
        hours_changed: since.map(|from| Span {
            from: UtcMicros(hour(from).saturating_mul(HOUR_US)),
            until: UtcMicros((hour(now) + 1).saturating_mul(HOUR_US)),
        }),
        ..BindingChange::default()
    };
    if is_trial {
        return Ok(Ok(change));
    }
    import::write_sensors(&mut tx, &plan.after).await?;
    let ids: Vec<&str> = plan.after.iter().map(|row| row.id.as_str()).collect();
    sqlx::query("UPDATE sensor SET commissioned_at = $2 WHERE key = ANY($1)")
        .bind(ids)
        .bind(Ts(now))
        .execute(&mut *tx)
        .await?;
    audit::append(&mut tx, actor, &audited::bindings(&plan.before, &plan.after, &registry)).await?;
    let generation = import::publish(&mut tx).await?;
    change.generation = Some(generation);
    if !again.is_empty() {
        rebindings::ask(&mut tx, generation, &again).await?;
        change.job = Some(generation);
    }
    tx.commit().await?;
    Ok(Ok(change))
}

/// The feed that a device belongs to, or was heard by.
async fn feed_of<'r>(
    conn: &mut PgConnection,
    request: &BindingRequest,
    registry: &'r Registry,
) -> Result<std::result::Result<&'r Entry<FeedId, Feed>, BindingRefusal>> {
    let known = registry.sensor_by_key(&request.device);
    if let Some(feed) = known.filter(|s| request.towns.contains(&s.municipality)).map(|s| s.feed) {
        return Ok(registry.feed(feed).ok_or(BindingRefusal::NotHeard));
    }
    let heard: Option<i32> = sqlx::query_scalar(
        "SELECT feed FROM device_state WHERE device = $1 AND municipality = ANY($2) ORDER BY last_heard DESC LIMIT 1",
    )
    .bind(&request.device)
    .bind(request.towns.iter().map(|town| town.0).collect::<Vec<_>>())
    .fetch_optional(conn)
    .await?;
    let feed = heard.and_then(|feed| registry.feed(FeedId(feed))).ok_or(BindingRefusal::NotHeard);
    Ok(feed.and_then(|feed| if known.is_some() { Err(BindingRefusal::OfAnotherTown) } else { Ok(feed) }))
}

/// The rows of the device and of those that it replaces, as they are and are to be.
struct Plan {
    before: Vec<SensorRow>,
    after: Vec<SensorRow>,
}

impl Plan {
    async fn make(
        conn: &mut PgConnection,
        request: &BindingRequest,
        feed: &Entry<FeedId, Feed>,
        registry: &Registry,
        now: UtcMicros,
    ) -> Result<std::result::Result<Self, BindingRefusal>> {
        let own = read::sensor_rows(conn, Some(std::slice::from_ref(&request.device))).await?;
        let decoder = request.decoder.or_else(|| own.iter().find_map(|row| row.decoder));
        let mut new = SensorRow {
            id: request.device.clone(),
            feed: feed.def.id.clone(),
            decoder,
            bay: request.bay.clone(),
            site: request.site.clone(),
            vehicle: request.vehicle.clone(),
            direction: request.direction,
            bound_from: request.from.map(|from| from.min(now)),
            bound_until: None,
            heartbeat_s: request.heartbeat_s,
            stale_after_s: request.stale_after_s,
            threshold_mm: request.threshold_mm,
        };
        let is_so = |row: &&SensorRow| {
            row.bound_until.is_none() && row.target() == new.target() && row.direction == new.direction
        };
        if request.from.is_none() {
            new.bound_from = own.iter().rev().find(is_so).map_or(Some(now), |row| row.bound_from);
        }
        if let Err(refusal) = check(conn, request, &new, feed, registry, now).await? {
            return Ok(Err(refusal));
        }
        let others = others_at(conn, &new).await?;
        let others = read::sensor_rows(conn, Some(&others)).await?;
        let from = new.bound_from.unwrap_or(Span::EVER.from);
        let mut after = bind_from(&own, &new);
        for rows in others.chunk_by(|a, b| a.id == b.id) {
            let (here, elsewhere): (Vec<SensorRow>, Vec<SensorRow>) =
                rows.iter().cloned().partition(|row| row.bay == new.bay);
            let mut rows = [ended(&here, from), elsewhere].concat();
            rows.sort_by_key(|row| row.bound_from);
            if rows.is_empty() {
                // It stays a sensor, which waits for a place.
                rows.extend(here.first().map(|row| SensorRow { bay: None, ..row.clone() }));
            }
            after.extend(rows);
        }
        Ok(Ok(Plan { before: [own, others].concat(), after }))
    }

    /// Bindings that held longer before, with their new ends.
    fn ends(&self) -> Vec<SensorRow> {
        let span = |row: &SensorRow| Span::of(row.bound_from, row.bound_until);
        let bound = self.before.iter().filter(|row| row.target().is_some());
        let ended = bound.filter_map(|row| {
            let same = || self.after.iter().filter(|new| new.id == row.id && new.target() == row.target());
            let Span { from, until } = span(row);
            if same().any(|new| span(new).from <= from && span(new).until >= until) {
                return None;
            }
            let end = same().map(span).filter(|new| new.from == from).map(|new| new.until).min();
            // It is as if it had never been.
            let end =
                end.or(row.bound_from).or_else(|| self.after.iter().filter_map(|new| new.bound_from).min());
            Some(SensorRow { bound_until: end, ..row.clone() })
        });
        ended.collect()
    }

    /// The devices whose messages are read otherwise from some past instant on.
    async fn again(
        &self,
        conn: &mut PgConnection,
        request: &BindingRequest,
        registry: &Registry,
        now: UtcMicros,
    ) -> Result<std::result::Result<Vec<NewRebinding>, BindingRefusal>> {
        let mut again = Vec::new();
        let mut ids: Vec<&str> = self.after.iter().map(|row| row.id.as_str()).collect();
        ids.dedup();
        for id in ids {
            let of = |rows: &[SensorRow]| rows.iter().filter(|row| row.id == id).cloned().collect::<Vec<_>>();
            let (before, after) = (of(&self.before), of(&self.after));
            let Some(since) = differs_from(&before, &after).filter(|since| *since <= now) else { continue };
            // The decoder is the same for all bindings; what was read before stays as it was read.
            let stated = request.from.filter(|_| id == request.device);
            let since = stated.map_or(since, |from| from.min(now).max(since));
            let feed_of_row = after.first().and_then(|row| registry.feeds().find(|f| f.def.id == row.feed));
            let Some(feed) = feed_of_row.filter(|feed| feed.def.format.is_lorawan()) else { continue };
            let kept = rebindings::kept_since(conn, feed.municipality, id).await?;
            let mut from = since;
            if let Some(kept) = kept.filter(|kept| since < kept.messages && kept.first_heard < kept.messages)
            {
                // Without a date it applies as far back as it can.
                if request.from.is_some_and(|from| from < kept.messages) {
                    return Ok(Err(BindingRefusal::NotKept { since: kept.messages }));
                }
                from = kept.messages;
            }
            let rows = before.iter().chain(&after);
            let mut towns: Vec<MunicipalityId> = rows.filter_map(|row| owner(row, registry)).collect();
            towns.sort_unstable();
            towns.dedup();
            let total = rebindings::count(conn, feed, id, from).await?;
            let (municipality, device) = (feed.municipality, id.to_owned());
            again.push(NewRebinding { municipality, device, from, towns, total });
        }
        Ok(Ok(again))
    }
}

/// Whether `new` can hold.
async fn check(
    conn: &mut PgConnection,
    request: &BindingRequest,
    new: &SensorRow,
    feed: &Entry<FeedId, Feed>,
    registry: &Registry,
    now: UtcMicros,
) -> Result<std::result::Result<(), BindingRefusal>> {
    if request.from.is_some_and(|from| from > now.plus_s(CLOCKS_DIFFER_S)) {
        return Ok(Err(BindingRefusal::Ahead));
    }
    let Some((kind, id)) = new.target() else { return Ok(Ok(())) };
    let Some(owner) = owner(new, registry).filter(|owner| request.towns.contains(owner)) else {
        return Ok(Err(BindingRefusal::NoSuchPlace));
    };
    if !registry.may_name(feed, owner) {
        let (feed, town) = (feed.def.id.clone(), feed.def.municipality.clone());
        return Ok(Err(BindingRefusal::NotOfFeed { feed, town }));
    }
    let from = new.bound_from.unwrap_or(Span::EVER.from);
    if let Some(Span { from: since, until }) = existed(conn, kind, id).await? {
        if request.from.is_some() && from < since {
            return Ok(Err(BindingRefusal::BeforePlace { since }));
        }
        if from.max(since) >= until || now >= until {
            return Ok(Err(BindingRefusal::AfterPlace { until }));
        }
    }
    if let Some(decoder) = new.decoder.filter(|d| feed.def.format.is_lorawan() && d.reports_on() != kind) {
        return Ok(Err(BindingRefusal::Misfit(decoder)));
    }
    if let Some(decoder) = new.decoder.filter(|d| d.needs_threshold() && new.threshold_mm.is_none()) {
        return Ok(Err(BindingRefusal::NoThreshold(decoder)));
    }
    let is_read = new.decoder.is_some() || feed.def.use_server_decoder || !feed.def.format.is_lorawan();
    Ok(if is_read { Ok(()) } else { Err(BindingRefusal::NoDecoder) })
}

/// Whose place a binding names.
fn owner(row: &SensorRow, registry: &Registry) -> Option<MunicipalityId> {
    match row.target()? {
        ("bay", id) => registry.bay_by_key(id).map(|e| e.municipality),
        ("site", id) => registry.site_by_key(id).map(|e| e.municipality),
        (_, id) => registry.vehicle_by_key(id).map(|e| e.municipality),
    }
}

/// When a place existed; `None`: always.
async fn existed(conn: &mut PgConnection, kind: &str, id: &str) -> Result<Option<Span>> {
    let span: Option<(Ts, Ts)> = sqlx::query_as(
        "SELECT min(v.from_utc), coalesce((p.def ->> 'valid_until')::timestamptz, 'infinity')
         FROM place p JOIN place_version v ON v.place = p.id
         WHERE p.kind = CASE $1 WHEN 'site' THEN 1 WHEN 'bay' THEN 2 END AND p.key = $2 GROUP BY p.id",
    )
    .bind(kind)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(span.map(|(from, until)| Span { from: from.0, until: until.0 }))
}

/// Other sensors that are bound to the bay when `new` holds.
async fn others_at(conn: &mut PgConnection, new: &SensorRow) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT s.key FROM sensor_binding b JOIN sensor s ON s.id = b.sensor JOIN place p ON p.id = b.bay
         WHERE p.key = $1 AND b.until_utc > $2 AND s.key <> $3",
    )
    .bind(&new.bay)
    .bind(Ts(new.bound_from.unwrap_or(Span::EVER.from)))
    .bind(&new.id)
    .fetch_all(conn)
    .await?)
}
