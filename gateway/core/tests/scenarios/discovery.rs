//! Gateway discovery (1.2 §6.1): ADVERTISE and GWINFO on links that reach everybody.

use crate::common::sn::{connect, hex, search_gw};
use crate::common::{Rig, TRANSPORT, port};
use gateway_core::{Core, Input, Output};
use sn_types::{GwId, Instant, LinkProfile, PeerAddr, TransportId};
use std::time::Duration;

const NODE: PeerAddr = port(1);

#[test]
fn advertise_at_once_and_every_t_adv() {
    let mut rig = Rig::with(|config| config.gw_id = GwId(8));
    rig.link(LinkProfile::UDP);
    rig.wait_s(2_699);
    assert_eq!(
        rig.broadcasts(),
        [(0, "ADVERTISE gw=8 900s".to_owned()), (0, "ADVERTISE gw=8 900s".into()), (0, "ADVERTISE gw=8 900s".into())]
    );
}

#[test]
fn a_link_that_comes_later_does_not_double_the_rate() {
    let mut rig = Rig::new();
    rig.link(LinkProfile::UDP);
    rig.wait_s(100);
    rig.link(LinkProfile::UDP);
    rig.wait_ms(1);
    assert_eq!(rig.broadcasts().len(), 2, "at once each time");
    rig.wait_s(9_000);
    assert_eq!(rig.broadcasts().len(), 10);
}

#[test]
fn a_search_is_answered_with_its_radius_to_all_and_to_the_one_who_asked() {
    let mut rig = Rig::with(|config| config.gw_id = GwId(8));
    rig.link(LinkProfile::UDP);
    rig.wait_s(1);
    rig.broadcasts();
    assert_eq!(rig.ask(NODE, search_gw(3)), ["GWINFO gw=8"]);
    assert_eq!(rig.broadcasts(), [(3, "GWINFO gw=8".to_owned())]);
}

#[test]
fn on_a_link_without_broadcast_only_the_one_who_asked_is_answered() {
    let mut rig = Rig::new();
    rig.link(LinkProfile { broadcast: false, ..LinkProfile::UDP });
    rig.wait_s(10_000);
    assert_eq!(rig.ask_octets(NODE, &hex("03 01 00")), [hex("03 02 01")]);
    assert_eq!(rig.broadcasts(), []);
}

#[test]
fn a_search_changes_nothing_for_a_client() {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, search_gw(1)), ["GWINFO gw=1"]);
    assert!(rig.client("node").is_some());
}

#[test]
fn t_adv_is_configured_and_at_most_what_its_field_holds() {
    let mut rig = Rig::with(|config| config.timing.t_adv = Duration::from_secs(100_000));
    rig.link(LinkProfile::UDP);
    rig.wait_ms(1);
    assert_eq!(rig.broadcasts(), [(0, "ADVERTISE gw=1 65535s".to_owned())]);
    rig.wait_s(65_535);
    assert_eq!(rig.broadcasts().len(), 1, "the next one comes when it was announced");
}

#[test]
fn every_link_that_can_broadcast_is_advertised_on() {
    let mut core = Core::new(gateway_core::Config::default());
    for (id, broadcast) in [(0, true), (1, false), (2, true)] {
        core.add_transport(Instant::ZERO, TransportId(id), LinkProfile { broadcast, ..LinkProfile::UDP });
    }
    core.handle_timeout(Instant::ZERO);
    let mut advertised = Vec::new();
    while let Some(output) = core.poll_output() {
        let Output::Broadcast { transport, .. } = output else { panic!("{output:?}") };
        advertised.push(transport);
    }
    assert_eq!(advertised, [TransportId(0), TransportId(2)]);
}

#[test]
fn other_gateways_advertisements_are_no_business_of_ours() {
    let mut core = Core::new(gateway_core::Config::default());
    for bytes in [hex("05 00 08 03 84"), hex("03 02 08"), hex("05 02 08 1A 2B")] {
        let from = PeerAddr { transport: TRANSPORT, ..NODE };
        core.handle_input(Instant::ZERO, Input::Datagram { from, bytes: &bytes });
        assert!(core.poll_output().is_none());
    }
    assert!(core.stats().rejects.is_empty());
}
