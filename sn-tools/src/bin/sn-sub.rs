//! Subscribes at an MQTT-SN gateway and prints what arrives.

use anyhow::{Context, Result};
use clap::Parser;
use sn_client::{Qos, Received, State};
use sn_tools::args::{LinkArgs, parse_connected_qos};
use sn_tools::blocking::{BlockingClient, MAX_DATAGRAM, Rejected};
use sn_tools::console::{interrupted, tell};
use sn_tools::topic::{Predefined, Short, TopicArg, display_name};
use std::io::{self, Write};
use std::num::NonZeroU16;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  sn-sub -t 'sensors/#' -v
      Everything below sensors, with topics, from the gateway on this machine.
  sn-sub -h gateway.local -t alarm -q 2 -C 1
      Wait for one message, exactly once.
  sn-sub --predefined 16=sensors/hall/temp --short tt -v
      By predefined id, printed under a name of your choice, and by short name.
  sn-sub -i cellar -c -t orders -q 1
      Resume the session 'cellar': what was published in the meantime comes first.
  sn-sub -t orders -q 1 --sleep 60
      Sleep like a battery-powered node, and collect messages once a minute.

Exit code: 0 after -C messages or an interrupt, 1 on an error, 2 on a wrong option, 27 when
-W is over.";

/// mosquitto_sub's exit code for -W.
const TIMED_OUT: u8 = 27;

/// Subscribe at an MQTT-SN gateway and print the messages that arrive, one per line.
#[derive(Parser, Debug)]
#[command(version, disable_help_flag = true, disable_version_flag = true, after_help = EXAMPLES)]
struct Cli {
    /// Topic or filter to subscribe to; may be repeated.
    #[arg(short, long, required_unless_present_any = ["predefined", "short"])]
    topic: Vec<String>,

    /// Predefined topic id to subscribe to, and its name in the output; may be repeated.
    #[arg(long, value_name = "ID[=NAME]")]
    predefined: Vec<Predefined>,

    /// Short topic name to subscribe to, two octets; may be repeated.
    #[arg(long, value_name = "XY")]
    short: Vec<Short>,

    /// The highest QoS to receive messages with.
    #[arg(short, long, default_value = "0", value_name = "0|1|2", value_parser = parse_connected_qos)]
    qos: Qos,

    /// Sleep, and wake up every so many seconds to collect messages.
    #[arg(long, value_name = "SECONDS", value_parser = parse_sleep)]
    sleep: Option<NonZeroU16>,

    #[command(flatten)]
    link: LinkArgs,

    /// Print the topic before the message; a predefined topic without a name prints as its id.
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    /// Leave out retained messages from before the subscription.
    #[arg(short = 'R', long, help_heading = "Output")]
    no_retained: bool,

    /// End each message without a newline.
    #[arg(short = 'N', long, help_heading = "Output")]
    no_eol: bool,

    /// Exit after so many messages.
    #[arg(short = 'C', long, value_name = "MESSAGES", value_parser = clap::value_parser!(u64).range(1..),
          help_heading = "Output")]
    count: Option<u64>,

    /// Exit after so many seconds.
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..),
          help_heading = "Output")]
    timeout: Option<u64>,
}

