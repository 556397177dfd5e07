//! A sensor that sleeps: it measures at every wake, publishes, and fetches the commands that have come up meanwhile.
//!
//! `cargo run -p sn-client-net --example sleeping_sensor --features std -- 127.0.0.1:1883 60 1440`: every 60 seconds, 1,440 times.
//!
//! This is also how firmware does it, with `async` calls instead of blocking ones.

use sn_client_net::{BlockingClient, Config, Qos, Received, State, Topic, UdpLink};
use std::error::Error;
use std::num::NonZeroU16;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [gateway, pause_s, wakes] = &arguments[..] else { return Err("GATEWAY SECONDS TIMES".into()) };
    let (pause_s, wakes): (u16, u32) = (pause_s.parse()?, wakes.parse()?);
    // The gateway is told of a longer sleep than it will be: a wake that is lost may be made up for.
    let announced_s = NonZeroU16::MIN.saturating_add(pause_s.saturating_mul(3));

    let mut buffer = [0; 1_500];
    let config = Config { t_retry_ms: 2_000, n_retry: 3, ..Config::new("sleeping-sensor") };
    let mut sensor = BlockingClient::open(config, UdpLink::bind("0.0.0.0:0")?, &mut buffer, obey);
    sensor.add_gateway(gateway.parse()?);
    // Not clean: commands that wait for the sensor from before a restart are still wanted.
    sensor.connect(false)?;
    sensor.subscribe(Topic::Name("sensor/command"), Qos::One)?;
    for wake in 0..wakes {
        if sensor.state() != State::Active {
            sensor.connect(false)?;
        }
        if sensor.has_moved() {
            sensor.subscribe(Topic::Name("sensor/command"), Qos::One)?;
        }
        let measured = format!("{:.1}", 21.0 + f64::from(wake % 10) / 10.0);
        sensor.publish(Topic::Name("sensor/temperature"), measured.as_bytes(), Qos::One, false)?;
        sensor.sleep(announced_s)?;
        sensor.pause(Duration::from_secs(pause_s.into()));
        sensor.collect()?;
    }
    Ok(sensor.disconnect()?)
}

fn obey(command: Received<'_>) {
    println!("command: {}", String::from_utf8_lossy(command.payload));
}
