//! What an operator does to the list.

use super::Listed;
use crate::broker::SessionKey;
use crate::{Core, LostReason};
use sn_types::{Eui64, Instant, LinkAddr, LinkKey, PeerAddr, Way};
use std::sync::Arc;
use std::{error, fmt};

/// The longest name, in octets.
const NAME_LEN: usize = 64;

/// A node that is to be put onto the list.
#[derive(Clone, Debug)]
pub struct NewNode {
    /// Its address.
    pub node: Eui64,
    /// What people call it: one level of a topic name, without `*`, and nothing that reads as an address.
    pub name: String,
    /// The key that it shares with the gateway.
    pub key: Option<LinkKey>,
    /// When, in seconds since 1970.
    pub added_s: u64,
}

/// Why the list stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeError {
    /// There is no such node on it.
    Unknown,
    /// The node is on it, under this name.
    Listed(Arc<str>),
    /// The node with this address has that name.
    NameTaken(Eui64),
    /// That is no name for a node.
    BadName,
    /// As many nodes as there may be are on it.
    Full(usize),
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such node on the list"),
            Self::Listed(name) => {
                write!(f, "it is on the list already, as \"{name}\"; to give it another key, remove it first")
            }
            Self::NameTaken(node) => write!(f, "{node} has that name"),
            Self::BadName => write!(
                f,
                "a node's name has 1 to {NAME_LEN} octets, no '/', '+', '#', '*' and control characters, and is no address"
            ),
            Self::Full(limit) => write!(f, "{limit} nodes are on the list, the most that [limits] allows"),
        }
    }
}

impl error::Error for NodeError {}

impl Core {
    /// The listed node that an operator means: by its name or its address.
    #[must_use]
    pub fn find_node(&self, which: &str) -> Option<Eui64> {
        let by_name = self.nodes.listed.iter().find(|(_, listed)| *listed.name == *which).map(|(node, _)| *node);
        by_name.or_else(|| which.parse().ok().filter(|node| self.nodes.listed.contains_key(node)))
    }

    /// Puts a node onto the list.
    ///
    /// # Errors
    /// [`NodeError`]; the list is as before.
    pub fn add_node(&mut self, now: Instant, new: NewNode) -> Result<(), NodeError> {
        let NewNode { node, name, key, added_s } = new;
        if let Some(listed) = self.nodes.listed.get(&node) {
            return Err(NodeError::Listed(listed.name.clone()));
        }
        if self.nodes.listed.len() >= self.config.limits.nodes {
            return Err(NodeError::Full(self.config.limits.nodes));
        }
        self.check_name(&name, node)?;
        let listed = Listed { name: name.into(), key, added_s, revoked: false, counter: None, way: Way::default() };
        self.nodes.listed.insert(node, listed);
        if self.nodes.ears.contains_key(&node) {
            self.nodes.strangers -= 1;
        }
        self.node_changed(now, node);
        Ok(())
    }

    /// Gives a node another name.
    ///
    /// # Errors
    /// [`NodeError`]; the list is as before.
    pub fn rename_node(&mut self, now: Instant, node: Eui64, name: &str) -> Result<(), NodeError> {
        self.check_name(name, node)?;
        let displaced = self.displaced(node);
        self.nodes.listed.get_mut(&node).ok_or(NodeError::Unknown)?.name = name.into();
        for (key, addr) in displaced {
            let Some(session) = self.broker.sessions.get(key) else { continue };
            if let Ok(user) = self.identify(addr, &session.client_id) {
                self.set_user(key, user);
            }
        }
        self.node_changed(now, node);
        Ok(())
    }

    /// Sessions that belong to the node's user and have no address any more, since another client id is used there: each with
    /// an address of the node at which it is that user.
    fn displaced(&self, node: Eui64) -> Vec<(SessionKey, PeerAddr)> {
        let addresses = self.sn.transports().map(|transport| PeerAddr::direct(transport, LinkAddr::Eui64(node.0)));
        let addresses: Vec<_> = addresses.collect();
        let place = |key| {
            let session = self.broker.sessions.get(key)?;
            let user = session.user.as_ref()?;
            let is_user =
                |addr: &&PeerAddr| self.identify(**addr, &session.client_id).is_ok_and(|is| is.as_ref() == Some(user));
            Some((key, *addresses.iter().find(is_user)?))
        };
        let mut displaced: Vec<_> = self.sn.without_address().filter_map(place).collect();
        displaced.sort_unstable();
        displaced
    }

