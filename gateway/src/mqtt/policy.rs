//! Who comes in by a listener.

use gateway_core::mqtt::{Connect, Login};

/// What an operator has decided about those who come by one listener. Each connection takes it along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {}

impl Policy {
    /// Finds out who says CONNECT. The core gets to know that, and no names and passwords.
    pub(super) fn introduce(&self, connect: &mut Connect) {
        connect.username = None;
        connect.password = None;
        connect.login = Login::Anonymous;
    }
}
