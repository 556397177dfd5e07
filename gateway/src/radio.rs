//! `sn-gateway radio`: what a radio is, and how loud the channels are. A dongle that nobody has open is opened here; about a
//! radio that a running gateway has, the gateway is asked.

use crate::admin::client::{ask, unexpected};
use crate::admin::protocol::{Answer, RadioInfo, RadioScan, Request};
use crate::admin::radio::SCAN_MS;
use crate::cli::DataArgs;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use sn_types::TransportId;
use std::future::poll_fn;
use std::time::Duration;
use tokio::time::timeout;
use transports::ieee802154::rcp::Energy;
use transports::ieee802154::{Attachment, Carriages, Limits, RadioConfig};
use transports::serial::{Device, FlowControl, Line, Parity};
use transports::{LinkEvent, RadioTransport, Transport as _};

/// How long a radio may take to start, and to listen on all channels beside the time that it listens.
const PATIENCE: Duration = Duration::from_secs(15);
/// While it is looked at it is on this channel, and in a PAN of which it hears nothing that is used.
const CHANNEL: u8 = 15;
const PAN_ID: u16 = 0xFFFE;

/// What to do with a radio.
#[derive(Debug, Subcommand)]
pub enum Radio {
    /// Say what it is: address, firmware, capabilities
    Info {
        /// Which
        #[command(flatten)]
        which: Which,
    },
    /// Listen on each channel, and say how loud it was
    ///
    /// A gateway that has the radio open hears no node meanwhile, and nothing is sent: 16 times --period-ms, and a little more.
    Scan {
        /// Which
        #[command(flatten)]
        which: Which,
        /// Milliseconds on each channel, 1 to 2000
        #[arg(long, value_name = "MS", default_value_t = 500, value_parser = scan_ms())]
        period_ms: u16,
    },
}

fn scan_ms() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(i64::from(*SCAN_MS.start())..=i64::from(*SCAN_MS.end()))
}

/// A radio: a dongle's device, or the transport of a running gateway.
#[derive(Debug, Args)]
pub struct Which {
    /// The dongle's device, as in the configuration: a path, or usb:VENDOR:PRODUCT; no gateway may have it open
    #[arg(required_unless_present = "transport")]
    device: Option<Device>,
    /// In place of a device: the radio of a running gateway, by its transport's name
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["device", "baud"])]
    transport: Option<String>,
    /// Which gateway
    #[command(flatten)]
    data: DataArgs,
    /// The device's rate; USB devices take any
    #[arg(long, default_value_t = 460_800)]
    baud: u32,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Does it, and says what came of it.
///
/// # Errors
/// There is no such device, somebody has it open, it is no radio, or it does not answer. Or no gateway runs, it has no such
/// radio, or one that is away; or one that does not scan, or does already.
pub fn run(what: &Radio) -> anyhow::Result<String> {
    match what {
        Radio::Info { which } => {
            let info = which.info()?;
            if which.json { json(&info) } else { Ok(info.to_string()) }
        }
        Radio::Scan { which, period_ms } => {
            let scan = which.scan(*period_ms)?;
            if which.json { json(&scan.channels) } else { Ok(scan.to_string()) }
        }
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

impl Which {
    fn info(&self) -> anyhow::Result<RadioInfo> {
        if let Some(transport) = &self.transport {
            return match ask(&self.data.dir()?, &Request::RadioInfo(transport.clone()))?.0 {
                Answer::RadioInfo(info) => Ok(*info),
                other => unexpected(other),
            };
        }
        block_on(async {
            let radio = self.open().await?;
            Ok(RadioInfo::of_dongle(radio.info().context("the radio has gone")?))
        })
    }

    fn scan(&self, period_ms: u16) -> anyhow::Result<RadioScan> {
        if let Some(transport) = self.transport.clone() {
            return match ask(&self.data.dir()?, &Request::RadioScan { transport, period_ms })?.0 {
                Answer::RadioScan(scan) => Ok(scan),
                other => unexpected(other),
            };
        }
        block_on(async {
            let energy = scan(&mut self.open().await?, period_ms).await?;
            Ok(RadioScan { channels: energy.iter().map(Into::into).collect(), deaf_ms: None })
        })
    }

    /// Starts the dongle.
    async fn open(&self) -> anyhow::Result<RadioTransport> {
        let device = self.device.clone().context("no device is named")?;
        let name = device.to_string();
        let line = Line { device, baud: self.baud, parity: Parity::None, flow_control: FlowControl::None };
        let config = RadioConfig {
            attachment: Attachment::Rcp(line),
            channel: Some(CHANNEL),
            pan_id: PAN_ID,
            short_address: None,
            tx_power_dbm: None,
            security: None,
            carriages: Carriages::Bare,
            fragment: false,
            limits: Limits::DEFAULT,
        };
        let mut radio = RadioTransport::new(TransportId(0), config)?;
        let started = timeout(PATIENCE, until(&mut radio, |radio| radio.info().map(|_| ()))).await;
        started.with_context(|| format!("{name}: it does not answer"))?.context(name)?;
        Ok(radio)
    }
}

fn block_on<T>(what: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(what)
}

async fn scan(radio: &mut RadioTransport, period_ms: u16) -> anyhow::Result<Vec<Energy>> {
    radio.scan(period_ms)?;
    let listens = Duration::from_millis(period_ms.into()) * 16;
    timeout(PATIENCE + listens, until(radio, RadioTransport::take_scan)).await.context("the scan does not end")?
}

/// Polls the radio until there is something to be had of it.
async fn until<T>(
    radio: &mut RadioTransport,
    mut have: impl FnMut(&mut RadioTransport) -> Option<T>,
) -> anyhow::Result<T> {
    loop {
        if let Some(had) = have(radio) {
            return Ok(had);
        }
        poll_fn(|cx| radio.poll_recv(cx)).await?;
        while let Some(event) = radio.poll_event() {
            match event {
                LinkEvent::Down(why) | LinkEvent::TurnedAway(why) => bail!("{why}"),
                LinkEvent::Up(_) | LinkEvent::Note(_) | LinkEvent::NoKey { .. } => {}
            }
        }
    }
}
