//! Groups of places, and the bays and sites that their figures are made of.

mod crowds;
mod selection;

use std::collections::{BTreeMap, HashMap};

use domain::ids::ScopeId;
use domain::inclusion::MIN_HIDDEN_BAYS;
use domain::intervals::{HourSums, Piece, Span, Timeline};
use domain::occupancy::Possible;
use domain::place::{Publish, Purpose};
use domain::{BayId, Bbox, LatLon, MunicipalityId, Registry, SiteId};
use jiff::tz::TimeZone;
use store::Pool;
use store::analysis::{self, Scope, ScopeKind, Timelines};

use self::crowds::Crowd;
use self::selection::{bays_of, is_selected, is_site_in, labels, site_of};
use super::query::{self, FiguresQuery, GroupBy, Places};
use crate::http::problem::Problem;
use crate::planners::planning::SeenBy;

/// Figures of fewer bays are withheld from the public.
pub const MIN_BAYS: i64 = MIN_HIDDEN_BAYS as i64;

/// Labels of a row; `None`: not divided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    pub municipality: String,
    pub zone: Option<String>,
    pub site: Option<String>,
    pub bay: Option<String>,
    pub restriction: Option<String>,
    pub municipality_name: String,
    /// Of the site, or of the bay's.
    pub site_name: Option<String>,
    pub bay_site: Option<String>,
}

/// By group and hour since 1970.
pub type Hours = HashMap<(usize, i64), HourSums>;

/// One group.
pub struct Group {
    pub labels: Labels,
    /// The town's.
    pub zone: TimeZone,
    pub seen_by: SeenBy,
    /// Spaces that could be observed.
    pub possible: Possible,
    /// The most of them at one time in the period.
    pub spaces: i64,
}

/// What the figures of one municipality are made of. A timeline's scopes are numbers of groups.
#[derive(Default)]
pub struct Parts {
    pub groups: Vec<Group>,
    /// By municipality: scopes whose hours are summed up, with their groups.
    pub scopes: BTreeMap<MunicipalityId, HashMap<ScopeId, Vec<usize>>>,
    /// Bays that count in groups, whose hours are summed up (`true`) or not.
    pub bays: BTreeMap<(MunicipalityId, BayId, bool), Timeline>,
    /// Counted sites, or one audience's spaces in them.
    pub sites: Vec<(MunicipalityId, SiteId, String, Timeline)>,
    /// Hidden bays that count in the groups.
    pub crowds: Vec<Crowd>,
}

/// What is stored of one municipality.
pub struct Town<'a> {
    pub query: &'a query::TownQuery,
    pub slug: &'a str,
    pub name: &'a str,
    /// What is parked in the requested places; `None`: whatever.
    pub purpose: Option<Purpose>,
    pub scopes: Vec<Scope>,
    pub timelines: Timelines,
}

/// Bays of a group whose times are read one by one.
enum Bays<'a> {
    /// Those that the scopes sum up.
    OfScopes,
    /// One bay, while it was shown by itself.
    One(BayId),
    /// What counts in the town and lies in a box: bays that are shown by their own place, hidden ones all together by
    /// their site's. So no two boxes differ by a few hidden bays.
    In(&'a Bbox),
}

