//! The configuration file.

use crate::nodes::{self, RadioNode};
use crate::relay::Naming;
use serde::{Deserialize, Deserializer, de};
use sn_config::radio::{self, CarriageKey, ChannelKey, InterfaceKey, RadioKeys, RadioLimitsKeys, SecurityKey};
use sn_config::serial::{self, DeviceKey, FlowControlKey, FramingKey, LineKeys, ParityKey};
use sn_config::{At, Claim, ConfigError, Contradiction, HostPort, log_filter_key};
use sn_types::NodeId;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use transports::ieee802154::RadioConfig;
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
    /// The file with the nodes of a secured radio.
    #[serde(default)]
    pub nodes: Option<Spanned<PathBuf>>,
    /// What is in that file.
    #[serde(skip)]
    pub radio_nodes: Vec<RadioNode>,
    /// The directory in which the frame counters of a secured radio are kept.
    #[serde(default)]
    pub state: Option<Spanned<PathBuf>>,
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
    #[serde(deserialize_with = "log_filter_key")]
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
    /// A radio of IEEE 802.15.4.
    Ieee802154(RadioConfig),
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
    Ieee802154,
    Udp,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serial => "serial",
            Self::Ieee802154 => "ieee802154",
            Self::Udp => "udp",
        })
    }
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
    interface: Option<InterfaceKey>,
    #[serde(default)]
    channel: Option<ChannelKey>,
    #[serde(default, deserialize_with = "radio::pan")]
    pan_id: Option<u16>,
    #[serde(default, deserialize_with = "radio::short")]
    short_address: Option<u16>,
    #[serde(default, deserialize_with = "radio::power")]
    tx_power_dbm: Option<i8>,
    #[serde(default)]
    security: Option<SecurityKey>,
    #[serde(default)]
    carriage: Option<CarriageKey>,
    #[serde(default)]
    fragment: Option<bool>,
    #[serde(default)]
    limits: Option<RadioLimitsKeys>,
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

impl Keys {
    /// A key that a transport of this kind does not have.
    fn foreign(&self) -> Option<&'static str> {
        use Kind::{Ieee802154, Serial, Udp};
        let keys: [(&'static str, bool, &[Kind]); 18] = [
            ("device", self.device.is_some(), &[Serial, Ieee802154]),
            ("framing", self.framing.is_some(), &[Serial]),
            ("baud", self.baud.is_some(), &[Serial, Ieee802154]),
            ("parity", self.parity.is_some(), &[Serial]),
            ("flow_control", self.flow_control.is_some(), &[Serial, Ieee802154]),
            ("mtu", self.mtu.is_some(), &[Serial]),
            ("gap_ms", self.gap_ms.is_some(), &[Serial]),
            ("node_id", self.node_id.is_some(), &[Serial]),
            ("interface", self.interface.is_some(), &[Ieee802154]),
            ("channel", self.channel.is_some(), &[Ieee802154]),
            ("pan_id", self.pan_id.is_some(), &[Ieee802154]),
            ("short_address", self.short_address.is_some(), &[Ieee802154]),
            ("tx_power_dbm", self.tx_power_dbm.is_some(), &[Ieee802154]),
            ("security", self.security.is_some(), &[Ieee802154]),
            ("carriage", self.carriage.is_some(), &[Ieee802154]),
            ("fragment", self.fragment.is_some(), &[Ieee802154]),
            ("limits", self.limits.is_some(), &[Ieee802154]),
            ("listen", self.listen.is_some(), &[Udp]),
        ];
        keys.into_iter().find_map(|(key, is_there, kinds)| (is_there && !kinds.contains(&self.kind)).then_some(key))
    }

    fn line(self) -> (LineKeys, Option<NodeId>) {
        let Self { device, framing, baud, parity, flow_control, mtu, gap_ms, node_id, .. } = self;
        (LineKeys { device, framing, baud, parity, flow_control, mtu, gap_ms }, node_id)
    }

    fn radio(self) -> RadioKeys {
        RadioKeys {
            device: self.device,
            interface: self.interface,
            baud: self.baud,
            flow_control: self.flow_control,
            channel: self.channel,
            pan_id: self.pan_id,
            short_address: self.short_address,
            tx_power_dbm: self.tx_power_dbm,
            security: self.security,
            carriage: self.carriage,
            fragment: self.fragment,
            limits: self.limits,
        }
    }
}

