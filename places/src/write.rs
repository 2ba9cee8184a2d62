//! Writes the files: the same definitions give the same bytes.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::catalogue::Catalogue;
use domain::feed::shown_address;
use domain::place::{Audience, Bay, Restriction};
use domain::{Broker, Feed};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::age::shown_age;
use crate::on_demand::Row;
use crate::on_demand_area::Feature;
use crate::record::Fields;
use crate::schema::{
    BAY, CALENDAR_DAY, CLOSURE, FARE, FEED, MUNICIPALITY, NOTICE, ON_DEMAND, ON_DEMAND_AREA, PASS, SENSOR,
    SITE, Schema, TAXI, VEHICLE,
};

/// Writes all files into `dir`, which is made if it is not there. [`crate::read`] gives them back.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn write(dir: &Path, all: &Catalogue) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let municipalities = sorted(&all.municipalities, |m| &m.slug);
    fs::write(dir.join("municipalities.csv"), table(&MUNICIPALITY, municipalities, |_| {})?)?;
    let sites = sorted(&all.sites, |s| &s.id).into_iter().map(|site| feature(&SITE, site));
    fs::write(dir.join("sites.geojson"), collection(sites)?)?;
    let bays = sorted(&all.bays, |b| &b.id).into_iter().map(|bay| feature(&BAY, &shortened(bay)));
    fs::write(dir.join("bays.geojson"), collection(bays)?)?;
    let sensors = sorted(&all.sensors, |s| (&s.id, s.bound_from, s.bound_until, s.target()));
    fs::write(dir.join("sensors.csv"), table(&SENSOR, sensors, |_| {})?)?;
    fs::write(dir.join("vehicles.csv"), table(&VEHICLE, sorted(&all.vehicles, |v| &v.id), |_| {})?)?;
    let to = dir.join("feeds.toml");
    fs::write(&to, feeds(all)?)?;
    keep_private(&to, all.feeds.iter().filter_map(|feed| feed.url.as_deref()))?;
    let to = dir.join("notices.toml");
    fs::write(&to, notices(all)?)?;
    keep_private(&to, all.notices.iter().filter_map(|notice| notice.webhook.as_deref()))?;
    let closures = sorted(&all.closures, |c| (&c.place, c.kind, c.from));
    fs::write(dir.join("closures.csv"), table(&CLOSURE, closures, |_| {})?)?;
    let calendar = sorted(&all.calendar, |d| (&d.municipality, d.date, d.kind, &d.name));
    fs::write(dir.join("calendar.csv"), table(&CALENDAR_DAY, calendar, of_day)?)?;
    let areas = sorted(all.on_demand_areas.as_deref().unwrap_or_default(), |area| &area.id);
    let areas = areas.into_iter().map(|area| feature(&ON_DEMAND_AREA, &Feature::from(area)));
    fs::write(dir.join("on_demand_areas.geojson"), collection(areas)?)?;
    // In their own order: the first that matches counts.
    fs::write(dir.join("fares.toml"), fares(all)?)?;
    let rules: Vec<Row<'_>> = all.on_demand.iter().flatten().map(Row::from).collect();
    fs::write(dir.join("on_demand.csv"), table(&ON_DEMAND, rules.iter().collect(), |_| {})?)?;
    let taxis = all.taxis.iter().flatten().collect();
    fs::write(dir.join("taxis.csv"), table(&TAXI, taxis, |_| {})?)
}

/// Of a file with addresses in which keys stand: for the owner's eyes.
fn keep_private<'a>(file: &Path, mut addresses: impl Iterator<Item = &'a str>) -> io::Result<()> {
    if addresses.any(|url| shown_address(url) != url) {
        fs::set_permissions(file, Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn sorted<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<&'a T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort_by_key(|item| key(item));
    sorted
}

/// The fields of a definition; what is not there has none.
fn fields(definition: &impl Serialize) -> io::Result<Fields> {
    match serde_json::to_value(definition)? {
        Value::Object(mut fields) => {
            fields
                .retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
            Ok(fields)
        }
        other => Err(io::Error::other(format!("{other} is not a definition"))),
    }
}

fn table<T: Serialize>(schema: &Schema, rows: Vec<&T>, change: impl Fn(&mut Fields)) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(schema.names())?;
    for row in rows {
        let mut fields = fields(row)?;
        change(&mut fields);
        table.write_record(schema.names().map(|name| fields.get(name).map(cell).unwrap_or_default()))?;
    }
    table.into_inner().map_err(|e| e.into_error())
}

/// Whole numbers have no decimal point in tables.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(n) if n.is_f64() => n.as_f64().unwrap_or_default().to_string(),
        other => other.to_string(),
    }
}

