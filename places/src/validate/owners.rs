//! An id never goes from one municipality to another.

use std::collections::HashMap;

use super::view::View;
use crate::existing::Existing;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, known: &Existing, view: &View, problems: &mut FileProblems) {
    let mut taken = |what: &str, id: &str, at: &Location, owner: &str, wanted: &str| {
        let message = format!(
            "this {what} belongs to {}, not to {}",
            view.municipality_name(owner),
            view.municipality_name(wanted)
        );
        problems.push(FileProblem::at(at, message, "use another id").field("id").value(id));
    };
    each(&known.sites, &files.sites, |s| (&s.id, &s.municipality), |i, at, a, b| taken("site", i, at, a, b));
    each(&known.bays, &files.bays, |b| (&b.id, &b.municipality), |i, at, a, b| taken("bay", i, at, a, b));
    each(
        &known.vehicles,
        &files.vehicles,
        |v| (&v.id, &v.owner),
        |i, at, a, b| taken("vehicle", i, at, a, b),
    );
    each(&known.feeds, &files.feeds, |f| (&f.id, &f.municipality), |i, at, a, b| taken("feed", i, at, a, b));

    let known_feeds: HashMap<&str, &str> = known.feeds.iter().map(|f| (&*f.id, &*f.municipality)).collect();
    let feed_owner = |feed: &str| view.feeds.get(feed).map(|f| &*f.municipality);
    each(
        &known.sensors,
        &files.sensors,
        |row| {
            (
                &row.id,
                known_feeds.get(&*row.feed).copied().or_else(|| feed_owner(&row.feed)).unwrap_or_default(),
            )
        },
        |i, at, a, b| taken("sensor", i, at, a, b),
    );
}

/// Calls `taken(id, at, owner, wanted)` for each new definition whose id another one owns.
fn each<'a, T>(
    known: &'a [T],
    new: &'a [Located<T>],
    id_and_owner: impl Fn(&'a T) -> (&'a str, &'a str),
    mut taken: impl FnMut(&str, &Location, &str, &str),
) {
    let owners: HashMap<&str, &str> = known.iter().map(&id_and_owner).collect();
    for Located { value, at } in new {
        let (id, wanted) = id_and_owner(value);
        if let Some(owner) = owners.get(id)
            && *owner != wanted
            && !wanted.is_empty()
            && !owner.is_empty()
        {
            taken(id, at, owner, wanted);
        }
    }
}
