//! The definitions of places over time, as timelines.

mod included;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::closure::Spans;
use domain::ids::{ScopeId, SourceKey};
use domain::inclusion::Standing;
use domain::intervals::{Conditions, Hold, Span, Timeline, pieces};
use domain::place::{Bay, Municipality, PlaceKind, Publish, Purpose, Site};
use domain::registry::BaySource;
use domain::{BayId, Feed, FeedFormat, FeedId, MunicipalityId, PlaceId, SensorId, SiteId, UtcMicros};
use smallvec::SmallVec;
use sqlx::PgConnection;
use sqlx::types::Json;

use self::included::Included;
use super::CountKey;
use super::scopes::{self, ScopeKey};
use crate::places::kind::KindCode;
use crate::{Result, Ts};

/// A definition and when it held.
pub(super) struct Version<T> {
    pub(super) span: Span,
    pub(super) def: T,
}

pub(super) struct Versions<T> {
    pub(super) municipality: MunicipalityId,
    pub(super) versions: Vec<Version<T>>,
}

/// A bay's site, and its definition at an instant.
#[derive(Clone, Copy)]
pub(super) struct SiteAt<'a> {
    pub(super) id: SiteId,
    pub(super) def: Option<&'a Site>,
}

/// See the module's description.
pub(super) struct PlaceHistory {
    pub(super) bays: BTreeMap<BayId, Versions<Bay>>,
    pub(super) sites: BTreeMap<SiteId, Versions<Site>>,
    site_ids: HashMap<String, SiteId>,
    /// The sensors of each place, while they were bound to it.
    bound: HashMap<PlaceId, Vec<BoundSensor>>,
    /// The feeds that may name the places of a municipality.
    feeds: HashMap<MunicipalityId, Vec<Hold>>,
    /// They apply whatever the opening hours are.
    closures: HashMap<PlaceId, Spans>,
    /// When sources are not believed.
    distrusted: HashMap<BaySource, Spans>,
    counted: BTreeSet<CountKey>,
    /// Bays that a feed has named.
    pub(super) by_feed: HashSet<BayId>,
    /// What counts in a site from an instant on, of those where it may change.
    inclusions: HashMap<SiteId, Vec<(UtcMicros, Included)>>,
    scopes: HashMap<ScopeKey, ScopeId>,
}

impl PlaceHistory {
    /// Reads all. `counted`: the sites and audiences that were ever counted; `by_feed`: bays that a feed has named.
    pub(super) async fn load(
        conn: &mut PgConnection,
        counted: &BTreeSet<CountKey>,
        by_feed: impl Iterator<Item = BayId>,
    ) -> Result<Self> {
        let sites: BTreeMap<SiteId, Versions<Site>> = versions(conn, PlaceKind::Site).await?;
        let mut site_ids = HashMap::new();
        for (id, place) in &sites {
            site_ids.extend(place.versions.iter().map(|v| (v.def.id.clone(), *id)));
        }
        let mut history = PlaceHistory {
            bays: versions(conn, PlaceKind::Bay).await?,
            site_ids,
            sites,
            bound: bound(conn).await?,
            feeds: feeds(conn).await?,
            closures: crate::places::ever_closed(conn).await?.into_iter().collect(),
            distrusted: crate::health::distrusted(conn).await?,
            counted: counted.clone(),
            by_feed: by_feed.collect(),
            inclusions: HashMap::new(),
            scopes: HashMap::new(),
        };
        history.inclusions = history.all_inclusions();
        history.scopes = scopes::numbers(conn, history.all_scopes()).await?;
        Ok(history)
    }

    /// The timeline of a bay.
    pub(super) fn bay_timeline(&self, bay: BayId, place: &Versions<Bay>) -> Timeline {
        let closed: Vec<Span> = self.closures_of(bay.into()).chain(self.closures_of_sites(place)).collect();
        let mut cuts = self.cuts_of_bay(bay, place);
        cuts.extend(ends(closed.iter().copied()));
        for version in &place.versions {
            if let Some((id, site)) = self.site_of(&version.def) {
                cuts.extend(cuts_of_site(site));
                cuts.extend(self.inclusions.get(&id).into_iter().flatten().map(|(from, _)| *from));
            }
        }
        let pieces = pieces(cuts, |at| {
            let Some(def) = at_version(&place.versions, at) else { return Conditions::default() };
            let site = self.site_of(def).map(|(id, site)| SiteAt { id, def: at_version(&site.versions, at) });
            let is_valid = Span::of(def.valid_from, def.valid_until).contains(at)
                && site
                    .and_then(|site| site.def)
                    .is_none_or(|def| Span::of(def.valid_from, def.valid_until).contains(at));
            let is_closed = closed.iter().any(|span| span.contains(at));
            let included = site.map(|site| self.included(site.id, at)).unwrap_or_default();
            let keys = self.scopes_of_bay(place.municipality, def, site, &included);
            Conditions {
                is_possible: is_valid && !is_closed && self.is_watched(bay, at),
                scopes: self.ids(keys),
                is_shown: Standing::of(def) == Standing::Shown && !is_unpublished(site),
            }
        });
        let holds = self.holds(place.municipality, bay.into()).into_iter().flat_map(|hold| {
            match self.distrusted.get(&BaySource { source: hold.source, bay }) {
                Some(spans) => hold.except(spans.iter().map(|(from, until)| Hold {
                    span: Span { from, until },
                    hold_us: Hold::DISTRUSTED,
                    ..hold
                })),
                None => vec![hold],
            }
        });
        Timeline { holds: holds.collect(), pieces, ..Timeline::default() }
    }

