//! What was promised and what came, kept outside of the code under test.
//!
//! Messages are numbered for each publisher and topic, and their payloads say so. So each arrival is judged when it comes:
//! was it published, on this topic, has this client asked for it, has it come before, and in its order. What is owed is
//! kept until it has come; what is left of that at the end is missing.

mod figures;
mod judge;
mod message;
mod subscription;
mod summary;
mod violation;
mod window;

pub(crate) use figures::Figures;
pub use message::Message;
pub(crate) use message::{ClientNo, MessageId, Stamp};
pub use summary::Summary;
pub use violation::Violation;

use crate::report::Delivery;
use message::rank;
use sn_client::Qos;
use sn_types::Instant;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use subscription::Subscriptions;
use window::Window;

/// Violations beyond are not kept: so many say enough.
const MOST_VIOLATIONS: usize = 20;

/// A client as the books see it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    /// Nodes come before MQTT clients.
    pub(crate) is_node: bool,
    /// Messages pass only between clients of one gateway.
    pub(crate) gateway: usize,
    /// Its session outlives its connections: what it has subscribed to is owed to it.
    pub(crate) persistent: bool,
}

/// What may happen in a world without a promise being broken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Laws {
    /// A datagram may come twice.
    pub(crate) repeats: bool,
    /// A copy may come when both ends have forgotten the exchange: the condition for QoS 2 to be exactly once is broken.
    pub(crate) is_late: bool,
    /// A gateway may lose what it has not written.
    pub(crate) forgets: bool,
    /// What is in nobody's books may come, for there are strangers who publish.
    pub(crate) strangers_publish: bool,
}

/// The account of a run.
#[derive(Debug)]
pub struct Ledger {
    accounts: Vec<Account>,
    /// By name.
    numbers: BTreeMap<String, ClientNo>,
    laws: Laws,
    topics: Vec<String>,
    topic_numbers: BTreeMap<String, u32>,
    subscriptions: Subscriptions,
    /// Who has a standing subscription, by topic; emptied when that changes.
    standing: BTreeMap<u32, Vec<(ClientNo, u8)>>,
    streams: BTreeMap<(ClientNo, u32), Stream>,
    /// Those in which something is open.
    busy: BTreeSet<(ClientNo, u32)>,
    /// By subscriber, publisher, topic and QoS: among different QoS there is no order (MQTT 3.1.1 §4.6).
    windows: BTreeMap<(ClientNo, ClientNo, u32, u8), Window>,
    /// Messages of a topic that a client may miss, because the gateway has said that it dropped them.
    forgiven: BTreeMap<(ClientNo, u32), usize>,
    /// Messages that may come to a client once more at QoS 2, because it has forgotten them.
    pardons: BTreeMap<ClientNo, usize>,
    /// How often the gateway had reason to publish a client's will.
    will_reasons: BTreeMap<ClientNo, usize>,
    /// How often it came: to whom, whose.
    wills: BTreeMap<(ClientNo, ClientNo), usize>,
    summary: Summary,
    figures: Figures,
    violations: Vec<Violation>,
    losses: u64,
    refusals: u64,
    /// Messages in nobody's books, if they are kept.
    from_outside: Option<VecDeque<Message>>,
    /// Acknowledgements, if they are kept: who has them, for which of its messages on the topic.
    acknowledged: Option<VecDeque<(ClientNo, u32, u32)>>,
}

/// A publisher's messages on a topic.
#[derive(Debug, Default)]
struct Stream {
    next: u32,
    /// At QoS 1 and 2, by number.
    open: VecDeque<Open>,
}

/// A message that is not at its goal everywhere.
#[derive(Debug)]
struct Open {
    number: u32,
    /// When its publisher had the acknowledgement.
    confirmed: Option<Instant>,
    /// Its publisher will never know.
    abandoned: bool,
    /// When its publisher wanted to publish it.
    due: Instant,
    /// The QoS it was published with.
    rank: u8,
    owed_to: Vec<ClientNo>,
}

impl Ledger {
    /// Empty books.
    pub(crate) fn new(accounts: Vec<Account>, laws: Laws) -> Self {
        let nodes = accounts.iter().filter(|account| account.is_node).count();
        Self {
            figures: Figures::new(nodes as ClientNo, accounts.len()),
            numbers: accounts
                .iter()
                .enumerate()
                .map(|(number, account)| (account.name.clone(), number as ClientNo))
                .collect(),
            accounts,
            laws,
            topics: Vec::new(),
            topic_numbers: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            standing: BTreeMap::new(),
            streams: BTreeMap::new(),
            busy: BTreeSet::new(),
            windows: BTreeMap::new(),
            forgiven: BTreeMap::new(),
            pardons: BTreeMap::new(),
            will_reasons: BTreeMap::new(),
            wills: BTreeMap::new(),
            summary: Summary::default(),
            violations: Vec::new(),
            losses: 0,
            refusals: 0,
            from_outside: None,
            acknowledged: None,
        }
    }

