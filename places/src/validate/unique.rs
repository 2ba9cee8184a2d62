//! Unique ids.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;
use domain::catalogue::Catalogue;

pub(super) fn check(files: &PlaceFiles, known: &Catalogue, problems: &mut FileProblems) {
    ids_once("slug", &files.municipalities, |m| &m.slug, problems);
    ids_once("id", &files.sites, |s| &s.id, problems);
    ids_once("id", &files.bays, |b| &b.id, problems);
    ids_once("id", &files.vehicles, |v| &v.id, problems);
    ids_once("id", &files.brokers, |b| &b.id, problems);
    ids_once("id", &files.feeds, |f| &f.id, problems);
    ids_once("id", &files.fares, |f| &f.id, problems);
    ids_once("id", &files.passes, |p| &p.id, problems);
    ids_once("id", &files.on_demand_areas, |a| &a.id, problems);
    ids_once("id", &files.taxis, |t| &t.id, problems);
    ids_once("id", &files.notices, |n| &n.id, problems);
    official_keys_once(files, known, problems);
}

fn ids_once<'a, T>(
    field: &str,
    items: &'a [Located<T>],
    id: impl Fn(&'a T) -> &'a str,
    problems: &mut FileProblems,
) {
    problems.extend(repeated(items, &id).map(|(item, earlier)| {
        let remedy = "give one of them another id, or delete it";
        let problem = FileProblem::at(&item.at, format!("stands twice: also in {earlier}"), remedy);
        problem.field(field).value(id(&item.value))
    }));
}

/// Items whose key an earlier one has, with where the first one stands.
pub(super) fn repeated<'a, T, K: Eq + Hash>(
    items: &'a [Located<T>],
    key: impl Fn(&'a T) -> K,
) -> impl Iterator<Item = (&'a Located<T>, &'a Location)> {
    let mut first: HashMap<K, &Location> = HashMap::new();
    items.iter().filter_map(move |item| match first.entry(key(&item.value)) {
        Entry::Occupied(earlier) => Some((item, *earlier.get())),
        Entry::Vacant(free) => {
            free.insert(&item.at);
            None
        }
    })
}

fn official_keys_once(files: &PlaceFiles, known: &Catalogue, problems: &mut FileProblems) {
    let mut slug_of: HashMap<&str, &str> = HashMap::new();
    let replaced = |slug: &str| files.municipalities.iter().any(|m| m.value.slug == slug);
    slug_of.extend(known.municipalities.iter().filter(|m| !replaced(&m.slug)).map(|m| (&*m.ags, &*m.slug)));
    for Located { value, at } in &files.municipalities {
        match slug_of.insert(&value.ags, &value.slug) {
            Some(other) if other != value.slug => {
                let message = format!("is also the key of '{other}'");
                let problem = FileProblem::at(at, message, "write each municipality's own key");
                problems.push(problem.field("ags").value(&value.ags));
            }
            _ => {}
        }
    }
}
