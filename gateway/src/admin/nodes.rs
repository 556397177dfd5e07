//! `sn-gateway nodes`: what is said about radio nodes over the socket, and what the command line makes of it.
//!
//! A key goes one way, from the command line to the gateway. Nothing here shows one but [`run`] of `add --generate-key`, once.

use super::client::{ask, unexpected};
use super::protocol::{Answer, Request};
use super::view;
use crate::cli::{KeyArgs, Nodes};
use crate::store::Wall;
use anyhow::{Context, bail};
use gateway_core::{NewNode, NodeInfo};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sn_types::{Eui64, Heard, Instant, LinkKey};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// A node that is to be put onto the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddNode {
    /// Its address.
    pub node: String,
    /// What people call it.
    pub name: String,
    /// The key that it shares with the gateway.
    pub key: Option<KeyText>,
    /// When, in seconds since 1970.
    pub added_s: u64,
}

/// A key in hexadecimal digits. It is not shown by accident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyText(pub String);

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText")
    }
}

impl AddNode {
    /// As the core takes it; or what is wrong with it.
    pub(crate) fn node(self) -> Result<NewNode, String> {
        let node = self.node.parse().map_err(|error| format!("\"{}\": {error}", self.node))?;
        let key =
            self.key.map(|KeyText(text)| text.parse::<LinkKey>()).transpose().map_err(|error| error.to_string())?;
        Ok(NewNode { node, name: self.name, key, added_s: self.added_s })
    }
}

/// A node in a list. Its key is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its address.
    pub node: String,
    /// Its name; without one it is not on the list, and only heard.
    pub name: Option<String>,
    /// There is a key for it.
    pub secured: bool,
    /// It may not come in any more.
    pub revoked: bool,
    /// When it was put onto the list, in seconds since 1970.
    pub added_s: Option<u64>,
    /// How many seconds ago something came from it, if it did since the gateway's start.
    pub seen_s: Option<u64>,
    /// The transport on which that was, 0 is the first.
    pub transport: Option<u8>,
    /// Received power in dBm, smoothed.
    pub rssi_dbm: Option<i8>,
    /// Link quality, 0 to 255, smoothed.
    pub lqi: Option<u8>,
    /// The address of the router over which it is heard, if it is not heard itself: power and quality are that one's.
    pub via: Option<String>,
    /// In how many hops its frames come then.
    pub hops: Option<u8>,
    /// Frames from it.
    pub frames: u64,
    /// How often the radio had to send to it again.
    pub retries: u64,
    /// Frames to it that were not acknowledged.
    pub failures: u64,
    /// The id of the client that is there.
    pub client: Option<String>,
    /// What that client does: "active", "asleep", "awake", "disconnected" or "lost".
    pub state: Option<String>,
}

impl NodeRow {
    /// `now` is the core's time.
    pub(crate) fn new(info: &NodeInfo, now: Instant) -> Self {
        let (transport, heard) = info.heard.unzip();
        let Heard { signal, relay, frames, retries, failures } = heard.unwrap_or_default();
        Self {
            node: info.node.to_string(),
            name: info.name.as_deref().map(str::to_owned),
            secured: info.has_key,
            revoked: info.revoked,
            added_s: info.added_s,
            seen_s: info.seen.map(|seen| now.since(seen).as_secs()),
            transport: transport.map(|transport| transport.0),
            rssi_dbm: signal.rssi_dbm,
            lqi: signal.lqi,
            via: relay.map(|relay| relay.router.to_string()),
            hops: relay.map(|relay| relay.hops),
            frames,
            retries,
            failures,
            client: info.client.as_ref().map(|(client_id, _)| (**client_id).into()),
            state: info.client.as_ref().map(|(_, state)| super::protocol::state(*state).into()),
        }
    }
}

/// Carries a command out, and answers with what to print.
///
/// # Errors
/// No gateway runs on the directory, there is no such node, or the list does not take it.
pub fn run(what: &Nodes) -> anyhow::Result<String> {
    match what {
        Nodes::List { json, data } => match ask(&data.dir()?, &Request::Nodes)?.0 {
            Answer::Nodes(rows) if *json => Ok(serde_json::to_string_pretty(&rows)? + "\n"),
            Answer::Nodes(rows) => Ok(view::nodes(&rows)),
            other => unexpected(other),
        },
        Nodes::Add { address, name, key, json, data } => add(&data.dir()?, *address, name, key, *json),
        Nodes::Rename { node, name, data } => {
            let request = Request::RenameNode { which: node.clone(), name: name.clone() };
            Ok(format!("{} is \"{name}\" now.\n", edit(&data.dir()?, &request)?))
        }
        Nodes::Revoke { node, data } => {
            let address = edit(&data.dir()?, &Request::RevokeNode(node.clone()))?;
            Ok(format!("{address} does not come in any more, and its session is forgotten.\n"))
        }
        Nodes::Remove { node, data } => {
            let address = edit(&data.dir()?, &Request::RemoveNode(node.clone()))?;
            Ok(format!("{address} is on the list no more. Should it come back, give it another key.\n"))
        }
    }
}

fn add(data: &Path, address: Eui64, name: &str, key: &KeyArgs, json: bool) -> anyhow::Result<String> {
    let chosen = chosen_key(key)?;
    let made = if key.generate_key { Some(generate_key()?) } else { None };
    let add = AddNode {
        node: address.to_string(),
        name: name.into(),
        key: chosen.or(made).map(|LinkKey(octets)| KeyText(hex(&octets))),
        added_s: Wall::now().0.as_secs(),
    };
    let node = edit(data, &Request::AddNode(add))?;
    let made = made.map(|LinkKey(octets)| hex(&octets));
    if json {
        return Ok(json!({ "node": node, "name": name, "key": made }).to_string() + "\n");
    }
    Ok(match made {
        Some(key) => format!("{node} is \"{name}\". Its key, which is not shown again:\n{key}\n"),
        None => format!("{node} is \"{name}\".\n"),
    })
}

/// Changes the list: the address of the node that it was about.
fn edit(data: &Path, request: &Request) -> anyhow::Result<String> {
    match ask(data, request)?.0 {
        Answer::Node(address) => Ok(address),
        other => unexpected(other),
    }
}

/// The key that the operator has named.
fn chosen_key(args: &KeyArgs) -> anyhow::Result<Option<LinkKey>> {
    let Some(path) = &args.key_file else { return Ok(args.key) };
    let text = if path == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    match text.trim().parse() {
        Ok(key) => Ok(Some(key)),
        Err(error) => bail!("{}: {error}", path.display()),
    }
}

fn generate_key() -> anyhow::Result<LinkKey> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).context("the system gives no random numbers")?;
    Ok(LinkKey(octets))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The words for what may become of a node.
pub(super) fn standing(row: &NodeRow) -> &'static str {
    match (&row.name, row.revoked, row.secured) {
        (None, _, _) => "not listed",
        (Some(_), true, _) => "revoked",
        (Some(_), false, true) => "key",
        (Some(_), false, false) => "no key",
    }
}

/// An age that people read: the two largest units.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        86_400.. => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}
