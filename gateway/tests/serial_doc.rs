//! docs/serial.md is true: its configuration can be read.

use sn_gateway::config::{TransportTable, parse};
use std::path::Path;

#[test]
fn the_example_is_a_configuration() {
    let page = include_str!("../../docs/serial.md");
    let (_, example) = page.split_once("```toml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let file = parse(Path::new("serial.md"), example).expect("it is right");
    let serial = file.transport.iter().filter(|table| matches!(table, TransportTable::Serial(_)));
    assert_eq!(serial.count(), 2);
}
