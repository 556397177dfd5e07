//! A daemon on free ports, and clients that speak raw octets to it.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod durable;
pub(crate) mod line;
pub(crate) mod mosquitto;
pub(crate) mod scrape;
pub(crate) mod steady;
pub(crate) mod tap;
pub(crate) mod tls;
pub(crate) mod web_socket;
pub(crate) mod xbee;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what must come. Only one that fails waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long it listens where nothing must come.
const SILENCE: Duration = Duration::from_millis(200);

/// The program.
pub(crate) fn sn_gateway() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sn-gateway"))
}

/// A running gateway; it is killed when the test is over.
pub(crate) struct Daemon {
    child: Child,
    /// What it printed when it had started.
    pub(crate) lines: Vec<String>,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    /// Starts `sn-gateway run` on free ports of 127.0.0.1, with more arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        let ports = ["--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
        Self::start_as_told(&[&ports, args].concat())
    }

    /// Starts `sn-gateway run` with these arguments and waits until it listens. Without `--data` all is in memory.
    pub(crate) fn start_as_told(args: &[&str]) -> Self {
        Self::start_by(sn_gateway(), args)
    }

    /// The same by a command that becomes the program.
    pub(crate) fn start_by(mut command: Command, args: &[&str]) -> Self {
        command.arg("run").args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !args.iter().any(|arg| ["--data", "--in-memory"].contains(arg)) {
            command.arg("--in-memory");
        }
        let mut child = command.spawn().expect("the gateway starts");
        let log = Arc::<Mutex<String>>::default();
        collect(child.stderr.take().expect("a pipe"), log.clone());
        let lines = start_up_lines(&mut child);
        let daemon = Self { child, lines, log };
        assert!(!daemon.lines.is_empty(), "the gateway did not start: {}", daemon.log());
        daemon
    }

    /// Where it listens for MQTT-SN.
    pub(crate) fn udp(&self) -> SocketAddr {
        self.address("MQTT-SN on udp://")
    }

    /// Where it listens for MQTT.
    pub(crate) fn mqtt(&self) -> SocketAddr {
        self.address("MQTT on mqtt://")
    }

    /// Where it listens for MQTT over TLS.
    pub(crate) fn mqtts(&self) -> SocketAddr {
        self.address("MQTT on mqtts://")
    }

    /// Where it listens for MQTT over WebSocket.
    pub(crate) fn ws(&self) -> SocketAddr {
        self.address("MQTT on ws://")
    }

    /// The same within TLS.
    pub(crate) fn wss(&self) -> SocketAddr {
        self.address("MQTT on wss://")
    }

    /// Where its metrics are read.
    pub(crate) fn metrics(&self) -> SocketAddr {
        let url = self.lines.iter().find_map(|line| line.strip_prefix("Metrics on http://")).expect("metrics");
        url.trim_end_matches("/metrics").parse().expect("an address")
    }

    fn address(&self, prefix: &str) -> SocketAddr {
        let addr = self.lines.iter().find_map(|line| line.strip_prefix(prefix)).expect(prefix);
        let addr = addr.split('/').next().unwrap_or_default();
        addr.parse().expect("an address")
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Waits until the log contains `text`.
    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_until(&format!("`{text}` in the log"), || self.log().contains(text));
    }

    /// Sends a signal, by its name as kill(1) has it.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, signal).expect("the gateway still runs");
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it stand still until it gets SIGCONT.
    pub(crate) fn stop(&self) {
        self.signal(nix::sys::signal::Signal::SIGSTOP);
        let status = format!("/proc/{}/status", self.child.id());
        wait_until("it to stand still", || std::fs::read_to_string(&status).expect("it runs").contains("State:\tT"));
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the gateway's end", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("just seen")
    }

    /// Resident memory, in kB.
    pub(crate) fn rss_kb(&self) -> u64 {
        self.status_kb("VmRSS:")
    }

    /// A line of `/proc/PID/status`, in kB.
    pub(crate) fn status_kb(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Processor time that its threads have used so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let used = threads.map(|thread| {
            let schedstat = thread.expect("a thread").path().join("schedstat");
            let text = std::fs::read_to_string(schedstat).expect("the kernel keeps account");
            text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).expect("a number")
        });
        Duration::from_nanos(used.sum())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the gateway's log\n{}", self.log());
        }
    }
}

/// Reads what the gateway prints until it has said all.
fn start_up_lines(child: &mut Child) -> Vec<String> {
    let mut lines = Vec::new();
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    for line in stdout.lines().map_while(Result::ok) {
        let last = line == "Ready.";
        lines.push(line);
        if last {
            break;
        }
    }
    lines
}

