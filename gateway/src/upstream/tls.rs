//! TLS on the way to another broker.

use super::Stream;
use crate::mqtt::{certificates, private_key};
use anyhow::Context;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Whom to believe, and who we are: files in PEM. They are read at every connection, so that they can be replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Who may have signed the broker's certificate; `None`: whom the operating system believes.
    pub ca: Option<PathBuf>,
    /// The gateway's own certificate and its private key, if the broker asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Reads them all.
    ///
    /// # Errors
    /// A file cannot be read or has not what it should, or the key is not the certificate's.
    pub fn load(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions()?.with_root_certificates(self.roots()?);
        let Some((certificate, key)) = &self.own else { return Ok(Arc::new(config.with_no_client_auth())) };
        let config = config.with_client_auth_cert(certificates(certificate)?, private_key(key)?);
        Ok(Arc::new(config.with_context(|| format!("{} with {}", certificate.display(), key.display()))?))
    }

    fn roots(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).with_context(|| path.display().to_string())?;
                }
            }
            None => {
                // What of it cannot be read is left out: a machine has many, and needs one.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        Ok(roots)
    }

    /// Opens TLS to the broker `host` over `tcp`.
    pub(super) async fn connect(&self, host: &str, tcp: TcpStream) -> anyhow::Result<Box<dyn Stream>> {
        let name = ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no name for TLS"))?;
        let stream = TlsConnector::from(self.load()?).connect(name, tcp).await.map_err(explained)?;
        Ok(Box::new(stream))
    }
}

/// Says what is wrong with the commonest of self-made certificates, for which the library has no words.
fn explained(error: io::Error) -> anyhow::Error {
    let is_authority = error.to_string().contains("CaUsedAsEndEntity");
    let error = anyhow::Error::new(error);
    if is_authority {
        error.context(
            "the broker shows an authority's certificate (CA:TRUE); it needs one that the authority has signed",
        )
    } else {
        error
    }
}
