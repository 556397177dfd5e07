//! What a SUBSCRIBE was answered with, as the index and the session keep it.

use crate::Qos;
use crate::mqtt::SubscribeOptions;
use std::num::NonZeroU32;

/// What a subscriber gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The highest QoS.
    pub(crate) qos: Qos,
    /// Not what it has published itself.
    pub(crate) no_local: bool,
    /// RETAIN as it was published.
    pub(crate) retain_as_published: bool,
    /// Comes with every message.
    pub(crate) id: Option<NonZeroU32>,
}

impl From<Qos> for Granted {
    fn from(qos: Qos) -> Self {
        Self { qos, ..Self::default() }
    }
}

impl Granted {
    pub(crate) fn new(options: SubscribeOptions, id: Option<NonZeroU32>) -> Self {
        let SubscribeOptions { qos, no_local, retain_as_published, retain_handling: _ } = options;
        Self { qos, no_local, retain_as_published, id }
    }
}
