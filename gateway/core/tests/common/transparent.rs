//! A gateway whose nodes live at another broker.

use gateway_core::Transparent;
use gateway_core::mqtt::Version;
use std::time::Duration;

/// What it is told: that all its nodes do.
pub(crate) fn transparent(version: Version) -> Transparent {
    Transparent {
        transports: None,
        version,
        client_id_prefix: String::new(),
        keep_alive_s: 60,
        session_expiry_s: 86_400,
        will_delay_s: 5,
        reconnect_max: Duration::from_secs(60),
    }
}