    /// The sources that may report on a place, and how long their statements hold.
    fn holds(&self, municipality: MunicipalityId, place: PlaceId) -> Vec<Hold> {
        let bound = self.bound_to(place);
        let feeds = self.feeds.get(&municipality).into_iter().flatten().flat_map(|feed| {
            let of_feed = bound.iter().filter(|sensor| sensor.feed == feed.source);
            feed.except(of_feed.map(|sensor| sensor.hold))
        });
        let mut holds: Vec<Hold> = feeds.chain(bound.iter().map(|sensor| sensor.hold)).collect();
        holds.sort_unstable_by_key(|h| (h.source, h.span.from));
        holds
    }

    /// The timeline of a counted site, or of one audience's spaces in it, and its municipality.
    pub(super) fn site_timeline(&self, site: SiteId, audience: &str) -> Option<(MunicipalityId, Timeline)> {
        let place = self.sites.get(&site)?;
        let closed: Vec<Span> = self.closures_of(site.into()).collect();
        let mut cuts: Vec<UtcMicros> = ends(closed.iter().copied()).collect();
        cuts.extend(cuts_of_site(place));
        cuts.extend(self.inclusions.get(&site).into_iter().flatten().map(|(from, _)| *from));
        let pieces = pieces(cuts, |at| {
            let Some(def) = at_version(&place.versions, at) else { return Conditions::default() };
            let is_possible = Span::of(def.valid_from, def.valid_until).contains(at)
                && !closed.iter().any(|span| span.contains(at));
            let counts = self.included(site, at).inclusion;
            let is_used = if audience.is_empty() { counts.own_count } else { counts.counts_by_audience };
            let keys = is_used.then(|| scopes::of_counts(place.municipality, site, def, audience));
            Conditions { is_possible, scopes: self.ids(keys.unwrap_or_default()), is_shown: false }
        });
        let capacity = |def: &Site| match audience.parse() {
            Ok(audience) => def.capacity_for(audience).unwrap_or(0),
            Err(_) => def.capacity,
        };
        let capacities = place.versions.iter();
        let capacities =
            capacities.map(|v| (v.span.from, i32::try_from(capacity(&v.def)).unwrap_or(i32::MAX))).collect();
        let holds = self.holds(place.municipality, site.into());
        Some((place.municipality, Timeline { holds, pieces, capacities }))
    }

    pub(super) fn site_of(&self, bay: &Bay) -> Option<(SiteId, &Versions<Site>)> {
        let id = *self.site_ids.get(bay.site.as_deref()?)?;
        Some((id, self.sites.get(&id)?))
    }

    /// Whether the site has a count of its own, ever.
    pub(super) fn is_counted(&self, site: SiteId) -> bool {
        self.counted.iter().any(|(counted, _)| *counted == site)
    }

    /// What counts in a site at a time.
    fn included(&self, site: SiteId, at: UtcMicros) -> Included {
        let spans = self.inclusions.get(&site).map_or(&[][..], Vec::as_slice);
        let after = spans.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map(|i| spans[i].1.clone()).unwrap_or_default()
    }

    fn bound_to(&self, place: PlaceId) -> &[BoundSensor] {
        self.bound.get(&place).map_or(&[], Vec::as_slice)
    }

    /// Whether a bay has a sensor or a feed at a time.
    pub(super) fn is_watched(&self, bay: BayId, at: UtcMicros) -> bool {
        self.by_feed.contains(&bay) || self.bound_to(bay.into()).iter().any(|b| b.hold.span.contains(at))
    }

    /// When the conditions of a bay itself may change, other than by closures.
    pub(super) fn cuts_of_bay(&self, bay: BayId, place: &Versions<Bay>) -> Vec<UtcMicros> {
        let valid = place.versions.iter().map(|v| Span::of(v.def.valid_from, v.def.valid_until));
        let bound = self.bound_to(bay.into()).iter().map(|b| b.hold.span);
        ends(place.versions.iter().map(|v| v.span).chain(valid).chain(bound)).collect()
    }

