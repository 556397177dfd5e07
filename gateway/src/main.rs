//! The MQTT-SN gateway. `sn-gateway --help` tells what it does.

use anyhow::Context;
use clap::Parser;
use sn_gateway::admin::{client, nodes};
use sn_gateway::auth::{Change, Keep, may, passwd};
use sn_gateway::capture::client::{Wish, capture};
use sn_gateway::cli::{Cli, Command, DataArgs, Sessions};
use sn_gateway::mqtt::TlsFiles;
use sn_gateway::store::backup;
use sn_gateway::{config, radio, run};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::CheckConfig { file, in_memory } => check_config(&file, in_memory).map(print),
        Command::Sessions { what } => sessions(&what).map(print),
        Command::Radio { what } => radio::run(&what).map(print),
        Command::Nodes { what } => nodes::run(&what).map(print),
        Command::Backup { file, data } => data.dir().and_then(|dir| client::save_backup(&dir, &file)).map(remark),
        Command::Passwd { file, user, stdin, scram, delete } => {
            let keep = if scram { Keep::Scram } else { Keep::Argon2 };
            passwd(&file, &user, change(stdin, delete), keep).map(print)
        }
        Command::Capture { transport, write, count, seconds, data } => data.dir().and_then(|dir| {
            let wish = Wish { transport: &transport, file: &write, count, time: seconds.map(Duration::from_secs) };
            capture(&dir, &wish).map(remark)
        }),
        Command::May { config, user, client, wish, topic } => {
            let rules = config::load(&config).map(|file| file.core().access);
            rules.map_err(Into::into).and_then(|rules| may(&rules, &user, &client, wish, &topic)).map(print)
        }
        Command::Restore { file, data, force } => restore(&file, &data, force).map(print),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sn-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the file, and the certificates and passwords that it names. A certificate that is not valid now is warned of: the gateway
/// would start with it.
fn check_config(path: &Path, in_memory: bool) -> anyhow::Result<String> {
    let mut file = config::load(path)?;
    file.store.in_memory |= in_memory;
    file.check_store().with_context(|| path.display().to_string())?;
    let place = |what: String| move || format!("{}: {what}", path.display());
    for table in &file.listener {
        let what = format!("[[listener]] with listen = \"{}\"", table.listen.0);
        table.tls.as_ref().map(TlsFiles::load).transpose().with_context(place(what))?;
    }
    file.security.load().with_context(place("password_file of [security]".into()))?;
    let complaints = file.certificate_complaints();
    for complaint in &complaints {
        eprintln!("sn-gateway: WARNING: {complaint}");
    }
    let but = if complaints.is_empty() { "" } else { ", but for the warnings" };
    Ok(format!("{}: all right{but}\n", path.display()))
}

fn change(stdin: bool, delete: bool) -> Change {
    match (stdin, delete) {
        (_, true) => Change::Delete,
        (true, false) => Change::FromStdin,
        (false, false) => Change::Ask,
    }
}

fn sessions(what: &Sessions) -> anyhow::Result<String> {
    match what {
        Sessions::List { json, data } => client::list(&data.dir()?, *json),
        Sessions::Show { id, json, data } => client::show(&data.dir()?, id, *json),
        Sessions::Drop { id, data } => client::drop_session(&data.dir()?, id),
    }
}

fn restore(file: &Path, data: &DataArgs, force: bool) -> anyhow::Result<String> {
    let dir = data.dir()?;
    let (restored, aside) = backup::restore(file, &dir, force)?;
    let mut text = format!("{}: {restored}\n", dir.display());
    if let Some(aside) = aside {
        text += &format!("What was there is in {} now.\n", aside.display());
    }
    Ok(text)
}

/// A reader that has had enough, such as `head`, is no error.
fn print(text: String) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// What is said beside a file: standard output may be that file.
fn remark(text: String) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
