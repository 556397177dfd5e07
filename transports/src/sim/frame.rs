//! What a gateway and a simulator say to each other, octet by octet.
//!
//! A frame is its length (16 bits, most significant octet first, itself not counted), its kind and its contents. Since
//! every frame says how long it is, one that makes no sense is skipped, and the next one is read.
//!
//! | kind | from | contents |
//! |---|---|---|
//! | 1 hello | simulator | `SNSIM`, version, then the [`LinkProfile`]: mtu (16 bits), flags (1 authenticated, 2 broadcast), late copies' time in ms (32) and exchanges (16) |
//! | 2 welcome | gateway | |
//! | 3 refused | gateway | why, in UTF-8 |
//! | 4 datagram | both | the node's address, then the datagram |
//! | 5 broadcast | gateway | radius, then the datagram |
//!
//! An address is a kind and its octets: 1, an EUI-64; 4, an IPv4 address and a port; 6, an IPv6 address and a port.

use sn_types::{LateCopies, LinkAddr, LinkProfile};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use std::{error, fmt};

/// The version of this protocol. Both ends must have the same.
pub const VERSION: u8 = 1;
/// The longest frame without its length, in octets: a datagram of 65,250 octets in a forwarder's encapsulation, from an
/// IPv6 address, fits.
pub const MAX_FRAME: usize = 65_535;
/// The longest message that a hello may announce, in octets.
pub const MAX_MTU: u16 = 65_250;
/// The shortest one.
const MIN_MTU: u16 = 32;

const MAGIC: &[u8; 5] = b"SNSIM";

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The simulator's first: what its medium promises.
    Hello(LinkProfile),
    /// The gateway's answer.
    Welcome,
    /// Or this one, with the reason, before it closes.
    Refused(&'a str),
    /// From a node, or to it.
    Datagram {
        /// Its address.
        peer: LinkAddr,
        /// The whole datagram.
        octets: &'a [u8],
    },
    /// To every node.
    Broadcast {
        /// In hops; 0 is the whole network.
        radius: u8,
        /// The whole datagram.
        octets: &'a [u8],
    },
}

/// Why octets are no frame, or a frame cannot be said in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The other end speaks another version.
    Version(u8),
    /// It makes no sense.
    Malformed,
    /// It is longer than [`MAX_FRAME`].
    TooLong,
    /// Nothing in a simulation has such an address.
    Address,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(theirs) => write!(f, "it speaks version {theirs}, not {VERSION}"),
            Self::Malformed => f.write_str("the frame makes no sense"),
            Self::TooLong => f.write_str("the frame is too long"),
            Self::Address => f.write_str("the address is of no kind that is simulated"),
        }
    }
}

impl error::Error for FrameError {}

impl<'a> Frame<'a> {
    /// Reads a frame without its length.
    ///
    /// # Errors
    /// [`FrameError::Version`] or [`FrameError::Malformed`].
    pub fn parse(frame: &'a [u8]) -> Result<Self, FrameError> {
        let (kind, contents) = frame.split_first().ok_or(FrameError::Malformed)?;
        match kind {
            1 => parse_hello(contents).map(Self::Hello),
            2 if contents.is_empty() => Ok(Self::Welcome),
            3 => std::str::from_utf8(contents).map(Self::Refused).map_err(|_| FrameError::Malformed),
            4 => {
                let (peer, octets) = parse_addr(contents).ok_or(FrameError::Malformed)?;
                Ok(Self::Datagram { peer, octets })
            }
            5 => {
                let (radius, octets) = contents.split_first().ok_or(FrameError::Malformed)?;
                Ok(Self::Broadcast { radius: *radius, octets })
            }
            _ => Err(FrameError::Malformed),
        }
    }

    /// Appends the frame with its length to `out`; nothing in case of an error.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] or [`FrameError::Address`].
    pub fn emit(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let start = out.len();
        out.extend([0, 0]);
        let emitted = self.emit_contents(out).and_then(|()| {
            let len = u16::try_from(out.len() - start - 2).map_err(|_| FrameError::TooLong)?;
            out[start..start + 2].copy_from_slice(&len.to_be_bytes());
            Ok(())
        });
        if emitted.is_err() {
            out.truncate(start);
        }
        emitted
    }

