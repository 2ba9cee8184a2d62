//! The groups of places that a question is answered for, and what their figures are made of.

use std::collections::{BTreeMap, HashMap};

use domain::inclusion::MIN_HIDDEN_BAYS;
use domain::intervals::{Piece, ScopeId, Span, Timeline};
use domain::occupancy::Possible;
use domain::place::{Publish, Purpose};
use domain::{BayId, Bbox, LatLon, MunicipalityId, Registry, SiteId};
use jiff::tz::TimeZone;
use store::Pool;
use store::analysis::{self, Scope, ScopeKind, Timelines};

use super::crowds::Crowd;
use super::question::{self, GroupBy, Places, Question};
use crate::http::problem::Problem;
use crate::planners::planning::SeenBy;

/// Of fewer bays nothing is told to everybody.
pub const MIN_BAYS: i64 = MIN_HIDDEN_BAYS as i64;

/// What a row is about; `None`: not told apart.
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
struct Town<'a> {
    asked: &'a question::Town,
    slug: &'a str,
    name: &'a str,
    /// What is parked in the places that are asked for; `None`: whatever.
    purpose: Option<Purpose>,
    scopes: Vec<Scope>,
    timelines: Timelines,
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
    /// Finds the groups of `question` in `asked`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn of(
        question: &Question,
        asked: &question::Town,
        registry: &Registry,
        pool: &Pool,
    ) -> Result<Self, Problem> {
        let mut conn = pool.acquire().await.map_err(store::StoreError::from)?;
        let mut parts = Parts::default();
        let Some(def) = registry.municipality(asked.id) else { return Ok(parts) };
        let timelines = analysis::timelines(&mut conn, asked.id).await?;
        let town = Town {
            asked,
            slug: &def.slug,
            name: &def.name,
            purpose: question.purpose,
            scopes: scopes(&mut conn, asked.id, &timelines).await?,
            timelines,
        };
        parts.add_town(&town, question, registry);
        parts.add_crowds(asked.id, &town.scopes, &town.timelines.bays);
        Ok(parts)
    }

    fn add_town(&mut self, town: &Town<'_>, question: &Question, registry: &Registry) {
        let (places, by) = (&question.places, question.group_by);
        if by == Some(GroupBy::Bay) || matches!(places, Places::Bay(_)) {
            for bay in bays_of(town, places, registry) {
                let Some(def) = registry.bay(bay) else { continue };
                let site = site_of(bay, registry).and_then(|site| Some(&registry.site(site)?.def));
                let site =
                    site.filter(|def| town.asked.seen_by == SeenBy::Planner || def.publish != Publish::None);
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
                let site = s.site.filter(|_| s.is_counted && s.audience.is_none() && town.wants(s));
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
        for scope in town.scopes.iter().filter(|scope| is_asked(scope, town, places, by, registry)) {
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
        // A group of one bay looks at no other: there may be thousands of such groups.
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
            let held = self.bays.entry((town.asked.id, *bay, !is_single)).or_default();
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
            self.sites.push((town.asked.id, *site, audience.clone(), timeline));
        }
        for id in ids {
            self.scopes.entry(town.asked.id).or_default().entry(id).or_default().push(group);
        }
        let possible = Possible::of(possible);
        let spaces = possible.most(town.asked.period);
        let zone = town.asked.time.tz.clone();
        self.groups.push(Group { labels, zone, seen_by: town.asked.seen_by, possible, spaces });
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
    fn labels(&self) -> Labels {
        Labels {
            municipality: self.slug.to_owned(),
            municipality_name: self.name.to_owned(),
            ..Labels::default()
        }
    }

    fn wants(&self, scope: &Scope) -> bool {
        self.purpose.is_none_or(|purpose| scope.purpose == purpose)
    }

    /// Whether a bay was shown, and for what is asked for, in a piece of time.
    fn wants_piece(&self, piece: &Piece) -> bool {
        let scope = self.scopes.iter().find(|scope| piece.scopes.contains(&scope.id));
        piece.is_shown && scope.is_none_or(|scope| self.wants(scope))
    }

    /// Whether a bay counted in the whole town in a piece of time, and was for what is asked for.
    fn counts_in_town(&self, piece: &Piece) -> bool {
        let is_of_town = |scope: &&Scope| {
            let is_all = scope.kind == ScopeKind::Municipality && scope.audience.is_none();
            is_all && piece.scopes.contains(&scope.id)
        };
        self.scopes.iter().find(is_of_town).is_some_and(|scope| self.wants(scope))
    }

    fn wants_now(&self, bay: BayId, registry: &Registry) -> bool {
        let is_for = |purpose| registry.bay(bay).is_some_and(|bay| registry.purpose_of(&bay.def) == purpose);
        self.purpose.is_none_or(is_for)
    }

    /// Whether a bay is or ever was for what is asked for.
    fn wants_bay(&self, bay: BayId, registry: &Registry) -> bool {
        let pieces = self.timelines.bays.get(&bay).map_or(&[][..], |timeline| &timeline.pieces);
        self.wants_now(bay, registry) || pieces.iter().any(|piece| self.wants_piece(piece))
    }

    fn is_counted(&self, site: SiteId) -> bool {
        self.scopes.iter().any(|s| s.is_counted && s.site == Some(site) && s.audience.is_none())
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

fn site_of(bay: BayId, registry: &Registry) -> Option<SiteId> {
    registry.site_by_key(registry.bay(bay)?.def.site.as_deref()?).map(|site| site.id)
}

fn zone_of(bay: BayId, registry: &Registry) -> Option<&str> {
    let own = registry.bay(bay)?.def.zone.as_deref();
    own.or_else(|| registry.site(site_of(bay, registry)?)?.def.zone.as_deref())
}

fn bays_of(town: &Town<'_>, places: &Places, registry: &Registry) -> Vec<BayId> {
    let is_in = |bay: BayId| match places {
        Places::Bay(id) => bay == *id,
        Places::Site(site) => site_of(bay, registry) == Some(*site),
        Places::Zone(zone) => zone_of(bay, registry) == Some(zone),
        Places::Municipality => true,
        Places::Bbox(bbox) => registry.bay(bay).is_some_and(|b| bbox.contains(b.def.position())),
    };
    let is_seen = |bay: BayId| {
        // Who may be seen nowhere counts nowhere, nor do the bays of such a site.
        let of_site = site_of(bay, registry).and_then(|site| registry.site(site));
        if of_site.is_some_and(|site| site.def.publish == Publish::None) {
            return false;
        }
        registry.bay(bay).is_some_and(|b| b.def.publish() == Publish::Public)
    };
    let mut bays: Vec<BayId> =
        town.timelines.bays.keys().copied().filter(|bay| is_in(*bay) && is_seen(*bay)).collect();
    bays.retain(|bay| town.wants_bay(*bay, registry));
    bays.sort_by_key(|bay| registry.bay(*bay).map(|b| b.def.id.clone()));
    bays
}

fn is_site_in(site: SiteId, places: &Places, registry: &Registry) -> bool {
    let Some(def) = registry.site(site).map(|s| &s.def) else { return false };
    match places {
        _ if def.publish == Publish::None => false,
        Places::Bay(_) => false,
        Places::Site(id) => *id == site,
        Places::Zone(zone) => def.zone.as_deref() == Some(zone),
        Places::Municipality => true,
        Places::Bbox(bbox) => bbox.contains(def.position()),
    }
}

/// Whether figures of `scope` belong to the answer.
fn is_asked(
    scope: &Scope,
    town: &Town<'_>,
    places: &Places,
    by: Option<GroupBy>,
    registry: &Registry,
) -> bool {
    let by_restriction = by == Some(GroupBy::Restriction);
    if scope.audience.is_some() != by_restriction || !town.wants(scope) {
        return false;
    }
    let kind = match (places, by) {
        (_, Some(GroupBy::Site)) | (Places::Site(_), _) => ScopeKind::Site,
        (_, Some(GroupBy::Zone)) | (Places::Zone(_), _) => ScopeKind::Zone,
        _ => ScopeKind::Municipality,
    };
    if scope.kind != kind {
        return false;
    }
    match kind {
        ScopeKind::Municipality => true,
        ScopeKind::Zone => match places {
            Places::Zone(zone) => scope.zone.as_ref() == Some(zone),
            _ => true,
        },
        ScopeKind::Site => scope.site.is_some_and(|site| {
            // A count holds over the bays.
            is_site_in(site, places, registry) && scope.is_counted == town.is_counted(site)
        }),
    }
}

fn labels(
    scope: &Scope,
    town: &Town<'_>,
    places: &Places,
    by: Option<GroupBy>,
    registry: &Registry,
) -> Labels {
    let mut labels = town.labels();
    if by == Some(GroupBy::Restriction) {
        labels.restriction.clone_from(&scope.audience);
    }
    match (by, places) {
        (Some(GroupBy::Site), _) | (_, Places::Site(_)) => {
            let site = scope.site.and_then(|site| Some(&registry.site(site)?.def));
            labels.site = site.map(|def| def.id.clone());
            labels.site_name = site.map(|def| def.name.clone());
        }
        (Some(GroupBy::Zone), _) | (_, Places::Zone(_)) => labels.zone.clone_from(&scope.zone),
        _ => {}
    }
    labels
}
