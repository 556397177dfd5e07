//! A stream of octets to a broker.

use super::{BrokerAddr, TlsFiles};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a stream to `addr`, trying all addresses that its name has. Takes as long as the operating system takes.
///
/// # Errors
/// There is no such host, nobody answers there, or TLS cannot be agreed on.
pub(crate) async fn dial(addr: &BrokerAddr, tls: &TlsFiles) -> anyhow::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((addr.host.as_str(), addr.port)).await?;
    // Packets are coalesced before they are written.
    tcp.set_nodelay(true)?;
    if addr.tls { tls.connect(&addr.host, tcp).await } else { Ok(Box::new(tcp)) }
}
