//! The daemon and radios that Linux drives: by raw frames, and by the kernel's own 6LoWPAN.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use vm::{Kernel, Machine, Run};

/// The machine needs about twenty seconds; on a busy computer it may be many more.
const LIMIT: Duration = Duration::from_secs(600);

/// Functions for scripts.
const FUNCTIONS: &str = r#"
# Ends with the files' lines and the daemon's.
fail() {
    cat "$@" /gateway.log
    exit 1
}
# Waits until the file $1 has $3 lines with $2; one, if $3 is not given.
await() {
    local tries=0
    until [ "$(grep -c -- "$2" "$1")" -ge "${3:-1}" ]; do
        tries=$((tries + 1))
        [ $tries -le 300 ] || fail "$1"
        sleep 0.1
    done
}
# The link-local address of a radio, as RFC 4944 makes it.
link_local() {
    local IFS=:
    set -- $(cat /sys/class/net/$1/address)
    printf "fe80::%02x%s:%s%s:%s%s:%s%s" $((0x$1 ^ 2)) $2 $3 $4 $5 $6 $7 $8
}
start() {
    sn-gateway run --config /gateway.toml --in-memory >/gateway.log 2>&1 &
    await /gateway.log "$1"
}
# Publishes at QoS 1 to a gateway, and an MQTT client gets it, since it is retained; $1 is a name for it, $2 the gateway's host.
publish() {
    sn-pub -d -h "$2" -i "node-$1" -t "up/$1" -m "hello from $1" -q 1 -r || fail
    mosquitto_sub -h 127.0.0.1 -t "up/$1" -q 1 -C 1 -W 30 || fail
}
# An MQTT client publishes, and who subscribes at a gateway gets it.
subscribe() {
    mosquitto_pub -h 127.0.0.1 -t "down/$1" -m "hello to $1" -q 1 -r || fail
    sn-sub -h "$2" -i "sub-$1" -t "down/$1" -q 1 -C 1 -W 30 || fail
}
"#;

/// The daemon and the tools, built as the tests are.
fn programs() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "sn-gateway", "--package", "sn-tools", "--bins", "--target-dir"]);
    let status = build.arg(target).status().expect("cargo");
    assert!(status.success(), "cargo build: {status}");
    target.join("debug")
}

/// Runs a script beside a daemon with this configuration.
fn run(config: &str, script: &str) -> Run {
    let kernel = Kernel::fetch(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("../vm")).expect("a kernel");
    let machine = Machine::new(&kernel).expect("a machine");
    let programs = programs();
    for name in ["sn-gateway", "sn-pub", "sn-sub"] {
        machine.program(&programs.join(name), name).expect("a program");
    }
    for name in ["mosquitto_pub", "mosquitto_sub"] {
        machine.program(&Path::new("/usr/bin").join(name), name).expect("a program of mosquitto-clients");
    }
    machine.file("/gateway.toml", config.as_bytes()).expect("a file");
    let run = machine.run(&format!("{FUNCTIONS}{script}"), LIMIT).expect("a run");
    println!("{}\n{:?}", run.console, run.took);
    assert_eq!(run.exit_code, Some(0), "{}", run.console);
    run
}

const MQTT: &str = "[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:1883\"\n";

#[test]
fn nodes_publish_and_subscribe_by_raw_frames_of_an_interface_that_goes_and_comes_back() {
    let config = format!(
        "{MQTT}[[transport]]\nkind = \"ieee802154\"\ninterface = \"wpan1\"\npan_id = 0xABCD\nsecurity = \"none\"\nanonymous = true\n"
    );
    let script = r#"
start "link up"
host="$(link_local wpan1)%lowpan0"
publish frames "$host"
subscribe frames "$host"
ip link set wpan1 down
await /gateway.log "link down"
ip link set wpan1 up
await /gateway.log "link up" 2
publish again "$host"
cat /gateway.log
"#;
    let run = run(&config, script);
    for line in ["hello from frames", "hello to frames", "hello from again"] {
        assert!(run.console.lines().any(|shown| shown == line), "{line}");
    }
}

#[test]
fn nodes_publish_and_subscribe_by_udp_over_the_kernels_own_6lowpan() {
    let config = format!("{MQTT}[[transport]]\nkind = \"udp\"\nlisten = \"[::]\"\nanonymous = true\n");
    let script = r#"
ip link set wpan1 down
ip link add link wpan1 name lowpan1 type lowpan
ip link set wpan1 up
ip link set lowpan1 up
while ip -6 address show dev lowpan1 | grep -q tentative; do sleep 0.1; done
start "MQTT on mqtt://127.0.0.1:1883"
host="$(link_local wpan1)%lowpan0"
publish udp "$host"
subscribe udp "$host"
cat /proc/net/dev
"#;
    let run = run(&config, script);
    for line in ["hello from udp", "hello to udp"] {
        assert!(run.console.lines().any(|shown| shown == line), "{line}");
    }
}
