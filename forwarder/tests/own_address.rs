//! The machine gets another address of its own. Needs a network namespace: `unshare` and `ip`.

use sn_forwarder::uplink::Uplink;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

const NAME: &str = "after_a_change_of_its_own_address_the_gateway_is_reached_from_the_same_port";
const INSIDE: &str = "SN_FORWARDER_TEST_IS_INSIDE";

#[test]
fn after_a_change_of_its_own_address_the_gateway_is_reached_from_the_same_port() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let this = std::env::current_exe().unwrap();
    let mut namespace = Command::new("unshare");
    namespace.args(["--map-root-user", "--net"]).arg(this).args(["--exact", NAME, "--nocapture"]).env(INSIDE, "1");
    assert!(namespace.status().unwrap().success());
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// Makes `own` the address from which the gateway's is reached.
fn have(own: &str) {
    ip(&format!("addr add {own}/32 dev lo"));
    ip(&format!("route replace local 198.51.100.1 dev lo src {own}"));
}

fn inside() {
    ip("link set lo up");
    have("192.0.2.1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let gateway = UdpSocket::bind("198.51.100.1:0").unwrap();
        gateway.set_nonblocking(true).unwrap();
        let mut uplink = Uplink::new(gateway.local_addr().unwrap().to_string().parse().unwrap(), None);
        let before = reached(&mut uplink, &gateway).await;
        assert_eq!(before.ip().to_string(), "192.0.2.1");
        have("192.0.2.2");
        ip("addr del 192.0.2.1/32 dev lo");
        let after = reached(&mut uplink, &gateway).await;
        assert_eq!((after.ip().to_string().as_str(), after.port()), ("192.0.2.2", before.port()));
    });
}

/// Sends until something arrives, and says from where.
async fn reached(uplink: &mut Uplink, gateway: &UdpSocket) -> SocketAddr {
    let mut buffer = [0; 10];
    for _ in 0..300 {
        // What is sent while the name is looked up goes nowhere.
        let _ = tokio::time::timeout(Duration::from_millis(100), uplink.recv(&mut [0; 10])).await;
        uplink.send(b"x");
        if let Ok((_, from)) = gateway.recv_from(&mut buffer) {
            return from;
        }
    }
    panic!("the gateway is not reached");
}
