//! Another opinion about 6LoWPAN: smoltcp's whole stack is a node that sends every datagram back.

mod support;

use lowpan::{Received, Signal};
use proptest::prelude::*;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::udp;
use smoltcp::time::Instant as SmolInstant;
use smoltcp::wire::{Ieee802154Address, Ieee802154Pan, IpCidr};
use sn_types::Instant;
use std::collections::VecDeque;
use support::{GATEWAY, NODE, PAN, frames_of_hub, hub};

const PORT: u16 = 10_000;
const NOW: Instant = Instant::ZERO;

/// Frames that wait to be heard by the node, and those that it has sent.
#[derive(Default)]
struct Air {
    to_node: VecDeque<Vec<u8>>,
    from_node: VecDeque<Vec<u8>>,
}

struct Heard(Vec<u8>);
struct Sender<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Heard {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl Device for Air {
    type RxToken<'a> = Heard;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _now: SmolInstant) -> Option<(Heard, Sender<'_>)> {
        self.to_node.pop_front().map(|frame| (Heard(frame), Sender(&mut self.from_node)))
    }

    fn transmit(&mut self, _now: SmolInstant) -> Option<Sender<'_>> {
        Some(Sender(&mut self.from_node))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ieee802154;
        capabilities.max_transmission_unit = lowpan::MAX_PSDU;
        capabilities
    }
}

struct Node {
    air: Air,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl Node {
    fn new() -> Self {
        let mut air = Air::default();
        let address = Ieee802154Address::Extended(NODE.0);
        let mut config = Config::new(address.into());
        config.pan_id = Some(Ieee802154Pan(PAN));
        let mut interface = Interface::new(config, &mut air, SmolInstant::ZERO);
        let own = lowpan::link_local(NODE);
        interface.update_ip_addrs(|list| list.push(IpCidr::new(own.into(), 64)).unwrap());
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 4096]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(PORT).unwrap();
        let mut sockets = SocketSet::new(vec![]);
        let handle = sockets.add(socket);
        Self { air, interface, sockets, handle }
    }

    /// Reads all frames, and sends back what they bring. Time is in virtual milliseconds.
    fn poll(&mut self, millis: i64) {
        let now = SmolInstant::from_millis(millis);
        self.interface.poll(now, &mut self.air, &mut self.sockets);
        let socket = self.sockets.get_mut::<udp::Socket>(self.handle);
        if let Ok((datagram, meta)) = socket.recv().map(|(datagram, meta)| (datagram.to_vec(), meta)) {
            socket.send_slice(&datagram, meta.endpoint).unwrap();
        }
        self.interface.poll(now, &mut self.air, &mut self.sockets);
    }
}

/// Sends datagrams to the node's port, one after the other, and collects what comes back.
fn echo(datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (mut hub, mut node, mut back) = (hub(None), Node::new(), Vec::new());
    node.greet();
    let mut millis = 0;
    for datagram in std::iter::once(None).chain(datagrams.iter().map(Some)) {
        if let Some(datagram) = datagram {
            hub.send(NOW, NODE, datagram).unwrap();
        }
        // The node asks for our address first, which takes a round.
        for _ in 0..40 {
            node.air.to_node.extend(frames_of_hub(&mut hub).iter().map(|frame| frame.as_bytes().to_vec()));
            millis += 100;
            node.poll(millis);
            while let Some(frame) = node.air.from_node.pop_front() {
                match hub.handle_frame(NOW, &frame, Signal::default()) {
                    Received::Datagram { octets, .. } => back.push(octets.to_vec()),
                    Received::Fragment { .. } | Received::Solicitation { .. } | Received::Neighbour { .. } => {}
                    other @ (Received::DataRequest { .. } | Received::Rejected { .. }) => panic!("{other:?}"),
                }
            }
        }
    }
    back
}

impl Node {
    /// Says something first, so that the gateway knows the node's port.
    fn greet(&mut self) {
        let socket = self.sockets.get_mut::<udp::Socket>(self.handle);
        socket.send_slice(b"hello", (lowpan::link_local(GATEWAY), 1883)).unwrap();
    }
}

#[test]
fn datagrams_come_back_from_another_stack() {
    let datagrams: Vec<_> = [2, 17, 60, 84, 95, 96, 97, 128, 250, 600, 1000, 1200].map(support::datagram).into();
    let back = echo(&datagrams);
    assert_eq!(back[0], b"hello");
    assert_eq!(back[1..], datagrams);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_datagram_comes_back_from_another_stack(datagram in prop::collection::vec(any::<u8>(), 1..1200)) {
        let datagrams = [datagram];
        prop_assert_eq!(&echo(&datagrams)[1..], &datagrams);
    }
}
