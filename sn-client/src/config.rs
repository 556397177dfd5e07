//! What the application decides once.

use sn_codec::Qos;

/// A client's settings. Times are in the units their names end in.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// 1-23 characters says 1.2 §5.3; many gateways take more.
    pub client_id: &'a str,
    /// The gateway considers the client lost when it hears nothing for this long (and a tolerance); 0: never.
    pub keep_alive_s: u16,
    /// What the gateway publishes when the client is lost.
    pub will: Option<Will<'a>>,
    /// Wait for an answer before a message is sent again: T_retry, 10-15 s in 1.2 §7.2. Up to a quarter is added
    /// at random, so that many nodes do not repeat in step.
    pub t_retry_ms: u32,
    /// Repetitions before the gateway counts as gone: N_retry, 3-5 in 1.2 §7.2; 255: never.
    pub n_retry: u8,
    /// Pause after "rejected: congestion": T_WAIT, above 5 minutes in 1.2 §7.2; up to a quarter more at random.
    pub t_wait_ms: u32,
    /// The longest pause between attempts to reach or to find a gateway while none answers. Pauses double up to it, so
    /// that a week without a gateway does not empty a battery: with the standard hour it costs about 900 CONNECTs.
    pub longest_pause_ms: u32,
    /// Longest random delay before the first SEARCHGW: T_SEARCHGW, 5 s in 1.2 §7.2.
    pub t_search_gw_ms: u32,
    /// After a loss, connect again without CleanSession and carry on with the interrupted request.
    pub auto_reconnect: bool,
    /// Publish under the topic ids of before a sleep, where the gateway has answered the last wake of that sleep: it knows
    /// the client, and so its ids. Otherwise topics are registered again after every CONNECT, which all gateways allow and
    /// which costs two datagrams for each topic.
    pub reuse_topic_ids: bool,
    /// Publish while asleep, without a CONNECT before and a DISCONNECT after it: one exchange in place of three. 1.2 §6.14
    /// asks for the CONNECT; ours and some other gateways do without. One that does not answers with DISCONNECT, or not at
    /// all: then the connection counts as lost, and with `auto_reconnect` the message follows after a CONNECT.
    pub publishes_asleep: bool,
    /// The link may deliver a datagram twice or late: remember released QoS 2 message ids for a while.
    pub link_may_duplicate: bool,
    /// Different on every node and at every start: spreads delays and chooses the first message id.
    pub seed: u32,
}

/// A will (1.2 §6.2).
#[derive(Clone, Copy, Debug)]
pub struct Will<'a> {
    /// Where it is published; an empty one deletes the will of an earlier session.
    pub topic: &'a str,
    /// Its payload, possibly empty.
    pub message: &'a [u8],
    /// 0 to 2.
    pub qos: Qos,
    /// Whether it is retained.
    pub retain: bool,
}

impl<'a> Config<'a> {
    /// The spec's timers, a keep-alive of 60 s, no will, no automatic reconnection, seed 0.
    #[must_use]
    pub const fn new(client_id: &'a str) -> Self {
        Self {
            client_id,
            keep_alive_s: 60,
            will: None,
            t_retry_ms: 10_000,
            n_retry: 5,
            t_wait_ms: 300_000,
            longest_pause_ms: 3_600_000,
            t_search_gw_ms: 5_000,
            auto_reconnect: false,
            reuse_topic_ids: false,
            publishes_asleep: false,
            link_may_duplicate: true,
            seed: 0,
        }
    }
}
