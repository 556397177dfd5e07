//! The gateway's own certificates, wherever the file names one.

use super::{BridgeTable, File, TransparentTable};
use crate::mqtt::certificate_complaint;

impl File {
    /// What is wrong with the time in which certificates are valid: the file, since when, and what to do. It is no reason
    /// not to start: everything else goes on, and at the start a machine without a clock does not know the time yet.
    #[must_use]
    pub fn certificate_complaints(&self) -> Vec<String> {
        let of_listeners = self.listener.iter().filter_map(|table| Some(&*table.tls.as_ref()?.certificate));
        let of_brokers =
            self.bridge.iter().map(BridgeTable::tls).chain(self.transparent.iter().map(TransparentTable::tls));
        let of_brokers = of_brokers.filter_map(|tls| Some(&*tls.own.as_ref()?.0));
        of_listeners.chain(of_brokers).filter_map(certificate_complaint).collect()
    }
}
