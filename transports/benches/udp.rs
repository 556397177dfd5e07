//! How fast a gateway's one thread can take datagrams in and send answers to many peers, three ways.
//!
//! A thread with 50 sockets keeps one datagram each in flight, as 50 clients with window 1 do; the server echoes. What
//! counts is the server's own processor time, since the load may be slower than the server. With
//! `recv_from`/`send_to` that is one system call per datagram; quinn-udp receives in batches and sends one datagram
//! per call, since its segmentation offload serves one destination only; [`UdpTransport`] batches both.
//!
//! `cargo bench -p transports`, medians of five runs on two shared cores, echoes per second of processor time:
//!
//! | | |
//! |---|---|
//! | recv_from, send_to | 144,000 |
//! | quinn-udp | 143,000 |
//! | UdpTransport | 186,000 |

use nix::time::{ClockId, clock_gettime};
use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use transports::{Transport, UdpConfig, UdpTransport};

const CLIENTS: usize = 50;
const RUN: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(runtime.block_on(one_by_one()));
        rates[1].push(runtime.block_on(with_quinn()));
        rates[2].push(runtime.block_on(with_transport()));
    }
    for (name, mut rates) in ["recv_from, send_to", "quinn-udp", "UdpTransport"].into_iter().zip(rates) {
        rates.sort_by(f64::total_cmp);
        println!("{name:<20} {:>9.0} echoes per CPU second", rates[ROUNDS / 2]);
    }
}

/// The load: one thread that sends and receives for all clients until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Load {
    fn start(server: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        Self { stop, thread: std::thread::spawn(move || play_clients(server, &stopped)) }
    }

    fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the load ends well");
    }
}

/// This thread's processor time at some point.
struct Cpu(Duration);

impl Cpu {
    fn now() -> Self {
        Self(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock").into())
    }

    fn elapsed(&self) -> f64 {
        (Self::now().0 - self.0).as_secs_f64()
    }
}

fn play_clients(server: SocketAddr, stopped: &AtomicBool) {
    let clients: Vec<UdpSocket> = (0..CLIENTS).map(|_| UdpSocket::bind(LOOPBACK).expect("a socket")).collect();
    for client in &clients {
        client.connect(server).expect("connect");
        client.set_nonblocking(true).expect("non-blocking");
        client.send(&[1; 24]).expect("send");
    }
    let mut buffer = [0; 64];
    while !stopped.load(Ordering::Relaxed) {
        for client in &clients {
            if client.recv(&mut buffer).is_ok() {
                let _ = client.send(&[1; 24]);
            }
        }
        std::thread::yield_now();
    }
}

async fn one_by_one() -> f64 {
    let socket = tokio::net::UdpSocket::bind(LOOPBACK).await.expect("bind");
    let load = Load::start(socket.local_addr().expect("bound"));
    let (start, cpu, mut count) = (Instant::now(), Cpu::now(), 0u64);
    let mut buffer = [0; 2048];
    while start.elapsed() < RUN {
        socket.readable().await.expect("readable");
        while let Ok((len, from)) = socket.try_recv_from(&mut buffer) {
            let _ = socket.try_send_to(&buffer[..len], from);
            count += 1;
        }
    }
    let rate = count as f64 / cpu.elapsed();
    load.finish();
    rate
}

async fn with_quinn() -> f64 {
    let socket = tokio::net::UdpSocket::bind(LOOPBACK).await.expect("bind");
    let state = quinn_udp::UdpSocketState::new((&socket).into()).expect("state");
    let load = Load::start(socket.local_addr().expect("bound"));
    let (start, cpu, mut count) = (Instant::now(), Cpu::now(), 0u64);
    let mut buffer = vec![0; 2048 * state.gro_segments() * quinn_udp::BATCH_SIZE];
    let slot = buffer.len() / quinn_udp::BATCH_SIZE;
    let mut meta = [quinn_udp::RecvMeta::default(); quinn_udp::BATCH_SIZE];
    while start.elapsed() < RUN {
        socket.readable().await.expect("readable");
        while let Ok(received) = quinn_receive(&socket, &state, &mut buffer, slot, &mut meta) {
            for (slot, meta) in buffer.chunks_exact(slot).zip(&meta[..received]) {
                for datagram in slot[..meta.len].chunks(meta.stride) {
                    let answer = quinn_udp::Transmit {
                        destination: meta.addr,
                        ecn: None,
                        contents: datagram,
                        segment_size: None,
                        src_ip: None,
                    };
                    let _ = state.try_send((&socket).into(), &answer);
                    count += 1;
                }
            }
        }
    }
    let rate = count as f64 / cpu.elapsed();
    load.finish();
    rate
}

fn quinn_receive(
    socket: &tokio::net::UdpSocket,
    state: &quinn_udp::UdpSocketState,
    buffer: &mut [u8],
    slot: usize,
    meta: &mut [quinn_udp::RecvMeta; quinn_udp::BATCH_SIZE],
) -> io::Result<usize> {
    let mut slots = buffer.chunks_exact_mut(slot);
    let mut slices: [IoSliceMut<'_>; quinn_udp::BATCH_SIZE] =
        std::array::from_fn(|_| IoSliceMut::new(slots.next().expect("as many slots as slices")));
    socket.try_io(tokio::io::Interest::READABLE, || state.recv(socket.into(), &mut slices, meta))
}

async fn with_transport() -> f64 {
    let config =
        UdpConfig { listen: LOOPBACK, only_v6: false, mtu: 2_048, mtu_behind_forwarders: 2_048, multicast: None };
    let mut transport = UdpTransport::bind(sn_types::TransportId(0), &config).expect("bind");
    let load = Load::start(transport.local_addr());
    let (start, cpu, mut count) = (Instant::now(), Cpu::now(), 0u64);
    let mut answers = Vec::new();
    while start.elapsed() < RUN {
        poll_fn(|cx| transport.poll_recv(cx)).await.expect("receive");
        answers.extend(transport.received().iter().map(|(from, bytes)| (from, bytes.to_vec())));
        count += answers.len() as u64;
        for (to, datagram) in answers.drain(..) {
            transport.queue(&to, datagram);
        }
        transport.flush();
    }
    let rate = count as f64 / cpu.elapsed();
    load.finish();
    rate
}
