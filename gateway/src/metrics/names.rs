//! What each metric is called, and what it says. docs/monitoring.md lists the same.

use metrics::{describe_counter, describe_gauge, describe_histogram};

pub(super) const INFO: &str = "sn_gateway_info";
pub(super) const UPTIME: &str = "sn_gateway_uptime_seconds";
pub(super) const SN_CLIENTS: &str = "sn_gateway_sn_clients";
pub(super) const MQTT_CLIENTS: &str = "sn_gateway_mqtt_clients";
pub(super) const SESSIONS: &str = "sn_gateway_sessions";
pub(super) const DISCONNECTED: &str = "sn_gateway_sessions_disconnected";
pub(super) const EXPIRED: &str = "sn_gateway_sessions_expired_total";
pub(super) const CONNECTIONS: &str = "sn_gateway_mqtt_connections";
pub(super) const SUBSCRIPTIONS: &str = "sn_gateway_subscriptions";
pub(super) const RETAINED: &str = "sn_gateway_retained_messages";
pub(super) const RECEIVED: &str = "sn_gateway_packets_received_total";
pub(super) const SENT: &str = "sn_gateway_packets_sent_total";
pub(super) const PUBLISH_RECEIVED: &str = "sn_gateway_publish_received_total";
pub(super) const PUBLISH_SENT: &str = "sn_gateway_publish_sent_total";
pub(super) const PUBLISH_RECEIVED_BYTES: &str = "sn_gateway_publish_received_bytes_total";
pub(super) const PUBLISH_SENT_BYTES: &str = "sn_gateway_publish_sent_bytes_total";
pub(super) const CONNECTS: &str = "sn_gateway_connects_total";
pub(super) const ROUTED: &str = "sn_gateway_messages_routed_total";
pub(super) const WITHHELD: &str = "sn_gateway_messages_withheld_total";
pub(super) const MAILBOX_MESSAGES: &str = "sn_gateway_mailbox_messages";
pub(super) const MAILBOX_BYTES: &str = "sn_gateway_mailbox_bytes";
pub(super) const MAILBOX_DEEPEST: &str = "sn_gateway_mailbox_deepest_messages";
pub(super) const MAILBOX_OLDEST: &str = "sn_gateway_mailbox_oldest_seconds";
pub(super) const DROPS: &str = "sn_gateway_drops_total";
pub(super) const REJECTS: &str = "sn_gateway_rejects_total";
pub(super) const RETRANSMISSIONS: &str = "sn_gateway_retransmissions_total";
pub(super) const UNSENT: &str = "sn_gateway_unsent_total";
pub(super) const HELD_BACK: &str = "sn_gateway_held_back_total";
pub(super) const HELD: &str = "sn_gateway_held_outputs";
pub(super) const UNCOMMITTED: &str = "sn_gateway_uncommitted_bytes";
pub(super) const STORE_STATE: &str = "sn_gateway_store_state";
pub(super) const COMMIT_SECONDS: &str = "sn_gateway_commit_seconds";
pub(super) const WAKE_SECONDS: &str = "sn_gateway_wake_seconds";
pub(super) const TRANSPORT: &str = "sn_gateway_transport_datagrams_total";
pub(super) const LISTENER: &str = "sn_gateway_listener_connections_total";
pub(super) const UPSTREAM_CLIENTS: &str = "sn_gateway_upstream_clients";
pub(super) const UPSTREAM_CONNECTIONS: &str = "sn_gateway_upstream_connections_total";
pub(super) const BRIDGE_CONNECTED: &str = "sn_gateway_bridge_connected";
pub(super) const BRIDGE_CONNECTS: &str = "sn_gateway_bridge_connects_total";
pub(super) const BRIDGE: &str = "sn_gateway_bridge_messages_total";
pub(super) const AIRTIME_USED: &str = "sn_gateway_airtime_used_ratio";
pub(super) const AIRTIME_UNSENT: &str = "sn_gateway_airtime_unsent_total";
pub(super) const NODES: &str = "sn_gateway_nodes";
pub(super) const NODE_RSSI: &str = "sn_gateway_node_rssi_dbm";
pub(super) const NODE_LQI: &str = "sn_gateway_node_lqi";
pub(super) const NODE_SEEN: &str = "sn_gateway_node_last_seen_seconds";
pub(super) const NODE_RETRIES: &str = "sn_gateway_node_retries_total";
pub(super) const NODE_FAILURES: &str = "sn_gateway_node_failures_total";

