//! The command line's end of the socket.

use super::protocol::{Answer, Request};
use super::view;
use crate::store::{DataDir, backup};
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// `sn-gateway sessions list`, for people or as JSON
///
/// # Errors
/// No gateway runs on the directory `data`.
pub fn list(data: &Path, as_json: bool) -> anyhow::Result<String> {
    match ask(data, &Request::Sessions)?.0 {
        Answer::Sessions(rows) if as_json => Ok(serde_json::to_string_pretty(&rows)? + "\n"),
        Answer::Sessions(rows) => Ok(view::table(&rows)),
        other => unexpected(other),
    }
}

/// `sn-gateway sessions show ID`, for people or as JSON
///
/// # Errors
/// No gateway runs on the directory `data`, or there is no such session.
pub fn show(data: &Path, client_id: &str, as_json: bool) -> anyhow::Result<String> {
    match ask(data, &Request::Session(client_id.into()))?.0 {
        Answer::Session(Some(session)) if as_json => Ok(serde_json::to_string_pretty(&session)? + "\n"),
        Answer::Session(Some(session)) => Ok(view::detail(&session)),
        Answer::Session(None) => bail!("there is no session of \"{client_id}\""),
        other => unexpected(other),
    }
}

/// `sn-gateway sessions drop ID`
///
/// # Errors
/// No gateway runs on the directory `data`, or there is no such session.
pub fn drop_session(data: &Path, client_id: &str) -> anyhow::Result<String> {
    match ask(data, &Request::Drop(client_id.into()))?.0 {
        Answer::Dropped(true) => Ok(format!("The session of \"{client_id}\" is gone.\n")),
        Answer::Dropped(false) => bail!("there is no session of \"{client_id}\""),
        other => unexpected(other),
    }
}

/// `sn-gateway backup FILE`
///
/// # Errors
/// No gateway runs on the directory `data`, or the file cannot be written.
pub fn save_backup(data: &Path, file: &Path) -> anyhow::Result<String> {
    let (answer, mut rest) = ask(data, &Request::Backup)?;
    let Answer::Backup(octets) = answer else { return unexpected(answer) };
    let mut contents = Vec::new();
    rest.by_ref().take(octets).read_to_end(&mut contents)?;
    let records = backup::decode(&contents).context("the gateway has sent something else than a backup")?.len();
    backup::save(file, &contents).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(format!("{}: {records} records, {octets} octets\n", file.display()))
}

/// The answer, and what follows it.
pub(crate) fn ask(data: &Path, request: &Request) -> anyhow::Result<(Answer, BufReader<UnixStream>)> {
    let socket = DataDir::socket(data);
    let mut stream = UnixStream::connect(&socket).with_context(|| {
        let data = data.display();
        format!(
            "no gateway that I may ask runs on {data}; name its directory with --data DIR. One with --in-memory cannot be asked"
        )
    })?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reader = BufReader::new(stream);
    let mut answer = String::new();
    if reader.read_line(&mut answer)? == 0 {
        bail!("the gateway ended before it answered: nobody knows whether it is done");
    }
    Ok((serde_json::from_str(&answer).context("the gateway's answer makes no sense")?, reader))
}

pub(crate) fn unexpected<T>(answer: Answer) -> anyhow::Result<T> {
    match answer {
        Answer::Error(error) => bail!(error),
        Answer::Sessions(_)
        | Answer::Session(_)
        | Answer::Dropped(_)
        | Answer::Backup(_)
        | Answer::Capture
        | Answer::Nodes(_)
        | Answer::Node(_)
        | Answer::RadioInfo(_)
        | Answer::RadioScan(_) => {
            bail!("the gateway has answered something else")
        }
    }
}
