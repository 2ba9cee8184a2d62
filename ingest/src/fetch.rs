//! Requests to untrusted servers, above all of the data of a feed's URL: one may be slow, send without end, or redirect into our own
//! network.

mod credentials;
mod tls;

use std::io::{self, Read};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use domain::UtcMicros;
use domain::address::is_public;
use domain::feed::shown_address;
use tokio::sync::oneshot;
use ureq::config::{Config, RedirectAuthHeaders};
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, NextTimeout, TcpConnector};

pub use self::credentials::Credentials;
use self::credentials::Of;
pub(crate) use self::tls::Tls;

/// From the look-up of the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A download may take so long, from the look-up of the name to the last byte.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(2 * 3_600);

/// Without a byte for so long, a download has failed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that are read at once.
const PART_BYTES: usize = 64 << 10;

/// Redirects that are followed, within one host.
const MAX_REDIRECTS: u32 = 3;

/// A request to a feed's server.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// The address, which may hold keys.
    pub url: String,
    /// Also from private addresses.
    pub allow_private: bool,
    /// Bytes, unpacked. One more is read: then it is rejected as too large, not cut.
    pub limit: usize,
    /// What the server asks for.
    pub credentials: Credentials,
    /// What is held: the server need not send it again (304).
    pub held: Validators,
}

/// By what a server recognises the state of a file that it has sent (RFC 9110, 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, as it was sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
}

/// What a server answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// At most a byte more than the request's limit.
    pub body: Vec<u8>,
    /// Why the body ends before its end; `None`: it is whole, or larger than the limit.
    pub cut: Option<String>,
    /// By what it recognises what it sends.
    pub validators: Validators,
    /// Until when the server's certificate is valid, and ours where it is shown one; `None`: there is none.
    pub certificate_until: Option<UtcMicros>,
}

impl FetchRequest {
    /// Fetches it; takes 20 s at most.
    ///
    /// # Errors
    /// Why it failed, without secrets of the address: there is no answer, none that is good, or not all of it.
    pub fn fetch(&self) -> Result<Answer, String> {
        self.fetch_within(TIMEOUT)
    }

    fn fetch_within(&self, timeout: Duration) -> Result<Answer, String> {
        self.answer_within(timeout)?.good()
    }

    /// The same for those who want to know of other answers than good ones; takes 20 s at most.
    ///
    /// # Errors
    /// Why there is no answer, without secrets.
    pub fn answer(&self) -> Result<Answer, String> {
        self.answer_within(TIMEOUT)
    }

    fn answer_within(&self, timeout: Duration) -> Result<Answer, String> {
        let mut body = Vec::new();
        let mut take = |part: &[u8]| {
            body.extend_from_slice(part);
            Ok(())
        };
        let answer = self.answer_into(timeout, &mut take)?;
        Ok(Answer { body, ..answer })
    }