const GAUGES: &[(&str, &str)] = &[
    (INFO, "Always 1; the label has the version."),
    (UPTIME, "Seconds since the start."),
    (SN_CLIENTS, "MQTT-SN clients, by state."),
    (MQTT_CLIENTS, "Clients that are connected over MQTT."),
    (SESSIONS, "Sessions, connected or kept."),
    (DISCONNECTED, "Sessions whose client is gone or lost."),
    (CONNECTIONS, "MQTT connections that have said CONNECT."),
    (SUBSCRIPTIONS, "Subscriptions of all sessions."),
    (RETAINED, "Topics with a retained message."),
    (MAILBOX_MESSAGES, "Messages that wait for clients or are in flight to them."),
    (MAILBOX_BYTES, "Octets of the messages that wait for clients or are in flight to them."),
    (MAILBOX_DEEPEST, "Messages for the client for which most wait, those in flight included."),
    (MAILBOX_OLDEST, "Seconds for which the mailbox that is never empty for the longest has had something."),
    (HELD, "Answers that wait for the disk."),
    (UNCOMMITTED, "Octets in memory that wait for the disk."),
    (STORE_STATE, "1 for the state that the disk is in, 0 for the others."),
    (NODES, "Radio nodes: on the list, those of them that are revoked, and others that were heard."),
    (AIRTIME_USED, "How much of its airtime a transport has used, 0 to 1."),
    (NODE_RSSI, "Received power of a listed radio node in dBm, smoothed."),
    (NODE_LQI, "Link quality of a listed radio node, 0 to 255, smoothed."),
    (NODE_SEEN, "Seconds since something came from a listed radio node."),
    (UPSTREAM_CLIENTS, "Nodes that live at another broker, by how they are connected there."),
    (BRIDGE_CONNECTED, "1 while a bridge has reached the other broker, else 0."),
];

const COUNTERS: &[(&str, &str)] = &[
    (EXPIRED, "Sessions forgotten because their client was away for too long."),
    (RECEIVED, "Datagrams or packets of any kind from clients, by protocol."),
    (SENT, "Datagrams or packets of any kind to clients, by protocol."),
    (PUBLISH_RECEIVED, "Messages accepted from clients, wills included, by QoS; -1 counts as 0."),
    (PUBLISH_SENT, "PUBLISH sent to clients, repeated ones included, by QoS."),
    (PUBLISH_RECEIVED_BYTES, "Octets of the payloads of messages accepted from clients, by QoS."),
    (PUBLISH_SENT_BYTES, "Octets of the payloads of PUBLISH sent to clients, by QoS."),
    (CONNECTS, "CONNECTs accepted."),
    (ROUTED, "Messages handed to subscribers' queues."),
    (WITHHELD, "Messages that a subscription selects and its client may not receive."),
    (DROPS, "Messages dropped, by reason."),
    (REJECTS, "Packets refused, by reason."),
    (RETRANSMISSIONS, "Datagrams sent again for want of an answer."),
    (UNSENT, "Datagrams not sent because too much waits for the disk."),
    (AIRTIME_UNSENT, "Datagrams not sent because all airtime was used."),
    (HELD_BACK, "How often an MQTT connection was not read from because too much waits for the disk."),
    (TRANSPORT, "Datagrams of a transport, by its name and what became of them."),
    (LISTENER, "Connections of an MQTT listener, numbered as in the configuration, by what became of them."),
    (NODE_RETRIES, "How often the radio had to send to a listed node again."),
    (NODE_FAILURES, "Frames to a listed radio node that were not acknowledged."),
    (UPSTREAM_CONNECTIONS, "Connections of nodes to another broker, by what became of them."),
    (BRIDGE_CONNECTS, "Connections of a bridge that the other broker has accepted."),
    (BRIDGE, "Messages of a bridge, by what became of them."),
];

/// Tells the recorder in use all texts.
pub(super) fn describe() {
    GAUGES.iter().for_each(|&(name, text)| describe_gauge!(name, text));
    COUNTERS.iter().for_each(|&(name, text)| describe_counter!(name, text));
    describe_histogram!(COMMIT_SECONDS, "Seconds from handing over a commit until it was on the disk.");
    describe_histogram!(
        WAKE_SECONDS,
        "Seconds from a sleeping client's PINGREQ to the PINGRESP after its last message."
    );
}
