//! Definitions after the import, by id.

use std::collections::HashMap;

use domain::place::{Bay, Municipality, PlaceKind, Site, Vehicle};
use domain::sensor::SensorRow;
use domain::{Broker, Feed};

use crate::problem::Located;
use crate::read::PlaceFiles;
use domain::catalogue::Catalogue;

/// Definitions by id; those of the files stand before known ones.
pub(crate) struct View<'a> {
    pub municipalities: HashMap<&'a str, &'a Municipality>,
    pub sites: HashMap<&'a str, &'a Site>,
    pub bays: HashMap<&'a str, &'a Bay>,
    pub vehicles: HashMap<&'a str, &'a Vehicle>,
    pub brokers: HashMap<&'a str, &'a Broker>,
    pub feeds: HashMap<&'a str, &'a Feed>,
}

impl<'a> View<'a> {
    pub(crate) fn new(files: &'a PlaceFiles, known: &'a Catalogue) -> Self {
        View {
            municipalities: by_id(&known.municipalities, &files.municipalities, |m| &m.slug),
            sites: by_id(&known.sites, &files.sites, |s| &s.id),
            bays: by_id(&known.bays, &files.bays, |b| &b.id),
            vehicles: by_id(&known.vehicles, &files.vehicles, |v| &v.id),
            brokers: by_id(&known.brokers, &files.brokers, |b| &b.id),
            feeds: by_id(&known.feeds, &files.feeds, |f| &f.id),
        }
    }

    /// `Coesfeld (coesfeld)`, or the slug alone.
    pub(super) fn municipality_name(&self, slug: &str) -> String {
        self.municipalities.get(slug).map_or_else(|| slug.to_owned(), |m| format!("{} ({slug})", m.name))
    }

    /// The kinds of places with this id.
    pub(crate) fn kinds_of(&self, place: &str) -> Vec<PlaceKind> {
        PlaceKind::ALL.iter().copied().filter(|kind| self.owner_of(*kind, place).is_some()).collect()
    }

    /// The municipality of the place of this kind with this id.
    pub(crate) fn owner_of(&self, kind: PlaceKind, place: &str) -> Option<&'a str> {
        match kind {
            PlaceKind::Site => self.sites.get(place).map(|site| site.municipality.as_str()),
            PlaceKind::Bay => self.bays.get(place).map(|bay| bay.municipality.as_str()),
        }
    }

    /// The municipality of the place that a row names, if there is such a place.
    pub(super) fn owner_of_target(&self, row: &SensorRow) -> Option<&'a str> {
        let (kind, id) = row.target()?;
        match kind {
            "bay" => self.bays.get(id).map(|bay| bay.municipality.as_str()),
            "site" => self.sites.get(id).map(|site| site.municipality.as_str()),
            _ => self.vehicles.get(id).map(|vehicle| vehicle.owner.as_str()),
        }
    }
}

fn by_id<'a, T>(
    known: &'a [T],
    new: &'a [Located<T>],
    id: impl Fn(&'a T) -> &'a str,
) -> HashMap<&'a str, &'a T> {
    known.iter().chain(new.iter().map(|n| &n.value)).map(|t| (id(t), t)).collect()
}
