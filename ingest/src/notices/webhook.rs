//! Posts a notice.

use std::path::Path;
use std::time::Duration;

use domain::address::is_within_network;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::payload::Payload;
use crate::fetch::{Named, Server, Tls, on_a_thread};
use crate::mqtt::SecretFiles;

const NAMED: Named = Named { key: "webhook", file: "notices.toml" };

/// See [`domain::notice::Target::Webhook`].
pub(super) struct Receiver<'a> {
    pub(super) url: &'a str,
    pub(super) secret_file: Option<&'a str>,
    pub(super) allow_private: bool,
    /// From the look-up of the name to the answer.
    pub(super) patience: Duration,
}

impl Receiver<'_> {
    /// Posts `payload`, signed with what `secret_file` holds.
    ///
    /// # Errors
    /// The receiver has not said that it has it (2xx).
    pub(super) async fn post(&self, payload: &Payload<'_>, files: &SecretFiles) -> Result<(), String> {
        let path = self.secret_file.ok_or("secret_file: is missing in notices.toml")?;
        let secret =
            files.read(Path::new(path)).map_err(|e| format!("secret_file: {path} cannot be used: {e}"))?;
        let body = payload.json()?;
        let signature = format!("sha256={}", sign(secret.trim_ascii_end(), &body)?);
        let (allow_private, patience) = (self.allow_private, self.patience);
        let (url, id, sent_at) = (self.url.to_owned(), payload.id.to_owned(), payload.sent_at.to_string());
        on_a_thread("webhook", move || {
            // An address of our own network that stands in the file is meant; a name may lead anywhere.
            let server =
                Server { url: &url, allow_private: allow_private || is_within_network(&url), named: NAMED };
            let request = server.agent(patience, 0, &Tls::new()?)?.post(&url);
            let answer = request
                .header("Content-Type", "application/json")
                .header("User-Agent", concat!("Kreisverkehr/", env!("CARGO_PKG_VERSION")))
                .header("Kv-Notice-Id", &id)
                .header("Kv-Timestamp", &sent_at)
                .header("Kv-Signature", &signature)
                .send(&body[..]);
            let status = match answer {
                Ok(response) => response.status().as_u16(),
                Err(ureq::Error::StatusCode(status)) => status,
                Err(error) => return Err(server.shown(error)),
            };
            if (200..300).contains(&status) { Ok(()) } else { Err(refused(status)) }
        })
        .await
    }
}

/// HMAC-SHA-256 (RFC 2104) in hexadecimal digits.
fn sign(secret: &[u8], body: &[u8]) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|e| e.to_string())?;
    mac.update(body);
    Ok(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn refused(status: u16) -> String {
    let remedy = match status {
        300..=399 => "it sends us on, which is not followed: write its address in notices.toml",
        401 | 403 => "does it know the key in secret_file?",
        404 | 405 | 410 => "is its address right?",
        413 => "it takes no message of this size",
        429 => "it has too many requests",
        _ => "see its own log",
    };
    format!("webhook: the receiver answered {status}; {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        assert_eq!(
            sign(b"Jefe", b"what do ya want for nothing?").unwrap(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
