//! Inside the machine: `lowpan`'s hub on wpan1 talks with the kernel's 6LoWPAN on lowpan0.
//!
//! The hub answers each datagram with itself. Prints a line for each exchange; fails at the first that is wrong.

use anyhow::{Context, Result, ensure};
use lowpan::{Ack, Carriages, Config, Eui64, Hub, Limits, NoKeys, Received, Signal, Station, link_local};
use nix::net::if_::if_nametoindex;
use sn_types::Instant;
use socket2::Socket;
use std::io::{ErrorKind, Read};
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant as Clock};
use transports::ieee802154::wpan;

const PORT: u16 = 1883;
const LENGTHS: [usize; 12] = [2, 17, 40, 84, 95, 96, 100, 128, 250, 600, 1000, 1200];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let (heard_tx, heard) = channel();
    let (socket, ours) = wpan::open("wpan1")?;
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    thread::spawn(move || serve(&socket, ours, &heard_tx));
    let scope = if_nametoindex("lowpan0")?;
    let kernel = UdpSocket::bind("[::]:1883")?;
    kernel.set_read_timeout(Some(ANSWER_WITHIN))?;
    // What goes to everybody would come to its own sender, too.
    kernel.set_multicast_loop_v6(false)?;
    let hub = SocketAddrV6::new(link_local(ours), PORT, 0, scope);
    for len in LENGTHS {
        exchange(&kernel, &heard, hub, len)?;
    }
    let everybody = SocketAddrV6::new(ALL_NODES, PORT, 0, scope);
    exchange(&kernel, &heard, everybody, 3).context("to ff02::1")?;
    println!("all exchanges passed");
    Ok(())
}

/// One datagram from the kernel's socket to the hub and back.
fn exchange(kernel: &UdpSocket, heard: &Receiver<Vec<u8>>, to: SocketAddrV6, len: usize) -> Result<()> {
    let sent: Vec<u8> = (0..len).map(|i| (i * 5 + len) as u8).collect();
    let started = Clock::now();
    kernel.send_to(&sent, to).with_context(|| format!("{len} octets: sending"))?;
    let up = heard.recv_timeout(ANSWER_WITHIN).with_context(|| format!("{len} octets: not heard by the hub"))?;
    ensure!(up == sent, "{len} octets: the hub heard something else");
    let mut buffer = [0; 2048];
    let (answer_len, from) = kernel.recv_from(&mut buffer).with_context(|| format!("{len} octets: no answer"))?;
    ensure!(buffer[..answer_len] == sent, "{len} octets: the answer is something else");
    println!("{len:4} octets to {} and back from {} in {:?}", to.ip(), from.ip(), started.elapsed());
    Ok(())
}

/// The hub's driver: everything that it hears goes back as it came, to one or to all.
fn serve(mut socket: &Socket, ours: Eui64, heard: &Sender<Vec<u8>>) -> Result<()> {
    let station = Station { eui64: ours, pan: 0xABCD, short: None, security: None };
    let config = Config { station, carriages: Carriages::Both(PORT), fragment: true, limits: Limits::DEFAULT };
    let mut hub = Hub::new(config, NoKeys, 0)?;
    let start = Clock::now();
    let mut frame = [0; 256];
    loop {
        let len = match socket.read(&mut frame) {
            Ok(len) => len,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(error) => return Err(error.into()),
        };
        let now = Instant::from_micros(start.elapsed().as_micros() as u64);
        hub.handle_timeout(now);
        if len > 0 {
            answer(&mut hub, now, &frame[..len], heard)?;
        }
        while let Some(transmit) = hub.poll_transmit() {
            socket.send(transmit.psdu.as_bytes())?;
            hub.handle_transmitted(now, transmit.id, Ok(Ack::default()));
            // The emulated radio takes one frame at a time.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn answer(hub: &mut Hub<NoKeys>, now: Instant, frame: &[u8], heard: &Sender<Vec<u8>>) -> Result<()> {
    match hub.handle_frame(now, frame, Signal::default()) {
        Received::Datagram { from, to_all, octets, .. } => {
            let octets = octets.to_vec();
            heard.send(octets.clone())?;
            if to_all { hub.broadcast(now, &octets) } else { hub.send(now, from, &octets) }?;
        }
        Received::Solicitation { from } => println!("neighbour solicitation from {from}"),
        Received::Fragment { .. } | Received::DataRequest { .. } | Received::Neighbour { .. } => {}
        // The kernel says more than we want to know, as reports of its multicast groups.
        Received::Rejected { reason, .. } => println!("not taken: {reason}"),
    }
    Ok(())
}
