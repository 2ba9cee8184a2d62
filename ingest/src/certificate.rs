//! Until when certificates are valid. That a chain is good is verified elsewhere: of it no more is read than this.

use domain::UtcMicros;
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;

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
    use rustls::pki_types::pem::PemObject;

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