impl TryFrom<Keys> for TransportTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        if let Some(key) = keys.foreign() {
            return Err(format!("`{key}` is no key of a transport of kind `{}`", keys.kind));
        }
        match keys.kind {
            Kind::Serial => {
                let (line, node_id) = keys.line();
                Self::serial(line, node_id)
            }
            Kind::Ieee802154 => keys.radio().radio().map(Self::Ieee802154),
            Kind::Udp => Ok(Self::Udp { listen: keys.listen.ok_or("`listen` is missing")? }),
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
            Self::Ieee802154(_) => Naming::Radio,
            Self::Udp { .. } => Naming::Udp,
        }
    }

    /// The device that it takes for itself.
    fn device(&self) -> Option<String> {
        match self {
            Self::Serial { line, .. } => Some(line.device.to_string()),
            Self::Ieee802154(radio) => Some(radio.attachment.to_string()),
            Self::Udp { .. } => None,
        }
    }

    /// Whether frames are secured with keys and counters.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        match self {
            Self::Ieee802154(radio) => radio.security.is_some(),
            Self::Serial { .. } | Self::Udp { .. } => false,
        }
    }
}

impl File {
    /// A file that says only where the gateway is.
    #[must_use]
    pub fn new(gateway: HostPort) -> Self {
        let (transport, radio_nodes) = (Vec::new(), Vec::new());
        Self { gateway, local: None, nodes: None, radio_nodes, state: None, transport, log: LogTable::default() }
    }

    /// How the nodes of each transport are named.
    #[must_use]
    pub fn namings(&self) -> Vec<Naming> {
        self.transport.iter().enumerate().map(|(place, table)| table.get_ref().naming(place)).collect()
    }

    /// Puts these transports in the place of those in the file, and of what only those need.
    pub fn replace_transports(&mut self, transports: impl IntoIterator<Item = TransportTable>) {
        self.transport = transports.into_iter().map(|table| Spanned::new(0..0, table)).collect();
        (self.nodes, self.state) = (None, None);
    }

    /// What tables and keys say against each other.
    fn contradiction(&self) -> Option<Contradiction> {
        let of_names = self.namesakes().map(Contradiction::from);
        let of_addresses = || self.shared_address().map(Into::into);
        of_names
            .or_else(|| self.shared_device())
            .or_else(of_addresses)
            .or_else(|| self.security_contradiction().map(Into::into))
    }

    /// A device of two transports.
    fn shared_device(&self) -> Option<Contradiction> {
        let devices = self.transport.iter().filter_map(|table| Some((table.get_ref().device()?, At::from(table))));
        Contradiction::of_repeated(devices, |device| format!("two transports use {device}"))
    }

    /// An address that both ways would need, to the gateway and to nodes that speak UDP.
    fn shared_address(&self) -> Option<(Range<usize>, String)> {
        let local = Claim::of(self.local?)?;
        self.transport.iter().find_map(|table| match table.get_ref() {
            TransportTable::Udp { listen } => {
                let collision = Claim::of(*listen)?.collision(&local)?;
                Some((table.span(), format!("{collision}; `listen` and `local` are two ways")))
            }
            TransportTable::Serial { .. } | TransportTable::Ieee802154(_) => None,
        })
    }

    /// What is missing for a secured radio, or there without one.
    fn security_contradiction(&self) -> Option<(Range<usize>, String)> {
        let radio = self.transport.iter().find(|table| table.get_ref().is_secured());
        let keys = [
            ("nodes = \"FILE\"", "with the nodes' keys", &self.nodes),
            ("state = \"DIRECTORY\"", "for frame counters", &self.state),
        ];
        keys.into_iter().find_map(|(key, what, given)| match (radio, given) {
            (Some(radio), None) => {
                let message =
                    format!("a secured radio needs `{key}`, {what}, above all tables; or `security = \"none\"`");
                Some((radio.span(), message))
            }
            (None, Some(given)) => Some((given.span(), "this is of use with a secured radio only".into())),
            (Some(_), Some(_)) | (None, None) => None,
        })
    }

    /// Transports whose nodes would have the same ids.
    fn namesakes(&self) -> Option<(Range<usize>, String)> {
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
        self.contradiction().map_or(Ok(()), |contradiction| Err(contradiction.message))
    }
}

/// Reads a file, and the nodes' file that it names.
///
/// # Errors
/// A [`ConfigError`] that names the file, and the place in it unless the file cannot be read at all.
pub fn load(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    let mut file = parse(path, &text)?;
    if let Some(nodes) = &file.nodes {
        let loaded = nodes::load(nodes.get_ref());
        file.radio_nodes = loaded.map_err(|message| ConfigError::at(path, &text, nodes.span(), message))??;
    }
    Ok(file)
}

/// Reads a configuration from `text`; `path` is for the error.
///
/// # Errors
/// A [`ConfigError`] that names the line, the column, the key and what would be right.
pub fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    let file: File = sn_config::read(path, text, &[])?;
    match file.contradiction() {
        Some(contradiction) => Err(ConfigError::of_contradiction(path, text, contradiction)),
        None => Ok(file),
    }
}
