//! docs/bridge.md is true: its configurations can be read.

use sn_gateway::config::parse;
use std::path::Path;

#[test]
fn the_examples_are_configurations() {
    let page = include_str!("../../docs/bridge.md");
    let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let file = parse(Path::new("bridge.md"), example).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(file.bridge.len(), 1, "{example}");
    }
}
