//! The file that an operator gives the address of: `gbfs.json` of one system, or a `manifest.json` of several.

use domain::Reason;
use domain::mistake::{Expected, Mistake, Remedy};

use crate::envelope::{Envelope, text};
use crate::fault::{Effect, Faults};
use crate::json::{self, Context, Element};
use crate::version::{Raw, Version};
use crate::{FileKind, Options};

/// Systems of a manifest that are read.
const MAX_DATASETS: usize = 500;

/// What stands at the address of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// One system.
    Discovery(Discovery),
    /// Several, of which each has its own.
    Manifest(Vec<Dataset>),
}

/// Where the files of one system are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The version of the file.
    pub version: Version,
    /// For how long it holds, seconds.
    pub ttl_s: Option<u32>,
    /// The language of the files; `None` from the third version on, where each text has its own.
    pub language: Option<String>,
    /// The files that are read, each once.
    pub files: Vec<(FileKind, String)>,
}

/// A system of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The operator's id of it.
    pub system_id: String,
    /// The newest version that can be read.
    pub version: Version,
    /// Where its `gbfs.json` is.
    pub url: String,
}

/// The newest version that is read; what comes within 3.x is read as far as it is known.
const NEWEST_MAJOR: u8 = 3;

/// Reads what stands at the address of a feed; `None`: it is neither, and the faults say why.
pub fn entry(body: &[u8], options: &Options) -> (Option<Entry>, Faults) {
    let mut faults = Faults::default();
    let text = text(body);
    let file = FileKind::Discovery;
    let Some(envelope) = Envelope::open(file, &text, options, &mut faults) else { return (None, faults) };
    let mut ctx = Context { file, version: envelope.version, now: options.now, faults: &mut faults };
    let entry = if envelope.data.contains_key("datasets") {
        ctx.file = FileKind::Manifest;
        Some(Entry::Manifest(datasets(&mut ctx, &envelope.data)))
    } else {
        discovery(&mut ctx, &envelope).map(Entry::Discovery)
    };
    (entry, faults)
}

fn datasets(ctx: &mut Context<'_>, data: &Raw<'_>) -> Vec<Dataset> {
    let mut datasets: Vec<Dataset> = Vec::new();
    ctx.each_element(data, ["datasets"; 2], |ctx, element| {
        let Some(system_id) = element.required(ctx, "system_id", json::id) else { return };
        let mut newest: Option<(Version, String)> = None;
        for version in element.objects(ctx, "versions") {
            let stated = version.required(ctx, "version", json::text).and_then(|text| Version::parse(&text));
            let url = version.required(ctx, "url", json::web_address);
            let Some((stated, url)) = stated.zip(url).filter(|(v, _)| v.major <= NEWEST_MAJOR) else {
                continue;
            };
            if newest.as_ref().is_none_or(|(newest, _)| stated > *newest) {
                newest = Some((stated, url));
            }
        }
        let Some((version, url)) = newest else {
            let mistake = Mistake::Missing(Some(Expected::WebAddress));
            return ctx.fault(&element.at("versions"), Effect::Element, Reason::Malformed, mistake, None);
        };
        if datasets.iter().any(|held| held.system_id == system_id) {
            return first_holds(ctx, &element, "system_id", &system_id);
        }
        if datasets.len() < MAX_DATASETS {
            datasets.push(Dataset { system_id, version, url });
        }
    });
    datasets
}

/// Notes that an element of this id is there already.
pub(crate) fn first_holds(ctx: &mut Context<'_>, element: &Element<'_>, field: &str, id: &str) {
    let mistake = Mistake::FirstHolds(id.into());
    ctx.fault(&element.at(field), Effect::Element, Reason::Implausible, mistake, Some(Remedy::EachIdOnce));
}

fn discovery(ctx: &mut Context<'_>, envelope: &Envelope<'_>) -> Option<Discovery> {
    let mut files: Vec<(FileKind, String)> = Vec::new();
    let mut each = |ctx: &mut Context<'_>, element: Element<'_>| {
        let name = element.required(ctx, "name", json::text);
        let Some(file) = name.as_deref().and_then(FileKind::of) else { return };
        let Some(url) = element.required(ctx, "url", json::web_address) else { return };
        if files.iter().any(|(held, _)| *held == file) {
            return first_holds(ctx, &element, "name", file.as_str());
        }
        files.push((file, url));
    };
    let data = &envelope.data;
    let mut language = None;
    if let Some(feeds) = data.get("feeds") {
        if !ctx.version.is_third() {
            ctx.other_version("data.feeds");
        }
        ctx.list(feeds.get(), "data.feeds", Effect::File, &mut each);
    } else {
        // One of the languages; all have the same places.
        let wanted = |name: &str| data.keys().find(|key| key.split('-').next() == Some(name));
        let Some(key) = wanted("de").or_else(|| wanted("en")).or_else(|| data.keys().next()) else {
            let mistake = Mistake::Missing(Some(Expected::List));
            ctx.fault("data.feeds", Effect::File, Reason::Malformed, mistake, None);
            return None;
        };
        if ctx.version.is_third() {
            ctx.other_version(&format!("data.{key}"));
        }
        let path = format!("data.{key}.feeds");
        let of_language: Raw<'_> =
            data.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let Some(feeds) = of_language.get("feeds") else {
            ctx.fault(&path, Effect::File, Reason::Malformed, Mistake::Missing(Some(Expected::List)), None);
            return None;
        };
        language = Some(key.to_string());
        ctx.list(feeds.get(), &path, Effect::File, &mut each);
    }
    Some(Discovery { version: envelope.version, ttl_s: envelope.ttl_s, language, files })
}
