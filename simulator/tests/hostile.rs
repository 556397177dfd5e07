//! 100,000 damaged and misplaced packets from 100 addresses, while well-behaved nodes do their work.
//!
//! One thing is left out: CONNECT with a well-behaved node's client id. It takes that session over, as in MQTT, because
//! nothing in MQTT-SN 1.2 tells the sender from the node.

mod support;

use gateway_core::{ClientInfo, ClientState, Core, Event, RejectReason, Via};
use simulator::plan::GatewayPlan;
use simulator::{Effects, Link, Mutator, Plan, World};
use sn_client::Qos;
use sn_codec::{Connect, FrwdEncap, Message, PingReq, decode};
use sn_types::{Instant, PeerAddr};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{fleet, named_fleet, owed};

const NODES: usize = 12;
const STRANGERS: u64 = 100;
const PACKETS: u64 = 100_000;
/// So many at once, ...
const VOLLEY: u64 = 10;
/// ... and so long a pause: the attack lasts 2,500 s, from connecting to the last but some message.
const PAUSE: Duration = Duration::from_millis(250);
/// Every so many packets, the state of all clients is compared with that before.
const COMPARE_EVERY: u64 = 100;

const CLIENTS: usize = 150;
const QUEUE_MESSAGES: usize = 200;

/// Low enough to be reached.
fn narrow() -> GatewayPlan {
    GatewayPlan {
        clients: CLIENTS,
        client_id_len: 40,
        topic_name_len: 60,
        topic_ids_per_client: 20,
        subscriptions_per_client: 10,
        queue_messages: QUEUE_MESSAGES,
        incoming_qos2: 10,
        predefined: vec![(16, "guest/predefined".to_owned())],
        ..GatewayPlan::default()
    }
}

/// Datagrams arrive, in order.
const RELIABLE: Link = Link { delay_us: 10_000..=10_000, ..Link::LOSSLESS };

/// The whole packets of the specification's vectors, and all that a lossy fleet of other names sends in its life.
fn corpus() -> Vec<Vec<u8>> {
    let vectors = include_str!("../../sn-codec/tests/vectors-1.2.csv").lines().skip(1);
    let vectors = vectors.filter_map(|line| line.split(',').nth(1)).map(octets);
    let rehearsal = named_fleet("guest", 9, Link::losing(20), 8, 30, &[Qos::Zero, Qos::One, Qos::Two]);
    let mut world = World::new(&rehearsal);
    world.record();
    world.run_until(Instant::from_secs(3_600));
    let traffic = world.recording();
    assert!(traffic.len() > 1_000, "{} packets are too little traffic", traffic.len());
    vectors.chain(traffic.iter().cloned()).collect()
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut buffer = [0; 64];
    let len = message.encode(&mut buffer).unwrap();
    buffer[..len].to_vec()
}

/// The wake-up call of a well-behaved node.
fn forged_ping(mutator: &mut Mutator) -> Vec<u8> {
    let client_id = format!("home-{:02}", mutator.below(NODES as u64));
    encoded(&Message::PingReq(PingReq { client_id: Some(&client_id) }))
}

/// A stranger's own CONNECT, so that most of the time it has a session for its other packets to work on.
fn connect(mutator: &mut Mutator, stranger: u32) -> Vec<u8> {
    let client_id = format!("stranger-{stranger}");
    let (will, clean_session) = (mutator.below(4) == 0, mutator.below(2) == 0);
    encoded(&Message::Connect(Connect { will, clean_session, protocol_id: 1, duration_s: 60, client_id: &client_id }))
}

/// What an attack has amounted to.
#[derive(Default)]
struct Attack {
    /// Rejects that the gateway reported, by reason.
    by_reason: BTreeMap<RejectReason, u64>,
}

