//! `[[transport]]`: where MQTT-SN comes in.

use super::access::user;
use super::addr::{ListenAddr, group};
use super::name::read_name;
use super::number::within;
use super::pacing::{PacingKeys, Percent, percent};
use super::radio::{self, CarriageKey, ChannelKey, InterfaceKey, RadioKeys, RadioLimitsKeys, SecurityKey};
use super::serial::{self, DeviceKey, FlowControlKey, FramingKey, LineKeys, ParityKey};
use gateway_core::{Admission, Pacing};
use serde::{Deserialize, Deserializer};
use sn_config::{At, Claim, Contradiction};
use sn_types::LinkProfile;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use toml::Spanned;
use transports::ieee802154::RadioConfig;
use transports::serial::{Framing, SerialConfig};
use transports::{Multicast, UdpConfig};

/// A table, by its `kind`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub enum TransportTable {
    /// UDP over IPv4 or IPv6.
    Udp(UdpTable),
    /// A serial line.
    Serial(SerialTable),
    /// A radio of IEEE 802.15.4.
    Ieee802154(RadioTable),
    /// Simulated nodes, from a simulator that connects to a Unix socket.
    Sim(SimTable),
}

/// `kind = "udp"`
#[derive(Clone, Debug, PartialEq)]
pub struct UdpTable {
    /// See [`TransportTable::name`].
    pub name: Option<Spanned<String>>,
    /// Where its address stands.
    at: At,
    /// The address to listen on.
    pub listen: ListenAddr,
    /// See [`LinkProfile::mtu`].
    pub mtu: u16,
    /// See [`LinkProfile::mtu_behind_forwarders`].
    pub mtu_behind_forwarders: u16,
    /// See [`Multicast::group`]; without it there is no discovery.
    pub multicast: Option<Spanned<SocketAddr>>,
    /// See [`Multicast::interface`].
    pub multicast_interface: Option<String>,
    /// See [`Multicast::hops`].
    pub multicast_hops: u8,
    /// Who comes in, of those whom no table `[[node]]` names.
    pub admission: Admission,
}

/// `kind = "serial"`
#[derive(Clone, Debug, PartialEq)]
pub struct SerialTable {
    /// See [`TransportTable::name`].
    pub name: Option<Spanned<String>>,
    /// Where its device stands.
    at: At,
    /// The line, and what is on it.
    pub line: SerialConfig,
    /// How it is spared.
    pub pacing: Pacing,
    /// Who comes in, of those whom no table `[[node]]` names.
    pub admission: Admission,
}

/// `kind = "ieee802154"`
#[derive(Clone, Debug, PartialEq)]
pub struct RadioTable {
    /// See [`TransportTable::name`].
    pub name: Option<Spanned<String>>,
    /// Where its device or interface stands.
    at: At,
    /// The radio, and how it is set up.
    pub radio: RadioConfig,
    /// How it is spared.
    pub pacing: Pacing,
    /// Who comes in, of those whom no table `[[node]]` names.
    pub admission: Admission,
}

/// `kind = "sim"`
#[derive(Clone, Debug, PartialEq)]
pub struct SimTable {
    /// See [`TransportTable::name`].
    pub name: Option<Spanned<String>>,
    /// Where its path stands.
    at: At,
    /// The Unix socket to listen at.
    pub path: PathBuf,
    /// How it is spared.
    pub pacing: Pacing,
    /// Who comes in, of those whom no table `[[node]]` names.
    pub admission: Admission,
}

/// The values of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Udp,
    Serial,
    Ieee802154,
    Sim,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Serial => "serial",
            Self::Ieee802154 => "ieee802154",
            Self::Sim => "sim",
        })
    }
}

