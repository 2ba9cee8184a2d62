//! The file that names what journeys are built from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use domain::feed::WebCredentials;
use serde::Deserialize;
use toml::Spanned;

use crate::toml_file;

/// One timetable or extract.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What it is called in messages and metrics, and a timetable in feeds.toml (`timetable`).
    pub name: String,
    pub kind: Kind,
    pub origin: Origin,
    pub licence: Option<String>,
    pub attribution: Option<String>,
}

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of OpenStreetMap (.osm.pbf).
    Extract,
    /// GTFS.
    Timetable,
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A file of this machine, or a folder, which others keep current.
    Path(PathBuf),
    Url(Remote),
}

/// A file that a web server has.
#[derive(Debug, Clone, PartialEq)]
pub struct Remote {
    pub url: String,
    /// Seconds between two questions whether there is a new one.
    pub every_s: i64,
    pub allow_private: bool,
    pub max_bytes: u64,
    pub credentials: WebCredentials,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    extract: Vec<Spanned<Entry>>,
    #[serde(default)]
    timetable: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    path: Option<PathBuf>,
    url: Option<String>,
    every: Option<String>,
    max_mb: Option<u64>,
    #[serde(default)]
    allow_private: bool,
    headers_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    licence: Option<String>,
    attribution: Option<String>,
}

/// The longest `every`: a year.
const MAX_EVERY_S: i64 = 366 * DAY_S;

const DAY_S: i64 = 86_400;

impl Kind {
    /// In messages.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Extract => "extract",
            Kind::Timetable => "timetable",
        }
    }

    /// How its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Kind::Extract => "osm.pbf",
            Kind::Timetable => "zip",
        }
    }

    fn every_s(self) -> i64 {
        match self {
            Kind::Extract => 7 * DAY_S,
            Kind::Timetable => DAY_S,
        }
    }

    /// Germany's timetable has 250 MB, its extract 4.5 GB.
    fn max_mb(self) -> u64 {
        match self {
            Kind::Extract => 8_000,
            Kind::Timetable => 2_000,
        }
    }
}

impl Source {
    /// Where it is fetched; `None`: it is a file of this machine.
    pub fn remote(&self) -> Option<&Remote> {
        match &self.origin {
            Origin::Url(remote) => Some(remote),
            Origin::Path(_) => None,
        }
    }
}

/// Reads the file. Paths in it begin at its folder.
///
/// # Errors
/// Name the file, the line and the remedy, and show no address and nothing else that may be secret.
pub fn read(path: &Path) -> Result<Vec<Source>> {
    let name = path.display();
    let text = places::read_regular(path).with_context(|| format!("the file of sources {name}"))?;
    parse(&text, path.parent().unwrap_or(Path::new(""))).with_context(|| format!("{name}"))
}

fn parse(text: &str, folder: &Path) -> Result<Vec<Source>> {
    let file: File = toml_file::parse(text)?;
    let extracts = file.extract.into_iter().map(|entry| (Kind::Extract, entry));
    let timetables = file.timetable.into_iter().map(|entry| (Kind::Timetable, entry));
    let mut sources: Vec<Source> = Vec::new();
    for (kind, entry) in extracts.chain(timetables) {
        let line = toml_file::line_at(text, entry.span().start);
        let source = entry.into_inner().check(kind, folder).with_context(|| format!("line {line}"))?;
        if sources.iter().any(|known| known.name == source.name) {
            bail!("line {line}: name '{}' stands here twice: call one of them otherwise", source.name);
        }
        sources.push(source);
    }
    if !sources.iter().any(|source| source.kind == Kind::Extract) {
        bail!("it has no [[extract]]: journeys need streets; add one with url or path");
    }
    Ok(sources)
}

impl Entry {
    fn check(self, kind: Kind, folder: &Path) -> Result<Source> {
        if kind == Kind::Extract && (self.licence.is_some() || self.attribution.is_some()) {
            bail!("licence and attribution are of timetables; delete them");
        }
        let is_remote = [&self.headers_file, &self.ca_file, &self.cert_file, &self.key_file]
            .iter()
            .any(|file| file.is_some())
            || self.every.is_some()
            || self.max_mb.is_some()
            || self.allow_private;
        let (name, origin) = match (self.name, self.path, self.url) {
            (None, Some(path), None) if !is_remote => {
                let path = folder.join(path);
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                (stem.trim_end_matches(".osm").to_owned(), Origin::Path(path))
            }
            (Some(_), Some(_), None) => {
                bail!("a file of path is called by its own name: delete name, and rename the file")
            }
            (_, Some(_), None) => {
                bail!(
                    "every, max_mb, allow_private, headers_file, ca_file, cert_file and key_file are of url; delete them"
                )
            }
            (Some(name), None, Some(url)) => {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
                if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
                    bail!("name '{name}': write up to 64 of a-z, A-Z, 0-9, - and _: files are called so");
                }
                let text =
                    |path: Option<PathBuf>| path.map(|path| folder.join(path).to_string_lossy().into_owned());
                let credentials = WebCredentials {
                    headers_file: text(self.headers_file),
                    ca_file: text(self.ca_file),
                    cert_file: text(self.cert_file),
                    key_file: text(self.key_file),
                };
                if credentials.cert_file.is_some() != credentials.key_file.is_some() {
                    bail!("cert_file and key_file belong together: add the other one");
                }
                let is_clear = url.starts_with("http://") && !self.allow_private;
                if is_clear && credentials.headers_file.is_some() {
                    bail!(
                        "headers_file holds keys, which http shows to everybody on the way: write https://, or add \
                         allow_private = true for a server of your own network"
                    );
                }
                let remote = Remote {
                    url,
                    every_s: self.every.as_deref().map_or(Ok(kind.every_s()), seconds)?,
                    allow_private: self.allow_private,
                    max_bytes: self.max_mb.unwrap_or(kind.max_mb()).saturating_mul(1_000_000),
                    credentials,
                };
                (name, Origin::Url(remote))
            }
            (None, None, Some(_)) => bail!("it has no name: add name = \"bus\", by which its file is called"),
            (_, Some(_), Some(_)) => bail!("it has url and path: delete one of them"),
            (_, None, None) => bail!("it has neither url nor path: add one of them"),
        };
        Ok(Source { name, kind, origin, licence: self.licence, attribution: self.attribution })
    }
}

