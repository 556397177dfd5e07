//! The systemd unit starts the program as the program wants to be started.

mod common;

use clap::Parser;
use common::Daemon;
use sn_gateway::cli::{Cli, Command};
use std::collections::HashMap;
use std::process;

const UNIT: &str = include_str!("../../config/sn-gateway.service");
const FORWARDER: &str = include_str!("../../config/sn-forwarder.service");

/// `Section.Key` and its last value.
fn unit() -> HashMap<String, String> {
    let mut section = String::new();
    let mut entries = HashMap::new();
    for line in UNIT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.into();
        } else {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no KEY=VALUE: {line}"));
            entries.insert(format!("{section}.{key}"), value.into());
        }
    }
    entries
}

fn parse(command: &str) -> Command {
    Cli::try_parse_from(command.split(' ')).unwrap_or_else(|error| panic!("{command}: {error}")).command
}

#[test]
fn it_starts_and_checks_with_one_configuration_file() {
    let unit = unit();
    let Command::Run(args) = parse(&unit["Service.ExecStart"]) else { panic!("ExecStart does not run the gateway") };
    let Command::CheckConfig { file, in_memory: false } = parse(&unit["Service.ExecStartPre"]) else {
        panic!("ExecStartPre")
    };
    assert_eq!(args.config, Some(file));
    let state = format!("/var/lib/{}", unit["Service.StateDirectory"]);
    assert_eq!(args.data.as_deref(), Some(std::path::Path::new(&state)));
    assert!(unit["Service.ExecStart"].split(' ').next().unwrap_or_default().ends_with("/sn-gateway"));
}

#[test]
fn it_reloads_with_nothing_but_a_shell() {
    let gateway = Daemon::start(&[]);
    let reload = unit()["Service.ExecReload"].replace("${MAINPID}", &gateway.pid().to_string());
    let script = reload.strip_prefix("/bin/sh -c '").and_then(|rest| rest.strip_suffix('\'')).expect(&reload);
    assert!(process::Command::new("/bin/sh").args(["-c", script]).env("PATH", "").status().unwrap().success());
    gateway.wait_for_log("SIGHUP");
}

#[test]
fn it_gives_the_gateway_descriptors_for_all_connections_and_time_to_stop() {
    let unit = unit();
    let descriptors: usize = unit["Service.LimitNOFILE"].parse().unwrap();
    let listeners = sn_gateway::config::File::default().listener;
    assert!(descriptors > listeners.iter().map(|table| table.limits.max_connections).sum());
    assert!(unit["Service.TimeoutStopSec"].parse::<u64>().unwrap() > 2);
    assert_eq!(unit["Install.WantedBy"], "multi-user.target");
}

/// All values of a key, in their order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn the_gateway_may_open_serial_lines_and_dongles_and_no_other_devices() {
    let devices = values(UNIT, "DeviceAllow");
    for driver in ["ttyUSB", "ttyACM", "ttyAMA", "ttyS"] {
        assert!(devices.contains(&format!("char-{driver} rw").as_str()), "{driver} in {devices:?}");
    }
    assert_eq!(values(UNIT, "PrivateDevices"), [""; 0], "it would have no serial device in /dev");
    assert_eq!(values(UNIT, "DevicePolicy"), ["closed"]);
    assert_eq!(values(UNIT, "SupplementaryGroups"), ["dialout"]);
    for key in ["DeviceAllow", "DevicePolicy", "SupplementaryGroups", "Wants", "After"] {
        assert_eq!(values(UNIT, key), values(FORWARDER, key), "{key}: both daemons open the same devices");
    }
}

/// A driver that is loaded later would not be among those whose devices may be opened.
#[test]
fn drivers_of_usb_adapters_are_loaded_before_it_starts() {
    let before: Vec<&str> = values(UNIT, "After").into_iter().flat_map(|units| units.split(' ')).collect();
    for driver in ["usbserial", "cdc_acm"] {
        assert!(before.contains(&format!("modprobe@{driver}.service").as_str()), "{driver} in {before:?}");
    }
}

/// systemd makes the unit's user while it runs, and refuses to where a group has the user's name already.
#[test]
fn the_group_for_secrets_has_another_name_than_the_user() {
    let of_comment = |line: &'static str| line.strip_prefix("# SupplementaryGroups=");
    let groups: Vec<&str> = UNIT.lines().filter_map(of_comment).collect();
    let [group] = groups[..] else { panic!("the unit says how secrets are read: {groups:?}") };
    assert_eq!(unit()["Service.DynamicUser"], "yes");
    assert_ne!(group, "sn-gateway");
    for advice in [format!("groupadd --system {group}`"), format!("chgrp {group} FILE")] {
        assert!(UNIT.contains(&advice), "{advice}");
    }
}
