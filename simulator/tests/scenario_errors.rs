//! What is wrong in a scenario file is said with its place and what would be right.

use simulator::World;
use simulator::scenario::File;
use sn_types::Instant;

const GREENHOUSE: &str = include_str!("../scenarios/greenhouse.toml");

/// What is said of the greenhouse with a change in it.
fn complaint(from: &str, to: &str) -> String {
    assert!(GREENHOUSE.contains(from), "{from}");
    let text = GREENHOUSE.replacen(from, to, 1);
    complaint_about(&text)
}

/// What is said of a wrong scenario; always with the place.
fn complaint_about(text: &str) -> String {
    let error = File::parse(text).and_then(|file| file.expand());
    let error = error.err().unwrap_or_else(|| panic!("it is wrong:\n{text}")).to_string();
    assert!(error.starts_with("line ") && error.ends_with('^'), "{error}");
    error
}

/// A scenario with everything, small enough to be run. A line is a key that can be made wrong.
const EVERYTHING: &str = include_str!("everything.toml");

/// What may stand behind a key when somebody makes a mistake.
const VALUES: [&str; 40] = [
    "0",
    "1",
    "-1",
    "3",
    "300",
    "70000",
    "9223372036854775807",
    "-9223372036854775808",
    "0.5",
    "-1e300",
    "nan",
    "inf",
    "true",
    "\"\"",
    "\"x\"",
    "\"a/#\"",
    "\"#/a\"",
    "\"+\"",
    "\"{id}\"",
    "\"{n}\"",
    "\"{foo}\"",
    "\"}{\"",
    "\"$SYS/a\"",
    "\"\\u0000\"",
    "\"ä\"",
    "\"0s\"",
    "\"1ns\"",
    "\"1500ms\"",
    "\"1h\"",
    "\"3650d\"",
    "\"584942417355y\"",
    "[]",
    "[[]]",
    "[0, 0, 0]",
    "[nan, 0]",
    "[\"2s\", \"1s\"]",
    "{}",
    "{ crash = 1 }",
    "[{}]",
    "1979-05-27",
];

#[test]
fn a_wrong_value_is_shown_with_its_line() {
    let error = complaint("duration = \"24h\"", "duration = \"24\"");
    assert!(error.starts_with("line 12, column 12: \"24\" is no duration; "), "{error}");
    assert!(error.ends_with(" 12 | duration = \"24\"\n    |            ^^^^"), "{error}");
}

#[test]
fn each_mistake_is_told_with_what_would_be_right() {
    for (from, to, says) in [
        ("band =", "bnad =", "unknown `bnad`; did you mean `band`?"),
        ("\"2.4GHz\"", "\"2.4 GHz\"", "unknown `2.4 GHz`; did you mean `2.4GHz`?"),
        ("loss_percent = 1", "loss_percent = 101", "expected a percentage from 0 to 100"),
        ("qos = 1 }", "qos = 3 }", "3 is no QoS; 0, 1 and 2 are"),
        ("count = 200\n", "count = \"many\"\n", "expected a whole number that is not below 0, not the text \"many\""),
        ("name = \"bed\"\n", "", "`name` is missing"),
        ("place = { grid", "# place = { grid", "the group \"bed\" has no `place`"),
        ("{ grid = [[3, 16], [117, 58]] }", "{ list = [[3, 16]] }", "has 1 places for 200 nodes"),
        ("wake_every = \"5min\"", "wake_every = \"25min\"", "`wake_every` has to be above 0 and below `lost_after`"),
        ("to = \"bed\"", "to = \"bad\"", "there is no group of nodes \"bad\"; known: \"bed\""),
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
        ("every = \"10min\"", "every = \"0s\"", "`every` is at least 1 ms"),
    ] {
        let error = complaint(from, to);
        assert!(error.contains(says), "{to}: {error}");
    }
}