/// A day's end is left out where it is the same day.
fn of_day(fields: &mut Fields) {
    if fields.get("until") == fields.get("date") {
        fields.remove("until");
    }
}

/// One feature per line, so that a changed place is a changed line.
fn collection(features: impl Iterator<Item = io::Result<String>>) -> io::Result<String> {
    let features = features.collect::<io::Result<Vec<_>>>()?.join(",\n");
    Ok(format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{features}\n]}}\n"))
}

/// A definition as a feature: its fields are properties, in the order of the schema.
fn feature(schema: &Schema, definition: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(definition)?;
    let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(&text)?;
    let known = schema.names().filter_map(|name| Some((name, fields.get(name)?.get())));
    let given = known.filter(|(_, raw)| !matches!(*raw, "null" | "[]"));
    let properties: Vec<String> = given.map(|(name, raw)| format!("\"{name}\":{raw}")).collect();
    let geometry = fields.get("geometry").map_or("null", |raw| raw.get());
    Ok(format!(
        "{{\"type\":\"Feature\",\"properties\":{{{}}},\"geometry\":{geometry}}}",
        properties.join(",")
    ))
}

#[derive(Serialize)]
struct ShortBay {
    #[serde(flatten)]
    bay: Bay,
    restriction: Option<Audience>,
}

/// A bay with the shorthand for its restrictions, where that suffices.
fn shortened(bay: &Bay) -> ShortBay {
    let mut bay = bay.clone();
    let restriction = match bay.restrictions[..] {
        [Restriction { audience, capacity: None, hours: None, max_stay_min: None }] => audience,
        _ => None,
    };
    if restriction.is_some() {
        bay.restrictions.clear();
    }
    ShortBay { bay, restriction }
}

#[derive(Serialize)]
struct FeedsOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broker: Vec<&'a Broker>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    feed: Vec<InOrder>,
}

#[derive(Serialize)]
struct NoticesOut {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notice: Vec<InOrder>,
}

#[derive(Serialize)]
struct FaresOut {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fare: Vec<InOrder>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pass: Vec<InOrder>,
}

/// The fields of a definition in the order of its schema.
struct InOrder(Vec<(&'static str, Value)>);

impl Serialize for InOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn feeds(all: &Catalogue) -> io::Result<String> {
    let feeds = sorted(&all.feeds, |f| &f.id).into_iter().map(of_feed);
    let document =
        FeedsOut { broker: sorted(&all.brokers, |b| &b.id), feed: feeds.collect::<io::Result<_>>()? };
    toml::to_string(&document).map_err(io::Error::other)
}

/// What a definition has of the names of its schema.
fn in_order(schema: &Schema, mut fields: Fields) -> InOrder {
    InOrder(schema.names().filter_map(|name| Some((name, fields.remove(name)?))).collect())
}

fn fares(all: &Catalogue) -> io::Result<String> {
    let list = all.fares.iter();
    let fare = list.clone().flat_map(|list| &list.fares).map(|fare| Ok(in_order(&FARE, fields(fare)?)));
    let pass = list.flat_map(|list| &list.passes).map(|pass| Ok(in_order(&PASS, fields(pass)?)));
    let document =
        FaresOut { fare: fare.collect::<io::Result<_>>()?, pass: pass.collect::<io::Result<_>>()? };
    toml::to_string(&document).map_err(io::Error::other)
}

fn notices(all: &Catalogue) -> io::Result<String> {
    let notice = sorted(&all.notices, |n| &n.id).into_iter().map(|notice| {
        let mut fields = fields(notice)?;
        if !notice.allow_private {
            fields.remove("allow_private");
        }
        if let Some(smtp) = &notice.smtp {
            fields.insert("smtp".to_owned(), Value::Object(self::fields(smtp)?));
        }
        Ok(in_order(&NOTICE, fields))
    });
    toml::to_string(&NoticesOut { notice: notice.collect::<io::Result<_>>()? }).map_err(io::Error::other)
}

fn of_feed(feed: &Feed) -> io::Result<InOrder> {
    let mut fields = fields(feed)?;
    if !feed.is_subscribed() {
        fields.retain(|name, _| !matches!(name.as_str(), "topic" | "qos"));
    }
    for flag in ["allow_private", "push"] {
        if fields.get(flag) == Some(&json!(false)) {
            fields.remove(flag);
        }
    }
    fields.extend(feed.max_age_s.map(|age_s| ("max_age".to_owned(), json!(shown_age(age_s)))));
    fields.extend(feed.area.map(|b| ("area".to_owned(), json!([b.west, b.south, b.east, b.north]))));
    Ok(in_order(&FEED, fields))
}