    /// The same for a file that may be larger than memory: `take` gets its parts, whatever the status, and its error ends
    /// the download. Of the answer the body stays empty. Takes two hours at most, and a minute without a byte.
    ///
    /// # Errors
    /// As [`FetchRequest::answer`]. `take` may get further parts then, until the connection ends.
    pub fn download(
        self,
        take: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> Result<Answer, String> {
        self.download_within(DOWNLOAD_TIMEOUT, IDLE_TIMEOUT, take)
    }

    /// On a thread of its own: the client library limits the whole time alone.
    fn download_within(
        self,
        timeout: Duration,
        idle: Duration,
        mut take: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> Result<Answer, String> {
        let (ended, ends) = mpsc::channel();
        let work = move || {
            let came = ended.clone();
            let mut watched = |part: &[u8]| {
                // Nobody waits any more: the download has failed already.
                came.send(None).map_err(|_| io::Error::other("it was given up"))?;
                take(part)
            };
            let answer = self.answer_into(timeout, &mut watched);
            let _ = ended.send(Some(answer));
        };
        std::thread::Builder::new().name("download".to_owned()).spawn(work).map_err(|e| e.to_string())?;
        loop {
            match ends.recv_timeout(idle) {
                Ok(None) => {}
                Ok(Some(answer)) => return answer,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("the server has sent nothing for {} s", idle.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("the program failed at it; please report it".to_owned());
                }
            }
        }
    }

    fn answer_into(
        &self,
        timeout: Duration,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Answer, String> {
        let Credentials { headers, tls, of } = &self.credentials;
        let named = match of {
            Of::Feed => FEED,
            Of::Storage => STORAGE,
            Of::JourneySource => JOURNEY_SOURCE,
        };
        let server = Server { url: &self.url, allow_private: self.allow_private, named };
        let agent = server.agent(timeout, MAX_REDIRECTS, tls)?;
        let mut asking = agent.get(&self.url).config().http_status_as_error(false).build();
        for (name, value) in headers {
            asking = asking.header(name, value);
        }
        let Validators { etag, last_modified } = &self.held;
        for (name, value) in [("if-none-match", etag), ("if-modified-since", last_modified)] {
            if let Some(value) = value {
                asking = asking.header(name, value);
            }
        }
        let shown = |error: ureq::Error| match tls.remedy(&error, named.file) {
            Some(remedy) if *of != Of::Storage => remedy,
            _ => server.shown(error),
        };
        let mut response = asking.call().map_err(shown)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let text = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let validators = Validators { etag: text("etag"), last_modified: text("last-modified") };
        let mut reader = response.body_mut().as_reader().take(self.limit as u64 + 1);
        let mut part = vec![0; PART_BYTES];
        let cut = loop {
            match reader.read(&mut part) {
                Ok(0) => break None,
                Ok(bytes) => {
                    if let Err(error) = take(&part[..bytes]) {
                        break Some(error.to_string());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(shown(error.into())),
            }
        };
        let (body, certificate_until) = (Vec::new(), tls.valid_until());
        Ok(Answer { status, retry_after, body, cut, validators, certificate_until })
    }
}

impl Answer {
    /// The answer, where the server has sent what it was asked for, and all of it.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn good(self) -> Result<Answer, String> {
        match self {
            Answer { status: 200..300, cut: None, .. } => Ok(self),
            Answer { status: 200..300, cut: Some(why), .. } => Err(why),
            Answer { status: status @ (401 | 403), .. } => Err(format!(
                "http status: {status}: the server refuses us; correct the key that stands in url or in the file of \
                 headers_file, or ask the supplier for a new one"
            )),
            Answer { status, .. } => Err(format!("http status: {status}")),
        }
    }
}

/// Works on a thread of its own: a slow server must not delay a stop.
///
/// # Errors
/// Those of `work`.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        // The receiver may have gone.
        .spawn(move || drop(done.send(work())))
        .map_err(|e| e.to_string())?;
    ended.await.unwrap_or_else(|_| Err("the program failed at it; please report it".to_owned()))
}

/// Where an address stands: key and file, for error texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub key: &'static str,
    pub file: &'static str,
}

const FEED: Named = Named { key: "url", file: "feeds.toml" };
const STORAGE: Named = Named { key: "storage_url", file: "feeds.toml" };
const JOURNEY_SOURCE: Named = Named { key: "url", file: "the file of sources" };

/// A server that is not trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server<'a> {
    pub url: &'a str,
    /// Also at private addresses.
    pub allow_private: bool,
    pub named: Named,
}

impl Server<'_> {
    /// Connects to this server only, for `timeout` at most.
    ///
    /// # Errors
    /// The address is none of the web.
    pub(crate) fn agent(&self, timeout: Duration, redirects: u32, tls: &Tls) -> Result<ureq::Agent, String> {
        let key = self.named.key;
        let uri: Option<Uri> = self.url.parse().ok();
        let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        let uri = uri.ok_or_else(|| format!("{key}: it is not a web address, https://host/path"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(format!(
                "{key}: it holds a user and a password; write it without them, and import it again"
            ));
        }
        let guard = Guard {
            host: uri.host().unwrap_or_default().to_ascii_lowercase(),
            is_secure: uri.scheme_str() == Some("https"),
            allow_private: self.allow_private,
            named: self.named,
            resolver: DefaultResolver::default(),
        };
        // No connection is used again: a server that closes it after a redirect would fail the next request.
        let config = Config::builder()
            .timeout_global(Some(timeout))
            .max_redirects(redirects)
            // None leads to another host.
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .max_idle_connections(0)
            .build();
        let tcp = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
        Ok(ureq::Agent::with_parts(config, tcp.chain(tls.clone()), guard))
    }

    /// The error without keys, which stand in addresses: they reach neither a log nor the database.
    pub(crate) fn shown(&self, error: ureq::Error) -> String {
        match error {
            ureq::Error::Other(refused) => refused.to_string(),
            ureq::Error::Timeout(_) => "the server does not answer in time".to_owned(),
            ureq::Error::BadUri(_) => "the server sends us on to what is no web address".to_owned(),
            error => error.to_string().replace(self.url, &shown_address(self.url)),
        }
    }
}

/// Permits connections to the feed's own host only, and checks the address that is connected to:
/// a name may resolve to another one a moment later.
#[derive(Debug)]
struct Guard {
    host: String,
    is_secure: bool,
    allow_private: bool,
    named: Named,
    resolver: DefaultResolver,
}

/// Why no connection is made.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{}: the server sends us on to '{host}'; if that is meant, write its address in {}", named.key, named.file)]
    OtherHost { host: String, named: Named },
    #[error("{}: the server sends us on from https to http, which is not followed", named.key)]
    NotSecure { named: Named },
    #[error(
        "{}: its host has the address {ip}, which is none of the public internet; if that is meant, set \
         allow_private = true in {}",
        named.key, named.file
    )]
    Private { ip: std::net::IpAddr, named: Named },
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let named = self.named;
        let refused = |why: Refused| Err(ureq::Error::Other(Box::new(why)));
        let host = uri.host().unwrap_or_default();
        // An operator's own proxy (HTTPS_PROXY) is reached by its address, and looks names up itself.
        let is_proxy = config.proxy().is_some_and(|p| p.host() == host && uri.port_u16() == Some(p.port()));
        if !is_proxy && !host.eq_ignore_ascii_case(&self.host) {
            return refused(Refused::OtherHost { host: host.to_owned(), named });
        }
        if !is_proxy && self.is_secure && uri.scheme_str() != Some("https") {
            return refused(Refused::NotSecure { named });
        }
        let addresses = self.resolver.resolve(uri, config, timeout)?;
        let private = addresses.iter().map(|address| address.ip()).find(|ip| !is_public(*ip));
        match private {
            Some(ip) if !self.allow_private && !is_proxy => refused(Refused::Private { ip, named }),
            _ => Ok(addresses),
        }
    }
}

#[cfg(test)]
mod tests;
