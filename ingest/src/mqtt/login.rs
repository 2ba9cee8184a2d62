//! How to reach a broker. Secrets are read from their files at the moment of connecting, and
//! never printed.

use std::fmt;
use std::path::Path;

use domain::{Broker, MqttVersion};
use url::Url;

/// A broker's address and credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The broker's id, for logs and metrics.
    pub broker: String,
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub username: Option<String>,
    pub password: Option<String>,
    pub ca_file: Option<String>,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    /// Names our session at the broker: it holds messages for us while we are away.
    pub client_id: String,
    pub version: MqttVersion,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{} ({scheme}://{}:{})", self.broker, self.host, self.port)
    }
}

/// A broker's definition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broker '{broker}': {field}: {message}")]
pub struct LoginError {
    pub broker: String,
    pub field: &'static str,
    pub message: String,
}

impl Login {
    /// From a URL such as `mqtt://user:password@host:1883` or `mqtts://host`.
    ///
    /// # Errors
    /// The URL is not one of MQTT.
    pub fn from_url(broker: &str, url: &str, client_id: &str) -> Result<Self, LoginError> {
        let error = |message: String| LoginError { broker: broker.to_owned(), field: "url", message };
        let parsed =
            Url::parse(url).map_err(|e| error(format!("{e}; write mqtt://HOST:1883 or mqtts://HOST")))?;
        let tls = match parsed.scheme() {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            other => return Err(error(format!("'{other}' is not mqtt or mqtts"))),
        };
        let host = parsed.host_str().filter(|h| !h.is_empty()).ok_or_else(|| error("no host".into()))?;
        Ok(Login {
            broker: broker.to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port().unwrap_or(if tls { 8883 } else { 1883 }),
            tls,
            username: Some(parsed.username().to_owned()).filter(|u| !u.is_empty()),
            password: parsed.password().map(str::to_owned),
            ca_file: None,
            cert_file: None,
            key_file: None,
            client_id: client_id.to_owned(),
            version: MqttVersion::V5,
        })
    }

    /// From a broker of `feeds.toml`.
    ///
    /// # Errors
    /// The URL is not one of MQTT, or the password's file cannot be read.
    pub fn from_broker(broker: &Broker, client_id: &str) -> Result<Self, LoginError> {
        let mut login =
            Login::from_url(&broker.id, &broker.url, broker.client_id.as_deref().unwrap_or(client_id))?;
        if let Some(username) = &broker.username {
            login.username = Some(username.clone());
        }
        if let Some(path) = &broker.password_file {
            login.password = Some(read_secret(&broker.id, "password_file", Path::new(path))?);
        }
        login.ca_file = broker.ca_file.clone();
        login.cert_file = broker.cert_file.clone();
        login.key_file = broker.key_file.clone();
        login.version = broker.version;
        Ok(login)
    }
}

fn read_secret(broker: &str, field: &'static str, path: &Path) -> Result<String, LoginError> {
    std::fs::read_to_string(path).map(|s| s.trim_end_matches(['\r', '\n']).to_owned()).map_err(|e| {
        LoginError {
            broker: broker.to_owned(),
            field,
            message: format!("{} cannot be read: {e}", path.display()),
        }
    })
}
