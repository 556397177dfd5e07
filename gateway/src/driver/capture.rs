//! A transport that an operator listens to.

use super::Driver;
use crate::admin::Reply;
use crate::admin::protocol::Answer;
use crate::capture::Capture;
use transports::tap::{InUse, tap};

impl Driver {
    /// Lets what passes the transport `name` be captured, `count` frames of it or until nobody wants more.
    pub(super) fn capture(&mut self, name: &str, count: Option<u64>) -> Reply {
        let Some(place) = self.names.iter().position(|candidate| candidate == name) else {
            let names = self.names.join(", ");
            return Reply::Answer(Answer::Error(format!("there is no transport \"{name}\"; there are {names}")));
        };
        let point = self.transports[place].tap_point();
        let (tap, listener) = tap();
        match point.open(tap) {
            Ok(()) => Reply::Capture(Capture { name: name.to_owned(), layer: point.layer(), listener, count }),
            Err(InUse) => Reply::Answer(Answer::Error(format!("somebody captures \"{name}\" already"))),
        }
    }
}
