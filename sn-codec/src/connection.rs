//! A connection's beginning, supervision and end: CONNECT, CONNACK, PINGREQ, DISCONNECT.

use crate::fields::flag;
use crate::layout::Layout;
use crate::reader::Reader;
use crate::{DecodeError, ReturnCode};

/// CONNECT (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Ask the gateway to prompt for a will.
    pub will: bool,
    /// Start without the state of an earlier session.
    pub clean_session: bool,
    /// [`Connect::PROTOCOL_ID`] for MQTT-SN 1.2; the session refuses others with CONNACK 03.
    pub protocol_id: u8,
    /// Keep-alive in seconds; 0 is not supervised.
    pub duration_s: u16,
    /// 1-23 characters says the spec; the decoder allows any length, also 0: the session decides.
    pub client_id: &'a str,
}

impl<'a> Connect<'a> {
    /// The ProtocolId of MQTT-SN 1.2.
    pub const PROTOCOL_ID: u8 = 1;

    pub(crate) fn parse(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let flags = body.u8()?;
        Ok(Self {
            will: flags & flag::WILL != 0,
            clean_session: flags & flag::CLEAN_SESSION != 0,
            protocol_id: body.u8()?,
            duration_s: body.u16()?,
            client_id: body.text()?,
        })
    }

    pub(crate) fn layout(self) -> Layout<'a> {
        let flags = flag::when(self.will, flag::WILL) | flag::when(self.clean_session, flag::CLEAN_SESSION);
        Layout::EMPTY.u8(flags).u8(self.protocol_id).u16(self.duration_s).text(self.client_id)
    }
}

/// CONNACK (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

impl ConnAck {
    pub(crate) fn parse(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let connack = Self { return_code: body.u8()?.into() };
        body.end()?;
        Ok(connack)
    }

    pub(crate) fn layout(self) -> Layout<'static> {
        Layout::EMPTY.u8(self.return_code.into())
    }
}

/// PINGREQ (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingReq<'a> {
    /// Given by a sleeping client that wakes; an empty one is `None`.
    pub client_id: Option<&'a str>,
}

impl<'a> PingReq<'a> {
    pub(crate) fn parse(body: Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { client_id: Some(body.text()?).filter(|id| !id.is_empty()) })
    }

    pub(crate) fn layout(self) -> Layout<'a> {
        Layout::EMPTY.text(self.client_id.unwrap_or_default())
    }
}

/// DISCONNECT (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// How long the client sleeps, in seconds; `None` ends the connection.
    pub duration_s: Option<u16>,
}

impl Disconnect {
    pub(crate) fn parse(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        if body.is_empty() {
            return Ok(Self { duration_s: None });
        }
        let disconnect = Self { duration_s: Some(body.u16()?) };
        body.end()?;
        Ok(disconnect)
    }

    pub(crate) fn layout(self) -> Layout<'static> {
        match self.duration_s {
            None => Layout::EMPTY,
            Some(duration_s) => Layout::EMPTY.u16(duration_s),
        }
    }
}
