//! The audit events of an import: the catalogue before it against the catalogue after it.

use std::collections::{BTreeMap, BTreeSet};

use domain::booking::OnDemandLine;
use domain::catalogue::Catalogue;
use domain::sensor::SensorRow;
use domain::{MunicipalityId, Registry};
use serde::Serialize;
use serde_json::{Value, json};

use super::fares;
use super::report::{ImportCounts, ImportReport};
use crate::audit::AuditEvent;

/// Names of what was added that the audit lists of each kind; of all it knows the number.
const ADDED_SHOWN: usize = 20;

/// Things of one kind by their ids, with their owners.
type Things = BTreeMap<String, (String, Value)>;

fn things<T: Serialize>(all: &[T], id: impl Fn(&T) -> &str, owner: impl Fn(&T) -> &str) -> Things {
    let thing =
        |t: &T| (id(t).to_owned(), (owner(t).to_owned(), serde_json::to_value(t).unwrap_or_default()));
    all.iter().map(thing).collect()
}

/// A sensor's rows are its bindings, together.
fn sensors(catalogue: &Catalogue) -> Things {
    let towns: BTreeMap<&str, &str> =
        catalogue.feeds.iter().map(|f| (f.id.as_str(), f.municipality.as_str())).collect();
    let mut sensors = Things::new();
    for row in &catalogue.sensors {
        let owner = towns.get(row.feed.as_str()).copied().unwrap_or_default();
        let rows =
            sensors.entry(row.id.clone()).or_insert_with(|| (owner.to_owned(), json!({"bindings": []})));
        if let Some(rows) = rows.1["bindings"].as_array_mut() {
            rows.push(serde_json::to_value(row).unwrap_or_default());
        }
    }
    sensors
}

/// Rules for lines have no ids: they are known by the rides they are about. Those of the county have no owner.
fn on_demand(catalogue: &Catalogue) -> Things {
    let thing = |rule: &OnDemandLine| {
        let owner = rule.municipality.clone().unwrap_or_default();
        (rule.scope().to_string(), (owner, serde_json::to_value(rule).unwrap_or_default()))
    };
    catalogue.on_demand.iter().flatten().map(thing).collect()
}

/// Fares and passes, which are the county's.
fn fares(catalogue: &Catalogue) -> Things {
    let all = catalogue.fares.as_ref().map(fares::definitions).unwrap_or_default();
    all.into_iter().map(|(id, (_, def))| (id, (String::new(), def))).collect()
}

const KINDS: [&str; 11] = [
    "municipality",
    "site",
    "bay",
    "vehicle",
    "feed",
    "sensor",
    "notice",
    "on_demand",
    "on_demand_area",
    "fare",
    "taxi",
];

/// In the order of [`KINDS`].
fn kinds(c: &Catalogue) -> [Things; 11] {
    [
        things(&c.municipalities, |m| &m.slug, |m| &m.slug),
        things(&c.sites, |s| &s.id, |s| &s.municipality),
        things(&c.bays, |b| &b.id, |b| &b.municipality),
        things(&c.vehicles, |v| &v.id, |v| &v.owner),
        things(&c.feeds, |f| &f.id, |f| &f.municipality),
        sensors(c),
        things(&c.notices, |n| &n.id, |n| &n.municipality),
        on_demand(c),
        things(c.on_demand_areas.as_deref().unwrap_or_default(), |a| &a.id, |a| &a.municipality),
        fares(c),
        things(c.taxis.as_deref().unwrap_or_default(), |t| &t.id, |t| &t.municipality),
    ]
}

/// The properties that differ, as they were and as they are.
fn differing(before: &Value, after: &Value) -> (Value, Value) {
    let names: BTreeSet<&String> =
        [before, after].into_iter().filter_map(Value::as_object).flat_map(|o| o.keys()).collect();
    let differ = names.into_iter().filter(|name| before[name.as_str()] != after[name.as_str()]);
    let both = differ.map(|n| ((n.clone(), before[n].clone()), (n.clone(), after[n].clone())));
    let (before, after): (serde_json::Map<_, _>, serde_json::Map<_, _>) = both.unzip();
    (before.into(), after.into())
}

/// What an import did to a thing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Added,
    Changed,
    Removed,
}

/// What an import did to one town's things, by kind: how many it added, changed and removed, and the ids of those that are
/// new.
#[derive(Default)]
struct OfTown {
    counts: BTreeMap<&'static str, ImportCounts>,
    new: BTreeMap<&'static str, Vec<String>>,
}

impl OfTown {
    fn note(&mut self, kind: &'static str, id: &str, deed: Deed) {
        let counts = self.counts.entry(kind).or_default();
        *match deed {
            Deed::Added => &mut counts.added,
            Deed::Changed => &mut counts.changed,
            Deed::Removed => &mut counts.removed,
        } += 1;
        let new = self.new.entry(kind).or_default();
        if deed == Deed::Added && new.len() < ADDED_SHOWN {
            new.push(id.to_owned());
        }
    }

