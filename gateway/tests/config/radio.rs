//! A radio, at a dongle or driven by Linux.

use crate::read;
use sn_gateway::config::{File, TransportTable};
use std::time::Duration;
use transports::ieee802154::{Attachment, Carriages, Level, Limits};

/// A radio with these keys.
fn radio(keys: &str) -> Result<File, String> {
    let text = format!("[[transport]]\nkind = \"ieee802154\"\ndevice = \"/dev/x\"\n{keys}\n");
    read(&text).map_err(|error| error.to_string())
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
    read(&text).map_err(|error| error.to_string())
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
