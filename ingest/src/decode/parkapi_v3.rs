//! Sites and spots as clients push them to ParkAPI v3: one object, a list, or `items` with a list.
//!
//! Read are the fields that change: `realtime_status` of spots; `realtime_free_capacity`, `realtime_capacity` and
//! `realtime_opening_status` of sites, also those of one audience. All others describe the place, which the imported files
//! do: they are named in the answer and not read. Numbers may stand as texts, and times without an offset are UTC.
//!
//! Source: ParkenDD/parkapi-sources-v3, `src/parkapi_sources/models` (`RealtimeParkingSiteInput`,
//! `RealtimeParkingSpotInput`); the fields of one audience by name (`realtime_free_capacity_disabled`):
//! ParkenDD/park-api-v3, `webapp/admin_rest_api/parking_sites/parking_site_validators.py`.

#[cfg(test)]
mod tests;

use domain::mistake::{Expected, Mistake, Remedy};
use domain::observation::{CountValue, SiteStatus};
use domain::{Audience, BayState, Reason, UtcMicros};

use super::json::{
    Dropped, Fields, Invalid, JsonType, count, for_each_element, instant, label, list, loose, object, text_of,
};
use super::{Content, Decoded, Fault, Statement, Subject};

/// All that is known; those from [`FIRST_STATIC`] on are not read.
const FIELDS: &[&str] = &[
    "uid",
    "original_uid",
    "realtime_data_updated_at",
    "realtime_status",
    "realtime_free_capacity",
    "realtime_capacity",
    "realtime_opening_status",
    "restrictions",
    "realtime_free_capacity_disabled",
    "realtime_capacity_disabled",
    "realtime_free_capacity_woman",
    "realtime_capacity_woman",
    "realtime_free_capacity_family",
    "realtime_capacity_family",
    "realtime_free_capacity_charging",
    "realtime_capacity_charging",
    "realtime_free_capacity_carsharing",
    "realtime_capacity_carsharing",
    "realtime_free_capacity_truck",
    "realtime_free_capacity_bus",
    "address",
    "capacity",
    "capacity_bus",
    "capacity_carsharing",
    "capacity_charging",
    "capacity_disabled",
    "capacity_family",
    "capacity_max",
    "capacity_min",
    "capacity_truck",
    "capacity_woman",
    "description",
    "external_identifiers",
    "fee_description",
    "geojson",
    "group_uid",
    "has_fee",
    "has_lighting",
    "has_realtime_data",
    "is_covered",
    "is_supervised",
    "lat",
    "lon",
    "max_height",
    "max_stay",
    "max_width",
    "name",
    "opening_hours",
    "operator_name",
    "orientation",
    "park_and_ride_type",
    "parking_site_uid",
    "parking_type",
    "photo_url",
    "public_url",
    "purpose",
    "related_location",
    "restricted_to",
    "side",
    "static_data_updated_at",
    "supervision_type",
    "tags",
    "type",
];
const FIRST_STATIC: usize = 20;

/// The spaces of one audience, by the names of both fields; `None`: there is no such audience here.
const OF_AUDIENCE: [(&str, &str, Option<Audience>); 7] = [
    ("realtime_free_capacity_disabled", "realtime_capacity_disabled", Some(Audience::Disabled)),
    ("realtime_free_capacity_woman", "realtime_capacity_woman", Some(Audience::Women)),
    ("realtime_free_capacity_family", "realtime_capacity_family", Some(Audience::Family)),
    ("realtime_free_capacity_charging", "realtime_capacity_charging", Some(Audience::Charging)),
    ("realtime_free_capacity_carsharing", "realtime_capacity_carsharing", Some(Audience::Carsharing)),
    ("realtime_free_capacity_truck", "", None),
    ("realtime_free_capacity_bus", "", None),
];

const RESTRICTION: &[&str] = &["type", "realtime_capacity", "realtime_free_capacity"];

