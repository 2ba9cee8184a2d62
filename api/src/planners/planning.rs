//! Who may see planners' figures: planners those of their municipalities, everybody those of a
//! municipality that says so (`public_planning`).

use domain::{MunicipalityId, Registry};

use crate::http::answer::LIVE;
use crate::http::auth::{Asker, Role};
use crate::http::permits::Holder;
use crate::http::problem::Problem;
use domain::address::network_of;

/// How a caller may see a municipality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenBy {
    /// With a planner's key for it, or the county's.
    Planner,
    /// Small groups are withheld.
    Public,
}

/// What a caller may see.
#[derive(Debug)]
pub struct Viewer {
    /// Whether it has a key at all, of whatever role.
    has_key: bool,
    /// Whose permits its requests take.
    pub holder: Option<Holder>,
    /// All that it sees.
    pub sees: Vec<(MunicipalityId, SeenBy)>,
}

impl Viewer {
    /// Authenticates the caller. Call it before anything else of the request is looked at: who may see nothing learns
    /// nothing else.
    ///
    /// # Errors
    /// 401, 403: there is no municipality whose figures this caller may see. 503: the database does
    /// not answer.
    pub async fn of(asker: &Asker, registry: &Registry) -> Result<Self, Problem> {
        let caller = asker.caller().await?;
        let planner = caller.as_ref().filter(|caller| caller.is(Role::Planner));
        let planned = planner.map(|caller| caller.municipalities(registry)).unwrap_or_default();
        let seen_by = |id, is_public| match (planned.contains(&id), is_public) {
            (true, _) => Some(SeenBy::Planner),
            (false, true) => Some(SeenBy::Public),
            (false, false) => None,
        };
        let sees =
            registry.municipalities().filter_map(|(id, m)| Some((id, seen_by(id, m.public_planning)?)));
        let holder = match &caller {
            Some(caller) => Some(caller.holder()),
            None => asker.address.map(|address| Holder::Address(network_of(address))),
        };
        let viewer = Viewer { has_key: caller.is_some(), holder, sees: sees.collect() };
        if viewer.sees.is_empty() { Err(viewer.refusal()) } else { Ok(viewer) }
    }

    /// How it may see `municipality`.
    ///
    /// # Errors
    /// 401, 403: not at all.
    pub fn of_municipality(&self, municipality: MunicipalityId) -> Result<SeenBy, Problem> {
        let seen = self.sees.iter().find(|(id, _)| *id == municipality);
        seen.map(|(_, by)| *by).ok_or_else(|| self.refusal())
    }

    /// `Cache-Control` of its answers: what needs a key is not stored by caches.
    pub fn cache(&self) -> &'static str {
        if self.has_key { "no-store" } else { LIVE }
    }

    fn refusal(&self) -> Problem {
        if self.has_key { Problem::not_allowed() } else { Problem::key_needed() }
    }
}
