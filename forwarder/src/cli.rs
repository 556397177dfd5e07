//! The command line.

use crate::config::{self, File, TransportTable};
use anyhow::{Context, anyhow};
use clap::Parser;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use sn_config::serial::{DeviceKey, FramingKey, LineKeys};
use sn_config::{HostPort, checked_log_filter};
use sn_types::NodeId;
use std::net::SocketAddr;
use std::path::PathBuf;
use transports::serial::Device;

/// Carries MQTT-SN between nodes here and a gateway somewhere else.
#[derive(Debug, Parser)]
#[command(name = "sn-forwarder", version, long_about = ABOUT, after_long_help = MANUAL, arg_required_else_help = true)]
pub struct Cli {
    /// Read the configuration from FILE
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read the configuration, say whether it is right, and do nothing else
    #[arg(long)]
    check: bool,
    /// Where the gateway listens for MQTT-SN over UDP: HOST or HOST:PORT [default port: 1883]
    #[arg(short, long, value_name = "HOST", required_unless_present = "config")]
    gateway: Option<HostPort>,
    /// Send to the gateway from this address, so that its nodes stay the same when the forwarder starts again
    #[arg(long, value_name = "IP:PORT")]
    local: Option<SocketAddr>,
    /// Forward what comes on a serial line, in the place of the configured transports
    #[arg(long, value_name = "DEVICE", requires = "framing")]
    serial: Option<Device>,
    /// How messages are told apart on that line: cobs, hdlc, slip-crc, slip, raw, xbee, ...
    #[arg(long, value_name = "FRAMING", requires = "serial", value_parser = framing)]
    framing: Option<FramingKey>,
    /// Bits per second on that line [default: 115200]
    #[arg(long, value_name = "N", requires = "serial", value_parser = clap::value_parser!(u32).range(50..=4_000_000))]
    baud: Option<u32>,
    /// What the gateway knows the node on that line by: 1 to 24 octets [default: line-0]
    #[arg(long, value_name = "ID", requires = "serial", value_parser = config::node_id)]
    node_id: Option<NodeId>,
    /// Forward what comes over UDP at this address, too
    #[arg(long, value_name = "IP:PORT")]
    udp: Option<SocketAddr>,
    /// Log what FILTER lets through: off, error, warn, info, debug or trace, for all or by module
    #[arg(long, value_name = "FILTER", value_parser = checked_log_filter)]
    log: Option<String>,
}

fn framing(text: &str) -> Result<FramingKey, Error> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    FramingKey::deserialize(text)
}

impl Cli {
    /// The configuration with the flags put in, and whether it was only to be checked.
    ///
    /// # Errors
    /// The file cannot be read, or something in it or among the flags is wrong.
    pub fn file(mut self) -> anyhow::Result<(File, bool)> {
        let mut file = match (&self.config, &self.gateway) {
            (Some(path), _) => config::load(path)?,
            (None, Some(gateway)) => File::new(gateway.clone()),
            (None, None) => return Err(anyhow!("say where the gateway is, with --gateway HOST")),
        };
        let transports = self.transports()?;
        if let Some(gateway) = self.gateway {
            file.gateway = gateway;
        }
        file.local = self.local.or(file.local);
        if !transports.is_empty() {
            file.replace_transports(transports);
        }
        if let Some(filter) = self.log {
            file.log.filter = filter;
        }
        file.check().map_err(|error| anyhow!(error)).context("the configuration is wrong")?;
        Ok((file, self.check))
    }
}

impl Cli {
    /// The transports that flags describe.
    fn transports(&mut self) -> anyhow::Result<Vec<TransportTable>> {
        let mut transports = Vec::new();
        if let Some(device) = self.serial.take() {
            let keys = LineKeys {
                device: Some(DeviceKey(device)),
                framing: self.framing,
                baud: self.baud,
                ..LineKeys::default()
            };
            transports.push(TransportTable::serial(keys, self.node_id).map_err(|error| anyhow!(error))?);
        }
        transports.extend(self.udp.map(|listen| TransportTable::Udp { listen }));
        Ok(transports)
    }
}

const ABOUT: &str = "\
Carries MQTT-SN between nodes here and a gateway somewhere else.

Nodes on a serial line, a radio of IEEE 802.15.4, an XBee radio or UDP are passed on over UDP in MQTT-SN's forwarder \
encapsulation (1.2 §5.5). The forwarder keeps no messages and acknowledges none: what becomes of it costs no message that \
anybody was promised.";

const MANUAL: &str = "\
Examples:
  sn-forwarder --serial /dev/ttyUSB0 --framing cobs --gateway gateway.local
          One node on a line.
  sn-forwarder --config /etc/sn-forwarder/forwarder.toml
          Take everything from a file.

Signals:
  SIGTERM, SIGINT
          Stop. The exit status is 0.
  SIGUSR1
          Log what has passed so far.

Files:
  config/forwarder.toml
          A configuration with every key, its meaning and its default.
  config/sn-forwarder.service
          A unit for systemd.";