/// Fields of which a site needs one.
const OF_SITE: [&str; 3] = ["realtime_free_capacity", "realtime_capacity", "realtime_opening_status"];

/// Decodes one message.
pub fn decode(text: &str) -> Decoded {
    let mut decoded = Decoded::default();
    let is_list = text.trim_ascii_start().starts_with('[');
    let items = match is_list {
        true => Ok(Some(text)),
        false => Fields::read("", text, &["items"]).and_then(|fields| fields.given("items", items)),
    };
    let read = match items {
        Ok(Some(items)) => each_of(items, &mut decoded),
        Ok(None) => element(text, &mut decoded),
        Err(fault) => Err(fault),
    };
    match read {
        Ok(()) => decoded,
        Err(fault) => fault.into(),
    }
}

/// A list as it stands.
fn items(raw: &str) -> Result<&str, Invalid> {
    if raw.starts_with('[') { Ok(raw) } else { Err(Invalid::new(Expected::Places)) }
}

fn each_of(items: &str, decoded: &mut Decoded) -> Result<(), Fault> {
    let mut nth = 0;
    for_each_element(items, |raw| {
        nth += 1;
        if let Err(fault) = element(raw, decoded) {
            decoded.faults.push(fault.of_element(nth));
        }
    })
}

/// One site or spot.
fn element(raw: &str, decoded: &mut Decoded) -> Result<(), Fault> {
    let m = Fields::read("", raw, FIELDS)?;
    let uid = match m.given("uid", label)?.flatten() {
        Some(uid) => uid,
        None => m.given("original_uid", label)?.flatten().ok_or_else(|| {
            Fault::malformed("uid", Mistake::Missing(Some(Expected::PlaceId))).remedy(Remedy::SendUid)
        })?,
    };
    let statics = FIELDS[FIRST_STATIC..].iter().filter(|name| m.has(name));
    for name in statics {
        if !decoded.ignored_fields.contains(name) {
            decoded.ignored_fields.push(name);
        }
    }
    let read = match m.has("realtime_status") {
        true => spot(&m, &uid).map(|spot| vec![spot]),
        false => site(&m, &uid),
    };
    decoded.statements.extend(read.map_err(|fault| fault.about(uid))?);
    Ok(())
}

fn spot(m: &Fields<'_>, uid: &str) -> Result<Statement, Fault> {
    if let Some(name) = OF_SITE.iter().find(|name| m.has(name)) {
        let fields = format!("realtime_status, {name}");
        return Err(Fault::malformed(fields, Mistake::SpotAndSite).remedy(Remedy::SitesAndSpots));
    }
    let content = Content::Bay {
        state: m.required("realtime_status", spot_status)?,
        battery_v: None,
        rssi_dbm: None,
        temperature_c: None,
    };
    let at = Some(m.required("realtime_data_updated_at", updated_at)?);
    Ok(Statement { subject: Subject::Bay(uid.to_owned()), at, content, seq: None, dropped: Vec::new() })
}

/// The whole site, and each audience that is counted.
fn site(m: &Fields<'_>, uid: &str) -> Result<Vec<Statement>, Fault> {
    let mut dropped = Vec::new();
    let d = &mut dropped;
    let free = m.given("realtime_free_capacity", loose(count))?;
    let (status, capacity) = match free {
        Some(_) => (
            m.optional("realtime_opening_status", opening, d),
            m.optional("realtime_capacity", loose(count), d),
        ),
        None => (m.given("realtime_opening_status", opening)?, m.given("realtime_capacity", loose(count))?),
    };
    let of_audiences = audiences(m, d)?;
    let status = status.flatten();
    let has_whole = free.is_some() || status.is_some() || capacity.is_some();
    if !has_whole && of_audiences.is_empty() {
        return Ok(Vec::new());
    }
    let at = Some(m.required("realtime_data_updated_at", updated_at)?);
    let statement = |value, audience, status, capacity| Statement {
        subject: Subject::Site(uid.to_owned()),
        at,
        content: Content::Count { value, audience, status, capacity, source: None, counter: None },
        seq: None,
        dropped: Vec::new(),
    };
    let mut statements = Vec::new();
    if has_whole {
        statements.push(statement(free.map_or(CountValue::None, CountValue::Vacant), None, status, capacity));
    }
    statements.extend(
        of_audiences
            .into_iter()
            .map(|of| statement(CountValue::Vacant(of.free), Some(of.audience), None, of.capacity)),
    );
    if let Some(first) = statements.first_mut() {
        first.dropped = dropped;
    }
    Ok(statements)
}

