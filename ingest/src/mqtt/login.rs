//! How to reach a broker. Files with secrets are read at each attempt to connect, so that one that
//! appears or changes later is taken up; what they hold is never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use domain::{Broker, MqttVersion};
use percent_encoding::percent_decode_str;
use url::Url;

use super::SecretFiles;

/// Where a password comes from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Password {
    Given(String),
    /// Read at each attempt to connect.
    File(PathBuf),
}

/// A broker's address and credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The broker's id, for logs and metrics.
    pub(crate) broker: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Password>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    /// Which of these files may be read.
    pub(crate) files: SecretFiles,
    /// Names our session at the broker: it holds messages for us while we are away.
    pub(crate) client_id: String,
    /// Which version of the protocol.
    pub version: MqttVersion,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{} ({scheme}://{}:{})", self.broker, self.host, self.port)
    }
}

/// A broker's definition, or a file that it names, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broker '{broker}': {field}: {message}")]
pub struct LoginError {
    pub(crate) broker: String,
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

impl Login {
    /// From a URL such as `mqtt://user:password@host:1883` or `mqtts://host`. User and password are
    /// percent-decoded (RFC 3986, 2.1): a password `p@ss` is written `p%40ss`.
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
        let decoded = |what: &str, text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(|t| t.into_owned())
                .map_err(|_| error(format!("the {what} is not UTF-8 once it is percent-decoded")))
        };
        let username = Some(parsed.username()).filter(|u| !u.is_empty());
        Ok(Login {
            broker: broker.to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port().unwrap_or(if tls { 8883 } else { 1883 }),
            tls,
            username: username.map(|u| decoded("user", u)).transpose()?,
            password: parsed.password().map(|p| decoded("password", p).map(Password::Given)).transpose()?,
            ca_file: None,
            cert_file: None,
            key_file: None,
            files: SecretFiles::default(),
            client_id: client_id.to_owned(),
            version: MqttVersion::V5,
        })
    }

    /// From a broker of `feeds.toml`. Its files are not looked at yet; of them only `files` may be.
    ///
    /// # Errors
    /// The URL is not one of MQTT, or only one of `cert_file` and `key_file` is given.
    pub fn from_broker(broker: &Broker, client_id: &str, files: &SecretFiles) -> Result<Self, LoginError> {
        let mut login =
            Login::from_url(&broker.id, &broker.url, broker.client_id.as_deref().unwrap_or(client_id))?;
        if let Some(username) = &broker.username {
            login.username = Some(username.clone());
        }
        if let Some(path) = &broker.password_file {
            login.password = Some(Password::File(path.into()));
        }
        let path = |file: &Option<String>| file.as_deref().map(PathBuf::from);
        login.ca_file = path(&broker.ca_file);
        login.cert_file = path(&broker.cert_file);
        login.key_file = path(&broker.key_file);
        if login.cert_file.is_some() != login.key_file.is_some() {
            return Err(login.error("cert_file", "cert_file and key_file are only used together"));
        }
        login.version = broker.version;
        login.files = files.clone();
        Ok(login)
    }

    /// User and password, with what the password's file holds now.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn credentials(&self) -> Result<Option<(String, String)>, LoginError> {
        let Some(username) = self.username.clone() else { return Ok(None) };
        let password = match &self.password {
            None => String::new(),
            Some(Password::Given(password)) => password.clone(),
            Some(Password::File(path)) => {
                let content = self.read("password_file", path)?;
                let text = std::str::from_utf8(&content)
                    .map_err(|_| self.error("password_file", format!("{} is not UTF-8", path.display())))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        Ok(Some((username, password)))
    }

    /// The current content of the file that `field` names.
    ///
    /// # Errors
    /// It cannot or may not be read.
    pub(super) fn read(&self, field: &'static str, path: &Path) -> Result<Vec<u8>, LoginError> {
        self.files
            .read(path)
            .map_err(|e| self.error(field, format!("{} cannot be used: {e}", path.display())))
    }

    pub(super) fn error(&self, field: &'static str, message: impl Into<String>) -> LoginError {
        LoginError { broker: self.broker.clone(), field, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_of_a_url_are_percent_decoded() {
        let login = Login::from_url("b", "mqtts://k%C3%B6ln%40town:p%40ss%3A%2F%25@host", "id").unwrap();
        assert_eq!(login.username.as_deref(), Some("köln@town"));
        assert!(login.password == Some(Password::Given("p@ss:/%".into())));
        assert_eq!((login.host.as_str(), login.port, login.tls), ("host", 8883, true));
        let error = Login::from_url("b", "mqtt://user:%FF@host", "id").unwrap_err();
        assert!(error.to_string().contains("percent-decoded") && !error.to_string().contains("%FF"));
    }

    #[test]
    fn a_password_file_is_read_at_each_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let mut login = Login::from_url("b", "mqtt://user@host", "id").unwrap();
        login.password = Some(Password::File(path.clone()));
        let error = login.credentials().unwrap_err();
        assert_eq!(error.field, "password_file");
        for password in ["first", "second"] {
            std::fs::write(&path, format!("{password}\r\n")).unwrap();
            assert_eq!(login.credentials().unwrap(), Some(("user".into(), password.into())));
        }
    }
}
