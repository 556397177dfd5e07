//! Which gateways there are, and which to take (1.2 §6.1).

use crate::GwId;
use crate::client::later;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use sn_types::Instant;

/// ADVERTISEs that a gateway may miss before it counts as gone: N_ADV, 2-3 in 1.2 §7.2.
const N_ADV: u64 = 3;

/// An address on the node's link.
pub trait Address: Copy + PartialEq {
    /// The address in a GWINFO that another client has sent on a gateway's behalf (1.2 §5.4.3). The specification does
    /// not say how it is written; `None`: it cannot be understood, and that gateway is not known then.
    fn from_gw_add(gw_add: &[u8]) -> Option<Self>;
}

impl Address for SocketAddr {
    /// 4 or 16 octets of an IP address, with two of a port after them unless it is 1883.
    fn from_gw_add(gw_add: &[u8]) -> Option<Self> {
        let (ip, port) = match gw_add.len() {
            4 | 16 => (gw_add, 1883),
            6 | 18 => gw_add.split_last_chunk().map(|(ip, port)| (ip, u16::from_be_bytes(*port)))?,
            _ => return None,
        };
        let v4 = <[u8; 4]>::try_from(ip).map(|octets| IpAddr::V4(Ipv4Addr::from(octets))).ok();
        let ip = v4.or_else(|| <[u8; 16]>::try_from(ip).map(|octets| IpAddr::V6(Ipv6Addr::from(octets))).ok())?;
        Some(Self::new(ip, port))
    }
}

/// The 64-bit address of a radio.
impl Address for [u8; 8] {
    fn from_gw_add(gw_add: &[u8]) -> Option<Self> {
        gw_add.try_into().ok()
    }
}

/// The one peer at the other end of a line.
impl Address for () {
    fn from_gw_add(_: &[u8]) -> Option<Self> {
        None
    }
}

/// A gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<A> {
    /// Where it is.
    pub address: A,
    /// Its id, if it has told it.
    pub gw_id: Option<GwId>,
    /// The application has named it: it stays in the list, and is preferred.
    pub is_configured: bool,
    /// It counts as gone from then on, unless it is configured or heard again.
    expires_at: Instant,
    /// It has failed since any gateway worked last.
    has_failed: bool,
}

/// Up to `N` gateways, configured ones first, then in the order in which they were heard.
pub(crate) struct Gateways<A, const N: usize> {
    known: [Option<Known<A>>; N],
}

impl<A: Address, const N: usize> Gateways<A, N> {
    pub(crate) const EMPTY: Self = Self { known: [None; N] };

    pub(crate) fn get(&self, place: usize) -> Option<&Known<A>> {
        self.known.get(place)?.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Known<A>> {
        self.known.iter().flatten()
    }

    /// A gateway that is there whether it is heard or not; false if there is no room.
    pub(crate) fn configure(&mut self, address: A) -> bool {
        let Some(free) = self.known.iter_mut().find(|slot| slot.is_none()) else { return false };
        let (expires_at, has_failed) = (Instant::FAR_FUTURE, false);
        *free = Some(Known { address, gw_id: None, is_configured: true, expires_at, has_failed });
        true
    }

    /// A gateway has made itself known. The place that it has taken, if it was not known before.
    ///
    /// It may have moved to another address, or another gateway may have got its address: the address is what counts,
    /// since that is what datagrams are sent to. The place in use is nobody else's, however long its gateway was not heard:
    /// it answers.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        gw_id: GwId,
        address: A,
        next_s: Option<u16>,
        in_use: usize,
    ) -> Option<usize> {
        let next_ms = next_s.map(|next_s| u64::from(next_s) * 1_000 * N_ADV);
        let expires_at = next_ms.map_or(Instant::FAR_FUTURE, |next_ms| later(now, next_ms));
        if let Some(known) = self.known.iter_mut().flatten().find(|known| known.address == address) {
            known.gw_id = Some(gw_id);
            known.has_failed = false;
            if !known.is_configured && next_s.is_some() {
                known.expires_at = expires_at;
            }
            return None;
        }
        let free = self.known.iter().position(Option::is_none);
        let is_gone = |place: &usize| *place != in_use && self.get(*place).is_some_and(|known| known.is_gone(now));
        let place = free.or_else(|| (0..N).find(is_gone))?;
        let known = Known { address, gw_id: Some(gw_id), is_configured: false, expires_at, has_failed: false };
        *self.known.get_mut(place)? = Some(known);
        Some(place)
    }

    /// The best gateway that has not failed.
    pub(crate) fn best(&self, now: Instant) -> Option<usize> {
        self.known.iter().position(|slot| slot.is_some_and(|known| !known.has_failed && !known.is_gone(now)))
    }

    /// It does not answer, or does not take the client on.
    pub(crate) fn fail(&mut self, place: usize) {
        if let Some(Some(known)) = self.known.get_mut(place) {
            known.has_failed = true;
        }
    }

    /// All are worth another try.
    pub(crate) fn forgive(&mut self) {
        self.known.iter_mut().flatten().for_each(|known| known.has_failed = false);
    }
}

impl<A> Known<A> {
    fn is_gone(&self, now: Instant) -> bool {
        now >= self.expires_at || (self.has_failed && !self.is_configured)
    }
}