    /// Of these sessions, those that can be of nobody else: neither another node on the list would be their user, nor anybody
    /// who is on no list, on whichever transport.
    fn of_nobody_else(&self, node: Eui64, displaced: Vec<(SessionKey, PeerAddr)>) -> impl Iterator<Item = SessionKey> {
        let others = self.nodes.listed.keys().filter(|other| **other != node);
        let on_all = |other: &Eui64| {
            let link = LinkAddr::Eui64(other.0);
            self.sn.transports().map(move |transport| PeerAddr::direct(transport, link))
        };
        let others: Vec<_> = others.flat_map(on_all).collect();
        let is_shared = move |key: &SessionKey| {
            let Some(session) = self.broker.sessions.get(*key) else { return false };
            let is_theirs =
                |other: &PeerAddr| self.identify(*other, &session.client_id).is_ok_and(|user| user == session.user);
            session.user.as_ref().is_some_and(|user| self.may_be_unlisted(node, &session.client_id, user))
                || others.iter().any(is_theirs)
        };
        displaced.into_iter().map(|(key, _)| key).filter(move |key| !is_shared(key))
    }

    /// Lets nothing in any more that a node sends. Its sessions end as those of lost clients, and are forgotten with all that
    /// waits for them, also those whose address another client id of the node uses now. Of such a one it is only known who its
    /// user is: where others may be that user, too, it stays, since it may be theirs. The node is told nothing: what it is told
    /// would have to be secured with a key that does not count any more. Nodes behind it, if it is a forwarder, keep their sessions
    /// and are not heard through it.
    ///
    /// # Errors
    /// [`NodeError::Unknown`].
    pub fn revoke_node(&mut self, now: Instant, node: Eui64) -> Result<(), NodeError> {
        let displaced = self.displaced(node);
        let mut sessions: Vec<_> = self.of_nobody_else(node, displaced).collect();
        let listed = self.nodes.listed.get_mut(&node).ok_or(NodeError::Unknown)?;
        self.nodes.revoked += usize::from(!listed.revoked);
        listed.revoked = true;
        let at_node = self.sn.addresses().filter(|(_, addr)| addr.node.is_none() && addr.link.eui64() == Some(node));
        sessions.extend(at_node.map(|(key, _)| key));
        sessions.sort_unstable();
        for key in sessions {
            self.sn_shut_out(now, key, LostReason::Revoked);
        }
        self.node_changed(now, node);
        Ok(())
    }

    /// Takes a node off the list. It may be put there again, but not with the same key: the counters that were accepted are
    /// forgotten, and frames that somebody has recorded would be new ones.
    ///
    /// # Errors
    /// [`NodeError::Unknown`].
    pub fn remove_node(&mut self, now: Instant, node: Eui64) -> Result<(), NodeError> {
        let listed = self.nodes.listed.remove(&node).ok_or(NodeError::Unknown)?;
        self.nodes.revoked -= usize::from(listed.revoked);
        self.nodes.ears.remove(&node);
        self.nodes.forget_counter(node);
        self.node_changed(now, node);
        Ok(())
    }

    /// The list has changed: it is to be written, and names may mean other users.
    fn node_changed(&mut self, now: Instant, node: Eui64) {
        if self.config.durable {
            self.nodes.unsaved.insert(node);
        }
        self.identify_again(now, |addr| addr.link.eui64() == Some(node));
    }

    fn check_name(&self, name: &str, node: Eui64) -> Result<(), NodeError> {
        let is_strange = |char: char| matches!(char, '/' | '+' | '#' | '*') || char.is_control();
        if name.is_empty() || name.len() > NAME_LEN || name.contains(is_strange) || name.parse::<Eui64>().is_ok() {
            return Err(NodeError::BadName);
        }
        let other = self.nodes.listed.iter().find(|(other, listed)| *listed.name == *name && **other != node);
        other.map_or(Ok(()), |(other, _)| Err(NodeError::NameTaken(*other)))
    }
}
