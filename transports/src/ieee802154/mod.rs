//! IEEE 802.15.4 by a radio that is plugged in.

pub mod spinel;
