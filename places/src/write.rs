//! Writes the files: the same definitions give the same bytes.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::feed::shown_address;
use domain::geo::Geometry;
use domain::place::{Bay, Publish, Restriction, Site, Texts};
use domain::{Broker, Feed, UtcMicros};
use serde::Serialize;

use crate::age::shown_age;
use crate::existing::Existing;
use crate::schema::{CALENDAR_DAY, CLOSURE, MUNICIPALITY, SENSOR, Schema, VEHICLE};

/// Writes all files into `dir`, which is made if it is not there. [`crate::read`] gives them back.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn write(dir: &Path, all: &Existing) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("municipalities.csv"), municipalities(all)?)?;
    fs::write(dir.join("sites.geojson"), collection(&all.sites, |s| &s.id, SiteOut::of, |s| &s.geometry)?)?;
    fs::write(dir.join("bays.geojson"), collection(&all.bays, |b| &b.id, BayOut::of, |b| &b.geometry)?)?;
    fs::write(dir.join("sensors.csv"), sensors(all)?)?;
    fs::write(dir.join("vehicles.csv"), vehicles(all)?)?;
    let to = dir.join("feeds.toml");
    fs::write(&to, feeds(all)?)?;
    let addresses = || all.feeds.iter().filter_map(|feed| feed.url.as_deref());
    if addresses().any(|url| shown_address(url) != url) {
        // Keys stand in these: for the owner's eyes.
        fs::set_permissions(&to, Permissions::from_mode(0o600))?;
    }
    fs::write(dir.join("closures.csv"), closures(all)?)?;
    fs::write(dir.join("calendar.csv"), calendar(all)?)
}

fn sorted<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<&'a T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort_by_key(|item| key(item));
    sorted
}

fn table<const N: usize>(schema: &Schema, rows: impl Iterator<Item = [String; N]>) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(schema.names())?;
    for row in rows {
        table.write_record(row)?;
    }
    table.into_inner().map_err(|e| e.into_error())
}

fn cell<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(T::to_string).unwrap_or_default()
}

fn municipalities(all: &Existing) -> io::Result<Vec<u8>> {
    let rows = sorted(&all.municipalities, |m| &m.slug).into_iter().map(|m| {
        let [slug, name, ags, tz] = [&m.slug, &m.name, &m.ags, &m.tz].map(String::clone);
        [slug, name, ags, cell(&m.lat), cell(&m.lon), tz, m.public_planning.to_string()]
    });
    table(&MUNICIPALITY, rows)
}

fn sensors(all: &Existing) -> io::Result<Vec<u8>> {
    let rows =
        sorted(&all.sensors, |s| (&s.id, s.bound_from, s.bound_until, s.target())).into_iter().map(|s| {
            [
                s.id.clone(),
                s.feed.clone(),
                cell(&s.decoder),
                cell(&s.bay),
                cell(&s.site),
                cell(&s.vehicle),
                cell(&s.direction),
                cell(&s.bound_from),
                cell(&s.bound_until),
                cell(&s.heartbeat_s),
                cell(&s.stale_after_s),
                cell(&s.threshold_mm),
            ]
        });
    table(&SENSOR, rows)
}

fn vehicles(all: &Existing) -> io::Result<Vec<u8>> {
    let rows = sorted(&all.vehicles, |v| &v.id).into_iter().map(|v| {
        let (operator, label) = (cell(&v.operator), cell(&v.label));
        [v.id.clone(), v.owner.clone(), operator, label, cell(&v.seats), cell(&v.standing)]
    });
    table(&VEHICLE, rows)
}

fn closures(all: &Existing) -> io::Result<Vec<u8>> {
    let rows = sorted(&all.closures, |c| (&c.place, c.kind, c.from))
        .into_iter()
        .map(|c| [c.place.clone(), c.from.to_string(), cell(&c.until), cell(&c.reason), c.kind.to_string()]);
    table(&CLOSURE, rows)
}

fn calendar(all: &Existing) -> io::Result<Vec<u8>> {
    let rows = sorted(&all.calendar, |d| (&d.municipality, d.date, d.kind, &d.name)).into_iter().map(|d| {
        let until = if d.until == d.date { String::new() } else { d.until.to_string() };
        [d.municipality.clone(), d.date.to_string(), d.kind.to_string(), d.name.clone(), until]
    });
    table(&CALENDAR_DAY, rows)
}

#[derive(Serialize)]
struct Feature<'a, P> {
    r#type: &'static str,
    properties: P,
    geometry: &'a Geometry,
}

