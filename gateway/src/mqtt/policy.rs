//! Who comes in by a listener.

use crate::auth::{MethodName, Passwords, Verdict};
use gateway_core::mqtt::{Connect, Login, LoginRefusal};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// What an operator has decided about those who come by one listener. Each connection takes it along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What of a client's certificate is the user's name.
    pub user_from: Option<UserFrom>,
    /// Who does not say who it is may come in.
    pub anonymous: bool,
    /// Methods of enhanced authentication that clients of MQTT 5 may choose.
    pub methods: Vec<MethodName>,
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
    /// Finds out who says CONNECT: by its certificate, or else by its password. The core gets to know that, and no names
    /// and passwords. Who has named a method has been through with it.
    pub(super) async fn introduce(
        &self,
        connect: &mut Connect,
        from: IpAddr,
        identity: &Identity,
        passwords: &Passwords,
    ) {
        if connect.properties.authentication.is_some() {
            return;
        }
        let (name, password) = (connect.username.take(), connect.password.take().unwrap_or_default());
        let verdict = match (identity, name) {
            (Identity::Unknown, Some(name)) => passwords.check(from, &name, &password).await,
            (Identity::Unknown, None) | (Identity::User(_) | Identity::Nobody, _) => None,
        };
        connect.login = match (identity, verdict) {
            (Identity::User(user), _) => Login::As(user.clone()),
            (Identity::Unknown, Some(Verdict::Good(user))) => Login::As(user),
            (Identity::Unknown, Some(Verdict::Refused)) => Login::Refused(LoginRefusal::BadPassword),
            (Identity::Unknown, None) if self.anonymous => Login::Anonymous,
            (Identity::Unknown, None) | (Identity::Nobody, _) => Login::Refused(LoginRefusal::Anonymous),
        };
    }
}
