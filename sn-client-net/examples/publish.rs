//! Publishes one message: `cargo run -p sn-client-net --example publish --features std -- 127.0.0.1:1883 hall/temperature 21.5`

use sn_client_net::{BlockingClient, Config, Qos, Topic, UdpLink};
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [gateway, topic, text] = &arguments[..] else { return Err("GATEWAY TOPIC TEXT".into()) };

    let mut buffer = [0; 1_500];
    let mut client = BlockingClient::open(Config::new("publish"), UdpLink::bind("0.0.0.0:0")?, &mut buffer, |_| {});
    client.add_gateway(gateway.parse().map_err(|_| "GATEWAY is an IP address and a port, as 127.0.0.1:1883")?);
    client.patience(Some(Duration::from_secs(15)));
    client.connect(true).map_err(|error| format!("{gateway}: {error}; is the gateway running?"))?;
    client.publish(Topic::Name(topic), text.as_bytes(), Qos::One, false)?;
    Ok(client.disconnect()?)
}
