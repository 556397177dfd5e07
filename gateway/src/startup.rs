//! What the gateway says when it has started: where it listens, where the data are, who can reach it, what to type
//! next.

use gateway_core::Restored;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// The last of the start-up lines, whatever is configured.
const READY: &str = "Ready.";

/// The listeners, with their real ports.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    pub(crate) udp: Vec<UdpAt>,
    /// Where metrics are read, if anywhere.
    pub(crate) metrics: Option<SocketAddr>,
    /// Serial devices, which need not be there yet.
    pub(crate) serial: Vec<String>,
    /// Devices of radios, which need not be there yet.
    pub(crate) radios: Vec<String>,
    /// Sockets for simulators.
    pub(crate) sim: Vec<PathBuf>,
    pub(crate) mqtt: Vec<MqttAt>,
    /// There are users with passwords.
    pub(crate) has_users: bool,
    /// There are rules, by which who does not say who it is may do little, or nothing.
    pub(crate) has_rules: bool,
    /// Addresses left out because this machine has no IPv6.
    pub(crate) without_ipv6: Vec<SocketAddr>,
}

/// A UDP transport.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UdpAt {
    pub(crate) addr: SocketAddr,
    /// Only who is somebody gets in.
    pub(crate) is_guarded: bool,
}

/// An MQTT listener.
#[derive(Clone, Debug)]
pub(crate) struct MqttAt {
    pub(crate) addr: SocketAddr,
    /// How clients name it.
    pub(crate) url: String,
    /// It is bare TCP.
    pub(crate) is_plain: bool,
    /// Only who has a certificate or is a user gets in.
    pub(crate) is_guarded: bool,
}

/// Where sessions and messages are.
#[derive(Debug)]
pub(crate) enum Data {
    InMemory,
    In {
        dir: PathBuf,
        /// What came back from there.
        restored: Restored,
    },
}

impl Data {
    fn describe(&self) -> String {
        match self {
            Self::InMemory => {
                "Everything is IN MEMORY: when this process ends, all sessions, subscriptions, retained messages and \
                 messages that were acknowledged but not delivered are lost. --data DIR keeps them.\n"
                    .into()
            }
            Self::In { dir, restored } if *restored == Restored::default() => {
                format!("Data in {}; there were none.\n", dir.display())
            }
            Self::In { dir, restored } => format!("Data in {}; restored: {restored}.\n", dir.display()),
        }
    }
}

impl Listening {
    /// The start-up lines. Programs may rely on `MQTT-SN on udp://ADDR`, `MQTT-SN on serial:DEVICE`,
    /// `MQTT-SN on ieee802154:DEVICE`, `MQTT-SN on sim:PATH`, `MQTT on mqtt://ADDR`, the same with `mqtts`, `ws` and `wss`,
    /// `Data in DIR; `, and [`READY`] as the last.
    pub(crate) fn describe(&self, data: &Data) -> String {
        let mut text = format!("sn-gateway {}\n", env!("CARGO_PKG_VERSION"));
        self.describe_listeners(&mut text);
        text += &data.describe();
        text += &self.describe_reach();
        text += &self.describe_next();
        text += READY;
        text + "\n"
    }

    fn describe_listeners(&self, text: &mut String) {
        // Writing to a string cannot fail.
        for UdpAt { addr, .. } in &self.udp {
            let _ = writeln!(text, "MQTT-SN on udp://{addr}");
        }
        for device in &self.serial {
            let _ = writeln!(text, "MQTT-SN on serial:{device}");
        }
        for device in &self.radios {
            let _ = writeln!(text, "MQTT-SN on ieee802154:{device}");
        }
        for path in &self.sim {
            let _ = writeln!(text, "MQTT-SN on sim:{}", path.display());
        }
        for MqttAt { url, .. } in &self.mqtt {
            let _ = writeln!(text, "MQTT on {url}");
        }
        if let Some(addr) = self.metrics {
            let _ = writeln!(text, "Metrics on http://{addr}/metrics");
        }
        for addr in &self.without_ipv6 {
            let _ = writeln!(text, "Not on {addr}: this machine has no IPv6.");
        }
    }

