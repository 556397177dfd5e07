//! Looking for a gateway (1.2 §6.1).

use sn_client::{Client, Config, Destination, Event, GwId, Transmit};
use sn_types::Instant;
use std::time::Duration;

type Node = Client<'static, 16, 16>;

fn node(seed: u32) -> Node {
    Client::new(Config { seed, ..Config::new("node7") })
}

/// The time and content of the next SEARCHGW.
fn next_search(client: &mut Node) -> (Instant, Vec<u8>) {
    let now = client.poll_timeout().expect("a search is due");
    assert_eq!(client.handle_timeout(now), None);
    let mut buffer = [0; 32];
    let Some(Transmit { datagram, to: Destination::Everyone { radius } }) = client.poll_output(now, &mut buffer) else {
        panic!("a SEARCHGW is due")
    };
    assert_eq!(datagram.last(), Some(&radius));
    let datagram = datagram.to_vec();
    assert_eq!(client.poll_output(now, &mut buffer), None);
    (now, datagram)
}

#[test]
fn the_first_searchgw_waits_a_random_time() {
    let delays: Vec<Duration> = (0..100)
        .map(|seed| {
            let mut client = node(seed);
            client.search(Instant::from_secs(7), 1);
            let (at, datagram) = next_search(&mut client);
            assert_eq!(datagram, [3, 1, 1]);
            at - Instant::from_secs(7)
        })
        .collect();
    assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(5)));
    let early = delays.iter().filter(|delay| **delay < Duration::from_millis(2_500)).count();
    assert!((30..=70).contains(&early), "{early} of 100 in the first half");
}

#[test]
fn it_is_repeated_at_doubling_intervals_up_to_the_longest_pause() {
    let mut client = node(1);
    client.search(Instant::ZERO, 0);
    let times: Vec<Instant> = (0..13).map(|_| next_search(&mut client).0).collect();
    let pauses: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
}

#[test]
fn another_clients_identical_search_stands_for_the_own() {
    let mut client = node(1);
    client.search(Instant::ZERO, 1);
    let planned = client.poll_timeout().unwrap();
    assert_eq!(client.handle_input(Instant::ZERO, &[3, 1, 2]), None);
    assert_eq!(client.poll_timeout(), Some(planned), "another radius is another search");
    assert_eq!(client.handle_input(Instant::ZERO, &[3, 1, 1]), None);
    assert_eq!(client.poll_timeout(), Some(Instant::from_secs(5)));
}

#[test]
fn gwinfo_and_advertise_end_the_search() {
    let found = |gw_add, next_advertise_s| Event::GatewayFound { gw_id: GwId(8), gw_add, next_advertise_s };
    let cases: [(&[u8], Event<'_>); 3] = [
        (&[3, 2, 8], found(&[], None)),
        (&[5, 2, 8, 0x1A, 0x2B], found(&[0x1A, 0x2B], None)),
        (&[5, 0, 8, 0x03, 0x84], found(&[], Some(900))),
    ];
    for (datagram, event) in cases {
        let mut client = node(1);
        client.search(Instant::ZERO, 0);
        assert_eq!(client.handle_input(Instant::ZERO, datagram), Some(event));
        assert_eq!(client.poll_timeout(), None);
    }
}

#[test]
fn connecting_ends_the_search() {
    let mut client = node(1);
    client.search(Instant::ZERO, 0);
    client.connect(true);
    let sent = client.poll_output(Instant::from_secs(6), &mut [0; 32]).map(|sent| sent.to);
    assert_eq!(sent, Some(Destination::Gateway));
}
