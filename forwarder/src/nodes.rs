//! The file with the radio nodes and the keys that they share with the forwarder.
//!
//! It is a file of its own, for its owner's eyes only, so that the configuration can be shown to anybody. What is wrong in it is
//! said without repeating its lines.

use serde::{Deserialize, Deserializer, de};
use sn_config::ConfigError;
use sn_config::name::read_name;
use sn_types::{Eui64, LinkKey};
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use toml::{Spanned, Value};

/// A node that may come in on a secured radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioNode {
    /// What people call it.
    pub name: String,
    /// Its radio's address.
    pub eui64: Eui64,
    /// What it shares with the forwarder.
    pub key: LinkKey,
}

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodesFile {
    #[serde(default)]
    node: Vec<NodeTable>,
}

/// A table `[[node]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[node]]")]
struct NodeTable {
    #[serde(deserialize_with = "name")]
    name: Spanned<String>,
    eui64: Spanned<Eui64Key>,
    key: Spanned<KeyKey>,
}

/// `eui64`
#[derive(Clone, Copy, PartialEq)]
struct Eui64Key(Eui64);

impl<'de> Deserialize<'de> for Eui64Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// `key`
#[derive(Clone, Copy, PartialEq)]
struct KeyKey(LinkKey);

impl<'de> Deserialize<'de> for KeyKey {
    /// Whatever is there is not repeated.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let key = value.as_str().and_then(|text| text.parse().ok());
        key.map(Self).ok_or_else(|| {
            de::Error::custom("a key is 32 hexadecimal digits within quotes; `openssl rand -hex 16` makes one")
        })
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spanned<String>, D::Error> {
    read_name(deserializer, "a node's name", "pump-7")
}

/// Reads the file. Nobody but its owner may write it; its group may read it, since a service is often in that.
///
/// # Errors
/// What is wrong, for the place that names the file; or a [`ConfigError`] that names the line, the column and the key.
pub fn load(path: &Path) -> Result<Result<Vec<RadioNode>, ConfigError>, String> {
    let unreadable = |error| format!("{}: cannot be read: {error}", path.display());
    let mode = fs::metadata(path).map_err(unreadable)?.mode() & 0o777;
    if mode & 0o037 != 0 {
        let path = path.display();
        return Err(format!("{path} has mode {mode:04o}, and there are keys in it: `chmod 600 {path}`"));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    Ok(parse(path, &text))
}

/// Reads nodes from `text`; `path` is for the error.
///
/// # Errors
/// A [`ConfigError`] that names the line, the column and the key, and repeats nothing of the text.
pub fn parse(path: &Path, text: &str) -> Result<Vec<RadioNode>, ConfigError> {
    let file: NodesFile = sn_config::read(path, text, &[]).map_err(ConfigError::without_text)?;
    match contradiction(&file.node) {
        Some((span, message)) => Err(ConfigError::at(path, text, span, message).without_text()),
        None => Ok(file.node.into_iter().map(RadioNode::from).collect()),
    }
}

/// What tables say against each other.
fn contradiction(nodes: &[NodeTable]) -> Option<(Range<usize>, String)> {
    if nodes.is_empty() {
        return Some((0..0, "there is no node in it; write a table [[node]] with `name`, `eui64` and `key`".into()));
    }
    nodes.iter().enumerate().find_map(|(place, node)| {
        let before = &nodes[..place];
        if before.iter().any(|other| other.name.get_ref() == node.name.get_ref()) {
            let message = format!("two nodes have the name \"{}\"; each has one of its own", node.name.get_ref());
            return Some((node.name.span(), message));
        }
        if let Some(other) = before.iter().find(|other| other.eui64.get_ref() == node.eui64.get_ref()) {
            return Some((node.eui64.span(), format!("this is the address of \"{}\", too", other.name.get_ref())));
        }
        let other = before.iter().find(|other| other.key.get_ref() == node.key.get_ref())?;
        let message =
            format!("\"{}\" has the same key; with that each could speak for the other", other.name.get_ref());
        Some((node.key.span(), message))
    })
}

impl From<NodeTable> for RadioNode {
    fn from(table: NodeTable) -> Self {
        let (Eui64Key(eui64), KeyKey(key)) = (table.eui64.into_inner(), table.key.into_inner());
        Self { name: table.name.into_inner(), eui64, key }
    }
}
