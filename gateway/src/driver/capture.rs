//! A transport that an operator listens to.

use super::Driver;
use crate::admin::Reply;
use crate::admin::protocol::Answer;
use crate::capture::Capture;
use transports::tap::{InUse, tap};

impl Driver {
    /// Lets what passes the transport `name` be captured, `count` frames of it or until nobody wants more.
    pub(super) fn capture(&mut self, name: &str, count: Option<u64>) -> Reply {
        let point = match self.find_transport(name) {
            Ok((_, transport)) => transport.tap_point(),
            Err(error) => return Reply::Answer(Answer::Error(error)),
        };
        let (tap, listener) = tap();
        match point.open(tap) {
            Ok(()) => Reply::Capture(Capture { name: name.to_owned(), layer: point.layer(), listener, count }),
            Err(InUse) => Reply::Answer(Answer::Error(format!("somebody captures \"{name}\" already"))),
        }
    }
}
