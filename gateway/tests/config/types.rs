//! Whatever in the configuration is of a wrong type is refused, with its place and what would be right.

use crate::sample::full;
use crate::samples::assert_mistakes_are_named;
use crate::{complaint, read};

#[test]
fn every_value_of_a_wrong_type_is_named_with_its_place_and_what_would_be_right() {
    let number = assert_mistakes_are_named(&full(), read);
    assert!(number > 900, "{number} mistakes are not all");
}

#[test]
fn a_list_is_no_table_and_a_table_is_no_word() {
    for (text, expected) in [
        ("gateway = [1]\n", "gw.toml:1:11: gateway: expected the table [gateway], not a list"),
        ("store = []\n", "gw.toml:1:9: store: expected the table [store], not a list"),
        ("gateway = 1979-05-27\n", "gw.toml:1:11: gateway: expected a table, not a date or time"),
        ("queue = [[\"a/#\"]]\n", "gw.toml:1:10: queue[0]: expected a table [[queue]], not a list"),
        (
            "[gateway]\nwhen_full = { drop-oldest = {} }\n",
            "gw.toml:2:13: gateway.when_full: expected a text in quotes, not a table",
        ),
        (
            "gateway.when_full.drop-oldest = {}\n",
            "gw.toml:1:9: gateway.when_full: expected a text in quotes, not a table",
        ),
        ("gateway.gw_id.is = 1\n", "gw.toml:1:9: gateway.gw_id: expected a whole number from 0 to 255, not a table"),
        (
            "[[listener]]\nkind = \"ws\"\nlisten = \"[::1]:80\"\n[[listener.origins]]\n",
            "gw.toml:4:1: listener[0].origins[0]: expected a text in quotes, not a table",
        ),
    ] {
        assert_eq!(complaint(text), expected);
    }
}

#[test]
fn what_is_wrong_with_a_later_table_is_told_of_that_one() {
    let first = "[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\n";
    for (second, expected) in [
        ("[[listener]]\n", "gw.toml:4:1: listener[1]: `kind` is missing"),
        ("[[listener]]\nkind = \"tcp\"\n", "gw.toml:4:1: listener[1]: `listen` is missing"),
    ] {
        assert_eq!(complaint(&[first, second].concat()), expected);
    }
    let inline = "access = [\n{ allow = \"read\", topics = \"#\" },\n{ allow = \"read\" },\n]\n";
    assert_eq!(complaint(inline), "gw.toml:3:1: access[1]: `topics` is missing");
}