    fn topic_number(&mut self, topic: &str) -> u32 {
        if let Some(number) = self.topic_numbers.get(topic) {
            return *number;
        }
        let number = self.topics.len() as u32;
        self.topics.push(topic.to_owned());
        self.topic_numbers.insert(topic.to_owned(), number);
        number
    }

    /// A client is about to publish, what it has wanted since `due`. Answers with what goes into the payload.
    pub(crate) fn offer(&mut self, now: Instant, due: Instant, publisher: ClientNo, topic: &str, qos: Qos) -> Stamp {
        let topic = self.topic_number(topic);
        let subscribers = self.subscribers(publisher, topic);
        self.figures.offered(publisher, rank(qos), &subscribers);
        let is_owed = |client: ClientNo, granted: u8| rank(qos) > 0 && granted > 0 && self.is_persistent(client);
        let owed = subscribers.into_iter().filter(|(client, granted)| is_owed(*client, *granted));
        let owed_to: Vec<ClientNo> = owed.map(|(client, _)| client).collect();
        self.summary.offered += 1;
        self.summary.owed += owed_to.len();
        let stream = self.streams.entry((publisher, topic)).or_default();
        let number = stream.next;
        stream.next += 1;
        if rank(qos) > 0 {
            self.busy.insert((publisher, topic));
            stream.open.push_back(Open { number, confirmed: None, abandoned: false, due, rank: rank(qos), owed_to });
        }
        Stamp { id: MessageId { publisher, topic, number }, rank: rank(qos), at: now }
    }

    /// Who has a standing subscription at the publisher's gateway, and the QoS granted.
    fn subscribers(&mut self, publisher: ClientNo, topic: u32) -> Vec<(ClientNo, u8)> {
        let Self { topics, subscriptions, accounts, standing, .. } = self;
        let standing = standing.entry(topic).or_insert_with(|| subscriptions.standing(&topics[topic as usize]));
        let gateway = |client: ClientNo| accounts[client as usize].gateway;
        standing.iter().copied().filter(|(client, _)| gateway(*client) == gateway(publisher)).collect()
    }