fn collect(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = into.lock().expect("the log");
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// A port of 127.0.0.1, UDP and TCP, for a server that comes back to it or cannot choose one by itself. It is below those that
/// the system gives out: any socket of another test may have one of these as soon as nobody listens there.
pub(crate) fn own_port() -> u16 {
    // Campaigns have those above.
    const PORTS: std::ops::Range<u16> = 10_000..20_000;
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let first = std::process::id().wrapping_mul(61) % u32::from(PORTS.end - PORTS.start);
    let of_this_process = |asked: u16| PORTS.start + (first as u16 + asked) % (PORTS.end - PORTS.start);
    let is_free = |port: &u16| {
        let wildcards = [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()];
        // Without IPv6 there is nobody in its way.
        let is_taken = |error: std::io::Error| error.kind() == ErrorKind::AddrInUse;
        !wildcards.iter().any(|ip| TcpListener::bind((*ip, *port)).is_err_and(is_taken))
            && !wildcards.iter().any(|ip| UdpSocket::bind((*ip, *port)).is_err_and(is_taken))
    };
    // Other tests may run at the same time: a name of this port is kept until the process ends.
    let is_ours = |port: &u16| {
        let name = unix::net::SocketAddr::from_abstract_name(format!("sn-gateway's tests: port {port}"));
        UnixListener::bind_addr(&name.expect("a name")).map(std::mem::forget).is_ok()
    };
    let mut ports = (0..1_000).map(|_| of_this_process(ASKED.fetch_add(1, Ordering::Relaxed)));
    ports.find(|port| is_ours(port) && is_free(port)).expect("a port")
}

/// Waits until `condition` is true.
pub(crate) fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_until_for(PATIENCE, what, condition);
}

/// The same with another patience.
pub(crate) fn wait_until_for(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < patience, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// An MQTT-SN client that sends and expects whole datagrams.
pub(crate) struct Sn(UdpSocket);

impl Sn {
    /// A client that has not said anything yet.
    pub(crate) fn new(gateway: SocketAddr) -> Self {
        let socket = UdpSocket::bind(SocketAddr::new(gateway.ip(), 0)).expect("a socket");
        socket.connect(gateway).expect("connect");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self(socket)
    }

    /// A client with a clean session and a keep-alive of `keep_alive_s`, connected.
    pub(crate) fn connect(gateway: SocketAddr, client_id: &str, keep_alive_s: u8) -> Self {
        let client = Self::new(gateway);
        let len = 6 + client_id.len() as u8;
        client.send(&[&[len, 0x04, 0x04, 0x01, 0, keep_alive_s], client_id.as_bytes()].concat());
        client.expect(&[3, 0x05, 0]);
        client
    }

    /// Sends a datagram.
    pub(crate) fn send(&self, datagram: &[u8]) {
        self.0.send(datagram).expect("send");
    }

    /// Receives a datagram.
    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        loop {
            match self.0.recv(&mut buffer) {
                Ok(len) => return buffer[..len].to_vec(),
                // A process that had to stand still goes on like this.
                Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "no datagram from the gateway: {error}"),
            }
        }
    }

    /// Receives exactly this datagram.
    #[track_caller]
    pub(crate) fn expect(&self, datagram: &[u8]) {
        assert_eq!(self.receive(), datagram);
    }

    /// Receives a datagram, if one comes within a moment.
    pub(crate) fn receive_soon(&self) -> Option<Vec<u8>> {
        self.0.set_read_timeout(Some(SILENCE)).expect("a timeout");
        let mut buffer = [0; 2_048];
        let received = self.0.recv(&mut buffer).ok().map(|len| buffer[..len].to_vec());
        self.0.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        received
    }

    /// Receives nothing for a moment.
    #[track_caller]
    pub(crate) fn expect_silence(&self) {
        assert_eq!(self.receive_soon(), None, "nothing should have come");
    }

    /// Registers a topic name and answers its id.
    pub(crate) fn register(&self, topic: &str) -> [u8; 2] {
        let len = 6 + topic.len() as u8;
        self.send(&[&[len, 0x0A, 0, 0, 0x77, 0x01], topic.as_bytes()].concat());
        match self.receive()[..] {
            [7, 0x0B, hi, lo, 0x77, 0x01, 0] => [hi, lo],
            ref other => panic!("no REGACK: {other:02x?}"),
        }
    }

    /// Subscribes to a topic name at `qos` and answers its id.
    pub(crate) fn subscribe(&self, topic: &str, qos: u8) -> [u8; 2] {
        let len = 5 + topic.len() as u8;
        self.send(&[&[len, 0x12, qos << 5, 0x55, 0x01], topic.as_bytes()].concat());
        match self.receive()[..] {
            [8, 0x13, flags, hi, lo, 0x55, 0x01, 0] if flags == qos << 5 => [hi, lo],
            ref other => panic!("no SUBACK: {other:02x?}"),
        }
    }
}

