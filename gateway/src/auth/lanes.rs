//! Who waits for a check of a password waits in a lane of its address, and only the first of each lane waits for the few
//! checks that run at once: so somebody who guesses delays others by one check, however many guesses wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lanes in which somebody waits.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<HashMap<IpAddr, Arc<Semaphore>>>);

/// The first place of a lane. The next one moves up when it is dropped.
#[derive(Debug)]
pub(super) struct First {
    // Fields are dropped in their order: the lane counts who is left.
    _permit: Option<OwnedSemaphorePermit>,
    _lane: Lane,
}

/// Somebody's place in a lane, which is forgotten with the last one.
#[derive(Debug)]
struct Lane {
    lanes: Arc<Lanes>,
    address: IpAddr,
    turn: Arc<Semaphore>,
}

impl Lanes {
    /// Waits to be the first who comes from this address.
    pub(super) async fn first(self: &Arc<Self>, from: IpAddr) -> First {
        let address = subscriber(from);
        let turn = {
            let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.entry(address).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
        };
        let lane = Lane { lanes: self.clone(), address, turn };
        // It is never closed.
        let permit = lane.turn.clone().acquire_owned().await.ok();
        First { _permit: permit, _lane: lane }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut lanes = self.lanes.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That of the map and our own.
        if Arc::strong_count(&self.turn) == 2 {
            lanes.remove(&self.address);
        }
    }
}

/// What stands for one customer of a network: an address, or in IPv6 its first half.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test]
    async fn one_of_each_address_is_first() {
        let lanes = Arc::new(Lanes::default());
        let first = lanes.first(A).await;
        let second = lanes.first(A);
        tokio::pin!(second);
        assert!(second.as_mut().now_or_never().is_none());
        let other = lanes.first(B).now_or_never();
        assert!(other.is_some());
        drop(first);
        drop(second.await);
        drop(other);
        assert_eq!(lanes.len(), 0, "nothing is kept of who has gone");
    }

    #[tokio::test]
    async fn who_does_not_wait_any_more_leaves_nothing() {
        let lanes = Arc::new(Lanes::default());
        let first = lanes.first(A).await;
        assert!(lanes.first(A).now_or_never().is_none());
        drop(first);
        assert_eq!(lanes.len(), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one() {
        let [one, other, far] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|text| text.parse().unwrap());
        assert_eq!(subscriber(one), subscriber(other));
        assert_ne!(subscriber(one), subscriber(far));
        assert_eq!(subscriber("::ffff:192.0.2.1".parse().unwrap()), A);
    }
}
