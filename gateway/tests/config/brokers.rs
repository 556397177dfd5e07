//! Other brokers, as bridges and in transparent mode.

use crate::{complaint, read};

/// A file with one bridge that has these keys beside a name, an address and a client id.
fn bridge(keys: &str) -> String {
    format!("[[bridge]]\nname = \"cloud\"\naddress = \"mqtt://broker\"\nclient_id = \"gw\"\n{keys}\n")
}

#[test]
fn mistakes_about_bridges_are_named_with_what_would_be_right() {
    let topics = "topics = [{ pattern = \"#\", direction = \"out\" }]";
    assert!(read(&bridge(topics)).is_ok());
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
    assert!(read(&transparent("transports = [\"udp-0\"]")).is_ok());
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
