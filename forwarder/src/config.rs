//! The configuration file.

use crate::relay::Naming;
use serde::{Deserialize, Deserializer, de};
use sn_config::serial::{self, DeviceKey, FlowControlKey, FramingKey, LineKeys, ParityKey};
use sn_config::{ConfigError, HostPort};
use sn_types::NodeId;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use transports::serial::SerialConfig;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where the gateway listens for MQTT-SN over UDP.
    pub gateway: HostPort,
    /// Where datagrams to the gateway leave from; without it the kernel chooses, and the nodes of a forwarder that starts again
    /// are others to the gateway.
    #[serde(default)]
    pub local: Option<SocketAddr>,
    /// Where the nodes are.
    #[serde(default)]
    pub transport: Vec<Spanned<TransportTable>>,
    /// What is logged.
    #[serde(default)]
    pub log: LogTable,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [log]")]
pub struct LogTable {
    /// Levels, as `info` or `info,sn_forwarder=debug`.
    pub filter: String,
}

impl Default for LogTable {
    fn default() -> Self {
        Self { filter: "info".into() }
    }
}

/// A table `[[transport]]`, by its `kind`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub enum TransportTable {
    /// A serial line, with one node or a radio at its other end.
    Serial {
        /// The line.
        line: SerialConfig,
        /// The id of its node, if it has one.
        node_id: Option<NodeId>,
    },
    /// Nodes that speak UDP.
    Udp {
        /// Where they find the forwarder.
        listen: SocketAddr,
    },
}

/// The values of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Serial,
    Udp,
}

/// The keys of all kinds, as they are in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[transport]]")]
struct Keys {
    kind: Kind,
    #[serde(default)]
    device: Option<DeviceKey>,
    #[serde(default)]
    framing: Option<FramingKey>,
    #[serde(default, deserialize_with = "serial::baud")]
    baud: Option<u32>,
    #[serde(default)]
    parity: Option<ParityKey>,
    #[serde(default)]
    flow_control: Option<FlowControlKey>,
    #[serde(default, deserialize_with = "serial::mtu")]
    mtu: Option<u16>,
    #[serde(default, deserialize_with = "serial::gap")]
    gap_ms: Option<u64>,
    #[serde(default, deserialize_with = "some_node_id")]
    node_id: Option<NodeId>,
    #[serde(default)]
    listen: Option<SocketAddr>,
}

/// Reads the id of the node on a line.
///
/// # Errors
/// It is empty or too long.
pub fn node_id(text: &str) -> Result<NodeId, String> {
    let id = NodeId::new(text.as_bytes()).ok().filter(|id| !id.as_bytes().is_empty());
    id.ok_or_else(|| format!("a node id has 1 to {} octets, for example \"pump-3\"", NodeId::MAX_LEN))
}

fn some_node_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NodeId>, D::Error> {
    node_id(&String::deserialize(deserializer)?).map(Some).map_err(de::Error::custom)
}

impl TryFrom<Keys> for TransportTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let Keys { kind, device, framing, baud, parity, flow_control, mtu, gap_ms, node_id, listen } = keys;
        let lines = LineKeys { device, framing, baud, parity, flow_control, mtu, gap_ms };
        match kind {
            Kind::Serial if listen.is_some() => Err("`listen` is no key of a transport of kind `serial`".into()),
            Kind::Serial => Self::serial(lines, node_id),
            Kind::Udp if lines != LineKeys::default() || node_id.is_some() => {
                Err("a transport of kind `udp` has only the key `listen`".into())
            }
            Kind::Udp => Ok(Self::Udp { listen: listen.ok_or("`listen` is missing")? }),
        }
    }
}

impl TransportTable {
    /// A serial line.
    ///
    /// # Errors
    /// A key is missing, or does not go with another.
    pub fn serial(keys: LineKeys, node_id: Option<NodeId>) -> Result<Self, String> {
        let line = keys.line()?;
        if line.framing.is_radio() && node_id.is_some() {
            return Err("`node_id` is of no use with a radio: its nodes have addresses of their own".into());
        }
        Ok(Self::Serial { line, node_id })
    }

    /// How its nodes are named, `place` being how many transports the configuration has before it.
    #[must_use]
    pub fn naming(&self, place: usize) -> Naming {
        match self {
            Self::Serial { line, .. } if line.framing.is_radio() => Naming::Radio,
            Self::Serial { node_id: Some(id), .. } => Naming::Line(*id),
            Self::Serial { node_id: None, .. } => {
                // It is short whatever the place is.
                Naming::Line(NodeId::new(format!("line-{place}").as_bytes()).unwrap_or_else(|_| unreachable!()))
            }
            Self::Udp { .. } => Naming::Udp,
        }
    }
}

impl File {
    /// A file that says only where the gateway is.
    #[must_use]
    pub fn new(gateway: HostPort) -> Self {
        Self { gateway, local: None, transport: Vec::new(), log: LogTable::default() }
    }

    /// How the nodes of each transport are named.
    #[must_use]
    pub fn namings(&self) -> Vec<Naming> {
        self.transport.iter().enumerate().map(|(place, table)| table.get_ref().naming(place)).collect()
    }

    /// What tables say against each other.
    fn contradiction(&self) -> Option<(Range<usize>, String)> {
        let namings = self.namings();
        let twice = (0..namings.len()).find(|place| namings[..*place].contains(&namings[*place]))?;
        let message = match namings[twice] {
            Naming::Line(id) => format!(
                "two lines have the node id \"{}\"; each has one of its own",
                String::from_utf8_lossy(id.as_bytes())
            ),
            Naming::Radio => "there is one radio per forwarder; start another forwarder for another one".into(),
            Naming::Udp => "there is one transport of kind `udp` per forwarder".into(),
        };
        Some((self.transport[twice].span(), message))
    }

    /// Says whether the tables go with each other.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.transport.is_empty() {
            return Err(
                "there is nowhere to forward from; write a table [[transport]], or give --serial or --udp".into()
            );
        }
        self.contradiction().map_or(Ok(()), |(_, message)| Err(message))
    }
}

/// Reads a file.
///
/// # Errors
/// A [`ConfigError`] that names the file, and the place in it unless the file cannot be read at all.
pub fn load(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    parse(path, &text)
}

/// Reads a configuration from `text`; `path` is for the error.
///
/// # Errors
/// A [`ConfigError`] that names the line, the column, the key and what would be right.
pub fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| ConfigError::of_toml(path, text, &error, &[]))?;
    match file.contradiction() {
        Some((span, message)) => Err(ConfigError::at(path, text, span, message)),
        None => Ok(file),
    }
}
