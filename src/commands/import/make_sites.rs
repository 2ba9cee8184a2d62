//! Makes the sites that a mapping names and that do not exist yet.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use domain::catalogue::Catalogue;
use domain::geo::Geometry;
use domain::place::{Municipality, Publish, Purpose};
use domain::{Site, SiteKind, UtcMicros};
use places::history::{Column, Counts, Mapping, Town};
use places::{Located, Location, PlaceFiles};

use crate::cli::ImportHistoryArgs;

/// Counts that are shares have no capacity; so many spaces keep them exact to a tenth of a percent.
const SPACES_OF_SHARES: u32 = 1_000;

/// What was made.
#[derive(Debug, Default)]
pub struct Made {
    /// The sites, and the town when it was not there.
    pub places: Catalogue,
    /// What somebody should know of them.
    pub notes: Vec<String>,
}

/// Describes the sites of `series` that are not known.
///
/// # Errors
/// It is not clear whose they are or where they stand, nothing says how many spaces one has, or what comes out is no place.
pub fn make(
    known: &Catalogue,
    series: &[Counts],
    args: &ImportHistoryArgs,
    mapping: &Mapping,
    now: UtcMicros,
) -> Result<Made> {
    let new: Vec<&Counts> =
        series.iter().filter(|c| !known.sites.iter().any(|site| site.id == c.site)).collect();
    let mut made = Made::default();
    if new.is_empty() {
        return Ok(made);
    }
    let file = args.mapping.display();
    let (town, is_new) = town(known, args, mapping)?;
    let (mut at_middle, mut of_shares) = (0, 0);
    for counts in new {
        let Some(column) = mapping.columns.iter().find(|c| c.site == counts.site) else { continue };
        let point = match (column.lat.zip(column.lon), town.lat.zip(town.lon)) {
            (Some((lat, lon)), _) => [lon, lat],
            (None, Some((lat, lon))) => {
                at_middle += 1;
                [lon, lat]
            }
            (None, None) => bail!(
                "{file}: nothing says where site '{}' stands\n  remedy: write lat and lon at its [[column]], or at \
                 [municipality] for all",
                counts.site
            ),
        };
        let capacity = match (column.capacity, counts.largest()) {
            (Some(stated), _) => stated,
            (None, Some(largest)) => counts.capacity.unwrap_or(largest),
            (None, None) => counts.capacity.unwrap_or_else(|| {
                of_shares += 1;
                SPACES_OF_SHARES
            }),
        };
        ensure!(
            capacity > 0,
            "{file}: nothing says how many spaces site '{}' has\n  remedy: write `capacity` at its [[column]]",
            counts.site
        );
        made.places.sites.push(site(column, &town, capacity, point));
    }
    if at_middle > 0 {
        made.notes.push(format!(
            "{at_middle} sites stand in the middle of {} until sites.geojson, or lat and lon in the mapping, say where",
            town.name
        ));
    }
    if of_shares > 0 {
        made.notes.push(format!(
            "of {of_shares} sites only shares are known: they have {SPACES_OF_SHARES} spaces until `capacity` says how many"
        ));
    }
    if is_new {
        made.places.municipalities.push(town);
    }
    check(&made.places, known, &args.mapping, now)?;
    Ok(made)
}

fn site(column: &Column, town: &Municipality, capacity: u32, point: [f64; 2]) -> Site {
    Site {
        id: column.site.clone(),
        municipality: town.slug.clone(),
        name: column.title.clone().unwrap_or_else(|| column.name.clone()),
        kind: column.kind.unwrap_or(SiteKind::CarPark),
        capacity,
        purpose: Purpose::Car,
        zone: None,
        opening_hours: None,
        fee: None,
        max_height_m: None,
        restrictions: Vec::new(),
        publish: Publish::Public,
        valid_from: None,
        valid_until: None,
        geometry: Geometry::Point(point),
    }
}

/// Whose the sites are, and whether it is new: as `--municipality` says, else the mapping, else the only one that is there.
fn town(known: &Catalogue, args: &ImportHistoryArgs, mapping: &Mapping) -> Result<(Municipality, bool)> {
    let described = mapping.municipality.as_ref();
    let held = |slug: &str| known.municipalities.iter().find(|m| m.slug == slug);
    let slugs = || known.municipalities.iter().map(|m| m.slug.as_str()).collect::<Vec<_>>().join(", ");
    let named = args.municipality.as_deref().or(described.map(|town| town.slug.as_str()));
    let Some(slug) = named else {
        return match &known.municipalities[..] {
            [only] => Ok((only.clone(), false)),
            _ => bail!(
                "--make-sites: whose are the sites? There are: {}\n  remedy: --municipality SLUG, or [municipality] with \
                 slug, name, ags, lat, lon in {}",
                slugs(),
                args.mapping.display()
            ),
        };
    };
    if let Some(held) = held(slug) {
        return Ok((held.clone(), false));
    }
    match described.filter(|town| town.slug == slug) {
        // The same town under another slug.
        Some(town) if known.municipalities.iter().any(|m| m.ags == town.ags) => {
            let same = known.municipalities.iter().find(|m| m.ags == town.ags);
            Ok((same.cloned().unwrap_or_else(|| described_town(town, mapping)), false))
        }
        Some(town) => Ok((described_town(town, mapping), true)),
        None => bail!(
            "--municipality {slug}: there is no such municipality; there are: {}\n  remedy: import municipalities.csv first, \
             or write [municipality] with slug, name, ags, lat, lon in {}",
            slugs(),
            args.mapping.display()
        ),
    }
}

fn described_town(town: &Town, mapping: &Mapping) -> Municipality {
    Municipality {
        slug: town.slug.clone(),
        name: town.name.clone(),
        ags: town.ags.clone(),
        lat: town.lat,
        lon: town.lon,
        tz: mapping.tz.clone(),
        public_planning: false,
    }
}

/// The same rules as for files of places.
fn check(made: &Catalogue, known: &Catalogue, mapping: &Path, now: UtcMicros) -> Result<()> {
    let text = std::fs::read_to_string(mapping).unwrap_or_default();
    let file: Arc<Path> = mapping.into();
    let at = |id: &str| {
        let before = text.lines().take_while(|line| !line.contains(&format!("\"{id}\""))).count();
        Location { file: file.clone(), line: u32::try_from(before + 1).unwrap_or(1) }
    };
    let town = |m: &Municipality| Located { value: m.clone(), at: at(&m.slug) };
    let site = |s: &Site| Located { value: s.clone(), at: at(&s.id) };
    let mut files = PlaceFiles {
        municipalities: made.municipalities.iter().map(town).collect(),
        sites: made.sites.iter().map(site).collect(),
        ..PlaceFiles::default()
    };
    places::settle(&mut files, known);
    let problems = places::validate(&files, known, now);
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    ensure!(problems.is_empty(), "{}", texts.join("\n"));
    Ok(())
}