#[test]
fn a_fault_that_can_do_nothing_is_an_error() {
    for (from, to, says) in [
        (
            "durable = true",
            "durable = false",
            "gateway 0 has no disk, so nothing would happen; it needs `durable = true`",
        ),
        ("at = \"1min\"", "at = \"10min\"", "it would never happen: faults happen within `duration`, which is 10m"),
        ("every = \"3min\"", "every = \"1h\"", "it would never happen"),
        ("share_percent = 50", "share_percent = 0", "it would befall nobody"),
        ("lasts = \"9s\"", "lasts = \"0s\"", "nothing would happen"),
        ("{ gateway = 0, down", "{ gateway = 1, down", "there is no gateway 1; there is only gateway 0"),
        ("{ nodes = \"node\"", "{ nodes = \"nodes\"", "there is no group of nodes \"nodes\"; known: \"node\""),
        ("{ client = \"client\"", "{ client = \"clint\"", "there is no [[client]] \"clint\"; known: \"client\""),
        ("at = \"1min\"\nevery = \"2min\"\n", "", "a [[fault]] needs `at`, `every` or both"),
        ("every = \"2min\"", "every = \"9ms\"", "`every` is at least 1 s"),
    ] {
        assert!(EVERYTHING.contains(from), "{from}");
        let error = complaint_about(&EVERYTHING.replacen(from, to, 1));
        assert!(error.contains(says), "{to}: {error}");
    }
    let error = complaint_about(&EVERYTHING.replacen("durable = true", "durable = false", 1));
    assert!(
        error.ends_with(
            "| what = { crash = { gateway = 0, down = \"5s\" } }\n    |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
        ),
        "{error}"
    );
}

#[test]
fn topics_places_and_ranges_are_checked_when_the_file_is_read() {
    let long = "x".repeat(300);
    for (from, to, says) in [
        ("\"up/{id}/{n}\"", "\"up/#\"", "must not contain the wildcards"),
        ("\"up/{id}/{n}\"", "\"\"", "needs at least one character"),
        ("\"up/{id}/{n}\"", &format!("{long:?}"), "it has 300 octets; a node has room for 172"),
        (
            "\"up/{id}/{n}\"",
            "\"up/{foo}\"",
            "{n} is the number of a node, {id} its client id, and nothing else has braces",
        ),
        ("\"up/{id}/{n}\"", "\"$SYS/up\"", "topics that begin with $ are the broker's"),
        ("\"lost/{id}\"", "\"lost/+\"", "must not contain the wildcards"),
        ("topic = \"set/{id}\"", "topic = \"far/+/set\"", "must not contain the wildcards"),
        ("filter = \"set/{id}\"", "filter = \"near/{id}/#/set\"", "the wildcard # must be the last level"),
        ("filter = \"#\"", "filter = \"#/a\"", "the wildcard # must be the last level"),
        ("filter = \"#\"", "filter = \"{id}\"", "this is for no single node"),
        ("\"n-{n}\"", "\"n-{id}\"", "{n} is the number of a node, and nothing else has braces"),
        ("\"n-{n}\"", "\"n-{n}-and-a-very-long-name\"", "has not 1 to 23 octets"),
        (
            "[[wall]]",
            "[[gateway]]\n[[client]]\nname = \"far\"\ngateway = 1\ncommand = [{ to = \"node\", topic = \"set\", \
             every = \"1min\", qos = 1 }]\n[[wall]]",
            "no command would come: \"node\" is at gateway 0, and this client at 1",
        ),
        (
            "start_within = \"5s\"",
            "start_within = \"9min\"",
            "it would never be sent: commands begin 10m after the start, when the nodes have subscribed",
        ),
        ("lost_after = \"1min\"", "lost_after = \"60500ms\"", "`lost_after` is in whole seconds"),
        ("[[wall]]", "[[router]]\nplace = [0, 0]\n[[wall]]", "only a radio has routers, so it would do nothing"),
        ("[1, 2.5]", "[0, 0, 0]", "a place is [x, y], in metres; here are 3 numbers"),
        ("[1, 2.5]", "[nan, 0]", "at most 100,000 m"),
        ("[\"1ms\", \"9ms\"]", "[\"20ms\", \"1ms\"]", "the second not below the first"),
        ("[\"1ms\", \"9ms\"]", "[\"1ms\"]", "there are two in such a list, not 1"),
        ("[\"2ms\", \"9ms\"]", "[\"10ms\", \"2ms\"]", "the second not below the first"),
        ("keep_alive = \"1min\"", "keep_alive = \"100ms\"", "in whole seconds"),
        ("count = 2", "count = 0", "a group has 1 to 100,000 nodes"),
        ("gateway = 0\nsubscribe", "gateway = 1\nsubscribe", "there is no gateway 1; there is only gateway 0"),
        ("jitter = \"3s\"", "jitter = \"30s\"", "`jitter` has to be below `every`"),
        ("t_retry = \"5s\"", "t_retry = \"0s\"", "`t_retry` is from 1 s to 1 h"),
        ("duration = \"10min\"", "duration = \"11y\"", "the longest is ten years"),
    ] {
        assert!(EVERYTHING.contains(from), "{from}");
        let error = complaint_about(&EVERYTHING.replacen(from, to, 1));
        assert!(error.contains(says), "{to}: {error}");
    }
}

