//! What `sn-pub` and `sn-sub` share: their common options, topics as they are written on a command line, and a
//! blocking client over [`sn_client_net`].
//!
//! Owns: the socket, the clock and the words people read. Must not know: how the protocol works, which is the
//! client's business.
//!
//! Order of calls: parse [`args::LinkArgs`], [`blocking::BlockingClient::open`] it, connect, make requests, and
//! [`blocking::BlockingClient::step`] until they are done.

pub mod args;
pub mod blocking;
pub mod console;
mod link;
pub mod topic;
mod trace;
