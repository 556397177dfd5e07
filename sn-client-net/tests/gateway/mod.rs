//! The gateway's core behind a real UDP socket, in a thread of the test.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use gateway_core::{Config, Core, Input, Output};
use sn_types::{Instant, LinkAddr, LinkProfile, PeerAddr, TransportId};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const TRANSPORT: TransportId = TransportId(0);

/// It ends when this is dropped, and then nothing answers at its address.
pub struct Gateway {
    pub address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = Some(std::thread::spawn(move || serve(&socket, &until)));
        Self { address, is_over, thread }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn serve(socket: &UdpSocket, is_over: &AtomicBool) {
    let (mut core, started, mut buffer) = (Core::new(Config::default()), std::time::Instant::now(), [0; 2048]);
    core.add_transport(Instant::ZERO, TRANSPORT, LinkProfile::UDP);
    while !is_over.load(Ordering::Relaxed) {
        let received = socket.recv_from(&mut buffer);
        let now = Instant::ZERO + started.elapsed();
        core.handle_timeout(now);
        if let Ok((len, peer)) = received {
            let from = PeerAddr::direct(TRANSPORT, LinkAddr::Udp(peer));
            core.handle_input(now, Input::Datagram { from, bytes: &buffer[..len] });
        }
        while let Some(output) = core.poll_output() {
            if let Output::Send { to: PeerAddr { link: LinkAddr::Udp(peer), .. }, datagram } = output {
                let _ = socket.send_to(&datagram, peer);
            }
        }
    }
}
