//! TLS to a web server. The client library's own would do, if it said until when the server's certificate is valid.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use domain::UtcMicros;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
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
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|e| e.to_string())?;
        let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
        Ok(Tls { config, valid_until: Arc::default() })
    }

    /// Until when the certificate of the newest server is valid.
    pub(super) fn valid_until(&self) -> Option<UtcMicros> {
        *self.valid_until.lock()
    }
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
