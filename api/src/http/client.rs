//! The address of the client, also behind trusted proxies.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use store::keys::StoredKey;

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u32,
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is no range of addresses such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32");
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let network: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let all = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), |bits| bits.trim().parse::<u32>().map_err(|_| wrong()))?;
        if bits > all { Err(wrong()) } else { Ok(Cidr { network, bits }) }
    }
}

impl Cidr {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differ = match (self.network, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
            _ => return false,
        };
        differ.leading_zeros() >= self.bits
    }
}

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Arc<[Cidr]>);

impl TrustedProxies {
    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }

    /// The client of a request from `peer`: the last address in `X-Forwarded-For` that is not a trusted proxy's. What
    /// stands before it anybody may have written.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while self.contains(client) {
            let Some(before) = hops.next().and_then(address_of) else { break };
            client = before;
        }
        client
    }
}

/// The address of `192.0.2.7`, `192.0.2.7:1234`, `2001:db8::1` or `[2001:db8::1]:1234`.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The valid key of a request and what it tried, once it was looked up.
#[derive(Debug, Clone, Default)]
pub struct KnownKey(Arc<OnceLock<(StoredKey, Tried)>>);

impl KnownKey {
    /// Notes the key of the request.
    pub fn set(&self, key: &StoredKey, tried: &Tried) {
        self.0.get_or_init(|| (key.clone(), tried.clone()));
    }

    /// What was noted.
    pub fn get(&self) -> Option<&(StoredKey, Tried)> {
        self.0.get()
    }
}

/// A request and its origin, as the audit has them.
#[derive(Debug, Clone)]
pub struct Tried {
    /// `None`: the request came over no network.
    pub address: Option<IpAddr>,
    /// As in the list of routes: `POST /v1/rejections/replay`.
    pub route: Arc<str>,
    /// Whether something is to be changed.
    pub is_writing: bool,
}

/// Methods that are logged; any other word is the client's own.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl Tried {
    /// The request of `parts` from `address`.
    pub fn new(parts: &Parts, address: Option<IpAddr>) -> Self {
        let method = if METHODS.contains(&parts.method) { parts.method.as_str() } else { "other" };
        let path = parts.extensions.get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        Tried { address, route: format!("{method} {path}").into(), is_writing: !parts.method.is_safe() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> IpAddr {
        let ranges: Vec<Cidr> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        TrustedProxies(ranges.into()).client(ip(peer), &headers)
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let inner = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"];
        for (trusted, peer, forwarded, expected) in [
            (&inner[..0], "127.0.0.1", &["192.0.2.1"][..], "127.0.0.1"),
            (&inner, "198.51.100.9", &["192.0.2.1"], "198.51.100.9"),
            (&inner, "127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            (&inner, "127.0.0.1", &["203.0.113.5, 192.0.2.1"], "192.0.2.1"),
            (&inner, "127.0.0.1", &["203.0.113.5, 192.0.2.1, 10.1.2.3"], "192.0.2.1"),
            (&inner, "127.0.0.1", &["203.0.113.5", "192.0.2.1,10.1.2.3 , 10.9.9.9"], "192.0.2.1"),
            (&inner, "::ffff:127.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            (&inner, "fd00::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            (&inner, "fd00::1", &["2001:db8::1"], "2001:db8::1"),
            (&inner, "127.0.0.1", &["10.0.0.1"], "10.0.0.1"),
            (&inner, "127.0.0.1", &["192.0.2.1, unknown"], "127.0.0.1"),
            (&inner, "127.0.0.1", &[""], "127.0.0.1"),
            (&inner, "127.0.0.1", &[], "127.0.0.1"),
        ] {
            assert_eq!(client(trusted, peer, forwarded), ip(expected), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_range_holds_what_it_says_and_nothing_else() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("0.0.0.0/0", "203.0.113.5", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
        ] {
            let cidr: Cidr = range.parse().unwrap();
            assert!(cidr.contains(ip(inside)) && !cidr.contains(ip(outside)), "{range}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/x", "10.0.0/8", "2001:db8::/129", "example.org"] {
            assert!(wrong.parse::<Cidr>().unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
