//! What other people's gateways do differently, octet by octet: the client recovers from each.
//!
//! Each test replays a dialogue as that gateway was seen, or read, to behave; the names say what it does.

mod emqx;
mod paho;
mod rsmb;
mod script;
