//! `[[notice]]` tables of `notices.toml`.

use std::path::Path;

use domain::address::is_within_network;
use domain::notice::rule::{MailTls, Trigger};
use domain::notice::schedule::BadTime;
use domain::notice::{DayTime, NoticeRule, QuietHours, Smtp};
use serde_json::Value;

use crate::address::{host_and_port, web_address};
use crate::broker::absolute;
use crate::cell::{self, Cell, Parsed, complain};
use crate::problem::{FileProblem, Location};
use crate::record::{Fields, Record};
use crate::schema::{NOTICE, SMTP};

/// The largest topic that MQTT can carry, bytes (its length field).
const MAX_TOPIC_BYTES: usize = 65_535;

/// The keys that say where notices go.
const RECEIVERS: [&str; 3] = ["webhook", "topic", "smtp"];

/// Paths are relative to `folder`.
pub(crate) fn notice(mut r: Record, folder: &Path) -> Option<NoticeRule> {
    for secret in r.unknown_fields(&NOTICE).into_iter().filter(|f| is_secret(f)) {
        let remedy = "write it into a file of its own and name it: secret_file = \"secrets/notices\"";
        r.conceal(&secret, "a secret does not stand in this file", remedy);
    }
    r.refuse_unknown_fields(&NOTICE);
    let id = r.required("id", cell::id);
    let municipality = r.required("municipality", cell::slug);
    let on = r.optional("on", triggers).unwrap_or_default();
    let quiet_hours: Option<QuietHours> = r.optional("quiet_hours", |cell| timed(cell, "22:00-06:00"));
    let digest_at: Option<DayTime> = r.optional("digest_at", |cell| timed(cell, "07:30"));
    let smtp = r.optional("smtp", table).map(|fields| smtp(r.nested("smtp", fields), folder));
    let given: Vec<&str> = RECEIVERS.into_iter().filter(|key| r.has(key)).collect();
    match given[..] {
        [] => r.complain(
            "webhook",
            "is missing: nobody would receive these notices",
            "add webhook and secret_file, or topic, or smtp",
        ),
        [_] => {}
        _ => r.complain(
            given[1],
            format!("a notice has one receiver, and {} are given", given.join(" and ")),
            "write a [[notice]] for each, with an id of its own",
        ),
    }
    for (key, needed) in [("secret_file", "webhook"), ("allow_private", "webhook"), ("broker", "topic")] {
        if r.has(key) && !r.has(needed) {
            r.complain(
                key,
                format!("has no meaning without '{needed}'"),
                format!("delete it, or add '{needed}'"),
            );
        }
    }
    if r.has("webhook") && !r.has("secret_file") {
        r.complain(
            "secret_file",
            "is missing beside 'webhook': its receiver could not distinguish our notices from anybody's",
            "write a long random text into a file and name it: secret_file = \"secrets/notices\"",
        );
    }
    if r.has("lang") && !r.has("smtp") {
        r.complain("lang", "has a meaning for mail alone: others get both languages", "delete it");
    }
    if let (Some(quiet), Some(at)) = (&quiet_hours, digest_at)
        && quiet.contains(at)
    {
        r.refuse("digest_at", format!("lies within the quiet hours {quiet}"), "write a time outside of them");
    }
    Some(NoticeRule {
        on,
        quiet_hours,
        digest_at,
        lang: r.optional("lang", cell::choice),
        webhook: r.optional("webhook", webhook),
        secret_file: r.optional("secret_file", |cell| absolute(cell, folder)),
        allow_private: r.optional("allow_private", cell::boolean).unwrap_or(false),
        broker: r.optional("broker", cell::id),
        topic: r.optional("topic", topic),
        smtp: match smtp {
            Some(smtp) => Some(smtp?),
            None => None,
        },
        id: id?,
        municipality: municipality?,
    })
}

fn table(cell: Cell) -> Parsed<Fields> {
    let example = "write smtp = { url = \"smtp://mail.example:587\", from = \"...\", to = [\"...\"] }";
    cell.value.as_object().map_or_else(|| complain("is no table", example), |fields| Ok(fields.clone()))
}

/// Keys under which people write secrets into the file.
fn is_secret(field: &str) -> bool {
    ["secret", "password", "passwd", "pass", "key", "token"].contains(&field)
}

