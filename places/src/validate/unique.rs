//! Unique ids.

use std::collections::HashMap;

use crate::existing::Existing;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, known: &Existing, problems: &mut FileProblems) {
    each_once("slug", &files.municipalities, |m| &m.slug, problems);
    each_once("id", &files.sites, |s| &s.id, problems);
    each_once("id", &files.bays, |b| &b.id, problems);
    each_once("id", &files.vehicles, |v| &v.id, problems);
    each_once("id", &files.brokers, |b| &b.id, problems);
    each_once("id", &files.feeds, |f| &f.id, problems);
    official_keys_once(files, known, problems);
}

fn each_once<'a, T>(
    field: &str,
    items: &'a [Located<T>],
    id: impl Fn(&'a T) -> &'a str,
    problems: &mut FileProblems,
) {
    let mut first: HashMap<&str, &Location> = HashMap::new();
    for item in items {
        let id = id(&item.value);
        if let Some(earlier) = first.get(id) {
            let remedy = "give one of them another id, or delete it";
            let problem = FileProblem::at(&item.at, format!("stands twice: also in {earlier}"), remedy);
            problems.push(problem.field(field).value(id));
        } else {
            first.insert(id, &item.at);
        }
    }
}

fn official_keys_once(files: &PlaceFiles, known: &Existing, problems: &mut FileProblems) {
    let mut slug_of: HashMap<&str, &str> = HashMap::new();
    let replaced = |slug: &str| files.municipalities.iter().any(|m| m.value.slug == slug);
    slug_of.extend(known.municipalities.iter().filter(|m| !replaced(&m.slug)).map(|m| (&*m.ags, &*m.slug)));
    for Located { value, at } in &files.municipalities {
        match slug_of.insert(&value.ags, &value.slug) {
            Some(other) if other != value.slug => problems.push(
                FileProblem::at(
                    at,
                    format!("is also the key of '{other}'"),
                    "write each municipality's own key",
                )
                .field("ags")
                .value(&value.ags),
            ),
            _ => {}
        }
    }
}
