//! The last frame that was accepted from a radio node: its counter, and behind that how the node is answered, unless it is in reach
//! and speaks the gateway's first form.

use super::key::{Key, Record};
use super::tail::{put_with_tail, read_with_tail};
use crate::nodes::Accepted;
use serde::{Deserialize, Serialize};
use sn_types::{Eui64, Way};

#[derive(Debug, Serialize, Deserialize)]
struct WayTail {
    router: Option<[u8; 8]>,
    udp_port: Option<u16>,
}

pub(super) fn accepted_record(node: Eui64, accepted: &Accepted) -> Record {
    let Accepted { counter, way } = *accepted;
    let tail = WayTail { router: way.router.map(|Eui64(octets)| octets), udp_port: way.udp_port };
    put_with_tail(Key::NodeCounter(node), &counter, (way != Way::default()).then_some(tail))
}

pub(super) fn read_accepted(value: &[u8]) -> Option<Accepted> {
    let (counter, tail): (u32, Option<WayTail>) = read_with_tail(value)?;
    let way = tail.map(|WayTail { router, udp_port }| Way { router: router.map(Eui64), udp_port });
    Some(Accepted { counter, way: way.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_and_a_counter_alone_too() {
        let node = Eui64([1; 8]);
        for way in [
            Way::default(),
            Way { router: Some(Eui64([9; 8])), udp_port: None },
            Way { router: None, udp_port: Some(61_616) },
        ] {
            let accepted = Accepted { counter: 300, way };
            let value = accepted_record(node, &accepted).value.expect("it is put");
            assert_eq!(read_accepted(&value), Some(accepted));
            assert_eq!(read_accepted(&value[..1]), None);
        }
        let alone = postcard::to_allocvec(&300_u32).unwrap();
        assert_eq!(read_accepted(&alone), Some(Accepted { counter: 300, way: Way::default() }));
    }
}
