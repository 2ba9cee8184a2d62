//! References exist.

use std::collections::HashMap;

use domain::place::PlaceKind;

use super::view::View;
use crate::nearest::did_you_mean;
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;

/// Among more names no near one is looked for: a wrong column would compare all with all.
const MAX_COMPARED: usize = 1_000;

pub(super) fn check(files: &PlaceFiles, view: &View, problems: &mut FileProblems) {
    let mut check = Check { problems };
    for Located { value: site, at } in &files.sites {
        check.municipality(at, "municipality", &site.municipality, view);
    }
    for Located { value: bay, at } in &files.bays {
        check.municipality(at, "municipality", &bay.municipality, view);
        check.optional(at, "site", bay.site.as_deref(), &view.sites, "sites.geojson");
    }
    for Located { value: vehicle, at } in &files.vehicles {
        if vehicle.owner.is_empty() {
            let message = "is missing, and there is no single county to own the vehicle";
            check.problems.push(FileProblem::at(at, message, "write the owner's slug").field("owner"));
        } else {
            check.municipality(at, "owner", &vehicle.owner, view);
        }
    }
    for Located { value: feed, at } in &files.feeds {
        check.municipality(at, "municipality", &feed.municipality, view);
        check.optional(at, "broker", feed.broker.as_deref(), &view.brokers, "[[broker]] in feeds.toml");
    }
    for Located { value: notice, at } in &files.notices {
        check.municipality(at, "municipality", &notice.municipality, view);
        check.optional(at, "broker", notice.broker.as_deref(), &view.brokers, "[[broker]] in feeds.toml");
    }
    for Located { value: day, at } in &files.calendar {
        check.municipality(at, "municipality", &day.municipality, view);
    }
    for Located { value: rule, at } in &files.on_demand {
        check.optional(
            at,
            "municipality",
            rule.municipality.as_deref(),
            &view.municipalities,
            "municipalities.csv",
        );
    }
    for Located { value: taxi, at } in &files.taxis {
        check.municipality(at, "municipality", &taxi.municipality, view);
    }
    for Located { value: area, at } in &files.on_demand_areas {
        check.municipality(at, "municipality", &area.municipality, view);
    }
    for Located { value: row, at } in &files.closures {
        match row.kind {
            Some(PlaceKind::Site) => {
                check.optional(at, "place", Some(&row.place), &view.sites, "sites.geojson");
            }
            Some(PlaceKind::Bay) => check.optional(at, "place", Some(&row.place), &view.bays, "bays.geojson"),
            None => check.any_place(at, &row.place, view),
        }
    }
    for Located { value: row, at } in &files.sensors {
        check.optional(at, "feed", Some(&row.feed), &view.feeds, "[[feed]] in feeds.toml");
        check.optional(at, "bay", row.bay.as_deref(), &view.bays, "bays.geojson");
        check.optional(at, "site", row.site.as_deref(), &view.sites, "sites.geojson");
        check.optional(at, "vehicle", row.vehicle.as_deref(), &view.vehicles, "vehicles.csv");
    }
}

struct Check<'p> {
    problems: &'p mut FileProblems,
}

impl Check<'_> {
    fn municipality(&mut self, at: &Location, field: &str, slug: &str, view: &View) {
        self.optional(at, field, Some(slug), &view.municipalities, "municipalities.csv");
    }

    /// Of a closure that names no kind: neither a site nor a bay has this id, or both have.
    fn any_place(&mut self, at: &Location, id: &str, view: &View) {
        let problem = if view.kinds_of(id).is_empty() {
            let message = "exists neither in the files nor in the database, as a site or as a bay";
            FileProblem::at(at, message, "add it to sites.geojson or bays.geojson, or correct the name")
        } else {
            let remedy = "write site or bay in the column 'kind'";
            FileProblem::at(at, "is the id of a site and of a bay", remedy)
        };
        self.problems.push(problem.field("place").value(id));
    }

    fn optional<T>(
        &mut self,
        at: &Location,
        field: &str,
        id: Option<&str>,
        known: &HashMap<&str, T>,
        home: &str,
    ) {
        let Some(id) = id.filter(|id| !known.contains_key(id)) else { return };
        self.problems.push_with(|| {
            // In the order of the names: the same files give the same words.
            let mut names: Vec<&str> =
                if known.len() <= MAX_COMPARED { known.keys().copied().collect() } else { Vec::new() };
            names.sort_unstable();
            let remedy = format!("{}add it to {home}, or correct the name", did_you_mean(id, names));
            let message = "exists neither in the files nor in the database";
            FileProblem::at(at, message, remedy).field(field).value(id)
        });
    }
}