/// The keys of all kinds, as they are in the file. A tagged enum would lose the places of errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[transport]]")]
struct Keys {
    kind: Kind,
    #[serde(default, deserialize_with = "some_name")]
    name: Option<Spanned<String>>,
    #[serde(default)]
    listen: Option<Spanned<ListenAddr>>,
    #[serde(default, deserialize_with = "serial::mtu")]
    mtu: Option<u16>,
    #[serde(default, deserialize_with = "serial::mtu")]
    mtu_behind_forwarders: Option<u16>,
    #[serde(default, deserialize_with = "group")]
    multicast: Option<Spanned<SocketAddr>>,
    #[serde(default)]
    multicast_interface: Option<String>,
    #[serde(default, deserialize_with = "hops")]
    multicast_hops: Option<u8>,
    #[serde(default)]
    device: Option<Spanned<DeviceKey>>,
    #[serde(default)]
    interface: Option<Spanned<InterfaceKey>>,
    #[serde(default)]
    framing: Option<FramingKey>,
    #[serde(default, deserialize_with = "serial::baud")]
    baud: Option<u32>,
    #[serde(default)]
    parity: Option<ParityKey>,
    #[serde(default)]
    flow_control: Option<FlowControlKey>,
    #[serde(default, deserialize_with = "serial::gap")]
    gap_ms: Option<u64>,
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
    path: Option<Spanned<PathBuf>>,
    #[serde(default, deserialize_with = "percent")]
    airtime_percent: Option<Percent>,
    #[serde(default, deserialize_with = "window")]
    airtime_window_s: Option<u64>,
    #[serde(default, deserialize_with = "rate")]
    airtime_bits_per_s: Option<u32>,
    #[serde(default, deserialize_with = "wakes")]
    wakes_at_once: Option<u16>,
    #[serde(default, deserialize_with = "some_user")]
    user: Option<String>,
    #[serde(default)]
    anonymous: Option<bool>,
}

fn some_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<String>>, D::Error> {
    read_name(deserializer, "a transport's name", "garden").map(Some)
}

fn some_user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    user(deserializer).map(Some)
}

fn hops<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    within::<0, 255, _, _>(deserializer).map(Some)
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    within::<60, 86_400, _, _>(deserializer).map(Some)
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    within::<100, 100_000_000, _, _>(deserializer).map(Some)
}

fn wakes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    within::<0, 65_535, _, _>(deserializer).map(Some)
}

impl Keys {
    /// A key that a transport of this kind does not have.
    fn foreign(&self) -> Option<&'static str> {
        use Kind::{Ieee802154, Serial, Sim, Udp};
        let keys: [(&'static str, bool, &[Kind]); 26] = [
            ("listen", self.listen.is_some(), &[Udp]),
            ("mtu", self.mtu.is_some(), &[Udp, Serial]),
            ("mtu_behind_forwarders", self.mtu_behind_forwarders.is_some(), &[Udp]),
            ("multicast", self.multicast.is_some(), &[Udp]),
            ("multicast_interface", self.multicast_interface.is_some(), &[Udp]),
            ("multicast_hops", self.multicast_hops.is_some(), &[Udp]),
            ("device", self.device.is_some(), &[Serial, Ieee802154]),
            ("interface", self.interface.is_some(), &[Ieee802154]),
            ("framing", self.framing.is_some(), &[Serial]),
            ("baud", self.baud.is_some(), &[Serial, Ieee802154]),
            ("parity", self.parity.is_some(), &[Serial]),
            ("flow_control", self.flow_control.is_some(), &[Serial, Ieee802154]),
            ("gap_ms", self.gap_ms.is_some(), &[Serial]),
            ("channel", self.channel.is_some(), &[Ieee802154]),
            ("pan_id", self.pan_id.is_some(), &[Ieee802154]),
            ("short_address", self.short_address.is_some(), &[Ieee802154]),
            ("tx_power_dbm", self.tx_power_dbm.is_some(), &[Ieee802154]),
            ("security", self.security.is_some(), &[Ieee802154]),
            ("carriage", self.carriage.is_some(), &[Ieee802154]),
            ("fragment", self.fragment.is_some(), &[Ieee802154]),
            ("limits", self.limits.is_some(), &[Ieee802154]),
            ("path", self.path.is_some(), &[Sim]),
            ("airtime_percent", self.airtime_percent.is_some(), &[Serial, Ieee802154, Sim]),
            ("airtime_window_s", self.airtime_window_s.is_some(), &[Serial, Ieee802154, Sim]),
            ("airtime_bits_per_s", self.airtime_bits_per_s.is_some(), &[Serial, Ieee802154, Sim]),
            ("wakes_at_once", self.wakes_at_once.is_some(), &[Serial, Ieee802154, Sim]),
        ];
        keys.into_iter().find_map(|(key, is_there, kinds)| (is_there && !kinds.contains(&self.kind)).then_some(key))
    }

    /// How the link is spared.
    fn pacing(&self) -> Result<Pacing, String> {
        let keys = PacingKeys {
            percent: self.airtime_percent,
            window_s: self.airtime_window_s,
            bits_per_s: self.airtime_bits_per_s,
            wakes: self.wakes_at_once,
        };
        keys.pacing(self.is_radio())
    }

