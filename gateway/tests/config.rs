//! The configuration file: its defaults, its sample, and what is said about every kind of mistake.

use gateway_core::Config;
use sn_gateway::config::{BridgeTable, File, ListenAddr, TransportTable, load, parse};
use std::path::Path;
use std::time::Duration;
use transports::ieee802154::{Attachment, Carriages, Level, Limits};
use transports::serial::Framing;

/// What is said about `text`, without the lines that show the place.
fn complaint(text: &str) -> String {
    let error = parse(Path::new("gw.toml"), text).expect_err(text).to_string();
    error.lines().next().unwrap_or_default().to_owned()
}

fn sample() -> (&'static Path, String) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/gateway.toml"));
    (path, std::fs::read_to_string(path).unwrap())
}

#[test]
fn an_empty_file_is_the_default_and_that_is_loopback_only() {
    let file = parse(Path::new("gw.toml"), "").unwrap();
    assert_eq!(file, File::default());
    assert!(file.transport.iter().all(|table| table.as_udp().is_some_and(|table| table.listen.0.ip().is_loopback())));
    assert!(file.listener.iter().all(|table| table.listen.0.ip().is_loopback()));
}

#[test]
fn the_defaults_are_the_core_s() {
    assert_eq!(format!("{:?}", File::default().core()), format!("{:?}", Config::default()));
}

#[test]
fn the_sample_is_the_default() {
    assert_eq!(load(sample().0).unwrap(), File::default());
}

