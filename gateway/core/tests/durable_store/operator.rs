//! What an operator configures and does.

use super::transparent::transparent;
use super::world::World;
use gateway_core::mqtt::Version;
use gateway_core::{
    AccessRule, Actions, AddressMoves, Config, Input, Keep, Limits, NewNode, NodeReport, QueueRule, StorageState,
    Transparent, WhenFull,
};
use sn_types::{Eui64, Heard, LinkKey, TopicId, TransportId, Way};
use std::time::Duration;

const RADIOS: [Eui64; 2] = [Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 1]), Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 2])];

/// Half of the worlds have short mailboxes, in which much gives way: to messages of QoS 0, too, which sleepers keep. In some
/// of them other limits are near as well, and in some one transport's nodes live at another broker.
pub(super) fn config(seed: u64) -> Config {
    let queue_messages = if seed.is_multiple_of(2) { 8 } else { 2 };
    let limits = if seed.is_multiple_of(5) { narrow() } else { Limits::default() };
    let limits = Limits { queue_messages, ..limits };
    let address_moves = if seed.is_multiple_of(4) { AddressMoves::Always } else { AddressMoves::Authenticated };
    let predefined = predefined(0);
    let nodes_of_one = Transparent { transports: Some(vec![TransportId(1)]), ..transparent(Version::V5) };
    let transparent = Some(nodes_of_one).filter(|_| seed.is_multiple_of(3));
    Config {
        durable: true,
        predefined,
        limits,
        queue_rules: queue_rules(),
        address_moves,
        transparent,
        ..Config::default()
    }
}

fn narrow() -> Limits {
    Limits {
        clients: 5,
        nodes_per_forwarder: 1,
        topic_ids_per_client: 2,
        subscriptions_per_client: 2,
        total_queue_messages: 6,
        retained_messages: 2,
        mqtt_inflight: 2,
        incoming_qos2: 1,
        uncommitted_bytes: 2_000,
        ..Limits::default()
    }
}

fn predefined(which: u64) -> Vec<(TopicId, String)> {
    let all: [&[(u16, &str)]; 3] = [&[(16, "pre/16")], &[(16, "a/b"), (17, "pre/16"), (1, "a/c")], &[]];
    all[which as usize].iter().map(|(id, name)| (TopicId(*id), (*name).to_owned())).collect()
}

/// Each topic has its own: only the latest waits, the oldest or the newest gives way, or what waits is soon of no use.
fn queue_rules() -> Vec<QueueRule> {
    let any = |filter: &str| QueueRule {
        filter: filter.into(),
        keep: Keep::All,
        time_to_live: None,
        when_full: None,
        priority: 0,
        keep_qos0: true,
    };
    let (oldest, newest) = (Some(WhenFull::DropOldest), Some(WhenFull::DropNewest));
    vec![
        QueueRule { keep: Keep::Latest, when_full: newest, ..any("tt") },
        QueueRule { when_full: oldest, priority: 1, ..any("a/b") },
        QueueRule { keep: Keep::Latest, when_full: oldest, time_to_live: Some(Duration::from_secs(40)), ..any("a/c") },
        QueueRule { when_full: newest, time_to_live: Some(Duration::from_secs(20)), ..any("deep/#") },
        QueueRule { when_full: newest, keep_qos0: false, ..any("pre/#") },
    ]
}

fn access(which: u64) -> Vec<AccessRule> {
    let rule = |allow, actions, topics: &[&str]| AccessRule {
        user: None,
        client: None,
        allow,
        actions,
        topics: topics.iter().map(|topic| topic.parse().expect("a pattern")).collect(),
    };
    match which {
        0 => vec![rule(false, Actions::READ, &["a/b"]), rule(true, Actions::ALL, &["#"])],
        1 => vec![rule(false, Actions::WRITE, &["a/c"]), rule(true, Actions::ALL, &["#"])],
        _ => Vec::new(),
    }
}

impl World {
    pub(super) fn operator_step(&mut self) {
        match self.below(8) {
            0 => {
                let client_id = self.pick(&["n1", "n2", "m1", "both", "bridge/b"]);
                self.core.drop_session(self.now, client_id);
            }
            1 => {
                self.config.predefined = predefined(self.below(3));
                self.core.reconfigure(self.now, self.config.clone());
            }
            2 => {
                self.config.access = access(self.below(4));
                self.core.reconfigure(self.now, self.config.clone());
            }
            3 => self.core.log_out(self.now, &["user".into()]),
            4 => {
                let state = self.pick(&[StorageState::Ok, StorageState::Ok, StorageState::Full]);
                self.core.handle_input(self.now, Input::Storage(state));
            }
            _ => return self.node_step(),
        }
        self.settle();
    }

    /// The list of radio nodes changes, or one of them is heard.
    fn node_step(&mut self) {
        let node = self.pick(&RADIOS);
        let transport = TransportId(0);
        match self.below(6) {
            0 => {
                let (name, key) = (node.0[7].to_string(), Some(LinkKey([node.0[7]; 16])));
                let _ = self.core.add_node(self.now, NewNode { node, name, key, added_s: 1_800_000_000 });
            }
            1 => drop(self.core.rename_node(self.now, node, "other")),
            2 => drop(self.core.revoke_node(self.now, node)),
            3 => drop(self.core.remove_node(self.now, node)),
            4 => self.core.handle_input(self.now, Input::CountersWanted { transport }),
            _ => {
                let counter = Some(self.below(1_000) as u32);
                let report = NodeReport { node, counter, spoke: true, heard: Heard::default(), way: Way::default() };
                self.core.handle_input(self.now, Input::Node { transport, report });
            }
        }
        self.settle();
    }
}
