//! The MsgType octet.

use crate::DecodeError;
use core::fmt;

/// One table, so that the octet, the name and [`MsgType::ALL`] cannot disagree.
macro_rules! msg_types {
    ($($variant:ident = $octet:literal $name:literal,)*) => {
        /// The MsgType octet (1.2 §5.2.2), for counters, tables and logs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum MsgType {
            $(#[doc = concat!($name, ".")] $variant = $octet,)*
        }

        impl MsgType {
            /// Every type, in the order of their octets.
            pub const ALL: [Self; [$($octet),*].len()] = [$(Self::$variant),*];

            /// The specification's name, in upper case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl TryFrom<u8> for MsgType {
            type Error = DecodeError;

            fn try_from(octet: u8) -> Result<Self, DecodeError> {
                match octet {
                    $($octet => Ok(Self::$variant),)*
                    reserved => Err(DecodeError::ReservedType(reserved)),
                }
            }
        }
    };
}

msg_types! {
    Advertise = 0x00 "ADVERTISE",
    SearchGw = 0x01 "SEARCHGW",
    GwInfo = 0x02 "GWINFO",
    Connect = 0x04 "CONNECT",
    ConnAck = 0x05 "CONNACK",
    WillTopicReq = 0x06 "WILLTOPICREQ",
    WillTopic = 0x07 "WILLTOPIC",
    WillMsgReq = 0x08 "WILLMSGREQ",
    WillMsg = 0x09 "WILLMSG",
    Register = 0x0A "REGISTER",
    RegAck = 0x0B "REGACK",
    Publish = 0x0C "PUBLISH",
    PubAck = 0x0D "PUBACK",
    PubComp = 0x0E "PUBCOMP",
    PubRec = 0x0F "PUBREC",
    PubRel = 0x10 "PUBREL",
    Subscribe = 0x12 "SUBSCRIBE",
    SubAck = 0x13 "SUBACK",
    Unsubscribe = 0x14 "UNSUBSCRIBE",
    UnsubAck = 0x15 "UNSUBACK",
    PingReq = 0x16 "PINGREQ",
    PingResp = 0x17 "PINGRESP",
    Disconnect = 0x18 "DISCONNECT",
    WillTopicUpd = 0x1A "WILLTOPICUPD",
    WillTopicResp = 0x1B "WILLTOPICRESP",
    WillMsgUpd = 0x1C "WILLMSGUPD",
    WillMsgResp = 0x1D "WILLMSGRESP",
    FrwdEncap = 0xFE "FRWDENCAP",
}

impl From<MsgType> for u8 {
    fn from(msg_type: MsgType) -> Self {
        msg_type as u8
    }
}

impl fmt::Display for MsgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
