//! `[[broker]]` tables.

use std::path::Path;

use domain::{Broker, MqttVersion};

use crate::address::host_and_port;
use crate::cell::{self, Cell, Parsed, complain};
use crate::problem::{FileProblem, Location};
use crate::record::Record;
use crate::schema::BROKER;

/// Keys under which people write passwords into the file.
const SECRET_KEYS: [&str; 4] = ["password", "passwd", "pass", "secret"];

/// Paths are relative to `folder`.
pub(crate) fn broker(mut r: Record, folder: &Path) -> Option<Broker> {
    let secrets: Vec<String> =
        r.unknown_fields(&BROKER).into_iter().filter(|f| SECRET_KEYS.contains(&f.as_str())).collect();
    for secret in secrets {
        let remedy =
            "write the password into a file of its own and name it: password_file = \"secrets/broker\"";
        r.conceal(&secret, "a password does not stand in this file", remedy);
    }
    r.refuse_unknown_fields(&BROKER);

    let id = r.required("id", cell::id);
    let url = if r.optional("url", |cell| Ok(cell::shown(cell.value).contains('@'))) == Some(true) {
        let remedy = "take it out of the address; write username = \"...\" and password_file = \"...\"";
        r.conceal("url", "a user name or password does not stand in the address", remedy);
        None
    } else {
        r.required("url", broker_url)
    };
    let username = r.optional("username", cell::exact);
    let path = |cell: Cell| absolute(cell, folder);
    let password_file = r.optional("password_file", path);
    let ca_file = r.optional("ca_file", path);
    let cert_file = r.optional("cert_file", path);
    let key_file = r.optional("key_file", path);
    for (given, needed) in
        [("password_file", "username"), ("cert_file", "key_file"), ("key_file", "cert_file")]
    {
        if r.has(given) && !r.has(needed) {
            r.complain(needed, format!("is missing beside '{given}'"), format!("add '{needed}'"));
        }
    }
    Some(Broker {
        client_id: r.optional("client_id", cell::id),
        version: r.optional("version", cell::choice).unwrap_or(MqttVersion::V5),
        username,
        password_file,
        ca_file,
        cert_file,
        key_file,
        id: id?,
        url: url?,
    })
}

/// Warnings about missing files: they may exist where the product runs.
pub(crate) fn missing_files(broker: &Broker, at: &Location) -> Vec<FileProblem> {
    let named = [
        ("password_file", &broker.password_file),
        ("ca_file", &broker.ca_file),
        ("cert_file", &broker.cert_file),
        ("key_file", &broker.key_file),
    ];
    let missing = named.into_iter().filter_map(|(field, path)| {
        let path = path.as_deref().filter(|path| !Path::new(path).exists())?;
        let remedy = "put the file there before the broker is needed, or correct the path";
        Some(FileProblem::at(at, "this file does not exist here", remedy).field(field).value(path))
    });
    missing.collect()
}

/// `mqtt://host:port` or `mqtts://host:port`; a port that is left out is added.
fn broker_url(cell: Cell) -> Parsed<String> {
    let url = cell::exact(cell)?;
    let form = "write mqtt://host:1883, or mqtts://host:8883 for TLS";
    let (scheme, default_port, address) = match url.split_once("://") {
        Some((scheme @ "mqtt", rest)) => (scheme, 1883, rest),
        Some((scheme @ "mqtts", rest)) => (scheme, 8883, rest),
        _ => return complain("is not the address of an MQTT broker", form),
    };
    match host_and_port(address, default_port) {
        Some((host, port)) => Ok(format!("{scheme}://{host}:{port}")),
        None => complain("is not host and port", form),
    }
}

/// The path of a file; relative ones begin in `folder`.
pub(crate) fn absolute(cell: Cell, folder: &Path) -> Parsed<String> {
    let path = cell::exact(cell)?;
    match std::path::absolute(folder.join(&path)) {
        Ok(path) => Ok(path.to_string_lossy().into_owned()),
        Err(e) => complain(format!("is not a path: {e}"), "write the path of a file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Notation;
    use serde_json::json;

    fn url(text: &str) -> Parsed<String> {
        broker_url(Cell { value: &json!(text), notation: Notation::Typed })
    }

    #[test]
    fn broker_addresses_have_a_port() {
        for (text, kept) in [
            ("mqtt://localhost", "mqtt://localhost:1883"),
            ("mqtts://eu1.cloud.thethings.network/", "mqtts://eu1.cloud.thethings.network:8883"),
            ("mqtt://127.0.0.1:1884", "mqtt://127.0.0.1:1884"),
            ("mqtt://[::1]", "mqtt://[::1]:1883"),
            ("mqtt://[::1]:1884", "mqtt://[::1]:1884"),
        ] {
            assert_eq!(url(text).unwrap(), kept);
        }
        for text in [
            "tcp://host:1883",
            "host:1883",
            "mqtt://",
            "mqtt://host:0",
            "mqtt://host:x",
            "mqtt://::1",
            "mqtt://h/x",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
