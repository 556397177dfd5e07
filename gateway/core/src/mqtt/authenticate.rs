//! Enhanced authentication (MQTT 5 §4.12), as far as the core has to do with it. The methods are the daemon's: its listener
//! holds a CONNECT back until it knows who that is, and says of each AUTH on an open connection what came of it.

use super::{Auth, Connect, Login, Packet, ReasonCode};
use crate::{ConnId, Core, RejectReason};
use bytes::Bytes;
use sn_types::Instant;

impl Core {
    /// AUTH on an open connection, with the listener's verdict as its code.
    pub(super) fn mqtt_auth(&mut self, now: Instant, conn: ConnId, auth: Box<Auth>) {
        let Some(longest) = self.mqtt.open(conn).map(|open| open.maximum_packet_size) else { return };
        match auth.code {
            ReasonCode::ProtocolError => self.mqtt_protocol_error(now, conn, "AUTH out of place"),
            code if code.is_error() => {
                self.mqtt_break(now, conn, refusal_reason(code), code, "authentication refused");
            }
            // An AUTH without its data would be no answer.
            _ if auth.wire_len() > longest as usize => {
                let (reason, code) = (RejectReason::MqttProtocol, ReasonCode::PacketTooLarge);
                self.mqtt_break(now, conn, reason, code, "the client takes no AUTH as long as it needs");
            }
            _ => self.mqtt_send(conn, Packet::Auth(auth)),
        }
    }
}

/// The method that the client has gone through, and what it is told at last. An error: nobody has taken care of it.
pub(super) fn authenticated(connect: &mut Connect) -> Result<Option<(String, Bytes)>, RejectReason> {
    match (connect.properties.authentication.take(), &connect.login) {
        (None, _) => Ok(None),
        (Some(authentication), Login::As(_)) => Ok(Some(authentication)),
        (Some(_), Login::Anonymous | Login::Bridge { .. } | Login::Refused(_)) => {
            Err(RejectReason::AuthenticationMethod)
        }
    }
}

/// How it is counted that an authentication has ended with `code`.
pub(super) fn refusal_reason(code: ReasonCode) -> RejectReason {
    match code {
        ReasonCode::BadAuthenticationMethod => RejectReason::AuthenticationMethod,
        ReasonCode::ProtocolError | ReasonCode::PacketTooLarge => RejectReason::MqttProtocol,
        _ => RejectReason::BadPassword,
    }
}