    fn describe_reach(&self) -> String {
        let udp = self.udp.iter().map(|at| (at.addr, at.is_guarded));
        let mqtt = self.mqtt.iter().map(|at| (at.addr, at.is_guarded));
        let (guarded, open): (Vec<_>, Vec<_>) =
            udp.chain(mqtt).filter(|(addr, _)| !addr.ip().is_loopback()).partition(|(_, is_guarded)| *is_guarded);
        let mut text = String::new();
        if guarded.is_empty() && open.is_empty() {
            text += match (self.serial.is_empty(), self.radios.is_empty()) {
                (true, true) => "Only programs on this machine can reach it.",
                (false, true) => "Only programs on this machine and what is on its serial lines can reach it.",
                (true, false) => "Only programs on this machine and radio nodes can reach it.",
                (false, false) => {
                    "Only programs on this machine, what is on its serial lines and radio nodes can reach it."
                }
            };
            text += " docs/security.md tells how to open it to the network, for those who say who they are; --udp 0.0.0.0 \
                     --mqtt 0.0.0.0 --anonymous opens it to everybody.\n";
        }
        if !guarded.is_empty() {
            let _ = writeln!(
                text,
                "Open to the network on {}, for those who say who they are, on this machine too: with a password \
                 (password_file of [security]) or as a node that a table [[node]] names. docs/security.md tells how; \
                 anonymous = true, or --anonymous, lets everybody in.",
                list(&guarded)
            );
        }
        if !open.is_empty() {
            let _ = writeln!(
                text,
                "Open to the network on {}, WITHOUT AUTHENTICATION: everybody who reaches a port comes in, and takes over \
                 clients that are nobody's.",
                list(&open)
            );
        }
        text
    }

    /// Commands that work as they stand, but for a name and a password: where others do not come in, or may not do it, there are none.
    fn describe_next(&self) -> String {
        let mut text = String::new();
        let plain = || self.mqtt.iter().filter(|at| at.is_plain);
        let open = plain().find(|at| !at.is_guarded && !self.has_rules).map(|at| (at, ""));
        let guarded = || plain().next().filter(|_| self.has_users).map(|at| (at, " -u USER -P PASSWORD"));
        if let Some((at, user)) = open.or_else(guarded) {
            let _ = writeln!(text, "To see every message:  mosquitto_sub {}{user} -t '#' -v", flags(at.addr, true));
        }
        if let Some(UdpAt { addr, .. }) = self.udp.iter().find(|at| !at.is_guarded && !self.has_rules) {
            let flags = flags(*addr, false);
            let _ = writeln!(text, "To publish one:        sn-pub {flags}-t hello -m world");
        }
        if let Some(path) = self.sim.first() {
            let _ = writeln!(text, "To simulate nodes:     sn-sim live SCENARIO.toml --gateway {}", path.display());
        }
        text
    }
}

fn list(addrs: &[(SocketAddr, bool)]) -> String {
    addrs.iter().map(|(addr, _)| addr.to_string()).collect::<Vec<_>>().join(", ")
}

/// `-h` and `-p` as far as they differ from the tools' defaults.
fn flags(addr: SocketAddr, host_always: bool) -> String {
    let host = reachable(addr.ip());
    let mut flags = String::new();
    if host_always || host != IpAddr::from(Ipv4Addr::LOCALHOST) {
        let _ = write!(flags, "-h {host} ");
    }
    if addr.port() != 1883 {
        let _ = write!(flags, "-p {} ", addr.port());
    }
    if host_always { flags.trim_end().into() } else { flags }
}

