//! The examples that run on a host do what they say.

mod gateway;

use gateway::Gateway;
use sn_client_net::{BlockingClient, Config, Qos, Topic, UdpLink};
use std::cell::RefCell;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Cargo has built it beside this test.
fn example(name: &str, arguments: &[&str]) -> Child {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples").join(name));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn publish_says_how_a_gateway_is_named_and_that_none_is_there() {
    // Nobody answers on a socket that is not read from.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for (gateway, word) in [("localhost:1883", "an IP address and a port"), (&address[..], "is the gateway running?")] {
        let output = example("publish", &[gateway, "hall/temperature", "19.5"]).wait_with_output().unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn publish_publishes_and_the_sleeping_sensor_measures_and_obeys() {
    let gateway = Gateway::start();
    let address = gateway.address.to_string();
    let (heard, mut buffer) = (RefCell::new(Vec::new()), [0; 1_500]);
    let link = UdpLink::bind("127.0.0.1:0").unwrap();
    let mut watcher = BlockingClient::open(Config::new("watcher"), link, &mut buffer, |message| {
        heard.borrow_mut().push(String::from_utf8_lossy(message.payload).into_owned());
    });
    watcher.add_gateway(gateway.address);
    watcher.connect(true).unwrap();
    watcher.subscribe(Topic::Name("hall/temperature"), Qos::One).unwrap();
    watcher.subscribe(Topic::Name("sensor/temperature"), Qos::One).unwrap();

    let publish = example("publish", &[&address, "hall/temperature", "19.5"]);
    assert!(publish.wait_with_output().unwrap().status.success());
    // It sleeps long enough for the command.
    let sensor = example("sleeping_sensor", &[&address, "4", "2"]);
    while heard.borrow().last().is_none_or(|last| last != "21.0") {
        watcher.listen(Duration::from_millis(20)).unwrap();
    }
    // The sensor has subscribed before it measured, and sleeps now.
    watcher.publish(Topic::Name("sensor/command"), b"blink", Qos::One, false).unwrap();
    while heard.borrow().last().is_none_or(|last| last != "21.1") {
        watcher.listen(Duration::from_millis(20)).unwrap();
    }
    let sensor = sensor.wait_with_output().unwrap();
    assert!(sensor.status.success());
    assert_eq!(String::from_utf8_lossy(&sensor.stdout), "command: blink\n");
    // At QoS 1 a message may come twice.
    heard.borrow_mut().dedup();
    assert_eq!(*heard.borrow(), ["19.5", "21.0", "21.1"]);
}
