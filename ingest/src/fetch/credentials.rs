//! What a web server asks for before it answers: headers with keys, a client certificate. Files are read at each question, so
//! that a certificate that was renewed is taken up; what they hold reaches no log and no error text.

use std::path::Path;

use domain::feed::WebCredentials;
use rustls::RootCertStore;
use ureq::http::{HeaderName, HeaderValue};

use super::tls::Tls;
use crate::certificate::{chain, key};
use crate::mqtt::SecretFiles;

/// Headers of a file; more are none that a server asks for.
const MAX_HEADERS: usize = 32;

/// Headers that belong to the connection, not to whoever asks.
const RESERVED: [&str; 6] =
    ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade"];

/// See the module's description.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) tls: Tls,
    /// Of whom: what is wrong with them is said by their keys in that file.
    pub(super) of: Of,
}

/// Whose credentials they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// A feed's `url`, whose keys are those of [`WebCredentials`].
    Feed,
    /// A feed's `storage_url`.
    Storage,
    /// The `url` of a timetable or an extract, with the keys of feeds.
    JourneySource,
}

impl Credentials {
    /// What `named` names now, of the files that `files` permits.
    ///
    /// # Errors
    /// The key, its file, what is wrong with it, and what to do.
    pub fn read(named: &WebCredentials, files: &SecretFiles) -> Result<Self, String> {
        let read = |key: &str, path: &str| {
            files.read(Path::new(path)).map_err(|e| format!("{key}: {path} cannot be used: {e}"))
        };
        let about = |key: &'static str, path: &str| {
            let path = path.to_owned();
            move |what: String| format!("{key}: {path} {what}")
        };
        let headers = match &named.headers_file {
            Some(path) => headers(&read("headers_file", path)?).map_err(about("headers_file", path))?,
            None => Vec::new(),
        };
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &named.ca_file {
            roots = RootCertStore::empty();
            for certificate in chain(&read("ca_file", path)?).map_err(about("ca_file", path))? {
                roots.add(certificate).map_err(|e| about("ca_file", path)(format!("cannot be used: {e}")))?;
            }
        }
        let tls = match (&named.cert_file, &named.key_file) {
            (Some(certificate), Some(key_file)) => {
                let own = chain(&read("cert_file", certificate)?).map_err(about("cert_file", certificate))?;
                let key = key(&read("key_file", key_file)?).map_err(about("key_file", key_file))?;
                Tls::identified(roots, own, key).map_err(|e| {
                    format!("cert_file: {certificate} and key_file {key_file} do not fit together: {e}")
                })?
            }
            _ => Tls::trusting(roots)?,
        };
        Ok(Credentials { headers, tls, of: Of::Feed })
    }

    /// The same for a timetable or an extract, which the operator himself names.
    ///
    /// # Errors
    /// As [`Credentials::read`].
    pub fn of_a_journey_source(named: &WebCredentials) -> Result<Self, String> {
        Ok(Credentials { of: Of::JourneySource, ..Self::read(named, &SecretFiles::default())? })
    }

    /// The key that The Things Stack's storage asks for.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn of_a_storage(token: &str) -> Result<Self, String> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(
            |_| "storage_token_file: it holds characters that no key has; write the key alone into it",
        )?;
        bearer.set_sensitive(true);
        let stream = HeaderValue::from_static("text/event-stream");
        let headers = vec![
            (HeaderName::from_static("authorization"), bearer),
            (HeaderName::from_static("accept"), stream),
        ];
        Ok(Credentials { headers, tls: Tls::new()?, of: Of::Storage })
    }
}

/// Headers, one to a line, as HTTP writes them; empty lines and those that begin with `#` are skipped.
///
/// # Errors
/// Which line is none, without its content.
fn headers(content: &[u8]) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    const FORM: &str = "write one header to a line, as in Authorization: Bearer KEY";
    let text = std::str::from_utf8(content).map_err(|_| format!("is not UTF-8; {FORM}"))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut headers = Vec::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim_end().parse().ok()?;
            let mut value: HeaderValue = value.trim().parse().ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        let header = parsed.ok_or_else(|| format!("line {number} is no header; {FORM}"))?;
        if RESERVED.contains(&header.0.as_str()) {
            return Err(format!(
                "line {number}: '{}' is set by the connection itself; delete the line",
                header.0
            ));
        }
        headers.push(header);
    }
    match headers.len() {
        0 => Err(format!("holds no header; {FORM}")),
        1..=MAX_HEADERS => Ok(headers),
        _ => Err(format!("holds more than {MAX_HEADERS} headers; keep those that the server asks for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_http_writes_them_and_what_is_wrong_is_not_shown() {
        let read =
            headers("\u{feff}# of the supplier\n\nAuthorization: Bearer s3:cret\r\nX-Key:k\n".as_bytes());
        let read: Vec<(String, String)> = (read.unwrap().into_iter())
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()))
            .collect();
        let expected = [("authorization", "Bearer s3:cret"), ("x-key", "k")];
        assert_eq!(read, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        for (bad, says) in [
            ("s3cret", "line 1 is no header"),
            ("A: b\nX Key: s3cret", "line 2 is no header"),
            ("A: s3cret\u{7}", "line 1 is no header"),
            ("# s3cret", "holds no header"),
            ("Host: s3cret", "'host' is set by the connection itself"),
            (&"A: s3cret\n".repeat(33), "more than 32"),
        ] {
            let error = headers(bad.as_bytes()).unwrap_err();
            assert!(error.contains(says) && !error.contains("s3cret"), "{bad}: {error}");
        }
    }
}
