//! The node's firmware on an emulated chip, its serial line bridged to the gateway's UDP port.

use crate::{Gateway, PATIENCE, Process, release_dir, root};
use sn_codec::{MsgType, decode};
use std::env;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the node.
    Up,
    /// To the node.
    Down,
}

type Passed = (Way, MsgType);

/// A board with a Cortex-M4 that runs the image. It ends when this value is dropped.
#[derive(Debug)]
pub struct EmulatedNode {
    process: Process,
    gateway: Arc<Mutex<SocketAddr>>,
    passed: Receiver<Passed>,
}

impl EmulatedNode {
    /// Switches the board on.
    ///
    /// # Panics
    /// If the image does not build or the machine has no loopback.
    #[must_use]
    pub fn start(gateway: &Gateway) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let process = Process::start(qemu(image(), port));
        let (line, _) = listener.accept().expect("QEMU connects its serial line");
        let gateway = Arc::new(Mutex::new(gateway.udp));
        let (tell, passed) = channel();
        bridge(line, &gateway, tell);
        Self { process, gateway, passed }
    }

    /// From now on the node reaches this gateway, and no longer the one before.
    ///
    /// # Panics
    /// If the bridge has failed.
    pub fn move_to(&self, gateway: &Gateway) {
        *self.gateway.lock().expect("no thread panics while it holds this") = gateway.udp;
    }

    /// Waits for a message of this type; returns it and all that have passed before it, since the last call.
    ///
    /// # Panics
    /// If it does not come.
    pub fn expect(&mut self, way: Way, msg_type: MsgType) -> Vec<Passed> {
        let mut seen = Vec::new();
        while seen.last() != Some(&(way, msg_type)) {
            match self.passed.recv_timeout(PATIENCE) {
                Ok(passed) => seen.push(passed),
                Err(error) => panic!("no {msg_type} {way:?}: {error}. Before: {seen:?}"),
            }
        }
        seen
    }
}

impl Drop for EmulatedNode {
    /// A panic on the chip ends the emulator.
    fn drop(&mut self) {
        let is_running = self.process.is_running();
        if thread::panicking() {
            eprintln!("The emulated node printed:\n{}", self.process.lines().join("\n"));
        } else {
            assert!(is_running, "the emulated node ended by itself:\n{}", self.process.lines().join("\n"));
        }
    }
}

/// The image, built by the first call.
fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        const CHIP: &str = "thumbv7em-none-eabihf";
        let target_dir = release_dir().with_file_name("firmware");
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--release", "--quiet", "--package", "node-mps2", "--target", CHIP]);
        build.env("CARGO_TARGET_DIR", &target_dir).current_dir(root().join("firmware-node"));
        let status = build.status().expect("cargo starts");
        assert!(status.success(), "building the firmware: {status}");
        target_dir.join(CHIP).join("release/node-mps2")
    })
}

fn qemu(image: &Path, port: u16) -> Command {
    let mut qemu = Command::new("qemu-system-arm");
    qemu.args(["-M", "mps2-an386", "-nodefaults", "-display", "none", "-monitor", "none"]);
    qemu.args(["-semihosting-config", "enable=on,target=native"]);
    qemu.args(["-serial", &format!("tcp:127.0.0.1:{port},nodelay=on")]).arg("-kernel").arg(image);
    qemu
}

/// Carries datagrams between the serial line and the gateway until the line ends.
fn bridge(line: TcpStream, gateway: &Arc<Mutex<SocketAddr>>, tell: Sender<Passed>) {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    let (to_gateway, mut to_node) = (udp.try_clone().expect("it is open"), line.try_clone().expect("it is open"));
    let (gateway, tell_up) = (Arc::clone(gateway), tell.clone());
    thread::spawn(move || {
        for_each_frame(line, |datagram| {
            note(&tell_up, Way::Up, datagram);
            let gateway = *gateway.lock().expect("no thread panics while it holds this");
            // Who has been killed does not get it.
            let _ = to_gateway.send_to(datagram, gateway);
        });
    });
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while let Ok((len, _)) = udp.recv_from(&mut buffer) {
            note(&tell, Way::Down, &buffer[..len]);
            if to_node.write_all(&framed(&buffer[..len])).is_err() {
                break;
            }
        }
    });
}

fn note(tell: &Sender<Passed>, way: Way, datagram: &[u8]) {
    let message = decode(datagram).unwrap_or_else(|error| panic!("{way:?} {datagram:02X?}: {error}"));
    // Nobody listens when the test is over.
    let _ = tell.send((way, message.msg_type()));
}

// SLIP (RFC 1055), not by the firmware's code: a mistake there would cancel out.

fn framed(datagram: &[u8]) -> Vec<u8> {
    let escaped = datagram.iter().flat_map(|octet| match octet {
        0xC0 => vec![0xDB, 0xDC],
        0xDB => vec![0xDB, 0xDD],
        plain => vec![*plain],
    });
    [0xC0].into_iter().chain(escaped).chain([0xC0]).collect()
}

/// Hands on what comes between two ENDs, unless it is empty.
fn for_each_frame(line: TcpStream, mut then: impl FnMut(&[u8])) {
    let mut frame = Vec::new();
    let mut is_escaped = false;
    for octet in BufReader::new(line).bytes().map_while(Result::ok) {
        match octet {
            0xC0 if frame.is_empty() => {}
            0xC0 => then(&std::mem::take(&mut frame)),
            0xDB => is_escaped = true,
            plain if !is_escaped => frame.push(plain),
            escaped => {
                frame.push(if escaped == 0xDC { 0xC0 } else { 0xDB });
                is_escaped = false;
            }
        }
    }
}
