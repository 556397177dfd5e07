//! Publishes messages to an MQTT-SN gateway.

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};
use sn_client::{Qos, State, Topic};
use sn_tools::args::{LinkArgs, parse_qos};
use sn_tools::blocking::{BlockingClient, MAX_DATAGRAM};
use sn_tools::console::{interrupted, tell};
use sn_tools::topic::{Predefined, Short, TopicArg};
use std::io::{self, BufRead, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  sn-pub -t sensors/hall/temp -m 21.5
      One message at QoS 0 to the gateway on this machine.
  sn-pub -h gateway.local -t alarm -m fire -q 2 -r
      Exactly once, and kept for later subscribers.
  sn-pub --predefined 16 -m on -q -1
      QoS -1: one datagram, without connecting; nobody says whether it arrived.
  sn-pub --short tt -m 7 -q 1
      By a short topic name, which needs no registration.
  uptime | sn-pub -t host/uptime -s
      The whole of standard input as one message.
  tail -f log | sn-pub -t log -l -q 1
      One message per line, until the end of the input.

Exit code: 0 when everything is published (at QoS 1 and 2: acknowledged), 1 on an error, or if
messages at QoS 0 may be lost because the gateway was away, 2 on a wrong option.";

/// Publish messages to an MQTT-SN gateway.
#[derive(Parser, Debug)]
#[command(version, disable_help_flag = true, disable_version_flag = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    topic: TopicArgs,
    #[command(flatten)]
    source: SourceArgs,

    /// -1 without a connection, 0 at most once, 1 at least once, 2 exactly once.
    #[arg(short, long, default_value = "0", value_name = "-1|0|1|2", allow_hyphen_values = true,
          value_parser = parse_qos)]
    qos: Qos,

    /// The broker keeps the message for later subscribers.
    #[arg(short, long)]
    retain: bool,

    #[command(flatten)]
    link: LinkArgs,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct TopicArgs {
    /// Topic to publish to.
    #[arg(short, long)]
    topic: Option<String>,

    /// Predefined topic id to publish to; a name after it is only a reminder.
    #[arg(long, value_name = "ID[=NAME]")]
    predefined: Option<Predefined>,

    /// Short topic name to publish to: two octets.
    #[arg(long, value_name = "XY")]
    short: Option<Short>,
}

impl TopicArgs {
    fn into_topic(self) -> Option<TopicArg> {
        let name = self.topic.map(TopicArg::Name);
        name.or(self.predefined.map(TopicArg::Predefined)).or(self.short.map(TopicArg::Short))
    }
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct SourceArgs {
    /// The message.
    #[arg(short, long, allow_hyphen_values = true)]
    message: Option<String>,

    /// An empty message; with --retain it deletes the one that is kept.
    #[arg(short, long)]
    null_message: bool,

    /// The content of a file.
    #[arg(short, long)]
    file: Option<PathBuf>,

    /// Standard input, one message per line, until its end or an interrupt; empty lines are left out.
    #[arg(short = 'l', long)]
    stdin_line: bool,

    /// The whole of standard input.
    #[arg(short = 's', long)]
    stdin_file: bool,
}

impl SourceArgs {
    /// The one message, unless there is one per line.
    fn message(&self) -> Result<Option<Vec<u8>>> {
        if self.stdin_line {
            return Ok(None);
        }
        if let Some(file) = &self.file {
            let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            return Ok(Some(content));
        }
        let mut content = self.message.clone().unwrap_or_default().into_bytes();
        if self.stdin_file {
            io::stdin().read_to_end(&mut content).context("cannot read standard input")?;
        }
        Ok(Some(content))
    }
}

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    cli.link.fill_in_id("sn-pub");
    let quiet = cli.link.quiet;
    match publish(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !quiet {
                tell(format_args!("Error: {error:#}"));
            }
            ExitCode::FAILURE
        }
    }
}

fn publish(cli: Cli) -> Result<()> {
    let Cli { topic, source, qos, retain, link } = cli;
    let Some(topic) = topic.into_topic() else { bail!("no topic") };
    // Before connecting: a wrong file name is told at once.
    let message = source.message()?;
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut client = BlockingClient::open(&link, &mut buffer)?;
    if qos != Qos::MinusOne {
        client.connect();
        while client.state() != State::Active {
            client.step(None, &mut |_| {})?;
        }
    }
    let publisher = Publisher { topic, qos, retain };
    let sent = match message {
        Some(message) => publisher.send(&mut client, &message),
        None => publisher.send_lines(&mut client),
    };
    // After an error, too: the gateway takes who goes without a word for lost, and publishes the will.
    sent.and(client.disconnect())?;
    if let Some(code) = client.refused_at_qos_0() {
        bail!("{}: {code}", publisher.topic);
    }
    if client.may_have_lost() {
        bail!("messages at QoS 0 may be lost: the gateway did not answer");
    }
    Ok(())
}

/// Where messages go, and how.
struct Publisher {
    topic: TopicArg,
    qos: Qos,
    retain: bool,
}

impl Publisher {
    fn send(&self, client: &mut BlockingClient<'_>, message: &[u8]) -> Result<()> {
        let topic: Topic<'_> = self.topic.topic();
        client
            .publish(topic, message, self.qos, self.retain)
            .with_context(|| format!("cannot publish to {}", self.topic))
    }

    fn send_lines(&self, client: &mut BlockingClient<'_>) -> Result<()> {
        let interrupted = interrupted()?;
        let (sender, lines) = sync_channel(0);
        thread::spawn(move || read_lines(&sender));
        while let Some(line) = next_line(client, &lines, &interrupted)? {
            if !line.is_empty() {
                self.send(client, &line)?;
            }
        }
        Ok(())
    }
}

fn read_lines(lines: &SyncSender<io::Result<Vec<u8>>>) {
    for line in io::stdin().lock().split(b'\n') {
        let is_over = line.is_err();
        if lines.send(line).is_err() || is_over {
            return;
        }
    }
}

/// The next line, if there is one before an interrupt; keeps the connection alive until then.
fn next_line(
    client: &mut BlockingClient<'_>,
    lines: &Receiver<io::Result<Vec<u8>>>,
    interrupted: &AtomicBool,
) -> Result<Option<Vec<u8>>> {
    while !interrupted.load(Ordering::Relaxed) {
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => return Ok(Some(line.context("cannot read standard input")?)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => client.step(Some(Instant::now()), &mut |_| {})?,
        }
    }
    Ok(None)
}