    /// Counts for the report.
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }

    pub(crate) fn figures_mut(&mut self) -> &mut Figures {
        &mut self.figures
    }

    /// What became of the messages of each direction and QoS.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let mut ways = self.figures.ways();
        let mut note = |client: ClientNo, id: MessageId, rank: u8, is_lost: bool| {
            if let Some(direction) = self.figures.direction(id.publisher, client) {
                let way = &mut ways[direction][usize::from(rank)];
                if is_lost { way.lost += 1 } else { way.pending += 1 }
            }
        };
        for (client, id) in self.missing() {
            note(client, id, self.rank_of(id), true);
        }
        for (id, open) in self.open().filter(|(_, open)| open.confirmed.is_none() && !open.abandoned) {
            open.owed_to.iter().for_each(|client| note(*client, id, open.rank, false));
        }
        figures::deliveries(&ways)
    }

    fn rank_of(&self, id: MessageId) -> u8 {
        let stream = self.streams.get(&(id.publisher, id.topic));
        stream.and_then(|stream| stream.open.get(stream.place(id.number)?)).map_or(0, |open| open.rank)
    }

    fn open_mut(&mut self, id: MessageId) -> Option<&mut Open> {
        let stream = self.streams.get_mut(&(id.publisher, id.topic))?;
        let place = stream.place(id.number)?;
        stream.open.get_mut(place)
    }

    /// The publisher has the acknowledgement.
    pub(crate) fn confirmed(&mut self, now: Instant, id: MessageId) {
        self.summary.confirmed += 1;
        if let Some(acknowledged) = &mut self.acknowledged {
            acknowledged.push_back((id.publisher, id.topic, id.number));
        }
        if let Some(open) = self.open_mut(id) {
            open.confirmed = Some(now);
            let rank = open.rank;
            self.figures.acknowledged(id.publisher, rank);
        }
        self.tidy(id);
    }

    /// The publisher has given the message up: it may arrive, or not.
    pub(crate) fn abandoned(&mut self, id: MessageId) {
        if let Some(open) = self.open_mut(id) {
            open.abandoned = true;
        }
        self.tidy(id);
    }

    /// Forgets messages that are at their goal.
    fn tidy(&mut self, id: MessageId) {
        let Some(stream) = self.streams.get_mut(&(id.publisher, id.topic)) else { return };
        while stream.open.front().is_some_and(Open::is_done) {
            stream.open.pop_front();
        }
        if stream.open.is_empty() {
            self.busy.remove(&(id.publisher, id.topic));
        }
    }

    /// SUBSCRIBE leaves a client.
    pub(crate) fn asked(&mut self, now: Instant, client: ClientNo, filter: &str, qos: Qos) {
        // The first takes nothing away: with many clients, each with one subscription, looking would take long.
        if self.subscriptions.ask(now, client, filter, qos) {
            self.let_off(client);
        }
    }

    /// SUBACK has come.
    pub(crate) fn granted(&mut self, now: Instant, client: ClientNo, filter: &str, asked: Qos, granted: Qos) {
        self.subscriptions.grant(now, client, filter, asked, granted);
        self.standing.clear();
    }

    /// UNSUBSCRIBE leaves a client.
    pub(crate) fn unsubscribing(&mut self, now: Instant, client: ClientNo, filter: &str) {
        self.subscriptions.begin_end(now, client, Some(filter));
        self.let_off(client);
    }

    /// UNSUBACK has come.
    pub(crate) fn unsubscribed(&mut self, now: Instant, client: ClientNo, filter: &str) {
        self.subscriptions.end(now, client, Some(filter));
    }

    /// The gateway has forgotten a client's session, and had reason to.
    pub(crate) fn session_ended(&mut self, now: Instant, client: ClientNo) {
        self.subscriptions.begin_end(now, client, None);
        self.let_off(client);
    }

    /// What no standing subscription selects is not owed any more.
    fn let_off(&mut self, client: ClientNo) {
        self.standing.clear();
        for at in &self.busy {
            let is_let_off = !self.subscriptions.stands(client, &self.topics[at.1 as usize]);
            if let Some(stream) = self.streams.get_mut(at).filter(|_| is_let_off) {
                stream.open.iter_mut().for_each(|open| open.owed_to.retain(|owed| *owed != client));
            }
        }
    }

    /// The gateway has dropped messages for a client, and said so. Which ones it does not say: more than were owed were at QoS 0,
    /// and forgive nothing that is owed later.
    pub(crate) fn forgiven(&mut self, client: ClientNo, topic: &str, messages: usize) {
        let topic = self.topic_number(topic);
        let owed = self.owed(client, topic);
        let forgiven = self.forgiven.entry((client, topic)).or_default();
        *forgiven = owed.min(*forgiven + messages);
    }

    /// How many messages of a topic are owed to a client.
    fn owed(&self, client: ClientNo, topic: u32) -> usize {
        let publishers = self.busy.iter().filter(|(_, of)| *of == topic);
        let open = publishers.filter_map(|at| self.streams.get(at)).flat_map(|stream| &stream.open);
        open.filter(|open| open.owed_to.contains(&client)).count()
    }

    /// A client has lost its memory.
    pub(crate) fn rebooted(&mut self, client: ClientNo) {
        *self.pardons.entry(client).or_default() += 1;
    }

    /// A message has come to a client, on a topic by that name. Which one it is, if it is one.
    pub(crate) fn delivered(
        &mut self,
        now: Instant,
        client: ClientNo,
        topic: &str,
        payload: &[u8],
        qos: Qos,
        retain: bool,
    ) -> Option<Stamp> {
        let stamp = Stamp::read(payload).filter(|stamp| self.is_genuine(stamp.id, topic));
        let owner = std::str::from_utf8(payload).ok().and_then(|name| self.client(name));
        match (stamp, owner) {
            (Some(stamp), _) => self.note_delivery(now, client, topic, (stamp, qos, retain)),
            (None, Some(owner)) => self.note_will(client, owner, qos),
            (None, None) if self.laws.strangers_publish => self.note_from_outside(client, topic, payload, qos, retain),
            (None, None) => {
                self.violated(Violation::Invented { client: self.name(client), topic: topic.to_owned() });
            }
        }
        stamp
    }

    /// From now on, keeps what comes to nodes and is in nobody's books.
    pub(crate) fn keep_messages_from_outside(&mut self) {
        self.from_outside = Some(VecDeque::new());
    }

    /// From now on, keeps the acknowledgements that come to publishers.
    pub(crate) fn keep_acknowledgements(&mut self) {
        self.acknowledged = Some(VecDeque::new());
    }

    /// The next one that was kept: the publisher's place in the plan, the topic, the message's number among those of this
    /// publisher on this topic.
    pub(crate) fn take_acknowledgement(&mut self) -> Option<(usize, &str, u32)> {
        let (publisher, topic, number) = self.acknowledged.as_mut()?.pop_front()?;
        Some((publisher as usize, &self.topics[topic as usize], number))
    }

    /// The next one that was kept.
    pub(crate) fn take_message_from_outside(&mut self) -> Option<Message> {
        self.from_outside.as_mut()?.pop_front()
    }

    fn note_from_outside(&mut self, client: ClientNo, topic: &str, payload: &[u8], qos: Qos, retain: bool) {
        if let Some(messages) = &mut self.from_outside {
            let (node, topic, payload) = (client as usize, topic.to_owned(), payload.to_vec());
            messages.push_back(Message { node, topic, payload, qos: rank(qos), retain });
        }
    }

    fn open(&self) -> impl Iterator<Item = (MessageId, &Open)> {
        self.busy.iter().flat_map(|&(publisher, topic)| {
            let open = self.streams.get(&(publisher, topic)).into_iter().flat_map(|stream| &stream.open);
            open.map(move |open| (MessageId { publisher, topic, number: open.number }, open))
        })
    }

    /// Whether everything owed has come, and every publisher knows.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.unconfirmed().next().is_none() && self.missing().is_empty()
    }

    fn unconfirmed(&self) -> impl Iterator<Item = MessageId> {
        self.open().filter(|(_, open)| open.confirmed.is_none() && !open.abandoned).map(|(id, _)| id)
    }

    /// What is owed although its publisher relies on it.
    fn missing(&self) -> Vec<(ClientNo, MessageId)> {
        let mut forgiven = self.forgiven.clone();
        let confirmed = self.open().filter(|(_, open)| open.confirmed.is_some());
        let owed = confirmed.flat_map(|(id, open)| open.owed_to.iter().map(move |client| (*client, id)));
        let is_missed = |(client, id): &(ClientNo, MessageId)| match forgiven.get_mut(&(*client, id.topic)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            Some(_) | None => true,
        };
        owed.filter(is_missed).collect()
    }

    /// A rule that others watch over was broken.
    pub(crate) fn violated(&mut self, violation: Violation) {
        if self.violations.len() < MOST_VIOLATIONS {
            self.violations.push(violation);
        }
    }

    /// Rules broken so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(crate) fn name(&self, client: ClientNo) -> String {
        self.accounts[client as usize].name.clone()
    }

    /// What may happen without a promise being broken.
    pub(crate) fn laws(&self) -> Laws {
        self.laws
    }

    /// Whether a client keeps its session.
    pub(crate) fn is_persistent(&self, client: ClientNo) -> bool {
        self.accounts[client as usize].persistent
    }

    /// The client of that name.
    pub(crate) fn client(&self, name: &str) -> Option<ClientNo> {
        self.numbers.get(name).copied()
    }

    fn label(&self, id: MessageId) -> String {
        let MessageId { publisher, topic, number } = id;
        let (publisher, topic) = (&self.accounts[publisher as usize].name, &self.topics[topic as usize]);
        format!("message {number} of {publisher} on {topic}")
    }

    pub(crate) fn lost(&mut self) {
        self.losses += 1;
    }

    pub(crate) fn refused(&mut self) {
        self.refusals += 1;
    }

    /// Connections that nodes have lost.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Connections and requests that the gateways have refused.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    /// How much there was so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Whether all promises were kept, once nothing is under way any more.
    ///
    /// # Errors
    /// Every broken promise, up to some.
    pub fn verdict(&self) -> Result<Summary, Vec<Violation>> {
        let mut violations = self.violations.clone();
        let unconfirmed = self.unconfirmed().map(|id| Violation::Unconfirmed { message: self.label(id) });
        violations.extend(unconfirmed.take(MOST_VIOLATIONS));
        let missing = self.missing().into_iter().take(MOST_VIOLATIONS);
        violations.extend(
            missing.map(|(client, id)| Violation::Missing { client: self.name(client), message: self.label(id) }),
        );
        if violations.is_empty() { Ok(self.summary) } else { Err(violations) }
    }
}

impl Stream {
    /// Where an open message is.
    fn place(&self, number: u32) -> Option<usize> {
        self.open.binary_search_by_key(&number, |open| open.number).ok()
    }
}

impl Open {
    /// Nobody waits for it: neither its publisher nor anybody it is owed to. What its publisher has given up is owed to
    /// nobody.
    fn is_done(&self) -> bool {
        self.abandoned || (self.confirmed.is_some() && self.owed_to.is_empty())
    }
}