    pub(super) fn closures_of(&self, place: PlaceId) -> impl Iterator<Item = Span> {
        let spans = self.closures.get(&place).into_iter().flat_map(|spans| spans.iter());
        spans.map(|(from, until)| Span { from, until })
    }

    fn closures_of_sites<'a>(&'a self, bay: &'a Versions<Bay>) -> impl Iterator<Item = Span> + 'a {
        bay.versions
            .iter()
            .filter_map(|v| Some(self.site_of(&v.def)?.0))
            .flat_map(|site| self.closures_of(site.into()))
    }

    fn scopes_of_bay(
        &self,
        municipality: MunicipalityId,
        bay: &Bay,
        site: Option<SiteAt<'_>>,
        included: &Included,
    ) -> Vec<ScopeKey> {
        // Whether counts of the site were ever stored, and whether they may be used.
        let is_counted = site.is_some_and(|site| self.counted.contains(&(site.id, String::new())));
        let standing = Standing::of(bay);
        let counts = match standing {
            Standing::Shown => true,
            Standing::Hidden => site.is_some() && included.inclusion.hidden_bays(is_counted),
            Standing::OfOne | Standing::Nowhere => false,
        };
        // A hidden site hides its bays.
        if !counts || is_unpublished(site) {
            return Vec::new();
        }
        let is_hidden = standing == Standing::Hidden;
        // What belongs to no site is a space for a car.
        let purpose = site.and_then(|site| site.def).map_or(Purpose::Car, |def| def.purpose);
        // Hidden bays of a site are in one zone all together, or in none.
        let zone = if is_hidden { included.zone.as_deref() } else { zone_of(bay, site) };
        let audiences: Vec<&str> =
            match bay.restrictions.iter().filter_map(|r| r.audience).collect::<Vec<_>>() {
                _ if is_hidden && !included.inclusion.by_restriction => Vec::new(),
                none if none.is_empty() => vec![scopes::EVERYONE],
                some => some.iter().map(|a| a.as_str()).collect(),
            };
        let mut keys = Vec::new();
        for audience in [None].into_iter().chain(audiences.into_iter().map(Some)) {
            let town = ScopeKey::of_town(municipality, audience, false, purpose);
            keys.extend(site.map(|site| town.of_site(site.id)));
            // What is counted as a whole counts once.
            if is_counted && included.inclusion.own_count {
                continue;
            }
            keys.extend(zone.map(|zone| town.of_zone(zone)));
            keys.push(town);
        }
        keys
    }

    fn ids(&self, keys: Vec<ScopeKey>) -> SmallVec<[ScopeId; 6]> {
        keys.iter().filter_map(|key| self.scopes.get(key).copied()).collect()
    }

    /// Every scope that is needed.
    fn all_scopes(&self) -> BTreeSet<ScopeKey> {
        let mut keys: BTreeSet<ScopeKey> = BTreeSet::new();
        for place in self.bays.values() {
            for version in &place.versions {
                let mut name = |site, included: &Included| {
                    keys.extend(self.scopes_of_bay(place.municipality, &version.def, site, included));
                };
                match self.site_of(&version.def) {
                    None => name(None, &Included::default()),
                    Some((id, site)) => {
                        let own = [Included::default()];
                        let of_site = self.inclusions.get(&id).into_iter().flatten().map(|(_, i)| i);
                        for included in of_site.chain(&own) {
                            site.versions
                                .iter()
                                .for_each(|v| name(Some(SiteAt { id, def: Some(&v.def) }), included));
                        }
                    }
                }
            }
        }
        for (site, audience) in &self.counted {
            let Some(place) = self.sites.get(site) else { continue };
            for version in &place.versions {
                keys.extend(scopes::of_counts(place.municipality, *site, &version.def, audience));
            }
        }
        keys
    }
}

/// When the conditions of a site may change, other than by closures.
pub(super) fn cuts_of_site(site: &Versions<Site>) -> impl Iterator<Item = UtcMicros> {
    let valid = site.versions.iter().map(|v| Span::of(v.def.valid_from, v.def.valid_until));
    ends(site.versions.iter().map(|v| v.span).chain(valid))
}

/// A bay's own zone, else its site's.
pub(super) fn zone_of<'a>(bay: &'a Bay, site: Option<SiteAt<'a>>) -> Option<&'a str> {
    bay.zone.as_deref().or_else(|| site?.def?.zone.as_deref())
}

fn is_unpublished(site: Option<SiteAt<'_>>) -> bool {
    site.and_then(|site| site.def).is_some_and(|def| def.publish == Publish::None)
}

pub(super) fn at_version<T>(versions: &[Version<T>], at: UtcMicros) -> Option<&T> {
    versions.iter().find(|v| v.span.contains(at)).map(|v| &v.def)
}