/// An MQTT client that sends and expects octets, over TCP or what is built on it.
pub(crate) struct Mqtt<S = TcpStream>(pub(crate) S);

impl Mqtt {
    /// A connection on which nothing has been said yet.
    pub(crate) fn new(gateway: SocketAddr) -> Self {
        let stream = TcpStream::connect(gateway).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self(stream)
    }

    /// A client with a clean session, connected.
    pub(crate) fn connect(gateway: SocketAddr, client_id: &str) -> Self {
        let mut client = Self::new(gateway);
        client.say_connect(client_id);
        client
    }

    /// Breaks the connection without DISCONNECT.
    pub(crate) fn vanish(self) {
        self.0.shutdown(Shutdown::Both).expect("still open");
    }
}

impl<S: Read + Write> Mqtt<S> {
    /// Connects with a clean session.
    pub(crate) fn say_connect(&mut self, client_id: &str) {
        self.send(&connect_packet(client_id, 0x02, &[]));
        self.expect(&[0x20, 2, 0, 0]);
    }

    /// Sends octets.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("send");
    }

    /// Receives exactly these octets.
    #[track_caller]
    pub(crate) fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        self.0.read_exact(&mut got).expect("octets from the gateway");
        assert_eq!(got, bytes, "{got:02x?}");
    }

    /// The gateway closes, without another octet.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        assert_eq!(rest, [0; 0]);
    }

    /// Subscribes at `qos`.
    pub(crate) fn subscribe(&mut self, filter: &str, qos: u8) {
        let len = filter.len() as u8;
        self.send(&[&[0x82, 5 + len, 0, 1, 0, len], filter.as_bytes(), &[qos]].concat());
        self.expect(&[0x90, 3, 0, 1, qos]);
    }

    /// Receives a PUBLISH of QoS 0: its topic and its payload.
    #[track_caller]
    pub(crate) fn receive_publish(&mut self) -> (String, String) {
        self.publish_before_pingresp().expect("a PUBLISH, not PINGRESP")
    }

    /// The same, or none if it is a PINGRESP.
    #[track_caller]
    pub(crate) fn publish_before_pingresp(&mut self) -> Option<(String, String)> {
        let [kind, len] = self.octets();
        if [kind, len] == [0xD0, 0] {
            return None;
        }
        assert!(matches!(kind, 0x30 | 0x31) && len < 0x80, "no short PUBLISH of QoS 0: {kind:02x} {len:02x}");
        let mut body = vec![0; len.into()];
        self.0.read_exact(&mut body).expect("octets from the gateway");
        let text = String::from_utf8(body.split_off(2)).expect("text");
        let (topic, payload) = text.split_at(body[1].into());
        Some((topic.to_owned(), payload.to_owned()))
    }

    fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut got = [0; N];
        self.0.read_exact(&mut got).expect("octets from the gateway");
        got
    }
}

/// CONNECT with a keep-alive of 60 s; `tail` is the will.
pub(crate) fn connect_packet(client_id: &str, flags: u8, tail: &[u8]) -> Vec<u8> {
    let len = (12 + client_id.len() + tail.len()) as u8;
    let id_len = client_id.len() as u8;
    [&[0x10, len], &b"\x00\x04MQTT\x04"[..], &[flags, 0, 60, 0, id_len], client_id.as_bytes(), tail].concat()
}

/// PUBLISH; `id` is none at QoS 0. `flags` are DUP, QoS and RETAIN as in the first octet.
pub(crate) fn publish_packet(flags: u8, topic: &str, id: Option<[u8; 2]>, payload: &[u8]) -> Vec<u8> {
    let id = id.map(Vec::from).unwrap_or_default();
    let mut len = 2 + topic.len() + id.len() + payload.len();
    let mut packet = vec![0x30 | flags];
    while len >= 0x80 {
        packet.push(len as u8 | 0x80);
        len >>= 7;
    }
    packet.extend([len as u8, 0, topic.len() as u8]);
    [&packet, topic.as_bytes(), &id, payload].concat()
}
