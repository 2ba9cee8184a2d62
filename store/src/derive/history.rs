//! The definitions of places over time, as timelines.

mod included;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::bay_state::SourceKey;
use domain::inclusion::Standing;
use domain::intervals::{Conditions, Hold, ScopeId, Span, Timeline, pieces};
use domain::place::{Bay, Municipality, PlaceKind, Publish, Purpose, Site};
use domain::{BayId, Feed, FeedFormat, MunicipalityId, PlaceId, SiteId, UtcMicros};
use smallvec::SmallVec;
use sqlx::PgConnection;
use sqlx::types::Json;

use self::included::Included;
use super::CountKey;
use super::scopes::{self, Area, Basis, ScopeKey};
use crate::StoreError;
use crate::places::kind;
use crate::ts::Ts;

/// A definition and when it held.
pub(super) struct Version<T> {
    pub(super) span: Span,
    pub(super) def: T,
}

pub(super) struct Versions<T> {
    municipality: MunicipalityId,
    pub(super) versions: Vec<Version<T>>,
}

/// See the module's description.
pub(super) struct PlaceHistory {
    pub(super) bays: BTreeMap<BayId, Versions<Bay>>,
    pub(super) sites: BTreeMap<SiteId, Versions<Site>>,
    site_ids: HashMap<String, SiteId>,
    /// The sensors of each place, while they were bound to it.
    bound: HashMap<PlaceId, Vec<Hold>>,
    /// The same by place and by their feed, which may name the place itself.
    bound_by_feed: HashMap<(PlaceId, SourceKey), Vec<Hold>>,
    /// The feeds that may name the places of a municipality.
    feeds: HashMap<MunicipalityId, Vec<Hold>>,
    closures: HashMap<PlaceId, Vec<Span>>,
    counted: BTreeSet<CountKey>,
    /// Bays that a feed has named.
    by_feed: HashSet<BayId>,
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
    ) -> Result<Self, StoreError> {
        let sites = versions(conn, PlaceKind::Site).await?;
        let sites: BTreeMap<_, Versions<Site>> = sites.into_iter().map(|(id, v)| (SiteId(id), v)).collect();
        let bays = versions(conn, PlaceKind::Bay).await?;
        let mut site_ids = HashMap::new();
        for (id, place) in &sites {
            site_ids.extend(place.versions.iter().map(|v| (v.def.id.clone(), *id)));
        }
        let (bound, bound_by_feed) = bound(conn).await?;
        let mut history = PlaceHistory {
            bays: bays.into_iter().map(|(id, place)| (BayId(id), place)).collect(),
            site_ids,
            sites,
            bound,
            bound_by_feed,
            feeds: feeds(conn).await?,
            closures: closures(conn).await?,
            counted: counted.clone(),
            by_feed: by_feed.collect(),
            inclusions: HashMap::new(),
            scopes: HashMap::new(),
        };
        history.inclusions = history.all_inclusions();
        history.scopes = scopes::numbers(conn, history.all_scopes()).await?;
        Ok(history)
    }

    /// All bays with their municipalities.
    pub(super) fn bays(&self) -> impl Iterator<Item = (MunicipalityId, BayId)> {
        self.bays.iter().map(|(id, place)| (place.municipality, *id))
    }

    /// Whether a feed has named it.
    pub(super) fn is_by_feed(&self, bay: BayId) -> bool {
        self.by_feed.contains(&bay)
    }

    /// The timeline of a bay.
    pub(super) fn bay_timeline(&self, bay: BayId) -> Timeline {
        let Some(place) = self.bays.get(&bay) else { return Timeline::default() };
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
            let site = self.site_of(def).map(|(id, site)| (id, at_version(&site.versions, at)));
            let is_valid = Span::of(def.valid_from, def.valid_until).contains(at)
                && site.is_none_or(|(_, def)| {
                    def.is_none_or(|d| Span::of(d.valid_from, d.valid_until).contains(at))
                });
            let is_closed = closed.iter().any(|span| span.contains(at));
            let included = site.map(|(id, _)| self.included(id, at)).unwrap_or_default();
            let keys = self.scopes_of_bay(place.municipality, def, site, &included);
            Conditions {
                is_possible: is_valid && !is_closed && self.is_watched(bay, at),
                scopes: self.ids(keys),
                is_shown: Standing::of(def) == Standing::Shown && !is_unpublished(site),
            }
        });
        Timeline { holds: self.holds(place.municipality, bay.into()), pieces, ..Timeline::default() }
    }

    /// The sources that may report on a place, and how long their statements hold.
    fn holds(&self, municipality: MunicipalityId, place: PlaceId) -> Vec<Hold> {
        let feeds = self.feeds.get(&municipality).into_iter().flatten().flat_map(|feed| {
            feed.except(self.bound_by_feed.get(&(place, feed.source)).into_iter().flatten().copied())
        });
        let mut holds: Vec<Hold> =
            feeds.chain(self.bound.get(&place).into_iter().flatten().copied()).collect();
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

    /// Whether a bay has a sensor or a feed at a time.
    pub(super) fn is_watched(&self, bay: BayId, at: UtcMicros) -> bool {
        let bound = self.bound.get(&bay.into()).map_or(&[][..], Vec::as_slice);
        self.by_feed.contains(&bay) || bound.iter().any(|b| b.span.contains(at))
    }

    /// When the conditions of a bay itself may change, other than by closures.
    pub(super) fn cuts_of_bay(&self, bay: BayId, place: &Versions<Bay>) -> Vec<UtcMicros> {
        let valid = place.versions.iter().map(|v| Span::of(v.def.valid_from, v.def.valid_until));
        let bound = self.bound.get(&bay.into()).map_or(&[][..], Vec::as_slice).iter().map(|b| b.span);
        ends(place.versions.iter().map(|v| v.span).chain(valid).chain(bound)).collect()
    }

    pub(super) fn closures_of(&self, place: PlaceId) -> impl Iterator<Item = Span> {
        self.closures.get(&place).into_iter().flatten().copied()
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
        site: Option<(SiteId, Option<&Site>)>,
        included: &Included,
    ) -> Vec<ScopeKey> {
        // Whether counts of the site were ever stored, and whether they may be used.
        let is_counted = site.is_some_and(|(site, _)| self.counted.contains(&(site, String::new())));
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
        let purpose = site.and_then(|(_, def)| Some(def?.purpose)).unwrap_or(Purpose::Car);
        // Hidden bays of a site are in one zone all together, or in none.
        let zone = if is_hidden { included.zone.as_deref() } else { zone_of(bay, site) };
        let audiences: Vec<&str> =
            match bay.restrictions.iter().filter_map(|r| r.audience).collect::<Vec<_>>() {
                _ if is_hidden && !included.inclusion.by_restriction => Vec::new(),
                none if none.is_empty() => vec![scopes::EVERYONE],
                some => some.iter().map(|a| a.as_str()).collect(),
            };
        let mut keys = Vec::new();
        for audience in [scopes::ALL].into_iter().chain(audiences) {
            let key = |area| ScopeKey {
                municipality,
                area,
                audience: audience.to_owned(),
                basis: Basis::Bays,
                purpose,
            };
            if let Some((site, _)) = site {
                keys.push(key(Area::Site(site)));
            }
            // What is counted as a whole counts once.
            if is_counted && included.inclusion.own_count {
                continue;
            }
            if let Some(zone) = zone {
                keys.push(key(Area::Zone(zone.to_owned())));
            }
            keys.push(key(Area::Municipality));
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
                            site.versions.iter().for_each(|def| name(Some((id, Some(&def.def))), included));
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
pub(super) fn zone_of<'a>(bay: &'a Bay, site: Option<(SiteId, Option<&'a Site>)>) -> Option<&'a str> {
    bay.zone.as_deref().or_else(|| site.and_then(|(_, def)| def?.zone.as_deref()))
}

fn is_unpublished(site: Option<(SiteId, Option<&Site>)>) -> bool {
    site.is_some_and(|(_, def)| def.is_some_and(|def| def.publish == Publish::None))
}

pub(super) fn at_version<T>(versions: &[Version<T>], at: UtcMicros) -> Option<&T> {
    versions.iter().find(|v| v.span.contains(at)).map(|v| &v.def)
}

pub(super) fn ends(spans: impl Iterator<Item = Span>) -> impl Iterator<Item = UtcMicros> {
    spans.flat_map(|span| [span.from, span.until])
}

async fn versions<T>(conn: &mut PgConnection, kind: PlaceKind) -> Result<Vec<(i32, Versions<T>)>, StoreError>
where
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    type Row<T> = (i32, i32, Ts, Option<Ts>, Json<T>);
    let rows: Vec<Row<T>> = sqlx::query_as(
        "SELECT v.place, v.municipality, v.from_utc, v.until_utc, v.def
         FROM place_version v JOIN place p ON p.id = v.place WHERE p.kind = $1 ORDER BY v.place, v.from_utc",
    )
    .bind(kind::code(kind))
    .fetch_all(conn)
    .await?;
    let mut places: Vec<(i32, Versions<T>)> = Vec::new();
    for (id, municipality, from, until, Json(def)) in rows {
        let version = Version { span: Span::of(Some(from.0), until.map(|u| u.0)), def };
        match places.last_mut() {
            Some((last, place)) if *last == id => place.versions.push(version),
            _ => {
                let municipality = MunicipalityId(municipality);
                places.push((id, Versions { municipality, versions: vec![version] }));
            }
        }
    }
    // The first version also holds before its beginning: nothing earlier is known.
    for (_, place) in &mut places {
        if let Some(first) = place.versions.first_mut() {
            first.span.from = Span::EVER.from;
        }
    }
    Ok(places)
}

type Bound = (HashMap<PlaceId, Vec<Hold>>, HashMap<(PlaceId, SourceKey), Vec<Hold>>);

async fn bound(conn: &mut PgConnection) -> Result<Bound, StoreError> {
    type Row = (i32, i32, i32, Ts, Ts, Option<i32>, Option<i32>, Json<Feed>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT coalesce(b.bay, b.site), b.sensor, s.feed, b.from_utc, b.until_utc, b.heartbeat_s, b.stale_after_s, f.def
         FROM sensor_binding b JOIN sensor s ON s.id = b.sensor JOIN feed f ON f.id = s.feed
         WHERE coalesce(b.bay, b.site) IS NOT NULL ORDER BY b.sensor, b.from_utc",
    )
    .fetch_all(conn)
    .await?;
    let (mut bound, mut by_feed) = Bound::default();
    for (place, sensor, feed_id, from, until, heartbeat_s, stale_after_s, Json(feed)) in rows {
        let signed = |n: i32| u32::try_from(n).unwrap_or(0);
        let heartbeat_s = heartbeat_s.map_or_else(|| feed.heartbeat_s(), signed);
        let stale_s = stale_after_s.map_or_else(|| domain::sensor::stale_after_s(heartbeat_s), signed);
        let span = Span { from: from.0, until: until.0 };
        let hold = Hold { source: sensor, span, hold_us: hold_us(stale_s) };
        bound.entry(PlaceId(place)).or_default().push(hold);
        by_feed.entry((PlaceId(place), -feed_id)).or_default().push(hold);
    }
    Ok((bound, by_feed))
}

fn hold_us(stale_after_s: u32) -> i64 {
    i64::from(stale_after_s.max(1)) * domain::time::MICROS_PER_S
}

/// The feeds that name the places of a municipality themselves, and may.
async fn feeds(conn: &mut PgConnection) -> Result<HashMap<MunicipalityId, Vec<Hold>>, StoreError> {
    let owners: Vec<(i32, Json<Municipality>)> =
        sqlx::query_as("SELECT id, def FROM municipality ORDER BY id").fetch_all(&mut *conn).await?;
    let rows: Vec<(i32, Json<Feed>, Json<Municipality>)> = sqlx::query_as(
        "SELECT f.id, f.def, m.def FROM feed f JOIN municipality m ON m.id = f.municipality ORDER BY f.id",
    )
    .fetch_all(conn)
    .await?;
    let mut feeds: HashMap<MunicipalityId, Vec<Hold>> = HashMap::new();
    for (feed, Json(def), Json(town)) in rows {
        if !matches!(def.format, FeedFormat::Native | FeedFormat::History) {
            continue;
        }
        let hold_us = hold_us(domain::sensor::stale_after_s(def.heartbeat_s()));
        for (owner, _) in owners.iter().filter(|(_, owner)| town.may_name(owner)) {
            feeds.entry(MunicipalityId(*owner)).or_default().push(Hold {
                source: -feed,
                span: Span::EVER,
                hold_us,
            });
        }
    }
    Ok(feeds)
}

/// The closures of each place, which apply whatever its opening hours are.
async fn closures(conn: &mut PgConnection) -> Result<HashMap<PlaceId, Vec<Span>>, StoreError> {
    let closed = crate::places::ever_closed(conn).await?;
    let spans = |(place, spans): (PlaceId, domain::closure::Spans)| {
        (place, spans.iter().map(|(from, until)| Span { from, until }).collect())
    };
    Ok(closed.into_iter().map(spans).collect())
}