impl Attack {
    fn packet(&mut self, world: &mut World<'_>, from: PeerAddr, datagram: &[u8], compare: bool) {
        let before = gateway(world).stats().rejects.clone();
        let clients_before = if compare { clients(world) } else { BTreeMap::new() };
        let effects = world.inject(0, from, datagram);
        let rejected = rejected(&effects, datagram);
        self.count(rejected, before, world);
        check_answer(from, datagram, rejected, &effects);
        let is_node = |to: &PeerAddr| (0..NODES).any(|node| *to == World::node_addr(node));
        assert!(!effects.sent_to.iter().any(is_node), "{datagram:02x?} makes the gateway send to nodes");
        if compare {
            let clients = clients(world);
            check_limits(&clients);
            check_others(&clients_before, &clients, from, datagram);
            check_own_count(&clients_before, &clients, rejected);
        }
    }

    /// A rejected packet is counted once, under the reason that was reported.
    fn count(
        &mut self,
        rejected: Option<(PeerAddr, RejectReason)>,
        mut before: BTreeMap<RejectReason, u64>,
        world: &World<'_>,
    ) {
        if let Some((_, reason)) = rejected {
            *before.entry(reason).or_default() += 1;
            *self.by_reason.entry(reason).or_default() += 1;
        }
        assert_eq!(before, gateway(world).stats().rejects);
    }
}

fn check_limits(clients: &Clients) {
    assert!(clients.len() <= CLIENTS, "{} clients", clients.len());
    for client in clients.values() {
        assert!(client.waiting <= QUEUE_MESSAGES + 1, "{client:?}");
    }
}

/// A packet changes the state of nobody but its sender, unless its sender becomes another client by it.
fn check_others(before: &Clients, after: &Clients, from: PeerAddr, datagram: &[u8]) {
    if opens_or_takes_over(datagram) {
        return;
    }
    let changed: Vec<_> = before.values().filter(|client| !is_unchanged(client, after)).collect();
    // A disconnected client's address is not shown, but still its own.
    let is_own = |client: &ClientInfo| client.via.is_none() || is_at(client, from);
    let is_fine = changed.len() <= 1 && changed.iter().all(|client| is_own(client));
    assert!(is_fine, "{datagram:02x?} from {from} changes {changed:?}");
}

/// A sender with a session has the reject counted there too.
fn check_own_count(before: &Clients, after: &Clients, rejected: Option<(PeerAddr, RejectReason)>) {
    let Some((sender, reason)) = rejected else { return };
    let Some(client) = before.values().find(|client| client.via == Some(Via::Sn(sender))) else { return };
    let count = |client: &ClientInfo| client.rejects.get(&reason).copied().unwrap_or(0);
    assert_eq!(after.get(&*client.client_id).map(count), Some(count(client) + 1), "{reason:?} of {client:?}");
}

fn is_unchanged(before: &ClientInfo, after: &Clients) -> bool {
    let same = |now: &ClientInfo| (now.state, now.via, &now.rejects) == (before.state, before.via, &before.rejects);
    after.get(&*before.client_id).is_some_and(same)
}

fn gateway<'w>(world: &'w World<'_>) -> &'w Core {
    world.gateway(0).expect("nobody switches it off")
}

type Clients = BTreeMap<String, ClientInfo>;

fn clients(world: &World<'_>) -> Clients {
    gateway(world).clients().map(|client| (client.client_id.to_string(), client)).collect()
}

/// At the address itself, or behind it as a forwarder.
fn is_at(client: &ClientInfo, addr: PeerAddr) -> bool {
    matches!(client.via, Some(Via::Sn(at)) if PeerAddr { node: None, ..at } == addr)
}

/// CONNECT, with or without will, can take over a session of the same client id.
fn opens_or_takes_over(datagram: &[u8]) -> bool {
    matches!(inner(datagram), Some(Message::Connect(_) | Message::WillTopic(_) | Message::WillMsg(_)))
}

/// The message, out of its encapsulation.
fn inner(datagram: &[u8]) -> Option<Message<'_>> {
    match decode(datagram) {
        Ok(Message::FrwdEncap(FrwdEncap { inner, .. })) => decode(inner).ok(),
        message => message.ok(),
    }
}

