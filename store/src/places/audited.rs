//! What an import changed, for the audit: what was stored before it, against what is stored after it.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalogue::Catalogue;
use domain::{MunicipalityId, Registry};
use serde::Serialize;
use serde_json::{Value, json};

use super::import::Report;
use crate::audit::Deed;

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

fn kinds(c: &Catalogue) -> [(&'static str, Things); 6] {
    [
        ("municipality", things(&c.municipalities, |m| &m.slug, |m| &m.slug)),
        ("site", things(&c.sites, |s| &s.id, |s| &s.municipality)),
        ("bay", things(&c.bays, |b| &b.id, |b| &b.municipality)),
        ("vehicle", things(&c.vehicles, |v| &v.id, |v| &v.owner)),
        ("feed", things(&c.feeds, |f| &f.id, |f| &f.municipality)),
        ("sensor", sensors(c)),
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

/// What the import did: itself, with how much it added and changed; each thing that it changed; and each sensor
/// whose bindings it changed or began. What it corrected is noted on its own.
pub(super) fn deeds(
    before: &Catalogue,
    after: &Catalogue,
    report: &Report,
    registry: &Registry,
) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let (mut owners, mut added) = (BTreeSet::new(), serde_json::Map::new());
    let corrected: BTreeSet<String> = report.corrections.iter().map(|c| c.subject()).collect();
    let town = |slug: &str| registry.municipality_id(slug);
    for ((kind, was), (_, is)) in kinds(before).into_iter().zip(kinds(after)) {
        let mut new = Vec::new();
        for (id, (owner, is)) in is {
            let was = was.get(&id).map(|(_, was)| was);
            if was == Some(&is) {
                continue;
            }
            owners.extend(town(&owner));
            if was.is_none() {
                new.push(id.clone());
            }
            let subject = format!("{kind} {id}");
            let action = if kind == "sensor" { "bind" } else { "change" };
            if (was.is_some() || kind == "sensor") && !corrected.contains(&subject) {
                let (before, after) = differing(was.unwrap_or(&Value::Null), &is);
                deeds.push(Deed {
                    action,
                    subject: Some(subject),
                    municipalities: town(&owner).into_iter().collect(),
                    before: was.map(|_| before),
                    after: Some(after),
                    ..Deed::default()
                });
            }
        }
        new.truncate(ADDED_SHOWN);
        added.insert(kind.into(), json!(new));
    }
    let counts = report.kinds().map(|(kind, t)| (kind, json!({"added": t.added, "changed": t.changed})));
    let mut counts: serde_json::Map<String, Value> =
        counts.into_iter().map(|(kind, counts)| (kind.to_owned(), counts)).collect();
    counts.insert("added".into(), added.into());
    let municipalities: Vec<MunicipalityId> = owners.into_iter().collect();
    let import = Deed { action: "import", municipalities, after: Some(counts.into()), ..Deed::default() };
    deeds.insert(0, import);
    deeds
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
