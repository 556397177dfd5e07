//! Addresses that cannot be bound together are refused before anything is bound.

use crate::{complaint, read};
use sn_config::leaves_ipv4;
use sn_gateway::mqtt::Listener;
use std::net::SocketAddr;

fn listener(listen: &str) -> String {
    format!("[[listener]]\nkind = \"tcp\"\nlisten = \"{listen}\"\n")
}

fn transport(listen: &str) -> String {
    format!("[[transport]]\nkind = \"udp\"\nlisten = \"{listen}\"\n")
}

#[test]
fn both_places_are_named() {
    for (text, expected) in [
        (
            listener("0.0.0.0") + &listener("127.0.0.1"),
            "gw.toml:6:10: listener[1].listen: 0.0.0.0:1883 takes 127.0.0.1:1883, too; the other is on line 3",
        ),
        (
            listener("[::1]:7") + &listener("[::]:7"),
            "gw.toml:6:10: listener[1].listen: [::]:7 takes [::1]:7, too; the other is on line 3",
        ),
        (
            transport("[::]") + &transport("127.0.0.1"),
            "gw.toml:6:10: transport[1].listen: [::]:1883 takes 127.0.0.1:1883, too; the other is on line 3",
        ),
        (
            listener("[::]:7") + "[metrics]\nlisten = \"127.0.0.1:7\"\n",
            "gw.toml:5:10: metrics.listen: [::]:7 takes 127.0.0.1:7, too; the other is on line 3",
        ),
        (
            // One that the file does not write down.
            "[metrics]\nlisten = \"127.0.0.1:1883\"\n".into(),
            "gw.toml:2:10: metrics.listen: 127.0.0.1:1883 is used twice",
        ),
    ] {
        assert_eq!(complaint(&text), expected);
    }
    let both = read(&(listener("0.0.0.0") + &transport("127.0.0.1")));
    assert!(both.is_ok(), "TCP and UDP have ports of their own");
}

/// Whether the system takes both, as the gateway binds them. A port may be somebody else's: several are tried.
fn can_be_bound([first, second]: [&str; 2]) -> bool {
    (0..8).any(|_| {
        let at = |ip: &str, port: u16| -> SocketAddr { format!("{ip}:{port}").parse().unwrap() };
        let bound = Listener::bind(at(first, 0), leaves_ipv4(at(first, 0), &[at(second, 0)])).unwrap();
        let second = at(second, bound.local_addr().unwrap().port());
        Listener::bind(second, leaves_ipv4(second, &[at(first, second.port())])).is_ok()
    })
}

#[tokio::test]
async fn what_is_refused_is_what_the_system_refuses() {
    let ips = ["0.0.0.0", "127.0.0.1", "[::]", "[::1]"];
    for first in ips {
        for second in ips {
            let is_right = read(&(listener(&format!("{first}:7")) + &listener(&format!("{second}:7")))).is_ok();
            assert_eq!(is_right, can_be_bound([first, second]), "{first} and {second}");
        }
    }
}
