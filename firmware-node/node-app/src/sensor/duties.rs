//! What the sensor wants of its connection.

use super::sample::{MAX_REPORT_LEN, Report, Sample};
use super::{Keep, SensorClient, TOPICS};
use config_page::Settings;
use core::fmt::{self, Write};
use core::num::NonZeroU16;
use core::time::Duration;
use heapless::String;
use sn_client::{Event, Qos, RequestError, State, Topic};
use sn_types::Instant;

/// After a refused CONNECT; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// A gateway that so often lost a publishing sleeper wants a CONNECT first.
const PATIENCE: u8 = 2;

/// The gateway can be told of sleeps of up to 65,535 s, and two wakes in one of them may be lost. A node that would sleep
/// for longer fetches as often as this.
const LONGEST_SLEEP_S: u32 = 32_000;

/// Settings are written so often at most: each time erases a page, which stands 10,000 erasures.
const BETWEEN_WRITES: Duration = Duration::from_secs(3_600);

/// The longest text at the fault topic, in octets.
const MAX_FAULT_LEN: usize = 120;

/// The longest of the node's own topic names.
type Name = String<72>;

/// What is published.
type Text = String<MAX_FAULT_LEN>;

/// What the request in progress publishes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Publishing {
    Report,
    Fault,
    Refusal,
}

pub(super) struct Duties<'a> {
    settings: Settings,
    settings_are_kept: bool,
    settings_came_at: Instant,
    /// Not before.
    keep_settings_at: Instant,
    /// They came since the frame counters were kept.
    settings_are_news: bool,
    /// The gateway may know a session of this node that is over.
    clean: bool,
    fault: Option<&'a str>,
    fault_is_told: bool,
    /// Why the last settings that came were not taken.
    refusal: Option<config_page::Error>,
    publishing: Option<Publishing>,
    sample: Option<Sample>,
    reports: u32,
    presses: u32,
    /// As many as the last report tells of.
    told_presses: u32,
    report_at: Instant,
    fetch_at: Instant,
    connect_at: Instant,
    pause: Duration,
    /// When the gateway may not, or no longer, have the subscription.
    subscribe_at: Option<Instant>,
    /// Messages may have come up since the subscription: they are not to wait for the next fetch.
    fetches_at_once: bool,
    /// The request in progress publishes without a CONNECT.
    publishes_asleep: bool,
    /// Connections in a row that were lost by that.
    sleepers_lost: u8,
}

