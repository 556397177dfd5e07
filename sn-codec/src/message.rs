//! Every message of MQTT-SN 1.2 as a plain value that borrows from its datagram.

use crate::frame::Frame;
use crate::layout::Layout;
use crate::publish::parse_msg_id;
use crate::reader::Reader;
use crate::will::parse_response;
use crate::{
    Advertise, ConnAck, Connect, DecodeError, Disconnect, EncodeError, FrwdEncap, GwInfo, MsgId, MsgType, PingReq,
    PubAck, Publish, RegAck, Register, ReturnCode, SearchGw, SubAck, Subscribe, Unsubscribe, WillMsg, WillTopic,
};

/// One MQTT-SN message (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// 00, gateway to all.
    Advertise(Advertise),
    /// 01, client to all.
    SearchGw(SearchGw),
    /// 02, gateway or client to all.
    GwInfo(GwInfo<'a>),
    /// 04, client to gateway.
    Connect(Connect<'a>),
    /// 05, gateway to client.
    ConnAck(ConnAck),
    /// 06, gateway to client.
    WillTopicReq,
    /// 07, client to gateway; `None`: delete will topic and will message.
    WillTopic(Option<WillTopic<'a>>),
    /// 08, gateway to client.
    WillMsgReq,
    /// 09, client to gateway.
    WillMsg(WillMsg<'a>),
    /// 0A, both ways.
    Register(Register<'a>),
    /// 0B, both ways.
    RegAck(RegAck),
    /// 0C, both ways.
    Publish(Publish<'a>),
    /// 0D, both ways.
    PubAck(PubAck),
    /// 0E, both ways.
    PubComp(MsgId),
    /// 0F, both ways.
    PubRec(MsgId),
    /// 10, both ways.
    PubRel(MsgId),
    /// 12, client to gateway.
    Subscribe(Subscribe<'a>),
    /// 13, gateway to client.
    SubAck(SubAck),
    /// 14, client to gateway.
    Unsubscribe(Unsubscribe<'a>),
    /// 15, gateway to client.
    UnsubAck(MsgId),
    /// 16, both ways.
    PingReq(PingReq<'a>),
    /// 17, both ways.
    PingResp,
    /// 18, both ways.
    Disconnect(Disconnect),
    /// 1A, client to gateway; `None`: delete will topic and will message.
    WillTopicUpd(Option<WillTopic<'a>>),
    /// 1B, gateway to client.
    WillTopicResp(ReturnCode),
    /// 1C, client to gateway.
    WillMsgUpd(WillMsg<'a>),
    /// 1D, gateway to client.
    WillMsgResp(ReturnCode),
    /// FE, forwarder to gateway and back (1.2 §5.5).
    FrwdEncap(FrwdEncap<'a>),
}

/// Decodes a datagram, which must be one message.
///
/// The message inside a FRWDENCAP is decoded by calling this again with [`FrwdEncap::inner`].
///
/// Two known faults of peers are forgiven: a long-form Length that does not count the long form's two extra octets
/// (Paho), and one octet too many after a WILLTOPICRESP or WILLMSGRESP (RSMB).
///
/// # Errors
/// See [`DecodeError`]; nothing that is merely not allowed is one.
pub fn decode(datagram: &[u8]) -> Result<Message<'_>, DecodeError> {
    Frame::check(datagram).and_then(Message::parse::<true>)
}

/// Decodes what a client can use: `None` for what is malformed, and for what only gateways and forwarders read. A chip
/// then does not carry the code that reads those.
#[must_use]
pub fn decode_for_client(datagram: &[u8]) -> Option<Message<'_>> {
    Frame::check(datagram).and_then(Message::parse::<false>).ok()
}

impl<'a> Message<'a> {
    /// The message's MsgType.
    #[must_use]
    pub const fn msg_type(&self) -> MsgType {
        match self {
            Self::Advertise(_) => MsgType::Advertise,
            Self::SearchGw(_) => MsgType::SearchGw,
            Self::GwInfo(_) => MsgType::GwInfo,
            Self::Connect(_) => MsgType::Connect,
            Self::ConnAck(_) => MsgType::ConnAck,
            Self::WillTopicReq => MsgType::WillTopicReq,
            Self::WillTopic(_) => MsgType::WillTopic,
            Self::WillMsgReq => MsgType::WillMsgReq,
            Self::WillMsg(_) => MsgType::WillMsg,
            Self::Register(_) => MsgType::Register,
            Self::RegAck(_) => MsgType::RegAck,
            Self::Publish(_) => MsgType::Publish,
            Self::PubAck(_) => MsgType::PubAck,
            Self::PubComp(_) => MsgType::PubComp,
            Self::PubRec(_) => MsgType::PubRec,
            Self::PubRel(_) => MsgType::PubRel,
            Self::Subscribe(_) => MsgType::Subscribe,
            Self::SubAck(_) => MsgType::SubAck,
            Self::Unsubscribe(_) => MsgType::Unsubscribe,
            Self::UnsubAck(_) => MsgType::UnsubAck,
            Self::PingReq(_) => MsgType::PingReq,
            Self::PingResp => MsgType::PingResp,
            Self::Disconnect(_) => MsgType::Disconnect,
            Self::WillTopicUpd(_) => MsgType::WillTopicUpd,
            Self::WillTopicResp(_) => MsgType::WillTopicResp,
            Self::WillMsgUpd(_) => MsgType::WillMsgUpd,
            Self::WillMsgResp(_) => MsgType::WillMsgResp,
            Self::FrwdEncap(_) => MsgType::FrwdEncap,
        }
    }

    /// Writes the message to the start of `buf` in its shortest form, and returns its length in octets.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`], and those of [`Message::encoded_len`].
    pub fn encode(&self, buf: &mut [u8]) -> Result<usize, EncodeError> {
        self.layout()?.write(self.msg_type(), buf)
    }

    /// How many octets [`Message::encode`] writes.
    ///
    /// # Errors
    /// The message cannot be sent, whatever the buffer: see [`EncodeError`].
    pub fn encoded_len(&self) -> Result<usize, EncodeError> {
        self.layout()?.total_len()
    }

    /// All types, or those that are for clients.
    #[inline]
    fn parse<const ALL: bool>(frame: Frame<'a>) -> Result<Self, DecodeError> {
        let body = Reader::new(frame.msg_type, frame.body);
        Ok(match frame.msg_type {
            MsgType::Connect
            | MsgType::WillTopic
            | MsgType::WillMsg
            | MsgType::Subscribe
            | MsgType::Unsubscribe
            | MsgType::WillTopicUpd
            | MsgType::WillMsgUpd
            | MsgType::FrwdEncap
                if !ALL =>
            {
                return Err(DecodeError::ReservedType(frame.msg_type.into()));
            }
            MsgType::Advertise => Self::Advertise(Advertise::parse(body)?),
            MsgType::SearchGw => Self::SearchGw(SearchGw::parse(body)?),
            MsgType::GwInfo => Self::GwInfo(GwInfo::parse(body)?),
            MsgType::Connect => Self::Connect(Connect::parse(body)?),
            MsgType::ConnAck => Self::ConnAck(ConnAck::parse(body)?),
            MsgType::WillTopicReq => body.end().map(|()| Self::WillTopicReq)?,
            MsgType::WillTopic => Self::WillTopic(WillTopic::parse(body)?),
            MsgType::WillMsgReq => body.end().map(|()| Self::WillMsgReq)?,
            MsgType::WillMsg => Self::WillMsg(WillMsg::parse(body)),
            MsgType::Register => Self::Register(Register::parse(body)?),
            MsgType::RegAck => Self::RegAck(RegAck::parse(body)?),
            MsgType::Publish => Self::Publish(Publish::parse(body)?),
            MsgType::PubAck => Self::PubAck(PubAck::parse(body)?),
            MsgType::PubComp => Self::PubComp(parse_msg_id(body)?),
            MsgType::PubRec => Self::PubRec(parse_msg_id(body)?),
            MsgType::PubRel => Self::PubRel(parse_msg_id(body)?),
            MsgType::Subscribe => Self::Subscribe(Subscribe::parse(body)?),
            MsgType::SubAck => Self::SubAck(SubAck::parse(body)?),
            MsgType::Unsubscribe => Self::Unsubscribe(Unsubscribe::parse(body)?),
            MsgType::UnsubAck => Self::UnsubAck(parse_msg_id(body)?),
            MsgType::PingReq => Self::PingReq(PingReq::parse(body)?),
            MsgType::PingResp => body.end().map(|()| Self::PingResp)?,
            MsgType::Disconnect => Self::Disconnect(Disconnect::parse(body)?),
            MsgType::WillTopicUpd => Self::WillTopicUpd(WillTopic::parse(body)?),
            MsgType::WillTopicResp => Self::WillTopicResp(parse_response(body)?),
            MsgType::WillMsgUpd => Self::WillMsgUpd(WillMsg::parse(body)),
            MsgType::WillMsgResp => Self::WillMsgResp(parse_response(body)?),
            MsgType::FrwdEncap => Self::FrwdEncap(FrwdEncap::parse(body, frame.inner)?),
        })
    }

    #[inline]
    fn layout(&self) -> Result<Layout<'a>, EncodeError> {
        Ok(match *self {
            Self::Advertise(advertise) => advertise.layout(),
            Self::SearchGw(search) => search.layout(),
            Self::GwInfo(info) => info.layout(),
            Self::Connect(connect) => connect.layout(),
            Self::ConnAck(connack) => connack.layout(),
            Self::WillTopic(Some(will)) | Self::WillTopicUpd(Some(will)) => will.layout(self.msg_type())?,
            Self::WillMsg(will) | Self::WillMsgUpd(will) => will.layout(),
            Self::Register(register) => register.layout()?,
            Self::RegAck(regack) => regack.layout(),
            Self::Publish(publish) => publish.layout()?,
            Self::PubAck(puback) => puback.layout(),
            Self::PubComp(id) | Self::PubRec(id) | Self::PubRel(id) | Self::UnsubAck(id) => Layout::EMPTY.u16(id.0),
            Self::Subscribe(subscribe) => subscribe.layout()?,
            Self::SubAck(suback) => suback.layout(),
            Self::Unsubscribe(unsubscribe) => unsubscribe.layout()?,
            Self::PingReq(pingreq) => pingreq.layout(),
            Self::Disconnect(disconnect) => disconnect.layout(),
            Self::WillTopicResp(code) | Self::WillMsgResp(code) => Layout::EMPTY.u8(code.into()),
            Self::FrwdEncap(encap) => encap.layout()?,
            Self::WillTopicReq
            | Self::WillTopic(None)
            | Self::WillMsgReq
            | Self::PingResp
            | Self::WillTopicUpd(None) => Layout::EMPTY,
        })
    }
}