    fn is_radio(&self) -> bool {
        self.kind == Kind::Ieee802154 || self.framing.is_some_and(|key| Framing::from(key).is_radio())
    }

    /// Who comes in: what is on this machine, or at a line to it, is trusted unless the operator says otherwise.
    fn admission(&self) -> Admission {
        let is_local =
            !self.is_radio() && self.listen.as_ref().is_none_or(|listen| listen.get_ref().0.ip().is_loopback());
        Admission { user: self.user.as_deref().map(Arc::from), anonymous: self.anonymous.unwrap_or(is_local) }
    }

    fn udp(self) -> Result<UdpTable, String> {
        let admission = self.admission();
        let listen = self.listen.ok_or("`listen` is missing")?;
        Ok(UdpTable {
            admission,
            name: self.name,
            at: At::from(&listen),
            listen: listen.into_inner(),
            mtu: self.mtu.unwrap_or(LinkProfile::UDP.mtu),
            mtu_behind_forwarders: self.mtu_behind_forwarders.unwrap_or(LinkProfile::UDP.mtu_behind_forwarders),
            multicast: self.multicast,
            multicast_interface: self.multicast_interface,
            multicast_hops: self.multicast_hops.unwrap_or(Multicast::DEFAULT_HOPS),
        })
    }

    fn sim(self) -> Result<SimTable, String> {
        let (admission, pacing) = (self.admission(), self.pacing()?);
        let path = self.path.ok_or("`path` is missing")?;
        Ok(SimTable { admission, pacing, name: self.name, at: At::from(&path), path: path.into_inner() })
    }

    fn ieee802154(self) -> Result<RadioTable, String> {
        let (admission, pacing) = (self.admission(), self.pacing()?);
        let at = if self.device.is_some() { At::from(&self.device) } else { At::from(&self.interface) };
        let keys = RadioKeys {
            device: self.device.map(Spanned::into_inner),
            interface: self.interface.map(Spanned::into_inner),
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
        };
        let radio = keys.radio()?;
        Ok(RadioTable { name: self.name, at, radio, pacing, admission })
    }

    fn serial(self) -> Result<SerialTable, String> {
        let (admission, pacing) = (self.admission(), self.pacing()?);
        let at = At::from(&self.device);
        let keys = LineKeys {
            device: self.device.map(Spanned::into_inner),
            framing: self.framing,
            baud: self.baud,
            parity: self.parity,
            flow_control: self.flow_control,
            mtu: self.mtu,
            gap_ms: self.gap_ms,
        };
        let line = keys.line()?;
        Ok(SerialTable { name: self.name, at, line, pacing, admission })
    }
}

impl TryFrom<Keys> for TransportTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        if let Some(key) = keys.foreign() {
            return Err(format!("`{key}` is no key of a transport of kind `{}`", keys.kind));
        }
        Ok(match keys.kind {
            Kind::Udp => Self::Udp(keys.udp()?),
            Kind::Serial => Self::Serial(keys.serial()?),
            Kind::Ieee802154 => Self::Ieee802154(keys.ieee802154()?),
            Kind::Sim => Self::Sim(keys.sim()?),
        })
    }
}

impl TransportTable {
    /// UDP on `listen`, with the defaults.
    #[must_use]
    pub fn udp(listen: ListenAddr) -> Self {
        Self::Udp(UdpTable {
            name: None,
            at: At::default(),
            listen,
            mtu: LinkProfile::UDP.mtu,
            mtu_behind_forwarders: LinkProfile::UDP.mtu_behind_forwarders,
            multicast: None,
            multicast_interface: None,
            multicast_hops: Multicast::DEFAULT_HOPS,
            admission: Admission { user: None, anonymous: listen.0.ip().is_loopback() },
        })
    }

    /// A simulator at `path`, which programs of the same user reach.
    #[must_use]
    pub fn sim(path: PathBuf) -> Self {
        Self::Sim(SimTable {
            name: None,
            at: At::default(),
            path,
            pacing: Pacing::default(),
            admission: Admission::default(),
        })
    }

    /// What it is called, `place` being how many transports the configuration has before it: what its table says, or its
    /// kind and its place, as `udp-0`.
    #[must_use]
    pub fn name(&self, place: usize) -> String {
        let (name, kind) = match self {
            Self::Udp(table) => (&table.name, Kind::Udp),
            Self::Serial(table) => (&table.name, Kind::Serial),
            Self::Ieee802154(table) => (&table.name, Kind::Ieee802154),
            Self::Sim(table) => (&table.name, Kind::Sim),
        };
        name.as_ref().map_or_else(|| format!("{kind}-{place}"), |name| name.get_ref().clone())
    }

