//! What is typed at a node's console.

use config_page::{Error, Settings};
use node_app::console::{Console, Reply, shown};

fn types(console: &mut Console, text: &str) -> Vec<Reply> {
    text.bytes().filter_map(|octet| console.push(octet)).collect()
}

#[test]
fn a_node_is_told_line_by_line() {
    let mut console = Console::new(Settings::new());
    let text =
        "pan=abcd   # hexadecimal\r\nchannel=15\r\n\r\ngateway=0200000000000001\nclient=hall\nsave\nbase=hall\nsave\n";
    let missing = Reply::Error(Error::Missing("base"));
    let replies = [Reply::Ok, Reply::Ok, Reply::Ok, Reply::Ok, missing, Reply::Ok, Reply::Save];
    assert_eq!(types(&mut console, text), replies);
    assert_eq!(console.settings().pan, 0xABCD);
}

#[test]
fn what_is_wrong_is_said_and_the_next_line_is_read() {
    let mut console = Console::new(Settings::new());
    assert_eq!(types(&mut console, "colour=red\n"), [Reply::Error(Error::Name)]);
    assert_eq!(types(&mut console, &format!("{}\n", "x".repeat(500))), [Reply::Error(Error::Line)]);
    assert_eq!(types(&mut console, "client=h\u{e4}ll\n"), [Reply::Error(Error::Line)]);
    assert_eq!(types(&mut console, "channel=11\n"), [Reply::Ok]);
}

#[test]
fn the_key_is_never_shown() {
    let mut console = Console::new(Settings::new());
    assert_eq!(types(&mut console, "key=000102030405060708090a0b0c0d0e0f\nshow\n"), [Reply::Ok, Reply::Show]);
    let shown = shown(console.settings());
    assert!(shown.contains("key is set") && !shown.contains("0001"), "{shown}");
}
