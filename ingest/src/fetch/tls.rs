//! TLS to a web server. The client library's own would do, if it said until when the server's certificate is valid.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use domain::UtcMicros;
use parking_lot::Mutex;
use rustls::client::WantsClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, ConfigBuilder, RootCertStore,
    StreamOwned,
};
use ureq::Error;
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::certificate::valid_until;

/// Encrypts connections to `https` addresses.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    valid_until: Arc<Mutex<Option<UtcMicros>>>,
    /// Until when the client certificate is valid.
    own_until: Option<UtcMicros>,
}

impl Tls {
    /// Trusts the authorities that browsers trust.
    ///
    /// # Errors
    /// The library supports no protocol.
    pub(crate) fn new() -> Result<Self, String> {
        Self::trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// Trusts `roots` alone.
    ///
    /// # Errors
    /// As [`Tls::new`].
    pub(super) fn trusting(roots: RootCertStore) -> Result<Self, String> {
        let config = Arc::new(builder(roots)?.with_no_client_auth());
        Ok(Tls { config, valid_until: Arc::default(), own_until: None })
    }

    /// Trusts `roots` alone, and shows servers that ask for it the certificate `own`.
    ///
    /// # Errors
    /// As [`Tls::new`]; certificate and key do not fit together.
    pub(super) fn identified(
        roots: RootCertStore,
        own: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, String> {
        let own_until = valid_until(&own);
        let config = builder(roots)?.with_client_auth_cert(own, key).map_err(|e| e.to_string())?;
        Ok(Tls { config: Arc::new(config), valid_until: Arc::default(), own_until })
    }

    /// Until when the certificates of the newest connection are valid, the server's and ours: the earliest.
    pub(super) fn valid_until(&self) -> Option<UtcMicros> {
        self.valid_until.lock().into_iter().chain(self.own_until).min()
    }

    /// Whether servers are shown a client certificate.
    fn is_identified(&self) -> bool {
        self.config.client_auth_cert_resolver.has_certs()
    }

    /// What an operator can do in `file` about `error` of the connection; `None`: nothing with certificates.
    pub(super) fn remedy(&self, error: &Error, file: &str) -> Option<String> {
        let text = match refused(error)? {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                format!(
                    "no authority that browsers trust vouches for the server's certificate (UnknownIssuer); if it is a server \
                     of your own network, name its authority's certificate with ca_file in {file}"
                )
            }
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => format!(
                "the server asks for a client certificate: name it and its key with cert_file and key_file in {file}"
            ),
            rustls::Error::AlertReceived(alert) if self.is_identified() => format!(
                "cert_file: the server refuses the client certificate ({alert:?}): it may have expired, or the supplier does not \
                 know its authority; ask the supplier for one that holds, and write it into the file"
            ),
            rustls::Error::AlertReceived(alert) => format!(
                "the server refuses the connection ({alert:?}); it may ask for a client certificate: cert_file and key_file in \
                 {file}"
            ),
            _ => return None,
        };
        Some(text)
    }
}

/// What failed of a connection's encryption.
fn refused(error: &Error) -> Option<&rustls::Error> {
    match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

fn builder(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|e| e.to_string())?.with_root_certificates(roots))
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, Encrypted>;

    fn connect(&self, details: &ConnectionDetails, clear: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(clear) = clear else { return Ok(None) };
        if !details.needs_tls() || clear.is_tls() {
            return Ok(Some(Either::A(clear)));
        }
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HostNotFound)?;
        let mut conn = ClientConnection::new(Arc::clone(&self.config), name)?;
        let mut sock =
            TransportAdapter::new(Box::new(clear) as Box<dyn Transport>, Arc::clone(&details.current_time));
        sock.set_timeout(left(details));
        conn.complete_io(&mut sock)?;
        *self.valid_until.lock() = valid_until(conn.peer_certificates().unwrap_or_default());
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(Encrypted { buffers, stream: StreamOwned { conn, sock } })))
    }
}

/// How long the handshake may take: the connection has taken its part of the time.
fn left(details: &ConnectionDetails) -> NextTimeout {
    let after = match (details.timeout.after, details.now, (details.current_time)()) {
        (Duration::Exact(limit), Instant::Exact(began), Instant::Exact(now)) => {
            Duration::Exact(limit.saturating_sub(now.saturating_duration_since(began)))
        }
        (limit, ..) => limit,
    };
    NextTimeout { after, ..details.timeout }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// A connection that is encrypted.
pub(crate) struct Encrypted {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encrypted")
    }
}