impl Cli {
    fn topics(&self) -> Vec<TopicArg> {
        let names = self.topic.iter().cloned().map(TopicArg::Name);
        let predefined = self.predefined.iter().cloned().map(TopicArg::Predefined);
        names.chain(predefined).chain(self.short.iter().copied().map(TopicArg::Short)).collect()
    }
}

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    cli.link.fill_in_id("sn-sub");
    match run(&cli) {
        Ok(End::Asked) => ExitCode::SUCCESS,
        Ok(End::TimedOut) => {
            if !cli.link.quiet {
                tell("Timed out");
            }
            ExitCode::from(TIMED_OUT)
        }
        Err(error) => {
            if !cli.link.quiet {
                tell(format_args!("Error: {error:#}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// Why the program ends without an error.
enum End {
    /// By an interrupt, -C, or because nobody reads the output any more.
    Asked,
    /// By -W.
    TimedOut,
}

fn parse_sleep(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| "seconds are a whole number from 1 to 65535".to_owned())
}

fn run(cli: &Cli) -> Result<End> {
    let interrupted = interrupted()?;
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut client = BlockingClient::open(&cli.link, &mut buffer)?;
    let mut printer = Printer::new(cli);
    client.connect();
    let listened = listen(cli, &mut client, &mut printer, &interrupted);
    // After an error, too: the gateway takes who goes without a word for lost, and publishes the will.
    let left = client.disconnect();
    listened.and_then(|end| left.map(|()| end))
}

/// Until -C, -W, an interrupt or an error.
fn listen(
    cli: &Cli,
    client: &mut BlockingClient<'_>,
    printer: &mut Printer<'_>,
    interrupted: &AtomicBool,
) -> Result<End> {
    let mut subscriber = Subscriber::new(cli);
    loop {
        if printer.is_done()? || interrupted.load(Ordering::Relaxed) {
            return Ok(End::Asked);
        }
        if subscriber.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(End::TimedOut);
        }
        subscriber.advance(client)?;
        let stepped = client.step(subscriber.next_deadline(), &mut |message| printer.print(message));
        stepped.map_err(|error| if error.is::<Rejected>() { error.context(subscriber.context()) } else { error })?;
    }
}

/// Does what is to be done next: subscribe, sleep, wake.
struct Subscriber {
    topics: Vec<TopicArg>,
    qos: Qos,
    sleep: Option<NonZeroU16>,
    deadline: Option<Instant>,
    /// How many topics are subscribed to or being so, in the connection with this number.
    begun: usize,
    connection: u32,
    /// While asleep.
    wake_at: Option<Instant>,
}

impl Subscriber {
    fn new(cli: &Cli) -> Self {
        let deadline = cli.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let (topics, qos, sleep) = (cli.topics(), cli.qos, cli.sleep);
        Self { topics, qos, sleep, deadline, begun: 0, connection: 0, wake_at: None }
    }

    fn advance(&mut self, client: &mut BlockingClient<'_>) -> Result<()> {
        if client.is_busy() {
            return Ok(());
        }
        match client.state() {
            State::Active => self.advance_active(client),
            State::Asleep => self.advance_asleep(client),
            State::Disconnected | State::Connecting | State::Awake => {
                self.wake_at = None;
                Ok(())
            }
        }
    }

    fn advance_active(&mut self, client: &mut BlockingClient<'_>) -> Result<()> {
        self.wake_at = None;
        if self.connection != client.connections() {
            // The gateway may have forgotten everything.
            (self.connection, self.begun) = (client.connections(), 0);
        }
        if let Some(topic) = self.topics.get(self.begun) {
            self.begun += 1;
            return client.subscribe(topic.topic(), self.qos).with_context(|| self.context());
        }
        self.sleep.map_or(Ok(()), |duration_s| client.sleep(duration_s))
    }

    fn advance_asleep(&mut self, client: &mut BlockingClient<'_>) -> Result<()> {
        let Some(duration_s) = self.sleep else { return Ok(()) };
        let wake_at =
            *self.wake_at.get_or_insert_with(|| Instant::now() + Duration::from_secs(duration_s.get().into()));
        if Instant::now() < wake_at {
            return Ok(());
        }
        self.wake_at = None;
        client.wake()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.wake_at).min()
    }

    /// What an error is about.
    fn context(&self) -> String {
        match self.begun.checked_sub(1).and_then(|latest| self.topics.get(latest)) {
            Some(topic) => format!("cannot subscribe to {topic}"),
            None => "cannot subscribe".to_owned(),
        }
    }
}

/// Prints messages until it has had enough.
struct Printer<'a> {
    cli: &'a Cli,
    left: Option<u64>,
    failure: Option<io::Error>,
}

impl<'a> Printer<'a> {
    const fn new(cli: &'a Cli) -> Self {
        Self { cli, left: cli.count, failure: None }
    }

    fn print(&mut self, message: Received<'_>) {
        if self.left == Some(0) || (self.cli.no_retained && message.retain) {
            return;
        }
        self.left = self.left.map(|left| left - 1);
        self.failure = self.write(message).err();
    }

    fn write(&self, message: Received<'_>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.cli.verbose {
            write!(out, "{} ", display_name(message.topic, &self.cli.predefined))?;
        }
        out.write_all(message.payload)?;
        if !self.cli.no_eol {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Whether all is printed; a reader that has gone away, as `head` does, had all it wanted.
    fn is_done(&mut self) -> Result<bool> {
        match self.failure.take() {
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
            Some(error) => Err(error).context("cannot write to standard output"),
            None => Ok(self.left == Some(0)),
        }
    }
}