#[test]
fn what_no_frame_has_room_for_is_refused() {
    let radio = EVERYTHING.replace(LINKS, "[medium.radio]\n");
    let routers = EVERYTHING.replace(LINKS, "[medium.radio]\n[[router]]\nplace = [5, 5]\n");
    let topic = |octets: usize| format!("\"{}\"", "x".repeat(octets));
    for (text, payload, name) in [(radio, 88, 89), (routers, 71, 72)] {
        for (from, longest, too_long) in [
            ("payload_octets = 24", format!("payload_octets = {payload}"), format!("payload_octets = {}", payload + 1)),
            ("\"up/{id}/{n}\"", topic(name), topic(name + 1)),
            ("topic = \"set/{id}\"", format!("topic = {}", topic(name)), format!("topic = {}", topic(name + 1))),
            ("filter = \"set/{id}\"", format!("filter = {}", topic(name + 1)), format!("filter = {}", topic(name + 2))),
            ("\"lost/{id}\"", topic(name + 3), topic(name + 4)),
        ] {
            assert!(text.contains(from), "{from}");
            let fits = File::parse(&text.replacen(from, &longest, 1)).map(drop);
            assert_eq!(fits.map_err(|error| error.to_string()), Ok(()), "{longest}");
            let error = complaint_about(&text.replacen(from, &too_long, 1));
            assert!(error.contains("has room for") && error.contains("nothing is fragmented"), "{error}");
        }
    }
}

