//! Why a frame was not taken.

use core::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal,)*) => {
        /// Why a frame that was heard brought nothing. What a peer does wrong is data: it is counted, and stops nothing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $reason,)*
        }

        impl Reason {
            /// All of them, in the order in which a frame is looked at.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$reason),*];

            /// What counters and logs call it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// The header is damaged.
    MacHeader = "mac-header",
    /// Neither a data frame nor a command.
    FrameType = "frame-type",
    /// Neither of the 2003 nor of the 2006 format.
    FrameVersion = "frame-version",
    /// The sender or the receiver is not named.
    NoAddress = "no-address",
    /// Of another PAN, or from one to another.
    OtherPan = "other-pan",
    /// For another station of the PAN.
    NotForUs = "not-for-us",
    /// The sender gives its short address, which tells nothing about who it is.
    ShortSource = "short-source",
    /// To a node, and not from its gateway.
    NotGateway = "not-gateway",
    /// The same frame again: our acknowledgement was lost on its way.
    Duplicate = "duplicate",
    /// There is no link security where it is asked for.
    Unsecured = "unsecured",
    /// There is link security, and none is configured.
    UnexpectedSecurity = "unexpected-security",
    /// The auxiliary security header is damaged.
    SecurityHeader = "security-header",
    /// Another security level than the configured one.
    SecurityLevel = "security-level",
    /// There is no key for the sender.
    UnknownNode = "unknown-node",
    /// The frame's integrity code is not that of the sender's key.
    BadMic = "bad-mic",
    /// The sender's frame counter has been used before, or has come to its end.
    Replay = "replay",
    /// A command other than a data request.
    Command = "command",
    /// The payload has no octet.
    Empty = "empty",
    /// A mesh header that is damaged, or has no hop left.
    Mesh = "mesh-header",
    /// Neither MQTT-SN nor a 6LoWPAN header that is known here.
    Dispatch = "dispatch",
    /// MQTT-SN in this form is not configured.
    Carriage = "carriage",
    /// A fragment that cannot be one.
    Fragment = "fragment",
    /// Fragments that overlap and do not match: what was gathered is thrown away (RFC 4944 §5.3).
    Overlap = "overlap",
    /// Fragments of a datagram that is longer than what is taken.
    TooLong = "too-long",
    /// A fragment while as many datagrams as allowed are being put together.
    ReassemblyFull = "reassembly-full",
    /// A 6LoWPAN header that is damaged, or needs what is not known here: contexts, extension headers.
    Lowpan = "lowpan-header",
    /// An IPv6 or UDP header that is damaged.
    Ip = "ip-header",
    /// An IPv6 address that is not made from that of the frame.
    IpAddress = "ip-address",
    /// Neither UDP nor a question for our address.
    Protocol = "protocol",
    /// The UDP checksum is wrong or was left out.
    Checksum = "checksum",
    /// For another UDP port.
    Port = "port",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
