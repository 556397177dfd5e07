//! Whether a certificate may be shown now: each says from when until when it is valid.

use super::tls::certificates;
use std::path::Path;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

/// What is wrong with the time of the certificate that the file begins with, the owner's own, and what to do; `None`:
/// nothing, or it cannot be read. Of those behind it one may well be over: clients that know another way do not need it.
pub(crate) fn complaint(path: &Path) -> Option<String> {
    let certificates = certificates(path).ok()?;
    let (_, certificate) = parse_x509_certificate(certificates.first()?).ok()?;
    let (validity, now, path) = (certificate.validity(), ASN1Time::now(), path.display());
    if now > validity.not_after {
        let until = validity.not_after;
        return Some(format!(
            "{path}: the certificate has expired, it was valid until {until}: who checks it refuses it; put a new one there, \
             then send SIGHUP"
        ));
    }
    let from = validity.not_before;
    (now < from).then(|| {
        format!(
            "{path}: the certificate is not valid yet, but from {from}: who checks it refuses it until then; is the clock of \
             this machine right?"
        )
    })
}
