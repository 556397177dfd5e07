//! The command line.

use crate::auth::Wish;
use crate::config::{self, File, ListenAddr, ListenerTable, LogFormat, StoreTable, TransportTable, parse_entry};
use crate::radio::Radio;
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use sn_config::checked_log_filter;
use sn_types::{Eui64, LinkKey, TopicId};
use std::path::PathBuf;

/// A gateway between sensor nodes that speak MQTT-SN and programs that speak MQTT.
#[derive(Debug, Parser)]
#[command(name = "sn-gateway", version, long_about = ABOUT, after_long_help = MANUAL, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway; it runs until SIGTERM or Ctrl-C
    #[command(after_long_help = RUN_MANUAL)]
    Run(RunArgs),
    /// Read a configuration file and say whether it is right, and if not, where and why
    CheckConfig {
        /// The file, in TOML
        file: PathBuf,
        /// As `run --in-memory` would use it
        #[arg(long)]
        in_memory: bool,
    },
    /// Look at the sessions of a running gateway, or drop one
    Sessions {
        /// What to do
        #[command(subcommand)]
        what: Sessions,
    },
    /// Ask a radio dongle what it is, or how loud the channels are
    Radio {
        /// What to do
        #[command(subcommand)]
        what: Radio,
    },
    /// Look at the radio nodes of a running gateway, or change the list of those that it knows
    Nodes {
        /// What to do
        #[command(subcommand)]
        what: Nodes,
    },
    /// Write everything that a running gateway keeps into one file
    ///
    /// The keys of radio nodes are in it: it is readable by its owner only. Sessions, subscriptions, topic ids, retained messages
    /// and the messages that wait, as they are at this moment.
    Backup {
        /// The file; one that is there is replaced as a whole. - is standard output; devices and FIFOs are written into
        file: PathBuf,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// Write what passes a transport of a running gateway, both ways, into a file for Wireshark
    ///
    /// The file is pcapng. It ends with Ctrl-C or SIGTERM, and says how many frames it misses, if the gateway had more to do.
    Capture {
        /// The transport's name: as its table [[transport]] says, or its kind and how many come before it, as udp-0
        #[arg(short, long, value_name = "NAME")]
        transport: String,
        /// The file, which is replaced; - is standard output
        #[arg(short, long, value_name = "FILE")]
        write: PathBuf,
        /// End after so many frames
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
        /// End after so many seconds
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        seconds: Option<u64>,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// Give a user of a password file a password, asked for twice, or take the user out
    ///
    /// Makes the file, readable by its owner only, if there is none.
    Passwd {
        /// The password file
        file: PathBuf,
        /// The user's name
        user: String,
        /// Read the password from the standard input, one line
        #[arg(long)]
        stdin: bool,
        /// Keep what lets the user log in by SCRAM-SHA-256, too, in place of an Argon2id hash
        #[arg(long)]
        scram: bool,
        /// Take the user out
        #[arg(short = 'D', long, conflicts_with_all = ["stdin", "scram"])]
        delete: bool,
    },
    /// Say whether the rules of a configuration allow something, and which of them decides
    ///
    /// The exit status is 0 if they do and 1 if not.
    May {
        /// The configuration, in TOML
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// The user [default: nobody]
        #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
        user: String,
        /// The client id [default: none, as of a sender of QoS -1]
        #[arg(short = 'i', long, value_name = "ID", default_value = "", hide_default_value = true)]
        client: String,
        /// What to do
        wish: Wish,
        /// To which topic, or for a subscription, to which filter; none with connect
        #[arg(default_value = "", hide_default_value = true)]
        topic: String,
    },
    /// Fill a data directory from a backup; no gateway may be running on it
    Restore {
        /// The file
        file: PathBuf,
        /// The directory
        #[command(flatten)]
        data: DataArgs,
        /// Move data that are there aside
        #[arg(long)]
        force: bool,
    },
}

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List them all: state, address, messages that wait, were dropped or refused
    List {
        /// As JSON, one array of objects
        #[arg(long)]
        json: bool,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show one closely: subscriptions, mailbox, topic ids, why messages were dropped or refused
    Show {
        /// The client id
        id: String,
        /// As JSON, one object
        #[arg(long)]
        json: bool,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// End one and forget everything of it, its waiting messages too; its will is not published
    Drop {
        /// The client id
        id: String,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
}

/// What to do with radio nodes.
#[derive(Debug, Subcommand)]
pub enum Nodes {
    /// List them all: those on the list, and others that were heard
    List {
        /// As JSON, one array of objects
        #[arg(long)]
        json: bool,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// Put one onto the list
    Add {
        /// Its radio's 64-bit address, as 00:12:4b:00:01:02:03:04
        address: Eui64,
        /// What to call it, in the list, in logs and in rules
        #[arg(long)]
        name: String,
        /// The key that the node has
        #[command(flatten)]
        key: KeyArgs,
        /// As JSON: address, name, and the key if it was made here
        #[arg(long)]
        json: bool,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// Give one another name
    Rename {
        /// Its name or address
        node: String,
        /// The new name
        name: String,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// Let nothing in any more that comes from it, from now on; it stays on the list
    ///
    /// Its session is forgotten, its will is published. It is told nothing.
    Revoke {
        /// Its name or address
        node: String,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
    /// Take it off the list, its key with it
    ///
    /// It must not come back with the same key: what somebody has recorded of it would be let in.
    Remove {
        /// Its name or address
        node: String,
        /// Which gateway
        #[command(flatten)]
        data: DataArgs,
    },
}

/// A node's key, or none.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub struct KeyArgs {
    /// The key, 32 hexadecimal digits. Others on this machine may see it while this runs: --key-file hides it
    #[arg(long, value_name = "HEX")]
    pub key: Option<LinkKey>,
    /// Read the key from FILE; - is the standard input
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Make a key, and print it: this is the only time that it is shown
    #[arg(long)]
    pub generate_key: bool,
}

/// A data directory.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// The gateway's data directory [default: as `run` has it]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take the data directory from this configuration
    #[arg(short, long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
}

impl DataArgs {
    /// The directory.
    ///
    /// # Errors
    /// The configuration cannot be read or says that all is in memory, or there is no home directory for the default.
    pub fn dir(&self) -> anyhow::Result<PathBuf> {
        let mut store = self.config.as_deref().map_or(Ok(File::default()), config::load)?.store;
        store.data = self.data.clone().or(store.data);
        store.data_dir()?.context("the configuration says that all is in memory")
    }
}

/// The flags of `run`. They override the configuration file.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Read the configuration from FILE
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Listen for MQTT-SN over UDP on ADDR, in the place of the configured transports; may be repeated
    ///
    /// ADDR is IP or IP:PORT. Without a port it is 1883; port 0 takes a free one, which is printed. 0.0.0.0 opens the
    /// gateway to the network; who comes in there, from this machine too, must be a user, or see --anonymous.
    #[arg(long, value_name = "ADDR")]
    pub udp: Vec<ListenAddr>,

    /// Listen for MQTT over TCP on ADDR, in the place of the configured listeners; may be repeated
    ///
    /// TLS and WebSocket are for the configuration.
    #[arg(long, value_name = "ADDR")]
    pub mqtt: Vec<ListenAddr>,

    /// Let everybody in on every address, without asking who it is
    ///
    /// Without it, and unless the configuration says otherwise, who comes in need not say who it is only on a loopback
    /// address, such as 127.0.0.1. On any other one programs on this machine must, too.
    #[arg(long)]
    pub anonymous: bool,

    /// Let a simulator connect at the Unix socket PATH, beside the other transports
    ///
    /// `sn-sim live` brings simulated nodes there. Only programs of the same user can connect.
    #[arg(long, value_name = "PATH")]
    pub sim: Option<PathBuf>,

    /// Keep sessions and messages in DIR, so that they survive the process
    ///
    /// Without it, and without --in-memory, it is $XDG_STATE_HOME/sn-gateway or ~/.local/state/sn-gateway.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Keep sessions and messages in memory only: all are lost when the process ends
    #[arg(long, conflicts_with = "data")]
    pub in_memory: bool,

    /// Add a predefined topic id, for example 1=sensors/temperature; may be repeated
    #[arg(long, value_name = "ID=TOPIC", value_parser = parse_entry)]
    pub predefined: Vec<(TopicId, String)>,

    /// Log what FILTER lets through: off, error, warn, info, debug or trace, for all or by module
    #[arg(long, value_name = "FILTER", value_parser = checked_log_filter)]
    pub log: Option<String>,

    /// Log for people or for programs
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl RunArgs {
    /// Puts the flags that were given into `file`.
    pub fn apply(&self, file: &mut File) {
        if !self.udp.is_empty() {
            file.transport = self.udp.iter().copied().map(TransportTable::udp).collect();
        }
        if let Some(path) = &self.sim {
            file.transport.push(TransportTable::sim(path.clone()));
        }
        if !self.mqtt.is_empty() {
            file.listener = self.mqtt.iter().copied().map(ListenerTable::tcp).collect();
        }
        if self.anonymous {
            file.transport.iter_mut().for_each(|table| table.admission_mut().anonymous = true);
            file.listener.iter_mut().for_each(|table| table.policy.anonymous = true);
        }
        if let Some(data) = &self.data {
            file.store = StoreTable { data: Some(data.clone()), in_memory: false, ..file.store.clone() };
        }
        if self.in_memory {
            file.store.in_memory = true;
        }
        for (id, topic) in &self.predefined {
            file.predefined.set(*id, topic.clone());
        }
        if let Some(filter) = &self.log {
            file.log.filter.clone_from(filter);
        }
        if let Some(format) = self.log_format {
            file.log.format = format;
        }
    }
}

const ABOUT: &str = "\
A gateway between sensor nodes that speak MQTT-SN and programs that speak MQTT.

It takes MQTT-SN 1.2 in over UDP, serial lines and IEEE 802.15.4 radios, and MQTT 3.1.1 and 5 over TCP, TLS and \
WebSocket, and holds an MQTT broker of its own: \
topics, retained messages, wills, sessions and the messages of sleeping nodes are common to both sides. Without a \
configuration it listens on loopback only, UDP port 1883 and TCP port 1883.";

const MANUAL: &str = "\
Examples:
  sn-gateway run
          Start for the programs on this machine; `run --help` has more.
  mosquitto_sub -h 127.0.0.1 -t '#' -v
          See every message that passes.
  sn-pub -t hello -m world
          Publish over MQTT-SN.
  sn-gateway passwd /etc/sn-gateway/passwords alice
          Give alice a password, for the file that password_file names.
  sn-gateway may -c gateway.toml -u alice subscribe '#'
          Ask whether the rules let alice see every message.
  sn-gateway sessions list
          See who has a session, and how many messages wait for whom.
  sn-gateway nodes add 00:12:4b:00:01:02:03:04 --name pump-7 --generate-key
          Let a radio node in, with a key that it is to be given, too.
  sn-gateway capture -t udp-0 -w - | wireshark -k -i -
          Look at every datagram, live.
  sn-gateway backup gateway.bak
          Save sessions and messages while the gateway runs.

Files:
  config/gateway.toml
          A configuration with every key, its meaning, its range and its default.
  config/sn-gateway.service
          A unit for systemd; docs/installing.md tells where all goes.
  ~/.local/state/sn-gateway
          Sessions and messages, unless --data, --in-memory or the
          configuration says otherwise.

Exit status:
  0 after a signal or a right configuration, 1 if something failed, 2 if the
  command line is wrong.";

const RUN_MANUAL: &str = "\
Examples:
  sn-gateway run
          Start for the programs on this machine.
  sn-gateway run --udp 0.0.0.0 --mqtt 127.0.0.1 --anonymous
          Take MQTT-SN from everybody in the network, MQTT from this machine.
  sn-gateway run --udp 0.0.0.0 --mqtt 0.0.0.0 --anonymous
          Let everybody in the network do everything.
  sn-gateway run --config /etc/sn-gateway/gateway.toml --log debug
          Take everything from a file, but log more.

Signals:
  SIGTERM, SIGINT
          Stop: nobody new is let in, what is on its way is sent, clients
          whose session ends with the gateway are told DISCONNECT. Sessions
          that are kept go on after the next start. The exit status is 0.
  SIGHUP
          Read the configuration file again, take over what can change while
          running, and say what cannot.";
