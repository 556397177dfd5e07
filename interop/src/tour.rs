//! The README's tour, run as it is printed.
//!
//! # Format
//!
//! The tour is what stands between `<!-- tour -->` and `<!-- /tour -->`, in blocks fenced as ```` ```console ````;
//! other text and blocks with other languages are for people only.
//!
//! * `$ COMMAND` is typed into one bash for the whole tour, in an empty directory that has a link `target` to the
//!   target directory. The release binaries come first on its PATH, and `cargo run --release --bin NAME -- ARGS` means
//!   `NAME ARGS`. A line that ends in `\` goes on in the next one.
//! * A command that ends in `&` runs in the background until the tour ends. The next command is typed when what is
//!   expected of it has appeared and nothing moves any more, as a person does; any other command must end, with exit
//!   status 0.
//! * The lines up to the next `$` must appear, in any order, among what the terminal shows from then on: each as a part
//!   of a line. `...` in a line stands for anything; a line of nothing else expects nothing. Empty lines do not count.

use crate::{PATIENCE, Process, release_dir};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const BEGIN: &str = "<!-- tour -->";
const END: &str = "<!-- /tour -->";

/// What bash prints, with the exit status, after each command.
const PROMPT: &str = "tour-prompt";

/// How long nothing must have been printed and no processor time used before the next command is typed.
const QUIET: Duration = Duration::from_millis(500);

/// When it is typed all the same.
const RESTLESS: Duration = Duration::from_secs(30);

/// A command of the tour, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What to type.
    pub command: String,
    /// Lines that must appear.
    pub expected: Vec<String>,
}

impl Step {
    fn is_background(&self) -> bool {
        self.command.ends_with('&')
    }

    /// What to type into the test's bash.
    fn typed(&self) -> String {
        self.command.replace("cargo run --release --bin ", "").replacen(" -- ", " ", usize::from(self.is_cargo_run()))
    }

    fn is_cargo_run(&self) -> bool {
        self.command.starts_with("cargo run ")
    }
}

/// Reads the tour.
///
/// # Errors
/// What is missing or wrong in `text`.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let (_, rest) = text.split_once(BEGIN).ok_or_else(|| format!("there is no {BEGIN}"))?;
    let (tour, _) = rest.split_once(END).ok_or_else(|| format!("there is no {END}"))?;
    let mut steps = Vec::new();
    let mut lines = tour.lines();
    while lines.by_ref().any(|line| line.trim() == "```console") {
        let block: Vec<&str> = lines.by_ref().map(str::trim_end).take_while(|line| line.trim() != "```").collect();
        parse_block(&block, &mut steps)?;
    }
    if steps.is_empty() { Err("there is no command".to_owned()) } else { Ok(steps) }
}

fn parse_block(block: &[&str], steps: &mut Vec<Step>) -> Result<(), String> {
    let mut is_open = false;
    for line in block {
        if is_open && let Some(step) = steps.last_mut() {
            is_open = append(&mut step.command, line);
        } else if let Some(start) = line.strip_prefix("$ ") {
            let mut step = Step { command: String::new(), expected: Vec::new() };
            is_open = append(&mut step.command, start);
            steps.push(step);
        } else if !line.is_empty() {
            let step = steps.last_mut().ok_or_else(|| format!("output before the first command: {line}"))?;
            step.expected.push((*line).to_owned());
        }
    }
    Ok(())
}

/// Adds a line to a command; whether it goes on.
fn append(command: &mut String, line: &str) -> bool {
    let part = line.strip_suffix('\\');
    command.push_str(part.unwrap_or(line).trim_end());
    if part.is_some() {
        command.push(' ');
    }
    part.is_some()
}