impl<'a> Duties<'a> {
    pub(super) const fn new(settings: Settings, fault: Option<&'a str>, clean: bool) -> Self {
        Self {
            settings,
            settings_are_kept: true,
            settings_came_at: Instant::ZERO,
            keep_settings_at: Instant::ZERO,
            settings_are_news: false,
            clean,
            fault,
            fault_is_told: false,
            refusal: None,
            publishing: None,
            sample: None,
            reports: 0,
            presses: 0,
            told_presses: 0,
            report_at: Instant::ZERO,
            fetch_at: Instant::ZERO,
            connect_at: Instant::ZERO,
            pause: PAUSE,
            subscribe_at: Some(Instant::ZERO),
            fetches_at_once: false,
            publishes_asleep: false,
            sleepers_lost: 0,
        }
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn settings_kept(&mut self) {
        self.settings_are_kept = true;
        self.keep_settings_at = self.keep_settings_at.max(self.settings_came_at) + BETWEEN_WRITES;
    }

    /// New settings are used, whether they are in flash already or not: who repeats what brought them is not to be heard.
    pub(super) const fn settings_are_news(&self) -> bool {
        self.settings_are_news
    }

    pub(super) const fn counters_kept(&mut self) {
        self.settings_are_news = false;
    }

    pub(super) const fn fault_forgotten(&mut self) {
        self.fault_is_told = false;
    }

    pub(super) fn to_keep(&self, now: Instant) -> Option<Keep> {
        if !self.settings_are_kept && now >= self.keep_settings_at {
            return Some(Keep::Settings);
        }
        self.fault_is_told.then_some(Keep::NoFault)
    }

    pub(super) const fn measured(&mut self, sample: Sample) {
        self.sample = Some(sample);
    }

    pub(super) fn press(&mut self, now: Instant) {
        self.presses = self.presses.wrapping_add(1);
        self.report_at = self.report_at.min(now);
    }

    /// Whether a report is due that could be sent now.
    pub(super) fn wants_sample(&self, now: Instant, client: &SensorClient<'_>) -> bool {
        let is_ready = match client.state() {
            State::Active | State::Asleep => !client.is_busy(),
            State::Connecting | State::Awake | State::Disconnected => false,
        };
        is_ready && self.sample.is_none() && now >= self.report_at
    }

    /// When [`Duties::advance`] has something to do although nothing arrives.
    pub(super) fn poll_timeout(&self, client: &SensorClient<'_>) -> Option<Instant> {
        match client.state() {
            // Even if a request was interrupted: it goes on when there is a connection.
            State::Disconnected => Some(self.connect_at),
            State::Active | State::Asleep if client.is_busy() => None,
            State::Asleep => {
                let due = self.report_at.min(self.fetch_at);
                Some(self.subscribe_at.map_or(due, |at| due.min(at)))
            }
            // The last request was not possible: on to the next, at once.
            State::Active => Some(Instant::ZERO),
            State::Connecting | State::Awake => None,
        }
    }

    /// Takes note of what has happened.
    pub(super) fn on_event(&mut self, now: Instant, event: Event<'_>) {
        match event {
            Event::Connected => (self.clean, self.pause) = (false, PAUSE),
            Event::Published => {
                if core::mem::take(&mut self.publishes_asleep) {
                    self.sleepers_lost = 0;
                }
                self.over(now);
            }
            // The node subscribes to one topic only: it is for its settings.
            Event::Message(received) => self.configure(now, received.payload),
            Event::Asleep { drained } => {
                self.fetch_at = if self.fetches_at_once { now } else { now + seconds(self.fetch_s()) };
                self.fetches_at_once = false;
                if !drained {
                    self.subscribe_at = Some(now);
                }
            }
            // The gateway may have been restarted and know nothing of this node.
            Event::Lost(_) => {
                self.subscribe_at = Some(now);
                self.sleepers_lost =
                    self.sleepers_lost.saturating_add(core::mem::take(&mut self.publishes_asleep).into());
            }
            Event::Rejected(_) => self.rejected(now),
            Event::Refused(_) => {
                self.connect_at = now + self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
            Event::Subscribed { .. }
            | Event::Congested
            | Event::Disconnected
            | Event::Unsubscribed
            | Event::WillUpdated
            | Event::Qos0Rejected(_)
            | Event::GatewayFound { .. } => {}
        }
    }

    /// Whatever it was, trying again would not help.
    fn rejected(&mut self, now: Instant) {
        if self.publishing.is_none() {
            self.subscribe_at = Some(now + seconds(self.fetch_s()));
        }
        self.over(now);
    }

    fn over(&mut self, now: Instant) {
        match self.publishing.take() {
            Some(Publishing::Report) => {
                self.sample = None;
                // In step with the time of the last, unless that was long ago.
                let next = self.report_at + seconds(self.settings.report_s);
                self.report_at = if next > now { next } else { now + seconds(self.settings.report_s) };
                if self.told_presses != self.presses {
                    // Somebody has pressed the button while the report was under way.
                    self.report_at = now;
                }
            }
            Some(Publishing::Fault) => (self.fault, self.fault_is_told) = (None, true),
            Some(Publishing::Refusal) => self.refusal = None,
            None => {}
        }
    }

    /// Settings have come over the air: all of them are taken, or none.
    fn configure(&mut self, now: Instant, payload: &[u8]) {
        // A text that is longer says nothing that is allowed.
        let text = core::str::from_utf8(payload).ok().filter(|text| text.len() <= MAX_FAULT_LEN);
        let announced_s = self.announced_sleep_s();
        let taken = text.ok_or(config_page::Error::Line).and_then(|text| self.settings.apply_at_run_time(text));
        match taken {
            Ok(true) => {
                if self.announced_sleep_s() > announced_s {
                    // The gateway would take the node for lost: it is told with DISCONNECT, after CONNECT.
                    self.subscribe_at = Some(now);
                }
                self.report_at = self.report_at.min(now + seconds(self.settings.report_s));
                self.settings_came_at = now;
                (self.settings_are_kept, self.settings_are_news) = (false, true);
            }
            Ok(false) => {}
            Err(error) => self.refusal = Some(error),
        }
    }

    /// Makes the next request, if it is time for one and none is in progress. A connection is wanted even then: an interrupted
    /// request goes on with it.
    pub(super) fn advance(&mut self, now: Instant, client: &mut SensorClient<'_>) {
        match client.state() {
            State::Disconnected if now >= self.connect_at => client.connect(self.clean),
            State::Active | State::Asleep if client.is_busy() => {}
            State::Asleep if self.must_connect(now) => client.connect(false),
            State::Active | State::Asleep => {
                // What is not possible once is not tried again.
                if self.request(now, client).is_err() {
                    self.rejected(now);
                }
            }
            State::Disconnected | State::Connecting | State::Awake => {}
        }
    }

    /// Whether there is something that a sleeper may not do.
    fn must_connect(&self, now: Instant) -> bool {
        let wants_publish = self.sample.is_some() || self.fault.is_some() || self.refusal.is_some();
        self.subscribe_at.is_some_and(|at| now >= at) || (wants_publish && self.sleepers_lost >= PATIENCE)
    }

    fn request(&mut self, now: Instant, client: &mut SensorClient<'_>) -> Result<(), RequestError> {
        let is_active = client.state() == State::Active;
        if is_active && self.subscribe_at.take_if(|at| now >= *at).is_some() {
            self.fetches_at_once = true;
            let topic = self.topic("config");
            return client.subscribe(Topic::Name(&topic), Qos::One);
        }
        if let Some((publishing, topic, text)) = self.next_publish() {
            (self.publishing, self.publishes_asleep) = (Some(publishing), !is_active);
            return client.publish(Topic::Name(&topic), text.as_bytes(), Qos::One, false);
        }
        // The sample that is due comes first.
        if is_active && now < self.report_at {
            return client.sleep(self.announced_sleep_s());
        }
        if !is_active && now >= self.fetch_at {
            return client.wake();
        }
        Ok(())
    }

    fn next_publish(&mut self) -> Option<(Publishing, Name, Text)> {
        if let Some(fault) = self.fault {
            let start = fault.get(..fault.floor_char_boundary(MAX_FAULT_LEN)).unwrap_or_default();
            return Some((Publishing::Fault, self.topic("fault"), text(|out| out.write_str(start))));
        }
        if let Some(error) = self.refusal {
            let refusal = text(|out| {
                out.write_str("settings: ")
                    .and_then(|()| error.parts().into_iter().try_for_each(|part| out.write_str(part)))
            });
            return Some((Publishing::Refusal, self.topic("fault"), refusal));
        }
        let sample = self.sample?;
        if self.publishing != Some(Publishing::Report) {
            self.reports = self.reports.wrapping_add(1);
        }
        self.told_presses = self.presses;
        let report = Report { count: self.reports, sample, presses: self.presses };
        const { assert!(MAX_REPORT_LEN <= MAX_FAULT_LEN) }
        Some((Publishing::Report, self.report_topic(), text(|out| report.write_to(out))))
    }

    fn topic(&self, leaf: &str) -> Name {
        let mut name = Name::new();
        for part in [&self.settings.base, "/", leaf] {
            // It fits: the base has 40 octets at most.
            let _ = name.push_str(part);
        }
        name
    }

    fn report_topic(&self) -> Name {
        if self.settings.target.is_empty() {
            return self.topic("report");
        }
        Name::try_from(self.settings.target.as_str()).unwrap_or_default()
    }

    fn fetch_s(&self) -> u32 {
        let Settings { report_s, fetch_s, .. } = self.settings;
        if report_s > LONGEST_SLEEP_S { fetch_s.min(LONGEST_SLEEP_S) } else { fetch_s }
    }

    /// How long a sleep the gateway is told of: two wakes may be lost, with all their repetitions.
    fn announced_sleep_s(&self) -> NonZeroU16 {
        let longest = self.settings.report_s.min(self.fetch_s()).saturating_mul(2).saturating_add(120);
        NonZeroU16::new(u16::try_from(longest).unwrap_or(u16::MAX)).unwrap_or(NonZeroU16::MAX)
    }
}

fn seconds(s: u32) -> Duration {
    Duration::from_secs(s.into())
}

/// It fits; were it cut off, it would be empty.
fn text(write: impl FnOnce(&mut Text) -> fmt::Result) -> Text {
    let mut text = Text::new();
    write(&mut text).map(|()| text).unwrap_or_default()
}

const _: () = assert!(TOPICS >= 3 * 5 + 48 + 72 + 48, "the names of all topics are known at a time");
