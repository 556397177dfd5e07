//! Clients within TLS, and gateways with certificates.

use super::{Daemon, Mqtt, PATIENCE};
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use test_pki::{Pair, Pki};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

/// A stream within TLS.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// Both versions.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A client of MQTT within TLS that trusts the authority `ca`; not even the handshake has been done.
pub(crate) fn new(gateway: SocketAddr, ca: &Path, own: Option<&Pair>) -> Mqtt<TlsStream> {
    Mqtt(stream(gateway, ca, own, &VERSIONS))
}

/// A stream within TLS of one of these versions.
pub(crate) fn stream(
    gateway: SocketAddr,
    ca: &Path,
    own: Option<&Pair>,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsStream {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("a file")).expect("a certificate");
    let config = ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some(Pair { certificate, key }) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).expect("a file")];
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).expect("a file")).expect("a pair")
        }
    };
    let name = gateway.ip().into();
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let tcp = TcpStream::connect(gateway).expect("connect");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    StreamOwned::new(connection, tcp)
}

/// Does the handshake; with TLS 1.3 the gateway may still say no after it.
pub(crate) fn shake_hands(client: &mut Mqtt<TlsStream>) -> io::Result<()> {
    let StreamOwned { conn, sock } = &mut client.0;
    while conn.is_handshaking() {
        conn.complete_io(sock)?;
    }
    Ok(())
}

/// The gateway's certificate, after the handshake.
pub(crate) fn certificate(client: &Mqtt<TlsStream>) -> CertificateDer<'static> {
    client.0.conn.peer_certificates().and_then(<[_]>::first).expect("a certificate").clone().into_owned()
}

/// A gateway that lets in over TLS only who shows a certificate of `pki`, and everybody without TLS.
pub(crate) fn broker(pki: &Pki) -> Daemon {
    broker_with(pki, &pki.server())
}

/// The same with this certificate of its own.
pub(crate) fn broker_with(pki: &Pki, own: &Pair) -> Daemon {
    let Pair { certificate, key } = own;
    let text = format!(
        "[[listener]]\nkind = \"tls\"\nlisten = \"127.0.0.1:0\"\ncertificate = \"{}\"\nkey = \"{}\"\n\
         client_ca = \"{}\"\nclient_certificates = \"required\"\n[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:0\"\n",
        certificate.display(),
        key.display(),
        pki.ca().display()
    );
    start(pki, "broker.toml", &text)
}

/// Starts one with this configuration, in a file of this name beside the certificates, and with a free port for nodes.
pub(crate) fn start(pki: &Pki, name: &str, text: &str) -> Daemon {
    let path = pki.dir().join(name);
    fs::write(&path, text).expect("a file");
    Daemon::start_as_told(&["--config", path.to_str().expect("a path in UTF-8"), "--udp", "127.0.0.1:0"])
}
