//! What became of a feed, as text.

use std::fmt::Write;

use domain::rental::{FormFactor, System};
use domain::{Lang, UtcMicros};
use gbfs::{Entry, Faults, FileKind, FileRead, Files, Options};

/// After all that the published files hold.
pub const NOW: UtcMicros = UtcMicros(1_795_348_800_000_000);

pub const OPTIONS: Options = Options { now: NOW, area: None };

pub fn faults(faults: &Faults) -> String {
    let mut text = String::new();
    for fault in faults.described() {
        writeln!(text, "    {fault}").unwrap();
        writeln!(text, "      > {}", fault.advice(Lang::En)).unwrap();
        assert_ne!(fault.advice(Lang::De), fault.advice(Lang::En));
    }
    let described = faults.described().len() as u64;
    if faults.count() > described {
        writeln!(text, "    and {} more", faults.count() - described).unwrap();
    }
    text
}

pub fn entry(name: &str, body: &[u8]) -> String {
    let (entry, found) = gbfs::entry(body, &OPTIONS);
    let what = match entry {
        None => "refused".to_owned(),
        Some(Entry::Discovery(found)) => {
            let files: Vec<&str> = found.files.iter().map(|(file, _)| file.as_str()).collect();
            format!("{} {:?}, ttl {:?}: {}", found.version, found.language, found.ttl_s, files.join(", "))
        }
        Some(Entry::Manifest(datasets)) => {
            let of = |d: &gbfs::Dataset| format!("{} {}", d.system_id, d.version);
            datasets.iter().map(of).collect::<Vec<_>>().join(", ")
        }
    };
    format!("{name}: {what}\n{}", faults(&found))
}

pub fn file(name: &str, file: FileKind, read: &FileRead) -> String {
    let FileRead { version, ttl_s, updated_at, taken, faults: found } = read;
    let version = version.map_or_else(|| "unreadable".to_owned(), |version| version.to_string());
    let at = updated_at.map_or_else(String::new, |at| at.to_string());
    let ttl = ttl_s.map_or_else(String::new, |ttl| format!(", ttl {ttl}"));
    format!("{name} as {file}: {version}, {at}{ttl}, taken {taken}\n{}", faults(found))
}

pub fn system(files: &Files) -> String {
    let Some((System { id, name, operator, types, stations, vehicles, geofencing, plans, .. }, found)) =
        files.system()
    else {
        return "no system\n".to_owned();
    };
    let mut text = format!("{id}: {}", name.in_lang(Lang::De));
    if let Some(operator) = operator {
        write!(text, " of {}", operator.in_lang(Lang::De)).unwrap();
    }
    text.push('\n');
    for t in &types {
        let rule = t.return_rule.map_or("no return rule", domain::rental::ReturnRule::as_str);
        writeln!(text, "  type {:?} {}, {rule}", t.id, t.form).unwrap();
        assert!(t.form != FormFactor::Other || t.id.is_empty(), "{t:?}");
    }
    for station in stations.iter().take(12) {
        let capacity = station.capacity.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let status = station.status.as_ref().map_or_else(
            || "unknown".to_owned(),
            |s| {
                let flags =
                    [(s.is_installed, "installed"), (s.is_renting, "renting"), (s.is_returning, "returning")];
                let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
                format!("{:?} vehicles, {:?} docks, {} at {}", s.vehicles, s.docks, flags.join(" "), s.at)
            },
        );
        let area = if station.area.is_some() { ", with area" } else { "" };
        writeln!(
            text,
            "  station {} {:?}, capacity {capacity}{area}: {status}",
            station.id,
            station.name.in_lang(Lang::De)
        )
        .unwrap();
    }
    let usable = vehicles.iter().filter(|v| v.is_usable()).count();
    let points: usize = geofencing.zones.iter().map(|zone| zone.shape.points()).sum();
    writeln!(
        text,
        "  {} stations, {} vehicles ({usable} usable), {} zones of {points} points, {} global rules, {} plans",
        stations.len(),
        vehicles.len(),
        geofencing.zones.len(),
        geofencing.global_rules.len(),
        plans.len()
    )
    .unwrap();
    text + &faults(&found)
}
