//! The command line's end: `sn-gateway capture`.

use crate::admin::client::{ask, unexpected};
use crate::admin::protocol::{Answer, Request};
use anyhow::Context;
use pcap_file::PcapError;
use pcap_file::pcapng::blocks::interface_statistics::InterfaceStatisticsOption;
use pcap_file::pcapng::{Block, PcapNgParser};
use std::fs::{File, OpenOptions};
use std::future;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;
use std::{process, thread};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What to capture, and where to.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// The transport's name.
    pub transport: &'a str,
    /// The file; `-` is standard output.
    pub file: &'a Path,
    /// Ends the capture after so many frames.
    pub count: Option<u64>,
    /// Ends the capture after so long.
    pub time: Option<Duration>,
}

/// What a capture has brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    frames: u64,
    /// As the gateway says it at the end; `None`: it has not said it.
    missed: Option<u64>,
}

/// Captures until Ctrl-C, SIGTERM, or what the wish says. Answers with what is to be said of it.
///
/// # Errors
/// No gateway runs on the directory `data`, it has no such transport, somebody captures there already, or the file
/// cannot be written.
pub fn capture(data: &Path, wish: &Wish<'_>) -> anyhow::Result<String> {
    let request = Request::Capture { transport: wish.transport.into(), count: wish.count };
    let (answer, rest) = ask(data, &request)?;
    match answer {
        Answer::Capture => {}
        other => return unexpected(other),
    }
    let mut out = Out::open(wish.file).with_context(|| format!("cannot write {}", wish.file.display()))?;
    // What came with the answer is the beginning of the file.
    let begun = rest.buffer().to_vec();
    let stream = rest.into_inner();
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tally = runtime.block_on(async {
        let stream = UnixStream::from_std(stream)?;
        let end = end(wish.time)?;
        eprintln!("Capturing {}; Ctrl-C ends it.", wish.transport);
        copy(begun, stream, &mut out, end).await
    });
    tally.map(|tally| tally.describe(wish)).with_context(|| format!("cannot write {}", wish.file.display()))
}

/// Copies the file, and looks at what passes.
async fn copy(
    begun: Vec<u8>,
    mut stream: UnixStream,
    out: &mut Out,
    end: impl Future<Output = ()>,
) -> anyhow::Result<Tally> {
    let mut blocks = Blocks::default();
    blocks.take(&begun)?;
    out.write_all(&begun)?;
    let mut octets = vec![0; 64 << 10];
    let mut end = pin!(end);
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            () = &mut end, if !is_ending => {
                is_ending = true;
                stream.shutdown().await?;
            }
            len = stream.read(&mut octets) => match len? {
                0 => return Ok(blocks.tally),
                len => {
                    blocks.take(&octets[..len])?;
                    out.write_all(&octets[..len])?;
                }
            },
        }
    }
}

/// Waits, from now on, until the capture is to end.
fn end(time: Option<Duration>) -> io::Result<impl Future<Output = ()>> {
    let signals = signals()?;
    let over = async move {
        match time {
            Some(time) => tokio::time::sleep(time).await,
            None => future::pending().await,
        }
    };
    Ok(async move {
        tokio::select! {
            _ = signals => {}
            () = over => {}
        }
    })
}

/// Waits, from now on, for Ctrl-C or SIGTERM; a second one ends the process. Both are waited for in a thread: who reads our
/// output may let us wait in the middle of a write.
fn signals() -> io::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (first, is_there) = oneshot::channel();
    let (mut interrupt, mut terminate) = {
        let _runtime = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut next = async || {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            };
            next().await;
            let _ = first.send(());
            next().await;
        });
        eprintln!("The capture ends in the middle: its output was not read.");
        process::exit(1);
    })?;
    Ok(is_there)
}

impl Tally {
    fn describe(self, wish: &Wish<'_>) -> String {
        let file = if wish.file == Path::new("-") { "standard output".into() } else { wish.file.display().to_string() };
        let missed = match self.missed {
            Some(0) => ", none missed".into(),
            Some(missed) => format!(", {missed} MISSED because they came faster than they were written"),
            None => "; the gateway has stopped before it said how many were missed".into(),
        };
        format!("{file}: {} frames{missed}\n", self.frames)
    }
}

/// Where the file goes: to each reader at once, as far as it has come.
enum Out {
    File(File),
    Stdout(io::Stdout),
}

impl Out {
    fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(io::stdout()));
        }
        // Messages are in it.
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map(Self::File)
    }

    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(octets),
            Self::Stdout(stdout) => stdout.write_all(octets).and_then(|()| stdout.flush()),
        }
    }
}

/// Counts the frames in a file that comes in pieces.
#[derive(Default)]
struct Blocks {
    /// What is no whole block yet.
    pending: Vec<u8>,
    parser: Option<PcapNgParser>,
    tally: Tally,
}

impl Blocks {
    fn take(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        self.pending.extend_from_slice(octets);
        while let Some(rest) = self.take_one().context("the gateway has sent something else than a capture")? {
            self.pending.drain(..self.pending.len() - rest);
        }
        Ok(())
    }

    /// Takes a block in, if there is a whole one, and answers how many octets are behind it.
    fn take_one(&mut self) -> Result<Option<usize>, PcapError> {
        let taken = match &mut self.parser {
            None => PcapNgParser::new(&self.pending).map(|(rest, parser)| (rest.len(), Some(parser))),
            Some(parser) => parser.next_block(&self.pending).map(|(rest, block)| {
                self.tally.count(&block);
                (rest.len(), None)
            }),
        };
        match taken {
            Ok((rest, parser)) => {
                self.parser = parser.or(self.parser.take());
                Ok(Some(rest))
            }
            Err(PcapError::IncompleteBuffer) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Tally {
    fn count(&mut self, block: &Block<'_>) {
        match block {
            Block::EnhancedPacket(_) => self.frames += 1,
            Block::InterfaceStatistics(statistics) => {
                self.missed = statistics.options.iter().find_map(|option| match option {
                    InterfaceStatisticsOption::IsbIfDrop(dropped) => Some(*dropped),
                    _ => None,
                });
            }
            _ => {}
        }
    }
}