/// The spaces of one audience.
struct OfAudience {
    audience: Audience,
    free: i32,
    capacity: Option<i32>,
}

fn audiences(m: &Fields<'_>, d: &mut Vec<Dropped>) -> Result<Vec<OfAudience>, Fault> {
    let mut all: Vec<OfAudience> = Vec::new();
    for (free, capacity, audience) in OF_AUDIENCE {
        let Some(free_spaces) = m.given(free, loose(count))? else { continue };
        match audience {
            Some(audience) => {
                let capacity = m.optional(capacity, loose(count), d);
                all.push(OfAudience { audience, free: free_spaces, capacity });
            }
            None => Dropped::note(free, Reason::Malformed, d),
        }
    }
    for raw in m.given("restrictions", list)?.unwrap_or_default() {
        let restriction = object("restrictions", RESTRICTION)(raw).map_err(|_| {
            Fault::malformed("restrictions", Mistake::WholeIsNot(raw.into(), Expected::Object))
        })?;
        let Some(free) = restriction.given("realtime_free_capacity", loose(count))? else { continue };
        let Some(audience) = restriction.optional("type", audience, d) else {
            Dropped::note("restrictions.type", Reason::Malformed, d);
            continue;
        };
        if all.iter().all(|of| of.audience != audience) {
            let capacity = restriction.optional("realtime_capacity", loose(count), d);
            all.push(OfAudience { audience, free, capacity });
        }
    }
    Ok(all)
}

fn word<T: Copy>(raw: &str, words: &[(&str, T)]) -> Result<T, Invalid> {
    let known = text_of(raw).ok().and_then(|text| words.iter().find(|(word, _)| *word == text));
    known.map(|(_, value)| *value).ok_or_else(|| {
        let choices: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Invalid::new(Expected::OneOf(choices.join(", ")))
    })
}

fn spot_status(raw: &str) -> Result<BayState, Invalid> {
    let words =
        [("AVAILABLE", BayState::Vacant), ("TAKEN", BayState::Occupied), ("UNKNOWN", BayState::Unknown)];
    word(raw, &words)
}

fn opening(raw: &str) -> Result<Option<SiteStatus>, Invalid> {
    let words = [("OPEN", Some(SiteStatus::Open)), ("CLOSED", Some(SiteStatus::Closed)), ("UNKNOWN", None)];
    word(raw, &words)
}

fn audience(raw: &str) -> Result<Audience, Invalid> {
    let words = [
        ("DISABLED", Audience::Disabled),
        ("WOMEN", Audience::Women),
        ("FAMILY", Audience::Family),
        ("CARSHARING", Audience::Carsharing),
        ("CHARGING", Audience::Charging),
        ("TAXI", Audience::Taxi),
        ("DELIVERY", Audience::Delivery),
        ("RESIDENT", Audience::Resident),
    ];
    word(raw, &words)
}

/// ParkAPI takes a time without an offset as UTC.
fn updated_at(raw: &str) -> Result<UtcMicros, Invalid> {
    if let JsonType::Text(text) = JsonType::of(raw)
        && let Ok(at) = UtcMicros::parse(&format!("{}Z", text.trim()))
    {
        return Ok(at);
    }
    instant(raw)
}
