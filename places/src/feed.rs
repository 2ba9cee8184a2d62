//! `[[feed]]` tables.

use domain::feed::{FeedFormat, host_of};
use domain::{Bbox, Feed};

use crate::age::age_s;
use crate::cell::{self, Cell, Parsed, complain};
use crate::record::Record;
use crate::rows::MAX_HEARTBEAT_S;
use crate::schema::FEED;

/// The largest packet that MQTT can carry, bytes (its length field).
const MAX_PACKET_BYTES: u32 = 268_435_455;

/// The longest pause between two polls, seconds: a day.
const MAX_EVERY_S: u32 = 86_400;

/// The largest topic that MQTT can carry, bytes (its length field).
const MAX_TOPIC_BYTES: usize = 65_535;

pub(crate) fn feed(mut r: Record) -> Option<Feed> {
    r.refuse_unknown_fields(&FEED);
    let id = r.required("id", cell::feed_id);
    let municipality = r.required("municipality", cell::slug);
    let format: Option<FeedFormat> = r.required("format", cell::choice);
    let url = r.optional("url", poll_url);
    let is_polled = r.has("url");
    let is_history = format == Some(FeedFormat::History);
    let topic = if is_polled || is_history { None } else { r.required("topic", topic_filter) };
    let every_s = r.optional("every_s", cell::whole(1..=MAX_EVERY_S));
    let allow_private = r.optional("allow_private", cell::boolean).unwrap_or(false);
    if let Some(url) = &url {
        check_host(url, allow_private, &mut r);
    }
    if r.has("allow_private") && !is_polled {
        let message = "has no meaning without 'url'".into();
        r.complain("allow_private", None, message, "delete it, or add 'url'".into());
    }
    if is_polled {
        for mqtt_only in ["topic", "broker", "qos"] {
            if r.has(mqtt_only) {
                let remedy = format!("delete 'url' or '{mqtt_only}'");
                r.complain(
                    mqtt_only,
                    None,
                    "has no meaning for a feed that is polled from 'url'".into(),
                    remedy,
                );
            }
        }
        if format.is_some_and(|f| f != FeedFormat::GtfsRt) {
            let remedy = "delete 'url' and name a topic".into();
            r.complain("url", None, "only feeds of format gtfs-rt are polled".into(), remedy);
        }
    } else if is_history {
        for mqtt_only in ["topic", "broker", "qos", "every_s"] {
            if r.has(mqtt_only) {
                let message = "has no meaning for a feed of imported history".into();
                r.complain(mqtt_only, None, message, "delete it".into());
            }
        }
    } else if r.has("every_s") {
        r.complain("every_s", None, "has no meaning without 'url'".into(), "delete it, or add 'url'".into());
    }
    let timetable = r.optional("timetable", timetable_name);
    if r.has("timetable") && format.is_some_and(|format| !Feed::speaks_of_trips(format)) {
        let message = "has a meaning for feeds of format gtfs-rt, hfp and native alone".into();
        r.complain("timetable", None, message, "delete it".into());
    }
    let broker = r.optional("broker", cell::id);
    let qos = r.optional("qos", cell::whole(0..=1)).unwrap_or(1) as u8;
    let clock = r.optional("clock", cell::choice);
    let on_bad_clock = r.optional("on_bad_clock", cell::choice);
    let max_age_s = r.optional("max_age", age_s);
    let max_message_bytes = r.optional("max_message_bytes", cell::whole(1..=MAX_PACKET_BYTES));
    let max_messages_per_s = r.optional("max_messages_per_s", cell::whole(1..=u32::MAX));
    let max_bytes_per_s = r.optional("max_bytes_per_s", cell::whole(1..=u32::MAX));
    let max_rejections_per_h = r.optional("max_rejections_per_h", cell::whole(1..=u32::MAX));
    let heartbeat_s = r.optional("heartbeat_s", cell::whole(1..=MAX_HEARTBEAT_S));
    let use_server_decoder = r.optional("use_server_decoder", cell::boolean).unwrap_or(false);
    let area = r.optional("area", bbox);
    let licence = r.optional("licence", cell::text);
    let attribution = r.optional("attribution", cell::text);
    let contact = r.optional("contact", cell::text);
    Some(Feed {
        id: id?,
        municipality: municipality?,
        format: format?,
        topic: if is_polled || is_history { String::new() } else { topic? },
        broker,
        qos,
        clock,
        on_bad_clock,
        max_age_s,
        max_message_bytes,
        max_messages_per_s,
        max_bytes_per_s,
        max_rejections_per_h,
        heartbeat_s,
        use_server_decoder,
        area,
        licence,
        attribution,
        contact,
        url,
        every_s,
        allow_private,
        timetable,
    })
}

/// An MQTT topic filter (MQTT 5.0, 4.7).
fn topic_filter(cell: Cell) -> Parsed<String> {
    let filter = cell::exact(cell)?;
    if filter.starts_with("$share/") {
        return complain(
            "a shared subscription is not a topic filter",
            "write the filter behind the group's name",
        );
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
        return complain(
            "is not the name of a file",
            "write the GTFS file's name without its folder, e.g. bus.zip",
        );
    }
    Ok(name)
}

fn poll_url(cell: Cell) -> Parsed<String> {
    let url = cell::exact(cell)?;
    let is_web = |rest: &str| {
        !host_of(&url).is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    let authority = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    match url.split_once("://") {
        Some(("http" | "https", rest)) if authority(rest).contains('@') => complain(
            "holds a user and a password, which proxies and servers write into their logs",
            "write it without them; a key that the supplier gave out stands behind the question mark, as in ?key=...",
        ),
        Some(("http" | "https", rest)) if is_web(rest) => Ok(url),
        _ => complain("is not a web address", "write https://host/path"),
    }
}

/// An address that says itself that it is none of the public internet; of a name that is known when it is fetched.
fn check_host(url: &str, allow_private: bool, r: &mut Record) {
    let host = host_of(url);
    let is_private = host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: std::net::IpAddr| !domain::address::is_public(ip));
    if is_private && !allow_private {
        let message = format!("'{host}' is an address within a network, not of the public internet");
        r.complain("url", None, message, "add allow_private = true, if that is meant".into());
    }
}

fn bbox(cell: Cell) -> Parsed<Bbox> {
    let numbers: Option<Vec<f64>> =
        cell.value.as_array().and_then(|list| list.iter().map(serde_json::Value::as_f64).collect());
    let bbox = match numbers.as_deref() {
        Some(&[west, south, east, north]) => Bbox::new(west, south, east, north),
        _ => None,
    };
    bbox.map_or_else(
        || {
            complain(
                "is not a box in degrees",
                "write [west, south, east, north], e.g. [7.0, 51.8, 7.5, 52.1]",
            )
        },
        Ok,
    )
}
