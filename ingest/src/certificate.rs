//! Certificates and keys from PEM, and until when certificates are valid. That a chain is good is verified elsewhere.

use domain::UtcMicros;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// The certificates of a file, of which there is one at least.
///
/// # Errors
/// What is wrong with the file, to be written behind its name.
pub(crate) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|e| format!("cannot be read: {e}"))?;
    if found.is_empty() { Err("holds no certificate in PEM".to_owned()) } else { Ok(found) }
}

/// The key of a file.
///
/// # Errors
/// As [`chain`].
pub(crate) fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|e| format!("holds no key in PEM without a password: {e}"))
}

/// The end of the validity of a chain's first certificate, its owner's; `None`: there is none, or it cannot be read.
///
/// Authorities outlive what they sign, and servers send others along that have expired and that nobody needs.
pub(crate) fn valid_until(chain: &[CertificateDer<'_>]) -> Option<UtcMicros> {
    let owners = Certificate::from_der(chain.first()?).ok()?;
    let until = owners.tbs_certificate().validity().not_after.to_unix_duration();
    Some(UtcMicros::from_unix_s(i64::try_from(until.as_secs()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_chain_counts_and_garbage_is_none() {
        let dir = tempfile::tempdir().unwrap();
        testing::certificates::authority(dir.path(), &["web"]);
        let read = |name| CertificateDer::from_pem_file(dir.path().join(name)).unwrap();
        let chain = [read("web.pem"), CertificateDer::from(vec![0; 100])];
        let valid_s = valid_until(&chain).unwrap().age_s(crate::now_utc());
        assert!((172_700..=172_800).contains(&valid_s), "{valid_s} of two days");
        assert_eq!(valid_until(&[]), None);
        for cut in 0..chain[0].len() {
            assert_eq!(valid_until(&[CertificateDer::from(&chain[0][..cut])]), None, "{cut} bytes");
        }
    }
}