pub(super) fn ends(spans: impl Iterator<Item = Span>) -> impl Iterator<Item = UtcMicros> {
    spans.flat_map(|span| [span.from, span.until])
}

async fn versions<I, T>(conn: &mut PgConnection, kind: PlaceKind) -> Result<BTreeMap<I, Versions<T>>>
where
    I: From<i32> + Ord,
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    type VersionColumns<T> = (i32, i32, Ts, Option<Ts>, Json<T>);
    let rows: Vec<VersionColumns<T>> = sqlx::query_as(
        "SELECT v.place, v.municipality, v.from_utc, v.until_utc, v.def
         FROM place_version v JOIN place p ON p.id = v.place WHERE p.kind = $1 ORDER BY v.place, v.from_utc",
    )
    .bind(KindCode::from(kind))
    .fetch_all(conn)
    .await?;
    let mut places: BTreeMap<I, Versions<T>> = BTreeMap::new();
    for (id, municipality, from, until, Json(def)) in rows {
        let municipality = MunicipalityId(municipality);
        let place = places.entry(I::from(id));
        let place = place.or_insert_with(|| Versions { municipality, versions: Vec::new() });
        // The first version also holds before its beginning: nothing earlier is known.
        let from = if place.versions.is_empty() { None } else { Some(from.0) };
        place.versions.push(Version { span: Span::of(from, until.map(|u| u.0)), def });
    }
    Ok(places)
}

/// A sensor while it was bound to a place, and its feed, which may name the place itself.
#[derive(Clone, Copy)]
struct BoundSensor {
    feed: SourceKey,
    hold: Hold,
}

async fn bound(conn: &mut PgConnection) -> Result<HashMap<PlaceId, Vec<BoundSensor>>> {
    type Bound = (i32, i32, i32, Ts, Ts, Option<i32>, Option<i32>, Json<Feed>);
    let rows: Vec<Bound> = sqlx::query_as(
        "SELECT coalesce(b.bay, b.site), b.sensor, s.feed, b.from_utc, b.until_utc, b.heartbeat_s, b.stale_after_s, f.def
         FROM sensor_binding b JOIN sensor s ON s.id = b.sensor JOIN feed f ON f.id = s.feed
         WHERE coalesce(b.bay, b.site) IS NOT NULL ORDER BY b.sensor, b.from_utc",
    )
    .fetch_all(conn)
    .await?;
    let mut bound: HashMap<PlaceId, Vec<BoundSensor>> = HashMap::new();
    for (place, sensor, feed_id, from, until, heartbeat_s, stale_after_s, Json(feed)) in rows {
        let unsigned = |n: i32| u32::try_from(n).unwrap_or(0);
        let heartbeat_s = heartbeat_s.map_or_else(|| feed.heartbeat_s(), unsigned);
        let stale_s = stale_after_s.map_or_else(|| domain::sensor::stale_after_s(heartbeat_s), unsigned);
        let span = Span { from: from.0, until: until.0 };
        let sensor = SourceKey::of(FeedId(feed_id), Some(SensorId(sensor)));
        let hold = Hold { source: sensor, span, hold_us: hold_us(stale_s) };
        let feed = SourceKey::of(FeedId(feed_id), None);
        bound.entry(PlaceId(place)).or_default().push(BoundSensor { feed, hold });
    }
    Ok(bound)
}

fn hold_us(stale_after_s: u32) -> i64 {
    i64::from(stale_after_s.max(1)) * domain::time::MICROS_PER_S
}

/// The feeds that name the places of a municipality themselves, and may.
async fn feeds(conn: &mut PgConnection) -> Result<HashMap<MunicipalityId, Vec<Hold>>> {
    // In this order: an import may add a municipality with a feed in between.
    let rows: Vec<(i32, i32, Json<Feed>)> =
        sqlx::query_as("SELECT id, municipality, def FROM feed ORDER BY id").fetch_all(&mut *conn).await?;
    let owners: BTreeMap<i32, Json<Municipality>> =
        sqlx::query_as("SELECT id, def FROM municipality").fetch_all(conn).await?.into_iter().collect();
    let mut feeds: HashMap<MunicipalityId, Vec<Hold>> = HashMap::new();
    for (feed, town, Json(def)) in rows {
        let Some(town) = owners.get(&town) else { continue };
        if !matches!(def.format, FeedFormat::Native | FeedFormat::History) {
            continue;
        }
        let hold_us = hold_us(domain::sensor::stale_after_s(def.heartbeat_s()));
        let hold = Hold { source: SourceKey::of(FeedId(feed), None), span: Span::EVER, hold_us };
        for (owner, _) in owners.iter().filter(|(_, owner)| town.may_name(owner)) {
            feeds.entry(MunicipalityId(*owner)).or_default().push(hold);
        }
    }
    Ok(feeds)
}
