//! Asking the product's API over plain HTTP/1.1.

use std::io;
use std::str::FromStr;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Not the address of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the address of an API without TLS; write http://HOST:PORT")]
pub struct NotAWatchUrl(String);

/// Where an API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiUrl {
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// What stands in front of its paths.
    prefix: String,
}

impl FromStr for ApiUrl {
    type Err = NotAWatchUrl;

    fn from_str(url: &str) -> Result<Self, NotAWatchUrl> {
        let uri: Option<Uri> = url.parse().ok().filter(|uri: &Uri| uri.scheme_str() == Some("http"));
        let uri = uri.ok_or_else(|| NotAWatchUrl(url.to_owned()))?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(|| NotAWatchUrl(url.to_owned()))?;
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        Ok(ApiUrl { address, prefix: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl ApiUrl {
    /// The body of a good answer, as it arrives.
    ///
    /// # Errors
    /// The API cannot be reached, or refuses.
    pub(crate) async fn get(&self, path: &str) -> io::Result<Incoming> {
        let socket = TokioIo::new(TcpStream::connect(&self.address).await?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(socket).await.map_err(io::Error::other)?;
        // It ends with the body, or when that is dropped.
        tokio::spawn(connection);
        let request = Request::get(format!("{}{path}", self.prefix))
            .header(HOST, &self.address)
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        if answer.status() != 200 {
            return Err(io::Error::other(format!("{path} answers {}", answer.status())));
        }
        Ok(answer.into_body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let read = |url: &str| url.parse().ok().map(|url: ApiUrl| format!("{} {}", url.address, url.prefix));
        assert_eq!(read("http://127.0.0.1:8080").as_deref(), Some("127.0.0.1:8080 "));
        assert_eq!(read("http://[::1]:8080/").as_deref(), Some("[::1]:8080 "));
        assert_eq!(read("http://host/api/").as_deref(), Some("host:80 /api"));
        assert_eq!(read("https://host"), None);
        assert_eq!(read("http://"), None);
    }
}
