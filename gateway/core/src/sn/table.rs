//! Every state x message cell (1.2 §6.14, Figure 4), written out.

use sn_codec::{Disconnect, Message, PingReq, Qos};

/// A client as the gateway sees it. What is not drawn in Figure 4 is before it (the will dialogue) or around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No session is bound to the address.
    Unknown,
    /// CONNECT asked for a will: WILLTOPIC is missing.
    AwaitWillTopic,
    /// WILLTOPIC came: WILLMSG is missing.
    AwaitWillMsg,
    /// CONNECT is complete: the other broker, where the session lives, has not answered it.
    Joining,
    Active,
    Asleep,
    Awake,
    Disconnected,
    Lost,
}

/// A message as the table tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Advertise,
    SearchGw,
    GwInfo,
    Connect,
    ConnAck,
    WillTopicReq,
    WillTopic,
    WillMsgReq,
    WillMsg,
    Register,
    RegAck,
    Publish,
    /// PUBLISH with QoS -1.
    PublishMinusOne,
    PubAck,
    PubComp,
    PubRec,
    PubRel,
    Subscribe,
    SubAck,
    Unsubscribe,
    UnsubAck,
    PingReq,
    PingResp,
    Disconnect,
    /// DISCONNECT with a Duration above 0.
    Sleep,
    WillTopicUpd,
    WillTopicResp,
    WillMsgUpd,
    WillMsgResp,
    /// An encapsulated message inside another: the decoder has refused it already.
    FrwdEncap,
}

impl Kind {
    pub(super) const fn of(message: &Message<'_>) -> Self {
        match message {
            Message::Advertise(_) => Self::Advertise,
            Message::SearchGw(_) => Self::SearchGw,
            Message::GwInfo(_) => Self::GwInfo,
            Message::Connect(_) => Self::Connect,
            Message::ConnAck(_) => Self::ConnAck,
            Message::WillTopicReq => Self::WillTopicReq,
            Message::WillTopic(_) => Self::WillTopic,
            Message::WillMsgReq => Self::WillMsgReq,
            Message::WillMsg(_) => Self::WillMsg,
            Message::Register(_) => Self::Register,
            Message::RegAck(_) => Self::RegAck,
            Message::Publish(publish) => match publish.qos {
                Qos::MinusOne => Self::PublishMinusOne,
                Qos::Zero | Qos::One | Qos::Two => Self::Publish,
            },
            Message::PubAck(_) => Self::PubAck,
            Message::PubComp(_) => Self::PubComp,
            Message::PubRec(_) => Self::PubRec,
            Message::PubRel(_) => Self::PubRel,
            Message::Subscribe(_) => Self::Subscribe,
            Message::SubAck(_) => Self::SubAck,
            Message::Unsubscribe(_) => Self::Unsubscribe,
            Message::UnsubAck(_) => Self::UnsubAck,
            Message::PingReq(PingReq { .. }) => Self::PingReq,
            Message::PingResp => Self::PingResp,
            // A Duration of 0 is a plain DISCONNECT: nobody sleeps for no time.
            Message::Disconnect(Disconnect { duration_s: None | Some(0) }) => Self::Disconnect,
            Message::Disconnect(Disconnect { duration_s: Some(_) }) => Self::Sleep,
            Message::WillTopicUpd(_) => Self::WillTopicUpd,
            Message::WillTopicResp(_) => Self::WillTopicResp,
            Message::WillMsgUpd(_) => Self::WillMsgUpd,
            Message::WillMsgResp(_) => Self::WillMsgResp,
            Message::FrwdEncap(_) => Self::FrwdEncap,
        }
    }
}

/// What the gateway does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing: the message is for others, or completes nothing.
    Pass,
    /// Nothing, and count it: [`crate::RejectReason::WrongState`].
    Ignore,
    /// Nothing, and count it: [`crate::RejectReason::WrongDirection`].
    NotOurs,
    /// DISCONNECT, rate-limited, and count it: the sender has no session and must CONNECT.
    SayDisconnect,
    /// DISCONNECT: the sender repeats what was done already.
    EchoDisconnect,
    /// GWINFO.
    AnswerSearch,
    /// CONNACK, or the will dialogue.
    Connect,
    /// WILLMSGREQ, or CONNACK after an empty WILLTOPIC.
    TakeWillTopic,
    /// CONNACK.
    TakeWillMsg,
    /// CONNACK again, if the will dialogue has just ended.
    RepeatConnAck,
    /// REGACK.
    Register,
    /// On with the PUBLISH, or drop the topic.
    TakeRegAck,
    /// To the broker; PUBACK or PUBREC.
    Publish,
    /// To the broker, no answer ever.
    PublishMinusOne,
    /// The message in flight is done or refused.
    TakePubAck,
    /// PUBREL.
    TakePubRec,
    /// PUBCOMP.
    Release,
    /// The message in flight is done.
    TakePubComp,
    /// SUBACK.
    Subscribe,
    /// UNSUBACK.
    Unsubscribe,
    /// PINGRESP.
    Ping,
    /// What waits, then PINGRESP.
    Wake,
    /// DISCONNECT; the will stays silent.
    Disconnect,
    /// DISCONNECT; messages are kept from now on.
    Sleep,
    /// WILLTOPICRESP.
    UpdateWillTopic,
    /// WILLMSGRESP.
    UpdateWillMsg,
}

