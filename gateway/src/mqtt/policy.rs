//! Who comes in by a listener.

use gateway_core::mqtt::{Connect, Login, LoginRefusal};
use std::fmt;
use std::sync::Arc;

/// What an operator has decided about those who come by one listener. Each connection takes it along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What of a client's certificate is the user's name.
    pub user_from: Option<UserFrom>,
}

/// What of a client's certificate is the user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserFrom {
    /// The subject's only common name.
    CommonName,
}

/// Who a client is by its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Identity {
    /// There is no certificate, or the listener does not take users from it.
    #[default]
    Unknown,
    /// This user.
    User(Arc<str>),
    /// There is a good certificate, which names nobody.
    Nobody,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::User(user) => write!(f, "user {user:?}"),
            Self::Nobody => f.write_str("a certificate that names nobody"),
        }
    }
}

impl Policy {
    /// Finds out who says CONNECT. The core gets to know that, and no names and passwords.
    pub(super) fn introduce(&self, connect: &mut Connect, identity: &Identity) {
        connect.username = None;
        connect.password = None;
        connect.login = match identity {
            Identity::Unknown => Login::Anonymous,
            Identity::User(user) => Login::As(user.clone()),
            Identity::Nobody => Login::Refused(LoginRefusal::Anonymous),
        };
    }
}
