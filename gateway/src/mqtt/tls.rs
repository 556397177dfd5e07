//! TLS: certificates from files, which may be replaced while the gateway runs, and who a client is by its own.

use super::policy::{Identity, Policy, UserFrom};
use super::validity;
use anyhow::{Context, anyhow, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection};
use x509_parser::parse_x509_certificate;

/// Where the certificates of a listener are: files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The gateway's certificate, followed by those that lead to a well-known one.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// What is asked of clients.
    pub client_certificates: ClientCertificates,
}

/// Whether clients show a certificate; with the file of those who may have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    None,
    /// A good one or none.
    Optional(PathBuf),
    /// A good one.
    Required(PathBuf),
}

impl TlsFiles {
    /// Reads them all.
    ///
    /// # Errors
    /// A file cannot be read or has not what it should, or the key is not the certificate's.
    pub fn load(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let provider = Arc::new(ring::default_provider());
        let (chain, key) = (certificates(&self.certificate)?, private_key(&self.key)?);
        let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let config = match self.client_verifier(provider)? {
            Some(verifier) => config.with_client_cert_verifier(verifier),
            None => config.with_no_client_auth(),
        };
        let config = config.with_single_cert(chain, key);
        let config = config.with_context(|| format!("{} with {}", self.certificate.display(), self.key.display()))?;
        Ok(Arc::new(config))
    }

    /// Whether only clients with a good certificate get in.
    #[must_use]
    pub const fn requires_clients(&self) -> bool {
        matches!(self.client_certificates, ClientCertificates::Required(_))
    }

    fn client_verifier(&self, provider: Arc<CryptoProvider>) -> anyhow::Result<Option<Arc<dyn ClientCertVerifier>>> {
        let (path, is_optional) = match &self.client_certificates {
            ClientCertificates::None => return Ok(None),
            ClientCertificates::Optional(path) => (path, true),
            ClientCertificates::Required(path) => (path, false),
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path)? {
            roots.add(certificate).with_context(|| path.display().to_string())?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        let verifier = if is_optional { verifier.allow_unauthenticated() } else { verifier };
        Ok(Some(verifier.build().with_context(|| path.display().to_string())?))
    }
}

pub(crate) fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let certificates = read().with_context(|| path.display().to_string())?;
    ensure!(!certificates.is_empty(), "{}: there is no certificate in it", path.display());
    Ok(certificates)
}

pub(crate) fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        // `ENCRYPTED PRIVATE KEY`, or in older files a header `Proc-Type: 4,ENCRYPTED`.
        let is_encrypted = fs::read_to_string(path).is_ok_and(|text| text.contains("ENCRYPTED"));
        let path = path.display();
        if is_encrypted {
            return anyhow!(
                "{path}: the key has a passphrase, and nobody is there to type it; `openssl pkey -in {path} -out FILE` writes \
                 it without"
            );
        }
        match error {
            pem::Error::NoItemsFound => anyhow!("{path}: there is no private key in it"),
            error => anyhow!("{path}: {error}"),
        }
    })
}

/// How one listener speaks TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// See [`TlsFiles::load`].
    pub(crate) fn new(files: TlsFiles) -> anyhow::Result<Self> {
        let current = RwLock::new(files.load()?);
        Ok(Self { files, current })
    }

    /// Reads the files again, for connections that come from now on.
    ///
    /// # Errors
    /// See [`TlsFiles::load`], or the certificate is not valid now; what was read before stays in use then.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        if let Some(complaint) = validity::complaint(self.certificate()) {
            bail!(complaint);
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = self.files.load()?;
        Ok(())
    }

    /// Where the gateway's certificate comes from.
    pub(crate) fn certificate(&self) -> &Path {
        &self.files.certificate
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone().into()
    }
}

/// Who the client is, by the certificate that it has shown and that was found good.
pub(super) fn identity(policy: &Policy, connection: &ServerConnection) -> Identity {
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    match (policy.user_from, certificate) {
        (None, _) | (Some(_), None) => Identity::Unknown,
        (Some(UserFrom::CommonName), Some(certificate)) => {
            common_name(certificate).map_or(Identity::Nobody, Identity::User)
        }
    }
}

/// The subject's common name, if there is exactly one that can be a user's name.
fn common_name(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    (names.next().is_none() && !name.is_empty() && !name.contains('\0')).then(|| name.into())
}
