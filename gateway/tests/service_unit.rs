//! The systemd unit starts the program as the program wants to be started.

use clap::Parser;
use sn_gateway::cli::{Cli, Command};
use std::collections::HashMap;

/// `Section.Key` and its last value.
fn unit() -> HashMap<String, String> {
    let text = include_str!("../../config/sn-gateway.service");
    let mut section = String::new();
    let mut entries = HashMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
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
fn it_starts_checks_and_reloads_one_configuration_file() {
    let unit = unit();
    let Command::Run(args) = parse(&unit["Service.ExecStart"]) else { panic!("ExecStart does not run the gateway") };
    let Command::CheckConfig { file, in_memory: false } = parse(&unit["Service.ExecStartPre"]) else {
        panic!("ExecStartPre")
    };
    assert_eq!(args.config, Some(file));
    let state = format!("/var/lib/{}", unit["Service.StateDirectory"]);
    assert_eq!(args.data.as_deref(), Some(std::path::Path::new(&state)));
    assert!(unit["Service.ExecReload"].contains("-HUP"));
    assert!(unit["Service.ExecStart"].split(' ').next().unwrap_or_default().ends_with("/sn-gateway"));
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