/// `30m`, `12h`, `7d`.
fn seconds(every: &str) -> Result<i64> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", DAY_S)];
    let parsed = units.iter().find_map(|(unit, unit_s)| {
        let number: i64 = every.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(*unit_s)
    });
    parsed
        .filter(|every_s| (1..=MAX_EVERY_S).contains(every_s))
        .context("every: write a number with s, m, h or d, as in every = \"12h\", up to 366d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_what_is_fetched_and_what_lies_there() {
        let text = r#"
            [[extract]]
            name = "kreis"
            url = "https://o.example/kreis.osm.pbf"
            every = "30d"

            [[timetable]]
            name = "bus"
            url = "https://z.example/gtfs.zip?key=s3cret"
            headers_file = "secrets/headers"
            licence = "CC-BY-4.0"

            [[timetable]]
            path = "rail.zip"
        "#;
        let read = parse(text, Path::new("/etc/kv")).unwrap();
        let names: Vec<&str> = read.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["kreis", "bus", "rail"]);
        assert_eq!(read[2].origin, Origin::Path("/etc/kv/rail.zip".into()));
        let (extract, bus) = (read[0].remote().unwrap(), read[1].remote().unwrap());
        assert_eq!((extract.every_s, extract.max_bytes), (30 * DAY_S, 8_000_000_000));
        assert_eq!((bus.every_s, bus.max_bytes), (DAY_S, 2_000_000_000));
        assert_eq!(bus.credentials.headers_file.as_deref(), Some("/etc/kv/secrets/headers"));
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_remedy_and_without_secrets() {
        let url = "url = \"https://o.example/?key=s3cret\"";
        let extract = "[[extract]]\npath = \"x.osm.pbf\"\n";
        for (text, says) in [
            (format!("[[timetable]]\nname = \"bus\"\n{url}"), "no [[extract]]"),
            (format!("{extract}[[timetable]]\n{url}"), "line 3: it has no name"),
            (format!("{extract}[[timetable]]\nname = \"bus\""), "line 3: it has neither url nor path"),
            (format!("{extract}[[timetable]]\nname = \"../bus\"\n{url}"), "line 3: name '../bus'"),
            (format!("{extract}[[timetable]]\nname = \"x\"\n{url}"), "line 3: name 'x' stands here twice"),
            (format!("{extract}[[timetable]]\nname = \"bus\"\n{url}\npath = \"bus.zip\""), "url and path"),
            (format!("{extract}[[timetable]]\nname = \"bus\"\npath = \"bus.zip\""), "by its own name"),
            (format!("{extract}[[timetable]]\nevery = \"1d\"\npath = \"bus.zip\""), "are of url"),
            (
                format!("{extract}[[timetable]]\nname = \"bus\"\n{url}\nevery = \"daily\""),
                "every: write a number",
            ),
            (
                format!("{extract}[[timetable]]\nname = \"bus\"\n{url}\nevery = \"0s\""),
                "every: write a number",
            ),
            (format!("{extract}[[timetable]]\nname = \"bus\"\n{url}\nkey_file = \"k\""), "belong together"),
            (
                format!(
                    "{extract}[[timetable]]\nname = \"bus\"\nurl = \"http://o.example/?s3cret\"\nheaders_file = \"h\""
                ),
                "http shows to everybody",
            ),
            (
                format!("{extract}[[timetable]]\nname = \"bus\"\nurl = [\"https://s3cret\"]"),
                "line 5: expected",
            ),
            (
                format!("{extract}[[timetable]]\nname = \"bus\"\n{url}\nurls = \"https://s3cret\""),
                "unknown field",
            ),
            (format!("{extract}licence = \"ODbL\""), "are of timetables"),
        ] {
            let error = format!("{:#}", parse(&text, Path::new("")).unwrap_err());
            assert!(error.contains(says) && !error.contains("s3cret"), "{text}: {error}");
        }
    }
}