/// Whether `line` shows what is `expected`, in which `...` stands for anything.
fn shows(line: &str, expected: &str) -> bool {
    let mut rest = line;
    expected.split("...").map(str::trim).all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// Takes the tour, in `dir`.
///
/// # Panics
/// If anything differs from what the README shows.
pub fn take(steps: &[Step], dir: &Path) {
    let mut terminal = open_terminal(dir);
    for step in steps {
        take_step(step, &mut terminal);
    }
}

fn open_terminal(dir: &Path) -> Process {
    let release = release_dir();
    if let Some(target) = release.parent() {
        std::os::unix::fs::symlink(target, dir.join("target")).expect("the directory is empty");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc"]).current_dir(dir).env("PATH", format!("{}:{path}", release.display()));
    Process::start(bash)
}

fn take_step(step: &Step, terminal: &mut Process) {
    println!("$ {}", step.command);
    let shown_before = terminal.lines().len();
    // A command must not read the commands that follow.
    terminal.type_line(&format!("{{ {}\n}} </dev/null; echo \"{PROMPT} $?\"", step.typed()));
    let prompt = terminal.expect(PROMPT);
    assert!(prompt.ends_with(" 0"), "{}: {prompt}\n{}", step.command, terminal.lines().join("\n"));
    await_lines(step, terminal, shown_before);
    if step.is_background() {
        await_quiet(terminal);
    }
}

/// Waits until every expected line has appeared.
fn await_lines(step: &Step, terminal: &Process, shown_before: usize) {
    let deadline = Instant::now() + PATIENCE;
    for expected in &step.expected {
        while !terminal.lines()[shown_before..].iter().any(|line| shows(line, expected)) {
            let shown = terminal.lines()[shown_before..].join("\n");
            assert!(Instant::now() < deadline, "{} does not show {expected:?} but\n{shown}", step.command);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits until the programs of the terminal wait themselves.
fn await_quiet(terminal: &Process) {
    let deadline = Instant::now() + RESTLESS;
    let mut activity = activity_of(terminal);
    let mut since = Instant::now();
    while since.elapsed() < QUIET && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
        let now = activity_of(terminal);
        if now != activity {
            (activity, since) = (now, Instant::now());
        }
    }
}

/// Changes whenever a program of the terminal prints or computes.
fn activity_of(terminal: &Process) -> (usize, u64) {
    (terminal.lines().len(), terminal.cpu_ticks())
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "intro\n```console\n$ not part of it\n```\n<!-- tour -->\nStart:\n```console\n$ serve --port 1 &\n\
        listening on ...\n```\n```toml\n$ = 1\n```\n```console\n$ send \\\n    -m hi\n$ cargo run --release --bin ls -- -l\n\
        \na 1\nb\n```\n<!-- /tour -->\n```console\n$ nor this\n```\n";

    #[test]
    fn the_blocks_between_the_markers_are_the_tour() {
        let steps = parse(README).expect("it is well formed");
        let typed: Vec<String> = steps.iter().map(Step::typed).collect();
        assert_eq!(typed, ["serve --port 1 &", "send     -m hi", "ls -l"]);
        assert_eq!(steps[0].expected, ["listening on ..."]);
        assert_eq!(steps[1].expected, [""; 0]);
        assert_eq!(steps[2].expected, ["a 1", "b"]);
        assert!(steps[0].is_background() && !steps[1].is_background());
    }

    #[test]
    fn without_markers_or_commands_there_is_no_tour() {
        for text in ["", "<!-- tour -->\n```console\n$ a\n```", "<!-- tour -->\n<!-- /tour -->"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_is_shown_as_a_part_and_with_anything_for_the_dots() {
        assert!(shows("INFO listening on 127.0.0.1:1", "listening on ...:1"));
        assert!(shows("anything", "..."));
        assert!(!shows("listening on [::]:2", "listening on ...:1"));
        assert!(!shows("a b", "b ... a"));
    }

    #[test]
    fn a_tour_is_taken_in_one_terminal() {
        let steps = parse(
            "<!-- tour -->\n```console\n$ (sleep 0.1; echo late) &\nlate\n$ X=1\n$ echo a$X\na1\n$ ls target\nrelease\n\
             $ cat\n```\n<!-- /tour -->",
        );
        let dir = tempfile::tempdir().expect("there is room in the temporary directory");
        take(&steps.expect("it is well formed"), dir.path());
    }

    #[test]
    #[should_panic(expected = "tour-prompt 1")]
    fn a_failing_command_ends_the_tour() {
        let dir = tempfile::tempdir().expect("there is room in the temporary directory");
        take(&[Step { command: "false".to_owned(), expected: Vec::new() }], dir.path());
    }
}
