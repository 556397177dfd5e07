//! `cargo xtask tidy`: rules about the tree that no compiler checks.
//!
//! A rule looks at one file and says what it finds. The words that the rules look for are put together from parts, so
//! that this file keeps them too.

use crate::exec::{command, output_of};
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// The longest Rust file. One that needs more has two ideas.
const MAX_LINES: usize = 700;

/// Directories of one person's or one program's machine.
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Hosts that serve packages: which one is used is the business of the machine that builds.
const REGISTRY_HOSTS: [&str; 4] =
    [concat!("crates", ".io"), concat!("pypi", ".org"), concat!("python", "hosted.org"), concat!("npm", "js.")];

/// What is written into a program that is not finished.
const UNFINISHED: [&str; 4] =
    [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("db", "g!("), concat!("FIX", "ME")];

/// How cargo spells the default registry in a lock file, whichever mirror it used.
const LOCKED_SOURCE: &str = concat!("source = \"registry+https://github.com/rust-lang/", "crates", ".io-index\"");

/// Checks every tracked file and prints every finding; an error if there is one.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root()?;
    let mut findings = Vec::new();
    let files = tracked_files()?;
    for path in &files {
        let bytes = fs::read(root.join(path)).with_context(|| format!("reading {path}"))?;
        findings.extend(check(path, &String::from_utf8_lossy(&bytes)));
    }
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.len() {
        0 => println!("{} files are tidy", files.len()),
        n => bail!("{n} untidy places"),
    }
    Ok(())
}

/// Files that git knows and that are there (one may be deleted and not yet committed).
fn tracked_files() -> Result<Vec<String>> {
    let root = workspace::root()?;
    let list = output_of(command("git", &["ls-files", "-z"])?)?;
    let paths = list.split('\0').filter(|path| root.join(path).is_file());
    Ok(paths.map(str::to_owned).collect())
}

/// Everything wrong with one file, as `path:line: what`.
fn check(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().flat_map(|(n, line)| check_line(path, line).map(move |what| (n + 1, what)));
    let whole = check_whole(path, text).map(|what| (1, what));
    lines.chain(whole).map(|(n, what)| format!("{path}:{n}: {what}")).collect()
}

fn check_line(path: &str, line: &str) -> impl Iterator<Item = String> {
    let machine =
        MACHINE_PATHS.iter().filter(|dir| names_directory(line, dir)).map(|dir| format!("machine path {dir}"));
    let host = REGISTRY_HOSTS.iter().filter(|host| line.contains(**host) && line != LOCKED_SOURCE);
    let host = host.map(|host| format!("package registry {host}"));
    let unfinished = UNFINISHED.iter().filter(|word| is_rust(path) && line.contains(**word));
    let unfinished = unfinished.map(|word| format!("unfinished: {word}"));
    let is_unsafe = is_rust(path) && !path.starts_with("firmware") && uses_unsafe(line);
    let is_unsafe = is_unsafe.then(|| "unsafe outside the firmware".to_owned());
    machine.chain(host).chain(unfinished).chain(is_unsafe).collect::<Vec<_>>().into_iter()
}

fn check_whole(path: &str, text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().count();
    let long = (is_rust(path) && lines > MAX_LINES).then(|| format!("{lines} lines, more than {MAX_LINES}"));
    let undocumented = is_crate_root(path) && !text.starts_with("//!");
    let undocumented = undocumented.then(|| "a crate starts with a module doc: //! what it owns".to_owned());
    long.into_iter().chain(undocumented)
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// `src/lib.rs`, `src/main.rs`, `src/bin/x.rs`, `src/bin/x/main.rs`.
fn is_crate_root(path: &str) -> bool {
    let dir = |path: &Path| path.parent().is_some_and(|dir| dir.ends_with("src") || dir.ends_with("src/bin"));
    let path = Path::new(path);
    match path.file_name().and_then(|name| name.to_str()) {
        Some("lib.rs") => dir(path),
        Some("main.rs") => dir(path) || path.parent().is_some_and(dir),
        Some(name) => name.ends_with(".rs") && path.parent().is_some_and(|dir| dir.ends_with("src/bin")),
        None => false,
    }
}

/// The directory at the start of a path: as a later level of a topic it is something else.
fn names_directory(line: &str, dir: &str) -> bool {
    line.match_indices(dir).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "+#}_-.".contains(c)))
}

/// The keyword, not a lint's name nor a word of a comment or of a text.
fn uses_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let outside_quotes = code.split('"').step_by(2);
    let mut words = outside_quotes.flat_map(|part| part.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    words.any(|word| word == "unsafe")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(path: &str, text: &str) -> bool {
        !check(path, text).is_empty()
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert_eq!(check("a/src/lib.rs", "//! A crate.\n\npub fn f() {} // not unsafe\n"), [""; 0]);
    }

    #[test]
    fn a_machine_path_is_found_and_a_topic_is_not() {
        for dir in MACHINE_PATHS {
            assert!(finds("a.md", &format!("see {dir}x")));
            assert!(finds("a.toml", &format!("path=\"{dir}x\"")));
            assert!(!finds("a.md", &format!("publish to lab{dir}1 or +{dir}1")));
        }
    }

    #[test]
    fn a_registry_is_found_and_the_default_one_in_a_lock_file_is_not() {
        for host in REGISTRY_HOSTS {
            assert!(finds("a.toml", &format!("index = \"https://mirror.{host}/x\"")));
        }
        assert!(!finds("Cargo.lock", LOCKED_SOURCE));
    }

    #[test]
    fn unfinished_rust_is_found() {
        for word in UNFINISHED {
            assert!(finds("a.rs", &format!("    {word}")));
        }
    }

    #[test]
    fn the_keyword_is_found_outside_the_firmware() {
        let line = "unsafe { f() }";
        assert!(finds("a.rs", line));
        assert!(!finds("firmware-node/src/a.rs", line));
        assert!(!finds("a.rs", &format!("reason = {0}an unsafe fn{0}", '"')));
        assert!(!finds("a.rs", "#![forbid(unsafe_code)]"));
    }

    #[test]
    fn a_long_file_is_found() {
        assert!(!finds("a.rs", &"\n".repeat(MAX_LINES)));
        assert!(finds("a.rs", &"\n".repeat(MAX_LINES + 1)));
    }

    #[test]
    fn every_crate_root_needs_a_module_doc() {
        for path in ["a/src/lib.rs", "src/main.rs", "a/src/bin/b.rs", "a/src/bin/b/main.rs"] {
            assert!(finds(path, "fn main() {}"), "{path}");
        }
        for path in ["a/src/bin/b/cli.rs", "a/src/c.rs", "a/tests/lib.rs"] {
            assert!(!finds(path, "fn main() {}"), "{path}");
        }
    }
}
