//! Addresses of servers.

use domain::feed::host_of;

use crate::cell::{self, Cell, Parsed, complain};

/// The address of a web server's resource.
pub(crate) fn web_address(cell: Cell) -> Parsed<String> {
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

/// Host and port of what stands behind `://`.
pub(crate) fn host_and_port(address: &str, default_port: u16) -> Option<(&str, u16)> {
    let address = address.strip_suffix('/').unwrap_or(address);
    // Colons inside the brackets of an IPv6 address do not begin a port.
    let after_host = address.rfind(']').map_or(0, |i| i + 1);
    let (host, port) = match address[after_host..].rfind(':') {
        Some(i) => (&address[..after_host + i], address[after_host + i + 1..].parse().ok()?),
        None => (address, default_port),
    };
    let is_host = !host.is_empty() && (after_host > 0 || !host.contains(':'));
    (port > 0 && is_host && !address.contains(['/', '?', '#', ' '])).then_some((host, port))
}
