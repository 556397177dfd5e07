//! Whatever in the configuration is of a wrong type is refused, with its place and what would be right.

#[path = "../../sn-config/tests/support/wrong_types.rs"]
mod wrong_types;

use sn_config::ConfigError;
use sn_forwarder::config::{File, parse};
use std::path::Path;
use wrong_types::{mistakes, with_examples};

fn read(text: &str) -> Result<File, ConfigError> {
    parse(Path::new("f.toml"), text)
}

#[test]
fn every_value_of_a_wrong_type_is_named_with_its_place_and_what_would_be_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/forwarder.toml");
    let sample = with_examples(&std::fs::read_to_string(path).unwrap(), |rest| {
        rest.starts_with("[[") || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    });
    read(&sample).expect("without a mistake it is right");
    let mut number = 0;
    for mistake in mistakes(&toml::from_str(&sample).unwrap()) {
        let said = read(&mistake.text).expect_err(&mistake.key).to_string();
        let says_what_is_right = ["expected ", "write ", "leave "].iter().any(|words| said.contains(words));
        assert!(said.contains(&format!(": {}", mistake.key)) && says_what_is_right, "{}: {said}", mistake.key);
        number += 1;
    }
    assert!(number > 250, "{number} mistakes are not all");
}
