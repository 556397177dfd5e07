//! What is wrong in a scenario file is said with its place and what would be right.

use simulator::scenario::File;

const GREENHOUSE: &str = include_str!("../scenarios/greenhouse.toml");

/// What is said of the greenhouse with a change in it.
fn complaint(from: &str, to: &str) -> String {
    assert!(GREENHOUSE.contains(from), "{from}");
    let text = GREENHOUSE.replacen(from, to, 1);
    let error = File::parse(&text).and_then(|file| file.expand());
    error.expect_err("it is wrong").to_string()
}

#[test]
fn a_wrong_value_is_shown_with_its_line() {
    let error = complaint("duration = \"24h\"", "duration = \"24\"");
    assert!(error.starts_with("line 12, column 12: \"24\" is no duration; "), "{error}");
    assert!(error.ends_with(" 12 | duration = \"24\"\n    |            ^^^^"), "{error}");
}

#[test]
fn each_mistake_is_told_with_what_would_be_right() {
    for (from, to, says) in [
        ("band =", "bnad =", "unknown field `bnad`, expected one of `band`"),
        ("\"2.4GHz\"", "\"2.4 GHz\"", "unknown variant `2.4 GHz`, expected `2.4GHz` or `868MHz`"),
        ("loss_percent = 1", "loss_percent = 101", "expected a percentage from 0 to 100"),
        ("qos = 1 }", "qos = 3 }", "3 is no QoS; 0, 1 and 2 are"),
        ("count = 200\n", "count = \"many\"\n", "invalid type: string \"many\", expected usize"),
        ("name = \"bed\"\n", "", "missing field `name`"),
        ("place = { grid", "# place = { grid", "the group \"bed\" has no `place`"),
        ("{ grid = [[3, 16], [117, 58]] }", "{ list = [[3, 16]] }", "has 1 places for 200 nodes"),
        ("wake_every = \"5min\"", "wake_every = \"25min\"", "`wake_every` has to be above 0 and below `lost_after`"),
        ("to = \"bed\"", "to = \"bad\"", "the group \"bad\", which there is not"),
        ("name = \"observer\"", "name = \"operator\"", "two clients have the id \"operator\""),
        (
            "[nodes.sleep]",
            "[nodes.link]\ncarriage = \"bare\"\nsecurity = \"mic-64\"\n[nodes.sleep]",
            "`security` and no `key`",
        ),
        ("[nodes.sleep]", "[nodes.link]\ncarriage = \"bare\"\nkey = \"00\"\n[nodes.sleep]", "`key` and no `security`"),
        (
            "[nodes.sleep]",
            "[nodes.link]\ncarriage = \"bare\"\nsecurity = \"mic-64\"\nkey = \"0\"\n[nodes.sleep]",
            "not 32 hexadecimal digits",
        ),
        ("[nodes.sleep]", "[nodes.link]\ncarriage = \"bare\"\npoll_every = \"0s\"\n[nodes.sleep]", "`poll_every`"),
        ("payload_octets = 24", "payload_octets = 184", "payloads longer than"),
        ("every = \"10min\"", "every = \"0s\"", "need `every` above 0"),
    ] {
        let error = complaint(from, to);
        assert!(error.contains(says), "{to}: {error}");
    }
}