/// A file with an unknown key in `table` is refused with a list of all keys.
fn keys_of(table: &str) -> Vec<String> {
    let message = complaint(&format!("{table}\nqqqqqqqq = 0\n"));
    let keys = ["known are ", "known is only "].iter().find_map(|before| message.split_once(before)).expect(&message).1;
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_sample_shows_every_key() {
    let text = sample().1.replace("\n# [[", "\n[[").replace("\n# [transparent]", "\n[transparent]");
    for table in [
        "[gateway]",
        "[timing]",
        "[limits]",
        "[security]",
        "[[node]]",
        "[[access]]",
        "[[queue]]",
        "[[transport]]",
        "[[listener]]",
        "[[bridge]]",
        "[transparent]",
        "[store]",
        "[metrics]",
        "[log]",
    ] {
        // All tables of that name together.
        let header = format!("\n{table}\n");
        let sections = text.split(&header).skip(1).map(|rest| rest.split("\n[").next().unwrap_or_default());
        let lines: Vec<&str> = sections.flat_map(str::lines).collect();
        for key in &keys_of(table) {
            let is_key_end = |rest: &str| rest.starts_with(" = ") || rest.starts_with('.');
            let shown =
                lines.iter().any(|line| line.trim_start_matches("# ").strip_prefix(&**key).is_some_and(is_key_end));
            assert!(shown, "{key} is missing in {table} of the sample");
        }
    }
}

#[test]
fn what_the_sample_has_as_comments_is_right_too() {
    let (path, text) = sample();
    // A key and its value, or a table; everything else is prose.
    let is_example = |rest: &str| {
        rest.starts_with("[[")
            || rest == "[transparent]"
            || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let uncomment = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if is_example(rest) => format!("{rest}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    let file = parse(path, &text.lines().map(uncomment).collect::<String>()).unwrap();
    assert_eq!((file.queue.len(), file.node.len(), file.access.len()), (1, 1, 2));
    assert_eq!(file.security.password_file.as_deref(), Some(Path::new("/etc/sn-gateway/passwords")));
    assert_eq!(udp_admission(&file), (Some("garden"), true));
    assert_eq!(file.core().queue_rules[0].time_to_live, Some(Duration::from_secs(3_600)));
    assert_eq!(file.predefined.0.len(), 1);
    let udp = file.transport[0].as_udp().unwrap();
    assert_eq!(udp.multicast.as_ref().map(|group| *group.get_ref()), Some(transports::Multicast::DEFAULT_GROUP));
    assert_eq!(file.store.data.as_deref(), Some(Path::new("/var/lib/sn-gateway")));
    assert_eq!(file.metrics.listen.as_ref().map(|listen| *listen.get_ref()), Some("127.0.0.1:9883".parse().unwrap()));
    let tls = &file.listener[2];
    assert_eq!(tls.url(tls.listen.0), "mqtts://0.0.0.0:8883");
    assert_eq!(file.listener[3].url("[::1]:80".parse().unwrap()), "ws://[::1]:80/mqtt");
    assert_eq!(file.bridge.iter().map(BridgeTable::name).collect::<Vec<_>>(), ["cloud", "house"]);
    assert!(file.core().transparent.is_some_and(|transparent| transparent.session_expiry_s == 604_800));
    assert_eq!(tls.policy.user_from, Some(sn_gateway::mqtt::UserFrom::CommonName));
    assert_eq!(udp.multicast_interface.as_deref(), Some("eth0"));
    assert!(matches!(&file.transport[2], TransportTable::Serial(table) if table.line.baud == 115_200));
    assert!(matches!(&file.transport[3], TransportTable::Serial(table) if table.line.framing == Framing::Raw));
    let TransportTable::Ieee802154(table) = &file.transport[4] else { panic!("it is a radio") };
    assert_eq!((table.radio.channel, table.radio.pan_id, table.admission.anonymous), (Some(15), 0x534E, false));
    let TransportTable::Ieee802154(table) = &file.transport[5] else { panic!("it is a radio") };
    assert_eq!(table.radio.attachment, Attachment::Interface("wpan0".into()));
    assert_eq!(file.transport[6], TransportTable::sim("/run/sn-gateway/sim.sock".into()));
}

fn udp_admission(file: &File) -> (Option<&str>, bool) {
    let admission = &file.transport[0].as_udp().unwrap().admission;
    (admission.user.as_deref(), admission.anonymous)
}

#[test]
fn beyond_loopback_nobody_comes_in_unknown_unless_the_file_says_so() {
    let file = |listen: &str, more: &str| {
        let table =
            |name: &str, kind: &str| format!("[[{name}]]\nkind = \"{kind}\"\nlisten = \"{listen}:1883\"\n{more}\n");
        parse(Path::new("gw.toml"), &(table("transport", "udp") + &table("listener", "tcp"))).unwrap()
    };
    for (listen, more, anonymous) in [
        ("127.0.0.1", "", true),
        ("[::1]", "", true),
        ("127.0.0.1", "anonymous = false", false),
        ("0.0.0.0", "", false),
        ("192.168.1.2", "", false),
        ("[::]", "anonymous = true", true),
    ] {
        let file = file(listen, more);
        assert_eq!(udp_admission(&file), (None, anonymous), "{listen} {more}");
        assert_eq!(file.listener[0].policy.anonymous, anonymous, "{listen} {more}");
    }
}

/// A radio with these keys.
fn radio(keys: &str) -> Result<File, String> {
    let text = format!("[[transport]]\nkind = \"ieee802154\"\ndevice = \"/dev/x\"\n{keys}\n");
    parse(Path::new("gw.toml"), &text).map_err(|error| error.to_string())
}

#[test]
fn a_radio_is_secured_and_takes_both_forms_unless_the_file_says_otherwise() {
    let file = radio("channel = \"auto\"").unwrap();
    let TransportTable::Ieee802154(table) = &file.transport[0] else { panic!("it is a radio") };
    assert!(matches!(&table.radio.attachment, Attachment::Rcp(line) if line.baud == 460_800));
    assert_eq!((table.radio.channel, table.radio.pan_id), (None, 0x534E));
    assert_eq!(table.radio.security, Some(Level::Mic64));
    assert!(table.radio.fragment && matches!(table.radio.carriages, Carriages::Both(1_883)));
    assert!(!table.admission.anonymous, "it is open to everybody in reach");
    assert_eq!(table.radio.limits, Limits::DEFAULT);
    let file = radio("channel = 11\nlimits.waiting_ms = 60000\nlimits.nodes = 9").unwrap();
    let TransportTable::Ieee802154(table) = &file.transport[0] else { panic!("it is a radio") };
    let limits = Limits { waiting_for: Duration::from_secs(60), nodes: 9, ..Limits::DEFAULT };
    assert_eq!(table.radio.limits, limits);

    let file = radio("channel = 11\nsecurity = \"none\"\ncarriage = \"6lowpan\"\nfragment = false").unwrap();
    let TransportTable::Ieee802154(table) = &file.transport[0] else { panic!("it is a radio") };
    assert_eq!((table.radio.channel, table.radio.security), (Some(11), None));
    assert!(!table.radio.fragment && matches!(table.radio.carriages, Carriages::Udp(1_883)));
}

#[test]
fn what_no_radio_takes_is_named_with_its_place() {
    for (keys, error) in [
        ("channel = 27", "expected a channel from 11 to 26, or \"auto\""),
        ("channel = \"quiet\"", "expected a channel from 11 to 26, or \"auto\""),
        ("", "`channel` is missing: 11 to 26, or \"auto\""),
        ("channel = 15\npan_id = 0xFFFF", "expected a whole number from 0 to 65534"),
        ("channel = 15\nshort_address = 0xFFFE", "expected a whole number from 0 to 65533"),
        ("channel = 15\ntx_power_dbm = 31", "expected a power from -40 to 30, in dBm"),
        ("channel = 15\nsecurity = \"high\"", "known are none, mic-32, mic-64, mic-128"),
        ("channel = 15\ncarriage = \"ip\"", "known are bare, 6lowpan, both"),
        ("channel = 15\nlimits.waiting = 0", "transport[0].limits.waiting: "),
        ("channel = 15\nlimits.waiting = 0", "expected a whole number from 1 to 1000000"),
        ("channel = 15\nlimits.packet_bytes = 2048", "expected a whole number from 256 to 2047"),
        ("channel = 15\nlimits.wating = 9", "unknown `wating`; did you mean `waiting`?"),
        ("channel = 15\nlimits = 9", "expected keys `limits.*`"),
        ("channel = 15\nparity = \"odd\"", "`parity` is no key of a transport of kind `ieee802154`"),
        ("channel = 15\nframing = \"hdlc\"", "`framing` is no key of a transport of kind `ieee802154`"),
        ("channel = 15\ninterface = \"wpan0\"", "`device` and `interface` are two radios; write one of them"),
    ] {
        let found = radio(keys).unwrap_err();
        assert!(found.starts_with("gw.toml:") && found.contains(error), "{keys}: {found}");
    }
}

/// A radio that Linux drives, with these keys.
fn interface(keys: &str) -> Result<File, String> {
    let text = format!("[[transport]]\nkind = \"ieee802154\"\n{keys}\n");
    parse(Path::new("gw.toml"), &text).map_err(|error| error.to_string())
}

#[test]
fn a_radio_that_linux_drives_has_an_interface() {
    let file = interface("interface = \"wpan0\"\nsecurity = \"none\"\npan_id = 0xABCD").unwrap();
    let TransportTable::Ieee802154(table) = &file.transport[0] else { panic!("it is a radio") };
    assert_eq!(table.radio.attachment, Attachment::Interface("wpan0".into()));
    assert_eq!((table.radio.pan_id, table.radio.security), (0xABCD, None));
    assert!(!table.admission.anonymous, "it is open to everybody in reach");
}

#[test]
fn what_an_interface_has_itself_is_no_key() {
    let iwpan = "is no key of a radio with `interface`: its own is set with `iwpan`";
    for (keys, error) in [
        ("security = \"none\"", "`device` or `interface` is missing"),
        ("interface = \"wpan0\"", "Linux drops frames that it has not secured itself; write `security = \"none\"`"),
        ("interface = \"wpan0\"\nsecurity = \"mic-32\"", "Linux drops frames that it has not secured itself"),
        ("interface = \"wpan0\"\nsecurity = \"none\"\nchannel = 15", &format!("`channel` {iwpan}")),
        ("interface = \"wpan0\"\nsecurity = \"none\"\ntx_power_dbm = 1", &format!("`tx_power_dbm` {iwpan}")),
        ("interface = \"wpan0\"\nsecurity = \"none\"\nbaud = 9600", "`baud` is no key of a radio with `interface`"),
        ("interface = \"/dev/x\"", "expected the name of a network interface, for example \"wpan0\""),
        ("interface = \"a-name-too-long-for-linux\"", "expected the name of a network interface"),
    ] {
        let found = interface(keys).unwrap_err();
        assert!(found.starts_with("gw.toml:") && found.contains(error), "{keys}: {found}");
    }
}

#[test]
fn an_error_shows_the_place() {
    let error = parse(Path::new("gw.toml"), "# mine\n[timing]\n  t_rety_s = 10 # longer\n").unwrap_err().to_string();
    assert_eq!(
        error,
        "gw.toml:3:3: timing.t_rety_s: unknown `t_rety_s`; did you mean `t_retry_s`?\n 3 |   t_rety_s = 10 # longer\n   |   ^^^^^^^^"
    );
}

#[test]
fn every_mistake_is_named_with_its_place_and_what_would_be_right() {
    let cases = [
        ("[timming]\n", "gw.toml:1:2: timming: unknown `timming`; did you mean `timing`?"),
        ("[timing\n", "gw.toml:1:8: unclosed table, expected `]`"),
        ("timing = 3\n", "gw.toml:1:10: timing: expected the table [timing], not 3"),
        ("[timing]\nt_retry_s = 0\n", "gw.toml:2:13: timing.t_retry_s: expected a whole number from 1 to 3600, not 0"),
        ("[timing]\nn_retry = -1\n", "gw.toml:2:11: timing.n_retry: expected a whole number from 0 to 255, not -1"),
        (
            "[timing]\nt_adv_s = \"900\"\n",
            "gw.toml:2:11: timing.t_adv_s: expected a whole number from 1 to 65535, not the text \"900\"",
        ),
        ("[gateway]\ngw_id = 256\n", "gw.toml:2:9: gateway.gw_id: expected a whole number from 0 to 255, not 256"),
        (
            "[gateway]\nsys_interval_s = 86401\n",
            "gw.toml:2:18: gateway.sys_interval_s: expected a whole number from 0 to 86400, not 86401",
        ),
        ("[timing]\nn_retry = 1\nn_retry = 2\n", "gw.toml:3:1: n_retry: duplicate key"),
        (
            "[gateway]\nwhen_full = \"drop-oldst\"\n",
            "gw.toml:2:13: gateway.when_full: unknown `drop-oldst`; did you mean `drop-oldest`?",
        ),
        (
            "[predefined]\n1 = \"ok\"\n0xFFFF = \"no\"\n",
            "gw.toml:3:1: predefined.0xFFFF: `0xFFFF` is no topic id; write a number from 1 to 65534, or 0x0001 to 0xFFFE",
        ),
        (
            "[predefined]\n1 = \"a/#\"\n",
            "gw.toml:2:5: predefined.1: `a/#` cannot have a predefined id: a topic name must not contain the wildcards \
             + and #",
        ),
        ("[predefined]\n1 = \"a\"\n0x1 = \"b\"\n", "gw.toml:1:1: predefined: topic id 1 is there twice"),
        ("[[transport]]\nkind = \"udp\"\n", "gw.toml:1:1: transport[0]: `listen` is missing"),
        (
            "[[transport]]\nkind = \"udp\"\nname = \"my garden\"\n",
            "gw.toml:3:8: transport[0].name: a transport's name has 1 to 64 letters, digits, `-`, `_` and `.`, for example \"garden\"",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\n\
             [[transport]]\nkind = \"udp\"\nlisten = \"::2\"\nname = \"udp-0\"\n",
            "gw.toml:7:8: transport[1].name: there are two transports `udp-0`; each has a name of its own",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\n[[transport]]\nkind = \"tcp\"\n",
            "gw.toml:5:8: transport[1].kind: unknown `tcp`; known are udp, serial, ieee802154, sim",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"localhost:1883\"\n",
            "gw.toml:3:10: transport[0].listen: `localhost:1883` is no address; write IP:PORT or IP, for example \
             0.0.0.0:1883, 127.0.0.1 or [::]:1883",
        ),
        ("[[transport]]\nkind = \"sim\"\n", "gw.toml:1:1: transport[0]: `path` is missing"),
        (
            "[[transport]]\nkind = \"sim\"\npath = \"sim.sock\"\nmulticast_hops = 1\n",
            "gw.toml:1:1: transport[0]: `multicast_hops` is no key of a transport of kind `sim`",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\npath = \"sim.sock\"\n",
            "gw.toml:1:1: transport[0]: `path` is no key of a transport of kind `udp`",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\nmtu = 31\n",
            "gw.toml:4:7: transport[0].mtu: expected a whole number from 32 to 65250, not 31",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"10.0.0.1\"\nmulticast = \"10.0.0.255\"\n",
            "gw.toml:4:13: transport[0].multicast: 10.0.0.255:1883 is no multicast group; for example 225.1.1.1:1883",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"10.0.0.1\"\nmulticast = \"[ff1e:feed:caca:dead::1]:1883\"\n",
            "gw.toml:4:13: transport[0].multicast: the group [ff1e:feed:caca:dead::1]:1883 and the address \
             10.0.0.1:1883 are of two families",
        ),
        (
            "[mqtt]\nlisten = [\"127.0.0.1:1883\"]\n",
            "gw.toml:1:2: mqtt: there is no table [mqtt]; write a table [[listener]] for each address, with kind = \
             \"tcp\" and listen = \"IP:PORT\"",
        ),
        ("[[listener]]\nlisten = \"127.0.0.1\"\n", "gw.toml:1:1: listener[0]: `kind` is missing"),
        ("[[listener]]\nkind = \"tcp\"\n", "gw.toml:1:1: listener[0]: `listen` is missing"),
        ("[[listener]]\nkind = \"udp\"\n", "gw.toml:2:8: listener[0].kind: unknown `udp`; known are tcp, tls, ws, wss"),
        (
            "[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\nkey = \"server.key\"\n",
            "gw.toml:1:1: listener[0]: `key` is no key of a listener of kind `tcp`",
        ),
        (
            "[[listener]]\nkind = \"ws\"\nlisten = \"::1\"\n",
            "gw.toml:1:1: listener[0]: `listen` has no port; write IP:PORT",
        ),
        (
            "[[listener]]\nkind = \"ws\"\nlisten = \"[::1]:80\"\npath = \"mqtt\"\n",
            "gw.toml:4:8: listener[0].path: `mqtt` is no path of a URL; for example /mqtt",
        ),
        (
            "[[listener]]\nkind = \"tls\"\nlisten = \"::1\"\nkey = \"server.key\"\n",
            "gw.toml:1:1: listener[0]: `certificate` is missing",
        ),
        (
            "[[listener]]\nkind = \"tls\"\nlisten = \"::1\"\nclient_certificates = \"required\"\n",
            "gw.toml:1:1: listener[0]: `client_ca` is missing: it says whose client certificates are good",
        ),
        (
            "[[listener]]\nkind = \"tls\"\nlisten = \"::1\"\nuser_from = \"cn\"\n",
            "gw.toml:1:1: listener[0]: `user_from` needs `client_certificates` to be \"optional\" or \"required\"",
        ),
        (
            "[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\nconnects_per_s = 0\n",
            "gw.toml:4:18: listener[0].connects_per_s: expected a whole number from 1 to \
             1000000, not 0",
        ),
        ("[[transport]]\nkind = \"serial\"\nframing = \"cobs\"\n", "gw.toml:1:1: transport[0]: `device` is missing"),
        (
            "[[transport]]\nkind = \"serial\"\ndevice = \"usb:1915\"\nframing = \"cobs\"\n",
            "gw.toml:3:10: transport[0].device: `usb:1915` is no device: expected a path, as `/dev/serial/by-id/...`, or \
             `usb:VENDOR:PRODUCT` or `usb:VENDOR:PRODUCT:SERIAL` with four hexadecimal digits each, as `usb:1915:0000`",
        ),
        (
            "[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyS0\"\nframing = \"ppp\"\n",
            "gw.toml:4:11: transport[0].framing: unknown `ppp`; known are raw, slip, slip-crc, hdlc, cobs, xbee, \
             xbee-escaped, xbee-802.15.4, xbee-802.15.4-escaped",
        ),
        (
            "[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyS0\"\nframing = \"cobs\"\ngap_ms = 5\n",
            "gw.toml:1:1: transport[0]: `gap_ms` is of use with `framing = \"raw\"` only",
        ),
        (
            "[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyS0\"\nframing = \"cobs\"\nairtime_percent = 0\n",
            "gw.toml:5:19: transport[0].airtime_percent: expected a number from 0.001 \
             to 100, not 0.0",
        ),
        (
            "[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyS0\"\nframing = \"cobs\"\nairtime_window_s = 60\n",
            "gw.toml:1:1: transport[0]: `airtime_window_s` and `airtime_bits_per_s` are of use with `airtime_percent` only",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\nbaud = 9600\n",
            "gw.toml:1:1: transport[0]: `baud` is no key of a transport of kind `udp`",
        ),
        (
            "[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\nauth_methods = [\"SCRAM-SHA-256\"]\n",
            "gw.toml:4:16: listener[0].auth_methods: `auth_methods` needs `password_file` of `[security]`: nobody could log in",
        ),
        (
            "[security]\npasswords = \"x\"\n",
            "gw.toml:2:1: security.passwords: unknown `passwords`; did you mean `password_file`?",
        ),
        ("[[node]]\nclient = \"a\"\n", "gw.toml:1:1: node[0]: `user` is missing"),
        ("[[node]]\nuser = \"\"\n", "gw.toml:2:8: node[0].user: a user's name has at least one character"),
        (
            "[[node]]\nuser = \"a\"\nfrom = \"10.0.0.0/33\"\n",
            "gw.toml:3:8: node[0].from: `10.0.0.0/33` is no place of nodes; write a network, as 10.1.0.0/16, an IP \
             address, or a radio's address, as 00:12:4b:00:01:02:03:04",
        ),
        (
            "[[access]]\nallow = \"read\"\ntopics = \"a/#/b\"\n",
            "gw.toml:3:10: access[0].topics: `a/#/b` is no topic filter: the wildcard # must be the last level",
        ),
        (
            "[[access]]\nallow = [\"red\"]\ntopics = \"#\"\n",
            "gw.toml:2:10: access[0].allow[0]: unknown `red`; did you mean `read`?",
        ),
        ("[[access]]\nallow = []\ntopics = \"#\"\n", "gw.toml:2:9: access[0].allow: [] is nothing; leave the rule out"),
        (
            "[[access]]\nallow = 1\ntopics = \"#\"\n",
            "gw.toml:2:9: access[0].allow: expected a text, or several as [\"one\", \"another\"], not 1",
        ),
        (
            "[[access]]\nuser = \"a*b*\"\nallow = \"read\"\ntopics = \"#\"\n",
            "gw.toml:2:8: access[0].user: `a*b*`: a name may have one * at most",
        ),
        ("[[access]]\ntopics = \"#\"\n", "gw.toml:1:1: access[0]: `allow` or `deny` is missing"),
        (
            "[[access]]\nallow = \"read\"\ndeny = \"write\"\ntopics = \"#\"\n",
            "gw.toml:1:1: access[0]: a rule has `allow` or `deny`, not both; make two",
        ),
        ("[[access]]\nallow = \"read\"\n", "gw.toml:1:1: access[0]: `topics` is missing"),
        (
            "[metrics]\nlisten = \"127.0.0.1\"\n",
            "gw.toml:2:10: metrics.listen: `127.0.0.1` is no address; write IP:PORT, for example 127.0.0.1:9883",
        ),
        ("[metrics]\nlisten_on = 1\n", "gw.toml:2:1: metrics.listen_on: unknown `listen_on`; did you mean `listen`?"),
        (
            "[log]\nfilter = \"info,warning\"\n",
            "gw.toml:2:10: log.filter: `warning` is no log filter; write off, error, warn, info, debug or trace, for all or for a \
             module, as in info,MODULE=debug",
        ),
        (
            "[transport]\nkind = \"udp\"\nlisten = \"::1\"\n",
            "gw.toml:1:1: transport: write [[transport]] with two brackets on each side: there may be several such tables",
        ),
        (
            "[[gateway]]\ngw_id = 2\n",
            "gw.toml:1:1: gateway[0]: write [gateway] with one bracket on each side: there is one such table",
        ),
        ("[gateway]\nqos_minus_one = 1\n", "gw.toml:2:17: gateway.qos_minus_one: expected true or false, not 1"),
        (
            "[gateway]\nqos_minus_one = \"yes\"\n",
            "gw.toml:2:17: gateway.qos_minus_one: expected true or false, not the text \"yes\"",
        ),
        ("[gateway]\nwhen_full = 1\n", "gw.toml:2:13: gateway.when_full: expected a text in quotes, not 1"),
        ("[store]\ndata = true\n", "gw.toml:2:8: store.data: expected a text in quotes, not true"),
        (
            "[store]\ndata = \"d\"\nin_memory = true\n",
            "gw.toml:1:1: store: with `in_memory = true` nothing is kept in `data`; leave one of them out",
        ),
        (
            "[[listener]]\nkind = \"tcp\"\nlisten = 1883\n",
            "gw.toml:3:10: listener[0].listen: expected a text in quotes, not 1883",
        ),
        (
            "[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\ntopic_aliases = 70000\n",
            "gw.toml:4:17: listener[0].topic_aliases: expected a whole number from 0 to 65535, not 70000",
        ),
        (
            "[[listener]]\nkind = \"ws\"\nlisten = \"[::1]:80\"\norigins = \"https://a\"\n",
            "gw.toml:4:11: listener[0].origins: expected a list in brackets, not the text \"https://a\"",
        ),
        (
            "[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\n\n[[listener]]\nkind = \"tcp\"\nlisten = \"[::1]:1883\"\n",
            "gw.toml:7:10: listener[1].listen: [::1]:1883 is used twice; the other is on line 3",
        ),
        (
            "[metrics]\nlisten = \"127.0.0.1:9883\"\n[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:9883\"\n",
            "gw.toml:2:10: metrics.listen: 127.0.0.1:9883 is used twice; the other is on line 5",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\n[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\n",
            "gw.toml:6:10: transport[1].listen: two transports use [::1]:1883; the other is on line 3",
        ),
        (
            "[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyS0\"\nframing = \"cobs\"\n\
             [[transport]]\nkind = \"ieee802154\"\ndevice = \"/dev/ttyS0\"\nchannel = 15\n",
            "gw.toml:7:10: transport[1].device: two transports use /dev/ttyS0; the other is on line 3",
        ),
        (
            "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\nname = \"a\"\n\
             [[transport]]\nkind = \"udp\"\nlisten = \"::2\"\nname = \"a\"\n",
            "gw.toml:8:8: transport[1].name: there are two transports `a`; each has a name of its own; the other is on line 4",
        ),
        ("[log]\nformat = \"xml\"\n", "gw.toml:2:10: log.format: unknown `xml`; known are human, json"),
    ];
    for (text, expected) in cases {
        assert_eq!(complaint(text), expected);
    }
}

#[test]
fn each_transport_and_listener_may_have_a_port_of_the_system_s_choice() {
    let table = |name: &str, kind: &str| format!("[[{name}]]\nkind = \"{kind}\"\nlisten = \"[::1]:0\"\n").repeat(2);
    parse(Path::new("gw.toml"), &(table("transport", "udp") + &table("listener", "tcp"))).unwrap();
}

#[test]
fn a_table_that_has_moved_says_the_same() {
    let table = "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\n[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\n\
        auth_methods = [\"SCRAM-SHA-256\"]\n[security]\npassword_file = \"passwords\"\n";
    let [before, after] =
        ["", "# a comment\n"].map(|more| parse(Path::new("gw.toml"), &[more, table].concat()).unwrap());
    assert_eq!(before, after);
}

#[test]
fn places_in_text_beyond_ascii_are_counted_in_characters() {
    assert!(complaint("[predefined]\n1 = \"küche/ö\"\n2 = \"küche/#\"\n").starts_with("gw.toml:3:5: predefined.2: "));
    assert!(complaint("[gateway]\n\"küche\" = 1\n").contains("küche"));
}

#[test]
fn whoever_is_at_the_end_of_a_line_may_come_in_and_who_is_in_reach_of_a_radio_may_not() {
    for (framing, anonymous) in [("cobs", true), ("raw", true), ("xbee", false), ("xbee-802.15.4-escaped", false)] {
        let text = format!("[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyS0\"\nframing = \"{framing}\"\n");
        let mut file = parse(Path::new("gw.toml"), &text).unwrap();
        assert_eq!(file.transport[0].admission_mut().anonymous, anonymous, "{framing}");
    }
}

#[test]
fn addresses_may_leave_the_port_out() {
    for (text, addr) in [
        ("127.0.0.1", "127.0.0.1:1883"),
        ("0.0.0.0:10000", "0.0.0.0:10000"),
        ("::1", "[::1]:1883"),
        ("[::]", "[::]:1883"),
        ("[::1]:0", "[::1]:0"),
    ] {
        assert_eq!(text.parse::<ListenAddr>().unwrap().0, addr.parse().unwrap());
    }
}

#[test]
fn the_examples_in_docs_listeners_are_right() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/listeners.md"));
    let page = std::fs::read_to_string(path).unwrap();
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let all: String = blocks.inspect(|block| drop(parse(path, block).unwrap())).collect();
    let urls = parse(path, &all).unwrap().listener.into_iter().map(|table| table.url(table.listen.0));
    assert_eq!(
        urls.collect::<Vec<_>>(),
        [
            "mqtt://127.0.0.1:1883",
            "mqtts://0.0.0.0:8883",
            "mqtts://0.0.0.0:8884",
            "wss://0.0.0.0:8084/mqtt",
            "ws://127.0.0.1:8083/mqtt"
        ]
    );
}

#[test]
fn a_listener_s_port_is_that_of_its_kind() {
    let tls = "kind = \"tls\"\ncertificate = \"a\"\nkey = \"b\"\n";
    for (kind, port) in [("kind = \"tcp\"\n", 1883), (tls, 8883)] {
        let file = parse(Path::new("gw.toml"), &format!("[[listener]]\n{kind}listen = \"::1\"\n")).unwrap();
        assert_eq!(file.listener[0].listen.0.port(), port);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = load(Path::new("/nowhere/gateway.toml")).unwrap_err().to_string();
    assert_eq!(error, "/nowhere/gateway.toml: cannot be read: No such file or directory (os error 2)");
}

/// A file with one bridge that has these keys beside a name, an address and a client id.
fn bridge(keys: &str) -> String {
    format!("[[bridge]]\nname = \"cloud\"\naddress = \"mqtt://broker\"\nclient_id = \"gw\"\n{keys}\n")
}

#[test]
fn mistakes_about_bridges_are_named_with_what_would_be_right() {
    let topics = "topics = [{ pattern = \"#\", direction = \"out\" }]";
    assert!(parse(Path::new("gw.toml"), &bridge(topics)).is_ok());
    for (keys, place, said) in [
        ("", "gw.toml:1:", "`topics` is missing"),
        ("topics = []", "gw.toml:1:", "`topics` is empty"),
        ("topics = [{ pattern = \"a/#/b\", direction = \"in\" }]", "gw.toml:5:", "`a/#/b`, which is no topic filter"),
        ("topics = [{ pattern = \"#\", direction = \"up\" }]", "gw.toml:5:", "known are in, out, both"),
        ("topics = [{ pattern = \"#\", direction = \"in\", qos = 3 }]", "gw.toml:5:", "a whole number from 0 to 2"),
        (
            "topics = [{ pattern = \"#\", direction = \"in\", local_prefix = \"+/\" }]",
            "gw.toml:5:",
            "wildcards belong into `pattern`",
        ),
        (&format!("version = \"4\"\n{topics}"), "gw.toml:5:", "known are 3.1.1, 5"),
        (&format!("ca = \"ca.pem\"\n{topics}"), "gw.toml:1:", "write `address` as mqtts://broker"),
        (&format!("password = \"x\"\n{topics}"), "gw.toml:1:", "a password needs `user`"),
        (&format!("{topics}\n{}", bridge(topics)), "gw.toml:7:", "two bridges `cloud`"),
    ] {
        let complaint = complaint(&bridge(keys));
        assert!(complaint.starts_with(place) && complaint.contains(said), "{keys}: {complaint}");
    }
    for (wrong, right) in [("http://broker", "mqtts://HOST:PORT"), ("broker:99999", "mqtt://HOST:PORT")] {
        let complaint = complaint(&bridge(topics).replace("mqtt://broker", wrong));
        assert!(complaint.starts_with("gw.toml:3:") && complaint.contains(right), "{complaint}");
    }
    let nameless = complaint(&bridge(topics).replace("\"cloud\"", "\"a/b\""));
    assert!(nameless.starts_with("gw.toml:2:") && nameless.contains("1 to 64 letters"), "{nameless}");
}

/// A file with these keys of transparent mode beside an address.
fn transparent(keys: &str) -> String {
    format!("[transparent]\naddress = \"mqtt://broker\"\n{keys}\n")
}

#[test]
fn mistakes_about_transparent_mode_are_named_with_what_would_be_right() {
    assert!(parse(Path::new("gw.toml"), &transparent("transports = [\"udp-0\"]")).is_ok());
    for (keys, place, right) in [
        ("transports = []", "gw.toml:1:", "leave it out for all"),
        ("transports = [\"radio\"]", "gw.toml:3:", "there are udp-0, udp-1"),
        ("password = \"x\"", "gw.toml:1:", "a password needs `user`"),
        ("ca = \"ca.pem\"", "gw.toml:1:", "mqtts://broker"),
        ("keep_alive_s = 0", "gw.toml:3:", "1"),
        ("client_id_prefix = \"a\\u0000\"", "gw.toml:1:", "`client_id_prefix`"),
        ("version = \"4\"", "gw.toml:3:", "3.1.1"),
    ] {
        let complaint = complaint(&transparent(keys));
        assert!(complaint.contains(place) && complaint.contains(right), "{keys}: {complaint}");
    }
}
