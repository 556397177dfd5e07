//! A program that runs, and what it has printed so far.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for anything before it counts as failed. Generous: a busy machine is not a fault.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. It ends, with all that it has started, when this value is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    printed: Arc<Printed>,
    /// For each stream: its lines before this one have been expected.
    read: [usize; 2],
}

/// A line, and the stream it came by: 0 is standard output, 1 standard error.
type Line = (usize, String);

/// Lines of both streams, in the order in which they came. That tells the order within a stream, not between them.
#[derive(Debug)]
struct Printed {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    lines: Vec<Line>,
    /// Streams that may still bring lines.
    open: usize,
}

impl Process {
    /// Starts `command`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().rsplit('/').next().unwrap_or_default().to_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let printed = Printed { state: Mutex::new(State { lines: Vec::new(), open: 2 }), changed: Condvar::new() };
        let printed = Arc::new(printed);
        collect(0, child.stdout.take().expect("it is piped"), &printed);
        collect(1, child.stderr.take().expect("it is piped"), &printed);
        let stdin = child.stdin.take();
        Self { name, child, stdin, printed, read: [0; 2] }
    }

    /// Waits for a line that contains `text`, after the last one of its stream that was expected, and returns it.
    ///
    /// # Panics
    /// If it does not come.
    pub fn expect(&mut self, text: &str) -> String {
        self.expect_within(text, PATIENCE)
    }

    /// The same with another patience.
    ///
    /// # Panics
    /// If it does not come.
    pub fn expect_within(&mut self, text: &str, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        let mut state = self.printed.state.lock().expect("no thread panics while it holds this");
        loop {
            if let Some((at, stream, line)) = state.find(text, self.read) {
                self.read[stream] = at + 1;
                return line;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.open == 0 || left.is_zero() {
                let end = if state.open == 0 { "ended" } else { "went on" };
                let lines = state.text();
                drop(state);
                panic!("{} {end} without printing {text:?} (again). All it printed:\n{lines}", self.name);
            }
            state = self.printed.changed.wait_timeout(state, left).expect("no thread panics while it holds this").0;
        }
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let state = self.printed.state.lock().expect("no thread panics while it holds this");
        state.lines.iter().map(|(_, line)| line.clone()).collect()
    }

    /// Lines so far that contain `text`.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(text)).count()
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// If it does not take any.
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        writeln!(stdin, "{line}").unwrap_or_else(|error| panic!("{} does not read {line:?}: {error}", self.name));
    }

    /// Waits until it ends by itself, and has printed everything.
    ///
    /// # Panics
    /// If it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        drop(self.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.printed.state.lock().expect("no thread panics while it holds this");
        while state.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} does not end. All it printed:\n{}", self.name, state.text());
            state = self.printed.changed.wait_timeout(state, left).expect("no thread panics while it holds this").0;
        }
        self.child.wait().expect("it is our child")
    }

    /// Waits until it ends by itself, as it should: with exit status 0.
    ///
    /// # Panics
    /// If it does not end, or differently.
    pub fn succeed(mut self) -> Vec<String> {
        let status = self.wait();
        let lines = self.lines();
        assert!(status.success(), "{}: {status}. All it printed:\n{}", self.name, lines.join("\n"));
        lines
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Processor time that it and what it has started have used so far, in the kernel's ticks.
    #[must_use]
    pub fn cpu_ticks(&self) -> u64 {
        let Ok(all) = fs::read_dir("/proc") else { return 0 };
        let stats = all.flatten().filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
        stats.filter_map(|stat| ticks_in_group(&stat, self.child.id())).sum()
    }

    /// Sends a signal to it and to what it has started.
    pub fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // Nobody is left to signal when it has just ended.
            let _ = killpg(Pid::from_raw(id), signal);
        }
    }

    /// Ends it as a crash or a power cut would: no goodbye.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// User and system time in a `/proc/PID/stat`, if the process is of this group.
fn ticks_in_group(stat: &str, group: u32) -> Option<u64> {
    // The second field is a name in parentheses, and may hold anything. After it: state, parent, group, ...
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (fields.get(2)?.parse() == Ok(group))
        .then(|| [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum())
}

/// Reads lines until the stream ends.
fn collect(stream: usize, from: impl Read + Send + 'static, printed: &Arc<Printed>) {
    let printed = Arc::clone(printed);
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            printed.update(|state| state.lines.push((stream, line)));
        }
        printed.update(|state| state.open -= 1);
    });
}

impl State {
    /// The first line with `text` that is not before its stream's bound.
    fn find(&self, text: &str, from: [usize; 2]) -> Option<(usize, usize, String)> {
        let mut lines = self.lines.iter().enumerate();
        let (at, (stream, line)) = lines.find(|(at, (stream, line))| *at >= from[*stream] && line.contains(text))?;
        Some((at, *stream, line.clone()))
    }

    fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}

impl Printed {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("no thread panics while it holds this"));
        self.changed.notify_all();
    }
}
