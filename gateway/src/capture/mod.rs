//! What passes a transport, as a file that Wireshark reads, while the gateway runs.
//!
//! Owns: what a frame looks like in the file (`frame`), the file (`file`, pcapng), the daemon's end of a capture
//! (`server`), the command line's end ([`client`]). Must not know: how transports work; [`transports::tap`] is the seam.
//!
//! The control socket carries the request and then the file, octet by octet, until the client closes its half of the
//! connection or enough frames have passed. At the file's end stands how many frames were missed.

pub mod client;
mod file;
mod frame;
mod server;

pub(crate) use server::Capture;
