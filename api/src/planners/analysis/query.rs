//! Parameters of figures about parking.

use std::sync::Arc;

use domain::day_kind::TownDays;
use domain::intervals::Span;
use domain::occupancy::{Filter, TownTime};
use domain::place::{Publish, Purpose};
use domain::registry::Entry;
use domain::{Bay, BayId, Bbox, MunicipalityId, Registry, SiteId};
use jiff::tz::TimeZone;

use crate::http::auth::Asker;
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::http::table::Shape;
use crate::planners::period;
use crate::planners::planning::{SeenBy, Viewer};

/// Which places.
#[derive(Debug, Clone, PartialEq)]
pub enum Places {
    Bay(BayId),
    Site(SiteId),
    Zone(String),
    Municipality,
    Bbox(Bbox),
}

domain::wire_enum! {
    /// What makes a group.
    GroupBy {
        Bay = "bay", Site = "site", Zone = "zone", Restriction = "restriction", Municipality = "municipality",
    }
}

/// A municipality of a request: its zone, its calendar, and the period in them.
pub struct TownQuery {
    pub id: MunicipalityId,
    pub seen_by: SeenBy,
    pub period: Span,
    pub time: TownTime,
}

/// A parsed request.
pub struct FiguresQuery {
    pub places: Places,
    /// What is parked there; `None`: whatever the named place is for.
    pub purpose: Option<Purpose>,
    /// In the order of their slugs.
    pub towns: Vec<Arc<TownQuery>>,
    pub group_by: Option<GroupBy>,
    pub filter: Filter,
    pub shape: Shape,
    pub cache: &'static str,
}

impl FiguresQuery {
    /// Parses it; a caller that may see nothing of it learns nothing else.
    ///
    /// # Errors
    /// 400: a parameter is missing or wrong. 401, 403: the caller may not see it. 503: no database.
    pub async fn of(
        params: &Params<'_>,
        asker: &Asker,
        registry: &Registry,
        viewer: &Viewer,
    ) -> Result<Self, Problem> {
        let (places, mut asked) = places(params, registry, viewer)?;
        let group_by = params.text("group_by").map(|name| group_by(name, &places)).transpose()?;
        let minutes = match period::hours(params)? {
            Some((from, until)) if from % 15 != 0 || until % 15 != 0 => {
                let value = params.text("hours").unwrap_or_default();
                return Err(Problem::bad_parameter("hours", value, "'hours' is not in quarters of an hour.")
                    .remedy("Give full quarters, e.g. 09:00-18:15."));
            }
            minutes => minutes.map(|(from, until)| (from as i16, until as i16)),
        };
        let filter = Filter { days: period::days(params)?.unwrap_or_default(), minutes };
        let slug = |id| registry.municipality(id).map(|def| def.slug.as_str());
        asked.sort_by_key(|(id, _)| slug(*id));
        let mut towns = Vec::with_capacity(asked.len());
        for (id, seen_by) in asked {
            let Some(def) = registry.municipality(id) else { continue };
            let tz = TimeZone::get(&def.tz).unwrap_or(TimeZone::UTC);
            let period = period::period(params, &tz)?;
            let mut calendar = Vec::new();
            if !filter.days.is_empty() {
                let mut conn = asker.pool()?.acquire().await.map_err(store::StoreError::from)?;
                calendar = store::places::calendar(&mut conn, Some(id)).await?;
            }
            let time = TownTime { tz, days: TownDays::new(&def.ags, &calendar) };
            towns.push(Arc::new(TownQuery { id, seen_by, period, time }));
        }
        if towns.is_empty() {
            return Err(Problem::not_allowed());
        }
        let purpose = params.purpose()?;
        let is_named = matches!(places, Places::Bay(_) | Places::Site(_));
        Ok(FiguresQuery {
            purpose: (!is_named).then_some(purpose),
            places,
            towns,
            group_by,
            filter,
            shape: Shape::of(params, &asker.headers)?,
            cache: viewer.cache(),
        })
    }

    /// The name of a file with the answer about `what`, without its ending.
    pub fn file_stem(&self, what: &str) -> String {
        let from = self.towns.first().map(|town| town.period.from.to_string()).unwrap_or_default();
        format!("{what}-{}", from.get(..10).unwrap_or_default())
    }
}

