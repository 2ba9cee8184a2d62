//! A certificate authority of the test's own, made with the `openssl` command.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Makes `ca.pem` in `dir`, and for each name of the authority `{name}.pem` and `{name}.key` of the host `localhost`.
pub fn authority(dir: &Path, names: &[&str]) {
    openssl(
        dir,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
    );
    std::fs::write(dir.join("extensions"), "subjectAltName=DNS:localhost\n").unwrap();
    for name in names {
        openssl(
            dir,
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ),
        );
        openssl(
            dir,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out {name}.pem"
            ),
        );
    }
}

/// Of a server that shows the certificate of `name`, from what [`authority`] made in `dir`.
pub fn server(dir: &Path, name: &str) -> Arc<ServerConfig> {
    server_of(dir, name, false)
}

/// As [`server`], of one that demands a client certificate of the same authority.
pub fn server_for_known_clients(dir: &Path, name: &str) -> Arc<ServerConfig> {
    server_of(dir, name, true)
}

fn server_of(dir: &Path, name: &str, demands_certificate: bool) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(dir.join(format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join(format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if demands_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(dir.join("ca.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = builder.with_single_cert(chain.map(Result::unwrap).collect(), key).unwrap();
    Arc::new(config)
}

fn openssl(dir: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output();
    let done = done.expect("openssl is needed: apt-get install openssl");
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}