    fn emit_contents(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match *self {
            Self::Hello(profile) => {
                out.push(1);
                emit_hello(&profile, out);
            }
            Self::Welcome => out.push(2),
            Self::Refused(why) => {
                out.push(3);
                out.extend(why.as_bytes());
            }
            Self::Datagram { peer, octets } => {
                out.push(4);
                emit_addr(peer, out)?;
                out.extend(octets);
            }
            Self::Broadcast { radius, octets } => {
                out.extend([5, radius]);
                out.extend(octets);
            }
        }
        Ok(())
    }
}

fn parse_hello(contents: &[u8]) -> Result<LinkProfile, FrameError> {
    let rest = contents.strip_prefix(MAGIC).ok_or(FrameError::Malformed)?;
    match rest.split_first() {
        Some((&VERSION, profile)) => parse_profile(profile).ok_or(FrameError::Malformed),
        Some((&theirs, _)) => Err(FrameError::Version(theirs)),
        None => Err(FrameError::Malformed),
    }
}

fn parse_profile(octets: &[u8]) -> Option<LinkProfile> {
    let &[mtu0, mtu1, flags, t0, t1, t2, t3, e0, e1] = octets else { return None };
    let mtu = u16::from_be_bytes([mtu0, mtu1]);
    let late_copies = LateCopies {
        within: Duration::from_millis(u32::from_be_bytes([t0, t1, t2, t3]).into()),
        exchanges: u16::from_be_bytes([e0, e1]),
    };
    let (authenticated, broadcast) = (flags & 1 != 0, flags & 2 != 0);
    let profile = LinkProfile { mtu, mtu_behind_forwarders: mtu, authenticated, late_copies, broadcast };
    ((MIN_MTU..=MAX_MTU).contains(&mtu) && flags < 4).then_some(profile)
}

