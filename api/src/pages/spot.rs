//! The place that a driver asks for: coordinates, a town, a car park.

use std::collections::HashMap;

use domain::{Lang, LatLon, Registry};

use crate::http::params::parse_lat_lon;

/// The point of a search and its name.
pub struct Spot {
    pub name: String,
    pub at: LatLon,
}

/// `None`: nothing was entered; an error is a sentence for people.
pub fn spot(
    asked: &HashMap<String, String>,
    registry: &Registry,
    lang: Lang,
) -> Option<Result<Spot, String>> {
    let text = |name: &str| asked.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
    // The list shows "please choose" until someone chooses, so a choice is newer than the text.
    let slug = text("municipality");
    if let Some(wanted) = text("near").or(text("q").filter(|_| slug.is_none())) {
        if let Some(at) = parse_lat_lon(wanted) {
            let name = match text("near") {
                Some(_) => lang.say("diesem Ort", "this place").to_owned(),
                None => wanted.to_owned(),
            };
            return Some(Ok(Spot { name, at }));
        }
        return Some(by_name(wanted, registry).ok_or_else(|| unknown(wanted, lang)));
    }
    let slug = slug?;
    let Some((id, municipality)) = registry.municipalities().find(|(_, m)| m.slug == slug) else {
        return Some(Err(unknown(slug, lang)));
    };
    let own = municipality.lat.zip(municipality.lon).and_then(|(lat, lon)| LatLon::new(lat, lon));
    let first_site = || registry.sites().filter(|s| s.municipality == id).min_by_key(|s| s.id);
    let at = own.or_else(|| first_site().map(|s| s.def.position()));
    Some(at.map(|at| Spot { name: municipality.name.clone(), at }).ok_or_else(|| {
        lang.say("Von diesem Ort gibt es noch keine Parkplätze.", "There is no parking of this town yet.")
            .to_owned()
    }))
}

fn unknown(wanted: &str, lang: Lang) -> String {
    match lang {
        Lang::De => format!(
            "Kein Ort und kein Parkplatz heißt \u{201e}{wanted}\u{201c}. Wählen Sie einen Ort aus der Liste, \
             oder geben Sie Koordinaten ein: zuerst die Breite, dann die Länge, z. B. 51.95,7.17."
        ),
        Lang::En => format!(
            "No town and no car park is called \u{201c}{wanted}\u{201d}. Choose a town from the list, \
             or enter coordinates: latitude first, then longitude, e.g. 51.95,7.17."
        ),
    }
}

/// A town or a visible site of that name, else one whose name contains the text.
fn by_name(wanted: &str, registry: &Registry) -> Option<Spot> {
    let wanted = wanted.to_lowercase();
    let towns =
        registry.municipalities().filter_map(|(_, m)| Some((m.name.as_str(), LatLon::new(m.lat?, m.lon?)?)));
    let shown = |s: &&domain::registry::Entry<_, domain::Site>| s.def.publish != domain::Publish::None;
    let sites = registry.sites().filter(shown).map(|s| (s.def.name.as_str(), s.def.position()));
    let fits = |name: &str| {
        let name = name.to_lowercase();
        name.contains(&wanted).then(|| (name != wanted, name.len(), name))
    };
    let best = towns.chain(sites).filter_map(|(name, at)| Some((fits(name)?, name, at)));
    best.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, name, at)| Spot { name: name.to_owned(), at })
}
