//! What passes a transport, captured while the gateway runs.

mod common;

use common::line::LineNode;
use common::{Daemon, Sn, sn_gateway, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcap_file::pcapng::{Block, PcapNgReader};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A gateway with UDP and a serial line named "garden".
struct Bench {
    gateway: Daemon,
    device: PathBuf,
    dir: TempDir,
}

impl Bench {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (device, config) = (dir.path().join("device"), dir.path().join("gw.toml"));
        let text = format!(
            "[store]\ndata = {:?}\n[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n\
             [[transport]]\nkind = \"serial\"\nname = \"garden\"\nframing = \"slip\"\ndevice = {device:?}\n",
            dir.path().join("data"),
        );
        fs::write(&config, text).expect("a file");
        let data = dir.path().join("data");
        let [config, data] = [&config, &data].map(|path| path.to_str().expect("a path in UTF-8"));
        let gateway = Daemon::start_as_told(&["--config", config, "--mqtt", "127.0.0.1:0", "--data", data]);
        Self { gateway, device, dir }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = sn_gateway();
        command.arg("capture").args(args).arg("--data").arg(self.dir.path().join("data"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("it.pcapng")
    }

    /// A capture of `transport` into [`Bench::file`] that has begun.
    fn capture(&self, transport: &str, args: &[&str]) -> Capture {
        let file = self.file();
        let into = ["-t", transport, "-w", file.to_str().expect("a path in UTF-8")];
        Capture::begin(self.command(&[&into, args].concat()))
    }

    /// Runs a capture that is refused.
    fn refused(&self, transport: &str) -> String {
        let output = self.command(&["-t", transport, "-w", "/dev/null"]).output().expect("it ends");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("text")
    }
}

/// A running `sn-gateway capture`.
struct Capture {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Capture {
    fn begin(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        assert!(line.starts_with("Capturing "), "{line}");
        Self { child, said }
    }

    fn interrupt(&self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT).expect("it runs");
    }

    /// Waits for the end, and answers what it said then.
    fn end(mut self) -> String {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        assert!(self.child.wait().expect("it ends").success(), "{rest}");
        rest
    }
}

/// The frames of a file, its interface's name, and how many frames it says to miss.
fn read(octets: &[u8]) -> (Vec<Vec<u8>>, String, Option<u64>) {
    let mut reader = PcapNgReader::new(octets).expect("a pcapng file");
    let (mut frames, mut name, mut missed) = (Vec::new(), String::new(), None);
    while let Some(block) = reader.next_block() {
        let text = format!("{block:?}");
        match block.expect("a whole block") {
            Block::EnhancedPacket(packet) => frames.push(packet.data.into_owned()),
            Block::InterfaceDescription(_) => name = text,
            Block::InterfaceStatistics(_) => {
                let number = text.split_once("IsbIfDrop(").expect("a number").1.split_once(')').expect("its end").0;
                missed = number.parse().ok();
            }
            _ => {}
        }
    }
    (frames, name, missed)
}

/// What is in UDP over IPv4, and over IPv6.
fn payload(frame: &[u8]) -> &[u8] {
    let udp = if frame[12..14] == [0x08, 0x00] { 14 + 20 } else { 14 + 40 };
    &frame[udp + 8..]
}

const PINGREQ: &[u8] = &[2, 0x16];
const PINGRESP: &[u8] = &[2, 0x17];

#[test]
fn frames_of_both_directions_are_in_the_file_and_ctrl_c_ends_it() {
    let bench = Bench::start();
    let node = Sn::connect(bench.gateway.udp(), "node", 60);
    let capture = bench.capture("udp-0", &[]);
    for _ in 0..3 {
        node.send(PINGREQ);
        node.expect(PINGRESP);
    }
    capture.interrupt();
    let said = capture.end();
    assert!(said.ends_with("it.pcapng: 6 frames, none missed\n"), "{said}");
    let (frames, name, missed) = read(&fs::read(bench.file()).expect("the file"));
    assert_eq!(frames.iter().map(|frame| payload(frame)).collect::<Vec<_>>(), [PINGREQ, PINGRESP].repeat(3));
    assert!(name.contains("udp-0"), "{name}");
    assert_eq!(missed, Some(0));
}

#[test]
fn a_line_is_captured_by_its_name_until_the_count_is_reached() {
    let bench = Bench::start();
    bench.gateway.wait_for_log("link down");
    let mut line = LineNode::plug(&bench.device);
    wait_until("the device", || bench.gateway.log().contains("link up"));
    line.expect(&[5, 0, 1, 3, 0x84]);
    let capture = bench.capture("garden", &["--count", "2"]);
    line.send(b"\x0a\x04\x04\x01\x00\x3cline");
    line.expect(&[3, 5, 0]);
    assert!(capture.end().ends_with("2 frames, none missed\n"));
    let (frames, ..) = read(&fs::read(bench.file()).expect("the file"));
    assert_eq!(payload(&frames[0]), b"\x0a\x04\x04\x01\x00\x3cline");
    assert_eq!(payload(&frames[1]), [3, 5, 0]);
}

#[test]
fn after_some_seconds_it_ends_by_itself() {
    let bench = Bench::start();
    let capture = bench.capture("udp-0", &["--seconds", "1"]);
    assert!(capture.end().ends_with("0 frames, none missed\n"));
}

#[test]
fn a_wrong_name_and_a_second_capture_are_refused_and_other_questions_answered() {
    let bench = Bench::start();
    let said = bench.refused("udp");
    assert!(said.contains("there is no transport \"udp\"; there are udp-0, garden"), "{said}");
    let first = bench.capture("udp-0", &[]);
    assert!(bench.refused("udp-0").contains("somebody captures \"udp-0\" already"));
    let listed = sn_gateway().args(["sessions", "list", "--data"]).arg(bench.dir.path().join("data")).output();
    assert!(listed.expect("it ends").status.success());
    first.interrupt();
    first.end();
    // Who is killed leaves the place, too.
    let mut second = bench.capture("udp-0", &[]);
    second.child.kill().expect("it runs");
    second.child.wait().expect("it ends");
    wait_until("the place to be free", || {
        let mut third =
            bench.command(&["-t", "udp-0", "-w", "/dev/null", "--seconds", "1"]).spawn().expect("it starts");
        third.wait().expect("it ends").success()
    });
}

#[test]
fn while_nobody_reads_a_second_ctrl_c_ends_it() {
    let bench = Bench::start();
    let node = Sn::connect(bench.gateway.udp(), "node", 60);
    let mut capture = Capture::begin(bench.command(&["-t", "udp-0", "-w", "-"]));
    // More than a pipe takes.
    for _ in 0..200 {
        node.send(&[&[1, 4, 0x40, 0x1D][..], &[0; 1_084]].concat());
        node.send(PINGREQ);
        assert_eq!(node.receive(), PINGRESP);
    }
    let mut end = None;
    wait_until("the end", || {
        capture.interrupt();
        end = capture.child.try_wait().expect("a child");
        end.is_some()
    });
    assert_eq!(end.and_then(|status| status.code()), Some(1));
}

#[test]
fn a_reader_that_is_too_slow_misses_frames_and_is_told_how_many_and_the_gateway_goes_on() {
    let bench = Bench::start();
    let node = Sn::connect(bench.gateway.udp(), "node", 60);
    let mut capture = Capture::begin(bench.command(&["-t", "udp-0", "-w", "-"]));
    // Of which nothing is read for now: pipe, socket and queue fill up.
    let filler = [&[1, 4, 0x40, 0x1D][..], &[0; 1_084]].concat();
    for round in 0..40 {
        (0..300).for_each(|_| node.send(&filler));
        node.send(PINGREQ);
        assert_eq!(node.receive(), PINGRESP, "round {round}");
    }
    let mut stdout = capture.child.stdout.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut octets = Vec::new();
        stdout.read_to_end(&mut octets).map(|_| octets)
    });
    capture.interrupt();
    let said = capture.end();
    let octets = reader.join().expect("it ends").expect("octets");
    let (frames, _, missed) = read(&octets);
    assert!(missed.expect("it is said") > 0);
    assert!(said.contains(&format!("{} frames, {} MISSED", frames.len(), missed.expect("it is said"))), "{said}");
}