impl Parts {
    /// Finds the groups of `query` in one municipality.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn of(
        query: &FiguresQuery,
        town_query: &query::TownQuery,
        registry: &Registry,
        pool: &Pool,
    ) -> Result<Self, Problem> {
        let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
        let mut parts = Parts::default();
        let Some(def) = registry.municipality(town_query.id) else { return Ok(parts) };
        let timelines = analysis::timelines(&mut conn, town_query.id).await?;
        let town = Town {
            query: town_query,
            slug: &def.slug,
            name: &def.name,
            purpose: query.purpose,
            scopes: scopes(&mut conn, town_query.id, &timelines).await?,
            timelines,
        };
        parts.add_town(&town, query, registry);
        parts.add_crowds(town_query.id, &town.scopes, &town.timelines.bays);
        Ok(parts)
    }

    fn add_town(&mut self, town: &Town<'_>, query: &FiguresQuery, registry: &Registry) {
        let (places, by) = (&query.places, query.group_by);
        if by == Some(GroupBy::Bay) || matches!(places, Places::Bay(_)) {
            for bay in bays_of(town, places, registry) {
                let Some(def) = registry.bay(bay) else { continue };
                let site = site_of(bay, registry).and_then(|site| Some(&registry.site(site)?.def));
                let site =
                    site.filter(|def| town.query.seen_by == SeenBy::Planner || def.publish != Publish::None);
                let labels = Labels {
                    bay: Some(def.def.id.clone()),
                    bay_site: site.map(|def| def.id.clone()),
                    site_name: site.map(|def| def.name.clone()),
                    ..town.labels()
                };
                self.add_group(town, registry, labels, &[], &Bays::One(bay));
            }
            return;
        }
        if let (Places::Bbox(bbox), None | Some(GroupBy::Municipality)) = (places, by) {
            let scopes = town.scopes.iter().filter(|s| {
                let site =
                    s.key.site.filter(|_| s.key.is_counted && s.key.audience.is_none() && town.wants(s));
                site.is_some_and(|site| is_site_in(site, places, registry))
            });
            let scopes: Vec<&Scope> = scopes.collect();
            let bays = Bays::In(bbox);
            let has_bays = || {
                town.timelines
                    .bays
                    .iter()
                    .any(|(bay, timeline)| !pieces(town, registry, &bays, *bay, timeline).is_empty())
            };
            if !scopes.is_empty() || has_bays() {
                self.add_group(town, registry, town.labels(), &scopes, &bays);
            }
            return;
        }
        let mut groups: Vec<(Labels, Vec<&Scope>)> = Vec::new();
        for scope in town.scopes.iter().filter(|scope| is_selected(scope, town, places, by, registry)) {
            let labels = labels(scope, town, places, by, registry);
            match groups.iter_mut().find(|(l, _)| *l == labels) {
                Some((_, scopes)) => scopes.push(scope),
                None => groups.push((labels, vec![scope])),
            }
        }
        groups.sort_by(|(a, _), (b, _)| {
            (&a.zone, &a.site, &a.restriction).cmp(&(&b.zone, &b.site, &b.restriction))
        });
        for (labels, scopes) in groups {
            self.add_group(town, registry, labels, &scopes, &Bays::OfScopes);
        }
    }

    fn add_group(
        &mut self,
        town: &Town<'_>,
        registry: &Registry,
        labels: Labels,
        scopes: &[&Scope],
        bays: &Bays<'_>,
    ) {
        let group = self.groups.len();
        let number = ScopeId(group as i32);
        let ids: Vec<ScopeId> = scopes.iter().map(|scope| scope.id).collect();
        let mut possible: Vec<(Span, i64)> = Vec::new();
        let within = |timeline: &Timeline| -> Vec<Piece> {
            let pieces = timeline.pieces.iter().filter(|piece| piece.scopes.iter().any(|s| ids.contains(s)));
            pieces.map(|piece| of_group(number, piece)).collect()
        };
        // A group of one bay needs no other: there may be thousands of such groups.
        let one = if let Bays::One(bay) = bays { Some(town.timelines.bays.get_key_value(bay)) } else { None };
        let all = town.timelines.bays.iter().take(if one.is_some() { 0 } else { usize::MAX });
        for (bay, timeline) in one.flatten().into_iter().chain(all) {
            let is_single = !matches!(bays, Bays::OfScopes);
            let pieces: Vec<Piece> = match is_single {
                true => {
                    let pieces = pieces(town, registry, bays, *bay, timeline);
                    pieces.into_iter().map(|piece| of_group(number, piece)).collect()
                }
                false => within(timeline),
            };
            if pieces.is_empty() {
                continue;
            }
            possible.extend(pieces.iter().map(|piece| (piece.span, 1)));
            let held = self.bays.entry((town.query.id, *bay, !is_single)).or_default();
            join(&mut held.pieces, pieces);
        }
        for ((site, audience), timeline) in town.timelines.sites.iter().filter(|_| !ids.is_empty()) {
            let pieces = within(timeline);
            if pieces.is_empty() {
                continue;
            }
            for piece in &pieces {
                let spaces =
                    timeline.capacity_spans().map(|(span, spaces)| (span.within(piece.span), spaces.into()));
                possible.extend(spaces.filter(|(span, _)| !span.is_empty()));
            }
            let timeline = Timeline { pieces, ..Timeline::default() };
            self.sites.push((town.query.id, *site, audience.clone(), timeline));
        }
        for id in ids {
            self.scopes.entry(town.query.id).or_default().entry(id).or_default().push(group);
        }
        let possible = Possible::of(possible);
        let spaces = possible.most(town.query.period);
        let zone = town.query.time.tz.clone();
        self.groups.push(Group { labels, zone, seen_by: town.query.seen_by, possible, spaces });
    }
}