fn smtp(mut r: Record, folder: &Path) -> Option<Smtp> {
    for secret in r.unknown_fields(&SMTP).into_iter().filter(|f| is_secret(f)) {
        let remedy = "write it into a file of its own and name it: password_file = \"secrets/mail\"";
        r.conceal(&secret, "a password does not stand in this file", remedy);
    }
    r.refuse_unknown_fields(&SMTP);
    let url = if r.optional("url", |cell| Ok(cell::shown(cell.value).contains('@'))) == Some(true) {
        let remedy = "take it out of the address; write username = \"...\" and password_file = \"...\"";
        r.conceal("url", "a user name or password does not stand in the address", remedy);
        None
    } else {
        r.required("url", smtp_url)
    };
    let tls = r.optional("tls", cell::choice).unwrap_or(MailTls::Required);
    if r.has("password_file") && !r.has("username") {
        r.complain("username", "is missing beside 'password_file'", "add 'username'");
    }
    if r.has("username") && !r.has("password_file") {
        r.complain("password_file", "is missing beside 'username'", "add 'password_file'");
    }
    if tls == MailTls::None {
        if r.has("username") {
            r.refuse("tls", "the password would be sent in the clear", "delete it: TLS is used then");
        } else if url.as_deref().is_some_and(|url| url.starts_with("smtps:")) {
            r.refuse("tls", "contradicts smtps", "write smtp://, or delete it");
        } else if r.has("ca_file") {
            r.complain("ca_file", "has a meaning with TLS alone", "delete it, or tls");
        }
    }
    let (from, to) = (r.required("from", address), r.required("to", addresses));
    Some(Smtp {
        username: r.optional("username", cell::exact),
        password_file: r.optional("password_file", |cell| absolute(cell, folder)),
        ca_file: r.optional("ca_file", |cell| absolute(cell, folder)),
        tls,
        from: from?,
        to: to?,
        url: url?,
    })
}

/// Warnings about missing files: they may exist where the product runs.
pub(crate) fn missing_files(rule: &NoticeRule, at: &Location) -> Vec<FileProblem> {
    let smtp = rule.smtp.as_ref();
    let named = [
        ("secret_file", rule.secret_file.as_deref()),
        ("smtp.password_file", smtp.and_then(|smtp| smtp.password_file.as_deref())),
        ("smtp.ca_file", smtp.and_then(|smtp| smtp.ca_file.as_deref())),
    ];
    let missing = named.into_iter().filter_map(|(field, path)| {
        let path = path.filter(|path| !Path::new(path).exists())?;
        let remedy = "put the file there before a notice is due, or correct the path";
        Some(FileProblem::at(at, "this file does not exist here", remedy).field(field).value(path))
    });
    missing.collect()
}

fn triggers(cell: Cell) -> Parsed<Vec<Trigger>> {
    let Value::Array(names) = cell.value else {
        return complain("is no list", "write for example on = [\"silent\", \"gateway\", \"recovered\"]");
    };
    let mut all = Vec::new();
    for name in names {
        let trigger = cell::choice(Cell { value: name, ..cell })?;
        if !all.contains(&trigger) {
            all.push(trigger);
        }
    }
    if all.is_empty() {
        return complain(
            "names nothing",
            "delete it: then it is whatever needs somebody; or name what notices are for",
        );
    }
    Ok(all)
}

/// A time or span of the day.
fn timed<T: std::str::FromStr<Err = BadTime>>(cell: Cell, example: &str) -> Parsed<T> {
    cell::exact(cell)?.parse().or_else(|e: BadTime| {
        complain(e.to_string(), format!("write it by the town's clock, in quotes, e.g. \"{example}\""))
    })
}

fn webhook(cell: Cell) -> Parsed<String> {
    let url = web_address(cell)?;
    if url.starts_with("http:") && !is_within_network(&url) {
        return complain(
            "is not encrypted: everybody on the way could read it",
            "write https://; http is for receivers within your own network, by their address",
        );
    }
    Ok(url)
}

fn topic(cell: Cell) -> Parsed<String> {
    let topic = cell::exact(cell)?;
    if topic.contains(['+', '#']) {
        return complain("is a filter: notices are published to one topic", "write it without '+' and '#'");
    }
    if topic.starts_with('$') || topic.len() > MAX_TOPIC_BYTES || topic.contains(char::is_control) {
        return complain("is no topic to which one may publish", "write for example notices/musterdorf");
    }
    Ok(topic)
}

/// `smtp://host:port` or `smtps://host:port`; a port that is left out is added.
fn smtp_url(cell: Cell) -> Parsed<String> {
    let url = cell::exact(cell)?;
    let form = "write smtp://host:587 (STARTTLS), or smtps://host:465 (TLS from the beginning)";
    let (scheme, port, rest) = match url.split_once("://") {
        Some((scheme @ "smtp", rest)) => (scheme, 587, rest),
        Some((scheme @ "smtps", rest)) => (scheme, 465, rest),
        _ => return complain("is not the address of a mail server", form),
    };
    match host_and_port(rest, port) {
        Some((host, port)) => Ok(format!("{scheme}://{host}:{port}")),
        None => complain("is not host and port", form),
    }
}

/// One mail address, with or without a name: `a@b.de`, `Parking <a@b.de>`.
fn address(cell: Cell) -> Parsed<String> {
    let text = cell::exact(cell)?;
    let bare = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => &text,
    };
    let is_address = bare.split_once('@').is_some_and(|(user, host)| {
        let fits = |part: &str| {
            !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "<>,;@".contains(c))
        };
        fits(user) && fits(host)
    });
    if is_address {
        Ok(text)
    } else {
        complain("is no mail address", "write for example parking@musterdorf.example")
    }
}

fn addresses(cell: Cell) -> Parsed<Vec<String>> {
    match cell.value {
        Value::Array(all) if !all.is_empty() => {
            all.iter().map(|value| address(Cell { value, ..cell })).collect()
        }
        Value::Array(_) => {
            complain("names nobody", "write for example to = [\"parking@musterdorf.example\"]")
        }
        _ => Ok(vec![address(cell)?]),
    }
}
