//! `[[feed]]` tables.

use std::path::Path;

use domain::address::is_within_network;
use domain::feed::{FeedFormat, RentalSettings, WebCredentials, host_of};
use domain::{Bbox, Feed};

use crate::address::web_address;
use crate::age::age_s;
use crate::broker::absolute;
use crate::cell::{self, Cell, Parsed, complain};
use crate::problem::{FileProblem, Location};
use crate::record::Record;
use crate::rows::MAX_HEARTBEAT_S;
use crate::schema::FEED;

/// The largest packet that MQTT can carry, bytes (its length field).
const MAX_PACKET_BYTES: u32 = 268_435_455;

/// The longest pause between two polls, seconds: a day.
const MAX_EVERY_S: u32 = 86_400;

const BOX_REMEDY: &str = "write [west, south, east, north], e.g. [7.0, 51.8, 7.5, 52.1]";

/// Keys that name what a web server asks for.
const CREDENTIALS: [&str; 4] = ["headers_file", "ca_file", "cert_file", "key_file"];

/// Keys that have a meaning for shared vehicles alone.
const RENTAL: [&str; 4] = ["stale_after_s", "systems", "return_rule", "geofencing"];

/// The largest topic that MQTT can carry, bytes (its length field).
const MAX_TOPIC_BYTES: usize = 65_535;

/// Paths are relative to `folder`.
pub(crate) fn feed(mut r: Record, folder: &Path) -> Option<Feed> {
    r.refuse_unknown_fields(&FEED);
    let id = r.required("id", cell::feed_id);
    let municipality = r.required("municipality", cell::slug);
    let format: Option<FeedFormat> = r.required("format", cell::choice);
    let url = r.optional("url", web_address);
    let storage_url = r.optional("storage_url", web_address);
    let storage_token_file = r.optional("storage_token_file", |cell| absolute(cell, folder));
    let push = r.optional("push", cell::boolean).unwrap_or(false);
    let is_subscribed = !r.has("url") && !push && format.is_none_or(|format| !has_no_topic(format));
    let topic = if is_subscribed { r.required("topic", topic_filter) } else { Some(String::new()) };
    let every_s = r.optional("every_s", cell::whole(1..=MAX_EVERY_S));
    let credentials = credentials(&mut r, folder);
    let allow_private = r.optional("allow_private", cell::boolean).unwrap_or(false);
    for (key, url) in [("url", &url), ("storage_url", &storage_url)] {
        if let Some(url) = url {
            check_host(key, url, allow_private, &mut r);
        }
    }
    check_is_secure("storage_url", "is asked with a key", storage_url.as_deref(), allow_private, &mut r);
    if credentials.headers_file.is_some() {
        check_is_secure("headers_file", "holds keys", url.as_deref(), allow_private, &mut r);
    }
    check_meaning(&mut r, format, push);
    let rental = rental(&mut r, format);
    let timetable = r.optional("timetable", timetable_name);
    if r.has("timetable") && format.is_some_and(|format| !Feed::speaks_of_trips(format)) {
        let message = "has a meaning for feeds of format gtfs-rt, hfp and native alone";
        r.complain("timetable", message, "delete it");
    }
    Some(Feed {
        broker: r.optional("broker", cell::id),
        qos: r.optional("qos", cell::whole(0..=1)).unwrap_or(1) as u8,
        clock: r.optional("clock", cell::choice),
        on_bad_clock: r.optional("on_bad_clock", cell::choice),
        max_age_s: r.optional("max_age", age_s),
        max_message_bytes: r.optional("max_message_bytes", cell::whole(1..=MAX_PACKET_BYTES)),
        max_messages_per_s: r.optional("max_messages_per_s", cell::whole(1..=u32::MAX)),
        max_bytes_per_s: r.optional("max_bytes_per_s", cell::whole(1..=u32::MAX)),
        max_rejections_per_h: r.optional("max_rejections_per_h", cell::whole(1..=u32::MAX)),
        heartbeat_s: r.optional("heartbeat_s", cell::whole(1..=MAX_HEARTBEAT_S)),
        use_server_decoder: r.optional("use_server_decoder", cell::boolean).unwrap_or(false),
        area: r.optional("area", bbox),
        licence: r.optional("licence", cell::text),
        attribution: r.optional("attribution", cell::text),
        contact: r.optional("contact", cell::text),
        url,
        every_s,
        credentials,
        rental,
        allow_private,
        push,
        storage_url,
        storage_token_file,
        timetable,
        id: id?,
        municipality: municipality?,
        format: format?,
        topic: topic?,
    })
}