    fn new_ids(&self) -> Value {
        let of = |kind| (kind, self.new.get(kind).cloned().unwrap_or_default());
        json!(KINDS.into_iter().map(of).collect::<BTreeMap<_, _>>())
    }

    /// By the names of the report.
    fn counts(&self) -> serde_json::Map<String, Value> {
        let count = |(kind, counts): (&&str, &ImportCounts)| {
            let name = match *kind {
                "municipality" => "municipalities".to_owned(),
                "on_demand" => "on_demand".to_owned(),
                kind => format!("{kind}s"),
            };
            (name, counted(counts))
        };
        self.counts.iter().map(count).collect()
    }
}

/// How many were added and changed, and removed where some were.
fn counted(counts: &ImportCounts) -> Value {
    let mut shown = json!({"added": counts.added, "changed": counts.changed});
    if counts.removed > 0 {
        shown["removed"] = counts.removed.into();
    }
    shown
}

/// The events of an import: itself, with how much it added and changed; each thing that it changed or removed; and each sensor
/// whose bindings it changed or began. Corrections have events of their own. An import for several towns has an event
/// for the county, and one for each town with the town's own changes only.
pub(super) fn events(
    before: &Catalogue,
    after: &Catalogue,
    report: &ImportReport,
    registry: &Registry,
) -> Vec<AuditEvent> {
    let mut events = Vec::new();
    let (mut of_towns, mut of_all) = (BTreeMap::<MunicipalityId, OfTown>::new(), OfTown::default());
    let corrected: BTreeSet<String> = report.corrections.iter().map(|c| c.subject()).collect();
    let town = |slug: &str| registry.municipality_id(slug);
    for ((kind, mut held), is) in KINDS.into_iter().zip(kinds(before)).zip(kinds(after)) {
        let mut note = |id: &str, owner: &str, deed| {
            of_all.note(kind, id, deed);
            if let Some(owner) = town(owner) {
                of_towns.entry(owner).or_default().note(kind, id, deed);
            }
        };
        for (id, (owner, is)) in is {
            let was = held.remove(&id).map(|(_, was)| was);
            let was = was.as_ref();
            if was == Some(&is) {
                continue;
            }
            note(&id, &owner, if was.is_some() { Deed::Changed } else { Deed::Added });
            let subject = format!("{kind} {id}");
            let action = if kind == "sensor" { "bind" } else { "change" };
            if (was.is_some() || kind == "sensor") && !corrected.contains(&subject) {
                let (before, after) = differing(was.unwrap_or(&Value::Null), &is);
                events.push(AuditEvent {
                    action,
                    subject: Some(subject),
                    municipalities: town(&owner).into_iter().collect(),
                    before: was.map(|_| before),
                    after: Some(after),
                    ..AuditEvent::default()
                });
            }
        }
        for (id, (owner, was)) in held {
            note(&id, &owner, Deed::Removed);
            events.push(AuditEvent {
                action: "remove",
                subject: Some(format!("{kind} {id}")),
                municipalities: town(&owner).into_iter().collect(),
                // In the address of a notice a key may stand.
                before: (kind != "notice").then_some(was),
                ..AuditEvent::default()
            });
        }
    }
    let import = |municipalities, mut counts: serde_json::Map<String, Value>, of: &OfTown| {
        counts.insert("added".into(), of.new_ids());
        AuditEvent { action: "import", municipalities, after: Some(counts.into()), ..AuditEvent::default() }
    };
    let counts = report.kinds().into_iter().map(|(kind, t)| (kind.to_owned(), counted(t))).collect();
    let several = of_towns.len() > 1;
    let owners = if several { Vec::new() } else { of_towns.keys().copied().collect() };
    let mut imports = vec![import(owners, counts, &of_all)];
    if several {
        imports.extend(of_towns.iter().map(|(town, of)| import(vec![*town], of.counts(), of)));
    }
    imports.extend(events);
    imports
}

/// The events of bindings that were changed by themselves.
pub(super) fn bindings(before: &[SensorRow], after: &[SensorRow], registry: &Registry) -> Vec<AuditEvent> {
    let catalogue = |rows: &[SensorRow]| Catalogue {
        sensors: rows.to_vec(),
        feeds: registry.feeds().map(|feed| feed.def.clone()).collect(),
        ..Catalogue::default()
    };
    let mut events = events(&catalogue(before), &catalogue(after), &ImportReport::default(), registry);
    events.retain(|event| event.action == "bind");
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        let (before, after) = differing(
            &json!({"capacity": 1, "name": "a", "zone": "x"}),
            &json!({"capacity": 2, "name": "a"}),
        );
        assert_eq!(before, json!({"capacity": 1, "zone": "x"}));
        assert_eq!(after, json!({"capacity": 2, "zone": null}));
    }
}