/// What a message does in a state.
///
/// Before CONNACK everything but the will dialogue is ignored. An asleep client should CONNECT before it
/// sends, says the spec; whatever it sends without is accepted, and it stays asleep.
#[rustfmt::skip]
pub(super) const fn cell(state: State, kind: Kind) -> Action {
    use Action::{
        AnswerSearch, Connect, Disconnect, EchoDisconnect, Ignore, NotOurs, Pass, Ping, Publish, PublishMinusOne,
        Register, Release, RepeatConnAck, SayDisconnect, Sleep, Subscribe, TakePubAck, TakePubComp, TakePubRec,
        TakeRegAck, TakeWillMsg, TakeWillTopic, Unsubscribe, UpdateWillMsg, UpdateWillTopic, Wake,
    };
    let row = match kind {
        //                           Unknown          AwaitWillTopic   AwaitWillMsg     Joining          Active           Asleep           Awake            Disconnected     Lost
        Kind::Advertise          => [Pass,            Pass,            Pass,            Pass,            Pass,            Pass,            Pass,            Pass,            Pass],
        Kind::SearchGw           => [AnswerSearch,    AnswerSearch,    AnswerSearch,    AnswerSearch,    AnswerSearch,    AnswerSearch,    AnswerSearch,    AnswerSearch,    AnswerSearch],
        Kind::GwInfo             => [Pass,            Pass,            Pass,            Pass,            Pass,            Pass,            Pass,            Pass,            Pass],
        Kind::Connect            => [Connect,         Connect,         Connect,         Connect,         Connect,         Connect,         Connect,         Connect,         Connect],
        Kind::ConnAck            => [NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs],
        Kind::WillTopicReq       => [NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs],
        Kind::WillTopic          => [SayDisconnect,   TakeWillTopic,   TakeWillTopic,   Ignore,          RepeatConnAck,   Ignore,          Ignore,          SayDisconnect,   SayDisconnect],
        Kind::WillMsgReq         => [NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs],
        Kind::WillMsg            => [SayDisconnect,   Ignore,          TakeWillMsg,     Ignore,          RepeatConnAck,   Ignore,          Ignore,          SayDisconnect,   SayDisconnect],
        Kind::Register           => [SayDisconnect,   Ignore,          Ignore,          Ignore,          Register,        Register,        Register,        SayDisconnect,   SayDisconnect],
        Kind::RegAck             => [Ignore,          Ignore,          Ignore,          Ignore,          TakeRegAck,      TakeRegAck,      TakeRegAck,      Ignore,          Ignore],
        Kind::Publish            => [SayDisconnect,   Ignore,          Ignore,          Ignore,          Publish,         Publish,         Publish,         SayDisconnect,   SayDisconnect],
        Kind::PublishMinusOne    => [PublishMinusOne, PublishMinusOne, PublishMinusOne, PublishMinusOne, PublishMinusOne, PublishMinusOne, PublishMinusOne, PublishMinusOne, PublishMinusOne],
        Kind::PubAck             => [Ignore,          Ignore,          Ignore,          Ignore,          TakePubAck,      TakePubAck,      TakePubAck,      Ignore,          Ignore],
        Kind::PubComp            => [Ignore,          Ignore,          Ignore,          Ignore,          TakePubComp,     TakePubComp,     TakePubComp,     Ignore,          Ignore],
        Kind::PubRec             => [Ignore,          Ignore,          Ignore,          Ignore,          TakePubRec,      TakePubRec,      TakePubRec,      Ignore,          Ignore],
        Kind::PubRel             => [SayDisconnect,   Ignore,          Ignore,          Ignore,          Release,         Release,         Release,         SayDisconnect,   SayDisconnect],
        Kind::Subscribe          => [SayDisconnect,   Ignore,          Ignore,          Ignore,          Subscribe,       Subscribe,       Subscribe,       SayDisconnect,   SayDisconnect],
        Kind::SubAck             => [NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs],
        Kind::Unsubscribe        => [SayDisconnect,   Ignore,          Ignore,          Ignore,          Unsubscribe,     Unsubscribe,     Unsubscribe,     SayDisconnect,   SayDisconnect],
        Kind::UnsubAck           => [NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs],
        Kind::PingReq            => [SayDisconnect,   Ignore,          Ignore,          Ignore,          Ping,            Wake,            Wake,            SayDisconnect,   SayDisconnect],
        Kind::PingResp           => [Ignore,          Ignore,          Ignore,          Ignore,          Pass,            Pass,            Pass,            Ignore,          Ignore],
        Kind::Disconnect         => [Ignore,          Disconnect,      Disconnect,      Disconnect,      Disconnect,      Disconnect,      Disconnect,      EchoDisconnect,  EchoDisconnect],
        Kind::Sleep              => [SayDisconnect,   Disconnect,      Disconnect,      Disconnect,      Sleep,           Sleep,           Sleep,           SayDisconnect,   SayDisconnect],
        Kind::WillTopicUpd       => [SayDisconnect,   Ignore,          Ignore,          Ignore,          UpdateWillTopic, UpdateWillTopic, UpdateWillTopic, SayDisconnect,   SayDisconnect],
        Kind::WillTopicResp      => [NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs],
        Kind::WillMsgUpd         => [SayDisconnect,   Ignore,          Ignore,          Ignore,          UpdateWillMsg,   UpdateWillMsg,   UpdateWillMsg,   SayDisconnect,   SayDisconnect],
        Kind::WillMsgResp        => [NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs,         NotOurs],
        Kind::FrwdEncap          => [Ignore,          Ignore,          Ignore,          Ignore,          Ignore,          Ignore,          Ignore,          Ignore,          Ignore],
    };
    row[state as usize]
}