fn group_by(name: &str, places: &Places) -> Result<GroupBy, Problem> {
    let possible: &[GroupBy] = match places {
        Places::Bay(_) => &[GroupBy::Bay],
        Places::Site(_) => &[GroupBy::Bay, GroupBy::Site, GroupBy::Restriction],
        Places::Bbox(_) => &[GroupBy::Bay, GroupBy::Site, GroupBy::Municipality],
        Places::Zone(_) => {
            &[GroupBy::Bay, GroupBy::Site, GroupBy::Zone, GroupBy::Restriction, GroupBy::Municipality]
        }
        Places::Municipality => GroupBy::ALL,
    };
    name.parse().ok().filter(|by| possible.contains(by)).ok_or_else(|| {
        let names: Vec<&str> = possible.iter().map(|by| by.as_str()).collect();
        Problem::bad_parameter("group_by", name, format!("These places cannot be grouped by '{name}'."))
            .remedy(format!("One of {}, or leave it out.", names.join(", ")))
    })
}

type Named = (Places, Vec<(MunicipalityId, SeenBy)>);

fn places(params: &Params<'_>, registry: &Registry, viewer: &Viewer) -> Result<Named, Problem> {
    let named: Vec<&str> =
        ["bay", "site", "zone", "bbox"].into_iter().filter(|name| params.text(name).is_some()).collect();
    if let [_, second, ..] = named[..] {
        let value = params.text(second).unwrap_or_default();
        return Err(Problem::bad_parameter(second, value, format!("'{}' is given as well.", named[0]))
            .remedy("Ask for one of bay, site, zone, bbox; municipality may stand beside zone and bbox."));
    }
    let municipality = params.municipality(registry)?;
    let owners = match municipality {
        Some(id) => vec![(id, viewer.of_municipality(id)?)],
        None => viewer.sees.clone(),
    };
    match named.first() {
        Some(&"bay") => {
            let key = params.text("bay").unwrap_or_default();
            // A hidden bay has no figures of its own, for nobody.
            let is_shown = |bay: &&Entry<BayId, Bay>| {
                let site = bay.def.site.as_deref().and_then(|key| registry.site_by_key(key));
                bay.def.publish() == Publish::Public
                    && site.is_none_or(|site| site.def.publish != Publish::None)
            };
            let bay = registry.bay_by_key(key).filter(is_shown).ok_or_else(|| unknown("bay", key))?;
            let by = seen(viewer, bay.municipality, true).ok_or_else(|| unknown("bay", key))??;
            Ok((Places::Bay(bay.id), vec![(bay.municipality, by)]))
        }
        Some(&"site") => {
            let key = params.text("site").unwrap_or_default();
            let site = registry.site_by_key(key).ok_or_else(|| unknown("site", key))?;
            let by = seen(viewer, site.municipality, site.def.publish != Publish::None)
                .ok_or_else(|| unknown("site", key))??;
            Ok((Places::Site(site.id), vec![(site.municipality, by)]))
        }
        Some(&"zone") => Ok((Places::Zone(params.text("zone").unwrap_or_default().to_owned()), owners)),
        Some(_) => {
            let bbox = params.bbox()?.ok_or_else(Problem::internal)?;
            Ok((Places::Bbox(bbox), owners))
        }
        // Everything that the caller may see, by municipality.
        None if municipality.is_some() || params.text("group_by") == Some("municipality") => {
            Ok((Places::Municipality, owners))
        }
        None => Err(Problem::missing_parameter(
            "municipality",
            "Say which places: bay=ID, site=ID, zone=ID, municipality=SLUG or bbox=W,S,E,N; all with group_by=municipality.",
        )),
    }
}

/// How the viewer may see a place; `None`: it does not exist for the viewer.
fn seen(viewer: &Viewer, owner: MunicipalityId, is_public: bool) -> Option<Result<SeenBy, Problem>> {
    match viewer.of_municipality(owner) {
        Ok(SeenBy::Planner) => Some(Ok(SeenBy::Planner)),
        other if is_public => Some(other),
        _ => None,
    }
}

fn unknown(kind: &str, key: &str) -> Problem {
    Problem::bad_parameter(kind, key, format!("There is no {kind} '{key}'."))
        .remedy(format!("GET /v1/{kind}s lists the public ones."))
}
