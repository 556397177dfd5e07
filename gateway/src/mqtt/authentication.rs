//! Enhanced authentication on one connection (MQTT 5 §4.12): which packets are the method's, and what follows from its steps.
//!
//! A CONNECT that names a method waits here, outside the core, while AUTH packets go to and fro; then it goes on with
//! the user's name, or with the refusal. Of each AUTH after that the core is told what came of it, as the packet's reason
//! code, and answers. What is in the packets' data is the business of [`crate::auth::method`].

use super::policy::{Identity, Policy};
use crate::auth::method::{Method, Step};
use crate::auth::{MethodName, Passwords};
use bytes::Bytes;
use gateway_core::mqtt::{Auth, Connect, Login, LoginRefusal, Packet, ReasonCode};
use std::num::NonZeroU32;
use std::sync::Arc;

/// What is kept of it for one connection.
#[derive(Default)]
pub(super) enum Authentication {
    /// CONNECT has not come, or has named no method, or was refused.
    #[default]
    None,
    /// CONNECT waits for the client's next AUTH.
    Connecting { connect: Box<Connect>, name: MethodName, method: Box<dyn Method> },
    /// The client is this user.
    Done { name: MethodName, user: Arc<str> },
    /// This user authenticates again.
    Again { name: MethodName, user: Arc<str>, method: Box<dyn Method> },
}

/// What the listener knows of those who come in.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) policy: &'a Policy,
    pub(super) passwords: &'a Arc<Passwords>,
    /// Who the client is by its certificate.
    pub(super) identity: &'a Identity,
}

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It goes to the core.
    Pass(Packet),
    /// The client, which is not connected yet, is sent this.
    Challenge(Packet),
    /// The client has given up before it was connected.
    Left,
}

impl Authentication {
    /// CONNECT waits: nobody knows yet who it is.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self, Self::Connecting { .. })
    }

    /// Takes a packet of the client.
    pub(super) fn take(&mut self, packet: Packet, desk: Desk<'_>) -> Taken {
        match (std::mem::take(self), packet) {
            (Self::None, Packet::Connect(connect)) => match connect.properties.authentication {
                Some(_) => self.begin(connect, desk),
                None => Taken::Pass(Packet::Connect(connect)),
            },
            (Self::Connecting { connect, name, method }, Packet::Auth(auth)) if is_next(&auth, name) => {
                self.go_on(connect, name, method, &auth.data, desk.identity)
            }
            (Self::Connecting { .. }, Packet::Disconnect(_)) => Taken::Left,
            // Nothing else may come before CONNACK (MQTT-3.1.2-30).
            (Self::Connecting { connect, .. }, _) => refuse(connect, ReasonCode::ProtocolError),
            (before, Packet::Auth(auth)) => Taken::Pass(Packet::Auth(Box::new(self.again(before, *auth, desk)))),
            (before, packet) => {
                *self = before;
                Taken::Pass(packet)
            }
        }
    }

    fn begin(&mut self, connect: Box<Connect>, desk: Desk<'_>) -> Taken {
        let (asked, data) = connect.properties.authentication.clone().unwrap_or_default();
        match desk.policy.methods.iter().copied().find(|name| name.on_the_wire() == asked) {
            Some(name) => self.go_on(connect, name, name.start(desk.passwords), &data, desk.identity),
            None => refuse(connect, ReasonCode::BadAuthenticationMethod),
        }
    }

    /// The method's next step before CONNACK.
    fn go_on(
        &mut self,
        mut connect: Box<Connect>,
        name: MethodName,
        mut method: Box<dyn Method>,
        data: &[u8],
        identity: &Identity,
    ) -> Taken {
        match method.step(data) {
            Step::Challenge(data) => {
                let auth = answer(name, ReasonCode::ContinueAuthentication, data);
                if !fits(&auth, connect.properties.maximum_packet_size) {
                    return refuse(connect, ReasonCode::PacketTooLarge);
                }
                *self = Self::Connecting { connect, name, method };
                Taken::Challenge(Packet::Auth(Box::new(auth)))
            }
            Step::Accepted { user, data } if may_be(identity, &user) => {
                *self = Self::Done { name, user: user.clone() };
                connect.login = Login::As(user);
                connect.properties.authentication = Some((name.on_the_wire().into(), data.into()));
                Taken::Pass(Packet::Connect(connect))
            }
            Step::Accepted { .. } => refuse(connect, ReasonCode::NotAuthorized),
            Step::Refused(code) => refuse(connect, code),
        }
    }

    /// AUTH after CONNECT: what is to be answered, or, if its code is an error, why the connection ends.
    fn again(&mut self, before: Self, auth: Auth, desk: Desk<'_>) -> Auth {
        let (name, user, mut method) = match before {
            Self::Done { name, user } if is_first(&auth, name) => (name, user, name.start(desk.passwords)),
            Self::Again { name, user, method } if is_next(&auth, name) => (name, user, method),
            Self::None | Self::Done { .. } | Self::Again { .. } | Self::Connecting { .. } => {
                return Auth { code: ReasonCode::ProtocolError, ..auth };
            }
        };
        match method.step(&auth.data) {
            Step::Challenge(data) => {
                *self = Self::Again { name, user, method };
                answer(name, ReasonCode::ContinueAuthentication, data)
            }
            // A session belongs to its user.
            Step::Accepted { user: proved, data } if proved == user => {
                *self = Self::Done { name, user };
                answer(name, ReasonCode::Success, data)
            }
            Step::Accepted { .. } | Step::Refused(ReasonCode::BadUserNameOrPassword) => {
                // DISCONNECT cannot say that it was the password.
                Auth { code: ReasonCode::NotAuthorized, ..auth }
            }
            Step::Refused(code) => Auth { code, ..auth },
        }
    }
}

/// The client goes on with its method (MQTT-4.12.0-3).
fn is_next(auth: &Auth, name: MethodName) -> bool {
    auth.code == ReasonCode::ContinueAuthentication && auth.method == name.on_the_wire()
}

/// The client authenticates again, with its method (MQTT-4.12.1-1).
fn is_first(auth: &Auth, name: MethodName) -> bool {
    auth.code == ReasonCode::ReAuthenticate && auth.method == name.on_the_wire()
}

fn answer(name: MethodName, code: ReasonCode, data: Vec<u8>) -> Auth {
    Auth { code, method: name.on_the_wire().into(), data: Bytes::from(data) }
}

fn fits(auth: &Auth, longest: Option<NonZeroU32>) -> bool {
    longest.is_none_or(|longest| auth.wire_len() <= longest.get() as usize)
}

/// Who has a certificate that counts must be the same by the method.
fn may_be(identity: &Identity, user: &Arc<str>) -> bool {
    match identity {
        Identity::Unknown => true,
        Identity::User(known) => known == user,
        Identity::Nobody => false,
    }
}

fn refuse(mut connect: Box<Connect>, code: ReasonCode) -> Taken {
    connect.login = Login::Refused(LoginRefusal::Authentication(code));
    Taken::Pass(Packet::Connect(connect))
}
