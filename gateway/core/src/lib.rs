//! The gateway without I/O: MQTT-SN sessions, sleeping clients' mailboxes, topic ids, the MQTT broker core.
//!
//! Owns: every decision. A datagram or an MQTT packet goes in, datagrams, packets and events come out.
//!
//! Must not know: sockets, clocks, disks, tokio, configuration files, how an output is carried out. Time is an
//! argument, so the simulator runs in virtual time exactly the code that ships.
//!
//! Order of calls, see [`Core`]: [`Core::handle_input`] or [`Core::handle_timeout`], then [`Core::poll_output`] until
//! it returns `None`, then wait for the next input or for [`Core::poll_timeout`].
//!
//! Rooms: `access` says who may do what, `sn` is the MQTT-SN side (sessions as 1.2 §6 sees them), `mqtt` the MQTT side,
//! `broker` what both meet in: it does not know which of the two a subscriber speaks. `upstream` is where sessions of MQTT-SN
//! clients live that do not live in the broker here, `nodes` the list of radio nodes, `durable` what survives the process, and
//! the answers that wait until it does.

mod access;
mod broker;
mod config;
mod core;
mod durable;
mod event;
mod inspect;
mod io;
mod map;
mod message;
pub mod mqtt;
mod nodes;
mod places;
mod planted;
mod short;
mod sn;
mod stats;
mod timers;
mod upstream;

pub use self::core::Core;
pub use access::{
    AccessRule, Action, Actions, Admission, NamePattern, NamePatternError, NoOrigin, Origin, PeerRule, TopicPattern,
    UserTemplate, deciding_rule,
};
pub use broker::{
    BRIDGE_PREFIX, Census, FilterError, LARGEST_MESSAGE_ID, SessionKey, TopicNameError, filter_matches,
    selecting_filter, validate_filter, validate_topic_name,
};
pub use config::{AddressMoves, Airtime, Config, Keep, Limits, Pacing, QueueRule, Timing, WhenFull};
pub use durable::{CommitToken, Record, RestoreError, Restored, skip_counters};
pub use event::{Event, LostReason, Via};
pub use inspect::ClientDetail;
pub use io::{CloseReason, ConnId, Input, Output, StorageState};
pub use message::{Details, Message, Qos};
pub use nodes::{NewNode, NodeEntry, NodeError, NodeInfo, NodeReport};
pub use planted::PlantedBug;
pub use stats::{ClientInfo, ClientState, DropReason, Gauges, RejectReason, Stats};
pub use upstream::{Ending, FromUpstream, ToUpstream, Transparent, UpstreamId, UpstreamState};
