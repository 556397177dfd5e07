//! What the node wants to do next.

use crate::Settings;
use crate::node::NodeClient;
use crate::report::Report;
use core::time::Duration;
use heapless::{Deque, Vec};
use sn_client::{Event, Qos, RequestError, State, Topic};
use sn_types::Instant;

/// The longest command that is kept, in octets.
pub const MAX_COMMAND_LEN: usize = 64;

/// Commands that are kept until they are echoed. More at one time are dropped and counted in the report.
pub const MAX_COMMANDS: usize = 4;

/// The node's side of the story: the client only knows how to do one request.
pub(crate) struct Duties<'a> {
    settings: Settings<'a>,
    report: Report,
    /// To be echoed, the oldest first.
    commands: Deque<Vec<u8, MAX_COMMAND_LEN>, MAX_COMMANDS>,
    report_is_due: bool,
    /// When the gateway may not, or no longer, have the subscription.
    subscribe_at: Option<Instant>,
    /// While disconnected.
    connect_at: Instant,
    /// While asleep.
    wake_at: Instant,
    wakes_since_report: u16,
    /// Messages may have come up since the subscription: they are not to wait for the next wake.
    collects_at_once: bool,
}

impl<'a> Duties<'a> {
    pub(crate) fn new(settings: Settings<'a>) -> Self {
        Self {
            settings,
            report: Report::default(),
            commands: Deque::new(),
            report_is_due: true,
            subscribe_at: Some(Instant::ZERO),
            connect_at: Instant::ZERO,
            wake_at: Instant::ZERO,
            wakes_since_report: 0,
            collects_at_once: false,
        }
    }

    /// When [`Duties::advance`] has something to do although nothing arrives.
    pub(crate) fn poll_timeout(&self, client: &NodeClient<'_>) -> Option<Instant> {
        match client.state() {
            State::Disconnected => Some(self.connect_at),
            State::Asleep => Some(self.wake_at),
            // The last request was not possible: on to the next, at once.
            State::Active if !client.is_busy() => Some(Instant::ZERO),
            State::Connecting | State::Active | State::Awake => None,
        }
    }

    /// Takes note of what has happened.
    pub(crate) fn on_event(&mut self, now: Instant, event: Event<'_>) {
        match event {
            Event::Connected => self.report_soon(),
            Event::Message(received) => self.keep_command(received.payload),
            Event::Asleep { drained } => {
                self.wake_at = if self.collects_at_once { now } else { now + self.sleep() };
                if !drained {
                    self.subscribe_at = Some(now);
                }
            }
            // It may have been restarted and know nothing of this node.
            Event::Lost(_) => self.subscribe_at = Some(now),
            // Whatever it was, it can wait until the next wake.
            Event::Rejected(_) => self.subscribe_at = Some(now + self.sleep()),
            Event::Refused(_) => self.connect_at = now + Duration::from_millis(self.settings.client.t_wait_ms.into()),
            Event::Published
            | Event::Subscribed { .. }
            | Event::Congested
            | Event::Disconnected
            | Event::Unsubscribed
            | Event::WillUpdated
            | Event::Qos0Rejected(_)
            | Event::GatewayFound { .. } => {}
        }
    }

    /// Makes the next request, if it is time for one and none is in progress.
    pub(crate) fn advance(&mut self, now: Instant, client: &mut NodeClient<'_>) {
        if client.is_busy() {
            return;
        }
        match client.state() {
            // What is in the mailbox from before a restart is still wanted: no clean session.
            State::Disconnected if now >= self.connect_at => client.connect(false),
            State::Asleep if self.has_news(now) => client.connect(false),
            State::Asleep if now >= self.wake_at => self.note(|duties| duties.wake(client)),
            State::Active => self.note(|duties| duties.use_connection(now, client)),
            State::Disconnected | State::Asleep | State::Connecting | State::Awake => {}
        }
    }

    /// Connected: everything there is to say, then sleep.
    fn use_connection(&mut self, now: Instant, client: &mut NodeClient<'_>) -> Result<(), RequestError> {
        if self.must_subscribe(now) {
            self.subscribe_at = None;
            self.collects_at_once = true;
            return client.subscribe(Topic::Name(self.settings.command_topic), Qos::Two);
        }
        if let Some(command) = self.commands.pop_front() {
            return client.publish(Topic::Name(self.settings.echo_topic), &command, Qos::One, false);
        }
        if self.report_is_due {
            self.report_is_due = false;
            self.report.count = self.report.count.wrapping_add(1);
            let json = self.report.to_json();
            return client.publish(Topic::Name(self.settings.report_topic), json.as_bytes(), Qos::One, false);
        }
        client.sleep(self.settings.announced_sleep_s())
    }

    /// Every wake begins with PINGREQ, also one with a report: the answer tells whether the gateway knows this node.
    /// CONNACK does not, and the subscription might be gone unnoticed.
    fn wake(&mut self, client: &mut NodeClient<'_>) -> Result<(), RequestError> {
        if !core::mem::take(&mut self.collects_at_once) {
            self.wakes_since_report += 1;
        }
        if self.wakes_since_report >= self.settings.wakes_per_report.get() {
            self.report_soon();
        }
        client.wake()
    }

    fn has_news(&self, now: Instant) -> bool {
        self.report_is_due || !self.commands.is_empty() || self.must_subscribe(now)
    }

    fn must_subscribe(&self, now: Instant) -> bool {
        self.subscribe_at.is_some_and(|at| now >= at)
    }

    fn report_soon(&mut self) {
        self.report_is_due = true;
        self.wakes_since_report = 0;
    }

    /// It is echoed, and the next report counts it.
    fn keep_command(&mut self, payload: &[u8]) {
        self.report_soon();
        self.report.commands = self.report.commands.wrapping_add(1);
        let kept = Vec::from_slice(payload).is_ok_and(|command| self.commands.push_back(command).is_ok());
        if !kept {
            self.count_dropped();
        }
    }

    /// What is not possible once is not tried again.
    fn note(&mut self, request: impl FnOnce(&mut Self) -> Result<(), RequestError>) {
        if request(self).is_err() {
            self.count_dropped();
        }
    }

    fn count_dropped(&mut self) {
        self.report.dropped = self.report.dropped.wrapping_add(1);
    }

    fn sleep(&self) -> Duration {
        Duration::from_secs(self.settings.sleep_s.get().into())
    }
}