/// An address that a program on this machine can use for a listener on `ip`.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(udp: &[&str], mqtt: &[&str]) -> Listening {
        let parse = |addrs: &[&str]| -> Vec<SocketAddr> { addrs.iter().map(|addr| addr.parse().unwrap()).collect() };
        let plain = |addr| MqttAt { addr, url: format!("mqtt://{addr}"), is_plain: true, is_guarded: false };
        let mqtt = parse(mqtt).into_iter().map(plain).collect();
        let udp = parse(udp).into_iter().map(|addr| UdpAt { addr, is_guarded: false }).collect();
        Listening { udp, mqtt, ..Listening::default() }
    }

    #[test]
    fn the_defaults_are_told_in_readable_lines() {
        let text = listening(&["127.0.0.1:1883", "[::1]:1883"], &["127.0.0.1:1883"]).describe(&Data::InMemory);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines[..3],
            ["MQTT-SN on udp://127.0.0.1:1883", "MQTT-SN on udp://[::1]:1883", "MQTT on mqtt://127.0.0.1:1883"]
        );
        assert!(lines[3].contains("IN MEMORY") && lines[3].contains("lost"));
        assert!(lines[4].contains("--udp 0.0.0.0 --mqtt 0.0.0.0 --anonymous") && lines[4].contains("say who they are"));
        assert!(lines[5].ends_with("mosquitto_sub -h 127.0.0.1 -t '#' -v"));
        assert!(lines[6].ends_with("sn-pub -t hello -m world"));
    }

    #[test]
    fn who_is_on_a_radio_can_reach_a_gateway_that_is_not_open_to_the_network() {
        let local = || listening(&["127.0.0.1:1883"], &[]);
        let reach = |listening: Listening| listening.describe(&Data::InMemory).lines().nth_back(2).unwrap().to_owned();
        let with_radio = Listening { radios: vec!["/dev/ttyACM0".into()], ..local() };
        let with_line = Listening { serial: vec!["/dev/ttyUSB0".into()], ..local() };
        assert!(reach(local()).starts_with("Only programs on this machine can reach it."), "{}", reach(local()));
        assert!(reach(with_radio).starts_with("Only programs on this machine and radio nodes can reach it."));
        assert!(
            reach(with_line).starts_with("Only programs on this machine and what is on its serial lines can reach it.")
        );
    }

    #[test]
    fn one_thing_is_told_as_one() {
        let data = |sessions, messages, retained, nodes| {
            let restored = Restored { sessions, messages, retained, nodes };
            Data::In { dir: "d".into(), restored }.describe()
        };
        assert_eq!(
            data(1, 1, 1, 1),
            "Data in d; restored: 1 session, 1 message to them, 1 retained message, 1 radio node.\n"
        );
        assert_eq!(data(2, 0, 3, 0), "Data in d; restored: 2 sessions, 0 messages to them, 3 retained messages.\n");
    }

    #[test]
    fn a_place_for_a_simulator_is_told_with_the_command() {
        let listening = Listening { sim: vec!["/run/sim.sock".into()], ..listening(&["127.0.0.1:1883"], &[]) };
        let text = listening.describe(&Data::InMemory);
        assert!(text.contains("\nMQTT-SN on sim:/run/sim.sock\n"));
        assert!(text.ends_with("sn-sim live SCENARIO.toml --gateway /run/sim.sock\nReady.\n"));
    }

    #[test]
    fn what_is_open_is_named_and_the_commands_fit_the_ports() {
        let restored = Restored { sessions: 3, messages: 5, retained: 2, nodes: 0 };
        let data = Data::In { dir: "/var/lib/gw".into(), restored };
        let text = listening(&["0.0.0.0:10000"], &["[::]:1884"]).describe(&data);
        assert!(text.contains("Data in /var/lib/gw; restored: 3 sessions, 5 messages to them, 2 retained messages.\n"));
        assert!(text.contains("Open to the network on 0.0.0.0:10000, [::]:1884, WITHOUT AUTHENTICATION"));
        assert!(text.contains("mosquitto_sub -h ::1 -p 1884 -t '#' -v"));
        assert!(text.contains("sn-pub -p 10000 -t hello -m world"));
    }

    #[test]
    fn where_not_everybody_comes_in_no_command_is_told_that_would_be_refused() {
        let mut listening = listening(&["0.0.0.0:1883", "127.0.0.1:1884"], &["0.0.0.0:1883", "127.0.0.1:1884"]);
        listening.udp[0].is_guarded = true;
        listening.mqtt[0].is_guarded = true;
        let text = listening.describe(&Data::InMemory);
        assert!(text.contains("on 0.0.0.0:1883, 0.0.0.0:1883, for those who say who they are"), "{text}");
        assert!(text.contains("mosquitto_sub -h 127.0.0.1 -p 1884 -t '#' -v\n"), "{text}");
        assert!(text.contains("sn-pub -p 1884 -t hello -m world\n"), "{text}");

        listening.has_rules = true;
        let text = listening.describe(&Data::InMemory);
        assert!(!text.contains("mosquitto_sub") && !text.contains("sn-pub"), "{text}");
        listening.has_rules = false;

        listening.udp[1].is_guarded = true;
        listening.mqtt[1].is_guarded = true;
        let text = listening.describe(&Data::InMemory);
        assert!(!text.contains("mosquitto_sub") && !text.contains("sn-pub"), "{text}");
        listening.has_users = true;
        let text = listening.describe(&Data::InMemory);
        assert!(text.contains("mosquitto_sub -h 127.0.0.1 -u USER -P PASSWORD -t '#' -v\n"), "{text}");
        assert!(!text.contains("sn-pub"), "{text}");
    }
}