#[test]
fn no_error_has_the_parsers_own_words() {
    for (from, to, says) in [
        ("{ crash = { gateway = 0, down = \"5s\" } }", "\"crash\"", "crash has keys: { crash = { down = \"30s\" } }"),
        ("{ crash = { gateway = 0, down = \"5s\" } }", "{ crash = true }", "expected { down = \"30s\" }, not true"),
        ("n_retry = 3", "n_retry = 300", "expected a whole number from 0 to 255"),
        ("tx_power_dbm = 1", "tx_power_dbm = 200", "expected a whole number from -128 to 127"),
        (
            "[[wall]]\nfrom = [0, 0]\nto = [9, 9]",
            "[wall]\nfrom = [0, 0]",
            "write [[wall]] with two brackets on each side",
        ),
        ("{ disk-full = { lasts = \"9s\" } }", "{}", "which one? There has to be one key here"),
        (
            "{ disk-full = { lasts = \"9s\" } }",
            "{ disk-full = { lasts = \"9s\" }, cut = {} }",
            "only one of these can be",
        ),
        ("{ disk-full = { lasts = \"9s\" } }", "1", "expected a table, not 1"),
        ("lasts = \"9s\" } }", "last = \"9s\" } }", "unknown `last`; did you mean `lasts`?"),
        ("{ list = [[0, 0], [1, 1]] }", "[0, 0]", "expected a table, not a list; places are { list = [[x, y], ..] }"),
        ("seed = 1", "seed = 99999999999999999999", "not below 0, not 99999999999999999999\n"),
        ("name = \"everything\"", "name = near", "texts and durations stand in quotes\n"),
        ("duration = \"10min\"", "duration = 10min", "texts and durations stand in quotes\n"),
        ("duration = \"10min\"", "", "`duration` is missing"),
        ("[[gateway]]", "[[getaway]]", "unknown `getaway`; did you mean `gateway`?"),
    ] {
        assert!(EVERYTHING.contains(from), "{from}");
        let error = complaint_about(&EVERYTHING.replacen(from, to, 1));
        assert!(error.contains(says), "{to}: {error}");
    }
}

/// What links can be in that scenario, and what may stand there instead.
const LINKS: &str = "[medium.link]\nloss_percent = 1\nduplicate_percent = 1\ndelay = [\"1ms\", \"9ms\"]\n";
const OTHER_MEDIA: [&str; 2] = [
    "[medium.udp]\nloss_percent = 1\nduplicate_percent = 1\ndelay = [\"1ms\", \"9ms\"]\nnat_idle = \"1min\"\n\
     nat_kept_by_downlink = true\n",
    "[medium.radio]\nband = \"868MHz\"\npath_loss_exponent = 3\nshadowing_db = 4\nloss_percent = 1\n\
     carrier_sense = true\nduty_cycle_percent = 1\nexcess = \"drop\"\nbattery = \"2xAA\"\n[[router]]\n\
     place = [5, 5]\ntx_power_dbm = 3\n",
];

/// A text with another value for each key, one at a time, and each value.
fn mistakes(text: &str) -> impl Iterator<Item = String> {
    let keys = text.lines().enumerate().filter_map(|(at, line)| Some((at, line.split_once(" = ")?.0)));
    keys.flat_map(move |(at, key)| {
        VALUES.into_iter().map(move |value| {
            let line =
                |(number, line): (usize, &str)| if number == at { format!("{key} = {value}") } else { line.to_owned() };
            text.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
        })
    })
}

/// The scenario with any of them, and all that can be wrong about the other media; and for how long to run it if it is right.
fn wrong_scenarios() -> impl Iterator<Item = (String, Instant)> {
    let others = OTHER_MEDIA.into_iter().flat_map(mistakes);
    let others = others.map(|medium| (EVERYTHING.replace(LINKS, &format!("{medium}\n")), Instant::from_secs(20)));
    mistakes(EVERYTHING).map(|text| (text, Instant::from_secs(90))).chain(others)
}

#[test]
fn whatever_a_file_says_it_is_refused_with_a_place_or_runs() {
    let rust = [
        "wanted", "invalid", "element", "field", "variant", "usize", "u64", "u16", "u8", "i8", "f64", "struct", "enum",
        "tuple", "::", "newtype",
    ];
    let (mut refused, mut run) = (0, 0);
    assert!(EVERYTHING.contains(LINKS));
    for (text, until) in wrong_scenarios() {
        match File::parse(&text).and_then(|file| file.expand()) {
            Ok(scene) => {
                let mut world = World::new(&scene.plan);
                world.run_until(until.min(scene.plan.calm_at));
                run += 1;
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.starts_with("line ") && error.ends_with('^'), "{error}");
                let message = error.lines().next().unwrap_or_default();
                assert!(!rust.iter().any(|word| message.contains(word)), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 1_000 && run > 100, "{refused} refused, {run} run");
}