fn emit_hello(profile: &LinkProfile, out: &mut Vec<u8>) {
    // No forwarder is simulated there.
    let LinkProfile { mtu, mtu_behind_forwarders: _, authenticated, late_copies, broadcast } = profile;
    out.extend(MAGIC);
    out.push(VERSION);
    out.extend(mtu.to_be_bytes());
    out.push(u8::from(*authenticated) | u8::from(*broadcast) << 1);
    out.extend(u32::try_from(late_copies.within.as_millis()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(late_copies.exchanges.to_be_bytes());
}

/// An address, and what comes after it.
fn parse_addr(octets: &[u8]) -> Option<(LinkAddr, &[u8])> {
    let (kind, rest) = octets.split_first()?;
    match kind {
        1 => rest.split_first_chunk().map(|(eui64, rest)| (LinkAddr::Eui64(*eui64), rest)),
        4 => parse_socket_addr::<4>(rest),
        6 => parse_socket_addr::<16>(rest),
        _ => None,
    }
}

fn parse_socket_addr<const LEN: usize>(octets: &[u8]) -> Option<(LinkAddr, &[u8])>
where
    IpAddr: From<[u8; LEN]>,
{
    let (ip, rest) = octets.split_first_chunk::<LEN>()?;
    let (port, rest) = rest.split_first_chunk()?;
    let addr = SocketAddr::new(IpAddr::from(*ip), u16::from_be_bytes(*port));
    Some((LinkAddr::Udp(addr), rest))
}

fn emit_addr(addr: LinkAddr, out: &mut Vec<u8>) -> Result<(), FrameError> {
    match addr {
        LinkAddr::Eui64(octets) => {
            out.push(1);
            out.extend(octets);
        }
        LinkAddr::Udp(addr) => {
            match addr.ip() {
                IpAddr::V4(ip) => {
                    out.push(4);
                    out.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    out.push(6);
                    out.extend(ip.octets());
                }
            }
            out.extend(addr.port().to_be_bytes());
        }
        LinkAddr::Line => return Err(FrameError::Address),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> [LinkAddr; 3] {
        let udp = |text: &str| LinkAddr::Udp(text.parse().expect("an address"));
        [LinkAddr::Eui64([2, 0, 0, 1, 0, 0, 0, 9]), udp("192.0.2.1:1883"), udp("[2001:db8::7]:65535")]
    }

    fn emitted(frame: &Frame<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        frame.emit(&mut out).expect("it can be said");
        out
    }

    #[test]
    fn every_frame_is_read_as_it_was_written() {
        let late_copies = LateCopies { within: Duration::from_millis(2_500), exchanges: 7 };
        let profile =
            LinkProfile { mtu: 90, mtu_behind_forwarders: 90, authenticated: true, late_copies, broadcast: true };
        let mut frames = vec![
            Frame::Hello(LinkProfile { mtu: 8_192, mtu_behind_forwarders: 8_192, ..profile }),
            Frame::Hello(profile),
            Frame::Welcome,
            Frame::Refused("küche"),
            Frame::Broadcast { radius: 3, octets: b"all" },
            Frame::Broadcast { radius: 0, octets: b"" },
        ];
        frames.extend(peers().map(|peer| Frame::Datagram { peer, octets: b"one" }));
        for frame in frames {
            let octets = emitted(&frame);
            assert_eq!(usize::from(u16::from_be_bytes([octets[0], octets[1]])), octets.len() - 2);
            assert_eq!(Frame::parse(&octets[2..]), Ok(frame));
        }
    }

    #[test]
    fn these_are_the_octets() {
        let datagram = Frame::Datagram { peer: peers()[1], octets: &[0xAA] };
        assert_eq!(emitted(&datagram), [0, 9, 4, 4, 192, 0, 2, 1, 0x07, 0x5B, 0xAA]);
        let hello = [&[0, 16, 1][..], b"SNSIM", &[1, 0x20, 0, 2, 0, 0, 0x75, 0x30, 0, 32]].concat();
        assert_eq!(emitted(&Frame::Hello(LinkProfile::UDP)), hello);
    }

    #[test]
    fn no_beginning_of_a_hello_or_an_address_is_a_frame() {
        for frame in
            [emitted(&Frame::Hello(LinkProfile::UDP)), emitted(&Frame::Datagram { peer: peers()[2], octets: &[] })]
        {
            for len in 2..frame.len() {
                assert_eq!(Frame::parse(&frame[2..len]), Err(FrameError::Malformed), "{len}");
            }
        }
    }

    #[test]
    fn another_version_is_told_from_nonsense() {
        let mut hello = emitted(&Frame::Hello(LinkProfile::UDP));
        hello[8] = 2;
        assert_eq!(Frame::parse(&hello[2..]), Err(FrameError::Version(2)));
        for wrong in [&[][..], &[0], &[9, 1], &[2, 0], &[3, 0xFF], &[4, 2, 0, 0], b"\x01SNSIX\x01"] {
            assert_eq!(Frame::parse(wrong), Err(FrameError::Malformed), "{wrong:02x?}");
        }
        hello[8] = VERSION;
        for (at, octet) in [(9, 0xFF), (11, 4)] {
            let mut wrong = hello.clone();
            wrong[at] = octet;
            assert_eq!(Frame::parse(&wrong[2..]), Err(FrameError::Malformed), "octet {at} is {octet}");
        }
    }

    #[test]
    fn what_cannot_be_said_leaves_nothing_behind() {
        let mut out = b"before".to_vec();
        let line = Frame::Datagram { peer: LinkAddr::Line, octets: b"x" };
        assert_eq!(line.emit(&mut out), Err(FrameError::Address));
        let longest = vec![0; MAX_FRAME - 2];
        assert_eq!(
            Frame::Broadcast { radius: 1, octets: &[&longest[..], &[0]].concat() }.emit(&mut out),
            Err(FrameError::TooLong)
        );
        assert_eq!(out, b"before");
        assert_eq!(Frame::Broadcast { radius: 1, octets: &longest }.emit(&mut out), Ok(()));
    }
}