/// Whether feeds of this format are never subscribed.
fn has_no_topic(format: FeedFormat) -> bool {
    matches!(format, FeedFormat::History | FeedFormat::ParkapiV3 | FeedFormat::Gbfs)
}

/// Keys that mean nothing for a feed of this kind.
fn check_meaning(r: &mut Record, format: Option<FeedFormat>, push: bool) {
    let is_polled = r.has("url");
    let is_history = format == Some(FeedFormat::History);
    if r.has("allow_private") && !is_polled && !r.has("storage_url") {
        r.complain("allow_private", "has no meaning without 'url'", "delete it, or add 'url'");
    }
    check_storage(r, format, push);
    if push {
        for key in ["topic", "broker", "qos", "url", "every_s"] {
            if r.has(key) {
                let message =
                    "has no meaning for a feed with push = true, whose messages are posted over HTTP";
                r.complain(key, message, format!("delete 'push' or '{key}'"));
            }
        }
        if is_history {
            r.complain("push", "has no meaning for a feed of imported history", "delete it");
        }
        if format == Some(FeedFormat::Gbfs) {
            r.complain("push", "has no meaning for a feed of shared vehicles", "delete it, and name a 'url'");
        }
    } else if format == Some(FeedFormat::ParkapiV3) {
        let message = "is missing: messages of format parkapi-v3 come over HTTP only";
        r.complain("push", message, "add push = true, and delete 'topic' and 'url'");
    } else if is_polled {
        for key in ["topic", "broker", "qos"] {
            if r.has(key) {
                let message = "has no meaning for a feed that is polled from 'url'";
                r.complain(key, message, format!("delete 'url' or '{key}'"));
            }
        }
        if format.is_some_and(|f| !matches!(f, FeedFormat::GtfsRt | FeedFormat::Gbfs)) {
            let message = "only feeds of format gtfs-rt and gbfs are polled";
            r.complain("url", message, "delete 'url' and name a topic");
        }
    } else if format == Some(FeedFormat::Gbfs) {
        let message = "is missing: feeds of shared vehicles are polled";
        r.complain("url", message, "add the address of the operator's gbfs.json or manifest.json");
    } else if is_history {
        for key in ["topic", "broker", "qos", "every_s"] {
            if r.has(key) {
                r.complain(key, "has no meaning for a feed of imported history", "delete it");
            }
        }
    } else if r.has("every_s") {
        r.complain("every_s", "has no meaning without 'url'", "delete it, or add 'url'");
    }
}

/// How shared vehicles are taken.
fn rental(r: &mut Record, format: Option<FeedFormat>) -> RentalSettings {
    for key in RENTAL {
        if r.has(key) && format.is_some_and(|format| format != FeedFormat::Gbfs) {
            r.complain(key, "has a meaning for feeds of format gbfs alone", "delete it");
        }
    }
    RentalSettings {
        stale_after_s: r.optional("stale_after_s", cell::whole(1..=MAX_EVERY_S)),
        systems: r.optional("systems", cell::ids).unwrap_or_default(),
        return_rule: r.optional("return_rule", cell::choice),
        geofencing: r.optional("geofencing", cell::boolean),
    }
}

/// What the server of `url` asks for.
fn credentials(r: &mut Record, folder: &Path) -> WebCredentials {
    let is_polled = r.has("url");
    let is_clear = r.optional("url", |cell| Ok(cell::shown(cell.value).starts_with("http://"))) == Some(true);
    for key in CREDENTIALS {
        if r.has(key) && !is_polled {
            r.complain(key, "has no meaning without 'url'", "delete it, or add 'url'");
        } else if r.has(key) && is_clear && key != "headers_file" {
            r.complain(
                key,
                "has no meaning for an address that begins with http://",
                "write https://, or delete it",
            );
        }
    }
    for (given, needed) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
        if r.has(given) && !r.has(needed) {
            r.complain(needed, format!("is missing beside '{given}'"), format!("add '{needed}'"));
        }
    }
    let mut path = |key| r.optional(key, |cell| absolute(cell, folder));
    WebCredentials {
        headers_file: path("headers_file"),
        ca_file: path("ca_file"),
        cert_file: path("cert_file"),
        key_file: path("key_file"),
    }
}

