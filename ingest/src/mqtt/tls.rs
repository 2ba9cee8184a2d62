//! TLS to a broker.
//!
//! The client library's own TLS is not used: its default panics on an unreadable certificate of the
//! platform, and its parsers are archived. It connects to a socket of ours in a folder that only we
//! may enter, and what passes through it is encrypted here.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::UtcMicros;
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::{Login, LoginError};
use crate::certificate::{self, valid_until};

const SOCKET: &str = "broker";

/// Carries the client library's connections to a broker with TLS, one at a time.
pub(super) struct Tunnel {
    socket: PathBuf,
    failure: Arc<Mutex<Option<String>>>,
    valid_until: Arc<Mutex<Option<UtcMicros>>>,
    _folder: tempfile::TempDir,
    _task: AbortOnDropHandle<()>,
}

impl Tunnel {
    /// Waits for the library; must be called within a Tokio runtime.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn open(login: &Login) -> Result<Self, LoginError> {
        let failed = |e: std::io::Error| {
            login.error("url", format!("no socket for TLS in {}: {e}", std::env::temp_dir().display()))
        };
        // Readable for our user only.
        let folder = tempfile::Builder::new().prefix("kreisverkehr-").tempdir().map_err(failed)?;
        let socket = folder.path().join(SOCKET);
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        let failure = Arc::new(Mutex::new(None));
        let valid_until = Arc::default();
        let carrying = carry(listener, login.clone(), failure.clone(), Arc::clone(&valid_until));
        let task = AbortOnDropHandle::new(tokio::spawn(carrying));
        Ok(Tunnel { socket, failure, valid_until, _folder: folder, _task: task })
    }

    /// Until when the certificates of the newest connection are valid, the broker's and ours: the earliest.
    pub fn valid_until(&self) -> Option<UtcMicros> {
        *self.valid_until.lock()
    }

    /// Where the library connects.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Why the last connection failed, if it was for TLS or for reaching the broker: the library only
    /// sees a socket that closes.
    pub fn take_failure(&self) -> Option<String> {
        self.failure.lock().take()
    }
}

async fn carry(
    listener: UnixListener,
    login: Login,
    failure: Arc<Mutex<Option<String>>>,
    valid_until: Arc<Mutex<Option<UtcMicros>>>,
) {
    // The next connection ends the one before: the library has given it up.
    let mut current: Option<AbortOnDropHandle<()>> = None;
    while let Ok((local, _)) = listener.accept().await {
        drop(current.take());
        *failure.lock() = None;
        let (login, failure, valid_until) = (login.clone(), failure.clone(), valid_until.clone());
        current = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(reason) = connect(local, login, &valid_until).await {
                *failure.lock() = Some(reason.to_string());
            }
        })));
    }
}

async fn connect(
    mut local: UnixStream,
    login: Login,
    until: &Mutex<Option<UtcMicros>>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (host, port) = (login.host.clone(), login.port);
    let read = move || Ok::<_, LoginError>((client_config(&login)?, own_until(&login)));
    let (config, own) = tokio::task::spawn_blocking(read).await??;
    let name = ServerName::try_from(host.clone()).map_err(|e| format!("'{host}': {e}"))?;
    let remote = TcpStream::connect((host.as_str(), port)).await?;
    remote.set_nodelay(true)?;
    let mut remote =
        TlsConnector::from(Arc::new(config)).connect(name, remote).await.map_err(|e| format!("TLS: {e}"))?;
    let peers = remote.get_ref().1.peer_certificates().unwrap_or_default();
    *until.lock() = valid_until(peers).into_iter().chain(own).min();
    // How a connection ends once it stood is the library's to report.
    let _ = tokio::io::copy_bidirectional(&mut local, &mut remote).await;
    Ok(())
}

/// Trusts `ca_file` alone where it is given, else what this machine trusts. Reads files.
///
/// # Errors
/// A certificate or key cannot be read, or they do not fit together.
fn client_config(login: &Login) -> Result<ClientConfig, LoginError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| login.error("url", e.to_string()))?;
    let builder = match &login.ca_file {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(login, "ca_file", path)? {
                roots.add(certificate).map_err(|e| login.error("ca_file", e.to_string()))?;
            }
            builder.with_root_certificates(roots)
        }
        None => builder.with_platform_verifier().map_err(|e| {
            let what =
                format!("this machine's certificates cannot be used: {e}; name the authority's with ca_file");
            login.error("ca_file", what)
        })?,
    };
    match (&login.cert_file, &login.key_file) {
        (Some(cert), Some(key)) => {
            let chain = certificates(login, "cert_file", cert)?;
            let key = certificate::key(&login.read("key_file", key)?)
                .map_err(|e| login.error("key_file", format!("{} {e}", key.display())))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| login.error("cert_file", e.to_string()))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// Until when the client certificate is valid.
fn own_until(login: &Login) -> Option<UtcMicros> {
    valid_until(&certificates(login, "cert_file", login.cert_file.as_deref()?).ok()?)
}

fn certificates(
    login: &Login,
    field: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, LoginError> {
    let content = login.read(field, path)?;
    certificate::chain(&content).map_err(|e| login.error(field, format!("{} {e}", path.display())))
}
