//! The gateway's own certificates, wherever the file names one.

use super::{BridgeTable, File, TransparentTable};
use crate::mqtt::certificate_complaint;

impl File {
    /// What is wrong with the time in which certificates are valid: the file, since when, and what to do. It is no reason
    /// not to start: everything else goes on, and at the start a machine without a clock does not know the time yet.
    #[must_use]
    pub fn certificate_complaints(&self) -> Vec<String> {
        let of_listeners = self.listener.iter().filter_map(|table| Some(&*table.tls.as_ref()?.certificate));
        let of_bridges = self.bridge.iter().filter_map(BridgeTable::own_certificate);
        let of_nodes = self.transparent.iter().filter_map(TransparentTable::own_certificate);
        of_listeners.chain(of_bridges).chain(of_nodes).filter_map(certificate_complaint).collect()
    }
}