/// Warnings about missing files: they may exist where the product runs.
pub(crate) fn missing_files(feed: &Feed, at: &Location) -> Vec<FileProblem> {
    let missing = feed.credentials.files().filter(|(_, path)| !Path::new(path).exists());
    let problem = |(key, path)| {
        let remedy = "put the file there before the feed is fetched, or correct the path";
        FileProblem::at(at, "this file does not exist here", remedy).field(key).value(path)
    };
    missing.map(problem).collect()
}

/// `key` makes that a secret is sent to `url`; `holds` says so.
fn check_is_secure(key: &str, holds: &str, url: Option<&str>, allow_private: bool, r: &mut Record) {
    if url.is_some_and(|url| url.starts_with("http://")) && !allow_private {
        r.complain(
            key,
            format!("{holds}, which http shows to everybody on the way"),
            "write https://, or add allow_private = true for a server of your own network",
        );
    }
}

/// The Things Stack's storage fills what a feed of its broker missed.
fn check_storage(r: &mut Record, format: Option<FeedFormat>, push: bool) {
    for (given, needed) in [("storage_url", "storage_token_file"), ("storage_token_file", "storage_url")] {
        if r.has(given) && !r.has(needed) {
            r.complain(needed, format!("is missing beside '{given}'"), format!("add '{needed}'"));
        }
        let has_storage = format == Some(FeedFormat::Tts) && !push;
        if r.has(given) && !has_storage {
            let message = "has a meaning for feeds of format tts with a topic alone";
            r.complain(given, message, "delete it: others have no storage that could be asked");
        }
    }
}

/// An MQTT topic filter (MQTT 5.0, 4.7).
fn topic_filter(cell: Cell) -> Parsed<String> {
    let filter = cell::exact(cell)?;
    if filter.starts_with("$share/") {
        let remedy = "write the filter behind the group's name";
        return complain("a shared subscription is not a topic filter", remedy);
    }
    if filter.len() > MAX_TOPIC_BYTES || filter.contains(char::is_control) {
        return complain("is not a topic filter", "write a topic such as kv/1/FEED/#");
    }
    let levels: Vec<&str> = filter.split('/').collect();
    let wildcard_inside = |level: &&str| level.len() > 1 && level.contains(['+', '#']);
    if let Some(level) = levels.iter().copied().find(|level| wildcard_inside(level)) {
        return complain(
            format!("'+' and '#' stand alone in their level, not as in '{level}'"),
            "separate them with '/', e.g. application/+/device/+/event/+",
        );
    }
    if levels[..levels.len() - 1].contains(&"#") {
        return complain("'#' stands at the end only", "use '+' for a single level");
    }
    Ok(filter)
}

/// The name of a GTFS file, as `journey build` was given it.
fn timetable_name(cell: Cell) -> Parsed<String> {
    let name = cell::exact(cell)?;
    if name.is_empty() || name.contains(['/', '\\']) || name.contains(char::is_control) {
        let remedy = "write the GTFS file's name without its folder, e.g. bus.zip";
        return complain("is not the name of a file", remedy);
    }
    Ok(name)
}

/// An address that says itself that it is none of the public internet; of a name that is known when it is fetched.
fn check_host(key: &str, url: &str, allow_private: bool, r: &mut Record) {
    if is_within_network(url) && !allow_private {
        let host = host_of(url);
        let message = format!("'{host}' is an address within a network, not of the public internet");
        r.complain(key, message, "add allow_private = true, if that is meant");
    }
}

fn bbox(cell: Cell) -> Parsed<Bbox> {
    let numbers: Option<Vec<f64>> =
        cell.value.as_array().and_then(|list| list.iter().map(serde_json::Value::as_f64).collect());
    match numbers.as_deref() {
        Some(&[west, south, east, north]) => Bbox::new(west, south, east, north),
        _ => None,
    }
    .map_or_else(|| complain("is not a box in degrees", BOX_REMEDY), Ok)
}