/// The scopes in which places count. One that a correction emptied is none, unless there are hours of so long ago that
/// nothing else is stored of them.
async fn scopes(
    conn: &mut store::Connection,
    id: MunicipalityId,
    timelines: &Timelines,
) -> Result<Vec<Scope>, Problem> {
    let mut scopes = analysis::scopes(conn, id).await?;
    let mut used = timelines.scopes();
    let others = scopes.iter().map(|scope| scope.id).filter(|id| !used.contains(id)).collect();
    used.extend(analysis::summed_up(conn, id, others).await?);
    scopes.retain(|scope| used.contains(&scope.id));
    Ok(scopes)
}

/// A bay may count in several groups at a time: for each audience of its restrictions.
pub fn join(held: &mut Vec<Piece>, new: Vec<Piece>) {
    for piece in new {
        match held.iter_mut().find(|h| h.span == piece.span) {
            Some(same) => same.scopes.extend(piece.scopes),
            None => held.push(piece),
        }
    }
    held.sort_by_key(|piece| piece.span.from);
}

impl Town<'_> {
    /// Labels of the whole town.
    pub fn labels(&self) -> Labels {
        Labels {
            municipality: self.slug.to_owned(),
            municipality_name: self.name.to_owned(),
            ..Labels::default()
        }
    }

    /// Whether a scope is for the requested purpose.
    pub fn wants(&self, scope: &Scope) -> bool {
        self.purpose.is_none_or(|purpose| scope.key.purpose == purpose)
    }

    /// Whether a bay was shown, and for the requested purpose, in a piece of time.
    fn wants_piece(&self, piece: &Piece) -> bool {
        let scope = self.scopes.iter().find(|scope| piece.scopes.contains(&scope.id));
        piece.is_shown && scope.is_none_or(|scope| self.wants(scope))
    }

    /// Whether a bay counted in the whole town in a piece of time, and was for the requested purpose.
    fn counts_in_town(&self, piece: &Piece) -> bool {
        let is_of_town = |scope: &&Scope| {
            let is_all = scope.key.kind == ScopeKind::Municipality && scope.key.audience.is_none();
            is_all && piece.scopes.contains(&scope.id)
        };
        self.scopes.iter().find(is_of_town).is_some_and(|scope| self.wants(scope))
    }

    fn wants_now(&self, bay: BayId, registry: &Registry) -> bool {
        let is_for = |purpose| registry.bay(bay).is_some_and(|bay| registry.purpose_of(&bay.def) == purpose);
        self.purpose.is_none_or(is_for)
    }

    /// Whether a bay is or ever was for the requested purpose.
    pub fn wants_bay(&self, bay: BayId, registry: &Registry) -> bool {
        let pieces = self.timelines.bays.get(&bay).map_or(&[][..], |timeline| &timeline.pieces);
        self.wants_now(bay, registry) || pieces.iter().any(|piece| self.wants_piece(piece))
    }

    /// Whether a site has, or had, a count of its own.
    pub fn is_counted(&self, site: SiteId) -> bool {
        self.scopes.iter().any(|s| s.key.is_counted && s.key.site == Some(site) && s.key.audience.is_none())
    }
}

/// The times of a bay that belong to a group whose bays are read one by one.
fn pieces<'a>(
    town: &Town<'_>,
    registry: &Registry,
    bays: &Bays<'_>,
    bay: BayId,
    timeline: &'a Timeline,
) -> Vec<&'a Piece> {
    let is_in = |bbox: &Bbox, position: Option<LatLon>| position.is_some_and(|at| bbox.contains(at));
    let site = || site_of(bay, registry).and_then(|site| registry.site(site)).map(|site| &site.def);
    let of_bay = |bbox| {
        let shown = site().is_none_or(|site| site.publish != Publish::None);
        shown && is_in(bbox, registry.bay(bay).map(|bay| bay.def.position()))
    };
    let of_site = |bbox| {
        let shown = site().filter(|site| site.publish != Publish::None);
        is_in(bbox, shown.map(|site| site.position()))
    };
    let is_wanted = |piece: &&Piece| match bays {
        Bays::OfScopes => false,
        Bays::One(one) => *one == bay && town.wants_piece(piece),
        Bays::In(bbox) => {
            town.counts_in_town(piece) && if piece.is_shown { of_bay(bbox) } else { of_site(bbox) }
        }
    };
    timeline.pieces.iter().filter(is_wanted).collect()
}

fn of_group(group: ScopeId, piece: &Piece) -> Piece {
    Piece { scopes: [group].into_iter().collect(), ..piece.clone() }
}
