//! What is said about every kind of mistake.

use crate::{complaint, read};
use sn_gateway::config::load;
use std::path::Path;

#[test]
fn an_error_shows_the_place() {
    let error = read("# mine\n[timing]\n  t_rety_s = 10 # longer\n").unwrap_err().to_string();
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
        (
            "[[access]]\nallow = \"read\"\ntopics = \"a/%n/#\"\n",
            "gw.toml:3:10: access[0].topics: `a/%n/#`: %u, the user, and %c, the client id, are all that stands for \
             something here",
        ),
        (
            "[[access]]\nallow = \"read\"\ntopics = \"$share/g/a\"\n",
            "gw.toml:3:10: access[0].topics: `$share/g/a`: rules are about what a shared subscription selects; leave out \
             `$share/` and the group",
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
        ("[store]\ndata = \"\"\n", "gw.toml:1:1: store: `data` is empty; write a directory, or leave it out"),
        ("[store]\ndata = \"~/data\"\n", "gw.toml:1:1: store: `~` in `data` is for shells; write the whole path"),
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
fn places_in_text_beyond_ascii_are_counted_in_characters() {
    assert!(complaint("[predefined]\n1 = \"küche/ö\"\n2 = \"küche/#\"\n").starts_with("gw.toml:3:5: predefined.2: "));
    assert!(complaint("[gateway]\n\"küche\" = 1\n").contains("küche"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = load(Path::new("/nowhere/gateway.toml")).unwrap_err().to_string();
    assert_eq!(error, "/nowhere/gateway.toml: cannot be read: No such file or directory (os error 2)");
}
