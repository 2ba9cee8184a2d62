//! Fetches the data of a feed's URL from an untrusted server: it may be slow, send without end, or redirect into our
//! own network.

use std::io::Read;
use std::time::Duration;

use domain::address::is_public;
use domain::feed::shown_address;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// From the look-up of the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Redirects that are followed, within one host.
const MAX_REDIRECTS: u32 = 3;

/// A request to a feed's server.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    pub url: String,
    /// Also from private addresses.
    pub allow_private: bool,
    /// Bytes, unpacked. One more is read: then it is rejected as too large, not cut.
    pub limit: usize,
}

impl FetchRequest {
    /// Fetches it; takes [`TIMEOUT`] at most.
    ///
    /// # Errors
    /// Why it failed, without secrets of the address.
    pub fn fetch(&self) -> Result<Vec<u8>, String> {
        self.fetch_within(TIMEOUT)
    }

    fn fetch_within(&self, timeout: Duration) -> Result<Vec<u8>, String> {
        let uri: Option<Uri> = self.url.parse().ok();
        let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        let uri = uri.ok_or("url: it is not a web address, https://host/path")?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(
                "url: it holds a user and a password; write it without them, and import it again".to_owned()
            );
        }
        let guard = Guard {
            host: uri.host().unwrap_or_default().to_ascii_lowercase(),
            is_secure: uri.scheme_str() == Some("https"),
            allow_private: self.allow_private,
            resolver: DefaultResolver::default(),
        };
        // No connection is used again: a server that closes it after a redirect would fail the next request.
        let config = Config::builder()
            .timeout_global(Some(timeout))
            .max_redirects(MAX_REDIRECTS)
            .max_idle_connections(0)
            .build();
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), guard);
        // Keys stand in addresses: they reach neither a log nor the quarantine.
        let shown = |error: ureq::Error| match error {
            ureq::Error::Other(refused) => refused.to_string(),
            ureq::Error::BadUri(_) => "the server sends us on to what is no web address".to_owned(),
            error => error.to_string().replace(&self.url, &shown_address(&self.url)),
        };
        let mut response = agent.get(&self.url).call().map_err(shown)?;
        let mut body = Vec::new();
        let mut reader = response.body_mut().as_reader().take(self.limit as u64 + 1);
        reader.read_to_end(&mut body).map_err(|e| e.to_string())?;
        Ok(body)
    }
}

/// Permits connections to the feed's own host only, and checks the address that is connected to:
/// a name may resolve to another one a moment later.
#[derive(Debug)]
struct Guard {
    host: String,
    is_secure: bool,
    allow_private: bool,
    resolver: DefaultResolver,
}

/// Why no connection is made.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("url: the server sends us on to '{0}'; if that is meant, write its address in feeds.toml")]
    OtherHost(String),
    #[error("url: the server sends us on from https to http, which is not followed")]
    NotSecure,
    #[error(
        "url: its host has the address {0}, which is none of the public internet; if that is meant, set \
         allow_private = true in feeds.toml"
    )]
    Private(std::net::IpAddr),
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let refused = |why: Refused| Err(ureq::Error::Other(Box::new(why)));
        let host = uri.host().unwrap_or_default();
        // An operator's own proxy (HTTPS_PROXY) is reached by its address, and looks names up itself.
        let is_proxy = config.proxy().is_some_and(|p| p.host() == host && uri.port_u16() == Some(p.port()));
        if !is_proxy && !host.eq_ignore_ascii_case(&self.host) {
            return refused(Refused::OtherHost(host.to_owned()));
        }
        if !is_proxy && self.is_secure && uri.scheme_str() != Some("https") {
            return refused(Refused::NotSecure);
        }
        let addresses = self.resolver.resolve(uri, config, timeout)?;
        let private = addresses.iter().map(|address| address.ip()).find(|ip| !is_public(*ip));
        match private {
            Some(ip) if !self.allow_private && !is_proxy => refused(Refused::Private(ip)),
            _ => Ok(addresses),
        }
    }
}

#[cfg(test)]
mod tests;
