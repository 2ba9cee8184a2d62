//! An id never goes from one municipality to another.

use std::collections::HashMap;

use super::view::View;
use crate::problem::{FileProblem, Located};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;
use domain::catalogue::Catalogue;

pub(super) fn check(files: &PlaceFiles, known: &Catalogue, view: &View, problems: &mut FileProblems) {
    let mut check = Check { view, problems };
    check.each("site", &known.sites, &files.sites, |s| (&s.id, &s.municipality));
    check.each("bay", &known.bays, &files.bays, |b| (&b.id, &b.municipality));
    check.each("vehicle", &known.vehicles, &files.vehicles, |v| (&v.id, &v.owner));
    check.each("feed", &known.feeds, &files.feeds, |f| (&f.id, &f.municipality));
    check.each("notice", &known.notices, &files.notices, |n| (&n.id, &n.municipality));
    let known_areas = known.on_demand_areas.as_deref().unwrap_or_default();
    check.each("area", known_areas, &files.on_demand_areas, |a| (&a.id, &a.municipality));
    let known_taxis = known.taxis.as_deref().unwrap_or_default();
    check.each("taxi", known_taxis, &files.taxis, |t| (&t.id, &t.municipality));
    let known_feeds: HashMap<&str, &str> = known.feeds.iter().map(|f| (&*f.id, &*f.municipality)).collect();
    let feed_owner = |feed: &str| view.feeds.get(feed).map(|f| &*f.municipality);
    check.each("sensor", &known.sensors, &files.sensors, |row| {
        let owner = known_feeds.get(&*row.feed).copied().or_else(|| feed_owner(&row.feed));
        (&row.id, owner.unwrap_or_default())
    });
}

struct Check<'a> {
    view: &'a View<'a>,
    problems: &'a mut FileProblems,
}

impl Check<'_> {
    /// New definitions whose id belongs to another municipality.
    fn each<'d, T>(
        &mut self,
        what: &str,
        known: &'d [T],
        new: &'d [Located<T>],
        id_and_owner: impl Fn(&'d T) -> (&'d str, &'d str),
    ) {
        let owners: HashMap<&str, &str> = known.iter().map(&id_and_owner).collect();
        for Located { value, at } in new {
            let (id, wanted) = id_and_owner(value);
            let owner = owners.get(id).copied().unwrap_or_default();
            if owner == wanted || owner.is_empty() || wanted.is_empty() {
                continue;
            }
            let [owner, wanted] = [owner, wanted].map(|slug| self.view.municipality_name(slug));
            let message = format!("this {what} belongs to {owner}, not to {wanted}");
            self.problems.push(FileProblem::at(at, message, "use another id").field("id").value(id));
        }
    }
}