/// Who was rejected why; never more than once for one packet, and always if it cannot be decoded.
fn rejected(effects: &Effects, datagram: &[u8]) -> Option<(PeerAddr, RejectReason)> {
    let rejects: Vec<_> = effects
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Rejected { from: Via::Sn(sender), reason } => Some((*sender, *reason)),
            _ => None,
        })
        .collect();
    assert!(rejects.len() <= 1, "{datagram:02x?} is counted {} times", rejects.len());
    if let Err(error) = decode(datagram) {
        assert_eq!(rejects.first().map(|(_, reason)| *reason), Some(RejectReason::from(error)));
        assert!(effects.sent_to.is_empty(), "{datagram:02x?} is answered");
    }
    rejects.first().copied()
}

/// A request is rejected or answered: never ignored in silence.
fn check_answer(from: PeerAddr, datagram: &[u8], rejected: Option<(PeerAddr, RejectReason)>, effects: &Effects) {
    let expects_answer = match inner(datagram) {
        Some(Message::Publish(publish)) => matches!(publish.qos, Qos::One | Qos::Two),
        Some(
            Message::SearchGw(_)
            | Message::Connect(_)
            | Message::WillTopic(_)
            | Message::WillMsg(_)
            | Message::Register(_)
            | Message::PubRec(_)
            | Message::PubRel(_)
            | Message::Subscribe(_)
            | Message::Unsubscribe(_)
            | Message::PingReq(_)
            | Message::Disconnect(_)
            | Message::WillTopicUpd(_)
            | Message::WillMsgUpd(_),
        ) => true,
        _ => false,
    };
    let is_answered = effects.sent_to.iter().any(|to| PeerAddr { node: None, ..*to } == from);
    assert!(rejected.is_some() || is_answered || !expects_answer, "{datagram:02x?} from {from} is ignored");
}

/// Lets the strangers loose on the world.
fn attack(world: &mut World<'_>) -> Attack {
    let mut mutator = Mutator::new(4, corpus());
    let mut attack = Attack::default();
    for number in 0..PACKETS {
        let stranger = mutator.below(STRANGERS) as u32;
        let datagram = match mutator.below(40) {
            0 => forged_ping(&mut mutator),
            1 | 2 => connect(&mut mutator, stranger),
            _ => mutator.packet(),
        };
        let from = World::stranger_addr(stranger);
        attack.packet(world, from, &datagram, number % COMPARE_EVERY == 0);
        if number % VOLLEY == 0 {
            world.run_until(world.now() + PAUSE);
        }
    }
    attack
}

fn plan() -> Plan {
    let mut plan = fleet(6, RELIABLE, NODES, 60, &[Qos::Zero, Qos::One, Qos::Two]);
    plan.gateways = vec![narrow()];
    plan
}

#[test]
fn strangers_disturb_nobody_and_every_reject_is_counted() {
    let plan = plan();
    let mut world = World::new(&plan);
    let attack = attack(&mut world);
    assert!(world.run_until_settled(Instant::from_secs(24 * 3_600)));

    let summary = world.ledger().verdict().unwrap();
    assert_eq!((summary.owed, summary.repeated), (owed(&plan), 0));
    assert_eq!((world.ledger().losses(), world.ledger().refusals()), (0, 0));
    let mut counted = attack.by_reason.clone();
    for (client_id, client) in clients(&world).iter().filter(|(client_id, _)| client_id.starts_with("home-")) {
        assert!(client.drops.is_empty(), "{client:?}");
        assert!(matches!(client.state, ClientState::Active | ClientState::Asleep), "{client:?}");
        let number: usize = client_id["home-".len()..].parse().unwrap();
        assert_eq!(client.via, Some(Via::Sn(World::node_addr(number))));
        for (reason, times) in &client.rejects {
            // A sleeper's DISCONNECT and a REGISTER to it can cross: then its REGACK comes too late.
            assert!(*reason == RejectReason::UnmatchedAck && plan.nodes[number].sleep.is_some(), "{client:?}");
            *counted.entry(*reason).or_default() += u64::from(*times);
        }
    }
    assert_eq!(gateway(&world).stats().rejects, counted);

    // The attack reached far enough to mean something.
    assert!(attack.by_reason.contains_key(&RejectReason::ClientLimit));
    assert!(attack.by_reason.len() >= 20, "only {:?}", attack.by_reason);
    assert!(attack.by_reason.values().sum::<u64>() < PACKETS * 9 / 10, "hardly a packet was valid");
}
