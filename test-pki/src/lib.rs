//! Certificates for tests, made when they run: one authority, and whom it has signed, as files in PEM.
//!
//! Must not know what they are for. Order of calls: [`Pki::new`], then [`Pki::server`] and [`Pki::client`]. The files
//! are gone with the [`Pki`].

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An authority, and a directory for its files.
#[derive(Debug)]
pub struct Pki {
    dir: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Pki {
    /// A new authority.
    ///
    /// # Panics
    /// If there is no room for its files; so do the others.
    #[must_use]
    pub fn new() -> Self {
        let mut params = params(&[], "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(params, new_key()).expect("a certificate");
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("ca.pem"), ca.pem()).expect("a file");
        Self { dir, ca }
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The directory, for a test's own files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A certificate for a server on this machine, in the place of the one before.
    #[must_use]
    pub fn server(&self) -> Pair {
        let mut params = params(&["localhost", "127.0.0.1", "::1"], "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign("server", &params)
    }

    /// The same, valid from the beginning of a year to that of another one.
    #[must_use]
    pub fn server_valid(&self, from: i32, until: i32) -> Pair {
        let mut params = params(&["localhost", "127.0.0.1", "::1"], "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        self.sign("server", &params)
    }

    /// A certificate for a client with this common name, which is in the files' names, too.
    #[must_use]
    pub fn client(&self, common_name: &str) -> Pair {
        let mut params = params(&[], common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(common_name, &params)
    }

    /// A certificate for a client whose subject has no common name.
    #[must_use]
    pub fn nameless_client(&self) -> Pair {
        let mut params = params(&[], "");
        params.distinguished_name = DistinguishedName::new();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign("nameless", &params)
    }

    /// The authority's certificate as if it were a server's, which it must not be.
    #[must_use]
    pub fn authority_as_server(&self) -> Pair {
        let pair = Pair { certificate: self.ca(), key: self.dir.path().join("ca.key") };
        fs::write(&pair.key, self.ca.key().serialize_pem()).expect("a file");
        pair
    }

    fn sign(&self, name: &str, params: &CertificateParams) -> Pair {
        let key = new_key();
        let certificate = params.signed_by(&key, &self.ca).expect("a certificate");
        let pair = Pair {
            certificate: self.dir.path().join(format!("{name}.pem")),
            key: self.dir.path().join(format!("{name}.key")),
        };
        fs::write(&pair.certificate, certificate.pem()).expect("a file");
        fs::write(&pair.key, key.serialize_pem()).expect("a file");
        pair
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}