    /// Where its name stands, if it has been given one.
    fn name_at(&self) -> At {
        let (Self::Udp(UdpTable { name, .. })
        | Self::Serial(SerialTable { name, .. })
        | Self::Ieee802154(RadioTable { name, .. })
        | Self::Sim(SimTable { name, .. })) = self;
        At::from(name)
    }

    /// What it takes for itself: an address, a device. Of port 0 the system makes another one each time.
    fn place(&self) -> Option<(String, At)> {
        match self {
            Self::Udp(table) if table.listen.0.port() == 0 => None,
            Self::Udp(table) => Some((table.listen.0.to_string(), table.at.clone())),
            Self::Serial(table) => Some((table.line.device.to_string(), table.at.clone())),
            Self::Ieee802154(table) => Some((table.radio.attachment.to_string(), table.at.clone())),
            Self::Sim(table) => Some((table.path.display().to_string(), table.at.clone())),
        }
    }

    /// Who comes in, of those whom no table `[[node]]` names.
    pub fn admission_mut(&mut self) -> &mut Admission {
        match self {
            Self::Udp(table) => &mut table.admission,
            Self::Serial(table) => &mut table.admission,
            Self::Ieee802154(table) => &mut table.admission,
            Self::Sim(table) => &mut table.admission,
        }
    }

    /// How it is spared.
    #[must_use]
    pub fn pacing(&self) -> Pacing {
        match self {
            Self::Udp(_) => Pacing::default(),
            Self::Serial(table) => table.pacing.clone(),
            Self::Ieee802154(table) => table.pacing.clone(),
            Self::Sim(table) => table.pacing.clone(),
        }
    }

    /// Its keys, if it is UDP.
    #[must_use]
    pub fn as_udp(&self) -> Option<&UdpTable> {
        match self {
            Self::Udp(table) => Some(table),
            Self::Serial(_) | Self::Ieee802154(_) | Self::Sim(_) => None,
        }
    }

    /// Whether frames are secured with keys and counters.
    pub(super) fn is_secured(&self) -> bool {
        match self {
            Self::Ieee802154(table) => table.radio.security.is_some(),
            Self::Udp(_) | Self::Serial(_) | Self::Sim(_) => false,
        }
    }

    /// What keys that are right each for itself say against each other.
    fn contradiction(&self) -> Option<(Range<usize>, String)> {
        let UdpTable { multicast, listen: ListenAddr(listen), .. } = self.as_udp()?;
        let group = multicast.as_ref()?;
        let message = format!("the group {} and the address {listen} are of two families", group.get_ref());
        (group.get_ref().is_ipv4() != listen.is_ipv4()).then(|| (group.span(), message))
    }
}

/// What tables say against each other, or one against itself.
pub(super) fn contradiction(tables: &[TransportTable]) -> Option<Contradiction> {
    let names = tables.iter().enumerate().map(|(place, table)| (table.name(place), table.name_at()));
    let of_names = Contradiction::of_repeated(names, |name| {
        format!("there are two transports `{name}`; each has a name of its own")
    });
    let udp = || tables.iter().filter_map(TransportTable::as_udp);
    let of_addresses = || {
        let all: Vec<SocketAddr> = udp().map(|table| table.listen.0).collect();
        let claims = udp().filter_map(|table| Some((Claim::among(table.listen.0, &all)?, table.at.clone())));
        Contradiction::of_pair(claims, Claim::collision)
    };
    let places = || tables.iter().filter_map(TransportTable::place);
    let of_places = || Contradiction::of_repeated(places(), |place| format!("two transports use {place}"));
    let each = || tables.iter().find_map(TransportTable::contradiction).map(Into::into);
    of_names.or_else(of_places).or_else(of_addresses).or_else(each)
}

impl UdpTable {
    /// What the transport takes. `only_v6`: see [`UdpConfig::only_v6`].
    #[must_use]
    pub fn transport(&self, only_v6: bool) -> UdpConfig {
        let multicast = self.multicast.as_ref().map(|group| Multicast {
            group: *group.get_ref(),
            interface: self.multicast_interface.clone(),
            hops: self.multicast_hops,
        });
        let Self { mtu, mtu_behind_forwarders, .. } = *self;
        UdpConfig { listen: self.listen.0, only_v6, mtu, mtu_behind_forwarders, multicast }
    }
}