/// One feature per line, so that a changed place is a changed line.
fn collection<'a, T, P: Serialize>(
    items: &'a [T],
    id: impl Fn(&'a T) -> &'a str,
    properties: impl Fn(&'a T) -> P,
    geometry: impl Fn(&'a T) -> &'a Geometry,
) -> io::Result<String> {
    let features = sorted(items, id).into_iter().map(|item| {
        let feature = Feature { r#type: "Feature", properties: properties(item), geometry: geometry(item) };
        Ok(serde_json::to_string(&feature)?)
    });
    let features: Vec<String> = features.collect::<io::Result<_>>()?;
    Ok(format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n", features.join(",\n")))
}

#[derive(Serialize)]
struct SiteOut<'a> {
    id: &'a str,
    municipality: &'a str,
    name: &'a str,
    kind: &'a str,
    capacity: u32,
    purpose: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opening_hours: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<&'a Texts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_height_m: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    restrictions: &'a [Restriction],
    publish: Publish,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<UtcMicros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<UtcMicros>,
}

impl<'a> SiteOut<'a> {
    fn of(site: &'a Site) -> Self {
        SiteOut {
            id: &site.id,
            municipality: &site.municipality,
            name: &site.name,
            kind: site.kind.as_str(),
            capacity: site.capacity,
            purpose: site.purpose.as_str(),
            zone: site.zone.as_deref(),
            opening_hours: site.opening_hours.as_deref(),
            fee: site.fee.as_ref(),
            max_height_m: site.max_height_m,
            restrictions: &site.restrictions,
            publish: site.publish,
            valid_from: site.valid_from,
            valid_until: site.valid_until,
        }
    }
}

#[derive(Serialize)]
struct BayOut<'a> {
    id: &'a str,
    municipality: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restriction: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    restrictions: &'a [Restriction],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_stay_min: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<Publish>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<UtcMicros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<UtcMicros>,
}

impl<'a> BayOut<'a> {
    fn of(bay: &'a Bay) -> Self {
        // The shorthand where it suffices.
        let (restriction, restrictions) = match &bay.restrictions[..] {
            [Restriction { audience: Some(audience), capacity: None, hours: None, max_stay_min: None }] => {
                (Some(audience.as_str()), &[][..])
            }
            list => (None, list),
        };
        BayOut {
            id: &bay.id,
            municipality: &bay.municipality,
            site: bay.site.as_deref(),
            zone: bay.zone.as_deref(),
            restriction,
            restrictions,
            max_stay_min: bay.max_stay_min,
            publish: bay.publish,
            valid_from: bay.valid_from,
            valid_until: bay.valid_until,
        }
    }
}

#[derive(Serialize)]
struct FeedsOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broker: Vec<&'a Broker>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    feed: Vec<FeedOut<'a>>,
}

#[derive(Serialize)]
struct FeedOut<'a> {
    id: &'a str,
    municipality: &'a str,
    format: &'a str,
    topic: Option<&'a str>,
    url: Option<&'a str>,
    every_s: Option<u32>,
    allow_private: Option<bool>,
    timetable: Option<&'a str>,
    broker: Option<&'a str>,
    qos: Option<u8>,
    clock: Option<&'a str>,
    on_bad_clock: Option<&'a str>,
    max_age: Option<String>,
    max_message_bytes: Option<u32>,
    max_messages_per_s: Option<u32>,
    max_bytes_per_s: Option<u32>,
    max_rejections_per_h: Option<u32>,
    heartbeat_s: Option<u32>,
    use_server_decoder: bool,
    area: Option<[f64; 4]>,
    licence: Option<&'a str>,
    attribution: Option<&'a str>,
    contact: Option<&'a str>,
}

impl<'a> FeedOut<'a> {
    fn of(feed: &'a Feed) -> Self {
        FeedOut {
            id: &feed.id,
            municipality: &feed.municipality,
            format: feed.format.as_str(),
            topic: feed.is_subscribed().then_some(feed.topic.as_str()),
            url: feed.url.as_deref(),
            every_s: feed.every_s,
            allow_private: feed.allow_private.then_some(true),
            timetable: feed.timetable.as_deref(),
            broker: feed.broker.as_deref(),
            qos: feed.is_subscribed().then_some(feed.qos),
            clock: feed.clock.map(|c| c.as_str()),
            on_bad_clock: feed.on_bad_clock.map(|c| c.as_str()),
            max_age: feed.max_age_s.map(shown_age),
            max_message_bytes: feed.max_message_bytes,
            max_messages_per_s: feed.max_messages_per_s,
            max_bytes_per_s: feed.max_bytes_per_s,
            max_rejections_per_h: feed.max_rejections_per_h,
            heartbeat_s: feed.heartbeat_s,
            use_server_decoder: feed.use_server_decoder,
            area: feed.area.map(|b| [b.west, b.south, b.east, b.north]),
            licence: feed.licence.as_deref(),
            attribution: feed.attribution.as_deref(),
            contact: feed.contact.as_deref(),
        }
    }
}

fn feeds(all: &Existing) -> io::Result<String> {
    let document = FeedsOut {
        broker: sorted(&all.brokers, |b| &b.id),
        feed: sorted(&all.feeds, |f| &f.id).into_iter().map(FeedOut::of).collect(),
    };
    toml::to_string(&document).map_err(io::Error::other)
}
