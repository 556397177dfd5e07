//! What connections to the broker of the nodes' sessions are told by the configuration.

use crate::upstream::{BrokerAddr, Secret, TlsFiles};
use gateway_core::mqtt::Version;

/// Where to connect and as whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the broker is.
    pub address: BrokerAddr,
    /// How to speak TLS, if the address says so.
    pub tls: TlsFiles,
    /// What to speak there.
    pub version: Version,
    /// The user there, the same for all nodes.
    pub user: Option<String>,
    /// The password there.
    pub password: Option<Secret>,
    /// The longest packet taken in, in octets after the fixed header.
    pub max_packet: usize,
}
