//! The options that `sn-pub` and `sn-sub` have in common, named like those of `mosquitto_pub` and `mosquitto_sub`.

use clap::{ArgAction, Args};
use sn_client::{Config, Qos, Will};
use std::hash::{BuildHasher, Hasher, RandomState};

/// How to reach the gateway and who to be.
#[derive(Args, Debug)]
pub struct LinkArgs {
    /// Gateway to talk to: a name or an address.
    #[arg(short = 'h', long, default_value = "localhost", help_heading = "Connection")]
    pub host: String,

    /// The gateway's UDP port.
    #[arg(short, long, default_value_t = 1883, help_heading = "Connection")]
    pub port: u16,

    /// Client id. By default a random one; the specification allows 23 characters, this gateway more.
    #[arg(short, long, help_heading = "Connection")]
    pub id: Option<String>,

    /// Keep-alive: the gateway counts the client as lost when it hears nothing for so long; 0 is never.
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60, help_heading = "Connection")]
    pub keepalive: u16,

    /// Resume the session of this client id: its subscriptions, will and waiting messages. Needs --id.
    #[arg(short = 'c', long, requires = "id", help_heading = "Connection")]
    pub disable_clean_session: bool,

    /// Wait this long for an answer before a packet is sent again (T_retry); up to a quarter more at random.
    #[arg(long, value_name = "MS", default_value_t = 10_000, help_heading = "Connection")]
    pub t_retry_ms: u32,

    /// Send a packet again so many times before giving up (N_retry).
    #[arg(long, value_name = "COUNT", default_value_t = 5, help_heading = "Connection")]
    pub n_retry: u8,

    /// Pause after the gateway said that it is congested (T_WAIT).
    #[arg(long, value_name = "MS", default_value_t = 300_000, help_heading = "Connection")]
    pub t_wait_ms: u32,

    /// What the gateway publishes if the client is lost: the topic.
    #[arg(long, value_name = "TOPIC", help_heading = "Will")]
    pub will_topic: Option<String>,

    /// The will's message; empty if not given.
    #[arg(long, value_name = "MESSAGE", default_value = "", requires = "will_topic", help_heading = "Will")]
    pub will_payload: String,

    /// The will's QoS.
    #[arg(long, value_name = "0|1|2", default_value = "0", value_parser = parse_connected_qos,
          requires = "will_topic", help_heading = "Will")]
    pub will_qos: Qos,

    /// Make the will a retained message.
    #[arg(long, requires = "will_topic", help_heading = "Will")]
    pub will_retain: bool,

    /// Print every packet that is sent or received.
    #[arg(short, long, help_heading = "Output")]
    pub debug: bool,

    /// Print no errors and notices.
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,

    /// Print this help.
    #[arg(long, action = ArgAction::Help, help_heading = "Output")]
    help: Option<bool>,

    /// Print the version.
    #[arg(long, action = ArgAction::Version, help_heading = "Output")]
    version: Option<bool>,
}

impl LinkArgs {
    /// Gives the client a random id if none was asked for.
    pub fn fill_in_id(&mut self, program: &str) {
        self.id.get_or_insert_with(|| format!("{program}-{:08x}", random()));
    }

    /// The client's settings.
    #[must_use]
    pub fn config(&self) -> Config<'_> {
        Config {
            keep_alive_s: self.keepalive,
            will: self.will_topic.as_deref().map(|topic| self.will(topic)),
            t_retry_ms: self.t_retry_ms,
            n_retry: self.n_retry,
            t_wait_ms: self.t_wait_ms,
            // Whoever watches a terminal does not wait for an hour.
            longest_pause_ms: self.t_wait_ms,
            auto_reconnect: true,
            seed: random(),
            ..Config::new(self.id.as_deref().unwrap_or_default())
        }
    }

    fn will<'a>(&'a self, topic: &'a str) -> Will<'a> {
        Will { topic, message: self.will_payload.as_bytes(), qos: self.will_qos, retain: self.will_retain }
    }
}

/// The standard library seeds its hash maps at random: enough for ids and delays.
fn random() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}

/// QoS -1 to 2.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_qos(text: &str) -> Result<Qos, String> {
    match text {
        "-1" => Ok(Qos::MinusOne),
        "0" => Ok(Qos::Zero),
        "1" => Ok(Qos::One),
        "2" => Ok(Qos::Two),
        _ => Err("QoS is -1, 0, 1 or 2".to_owned()),
    }
}

/// QoS 0 to 2, for what needs a connection.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_connected_qos(text: &str) -> Result<Qos, String> {
    parse_qos(text).ok().filter(|qos| *qos != Qos::MinusOne).ok_or_else(|| "QoS is 0, 1 or 2 here".to_owned())
}
